"""How the live side is: looked at, judged, brought back where it is stuck. For Dagster and the notifier."""

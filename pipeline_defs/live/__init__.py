"""The live side as Dagster sees it: it looks on, and presses the button where something is stuck."""

"""How often a running hour is published anew: a revision costs its whole size."""

EVERY_S = 60.0
BYTES_PER_S = 1_000_000
"""What the running hours of all series together may cost."""

BYTES_EACH = 45
"""A tick in a message, as text, before compression."""


def interval_s(ticks: int, series: int) -> float:
    """Seconds between two revisions of an hour of that many ticks, where that many series have one."""
    return max(EVERY_S, ticks * BYTES_EACH * max(series, 1) / BYTES_PER_S)

"""How tests wait: they look again and again until a deadline, and never just sleep."""

import time
from collections.abc import Callable


def until(
    what: str,
    condition: Callable[[], object],
    seconds: float = 60.0,
    instead: Callable[[], object] | None = None,
) -> float:
    """Waits for a condition; returns the seconds that it took.

    Args:
        instead: what to show of the moment at which there is no more time.

    Raises:
        AssertionError: it has not come true in time; `what` says what was waited for.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            found = f", but {instead()}" if instead else ""
            raise AssertionError(f"{what}: not within {seconds:.0f} s{found}")
        time.sleep(0.05)
    return time.monotonic() - began

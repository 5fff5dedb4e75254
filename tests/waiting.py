"""How tests wait: they look again and again until a deadline, and never just sleep."""

import time
from collections.abc import Callable


def until(what: str, condition: Callable[[], object], seconds: float = 60.0) -> float:
    """Waits for a condition; returns the seconds that it took.

    Raises:
        AssertionError: it has not come true in time; `what` says what was waited for.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - began

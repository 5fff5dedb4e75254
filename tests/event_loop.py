"""Tests that are coroutines: a loop of their own, and how they wait in it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import wraps


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**given: object) -> None:
        asyncio.run(test(**given))

    return run


async def eventually(what: str, condition: Callable[[], object], seconds: float = 10.0) -> None:
    """As `tests.waiting.until`, for what goes on in the same loop."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(0.01)

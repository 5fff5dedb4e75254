"""REST calls to a venue: paced, one at a time, with a time-out; errors without addresses or headers."""

import asyncio
import time
from collections.abc import Mapping

import urllib3

from streaming.live.backoff import Budget
from streaming.live.venue import RestError

TIMEOUT_S = 10.0


class Rest:
    """GET of JSON from one venue. The library is synchronous and small; its calls run in a thread."""

    def __init__(self, base_url: str, *, burst: int, interval_s: float, headers: Mapping[str, str]) -> None:
        """`burst` calls at once, then one each `interval_s`; `headers` may be secret and are never shown."""
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._budget = Budget(burst, interval_s, time.monotonic())
        self._turn = asyncio.Lock()
        self._pool = urllib3.PoolManager(
            maxsize=2,
            retries=False,
            timeout=urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S),
        )

    def close(self) -> None:
        self._pool.clear()

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body.

        Raises:
            RestError: no answer, or one that asks for patience (429, 5xx).
        """
        # One after the other, so that whoever is cancelled while waiting has taken no turn.
        async with self._turn:
            await asyncio.sleep(self._budget.take(time.monotonic()))
        return await asyncio.to_thread(self._get, path, parameters)

    def _get(self, path: str, parameters: Mapping[str, str] | None) -> tuple[int, bytes]:
        # The rest of the path may be secret: an account is part of it.
        what = path.rpartition("/")[2]
        try:
            answer = self._pool.request(
                "GET", self._base_url + path, fields=dict(parameters or {}), headers=self._headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise RestError(f"{what} does not answer: {type(error).__name__}") from None
        if answer.status == 429 or answer.status >= 500:
            raise RestError(
                f"{what} answers {answer.status}", retry_after_s(answer.headers.get("Retry-After"))
            )
        return answer.status, answer.data


def retry_after_s(value: str | None) -> float:
    """A Retry-After header in seconds; 0 where it is absent or no number (dates are left to the backoff)."""
    return float(value) if value and value.isdigit() else 0.0

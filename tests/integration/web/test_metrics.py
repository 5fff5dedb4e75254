"""`/metrics` as Prometheus asks for it."""

import httpx

from candlewick import health
from candlewick.health import Condition, Health
from candlewick.settings import Settings
from candlewick.times import now_us


def test_every_worker_that_speaks_is_there(web: httpx.Client, settings: Settings) -> None:
    health.write(settings.home, Health("a-test", now_us(), Condition.OK, "well", {"hours": "3"}))
    try:
        answer = web.get("/metrics")
    finally:
        (health.folder(settings.home) / "a-test.json").unlink()
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'candlewick_worker_well{worker="a-test"} 1.0' in answer.text.splitlines()
    assert 'candlewick_worker_fact{fact="hours",of="",worker="a-test"} 3.0' in answer.text.splitlines()

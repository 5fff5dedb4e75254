"""What every worker says of itself, as Prometheus reads it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from candlewick import health
from candlewick.health import Condition, Health
from candlewick.times import SECOND_US, now_us

_WORDS = {"true": 1.0, "false": 0.0}


def render(home: Path) -> bytes:
    """The text format of Prometheus, of the newest health record of each worker of a home."""
    registry = CollectorRegistry()
    registry.register(_Workers(health.read_all(home), now_us()))
    return generate_latest(registry)


class _Workers(Collector):
    def __init__(self, records: Iterable[Health], at_us: int) -> None:
        self._records = list(records)
        self._at_us = at_us

    def collect(self) -> Iterator[GaugeMetricFamily]:
        well = GaugeMetricFamily(
            "candlewick_worker_well", "1 while it says that it is, within the last 30 s", labels=["worker"]
        )
        silent = GaugeMetricFamily(
            "candlewick_worker_silent_seconds", "Since its last health record", labels=["worker"]
        )
        facts = GaugeMetricFamily(
            "candlewick_worker_fact",
            "The figures of its health record; `of` is a series or a topic, or empty",
            labels=["worker", "of", "fact"],
        )
        for record in self._records:
            age_us = self._at_us - record.at_us
            is_well = record.condition is Condition.OK and age_us < health.STALE_US
            well.add_metric([record.worker], float(is_well))
            silent.add_metric([record.worker], max(0, age_us) / SECOND_US)
            for name, text in record.facts.items():
                value = _number(text)
                if value is not None:
                    of, _, fact = name.rpartition(".")
                    facts.add_metric([record.worker, of, fact], value)
        yield from (well, silent, facts)


def _number(text: str) -> float | None:
    try:
        return _WORDS[text] if text in _WORDS else float(text)
    except ValueError:
        return None

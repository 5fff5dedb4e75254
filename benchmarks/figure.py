"""What a benchmark prints, and how it times."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside its limit.

    Attributes:
        figure, limit: in `unit`; the limit was measured in the same run.
        better: whether a higher or a lower figure is better; the ratio is above 1 when the limit is beaten.
        detail: further numbers that say where the time goes.
    """

    name: str
    figure: float
    unit: str
    limit: float
    better: str = "higher"
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.figure / self.limit if self.better == "higher" else self.limit / self.figure

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"ratio": round(self.ratio, 3)}, default=str)

    def as_text(self) -> str:
        detail = "  ".join(f"{key}={value}" for key, value in self.detail.items())
        return (
            f"{self.name:24} {self.figure:12,.3f} {self.unit:10} limit {self.limit:12,.3f}"
            f"  ratio {self.ratio:.2f}  {detail}"
        )


def best_pair(
    work: Callable[[], object], limit: Callable[[], object], *, repeat: int = 5
) -> tuple[float, float]:
    """The least seconds of both, run alternately so that a busy moment hits both alike."""
    pairs = [(_seconds(work), _seconds(limit)) for _ in range(repeat)]
    return min(first for first, _ in pairs), min(second for _, second in pairs)


def percentile(seconds: list[float], share: float) -> float:
    """The smallest observed value that `share` of the observations do not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

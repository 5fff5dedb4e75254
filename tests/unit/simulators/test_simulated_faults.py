"""Which requests a rule befalls, and how rules are written."""

import pytest

from candlewick.errors import CandlewickError
from simulators.dukascopy.faults import FaultName, Faults, Request, Rule
from simulators.dukascopy.paths import Family


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def faults(*rules: str, watch: Watch | None = None) -> Faults:
    return Faults([Rule.parse(rule) for rule in rules], monotonic=watch or Watch(), now_us=lambda: 42)


def request(
    path: str = "EURUSD/2019/01/04/10h_ticks.bi5",
    family: Family | None = Family.HOUR,
    *,
    from_browser: bool = False,
    has_content: bool = True,
) -> Request:
    return Request(path, family, from_browser, has_content)


def befalls(made: Faults, asked: Request | None = None) -> bool:
    return made.pick(asked or request()) is not None


def test_without_rules_all_is_sound() -> None:
    assert not befalls(faults())


def test_a_rule_looks_at_path_and_family() -> None:
    made = faults("unavailable:path=EURUSD/2019/*,family=day+json")
    assert not befalls(made)
    assert befalls(made, request("EURUSD/2019/01/04_ticks.bi5", Family.DAY))
    assert not befalls(made, request("GBPUSD/2019/01/04_ticks.bi5", Family.DAY))
    assert befalls(made, request("EURUSD/2019/x", Family.JSON_TICKS))
    assert not befalls(made, request("EURUSD/2019/x", None))


def test_after_and_count_make_a_burst() -> None:
    made = faults("unavailable:after=2,count=3")
    assert [befalls(made) for _ in range(8)] == [False, False, True, True, True, False, False, False]
    assert made.report() == [{"fault": "unavailable", "after": 2, "count": 3, "matched": 8, "befallen": 3}]


def test_a_count_may_be_kept_for_each_path() -> None:
    made = faults("empty:count-per-path=1")
    answers = [befalls(made, request(path)) for path in ("a", "b", "a", "b", "c")]
    assert answers == [True, True, False, False, True]


def test_chance_depends_on_the_seed_and_the_path_and_not_on_the_order() -> None:
    paths = [f"p{number}" for number in range(400)]
    first, second = faults("empty:p=0.3,seed=7"), faults("empty:p=0.3,seed=7")
    hit = {path for path in paths if befalls(first, request(path))}
    assert hit == {path for path in reversed(paths) if befalls(second, request(path))}
    assert 80 < len(hit) < 160
    other = faults("empty:p=0.3,seed=8")
    assert hit != {path for path in paths if befalls(other, request(path))}
    again = {path for path in paths if befalls(first, request(path))}
    assert again != hit


def test_a_rate_spares_what_stays_below_it() -> None:
    watch = Watch()
    made = faults("throttle:over=2", watch=watch)
    assert [befalls(made) for _ in range(4)] == [False, False, True, True]
    watch.now += 0.5
    assert [befalls(made) for _ in range(2)] == [False, True]
    watch.now += 100
    assert [befalls(made) for _ in range(3)] == [False, False, True]


def test_faults_of_a_body_need_one() -> None:
    made = faults("truncate:count=1")
    assert not befalls(made, request(has_content=False))
    assert befalls(made)


def test_a_browser_may_be_let_through() -> None:
    made = faults("accepted:unless-browser=true")
    assert not befalls(made, request(from_browser=True))
    assert befalls(made)


def test_the_first_rule_that_befalls_decides() -> None:
    made = faults("throttle:count=1,retry-after=5", "unavailable")
    first, second = made.pick(request()), made.pick(request())
    assert first is not None
    assert (first.fault, first.retry_after) == (FaultName.THROTTLE, 5)
    assert second is not None
    assert second.fault is FaultName.UNAVAILABLE


def test_corrections_befall_hours_and_no_requests() -> None:
    made = faults("correct:path=EURUSD/2019/01/04/10h*", "correct:path=EURUSD/*,revision=2")
    assert not befalls(made)
    assert made.revision("EURUSD/2019/01/04/10h_ticks.bi5") == 3
    assert made.revision("EURUSD/2019/01/04/11h_ticks.bi5") == 2
    assert made.revision("GBPUSD/2019/01/04/11h_ticks.bi5") == 0
    assert made.corrected_at_us("EURUSD/2019/01/04/11h_ticks.bi5") == 42
    made.replace([])
    assert made.revision("EURUSD/2019/01/04/10h_ticks.bi5") == 0


def test_text_and_json_mean_the_same() -> None:
    written = {"fault": "throttle", "retry-after": 5, "count": 3, "family": "json-ticks"}
    assert Rule.parse(written) == Rule.parse("throttle:retry-after=5,count=3,family=json-ticks")


@pytest.mark.parametrize(
    "written",
    [
        "explode",
        "",
        "throttle:retry_afterwards=5",
        "throttle:p=2",
        "throttle:count=-1",
        "throttle:family=smoke-signals",
        "throttle:count",
        "correct:count=3",
        {"fault": "throttle", "nonsense": 1},
        ["throttle"],
        7,
    ],
)
def test_a_rule_that_means_nothing_is_refused(written: object) -> None:
    with pytest.raises(CandlewickError, match="fault") as refusal:
        Rule.parse(written)
    assert "not-found" in refusal.value.remedy

"""Each trouble once to each address, and once of its end."""

from dataclasses import dataclass, field
from pathlib import Path

from candlewick.times import DAY_US, HOUR_US, MINUTE_US
from candlewick.watch import told
from candlewick.watch.judge import judge
from candlewick.watch.look import Hole
from candlewick.watch.memory import Memory
from candlewick.watch.told import Message, Told

from .looks import NOW_US, QUOTES, TRADES, Scene, sink, worker

LOST = worker(connected="no", trouble="dropped")
GAP = Hole(TRADES, NOW_US - HOUR_US, NOW_US - MINUTE_US, "gap")


@dataclass
class Listener:
    """One address, that always hears."""

    memory: Memory = field(default_factory=Memory)
    known: dict[str, Told] = field(default_factory=dict)

    def hears(self, scene: Scene) -> Message:
        look = scene.look()
        message = told.compare(told.troubles(look, judge(look, self.memory)), self.known)
        told.note(message, self.known, look.at_us)
        return message


def test_a_failed_check_is_told_once_and_so_is_its_end() -> None:
    listener = Listener()
    lost = Scene(kraken=LOST)
    assert listener.hears(lost).is_empty
    assert [*listener.hears(lost.later(60)).new] == ["check kraken.connected"]
    assert listener.hears(lost.later(90)).is_empty

    # What comes back for a moment is not over.
    assert listener.hears(Scene().later(120)).is_empty
    assert listener.hears(lost.later(150)).is_empty
    assert listener.hears(lost.later(210)).is_empty
    assert listener.hears(Scene().later(240)).is_empty
    message = listener.hears(Scene().later(301))

    assert [*message.over] == ["check kraken.connected"]
    assert told.write(message, NOW_US + 301_000_000)[0] == "1 over"
    assert listener.hears(Scene().later(400)).is_empty


def test_a_hole_is_told_with_its_bounds_and_when_it_is_filled() -> None:
    listener = Listener()
    scene = Scene(holes=[GAP])
    listener.hears(scene)
    message = listener.hears(scene.later(200))
    assert len(message.new) == 1
    title, text = told.write(message, NOW_US)
    assert title == "1 new"
    assert text.startswith(f"{TRADES}: gap from ")
    assert listener.hears(scene.later(230)).is_empty

    listener.hears(Scene().later(300))

    assert len(listener.hears(Scene().later(361)).over) == 1


def test_a_hole_that_nobody_looks_for_any_more_is_not_over() -> None:
    listener = Listener()
    old = Hole(QUOTES, NOW_US - DAY_US + MINUTE_US, NOW_US - DAY_US + 2 * MINUTE_US, "gap")
    scene = Scene(holes=[old])
    listener.hears(scene)
    assert len(listener.hears(scene.later(200)).new) == 1

    for seconds in (230, 300, 400):
        assert listener.hears(Scene().later(seconds)).is_empty
    assert listener.known == {}


def test_each_stuck_stream_is_told_and_not_the_check_that_counts_them() -> None:
    message = Listener().hears(Scene(kraken=worker(still="yes")))

    assert sorted(message.new) == [f"stream {QUOTES}", f"stream {TRADES}"]


def test_what_cannot_be_seen_is_neither_new_nor_over() -> None:
    listener = Listener()
    scene = Scene(holes=[GAP], sinks=[sink(poison=1)])
    listener.hears(scene)
    listener.hears(scene.later(200))
    assert len(listener.known) == 2

    blind = Scene(holes=None, sinks=None, series=(), database_problem="it is away")
    for seconds in (300, 400, 500):
        assert listener.hears(blind.later(seconds)).is_empty
    assert len(listener.known) == 2


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "notifier" / "told.json"
    before = Listener()
    lost = Scene(kraken=LOST)
    before.hears(lost)
    assert not before.hears(lost.later(60)).is_empty
    told.keep(file, told.Book({"address": before.known}, before.memory))

    book = told.read(file)

    assert Listener(book.memory, book.told["address"]).hears(lost.later(90)).is_empty
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_that_is_not_readable_is_as_none(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    assert told.read(file) == told.Book()
    file.write_text("{")
    assert told.read(file) == told.Book()


def test_a_long_list_is_cut() -> None:
    message = Message({f"hole {n}": told.Trouble(f"hole {n}") for n in range(100)}, {})

    title, text = told.write(message, NOW_US)

    assert title == "100 new"
    assert len(text.splitlines()) == 21

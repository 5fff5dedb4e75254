"""Live workers on the shared broker: processes, fed by a simulated venue, read back from Pulsar."""

import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pulsar
from pydantic import SecretStr

from candlewick import access, topics
from candlewick.broker import Sender, json_schema
from candlewick.bus_admin import BusAdmin
from candlewick.instruments import Series
from candlewick.live import continuity, wanted
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Quote, Ticker, Trade, decode
from candlewick.local import programs
from candlewick.local.ports import free_base
from candlewick.settings import Ports, Settings
from candlewick.times import now_us
from tests.waiting import until


def open_gaps(records: Iterable[Continuity]) -> list[Continuity]:
    """Gaps that are not filled after all that was said."""
    gaps: dict[object, Continuity] = {}
    for record in records:
        if record.kind == Saying.GAP:
            gaps[record.bounds] = record
        elif record.kind == Saying.FILLED:
            gaps.pop(record.bounds, None)
    return list(gaps.values())


class Worker:
    """A live worker's process."""

    def __init__(self, venue: str, settings: Settings, log: Path) -> None:
        self.log = log
        self._venue = venue
        self._settings = settings
        self._port = getattr(settings.ports, venue)
        self.start()

    def start(self) -> None:
        """Starts it, again if it has ended."""
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streaming.live", self._venue],
                env={**os.environ, **programs.environment(self._settings)},
                cwd=Path(__file__).parents[1],
                stdout=file,
                stderr=file,
            )

    def health(self) -> dict[str, Any]:
        """What `/health` says; empty before it listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health", timeout=2) as answer:
                return dict(orjson.loads(answer.read()))
        except urllib.error.HTTPError as error:
            return dict(orjson.loads(error.read()))
        except OSError:
            return {}

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            if not line.startswith((f"{name}{{", f"{name} ")):
                continue
            if all(f'{label}="{value}"' in line for label, value in labels.items()):
                total += float(line.rpartition(" ")[2])
        return total

    def await_health(self, text: str, seconds: float = 30.0) -> None:
        until(
            f"health {text!r}, but it is {self.health().get('summary')!r}; see {self.log}",
            lambda: text in self.health().get("summary", ""),
            seconds,
        )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        return self.process.wait(timeout=30)


@dataclass
class Bench:
    """Series of a test's own on the shared broker, and the workers that stream them."""

    settings: Settings
    folder: Path
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = access.pulsar_token(self.settings, access.PULSAR_ADMIN)
        self._url = access.pulsar_url(self.settings)
        self._sender = Sender(self._url, token, log=os.devnull)
        self._client = pulsar.Client(
            self._url,
            authentication=pulsar.AuthenticationToken(token),
            logger=pulsar.FileLogger(pulsar.LoggerLevel.Warn, os.devnull),
        )
        self._admin = BusAdmin(access.pulsar_admin_url(self.settings), token)
        self._admin.ensure_namespaces()
        self._wanted: dict[str, Series] = {}
        self._made: dict[str, Series] = {}
        self._readers: dict[str, tuple[pulsar.Reader, list[Any]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.stop(signal.SIGKILL)
        self._wanted.clear()
        self._say_wanted()
        self._sender.close()
        self._client.close()
        # Another test of the same symbols begins with empty topics.
        for series in self._made.values():
            self._admin.delete_series(series)
        self._admin.close()

    def want(self, *series: Series) -> None:
        """Makes the topics of series, and has workers stream them."""
        for one in series:
            self._admin.ensure_live(one)
            self._wanted[one.name] = self._made[one.name] = one
        self._say_wanted()

    def drop(self, *series: Series) -> None:
        for one in series:
            self._wanted.pop(one.name, None)
        self._say_wanted()

    def _say_wanted(self) -> None:
        message = wanted.Wanted(
            now_us(),
            tuple(
                wanted.WantedSeries(
                    one.venue,
                    one.symbol,
                    one.kind.value,
                    one.asset_class.value,
                    one.price_scale,
                    one.volume_scale,
                    one.calendar,
                )
                for one in self._wanted.values()
            ),
        )
        self._sender.send(topics.WANTED_TOPIC, json_schema(wanted.DEFINITION), wanted.encode(message), "all")

    def start(self, venue: str, **values: object) -> Worker:
        """Starts a venue's worker with settings of its own."""
        given = {**self.settings.model_dump(), **values}
        settings = Settings(_env_file=None, **given)  # type: ignore[call-arg, arg-type]
        worker = Worker(venue, settings, self.folder / f"{venue}-{secrets.token_hex(3)}.log")
        self.workers.append(worker)
        return worker

    def elsewhere(self) -> dict[str, object]:
        """Settings of a worker that has ports of its own, as on another machine, and the same broker."""
        token = access.pulsar_token(self.settings, access.PULSAR_STREAMER)
        return {
            "port_base": free_base(len(fields(Ports))),
            "pulsar_url": self._url,
            "pulsar_admin_url": access.pulsar_admin_url(self.settings),
            "pulsar_token": SecretStr(token or ""),
        }

    def trades(self, series: Series) -> list[Trade]:
        """Everything in the live topic of a trade series, in order."""
        return self._read(topics.live_topic(series, Channel.TRADES), partial(decode, Channel.TRADES))

    def quotes(self, series: Series) -> list[Quote]:
        """Everything in the live topic of a series of quotes, in order."""
        return self._read(topics.live_topic(series, Channel.QUOTES), partial(decode, Channel.QUOTES))

    def tickers(self, series: Series) -> list[Ticker]:
        return self._read(topics.live_topic(series, Channel.TICKER), partial(decode, Channel.TICKER))

    def records(self, series: Series) -> list[Continuity]:
        """Everything that was said of the completeness of a series."""
        topic = topics.continuity_topic(topics.live_topic(series, Channel(series.kind.value)))
        return self._read(topic, continuity.decode)

    def _read(self, topic: str, decoder: Callable[[bytes], Any]) -> list[Any]:
        """All messages of a topic; each is read once."""
        if topic not in self._readers:
            self._readers[topic] = (self._client.create_reader(topic, pulsar.MessageId.earliest), [])
        reader, found = self._readers[topic]
        while reader.has_message_available():
            found.append(decoder(reader.read_next(10_000).data()))
        return list(found)


@contextmanager
def bench(settings: Settings, folder: Path) -> Iterator[Bench]:
    with Bench(settings, folder) as made:
        yield made

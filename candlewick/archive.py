"""The archive: validated vendor bytes of each (series, day), and a manifest of what they are.

Layout below a folder or an `s3://` address:
`{venue}/{symbol}/{kind}/{YYYY}/{MM}/{DD}/manifest.json` (months from one) and beside it the objects
`{first 16 digits of their SHA-256}-{label}`. Objects are never overwritten; the manifest is replaced as
a whole, after the objects that it names. So a kill at any moment leaves the old day or the new one, and
publishing again needs no network and gives the same revisions.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import obstore
import orjson
from obstore.store import LocalStore, from_url

from candlewick.errors import CandlewickError
from candlewick.hours import HourState
from candlewick.instruments import Series

FORMAT = 1
MANIFEST = "manifest.json"
STAMP = "stamp.json"

ArchiveKind = Literal["real", "demo"]


class ArchiveDamagedError(CandlewickError):
    """Archived bytes are missing or are not those that were written.

    Attributes:
        path: the object's path in the archive.
    """

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"archive object {path} {detail}", "it is fetched again by the next backfill of its day"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """Bytes as the venue sent them.

    Attributes:
        name: file name in the day's folder.
        transport: how they came.
        received_us: when, microseconds since 1970, UTC.
        hours: starts of the hours that they answer for.
    """

    name: str
    transport: str
    received_us: int
    sha256: str
    size: int
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArchivedHour:
    """What is known of an hour and from which bytes.

    Attributes:
        reason: why it is in that state, in a word; empty for plain `data`.
        transport: which transport answered; re-checks use the same one.
        objects: names of the objects that hold its quotes, or the evidence that there are none.
        content_hash: hexadecimal; of the columns that the bytes decode to.
    """

    hour_us: int
    state: HourState
    reason: str
    revision: int
    transport: str
    objects: tuple[str, ...]
    content_hash: str
    ticks: int


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """The manifest of a (series, day)."""

    series: str
    day: date
    price_scale: int
    volume_scale: int
    hours: Mapping[int, ArchivedHour] = field(default_factory=dict)
    objects: Mapping[str, ArchivedObject] = field(default_factory=dict)


class Archive:
    """Days in a folder or an S3 bucket; credentials for S3 come from the environment.

    Not a lock: whoever changes a day holds `candlewick.dukascopy.limiter.day_lock`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._store = from_url(url) if "://" in url else LocalStore(prefix=url, mkdir=True)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise CandlewickError(
                f"archive {url} cannot be opened: {_first_line(error)}", "set CANDLEWICK_ARCHIVE"
            ) from None

    def read_day(self, series: Series, day: date) -> ArchivedDay | None:
        """The manifest of a day, or None when nothing of it is archived.

        Raises:
            ArchiveDamagedError: the manifest cannot be read.
        """
        path = f"{_folder(series, day)}/{MANIFEST}"
        body = self._get(path)
        if body is None:
            return None
        try:
            archived = _day_of(orjson.loads(body))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveDamagedError(path, f"is no manifest ({error})") from None
        if (archived.series, archived.day) != (series.name, day):
            raise ArchiveDamagedError(path, f"is about {archived.series} {archived.day}")
        return archived

    def write_day(self, series: Series, archived: ArchivedDay) -> None:
        """Replace a day's manifest; its objects are there already."""
        self._put(
            f"{_folder(series, archived.day)}/{MANIFEST}", orjson.dumps(_plain(archived), option=_PRETTY)
        )

    def read_object(self, series: Series, day: date, archived: ArchivedObject) -> bytes:
        """Bytes of an object, proven to be those that were written.

        Raises:
            ArchiveDamagedError: they are missing or differ.
        """
        path = f"{_folder(series, day)}/{archived.name}"
        body = self._get(path)
        if body is None:
            raise ArchiveDamagedError(path, "is missing")
        if hashlib.sha256(body).hexdigest() != archived.sha256:
            raise ArchiveDamagedError(path, "is damaged: its SHA-256 is not the recorded one")
        return body

    def write_object(
        self,
        series: Series,
        day: date,
        label: str,
        body: bytes,
        *,
        transport: str,
        received_us: int,
        hours: Iterable[int],
    ) -> ArchivedObject:
        """Keep bytes under a name that says what they are; the same bytes twice are one object."""
        sha256 = hashlib.sha256(body).hexdigest()
        name = f"{sha256[:16]}-{label}"
        self._put(f"{_folder(series, day)}/{name}", body)
        return ArchivedObject(name, transport, received_us, sha256, len(body), tuple(hours))

    def days(self, series: Series) -> Iterator[date]:
        """The days of a series that have a manifest, in order."""
        found = []
        for batch in obstore.list(self._store, _series_folder(series)):
            for entry in batch:
                parts = entry["path"].split("/")
                if parts[-1] == MANIFEST:
                    year, month, day = (int(part) for part in parts[-4:-1])
                    found.append(date(year, month, day))
        yield from sorted(found)

    def stamp(self, kind: ArchiveKind) -> None:
        """Mark the archive as holding real or demo data; refuse if it holds the other kind."""
        body = self._get(STAMP)
        if body is None:
            self._put(STAMP, orjson.dumps({"kind": kind}))
            return
        held = orjson.loads(body)["kind"]
        if held != kind:
            raise CandlewickError(
                f"archive {self.url} holds {held} data, not {kind}", "set CANDLEWICK_ARCHIVE to another place"
            )

    def _get(self, path: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError:
            return None
        except (obstore.exceptions.BaseError, OSError) as error:
            raise CandlewickError(
                f"archive {self.url} cannot be read: {_first_line(error)}", "check the folder or the bucket"
            ) from None

    def _put(self, path: str, body: bytes) -> None:
        # One put is atomic: the local store renames a finished file, S3 shows an object whole.
        try:
            obstore.put(self._store, path, body)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise CandlewickError(
                f"archive {self.url} cannot be written: {_first_line(error)}",
                "free some disk space or check the folder or the bucket",
            ) from None


_PRETTY = orjson.OPT_INDENT_2


def _series_folder(series: Series) -> str:
    return f"{series.venue}/{series.symbol}/{series.kind}"


def _folder(series: Series, day: date) -> str:
    return f"{_series_folder(series)}/{day:%Y/%m/%d}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _plain(archived: ArchivedDay) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "series": archived.series,
        "day": archived.day.isoformat(),
        "price_scale": archived.price_scale,
        "volume_scale": archived.volume_scale,
        "hours": [archived.hours[hour_us] for hour_us in sorted(archived.hours)],
        "objects": [archived.objects[name] for name in sorted(archived.objects)],
    }


def _day_of(plain: dict[str, Any]) -> ArchivedDay:
    if plain["format"] != FORMAT:
        raise ValueError(f"format {plain['format']}, this program reads {FORMAT}")
    hours = [
        ArchivedHour(**{**hour, "state": HourState(hour["state"]), "objects": tuple(hour["objects"])})
        for hour in plain["hours"]
    ]
    objects = [ArchivedObject(**{**entry, "hours": tuple(entry["hours"])}) for entry in plain["objects"]]
    return ArchivedDay(
        plain["series"],
        date.fromisoformat(plain["day"]),
        plain["price_scale"],
        plain["volume_scale"],
        {hour.hour_us: hour for hour in hours},
        {entry.name: entry for entry in objects},
    )

"""Archived days, decoded again without the network.

A day's manifest keeps the hash of each hour's content. Where an archived body decodes to another one, the
codec was mended since, and the hour gets a new revision: `renew_day`.
"""

from dataclasses import dataclass, replace
from datetime import date

from candlewick.archive import Archive, ArchiveDamagedError, ArchivedDay, ArchivedHour, ArchivedObject
from candlewick.dukascopy.faults import InvalidAnswerError
from candlewick.dukascopy.transports import ALL_TRANSPORTS, Request
from candlewick.errors import CandlewickError
from candlewick.hours import Hour, Quotes
from candlewick.instruments import Series

MINUTE_CANDLES = "minute-candles"
VENUE_HISTORY = "venue-history"
EVIDENCE = frozenset({MINUTE_CANDLES, VENUE_HISTORY})
"""What archived objects came by that prove an hour empty: they hold no quotes."""

# Whatever may be asked now: an archive is read with all that it may have been made with.
_DECODERS = {transport.name: transport for transport in ALL_TRANSPORTS}


@dataclass(frozen=True, slots=True)
class LoadedDay:
    """An archived day, decoded again.

    Attributes:
        hours: with their archived revisions, in order.
        outdated: hours that decode to other content than when they were archived (the codec changed).
        damaged: one line for each object whose hours are therefore absent.
    """

    manifest: ArchivedDay
    hours: dict[int, Hour]
    outdated: set[int]
    damaged: list[str]


def load_day(series: Series, day: date, archive: Archive) -> LoadedDay | None:
    """Decode an archived day without the network; None when nothing of it is archived.

    Raises:
        ArchiveDamagedError: its manifest cannot be read.
        CandlewickError: it was archived in other scales than the series has now.
    """
    manifest = archive.read_day(series, day)
    if manifest is None:
        return None
    if (manifest.price_scale, manifest.volume_scale) != (series.price_scale, series.volume_scale):
        raise CandlewickError(
            f"{series.name} {day} is archived with {manifest.price_scale} price decimals,"
            f" the series has {series.price_scale}",
            "remove that archive folder once you know which is right, and backfill the day",
        )
    content: dict[str, dict[int, Quotes]] = {}
    damaged = []
    for name, entry in manifest.objects.items():
        try:
            content[name] = _decoded(series, name, entry, archive.read_object(series, day, entry))
        except ArchiveDamagedError as error:
            damaged.append(str(error))
        except InvalidAnswerError as error:
            damaged.append(f"archive object {name} of {series.name} {day} is refused now ({error.problem})")
        except _UnknownTransportError:
            damaged.append(
                f"archive object {name} of {series.name} {day} came by {entry.transport!r}, "
                "which this Candlewick cannot read"
            )
    loaded = LoadedDay(manifest, {}, set(), damaged)
    for hour_us, archived in sorted(manifest.hours.items()):
        if not all(name in content for name in archived.objects):
            continue
        quotes = next((content[n][hour_us] for n in archived.objects if hour_us in content[n]), Quotes())
        loaded.hours[hour_us] = hour_of(series, archived, quotes)
        if loaded.hours[hour_us].hash.hex() != archived.content_hash:
            loaded.outdated.add(hour_us)
    return loaded


class _UnknownTransportError(Exception):
    pass


def _decoded(series: Series, name: str, entry: ArchivedObject, body: bytes) -> dict[int, Quotes]:
    if entry.transport in EVIDENCE:
        return {}
    if entry.transport not in _DECODERS:
        raise _UnknownTransportError
    request = Request(entry.transport, "", name, entry.hours)
    return _DECODERS[entry.transport].decode(request, body, series)


def renew_day(series: Series, day: date, archive: Archive, *, now_us: int) -> LoadedDay | None:
    """Decode an archived day and give new revisions to the hours that decode to other content than before.

    For when a codec was mended. The caller holds `day_lock(series, day)`.

    Returns:
        The day as it is archived now; `outdated` are the hours whose revision is new.
    """
    loaded = load_day(series, day, archive)
    if loaded is None or not loaded.outdated:
        return loaded
    renewed = {
        hour_us: renewed_hour(loaded.manifest.hours[hour_us], loaded.hours[hour_us], now_us)
        for hour_us in loaded.outdated
    }
    manifest = replace(loaded.manifest, hours={**loaded.manifest.hours, **renewed})
    archive.write_day(series, manifest)
    hours = {
        hour_us: replace(hour, revision=manifest.hours[hour_us].revision)
        for hour_us, hour in loaded.hours.items()
    }
    return replace(loaded, manifest=manifest, hours=hours)


def hour_of(series: Series, archived: ArchivedHour, quotes: Quotes) -> Hour:
    """The hour of an archived entry, with its quotes."""
    return Hour(
        series.name,
        archived.hour_us,
        archived.revision,
        archived.state,
        archived.transport,
        series.price_scale,
        series.volume_scale,
        quotes,
    )


def renewed_hour(archived: ArchivedHour, hour: Hour, now_us: int) -> ArchivedHour:
    """The entry with a new revision, for an hour that decodes to other content than its entry tells of.

    Args:
        now_us: microseconds since 1970, UTC; the revision, unless the last one is later.
    """
    return replace(
        archived,
        revision=max(now_us, archived.revision + 1),
        content_hash=hour.hash.hex(),
        ticks=len(hour.ticks),
    )

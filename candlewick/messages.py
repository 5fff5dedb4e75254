"""The hour message: Avro, one field per column of the hour tables, so that the message is the row.

The JDBC sink binds text and numbers only. Arrays, bytes and times therefore travel as PostgreSQL's
text literals (`{1,2,3}`, `\\x5f..`, ISO 8601), which the database casts to the column's type.
"""

import io
from typing import Any

import fastavro
import numpy as np
import orjson

from candlewick.hours import Column, Gap, Hour, HourState, Quotes, Trades
from candlewick.instruments import Kind
from candlewick.times import iso, parse_time

Definition = dict[str, Any]

KEY_FIELDS = ("series", "hour")
"""What names a row; the sink writes by UPSERT on these."""


_TICKS: dict[Kind, type[Quotes] | type[Trades]] = {Kind.QUOTES: Quotes, Kind.TRADES: Trades}

_LEADING: tuple[tuple[str, str, str], ...] = (
    ("series", "string", "name of the series, venue:symbol:kind"),
    ("hour", "string", "start of the hour, ISO 8601, UTC"),
    ("revision", "long", "microseconds since 1970 when the content left the venue"),
    ("state", "string", "data, closed or pending"),
    ("source", "string", "where the content came from"),
    ("ticks", "int", "number of ticks"),
    ("content_hash", "string", "SHA-256 over scales and columns, \\x and hexadecimal digits"),
    ("price_scale", "int", "decimal digits of prices: 5 means that 108412 is 1.08412"),
    ("volume_scale", "int", "decimal digits of volumes"),
    ("gap_from", "string", "array literal: starts of known holes, microseconds since the hour began"),
    ("gap_to", "string", "array literal: ends of known holes, exclusive"),
)


def _definition(kind: Kind, name: str) -> Definition:
    columns = [(column, "string", "array literal of integers") for column in _TICKS[kind].names]
    return {
        "type": "record",
        "name": name,
        "namespace": "candlewick",
        "doc": "One hour of one series. Array literals are PostgreSQL's: {1,2,3}.",
        "fields": [{"name": field, "type": of, "doc": doc} for field, of, doc in [*_LEADING, *columns]],
    }


DEFINITIONS: dict[Kind, Definition] = {
    Kind.QUOTES: _definition(Kind.QUOTES, "QuoteHour"),
    Kind.TRADES: _definition(Kind.TRADES, "TradeHour"),
}
"""The Avro schema of each kind's messages, as registered with the broker."""

_PARSED = {kind: fastavro.parse_schema(definition) for kind, definition in DEFINITIONS.items()}
_SERIES_ONLY = fastavro.parse_schema(
    {"type": "record", "name": "SeriesOnly", "fields": [{"name": "series", "type": "string"}]}
)


def fields(kind: Kind) -> tuple[str, ...]:
    """The message's fields, which are the columns of its hour table, in order."""
    return tuple(field["name"] for field in DEFINITIONS[kind]["fields"])


def row(hour: Hour) -> dict[str, str | int]:
    """An hour as the values of its row, arrays and bytes as PostgreSQL's text literals.

    Raises:
        ValueError: the hour is `failed` (such an hour is never published), or a gap leaves it.
    """
    if hour.state is HourState.FAILED:
        raise ValueError(f"{hour.series} {iso(hour.hour_us)}: a failed hour has no content to publish")
    gaps = np.array([(gap.from_us, gap.to_us) for gap in hour.gaps], dtype=np.int64).reshape(-1, 2)
    values: dict[str, str | int] = {
        "series": hour.series,
        "hour": iso(hour.hour_us),
        "revision": hour.revision,
        "state": hour.state.value,
        "source": hour.source,
        "ticks": len(hour.ticks),
        "content_hash": f"\\x{hour.hash.hex()}",
        "price_scale": hour.price_scale,
        "volume_scale": hour.volume_scale,
        "gap_from": _literal(gaps[:, 0] - hour.hour_us),
        "gap_to": _literal(gaps[:, 1] - hour.hour_us),
    }
    for name, column in zip(hour.ticks.names, hour.ticks.columns(), strict=True):
        values[name] = _literal(column)
    return values


def encode(hour: Hour) -> bytes:
    """An hour as its message: Avro without a header, by the definition of its kind.

    Raises:
        ValueError: the hour is `failed`.
    """
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, _PARSED[hour.ticks.kind], row(hour))
    return buffer.getvalue()


def read_row(kind: Kind, data: bytes) -> dict[str, str | int]:
    """The row that a message holds, arrays still as literals.

    Raises:
        ValueError: the bytes are no message of this kind.
    """
    buffer = io.BytesIO(data)
    try:
        values = fastavro.schemaless_reader(buffer, _PARSED[kind], None)
    except (EOFError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"no hour message of kind {kind}: {error!r}") from error
    if not isinstance(values, dict) or buffer.read(1):
        raise ValueError(f"no hour message of kind {kind}: bytes left over")
    return values


def decode(data: bytes) -> Hour:
    """The hour that a message holds.

    Raises:
        ValueError: the bytes are no hour message, or contradict themselves.
    """
    kind = _kind_of(data)
    values = read_row(kind, data)
    ticks = _TICKS[kind](*(_column(str(values[name])) for name in _TICKS[kind].names))
    hour_us = parse_time(str(values["hour"]))
    starts, ends = ((_column(str(values[name])) + hour_us).tolist() for name in ("gap_from", "gap_to"))
    hour = Hour(
        series=str(values["series"]),
        hour_us=hour_us,
        revision=int(values["revision"]),
        state=HourState(str(values["state"])),
        source=str(values["source"]),
        price_scale=int(values["price_scale"]),
        volume_scale=int(values["volume_scale"]),
        ticks=ticks,
        gaps=tuple(Gap(start, end) for start, end in zip(starts, ends, strict=True)),
    )
    if values["content_hash"] != f"\\x{hour.hash.hex()}":
        raise ValueError(f"{hour.series} {iso(hour_us)}: the content is not what its hash says")
    return hour


def _kind_of(data: bytes) -> Kind:
    """The kind that a message's first field, the series' name, ends with."""
    try:
        values = fastavro.schemaless_reader(io.BytesIO(data), _SERIES_ONLY, None)
    except (EOFError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"no hour message: {error!r}") from error
    name = values["series"] if isinstance(values, dict) else ""
    return Kind(str(name).rpartition(":")[2])


def _literal(column: Column) -> str:
    """PostgreSQL's literal of a `bigint[]`."""
    listed = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return f"{{{listed[1:-1].decode('ascii')}}}"


def _column(literal: str) -> Column:
    if not (literal.startswith("{") and literal.endswith("}")):
        raise ValueError(f"no array literal: {literal[:40]!r}")
    return np.array(orjson.loads(f"[{literal[1:-1]}]"), dtype=np.int64)

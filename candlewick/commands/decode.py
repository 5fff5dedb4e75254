"""`candlewick decode`: the venue's own files as rows, or the name of what is wrong with them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from candlewick import export
from candlewick.commands.spans import FileFormat, Output
from candlewick.dukascopy.bi5 import oddities
from candlewick.dukascopy.faults import InvalidAnswerError
from candlewick.dukascopy.files import CandleFile, FileKind, FileName, QuoteFile, decode_file, recognise
from candlewick.dukascopy.volumes import VOLUME_SCALE
from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series, dukascopy_series, find
from candlewick.tables import MOMENT, tick_schema, tick_table
from candlewick.times import HOUR_US, floor_hour, parse_time, us_day

_PRICES = ("open", "high", "low", "close")


def register(app: typer.Typer) -> None:
    app.command()(decode)


def decode(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="bi5 or JSON files of Dukascopy's.")],
    *,
    series: Annotated[
        str | None, typer.Option("--series", help="Instrument, where the path does not tell: EUR/USD.")
    ] = None,
    hour: Annotated[
        str | None, typer.Option("--hour", metavar="TIME", help="Hour of an hour file: 2019-02-04T10.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--day", metavar="DATE", help="Day of a day object or candle file.")
    ] = None,
    price_scale: Annotated[
        int | None, typer.Option("--price-scale", min=0, max=12, help="Decimals, where no table tells.")
    ] = None,
    file_format: FileFormat = export.Format.CSV,
    output: Output = None,
) -> None:
    """Print what Dukascopy's files hold: ticks or candles, exactly; a damaged file is refused by name.

    Hour files, day objects, candle files and answers of the JSON feed are recognised by name and content.
    """
    decoded = [_decode(file, _name(file, series, hour, day), price_scale) for file in files]
    exact = file_format is export.Format.CSV
    quotes = [entry for entry in decoded if isinstance(entry, QuoteFile)]
    candles = [entry for entry in decoded if isinstance(entry, CandleFile)]
    if quotes and candles:
        raise CandlewickError("ticks and candles have different columns", "decode them one kind at a time")
    if len({entry.price_scale for entry in decoded}) > 1:
        raise CandlewickError("these files have different decimals", "decode one instrument at a time")
    if quotes:
        tables, schema = _tick_tables(quotes, exact=exact)
    else:
        tables = [_candle_table(entry, exact=exact) for entry in candles]
        schema = tables[0].schema
    with export.output(output, file_format) as sink:
        export.write(tables, schema, file_format, sink, unit="us" if quotes else "s")


def _name(file: Path, series: str | None, hour: str | None, day: str | None) -> FileName:
    name = recognise(str(file.absolute()))
    if series is not None:
        name = replace(name, symbol=find(series.split(":")[1] if series.count(":") == 2 else series).symbol)
    if day is not None:
        kind = FileKind.CANDLES if name.kind is FileKind.CANDLES else FileKind.DAY
        name = replace(name, kind=kind, day=us_day(parse_time(day)))
    if hour is not None:
        hour_us = floor_hour(parse_time(hour))
        name = replace(name, kind=FileKind.HOUR, day=us_day(hour_us), hour=hour_us // HOUR_US % 24)
    return name


def _decode(file: Path, name: FileName, price_scale: int | None) -> QuoteFile | CandleFile:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise CandlewickError(f"{file} cannot be read: {error.strerror}", "check its name") from None
    try:
        return decode_file(body, name, _scale_of(name, price_scale))
    except InvalidAnswerError as error:
        raise CandlewickError(f"{file}: {error.problem}", "get the file again") from None
    except CandlewickError as error:
        raise CandlewickError(f"{file}: {error.problem}", error.remedy) from None


def _scale_of(name: FileName, price_scale: int | None) -> Callable[[], int]:
    def scale() -> int:
        if name.symbol is None:
            if price_scale is not None:
                return price_scale
            raise CandlewickError("the path does not tell the instrument", "add --series EUR/USD")
        return dukascopy_series(find(name.symbol), price_scale).price_scale

    return scale


def _tick_tables(files: list[QuoteFile], *, exact: bool) -> tuple[list[pa.Table], pa.Schema]:
    # Only the scales of the series matter to a table.
    series = Series(
        "dukascopy", "file", Kind.QUOTES, AssetClass.FOREX, files[0].price_scale, VOLUME_SCALE, "none"
    )
    tables, crossed, repeated, ticks = [], 0, 0, 0
    for entry in files:
        for hour_us, quotes in sorted(entry.hours.items()):
            tables.append(tick_table(series, hour_us, quotes, exact=exact))
            odd = oddities(quotes)
            crossed, repeated, ticks = (
                crossed + odd.crossed,
                repeated + odd.repeated_times,
                ticks + len(quotes),
            )
    sys.stderr.write(f"{ticks:,} ticks; {crossed:,} with bid above ask, {repeated:,} at the time before\n")
    return tables, tick_schema(series, exact=exact)


def _candle_table(entry: CandleFile, *, exact: bool) -> pa.Table:
    candles = entry.candles
    columns = {"time": pa.array(candles.us).view(MOMENT)}
    for name in _PRICES:
        values = getattr(candles, name)
        columns[name] = (
            pa.array(
                [Decimal(value).scaleb(-entry.price_scale) for value in values.tolist()],
                pa.decimal128(38, entry.price_scale),
            )
            if exact
            else pa.array(values / 10.0**entry.price_scale)
        )
    # The float32's own shortest decimal, not the digits of the double that holds it.
    columns["volume"] = pa.array(candles.volume.astype(str).astype(np.float64))
    return pa.table(columns)

"""Tables as csv, json or parquet, a table at a time.

csv: exact decimals with their scale's digits; json: an array of objects with numbers; parquet:
timestamp[us, UTC] and float64. In csv and json `time` is ISO 8601 with `Z`.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from candlewick.errors import CandlewickError


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def _with_time_as_text(table: pa.Table, unit: str) -> pa.Table:
    moments = table["time"].cast(pa.timestamp(unit, "UTC"))
    return table.set_column(0, "time", pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ"))


def _write_csv(tables: Iterable[pa.Table], schema: pa.Schema, unit: str, sink: BinaryIO) -> None:
    sink.write((",".join(schema.names) + "\n").encode())
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    for table in tables:
        pa.csv.write_csv(_with_time_as_text(table, unit), sink, options)


def _write_json(tables: Iterable[pa.Table], unit: str, sink: BinaryIO) -> None:
    separator = b"[\n"
    for table in tables:
        for batch in _with_time_as_text(table, unit).to_batches(max_chunksize=10_000):
            if batch.num_rows:
                sink.write(separator + b",\n".join(map(orjson.dumps, batch.to_pylist())))
                separator = b",\n"
    sink.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


class _Forward(io.RawIOBase):
    """A sink that parquet can write to although it cannot be asked where it stands: a pipe."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        count = self._sink.write(memoryview(data))  # type: ignore[arg-type]
        self._written += count
        return count

    def tell(self) -> int:
        return self._written


def _write_parquet(tables: Iterable[pa.Table], schema: pa.Schema, sink: BinaryIO) -> None:
    with pa.parquet.ParquetWriter(_Forward(sink), schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def write(
    tables: Iterable[pa.Table], schema: pa.Schema, file_format: Format, sink: BinaryIO, *, unit: str
) -> None:
    """Writes tables of one schema, whose first column is `time`.

    Args:
        unit: of the time in text: `s` prints whole seconds, `us` six fraction digits.
    """
    match file_format:
        case Format.CSV:
            _write_csv(tables, schema, unit, sink)
        case Format.JSON:
            _write_json(tables, unit, sink)
        case Format.PARQUET:
            _write_parquet(tables, schema, sink)


@contextmanager
def output(path: Path | None, file_format: Format) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears only when it is whole.

    Raises:
        CandlewickError: parquet for a terminal, or a folder that cannot be written to.
    """
    if path is None:
        if file_format is Format.PARQUET and sys.stdout.isatty():
            raise CandlewickError("parquet is nothing to look at", "add --output FILE, or redirect it")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise CandlewickError(f"cannot write {path}: {error.strerror}", "choose another --output") from error
    try:
        with os.fdopen(handle, "wb") as sink:
            yield sink
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

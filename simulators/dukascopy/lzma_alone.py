"""LZMA-alone streams framed as the venue frames them: true size in the header, no end marker.

Python's `lzma` can only write an end marker. Real files have none, and decoders exist that refuse
one (or stop before it and report trailing bytes) once the header states the size. Two ways lead to
a stream without marker:

* An LZMA2 chunk is an LZMA stream without marker. Data that fits in one chunk is compressed as
  LZMA2 and taken out of its frame.
* Otherwise the marker is cut off an LZMA1 stream. A range coder ends properly when the rest of the
  stream equals the lower bound of the last symbol's interval; that bound is the smallest number
  that still decodes to the same data, so a bisection with the decoder as judge finds it.

Above 1 MiB the marker stays (see `_SEARCH_LIMIT`).
"""

import lzma
import struct

_LC, _LP, _PB = 3, 0, 2
_PROPERTIES = (_PB * 5 + _LP) * 9 + _LC
_DICTIONARY = 4 << 20

# The window of the encoder may be smaller than the one the header promises the decoder;
# a small one costs far less to set up, which is most of the time for an hour of a few KB.
_ENCODER = {
    "dict_size": 1 << 16,
    "lc": _LC,
    "lp": _LP,
    "pb": _PB,
    "mode": lzma.MODE_FAST,
    "nice_len": 24,
    "mf": lzma.MF_HC4,
    "depth": 8,
}
_LZMA1 = [{"id": lzma.FILTER_LZMA1, **_ENCODER}]
_LZMA2 = [{"id": lzma.FILTER_LZMA2, **_ENCODER}]
_CHUNK_RESETS_ALL = 0xE0
_CHUNK_HEADER = 6
# An end marker takes at most ten bytes or so; decoding of the last bytes is watched from here on.
_TAIL = 32
# The search decodes the data some forty times. Above this size the marker stays: a second of
# searching for a day object is worse than a form that current decoders all read.
_SEARCH_LIMIT = 1 << 20


def compress(data: bytes) -> bytes:
    """`data` as one `.lzma` stream with a known size; no data is no bytes, as at the venue."""
    if not data:
        return b""
    body = _single_chunk(data)
    return header(len(data)) + (_single_stream(data) if body is None else body)


def header(size: int) -> bytes:
    """The 13 bytes in front of each stream: properties, 4 MiB dictionary, uncompressed size."""
    return struct.pack("<BIQ", _PROPERTIES, _DICTIONARY, size)


def _single_chunk(data: bytes) -> bytes | None:
    """The LZMA stream out of an LZMA2 frame, or None where the data needs more than one chunk."""
    framed = lzma.compress(data, lzma.FORMAT_RAW, filters=_LZMA2)
    if framed[0] < _CHUNK_RESETS_ALL:
        return None  # stored, not compressed
    size = int.from_bytes(framed[3:5], "big") + 1
    if len(framed) != _CHUNK_HEADER + size + 1:
        return None
    return framed[_CHUNK_HEADER : _CHUNK_HEADER + size]


def _single_stream(data: bytes) -> bytes:
    marked = lzma.compress(data, lzma.FORMAT_RAW, filters=_LZMA1)
    return marked if len(data) > _SEARCH_LIMIT else _without_marker(marked, data)


def _without_marker(marked: bytes, data: bytes) -> bytes:
    """The LZMA1 stream `marked`, which decodes to `data` and a marker, ended where the data ends."""
    needed = _bytes_needed(marked, data)
    # The decoder may normalise once more after the last symbol, hence a byte more than it asked
    # for. Where the same data has several parses the bound may be another one's, and as many
    # bytes shorter or longer.
    for length in range(needed, needed + 3):
        cut = max(length - 8, 0)
        known, tail = marked[:cut], marked[cut:length]
        bound = _smallest(known, int.from_bytes(tail, "big"), len(tail), data)
        significant = (known + bound.to_bytes(len(tail), "big")).rstrip(b"\0")
        for zeros in range(9):
            stream = significant + bytes(zeros)
            if _is_exact(stream, data):
                return stream
    raise AssertionError("the range coder's lower bound must end the stream")


def _smallest(known: bytes, high: int, width: int, data: bytes) -> int:
    """The smallest tail of `width` bytes not above `high` with which the stream gives `data`."""
    low = max(high - (1 << 40), -1)
    while high - low > 1:
        middle = (low + high) // 2
        if _decodes_to(known + middle.to_bytes(width, "big"), data):
            high = middle
        else:
            low = middle
    return high


def _bytes_needed(marked: bytes, data: bytes) -> int:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_LZMA1)
    at = max(len(marked) - _TAIL, 0)
    done = len(decoder.decompress(marked[:at], len(data)))
    while done < len(data):
        done += len(decoder.decompress(marked[at : at + 1], len(data) - done))
        at += 1
    return at


def _decodes_to(stream: bytes, data: bytes) -> bool:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_LZMA1)
    try:
        return decoder.decompress(stream, len(data)) == data
    except lzma.LZMAError:
        return False


def _is_exact(stream: bytes, data: bytes) -> bool:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    try:
        decoded = decoder.decompress(header(len(data)) + stream)
    except lzma.LZMAError:
        return False
    return decoded == data and decoder.eof and not decoder.unused_data

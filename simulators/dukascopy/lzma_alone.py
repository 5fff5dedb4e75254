"""LZMA-alone streams framed as the venue frames them: true size in the header, no end marker.

Python's `lzma` can only write an end marker. Real files have none, and decoders exist that refuse
one (or stop before it and report trailing bytes) once the header states the size. Two ways lead to
a stream without marker:

* An LZMA2 chunk is an LZMA stream without marker. Data that fits in one chunk is compressed as
  LZMA2 and taken out of its frame.
* Otherwise the marker is cut off an LZMA1 stream. A range coder ends properly when the rest of the
  stream equals the lower bound of the last symbol's interval; that bound is the smallest number
  that still decodes to the same data, so a bisection with the decoder as judge finds it.

Above 1 MiB the marker stays (see `_SEARCH_LIMIT`), as it does for a few texts of less than ten bytes.
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
_LZMA2: dict[str, int] = {"id": lzma.FILTER_LZMA2, **_ENCODER}
_THOROUGH: dict[str, int] = {"mode": lzma.MODE_NORMAL, "nice_len": 64}
_NEARLY_A_CHUNK = 80_000  # bytes that a thorough encoder may still bring below 64 KiB
_CHUNK_RESETS_ALL = 0xE0
_CHUNK_HEADER = 6
# An end marker takes at most ten bytes or so; decoding of the last bytes is watched from here on.
_TAIL = 32
# Other choices of the encoder say the same data otherwise, should the bound of the first not be found.
_CHOICES: list[dict[str, int]] = [
    {},
    {"nice_len": 32},
    {"mode": lzma.MODE_NORMAL},
    {"mode": lzma.MODE_NORMAL, "nice_len": 8},
    {"mf": lzma.MF_BT2, "nice_len": 3},
]
# The bound is sought in the last bytes; where decoding ends an interval is less than 2^32 wide.
_SEARCHED = 8
# The search decodes the data some forty times. Above this size the marker stays: a second of
# searching for a day object is worse than a form that current decoders all read.
_SEARCH_LIMIT = 1 << 20


def compress(data: bytes) -> bytes:
    """`data` as one `.lzma` stream with a known size; no data is no bytes, as at the venue."""
    if not data:
        return b""
    return header(len(data)) + (_single_chunk(data) or _single_stream(data))


def header(size: int) -> bytes:
    """The 13 bytes in front of each stream: properties, 4 MiB dictionary, uncompressed size."""
    return struct.pack("<BIQ", _PROPERTIES, _DICTIONARY, size)


def _single_chunk(data: bytes) -> bytes | None:
    """The LZMA stream out of an LZMA2 frame, or None where the data needs more than one chunk."""
    for choice in ({}, _THOROUGH):
        framed = lzma.compress(data, lzma.FORMAT_RAW, filters=[{**_LZMA2, **choice}])
        if framed[0] < _CHUNK_RESETS_ALL:
            return None  # stored, not compressed
        size = int.from_bytes(framed[3:5], "big") + 1
        if len(framed) == _CHUNK_HEADER + size + 1:
            return framed[_CHUNK_HEADER : _CHUNK_HEADER + size]
        if len(framed) > _NEARLY_A_CHUNK:
            return None
    return None


def _single_stream(data: bytes) -> bytes:
    if len(data) <= _SEARCH_LIMIT:
        for choice in _CHOICES:
            marked = lzma.compress(data, lzma.FORMAT_RAW, filters=[{**_LZMA1[0], **choice}])
            if stream := _without_marker(marked, data):
                return stream
    return lzma.compress(data, lzma.FORMAT_RAW, filters=_LZMA1)


def _without_marker(marked: bytes, data: bytes) -> bytes | None:
    """The LZMA1 stream `marked`, which decodes to `data` and a marker, ended where the data ends.

    None, rarely, where another way to say the same data lies right below and hides the bound.
    """
    length = _bytes_needed(marked, data)
    cut = max(length - _SEARCHED, 0)
    known, width = marked[:cut], length - cut
    bound = _lower_bound(known, int.from_bytes(marked[cut:length], "big"), width, data)
    significant = (known + bound.to_bytes(width, "big")).rstrip(b"\0")
    # Zeros at its end belong to the bound, and one more where the decoder normalises once again.
    for zeros in range(length - len(significant) + 2):
        stream = significant + bytes(zeros)
        if _is_exact(stream, data):
            return stream
    return None


def _lower_bound(known: bytes, tail: int, width: int, data: bytes) -> int:
    """Where the interval of the last symbol begins that `tail` lies in.

    Intervals further below may be other ways to say the same data: the steps down begin small.

    Args:
        known: the stream up to its last `width` bytes, which are `tail` as a number.
    """
    high, step = tail, 1
    while high >= step and _decodes_to(known + (high - step).to_bytes(width, "big"), data):
        high, step = high - step, step * 8
    low = max(high - step, -1)
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

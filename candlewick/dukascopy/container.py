"""The LZMA-alone container of bi5 files: all of it or a named fault, never a part.

Layout (13 bytes, then the stream): property byte, dictionary size (u32 little endian),
uncompressed size (u64 little endian). All recorded files state the size; a stream that states none
must end with its end marker, which proves it complete just as well.
"""

import lzma

from candlewick.dukascopy.faults import Fault, InvalidAnswerError

HEADER_BYTES = 13
_UNKNOWN_SIZE = 2**64 - 1
_NO_SUCH_SIZE = 2**38  # liblzma's own bound for "this is no .lzma file"
_LARGEST_DICTIONARY = 64 * 2**20  # the venue's files have 4 MiB; what is hostile must not fill the memory


def decompress(body: bytes, *, limit: int) -> bytes:
    """The content of exactly one stream, at most `limit` bytes of it.

    Raises:
        InvalidAnswerError: not-lzma, truncated, damaged, size-mismatch, trailing-garbage, too-large.
    """
    content, rest = _first_stream(body, limit)
    if rest:
        raise InvalidAnswerError(Fault.TRAILING_GARBAGE, f"{len(rest)} bytes follow the end of the stream")
    return content


def decompress_all(body: bytes, *, limit: int) -> list[bytes]:
    """The contents of one stream or several, one after the other, together at most `limit` bytes."""
    contents: list[bytes] = []
    rest = body
    while rest:
        if contents and not _plausible_header(rest):
            raise InvalidAnswerError(
                Fault.TRAILING_GARBAGE, f"{len(rest)} bytes follow the end of stream {len(contents)}"
            )
        content, rest = _first_stream(rest, limit)
        limit -= len(content)
        contents.append(content)
    return contents


def _first_stream(body: bytes, limit: int) -> tuple[bytes, bytes]:
    if not _plausible_header(body):
        raise InvalidAnswerError(Fault.NOT_LZMA, f"{len(body)} bytes begin with {body[:16]!r}")
    if len(body) <= HEADER_BYTES:
        raise InvalidAnswerError(Fault.TRUNCATED, f"{len(body)} bytes are no more than a header")
    size = _stated_size(body)
    if size is not None and size > limit:
        raise InvalidAnswerError(Fault.TOO_LARGE, f"the header announces {size} bytes, at most {limit} are")
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE)
    try:
        # One byte more than allowed, so that a longer stream shows itself.
        content = decoder.decompress(body, max_length=(limit if size is None else size) + 1)
    except lzma.LZMAError as error:
        raise _why(body, size, limit, str(error)) from None
    if not decoder.eof:
        if len(content) > limit:
            raise InvalidAnswerError(Fault.TOO_LARGE, f"more than {limit} bytes")
        raise _why(body, size, limit, f"it ends after {len(content)} of {size or 'unknown'} bytes")
    if size is not None and len(content) != size:
        raise InvalidAnswerError(
            Fault.SIZE_MISMATCH, f"the header announces {size} bytes, {len(content)} are there"
        )
    return content, decoder.unused_data


def _plausible_header(body: bytes) -> bool:
    # Streams shorter than the header are judged by what there is of it.
    properties = body[0]
    literal_context, rest = properties % 9, properties // 9
    if properties >= 225 or literal_context + rest % 5 > 4:
        return False
    if len(body) < HEADER_BYTES:
        return properties == 0x5D
    size = _stated_size(body)
    dictionary = int.from_bytes(body[1:5], "little")
    return dictionary <= _LARGEST_DICTIONARY and (size is None or size < _NO_SUCH_SIZE)


def _stated_size(body: bytes) -> int | None:
    size = int.from_bytes(body[5:HEADER_BYTES], "little")
    return None if size == _UNKNOWN_SIZE else size


def _why(body: bytes, size: int | None, limit: int, detail: str) -> InvalidAnswerError:
    """Name the fault of a stream that did not decode: read it again without its stated size."""
    unsized = body[:5] + b"\xff" * 8 + body[HEADER_BYTES:]
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE)
    try:
        content = decoder.decompress(unsized, max_length=limit + 1)
    except lzma.LZMAError:
        return InvalidAnswerError(Fault.DAMAGED, detail)
    if decoder.eof and size is not None and len(content) != size:
        return InvalidAnswerError(
            Fault.SIZE_MISMATCH, f"the header announces {size} bytes, {len(content)} are there"
        )
    if decoder.eof or (size is not None and len(content) > size):
        return InvalidAnswerError(Fault.DAMAGED, detail)
    return InvalidAnswerError(Fault.TRUNCATED, detail)

"""Request bodies: gzip, inflated so far and no further."""

from __future__ import annotations

import zlib

from serving.errors import InvalidArgumentError

MAX_INFLATED_BYTES = 100 * 2**20
"""TensorFlow Serving inflates a gzip body no further."""


def inflated(body: bytes, content_encoding: str, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """``body`` without its gzip compression, if ``content_encoding`` names it."""
    if "gzip" not in content_encoding.lower():
        return body
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InvalidArgumentError(f"the gzip body cannot be inflated: {error}") from error
    if len(content) > max_bytes:
        raise InvalidArgumentError(
            f"the gzip body inflates to more than {max_bytes} bytes: send smaller batches"
        )
    if not stream.eof:
        raise InvalidArgumentError("the gzip body is truncated")
    return content

"""The checksums of a PNG file, which Pillow does not compare in the chunks that hold the pixels.

A file is its signature, then chunks: length (4 bytes, big-endian), name (4), content, CRC-32 of name and content (4);
the last one is IEND. Source: PNG specification, third edition, 5.3.
"""

from __future__ import annotations

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def check_chunks(data: bytes) -> None:
    """`ValueError` with the reason where a chunk is cut short, where a checksum is wrong, or where the end is missing.
    Bytes after the end are no part of the picture."""
    at, view = len(SIGNATURE), memoryview(data)
    if data[:at] != SIGNATURE:
        raise ValueError("it has no signature")
    while True:
        name = data[at + 4 : at + 8]
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if len(data) < end + 4 or len(name) < 4:
            raise ValueError("it is cut short")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            told = name.decode("latin-1").encode("unicode_escape").decode("ascii")  # a damaged one may hold a line end
            raise ValueError(f"the checksum of its chunk {told} at byte {at:,} is wrong")
        if name == b"IEND":
            return
        at = end + 4

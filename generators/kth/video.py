"""AVI files of KTH: header checked first, then decoded to grey frames by PyAV.

    grey = Y of the decoder, as it is for full-range video, else round((Y - 16) · 255 / 219), clipped to 0..255

Only the luma plane is used and no frame is scaled by the decoder, so the same file gives the same bytes whatever the
machine. Files are untrusted: size of the picture and codec are known before a decoder sees them.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.files import atomic_file
from stbench.raw.files import open_file

from .index import MOST_FRAMES

HEIGHT, WIDTH, FPS = 120, 160, 25
CODECS = ("mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "ffv1", "rawvideo")
"""Decoders that may run: DivX and its relatives, and what the stand-in is written with."""
HEADER_BYTES = 4096
GREY_FULL = ("gray", "yuvj420p", "yuvj422p", "yuvj444p")
GREY_LIMITED = ("yuv420p", "yuv422p", "yuv444p")
CHECKED = ("ffv1",)
"""Codecs whose frames may have a checksum, and whose decoder has nothing to mend: any complaint means damage."""
RATE_TOLERANCE = 0.01
"""Frames per second."""
FULL_RANGE = 2
LONGEST_REPEAT = FPS
LIMITED_TO_FULL = np.clip(((np.arange(256) - 16) * 510 + 219) // 438, 0, 255).astype(np.uint8)
"""round((Y - 16) · 255 / 219) in integers."""


log = logging.getLogger("stbench.kth")


@dataclass(frozen=True)
class Header:
    """What the headers of an AVI file and of its video say."""

    frames: int
    """Some programs write 0 here, or what they meant to write: `count_frames` knows."""
    height: int
    width: int


def read_header(path: Path) -> Header:
    """The headers, without a decoder; `StbenchError` naming the file where it is not an AVI of 160 x 120 pixels at 25
    frames per second."""
    with open_file(path) as file:
        head = file.read(HEADER_BYTES)
    if not head:
        raise StbenchError(f"{path} is empty: unpack it again")
    if head[:4] != b"RIFF" or head[8:12] != b"AVI ":
        raise StbenchError(f"{path} is not an AVI file (it begins with {head[:12]!r}): unpack it again")
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        raise StbenchError(f"{path} ends within its header: unpack it again")
    frames, width, height = (struct.unpack_from("<I", head, at + 8 + offset)[0] for offset in (16, 32, 36))
    if (height, width) != (HEIGHT, WIDTH):
        raise StbenchError(f"{path} has pictures of {width:,} x {height:,} pixels: KTH videos have {WIDTH} x {HEIGHT}")
    if frames > MOST_FRAMES:
        raise StbenchError(f"{path} says it has {frames:,} frames: a KTH video has 1 to {MOST_FRAMES:,}")
    _check_rate(path, head, at)
    return Header(frames, height, width)


def _check_rate(path: Path, head: bytes, at: int) -> None:
    """Intervals count frames at 25 per second: at another rate they are other moments."""
    at = head.find(b"strh", at)
    while at >= 0 and head[at + 8 : at + 12] != b"vids":
        at = head.find(b"strh", at + 4)
    if at < 0 or len(head) < at + 36:
        raise StbenchError(f"{path} has no header of a video: unpack it again")
    scale, rate = struct.unpack_from("<II", head, at + 8 + 20)
    if scale == 0 or abs(rate / scale - FPS) > RATE_TOLERANCE:
        found = f"{rate / scale:.5g}" if scale else "an unknown number of"
        raise StbenchError(
            f"{path} has {found} frames per second and KTH videos have {FPS}: their intervals are numbers of frames, "
            "so a copy at another rate shows other moments; get the original"
        )


@lru_cache(maxsize=1024)
def _counted(path: Path, size: int, modified: int) -> int:
    count = sum(1 for _ in _decoded(path, MOST_FRAMES + 1))
    if not 1 <= count <= MOST_FRAMES:
        many = f"more than {MOST_FRAMES:,} frames" if count else "no frame"
        raise StbenchError(f"{path} holds {many}: a KTH video has 1 to {MOST_FRAMES:,}")
    return count


def count_frames(path: Path) -> int:
    """Frames that a video gives when it is decoded, whatever its header says, once per process and file;
    `StbenchError` naming the file where it is damaged or gives none."""
    try:
        about = path.stat()
    except OSError as error:
        raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None
    return _counted(path, about.st_size, about.st_mtime_ns)


def decode(path: Path, last: int) -> Iterator[np.ndarray]:
    """Frames 1 .. `last` of a video, (120, 160) uint8, one at a time; `StbenchError` naming the file where it is
    damaged, ends before `last` or holds another codec or picture.

    A frame that was not coded, because it repeats the one before, is that frame again: frames keep their place in time.
    Where the decoder of a lossy video finds errors and mends them, a note says so.
    """
    count = 0
    for frame in _decoded(path, last):
        count += 1
        yield frame
    if count < last:
        raise StbenchError(f"{path} ends after frame {count} and {last} are wanted: unpack it again")


def _decoded(path: Path, last: int) -> Iterator[np.ndarray]:
    """As `decode`, but a video may end before `last`."""
    read_header(path)
    import av
    import av.logging

    count, grey, checked = 0, np.empty(0, np.uint8), False
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as complaints, av.open(str(path), format="avi", metadata_errors="replace") as file:
            checked = _stream(path, file).codec_context.name in CHECKED
            for place, frame in _placed(path, file):
                if complaints and checked:
                    raise ValueError(complaints[0][2])
                for _ in range(min(place, last) - count):
                    count += 1
                    yield grey
                if count == last:
                    break
                grey = _grey(path, frame)
                count += 1
                yield grey
                if count == last:
                    break
            if complaints and checked:
                raise ValueError(complaints[0][2])
            if complaints and count == last:
                log.warning("note: the decoder mended errors in %s (%s)", path, complaints[0][2].strip()[:80])
    except (av.FFmpegError, ValueError, EOFError, MemoryError, OverflowError) as error:
        raise StbenchError(f"{path} is damaged after frame {count} ({_words(error)}): unpack it again") from None


def _placed(path: Path, file: Any) -> Iterator[tuple[int, Any]]:
    """Decoded frames with their place in time, 0-based; `ValueError` for a corrupt one or a gap of over a second."""
    stream = _stream(path, file)
    place, first = -1, None
    for frame in file.decode(stream):
        if frame.is_corrupt:
            raise ValueError("a frame is corrupt")
        place += 1
        if frame.pts is not None and stream.time_base * FPS == 1:
            first = frame.pts - place if first is None else first
            gap = frame.pts - first - place
            if gap > LONGEST_REPEAT:
                raise ValueError(f"{gap} frames are missing")
            place += max(gap, 0)
        yield place, frame


def _stream(path: Path, container: Any) -> Any:
    if not container.streams.video:
        raise StbenchError(f"{path} holds no video: unpack it again")
    stream = container.streams.video[0]
    context = stream.codec_context
    name = context.name if context is not None else "unknown"
    if name not in CODECS:
        raise StbenchError(f"{path} is coded as {name}: KTH videos are MPEG-4 (DivX), so get the original")
    if (context.height, context.width) != (HEIGHT, WIDTH):
        raise StbenchError(
            f"{path} has pictures of {context.width:,} x {context.height:,} pixels: KTH videos have {WIDTH} x {HEIGHT}"
        )
    # One thread and the plain integer transform: nothing that differs between machines.
    stream.thread_type = "NONE"
    context.thread_count = 1
    context.options = {"flags": "+bitexact", "idct": "simple"}
    return stream


def _grey(path: Path, frame: Any) -> np.ndarray:
    if (frame.height, frame.width) != (HEIGHT, WIDTH):
        raise StbenchError(
            f"{path} changes to pictures of {frame.width:,} x {frame.height:,} pixels: KTH videos have {WIDTH} x "
            f"{HEIGHT}"
        )
    kind = frame.format.name
    if kind not in GREY_FULL + GREY_LIMITED:
        raise StbenchError(f"{path} has pixels of the kind {kind}, which have no luma plane: get the original")
    plane = frame.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:HEIGHT, :WIDTH]
    full = kind in GREY_FULL or frame.color_range == FULL_RANGE
    return luma.copy() if full else LIMITED_TO_FULL[luma]


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).split("\n")[0][:120]


def write_avi(path: Path, frames: Iterable[np.ndarray], codec: str = "ffv1") -> None:
    """Write (120, 160) uint8 frames at 25 per second, atomically: "ffv1" is lossless grey, "mpeg4" is lossy."""
    import av

    with (
        atomic_file(path) as temporary,
        av.open(str(temporary), "w", format="avi", options={"fflags": "+bitexact"}) as container,
    ):
        stream: Any = container.add_stream(codec, rate=FPS)
        stream.height, stream.width = HEIGHT, WIDTH
        stream.pix_fmt = "gray" if codec == "ffv1" else "yuv420p"
        # Every frame on its own and with a checksum: a damaged one is found when it is read.
        stream.options = {"level": "3", "slicecrc": "1", "g": "1"} if codec == "ffv1" else {"b": "2000000"}
        for number, values in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="gray")
            if codec != "ffv1":
                frame = frame.reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

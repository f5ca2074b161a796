"""Reading untrusted HDF5 files, and what keeps one from being read: damage, a filter that is not there, or a lock.

Files are opened without locks, as many file systems have none, and nothing is written to them."""

from __future__ import annotations

import contextlib
import errno
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stbench.errors import StbenchError
from stbench.raw.files import open_file

MAGIC = b"\x89HDF\r\n\x1a\n"
LARGEST_CHUNK_BYTES = 1 << 28
"""A file may not make us unpack more than this at once."""
FILTERS = {
    4: "szip",
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
"""Registered numbers of filters that HDF5 does not always bring along."""
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)


@contextlib.contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """What reading libraries raise on a file that is damaged or locked, as one `StbenchError` that says which."""
    try:
        yield
    except _DAMAGE as error:
        words = error.args[0] if isinstance(error, KeyError) and error.args else error
        reason = " ".join(str(words).split())[:120] or type(error).__name__
        if _is_lock(error):
            raise StbenchError(
                f"{path} is locked by another program ({reason}): close that, or set HDF5_USE_FILE_LOCKING=FALSE"
            ) from None
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise StbenchError(f"{path} cannot be read: {error.strerror or reason}") from None
        raise StbenchError(f"{path} is damaged or cut short ({reason}): get it again") from None
    except MemoryError:
        raise StbenchError(f"{path} asks for more memory than there is: its header is damaged, get it again") from None


def _is_lock(error: Exception) -> bool:
    return isinstance(error, OSError) and (error.errno == errno.EAGAIN or "unable to lock" in str(error))


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """An open file, read-only and without a lock; reading from it is to be done within `one_sentence`."""
    magic = first_bytes(path)
    if magic != MAGIC:
        raise StbenchError(f"{path} is not an HDF5 file: it begins with {magic!r}")
    import h5py  # type: ignore[import-untyped]

    with contextlib.suppress(ImportError):
        import hdf5plugin  # type: ignore[import-not-found] # noqa: F401 - brings further filters where it is installed

    with contextlib.ExitStack() as stack:
        with one_sentence(path):
            file = stack.enter_context(h5py.File(path, "r", locking=False))
        yield file


def first_bytes(path: Path) -> bytes:
    """The bytes by which formats are told apart; `StbenchError` where there is no file that can be read."""
    with open_file(path) as file:
        return file.read(8)


def is_inside(file: Any, name: str) -> bool:
    """Whether a name is a hard link: others may point out of the file, so they are looked at before they are
    followed."""
    import h5py

    return name in file and isinstance(file.get(name, getlink=True), h5py.HardLink)


def check_dataset(path: Path, name: str, data: Any) -> None:
    """`StbenchError` for a dataset that keeps its values elsewhere, in chunks that do not fit into memory, packed with
    a filter that is not there, or in a chunk that is packed and marked as not."""
    import h5py

    if data.external or data.is_virtual:
        raise StbenchError(f"{path} keeps the values of '{name}' in other files, which is not followed")
    if math.prod(data.chunks or (1,)) * data.dtype.itemsize > LARGEST_CHUNK_BYTES:
        raise StbenchError(f"{path} stores '{name}' in chunks of {data.chunks}, more than 256 MB each")
    plist = data.id.get_create_plist()
    for k in range(plist.get_nfilters()):
        code, _, _, own_name = plist.get_filter(k)
        if not h5py.h5z.filter_avail(code):
            known = FILTERS.get(code) or own_name.decode("ascii", "replace").split(";")[0].strip() or "unknown"
            raise StbenchError(
                f"{path} packs '{name}' with the filter {known} ({code}), which this HDF5 library cannot read: "
                "`pip install hdf5plugin`, or repack it with `nccopy -F none` or `h5repack -f GZIP=4`"
            )
    if data.chunks is not None and plist.get_nfilters():
        _check_marks(path, name, data)


def _check_marks(path: Path, name: str, data: Any) -> None:
    """A chunk says which filters were left out for it. A writer leaves one out where nothing can be saved, so that
    the chunk is whole; a shorter one would be read as it is, its checksum not compared."""
    whole = math.prod(data.chunks) * data.id.get_type().get_size()

    def marked(chunk: Any) -> Any:
        return chunk if chunk.filter_mask and chunk.size < whole else None

    with one_sentence(path):
        found = data.id.chunk_iter(marked)
    if found is not None:
        place = ", ".join(map(str, found.chunk_offset))
        raise StbenchError(
            f"{path} is damaged: the chunk of '{name}' at ({place}) has {found.size:,} of {whole:,} bytes and is "
            "marked as not packed; get it again"
        )


def check_written(path: Path, name: str, data: Any) -> None:
    """`StbenchError` for a dataset of which chunks are not in the file: HDF5 gives one value in their place, without a
    word."""
    if data.chunks is None:
        return
    wanted = math.prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
    with one_sentence(path):
        there = data.id.get_num_chunks()
    if there < wanted:
        raise StbenchError(
            f"{path} holds {there:,} of the {wanted:,} chunks of '{name}', and the others would be read as "
            f"{data.fillvalue!s}: the file is damaged or was not written to its end, get it again"
        )

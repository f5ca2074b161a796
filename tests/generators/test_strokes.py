"""The stand-in for MNIST: reproducible, of the same layout, and legible to a reader of real digits."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from stbench.generators.moving_mnist.digits import official_files, prepare, simulated_files
from stbench.generators.moving_mnist.idx import format_idx
from stbench.generators.moving_mnist.stand_in import strokes

from stbench.errors import StbenchError
from stbench.paths import raw_dir


@pytest.fixture(scope="module")
def train() -> tuple[np.ndarray, np.ndarray]:
    return strokes.simulate("train", 0, 60_000)


def test_the_digits_are_the_pinned_bytes(train: tuple[np.ndarray, np.ndarray]) -> None:
    arrays = [*train, *strokes.simulate("test", 0, 10_000)]
    for spec, values in zip(strokes.FILES, arrays, strict=True):
        data = format_idx(values)
        assert len(data) == spec.bytes
        assert spec.checksum == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_block_depends_on_its_number_alone(train: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = strokes.simulate("train", 7_000, 8_000)
    assert np.array_equal(images, train[0][7_000:8_000])
    assert np.array_equal(labels, train[1][7_000:8_000])


def test_train_and_test_digits_differ(train: tuple[np.ndarray, np.ndarray]) -> None:
    seen = {image.tobytes() for image in train[0]}
    assert len(seen) == 60_000
    assert not any(image.tobytes() in seen for image in strokes.simulate("test", 0, 10_000)[0])


def test_digits_fill_the_frame_as_mnist_does(train: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = train
    assert np.abs(np.bincount(labels, minlength=10) - 6_000).max() < 5 * np.sqrt(6_000)
    border = np.ones((28, 28), bool)
    border[1:-1, 1:-1] = False
    assert images[:, border].max() == 0
    assert 0.11 < images.mean() / 255 < 0.15  # MNIST: 0.13
    assert 0.16 < (images > 0).mean() < 0.22  # MNIST: 0.19


def test_a_reader_trained_on_mnist_reads_the_stand_in(train: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    raw = raw_dir()
    if raw is None or not (raw / "mnist").is_dir():
        pytest.skip("the real MNIST files are not here (STBENCH_RAW)")
    files = official_files("moving-mnist", raw)
    images, labels = files.load("test")
    reader = KNeighborsClassifier(3).fit(images[:5_000].reshape(5_000, -1) / 255.0, labels[:5_000])
    read = reader.predict(train[0][:500].reshape(500, -1) / 255.0)
    assert (read == train[1][:500]).mean() > 0.8


def test_the_raw_files_are_written_once_and_read_by_the_importer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: tuple[np.ndarray, np.ndarray]
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    monkeypatch.setattr(gzip, "compress", lambda data, **more: _store(data))
    files = simulated_files()
    prepare(files, ("test", "train"))
    images, labels = files.load("train")
    assert np.array_equal(images, train[0])
    assert np.array_equal(labels, train[1])
    written = {path: path.stat().st_mtime_ns for path in files.paths}
    prepare(files, ("test",))
    assert written == {path: path.stat().st_mtime_ns for path in files.paths}
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [strokes.raw_folder().name]

    files.paths[3].unlink()
    strokes.prepare()
    assert all(path.is_file() for path in files.paths)


def _store(data: bytes) -> bytes:
    """Gzip without the work of compressing: the test is about the way, not about the size."""
    import io

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=0, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def test_no_raw_file_has_its_name_when_writing_them_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))

    def fail(*arguments: object, **more: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(strokes, "simulate", lambda part, start, stop: (np.zeros((1, 28, 28)), np.zeros(1)))
    monkeypatch.setattr(gzip, "compress", fail)
    with pytest.raises(StbenchError, match=r"there is no space to write .*mnist-simulated"):
        strokes.prepare()
    (left,) = (tmp_path / "raw").iterdir()
    assert left.suffix == ".part"

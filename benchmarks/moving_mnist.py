"""How fast training sequences of Moving MNIST are drawn: `python benchmarks/moving_mnist.py`.

Prints sequences of 15 frames of 64 x 64 per second on one core: the stream as a model would use it (random draws,
positions, frames), its parts, and a plain NumPy version that draws frame by frame as published scripts do; then the
cost of the 70,000 stand-in digits, which stand for MNIST here: what is measured does not depend on what they show.
Seconds are processor time of this thread, so that other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from stbench.generators.moving_mnist.digits import DigitFiles
from stbench.generators.moving_mnist.idx import format_idx
from stbench.generators.moving_mnist.motion import TRAIN, Draws, reflect, reflection_draws
from stbench.generators.moving_mnist.parameters import MovingMnistParameters
from stbench.generators.moving_mnist.sequences import Sequences, TrainingStream, draw
from stbench.generators.moving_mnist.stand_in import strokes

from stbench.raw.files import RawFile

FRAMES, TARGET = 15, 5_000


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest of a few runs, after one that compiles."""
    work()
    taken = []
    for _ in range(repeats):
        begun = time.thread_time()
        work()
        taken.append(time.thread_time() - begun)
    return min(taken)


def frame_by_frame(images: np.ndarray, draws: Draws, position: np.ndarray) -> np.ndarray:
    """The published way: add each digit to each frame in float32, then clip."""
    frames = np.zeros((len(position), FRAMES, 64, 64), np.float32)
    for sequence in range(len(position)):
        for digit, image in enumerate(images[draws.digit_index[sequence]]):
            for t in range(FRAMES):
                row, column = position[sequence, t, digit]
                frames[sequence, t, row : row + 28, column : column + 28] += image
    return np.minimum(frames, 255).astype(np.uint8)


def training_digits(folder: Path) -> DigitFiles:
    paths = []
    for name, values in zip(("images", "labels"), strokes.simulate("train", 0, 10_000), strict=True):
        paths.append(folder / name)
        paths[-1].write_bytes(format_idx(values))
    specs = tuple(RawFile(path.name, path.stat().st_size, None, "content") for path in paths)
    return DigitFiles(specs * 2, tuple(paths) * 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n, repeats = options.sequences, options.repeats
    with tempfile.TemporaryDirectory() as folder:
        files = training_digits(Path(folder))
        stream = TrainingStream(Sequences(MovingMnistParameters(), files), FRAMES)
        images = files.load("train")[0]

        def drawn() -> Draws:
            return reflection_draws(42, TRAIN, 0, n, n_images=5_000, digits=2, extent=36, max_speed=4)

        draws = drawn()
        position = reflect(draws, FRAMES, 36)[0]
        digits = images[draws.digit_index]
        rows = {
            "stream": seconds(lambda: stream.draw(0, n), repeats),
            "  random draws": seconds(drawn, repeats),
            "  positions": seconds(lambda: reflect(draws, FRAMES, 36), repeats),
            "  frames": seconds(lambda: draw(digits, position), repeats),
            "plain NumPy, frames only": seconds(lambda: frame_by_frame(images, draws, position), 1),
        }
        assert np.array_equal(frame_by_frame(images, draws, position), draw(digits, position)[:, :, 0])
    print(f"{'':28}{'us/sequence':>14}{'sequences/s':>14}")
    for name, taken in rows.items():
        print(f"{name:28}{1e6 * taken / n:14.1f}{n / taken:14,.0f}")
    print(f"target: {TARGET:,} sequences/s on one core; 70,000 stand-in digits: ", end="")
    print(f"{7 * seconds(lambda: strokes.simulate('test', 0, 10_000), 1):.1f} s")


if __name__ == "__main__":
    main()

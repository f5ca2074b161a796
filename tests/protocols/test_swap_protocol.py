"""The swap protocol on a small Moving MNIST: which truth counts, who sees what, who is asked at all."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from stbench.generators.moving_mnist import dataset as module
from stbench.generators.moving_mnist.digits import DigitFiles
from stbench.generators.moving_mnist.idx import format_idx
from stbench.generators.moving_mnist.motion import official_draws
from stbench.generators.moving_mnist.sequences import draw
from stbench.generators.moving_mnist.stand_in import strokes

from stbench import registry
from stbench.contract.datasets import SwapCases, Track, parse_parameters
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.protocols import swap as protocol
from stbench.protocols.known import check_capability, has_capability, protocol_of
from stbench.protocols.peeking import poison_targets
from stbench.protocols.swap import best_order, cases_of, swap
from stbench.protocols.windows import track_windows
from stbench.raw.files import RawFile
from stbench.running.plan import choose, find_track
from stbench.splits.training import TrainingWindows
from stbench.store.reader import Store
from stbench.store.writer import generate

SIZE = {"sequences": 6, "train_sequences": 4, "val_sequences": 3, "frames": 30, "val_digits": 20}
FLOORS = {"mean", "persistence", "climatology", "linear", "nearest-neighbour", "dmd"}
TRACK = dataclasses.replace(find_track("moving-mnist", "swap-10"), stride=30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder, specs = tmp_path_factory.mktemp("digits"), []
    for part, prefix, count in (("train", "train", 1_000), ("test", "t10k", 1_000)):
        for name, values in zip(("images-idx3", "labels-idx1"), strokes.simulate(part, 0, count), strict=True):
            path = folder / f"{prefix}-{name}-ubyte"
            path.write_bytes(format_idx(values))
            specs.append(RawFile(path.name, path.stat().st_size, None, "content"))
    files = DigitFiles(tuple(specs), tuple(folder / spec.name for spec in specs))
    generator = module.moving_mnist
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "simulated_files", lambda: files)
        blueprint = generator.blueprint(parse_parameters(generator.parameters, SIZE), "simulated")
        return generate(blueprint, folder / "moving-mnist.zarr", workers=1)


class Oracle:
    """Draws one ground truth: order `orders[i]` of case i."""

    def __init__(self, store: Store, orders: list[int]) -> None:
        self._truths = cases_of(store, TRACK).read(np.arange(len(orders)))[2]
        self._orders, self._next = orders, 0

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        rows = np.arange(self._next, self._next + len(content))
        self._next += len(content)
        return self._truths[np.array(self._orders)[rows], rows]


class Blend:
    """Something in between, from both windows."""

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        answer = np.repeat((0.3 * content[:, -1:] + 0.6 * motion[:, -1:]).astype(np.float32), horizon, axis=1)
        content[:], motion[:] = 7, 7
        return answer


@pytest.mark.parametrize("orders", [[0] * 6, [1] * 6, [0, 1, 1, 0, 1, 0]])
def test_whoever_draws_either_truth_scores_zero_infinity_and_one(store: Store, orders: list[int]) -> None:
    scores = swap(Oracle(store, orders), store, TRACK, batch_size=4)
    assert list(scores.values) == list(TRACK.metrics)
    wanted = {"mse": 0, "psnr": np.inf, "ssim_gauss11": 1, "psnr_best_truth": np.inf, "ssim_gauss11_best_truth": 1}
    for name, value in wanted.items():
        assert scores.values[name].shape == (6, 10)
        assert (scores.values[name] == value).all(), name


def test_exchanging_the_digit_orders_changes_no_score(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = swap(Blend(), store, TRACK)

    def exchanged(store: Store, track: Track, split: str = "test") -> SwapCases:
        cases = cases_of(store, track, split)
        return dataclasses.replace(cases, read=lambda items: (*cases.read(items)[:2], cases.read(items)[2][::-1]))

    monkeypatch.setattr(protocol, "cases_of", exchanged)
    after = swap(Blend(), store, TRACK)
    for name, values in before.values.items():
        np.testing.assert_array_equal(values, after.values[name], err_msg=name)


def test_poisoned_motion_targets_change_nothing(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.path, tmp_path / "copy.zarr")
    copy = dataclasses.replace(store, path=tmp_path / "copy.zarr")
    before = swap(Blend(), copy, TRACK, keep=6)
    poison_targets(copy, track_windows(copy, TRACK))
    after = swap(Blend(), copy, TRACK, keep=6)
    assert before.predictions_kept is not None
    assert after.predictions_kept is not None
    assert before.predictions_kept.prediction.tobytes() == after.predictions_kept.prediction.tobytes()
    assert all(before.values[name].tobytes() == after.values[name].tobytes() for name in before.values)


def test_windows_and_truths_are_the_published_pairing_drawn_digit_by_digit(store: Store) -> None:
    content, motion, truths = cases_of(store, TRACK).read(np.arange(6))
    index, position = store.factor("digit_index")[:6], store.factor("position")[:6]
    images = store.factor("digit_image")[:6].reshape(12, 28, 28)[np.argsort(index.ravel())]
    order = np.random.RandomState(1).permutation(12)
    for i in range(6):
        pair = images[[order[i], order[i + 6]]]
        np.testing.assert_array_equal(content[i] * 255, draw(pair, position[5 - i, :5]))
        np.testing.assert_array_equal(motion[i] * 255, store.read(i)[:5])
        np.testing.assert_array_equal(truths[0, i] * 255, draw(pair, position[i, 5:15]))
        np.testing.assert_array_equal(truths[1, i] * 255, draw(pair[::-1], position[i, 5:15]))


def test_in_the_whole_published_set_row_k_of_the_sorted_digits_is_test_digit_k() -> None:
    index = official_draws(42, 10_000, 5_000, 2, 36, 4).digit_index
    in_file = np.argsort(index.ravel(), kind="stable")
    np.testing.assert_array_equal(index.ravel()[in_file], np.arange(10_000))


def test_jointly_one_order_counts_for_every_metric_and_alone_each_takes_its_own() -> None:
    metrics = [registry.metric(name) for name in ("mse", "psnr", "psnr_best_truth")]
    first = {"mse": [[0.1, 0.1]], "psnr": [[9.0, 9.0]], "psnr_best_truth": [[9.0, 9.0]]}
    other = {"mse": [[0.3, 0.0]], "psnr": [[5.0, 30.0]], "psnr_best_truth": [[5.0, 30.0]]}
    values = [{name: np.array(each) for name, each in side.items()} for side in (first, other)]
    found = protocol.chosen_values(values, metrics)
    assert found["mse"].tolist() == [[0.1, 0.1]]
    assert found["psnr"].tolist() == [[9.0, 9.0]]
    assert found["psnr_best_truth"].tolist() == [[5.0, 30.0]]


def test_a_track_that_asks_by_a_former_name_is_scored_under_the_name_of_today(store: Store) -> None:
    old, new = (dataclasses.replace(TRACK, metrics=("mse", name)) for name in ("psnr_best", "psnr_best_truth"))
    before, today = (swap(Blend(), store, track).values for track in (old, new))
    assert list(before) == ["mse", "psnr_best_truth"]
    np.testing.assert_array_equal(before["psnr_best_truth"], today["psnr_best_truth"])


def test_the_best_order_is_taken_over_the_sequence_not_frame_by_frame() -> None:
    values = np.array([[[0.0, 3.0]], [[1.0, 1.0]]])
    assert best_order(values, higher_is_better=False).tolist() == [1]


def test_a_model_that_cannot_swap_is_not_applicable_in_one_sentence() -> None:
    convlstm = registry.model("convlstm")
    assert not has_capability(convlstm, TRACK)
    with pytest.raises(StbenchError, match="'convlstm' is not applicable on the track moving-mnist/swap-10"):
        check_capability(convlstm, TRACK)
    with pytest.raises(StbenchError, match="not applicable"):
        choose("convlstm", "moving-mnist", track="swap-10")
    assert {*FLOORS, "sepvar", "hamiltonian"} <= {
        name for name in registry.names("models") if has_capability(registry.model(name), TRACK)
    }


def test_without_s_there_is_no_content_to_swap() -> None:
    sepvar = registry.model("sepvar")
    assert has_capability(sepvar, TRACK)
    assert not has_capability(sepvar, TRACK, "without-s")
    assert not has_capability(sepvar, find_track("chairs", "swap-15"), "without-s")
    assert has_capability(sepvar, find_track("moving-mnist", None), "without-s")


def test_the_suite_leaves_out_models_that_are_not_applicable() -> None:
    from stbench.running.suite import Job, floors

    assert {job.model for job in floors(Job("mean", "moving-mnist", "quick", track="swap-10"))} == FLOORS


def test_floors_carry_on_one_of_the_two_windows(store: Store) -> None:
    track = dataclasses.replace(TRACK, horizon=4)
    content, motion, _ = cases_of(store, track).read(np.arange(3))
    for name in sorted(FLOORS):
        floor = registry.model(name).build({}, Task(track, store.frame_shape))
        floor.fit(TrainingWindows.open(store, "train", track.conditioning, track.train_horizon))
        seen = content if name == "persistence" else motion
        np.testing.assert_array_equal(floor.swap(content, motion, 4), floor.forecast(seen, 4), err_msg=name)


def test_an_unknown_protocol_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(StbenchError, match=r"'swop'.*swap"):
        protocol_of(dataclasses.replace(TRACK, protocol="swop"))


def test_a_dataset_without_swap_cases_is_refused(store: Store) -> None:
    with pytest.raises(StbenchError, match="waveeq-100"):
        cases_of(store, dataclasses.replace(TRACK, dataset="waveeq-100"))


def test_sequences_too_short_for_the_track_are_refused(store: Store) -> None:
    with pytest.raises(StbenchError, match="too few or too short"):
        cases_of(store, dataclasses.replace(TRACK, horizon=95))


def test_a_torch_model_swaps_as_numpy_and_with_itself_it_forecasts() -> None:
    from stbench.training.adapter import TorchForecaster

    choice = choose("sepvar", "moving-mnist", track="swap-10")
    model = TorchForecaster(choice.plugin.build(choice.configuration["model"], Task(TRACK, (1, 64, 64))), batch_size=2)
    content, motion = np.random.default_rng(0).random((2, 3, 5, 1, 64, 64), dtype=np.float32)
    answer = model.swap(content, motion, 4)
    assert (answer.shape, answer.dtype) == ((3, 4, 1, 64, 64), np.float32)
    np.testing.assert_array_equal(model.swap(content, content, 4), model.forecast(content, 4))

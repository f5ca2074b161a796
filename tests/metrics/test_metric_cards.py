"""docs/metrics.md says of every registered metric what its code says."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from stbench import registry
from stbench.boards.derived import BESIDE
from stbench.contract.capabilities import HasJudgedFactors
from stbench.errors import StbenchError

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
OURS = (
    *("mae", "mae_sum", "mse", "mse_sum", "mse_sum_x100", "psnr", "psnr_channels", "rmse"),
    *("psnr_of_mean_mse", "useful_horizon"),
    *(
        "mse_celsius",
        "mse_celsius_broadcast",
        "ssim_gauss11_celsius_broadcast",
        "psnr_best_truth",
        "ssim_gauss11_best_truth",
    ),
    *("ssim_gauss11", "ssim_gauss11_range", "ssim_uniform7", "ssim_uniform7_range2", "ssim_uniform7_uint8"),
    *(
        "judge_action_accuracy",
        "judge_motion_accuracy",
        "judge_body_accuracy",
        "judge_bottomwear_accuracy",
        "judge_topwear_accuracy",
        "judge_hair_accuracy",
        "judge_identity_accuracy",
        "judge_intra_entropy",
        "judge_inter_entropy",
        "judge_inception_score",
        "frechet_judge",
        "fvd",
    ),
    *(
        "renderer_action_accuracy",
        "renderer_motion_accuracy",
        "renderer_attributes_accuracy",
        "renderer_margin",
        "renderer_distance",
        "judge_agreement",
        "judge_intervention",
        "judge_intervention_chance",
        "renderer_intervention",
        "renderer_intervention_chance",
        "renderer_swap_consistency",
        "renderer_swap_consistency_chance",
        "renderer_global_consistency",
        "renderer_global_consistency_chance",
        "renderer_local_consistency",
        "renderer_local_consistency_chance",
        "dci_disentanglement",
        "dci_disentanglement_chance",
        "dci_completeness",
        "dci_completeness_chance",
        "dci_explicitness",
        "dci_explicitness_chance",
        "block_modularity",
        "block_modularity_chance",
        "block_compactness",
        "block_compactness_chance",
    ),
    *(
        "probe_linear_action_from_motion",
        "probe_linear_action_from_content",
        "probe_linear_attributes_from_content",
        "probe_linear_attributes_from_motion",
        "probe_mlp_action_from_motion",
        "probe_mlp_action_from_content",
        "probe_mlp_attributes_from_content",
        "probe_mlp_attributes_from_motion",
        "probe_chance_action",
        "probe_chance_attributes",
        "content_temporal_variance",
        "energy_drift",
        "reversibility_error",
    ),
)
MEMBERS = (
    *("crps", "spread", "spread_skill", "mse_of_mean", "rmse_of_mean", "psnr_of_mean", "ssim_gauss11_of_mean"),
    *("mse_best_member", "psnr_best_member", "ssim_gauss11_best_member", "ssim_uniform7_range2_best_member"),
)
OURS = (*OURS, *MEMBERS)
FOREIGN = SimpleNamespace(name="foreign", judged_factors={"action": ("action",), "pose": ("pose",)})
FIELDS = ("formula", "reduction", "range", "window", "better", "frames", "reference", "version")


def card(name: str) -> dict[str, str]:
    """The rows of the table under the heading of a metric."""
    section = re.search(rf"^## `{name}`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/metrics.md has no card of {name}"
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", section.group(1), re.MULTILINE)
    return {key: text.strip().strip("`") for key, text in rows}


def test_every_metric_of_ours_is_registered() -> None:
    assert set(OURS) <= set(registry.names("metrics"))


def test_every_registered_metric_of_ours_has_a_card() -> None:
    ours = {each.name for each in entry_points(group="stbench.metrics") if each.value.startswith("stbench.")}
    datasets = [
        registry.dataset(each.name) for each in entry_points(group="stbench.datasets") if "stbench." in each.value
    ]
    heads = {head for each in datasets if isinstance(each, HasJudgedFactors) for head in each.judged_factors}
    assert ours | {f"judge_{head}_accuracy" for head in heads} == set(OURS)


def test_a_head_of_a_foreign_dataset_has_a_metric_and_another_one_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but `judged_factors` has to be said for it."""
    assert "judge_pose_accuracy" not in registry.names("metrics")
    with pytest.raises(StbenchError, match=r"no metric 'judge_haar_accuracy': did you mean 'judge_hair_accuracy'"):
        registry.metric("judge_haar_accuracy")
    entry = EntryPoint("foreign", f"{__name__}:FOREIGN", "stbench.datasets")
    group = registry._group
    monkeypatch.setattr(
        registry, "_group", lambda kind: {**group(kind), **({"foreign": entry} if kind == "datasets" else {})}
    )
    found = registry.metric("judge_pose_accuracy")
    assert (found.name, found.higher_is_better, found.by_frame) == ("judge_pose_accuracy", True, False)
    assert found.formula == "mean_n [argmax_y p_n(y) = y of the content], head pose"
    assert "judge_pose_accuracy" in registry.names("metrics")


@pytest.mark.parametrize("name", OURS)
def test_card_matches_the_registered_metric(name: str) -> None:
    metric, text = registry.metric(name), card(name)
    assert metric.name == name
    assert tuple(key for key in text if key in FIELDS) == FIELDS
    assert text["formula"].replace("\\|", "|") == metric.formula
    assert text["range"] == metric.range
    assert text["reference"] == metric.reference
    assert text["version"] == metric.version
    assert text["better"] == metric.better
    assert text["frames"] == ("images only" if metric.images_only else "images and vectors")


def test_every_metric_of_frames_is_scored_on_a_track_or_derived_by_boards() -> None:
    """Nobody could get the value of one that is neither."""
    tracks = [track for name in registry.names("datasets") for track in registry.dataset(name).tracks]
    scored = {name for track in tracks for name in track.scored}
    assert {name for name in OURS if registry.metric(name).by_frame} <= scored | {*BESIDE}


@pytest.mark.parametrize("dataset", ["moving-mnist", "moving-mnist-angle", "kth", "kth-128", "taxibj"])
def test_what_the_field_prints_of_a_dataset_is_scored_on_its_forecasts(dataset: str) -> None:
    similarities = {"ssim_uniform7", "ssim_uniform7_range2", "ssim_uniform7_uint8"}
    sums = {"mse_sum_x100" if dataset == "taxibj" else "mse_sum", "mae_sum"}
    tracks = [track for track in registry.dataset(dataset).tracks if track.protocol == "forecast"]
    assert tracks
    for track in tracks:
        assert similarities | sums <= {*track.scored}
        assert len(track.scored) == len({*track.scored}), "none is named twice"


def test_page_has_no_card_of_a_metric_that_is_not_there() -> None:
    assert set(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == set(OURS)

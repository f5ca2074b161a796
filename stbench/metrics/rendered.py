"""What the nearest renderings of clips become (`stbench.judges.renderer`): accuracies, a margin, consistencies.

No weights and no training have a part in them, so rows of different judges compare. Those that set a trained judge
beside the renderings, or use the judge's heads, name the judge.
"""

from __future__ import annotations

from collections.abc import Iterable

from stbench.metrics import Metric, of_whole_clips

STBENCH = "stbench"
MSD_2025 = (
    "azencot-group, MSD-Benchmark (code at da5ba28), two blocks; partner agreement in place of an assumed chance; "
    "https://github.com/azencot-group/MSD-Benchmark"
)
CONSISTENCY = (
    "azencot-group, MSD-Benchmark (code at da5ba28), where local and global bear each other's name; "
    "https://github.com/azencot-group/MSD-Benchmark"
)


def _metric(
    name: str, formula: str, *, higher_is_better: bool, reference: str = STBENCH, judge_free: bool = True
) -> Metric:
    return Metric(
        name=name,
        version="1",
        formula=formula,
        range="1",
        reference=reference,
        higher_is_better=higher_is_better,
        images_only=True,
        frame_values=of_whole_clips,
        judge_free=judge_free,
    )


renderer_action_accuracy = _metric(
    "renderer_action_accuracy", "mean_n [action of the nearest rendering = asked action]", higher_is_better=True
)
renderer_motion_accuracy = _metric(
    "renderer_motion_accuracy",
    "mean_n [y of the nearest rendering = y of the motion], head action",
    higher_is_better=True,
)
renderer_attributes_accuracy = _metric(
    "renderer_attributes_accuracy",
    "mean_n mean_h [y of the nearest rendering = y of the content], heads h but action",
    higher_is_better=True,
)
renderer_margin = _metric("renderer_margin", "mean_n (1 - d1_n / d2_n)", higher_is_better=True)
renderer_distance = _metric("renderer_distance", "mean_n d1_n, in the units of frames", higher_is_better=False)
judge_agreement = _metric(
    "judge_agreement",
    "mean_n mean_h [argmax_y p_n^h(y) = y of the nearest rendering]",
    higher_is_better=True,
    judge_free=False,
)
_INTERVENTION = "1 - (mean_f |A_f,on - 1| + mean_f |A_f,off - c_f|) / 2"
judge_intervention = _metric(
    "judge_intervention", _INTERVENTION, higher_is_better=True, reference=MSD_2025, judge_free=False
)
judge_intervention_chance = _metric(
    "judge_intervention_chance",
    f"{_INTERVENTION} of the most frequent classes",
    higher_is_better=False,
    reference=STBENCH,
    judge_free=False,
)
renderer_intervention = _metric("renderer_intervention", _INTERVENTION, higher_is_better=True, reference=MSD_2025)
renderer_intervention_chance = _metric(
    "renderer_intervention_chance", f"{_INTERVENTION} of the most frequent classes", higher_is_better=False
)
_KINDS = {
    "swap": "mean_n mean_h mean_t [y_nht = y_h of the content]",
    "global": "mean_n mean_h mean_t [y_nht = mode_s y_nhs]",
    "local": "mean_n mean_h mean_t [y_nht = y_nh(t+1)]",
}


def _consistency(kind: str) -> tuple[Metric, Metric]:
    name = f"renderer_{kind}_consistency"
    value = _metric(name, _KINDS[kind], higher_is_better=True, reference=CONSISTENCY)
    return value, _metric(f"{name}_chance", f"{_KINDS[kind]}, frames of other clips", higher_is_better=False)


renderer_swap_consistency, renderer_swap_consistency_chance = _consistency("swap")
renderer_global_consistency, renderer_global_consistency_chance = _consistency("global")
renderer_local_consistency, renderer_local_consistency_chance = _consistency("local")


def wants_renderings(names: Iterable[str]) -> bool:
    """Has one of these metrics to be told the nearest renderings?"""
    return any(name.startswith("renderer_") or name == judge_agreement.name for name in names)

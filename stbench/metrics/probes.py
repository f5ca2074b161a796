"""What probes find in the codes of a model (`stbench.protocols.probe`)."""

from __future__ import annotations

from stbench.metrics import Metric, of_whole_clips

LOCATELLO_2019 = (
    "F. Locatello et al., Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations, "
    "ICML 2019"
)
STBENCH = "stbench"


def _metric(
    name: str, formula: str, *, higher_is_better: bool, reference: str = LOCATELLO_2019, version: str = "1"
) -> Metric:
    return Metric(
        name=name,
        version=version,
        formula=formula,
        range="none",
        reference=reference,
        higher_is_better=higher_is_better,
        images_only=True,
        frame_values=of_whole_clips,
    )


def _probe(kind: str, target: str, code: str) -> Metric:
    matched = (target, code) in {("action", "motion"), ("attributes", "content")}
    formula = f"mean_n [{kind} probe of the {code} code finds the {target} of clip n]"
    return _metric(f"probe_{kind}_{target}_from_{code}", formula, higher_is_better=matched)


probe_linear_action_from_motion = _probe("linear", "action", "motion")
probe_linear_action_from_content = _probe("linear", "action", "content")
probe_linear_attributes_from_content = _probe("linear", "attributes", "content")
probe_linear_attributes_from_motion = _probe("linear", "attributes", "motion")
probe_mlp_action_from_motion = _probe("mlp", "action", "motion")
probe_mlp_action_from_content = _probe("mlp", "action", "content")
probe_mlp_attributes_from_content = _probe("mlp", "attributes", "content")
probe_mlp_attributes_from_motion = _probe("mlp", "attributes", "motion")
probe_chance_action = _metric(
    "probe_chance_action",
    "mean_n [the action most frequent in training is that of clip n]",
    higher_is_better=False,
    reference=STBENCH,
)
probe_chance_attributes = _metric(
    "probe_chance_attributes",
    "mean_n [the attribute value most frequent in training is that of clip n]",
    higher_is_better=False,
    reference=STBENCH,
)
content_temporal_variance = _metric(
    "content_temporal_variance",
    "mean_n |z_n - z'_n|² / mean_{n != m} |z_n - z'_m|²",
    higher_is_better=False,
    reference=STBENCH,
    version="2",
)
energy_drift = _metric(
    "energy_drift", "mean_n |E(s_n(h)) - E(s_n(0))| / |E(s_n(0))|", higher_is_better=False, reference=STBENCH
)
reversibility_error = _metric(
    "reversibility_error", "mean_n |exp(-hH) exp(hH) s_n - s_n| / |s_n|", higher_is_better=False, reference=STBENCH
)
EASTWOOD_2018 = (
    "C. Eastwood and C. Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, "
    "ICLR 2018"
)
MSD_2025 = (
    "azencot-group, MSD-Benchmark (code at da5ba28), entropy over blocks; "
    "https://github.com/azencot-group/MSD-Benchmark"
)


def _importance(name: str, formula: str, reference: str) -> tuple[Metric, Metric]:
    value = _metric(name, formula, higher_is_better=True, reference=reference)
    return value, _metric(f"{name}_chance", f"{formula}, shuffled factors", higher_is_better=False, reference=STBENCH)


dci_disentanglement, dci_disentanglement_chance = _importance(
    "dci_disentanglement", "sum_i w_i (1 - H_F(R_ij / sum_j R_ij))", EASTWOOD_2018
)
dci_completeness, dci_completeness_chance = _importance(
    "dci_completeness", "mean_j (1 - H_D(R_ij / sum_i R_ij))", EASTWOOD_2018
)
dci_explicitness, dci_explicitness_chance = _importance(
    "dci_explicitness", "mean_n mean_j [forest j finds factor j of clip n]", EASTWOOD_2018
)
block_modularity, block_modularity_chance = _importance(
    "block_modularity", "sum_b w_b (1 - H_F(R_bj / sum_j R_bj)), R_bj = sum_(i in b) R_ij", MSD_2025
)
block_compactness, block_compactness_chance = _importance(
    "block_compactness", "mean_j (1 - H_B(R_bj / sum_b R_bj)), R_bj = sum_(i in b) R_ij", MSD_2025
)

"""What a judge's opinions on whole clips become (`stbench.protocols.judged`): accuracies, entropies, a distance.

The accuracy of a head that a dataset asks for (`HasJudgedFactors`) is made by `accuracy_of`, and found by name in
`stbench.registry`.

Values are those of one judge; another judge gives others, so a row names its judge and is ranked among its rows only.
"""

from __future__ import annotations

from stbench.metrics import Metric, of_whole_clips

KHAN_2021 = (
    "A. Khan and A. Storkey, Hamiltonian prior to Disentangle Content and Motion in Image Sequences, CtrlGen 2021, "
    "Table 2"
)
SALIMANS_2016 = "T. Salimans et al., Improved Techniques for Training GANs, NeurIPS 2016"
UNTERTHINER_2018 = (
    "T. Unterthiner et al., Towards Accurate Generative Models of Video: A New Metric & Challenges, arXiv:1812.01717"
)
HEUSEL_2017 = "M. Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017"


def _metric(name: str, formula: str, reference: str, *, higher_is_better: bool) -> Metric:
    return Metric(
        name=name,
        version="1",
        formula=formula,
        range="1",
        reference=reference,
        higher_is_better=higher_is_better,
        images_only=True,
        frame_values=of_whole_clips,
    )


def accuracy_of(head: str) -> Metric:
    """`judge_<head>_accuracy`: is what a clip shows, by this head of the judge, what its content shows?"""
    formula = f"mean_n [argmax_y p_n(y) = y of the content], head {head}"
    return _metric(f"judge_{head}_accuracy", formula, KHAN_2021, higher_is_better=True)


judge_action_accuracy = _metric(
    "judge_action_accuracy", "mean_n [argmax_a P_n(a) = asked action]", KHAN_2021, higher_is_better=True
)
judge_motion_accuracy = _metric(
    "judge_motion_accuracy", "mean_n [argmax_y p_n(y) = y of the motion], head action", KHAN_2021, higher_is_better=True
)
judge_intra_entropy = _metric(
    "judge_intra_entropy", "H(y|x) = -mean_n sum_y p_n(y) ln p_n(y)", KHAN_2021, higher_is_better=False
)
judge_inter_entropy = _metric(
    "judge_inter_entropy", "H(y) = -sum_y m(y) ln m(y), m = mean_n p_n", KHAN_2021, higher_is_better=True
)
judge_inception_score = _metric("judge_inception_score", "exp(H(y) - H(y|x))", SALIMANS_2016, higher_is_better=True)
frechet_judge = _metric(
    "frechet_judge",
    "|m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½)",
    HEUSEL_2017,
    higher_is_better=False,
)
fvd = _metric(
    "fvd",
    "|m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½), 400 logits of I3D",
    UNTERTHINER_2018,
    higher_is_better=False,
)

"""What metrics of one run must satisfy between them, whoever computed them: `broken` names what does not hold.

With e a squared and a an absolute error of a frame of N elements, E the mean over frames, and K classes:

    rmse² = mse,   mae² ≤ mse,   mse_sum = N mse,   mae_sum = N mae,   mse_sum_x100 = 100 mse_sum
    psnr = E[10 log10(1/e)] ≥ 10 log10(1/E[e]) = psnr_of_mean_mse                                     (Jensen)
    0 ≤ H(y|x) ≤ H(y) ≤ ln K,   IS = exp(H(y) - H(y|x)) ≤ K
    ssim ≤ 1,   0 ≤ accuracy ≤ 1
    of drawn members: rmse_of_mean² = mse_of_mean, spread_skill = spread / rmse_of_mean, PSNR of the mean as above
    over the whole horizon, by whose mean the best is chosen: psnr_best_member ≥ 10 log10(1/mse_best_member),
    psnr_best_truth ≥ psnr, ssim_gauss11_best_truth ≥ ssim_gauss11

A value is an `Interval`: what a printed figure may have been before it was rounded, or what rounding in the last bits
leaves open of a computed one. An identity is broken where no values inside the intervals satisfy it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

__all__ = ["Broken", "Interval", "broken", "computed", "excess", "inception_score", "printed", "psnr_of"]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SSIM, _ACCURACY = re.compile(r"ssim(_|$)"), re.compile(r"_accuracy$")


@dataclass(frozen=True)
class Interval:
    """All values from `low` to `high`."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2 if math.isfinite(self.low + self.high) else self.high

    def meets(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def mapped(self, increasing: Callable[[float], float]) -> Interval:
        """The image under a function that never decreases."""
        return Interval(increasing(self.low), increasing(self.high))

    def times(self, factor: float) -> Interval:
        """`factor` must not be negative."""
        return Interval(factor * self.low, factor * self.high)


def printed(text: str) -> Interval:
    """What "26.69" may have been: half a unit of its last digit to either side. `ValueError` for what is no number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{text}' is no number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text}' is no number") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -400 < number.adjusted() < 300:
        raise ValueError(f"'{text}' is too large or too small")
    half = 0.5 * 10.0**exponent
    # The product of a few such ends is off by some last bits; a figure at the very end of an interval is not refused.
    slack = 1e-9 * half
    return Interval(float(number) - half - slack, float(number) + half + slack)


def computed(value: float, relative: float = 1e-9) -> Interval:
    """What a mean of float64 values leaves open: `relative` of itself; nothing of one that is infinite."""
    return (
        Interval(value, value)
        if math.isinf(value)
        else Interval(*sorted((value * (1 - relative), value * (1 + relative))))
    )


def psnr_of(mse: float) -> float:
    """10 log10(1/mse) in decibel, range 1: the PSNR of a mean error. Infinite for 0 and less."""
    return -10 * math.log10(mse) if mse > 0 else math.inf


def excess(psnr: float, mse: float) -> float:
    """Decibels by which a mean PSNR lies above the PSNR of the mean error: at least 0 for one set of frames."""
    return psnr - psnr_of(mse)


def inception_score(marginal: Interval, conditional: Interval) -> Interval:
    """IS = exp(H(y) - H(y|x)) of the two entropies, in nats."""
    return Interval(_exp(marginal.low - conditional.high), _exp(marginal.high - conditional.low))


@dataclass(frozen=True)
class Broken:
    """An identity that no values inside the intervals satisfy."""

    metrics: tuple[str, ...]
    """Whose values are in it; one of them is wrong, or they are of different frames."""
    identity: str
    """As a formula: "rmse² = mse"."""
    found: str
    """The rest of a sentence: what is there and what should be."""


def broken(
    values: Mapping[str, Interval], *, elements: int | None = None, classes: int | None = None, whole: bool = False
) -> list[Broken]:
    """The identities between metrics of one run, over the same frames, that do not hold.

    `values`: metric -> its value, of metrics by the names they are registered under; others are ignored. `elements` is
    the number of numbers in a frame, `classes` that of the judge; without them nothing is asked that needs them.
    `whole`: the values are means over the whole horizon.
    """
    found = [_errors(values, elements), _members(values), _opinions(values, classes), _bests(values) if whole else ()]
    return [*(each for part in found for each in part), *_bounds(values)]


def _errors(values: Mapping[str, Interval], elements: int | None) -> Iterator[Broken]:
    mse, squares = yield from _mean(
        "mse", {"mse": 1, "mse_sum": elements, "mse_sum_x100": elements and 100 * elements}, values
    )
    mae, magnitudes = yield from _mean("mae", {"mae": 1, "mae_sum": elements}, values)
    if not elements and {"mse_sum", "mse_sum_x100"} <= values.keys():
        wanted = values["mse_sum"].times(100)
        yield from _equal(("mse_sum_x100", "mse_sum"), "mse_sum_x100 = 100 mse_sum", values["mse_sum_x100"], wanted)
    if mse is not None and "rmse" in values:
        yield from _equal(("rmse", squares), "rmse² = mse", values["rmse"], mse.mapped(_root))
    if mse is not None and mae is not None and mae.low > _root(mse.high):
        yield Broken((magnitudes, squares), "mae² ≤ mse", f"{_text(mae)} squared is more than {_text(mse)}")
    if mse is not None and "psnr" in values:
        yield from _jensen(("psnr", squares), "psnr ≥ 10 log10(1/mse)", values["psnr"], mse)


def _jensen(names: tuple[str, str], identity: str, psnr: Interval, mse: Interval) -> Iterator[Broken]:
    if psnr.high < (least := psnr_of(mse.high)):
        yield Broken(names, identity, f"{_text(psnr)} dB is less than the {least:.2f} dB of the mean error")


def _members(values: Mapping[str, Interval]) -> Iterator[Broken]:
    mse, rmse, psnr = (f"{name}_of_mean" for name in ("mse", "rmse", "psnr"))
    if {mse, rmse} <= values.keys():
        yield from _equal((rmse, mse), f"{rmse}² = {mse}", values[rmse], values[mse].mapped(_root))
    if {mse, psnr} <= values.keys():
        yield from _jensen((psnr, mse), f"{psnr} ≥ 10 log10(1/{mse})", values[psnr], values[mse])
    ratio, spread, error = (values.get(name) for name in ("spread_skill", "spread", "rmse_of_mean"))
    if ratio is not None and spread is not None and error is not None and error.low > 0:
        wanted = Interval(spread.low / error.high, spread.high / error.low)
        names = ("spread_skill", "spread", "rmse_of_mean")
        yield from _equal(names, "spread_skill = spread / rmse_of_mean", ratio, wanted)


def _bests(values: Mapping[str, Interval]) -> Iterator[Broken]:
    """At a single lead time another one may be better."""
    mse, psnr = "mse_best_member", "psnr_best_member"
    if {mse, psnr} <= values.keys():
        yield from _jensen((psnr, mse), f"{psnr} ≥ 10 log10(1/{mse})", values[psnr], values[mse])
    for name in ("psnr", "ssim_gauss11"):
        best = f"{name}_best_truth"
        if {name, best} <= values.keys() and values[best].high < values[name].low:
            found = f"{_text(values[best])} is less than {_text(values[name])}"
            yield Broken((best, name), f"{best} ≥ {name}", found)


def _mean(
    mean: str, factors: Mapping[str, int | None], values: Mapping[str, Interval]
) -> Generator[Broken, None, tuple[Interval | None, str]]:
    """The mean error of a run and the metric it is taken from, the first of `factors` that is there: metric -> how many
    means it is. The others have to agree with it."""
    there = {name: values[name].times(1 / factor) for name, factor in factors.items() if factor and name in values}
    if not there:
        return None, mean
    first, found = next(iter(there.items()))
    for name in there:
        factor, unit = factors[name] or 1, factors[first] or 1
        if name != first:
            identity = f"{name} = {factor // unit:,} {first}"
            yield from _equal((name, first), identity, values[name], found.times(factor))
    return found, first


def _opinions(values: Mapping[str, Interval], classes: int | None) -> Iterator[Broken]:
    conditional, marginal, score = (
        values.get(f"judge_{name}") for name in ("intra_entropy", "inter_entropy", "inception_score")
    )
    both = ("judge_inter_entropy", "judge_intra_entropy")
    if conditional is not None and conditional.high < 0:
        yield Broken(both[1:], "H(y|x) ≥ 0", f"it is {_text(conditional)}")
    if marginal is not None and conditional is not None and conditional.low > marginal.high:
        yield Broken(both, "H(y|x) ≤ H(y)", f"{_text(conditional)} is more than {_text(marginal)}")
    if marginal is not None and classes and marginal.low > math.log(classes):
        found = f"{_text(marginal)} is more than ln {classes} = {math.log(classes):.4f}"
        yield Broken(both[:1], "H(y) ≤ ln K", found)
    if score is not None and classes and score.low > classes:
        yield Broken(("judge_inception_score",), "IS ≤ K", f"{_text(score)} is more than {classes}")
    if score is not None and marginal is not None and conditional is not None:
        yield from _equal(
            ("judge_inception_score", *both),
            "IS = exp(H(y) - H(y|x))",
            score,
            inception_score(marginal, conditional),
        )


def _bounds(values: Mapping[str, Interval]) -> Iterator[Broken]:
    for name, value in values.items():
        if _SSIM.match(name) and value.low > 1:
            yield Broken((name,), "ssim ≤ 1", f"it is {_text(value)}")
        if _ACCURACY.search(name) and (value.low > 1 or value.high < 0):
            yield Broken((name,), "0 ≤ accuracy ≤ 1", f"it is {_text(value)}")


def _equal(names: tuple[str, ...], identity: str, found: Interval, wanted: Interval) -> Iterator[Broken]:
    if not found.meets(wanted):
        share = f" ({found.middle / wanted.middle - 1:+.2%})" if wanted.middle else ""
        yield Broken(names, identity, f"{_text(found)} where the others give {_text(wanted)}{share}")


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _root(value: float) -> float:
    return math.sqrt(max(value, 0.0))


def _text(value: Interval) -> str:
    return f"{value.middle:.5g}"

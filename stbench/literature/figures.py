"""What one cell of a printed table says: a quantity, of a run, with the digits it was given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from stbench.boards.reported import Reported
from stbench.results.identities import Interval, printed

COSTS = ("params", "flops", "fps")
SETUP = ("gpus", "batch")
SHARES = ("ssim", "lpips")
"""Scores of about 1, where per cent of it may be printed. (Of an accuracy the checks tell by its size.)"""
PERCENT = 0.01
LOWER_IS_BETTER = {"mse": True, "mae": True, "rmse": True, "lpips": True, "ssim": False, "psnr": False}
"""Scores of forecasts, and whether less is better."""

_QUANTITIES = re.compile(
    "|".join(
        (
            r"(?P<params>\bparam\w*)",
            r"(?P<flops>\b(?:flop|mac)s?\b)",
            r"(?P<fps>\bfps\b|\bframes per second)",
            r"(?P<batch>\bbatch\b[\w ]*)",
            r"(?P<gpus>\b(?:gpus?|devices?)\b)",
            r"(?P<epochs>\bepochs?\b)",
            r"(?P<rmse>\brmse\b)",
            r"(?P<mse>\bmse\b)",
            r"(?P<mae>\bmae\b)",
            r"(?P<ssim>\bssim\b)",
            r"(?P<psnr>\bp-?snr\b)",
            r"(?P<lpips>\blpips\b)",
            r"(?P<fvd>\bfvd\b)",
            r"(?P<conditional>\bh\(y\s*\|\s*x\)|\bintra[- ]?entropy)",
            r"(?P<marginal>\bh\(y\)|\binter[- ]?entropy)",
            r"(?P<inception>(?-i:\bIS\b)|\binception(?: score)?\b)",
            r"(?P<accuracy>\b(?:\w+ )?acc(?:uracy)?\b)",
        )
    ),
    re.IGNORECASE,
)
_ARROWS = re.compile(r"[↑↓*†‡§]|\((?:higher|lower)[^()]*\)|\bdB\b")
_FIGURE = re.compile(
    r"(?P<digits>[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"\.?\s*+(?P<unit>[kKMGT])?(?:%|dB|s|x)?(?:\s*(?:±|\+/?-|\().*)?",
    re.ASCII,
)
_POWER = re.compile(r"\s?[×x·]\s?10(?:\^\{?([+-]?\d{1,3})\}?|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))(?=$|\D)")
_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_UNITS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_EPOCHS = re.compile(r",?\s{0,3}\(?\b([\d,]{1,12})\s{0,3}epochs?\b\)?", re.IGNORECASE | re.ASCII)
_SUM = re.compile(r"(?:(\d{1,6}) x )?(sum|mean) over (\d{1,6}(?:x\d{1,6})*)")
_FRAMES = re.compile(r"frames of (\d{1,6}(?:x\d{1,6})*)")
_EXPONENT = r"(?:10\s?(?:\^\s?\{?\s?[+−-]?\d{1,2}\s?\}?|[−-]\d|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})|1?[eE][+−-]\d{1,2})(?!\w)"
_SCALE = re.compile(
    rf"(?:[×·]|\\times|(?<![^\W_])x)\s{{0,3}}(?:(?P<factor>10{{1,6}})(?![\w^⁺⁻]|\.\d|[−-]\d)|(?P<times>{_EXPONENT}))"
    rf"|[(\[]\s?\$?(?P<alone>{_EXPONENT})\$?\s?[)\]]"
)
"""x 100, ×10⁻³, and alone in brackets (10^-3)."""
_CLASSES = re.compile(r"\b([1-9]\d{0,5}) classes", re.ASCII)


@dataclass(frozen=True)
class Convention:
    """How a figure was computed, as far as it is known."""

    reduction: str = ""
    """ "sum" or "mean" over the elements of a frame; empty where nobody says."""
    frame: str = ""
    """Shape of a frame: "1x64x64"."""
    scale: int = 1
    """100 for a column "MSE x 100"."""
    classes: int | None = None
    """Of the judge."""

    @property
    def elements(self) -> int | None:
        """Numbers in a frame."""
        return elements_of(self.frame) if self.frame else None


def elements_of(frame: str) -> int:
    """4,096 of "1x64x64". `ValueError` for another text."""
    found = 1
    for side in frame.lower().split("x"):
        if not re.fullmatch(r"[1-9]\d{0,6}", side, re.ASCII):
            raise ValueError(f"'{frame}' is no shape of a frame: write 1x64x64")
        found *= int(side)
    return found


@dataclass(frozen=True)
class Figure:
    """One printed number."""

    table: str
    place: str
    """Where it stands in the file: "line 12"."""
    run: str
    """The model, as the table calls it, without its epochs."""
    dataset: str
    quantity: str
    """"mse", "psnr", "params", ...: a group of `_QUANTITIES`."""
    text: str
    """The digits as printed."""
    unit: float = 1
    epochs: int | None = None
    horizon: str = ""
    row: str = ""
    """The row of its table, where one holds a run: figures of two are of two runs, even under one name. Empty where
    each figure has a row of its own."""
    paper: str = ""
    origin: str = ""
    """Whose run it is, where the table copies it and says so."""
    convention: Convention = Convention()

    @cached_property
    def value(self) -> Interval | None:
        """What the digits may have been before they were rounded, without the scale of the column; None of a text."""
        try:
            return printed(self.text).times(self.unit / self.convention.scale)
        except ValueError:
            return None

    @property
    def named(self) -> str:
        """The run as sentences name it."""
        return f"{self.run}, {self.epochs:,} epochs" if self.epochs else self.run

    @property
    def digits(self) -> int:
        """Significant digits of the text."""
        mantissa = re.split("[eE]", self.text)[0]
        return len(re.sub(r"\D", "", mantissa).lstrip("0"))


def quantities(heading: str) -> tuple[list[str], str]:
    """The quantities a heading names, in its order, and what is left of it: (["mse"], "Moving MNIST")."""
    clean = _ARROWS.sub(" ", heading)
    found = [str(match.lastgroup) for match in _QUANTITIES.finditer(clean)]
    rest = _QUANTITIES.sub(" ", clean)
    rest = re.sub(r"\([\s%MGKx\d$,;:]*\)|\[[\s%MGKx\d$,;:]*\]|\$\s?\$|[%:,;|]", " ", _SCALE.sub(" ", rest))
    return found, re.sub(r"^\(([^()]*)\)$", r"\1", re.sub(r"\s+", " ", rest).strip(" -"))


def unit_of(heading: str, quantity: str = "") -> float:
    """1e6 of "Params (M)", and of a cost in ×10⁶."""
    found = re.search(r"\(([kKMGT])\)", heading)
    return _UNITS[found[1]] if found else 10.0 ** _power(heading) if quantity in COSTS else 1


def share_of(heading: str, quantity: str) -> float:
    """A hundredth of "SSIM (%)"; 0 where the heading does not say per cent of this quantity."""
    found = [*_QUANTITIES.finditer(heading)]
    ends = [*(each.start() for each in found[1:]), len(heading)]
    for each, end in zip(found, ends, strict=False):
        own = heading[each.start() if len(found) > 1 else 0 : end]
        if each.lastgroup == quantity and quantity in SHARES and "%" in own:
            return PERCENT
    return 0


def scale_of(heading: str, quantity: str = "") -> int:
    """What a score was multiplied by: 100 of "MSE x 100", 1,000 of "MSE (×10³)", and of "MSE (×10⁻³)", whose values
    are thousandths. A cost has a unit instead."""
    return 1 if quantity in COSTS else 10 ** abs(_power(heading))


def _power(heading: str) -> int:
    """-3 of "×10⁻³", 2 of "x 100"."""
    found = _SCALE.search(heading)
    if found is None:
        return 0
    if found["factor"]:
        return found["factor"].count("0")
    written = (found["times"] or found["alone"]).translate(_SUPERSCRIPTS).replace("−", "-")
    return int(re.sub(r"^(?:10|1?[eE])|[\s^{}]", "", written))


def figure(cell: str) -> tuple[str, float | None] | None:
    """The digits of a cell and its unit, None where the heading has to say: ("58.0", 1e6) of "**58.0M**"; None where
    there is no number."""
    found = _FIGURE.fullmatch(_with_exponent(cell.replace("−", "-").strip()))
    if found is None:
        return None
    return found["digits"].replace(",", ""), _UNITS[found["unit"]] if found["unit"] else None


def _with_exponent(cell: str) -> str:
    """1.0×10⁻², as tables of stbench print it, and 1.0 x 10^-2 as 1.0e-2."""
    return _POWER.sub(lambda found: "e" + (found[1] or found[2].translate(_SUPERSCRIPTS)), cell)


def epochs_of(text: str) -> tuple[str, int | None]:
    """A name without its epochs, and they: ("TAU", 2000) of "TAU, 2,000 epochs"."""
    found = _EPOCHS.search(text)
    if found is None or not (digits := found[1].replace(",", "")):
        return text, None
    return (text[: found.start()] + text[found.end() :]).strip(" ,"), int(digits[:9])


def convention_of(text: str) -> Convention:
    """What the column `convention` of reported numbers says: "100 x sum over 2x32x32", "9 classes"."""
    reduced, frames, classes = _SUM.search(text), _FRAMES.search(text), _CLASSES.search(text)
    return Convention(
        reduction=reduced[2] if reduced else "",
        frame=reduced[3] if reduced else frames[1] if frames else "",
        scale=int(reduced[1] or 1) if reduced else 1,
        classes=int(classes[1]) if classes else None,
    )


def of_reported(rows: Iterable[Reported]) -> list[Figure]:
    """The figures of a table of reported numbers; what its metrics do not name is left out."""
    found = []
    for number, row in enumerate(rows, start=2):
        names, rest = quantities(row.metric)
        if len(names) != 1:
            continue
        run, epochs = epochs_of(row.row)
        found.append(
            Figure(
                table=f"{row.paper}: {row.table}",
                place=f"row {number}",
                run=run,
                dataset=row.dataset,
                quantity=f"accuracy {rest}" if names[0] == "accuracy" and rest else names[0],
                text=row.value,
                unit=share_of(row.metric, names[0]) or unit_of(row.metric, names[0]),
                epochs=epochs,
                horizon=_asked(row),
                paper=row.paper,
                origin=row.origin,
                convention=convention_of(row.convention),
            )
        )
    return found


def _asked(row: Reported) -> str:
    """What was asked besides the dataset: "10" of forecasts of ten frames, "swap 10" of swaps."""
    protocol = row.track.partition("/")[2].rpartition("-")[0]
    return row.horizon if protocol in ("", "forecast") else f"{protocol} {row.horizon}"

"""The templates of the web pages: what they can call, how they write values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench.boards.board import Line, Summary, lead_time_name
from stbench.boards.cite import bibtex_of
from stbench.boards.matrix import SHADES
from stbench.boards.plots import cost_of_block, curves_of
from stbench.boards.site import anchor, configuration_anchor
from stbench.boards.svg import dash_text
from stbench.contract.datasets import canonical_json
from stbench.pictures.colours import DASHES, MODELS, SIMULATED, STROKES
from stbench.results import numbers
from stbench.results.trust import LADDER, Trust

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from stbench.metrics import Metric

TEMPLATES = Path(__file__).resolve().parent / "templates"


def environment() -> jinja2.Environment:
    """Jinja, with the filters and globals of the templates and with style and script."""
    import jinja2
    from markupsafe import Markup

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "score": numbers.score_text,
        "count": numbers.count_text,
        "seconds": numbers.seconds_text,
        "interval": _interval,
        "anchor": anchor,
        "folded": _folded,
        "sort": _sort_key,
        "skill": numbers.skill_text,
    }
    # Globals: macros see no variables.
    made.globals |= {
        "lead_time_name": lead_time_name,
        "better": _better,
        "cost": _cost,
        "curves": curves_of,
        "cost_plot": cost_of_block,
        "configuration_anchor": configuration_anchor,
        "configuration_text": configuration_text,
        "bibtex": bibtex_of,
        "simulated": SIMULATED,
        "ladder": LADDER,
        "reported_trust": Trust.REPORTED,
        "models_hex": MODELS,
        "dashes": [dash_text(each) for each in DASHES],
        "strokes": [dash_text(each) for each in STROKES],
        "shades": SHADES,
        "script": Markup(_own("vendored/sortable.min.js") + _own("page.js")),
        "style": Markup(made.get_template("style.css").render(
            models=MODELS,
            dashes=[dash_text(each) for each in DASHES],
            strokes=[dash_text(each) for each in STROKES],
            shades=SHADES,
        )),
    }  # fmt: skip
    return made


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _interval(summary: Summary) -> str:
    return numbers.interval_text(summary.value, summary.ci_low, summary.ci_high)


def _folded(name: str) -> Markup:
    """A name that may be broken behind underscores, so that a column is as wide as its values."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def _sort_key(value: float | None) -> str:
    """What a script reads as a number; empty sorts last."""
    if value is None:
        return ""
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, f"{value:.9g}")


def _better(metric: str) -> str:
    """ "lower", "higher", "closer to 1"; empty for a metric that is not registered here."""
    found = known_metrics([metric])
    return found[0].better if found else ""


def _cost(line: Line) -> Mapping[str, Any]:
    """Costs of a line: means over seeds, the largest memory."""
    records = [entry.record for entry in line.entries]
    inference = [each.inference_seconds for each in records if each.inference_seconds is not None]
    memory = [each.peak_memory_bytes for each in records if each.peak_memory_bytes is not None]
    return {
        "train_seconds": line.train_seconds,
        "train_cpu_seconds": line.train_cpu_seconds,
        "inference_seconds": sum(inference) / len(inference) if inference else None,
        "memory": f"{max(memory) / 1e6:,.0f} MB" if memory else "",
        "unfinished": not all(each.trained_whole for each in records),
        "machine": "; ".join(
            dict.fromkeys(f"{each.device}, {each.processor}" for each in records if not each.made_elsewhere)
        ),
    }


def configuration_text(line: Line) -> str:
    """As indented JSON."""
    import json

    return json.dumps(json.loads(canonical_json(line.record.configuration)), indent=1, ensure_ascii=False)


def known_metrics(names: Iterable[str]) -> list[Metric]:
    """Those that are registered here."""
    from stbench import registry

    known = set(registry.names("metrics"))
    return [registry.metric(name) for name in names if name in known]

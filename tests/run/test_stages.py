"""What a run depends on is in its digests: mutations of a copy of the package, and what is really imported."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stbench import registry
from stbench.contract.datasets import Split, Track
from stbench.protocols.known import KNOWN
from stbench.provenance.code import closure
from stbench.running.plan import Plan, choose, find_track, plan
from stbench.running.stages import (
    ASKS,
    LEFT_OUT,
    TRAINING,
    code_of,
    code_of_predictions,
    model_modules,
    scoring_modules,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SPLIT = Split("test/split-1", 10, {"train": ((0, 6),), "val": ((6, 8),), "test": ((8, 10),)})
BOTH, TRAINS, SCORES, NEITHER = {"training", "scoring"}, {"training"}, {"scoring"}, set[str]()
FORECAST = ("convlstm", "moving-mnist", None)
SWAP = ("phydnet", "moving-mnist", "swap-10")
REFERENCE = ("sepvar", "moving-mnist", None)
JUDGED = ("hamiltonian", "sprites", "sample-8")
WITH_FVD = ("hamiltonian", "mug", "generation-16")
FLOOR = ("linear", "moving-mnist", None)
PROBED = ("hamiltonian", "sprites", "probe-8")
CLIPS = ("mean", "sprites", "exchange-8")
Case = tuple[str, str, str | None]
CASES: tuple[Case, ...] = (FORECAST, SWAP, REFERENCE, JUDGED, WITH_FVD, FLOOR, PROBED, CLIPS)


def planned(case: Case, split: Split = SPLIT) -> Plan:
    model, dataset, track = case
    store: Any = SimpleNamespace(dataset=dataset, digest="00", split=split)
    return plan(choose(model, dataset, track=track), store, 0)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package as it is shipped, to be changed."""
    root = tmp_path_factory.mktemp("tree")
    only = shutil.ignore_patterns("__pycache__", "records", "*.so")
    shutil.copytree(REPOSITORY / "stbench", root / "stbench", ignore=only)
    for room in ("generators", "baselines"):
        shutil.copytree(REPOSITORY / room, root / "stbench" / room, ignore=only)
    return root


def finder(root: Path) -> Callable[[str], Path | None]:
    def find(module: str) -> Path | None:
        place = root.joinpath(*module.split("."))
        candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
        return next((path for path in candidates if path.is_file()), None)

    return find


@pytest.fixture(scope="module")
def before(tree: Path) -> dict[Case, dict[str, str]]:
    return {case: code_of(planned(case), finder(tree)) for case in CASES}


def changed_constant(source: str, within: str) -> str:
    """The first number in the body of a function, or in the whole file for "", raised by one; where there is none, the
    first key that is looked up, made another."""
    module = ast.parse(source)
    place = next(node for node in ast.walk(module) if not within or getattr(node, "name", "") == within)
    body = [each for node in getattr(place, "body", []) for each in ast.walk(node)]
    numbers = [each for each in body if isinstance(each, ast.Constant) and type(each.value) in (int, float)]
    keys = [node.slice for node in body if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)]
    keys += [node.args[0] for node in body if isinstance(node, ast.Call) and node.args]
    keys = [each for each in keys if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    first = min(numbers or keys, key=lambda each: (each.lineno, each.col_offset))
    lines = source.splitlines(keepends=True)
    line = lines[first.lineno - 1].encode()
    number = (str(first.value + 1) if numbers else repr(first.value + "s")).encode()
    lines[first.lineno - 1] = (line[: first.col_offset] + number + line[first.end_col_offset :]).decode()
    return "".join(lines)


MUTATIONS: list[tuple[str, str, Case, set[str]]] = [
    # (file, function, run, stages that must notice)
    ("models/parts/components.py", "make", FORECAST, BOTH),
    ("store/normaliser.py", "Normaliser", FORECAST, BOTH),
    ("store/reader.py", "normaliser", FORECAST, BOTH),
    ("store/layout.py", "", FLOOR, BOTH),
    ("splits/index.py", "", FORECAST, BOTH),
    ("splits/training.py", "", REFERENCE, TRAINS),
    ("training/batches.py", "", FORECAST, TRAINS),
    ("training/state.py", "__init__", JUDGED, BOTH),  # The judge is trained by the same loop.
    ("training/settings.py", "", FORECAST, TRAINS),
    ("training/loop.py", "", REFERENCE, TRAINS),
    ("running/fit.py", "", FORECAST, TRAINS),
    ("training/adapter.py", "", FORECAST, SCORES),
    ("models/parts/convlstm.py", "", FORECAST, BOTH),
    ("models/parts/convlstm.py", "", SWAP, BOTH),
    ("baselines/phydnet/cell.py", "", SWAP, BOTH),
    ("baselines/phydnet/networks.py", "", SWAP, BOTH),
    ("baselines/floors/ridge.py", "", FLOOR, BOTH),
    ("models/sepvar/model.py", "", REFERENCE, BOTH),
    ("models/sepvar/static.py", "", REFERENCE, BOTH),
    ("models/parts/ode.py", "", REFERENCE, BOTH),
    ("models/parts/dcgan.py", "", REFERENCE, BOTH),
    ("models/hamiltonian/phase_space.py", "", JUDGED, BOTH),
    ("models/hamiltonian/networks.py", "", JUDGED, BOTH),
    ("results/aggregate.py", "", FORECAST, SCORES),
    ("results/aggregate.py", "", CLIPS, SCORES),
    ("metrics/__init__.py", "", FORECAST, SCORES),
    ("metrics/pixel.py", "", FORECAST, SCORES),
    ("metrics/ssim.py", "", FORECAST, SCORES),
    ("metrics/entropy.py", "", JUDGED, SCORES),
    ("metrics/frechet.py", "", WITH_FVD, SCORES),
    ("protocols/windows.py", "", FORECAST, SCORES),
    ("protocols/scoring.py", "", SWAP, SCORES),
    ("protocols/swap.py", "", SWAP, SCORES),
    ("protocols/judged.py", "", JUDGED, SCORES),
    ("protocols/probe.py", "", PROBED, SCORES),
    ("generators/moving_mnist/swap.py", "", SWAP, SCORES),
    ("generators/moving_mnist/kernel.py", "", SWAP, SCORES),
    ("generators/sprites/dataset.py", "", CLIPS, SCORES),
    ("judges/judge.py", "", JUDGED, SCORES),
    ("judges/network.py", "", JUDGED, SCORES),
    ("judges/network.py", "", CLIPS, SCORES),
    ("judges/i3d.py", "", WITH_FVD, SCORES),
    # What cannot change a number of this run.
    ("judges/network.py", "", FORECAST, NEITHER),
    ("protocols/probe.py", "", FORECAST, NEITHER),
    ("generators/moving_mnist/kernel.py", "", FORECAST, NEITHER),
    ("baselines/phydnet/cell.py", "", FORECAST, NEITHER),
    ("models/hamiltonian/phase_space.py", "", REFERENCE, NEITHER),
    ("pictures/colours.py", "", FORECAST, NEITHER),
    ("boards/svg.py", "", FORECAST, NEITHER),
    ("cli/console.py", "", FORECAST, NEITHER),
    ("running/suite.py", "", FORECAST, NEITHER),
]


@pytest.mark.parametrize(("file", "function", "case", "noticed"), MUTATIONS)
def test_one_constant_changes_the_digests_it_decides(
    tree: Path, before: dict[Case, dict[str, str]], file: str, function: str, case: Case, noticed: set[str]
) -> None:
    path = tree / "stbench" / file
    source = path.read_text("utf-8")
    try:
        path.write_text(changed_constant(source, function), "utf-8")
        after = code_of(planned(case), finder(tree))
    finally:
        path.write_text(source, "utf-8")
    assert {stage for stage in after if after[stage] != before[case][stage]} == noticed


def test_the_settings_of_the_judge_are_in_the_digest_of_judged_scores_alone(
    tree: Path, before: dict[Case, dict[str, str]]
) -> None:
    path = tree / "stbench" / "judges" / "judge.toml"
    source = path.read_text("utf-8")
    try:
        path.write_text(source.replace("width = 16", "width = 17"), "utf-8")
        assert path.read_text("utf-8") != source
        after = {case: code_of(planned(case), finder(tree)) for case in CASES}
    finally:
        path.write_text(source, "utf-8")
    noticed = {(case, stage) for case in CASES for stage in BOTH if after[case][stage] != before[case][stage]}
    assert noticed == {(JUDGED, "scoring"), (CLIPS, "scoring")}


def test_prose_changes_no_digest(tree: Path, before: dict[Case, dict[str, str]], tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "rewritten")
    for path in (tmp_path / "rewritten").rglob("*.py"):
        module = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(module):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body[0] = ast.Expr(ast.Constant("Other words."))
        # Comments and layout are not in the tree, so they go here.
        path.write_text(ast.unparse(ast.fix_missing_locations(module)) + '\n"""And some more."""\n', "utf-8")
    for path in (tmp_path / "rewritten").rglob("*.toml"):
        path.write_text("# A word before.\n" + path.read_text("utf-8"), "utf-8")
    assert {case: code_of(planned(case), finder(tmp_path / "rewritten")) for case in CASES} == before


def test_the_copy_has_the_digests_of_what_is_installed(before: dict[Case, dict[str, str]]) -> None:
    assert {case: code_of(planned(case)) for case in CASES} == before


def test_another_split_or_another_track_is_another_digest() -> None:
    first = code_of(planned(FORECAST))
    other = dataclasses.replace(SPLIT, ranges={**SPLIT.ranges, "train": ((0, 5),)})
    after = code_of(planned(FORECAST, other))
    assert {stage for stage in first if first[stage] != after[stage]} == BOTH
    shown = planned(FORECAST)
    stride = dataclasses.replace(shown, track=dataclasses.replace(shown.track, stride=7))
    assert {stage for stage in first if first[stage] != code_of(stride)[stage]} == SCORES


def test_predictions_made_elsewhere_depend_on_the_scoring_code_alone(tree: Path) -> None:
    track = find_track("moving-mnist", None)
    assert set(code_of_predictions(track, SPLIT)) == SCORES
    decides = {"results/aggregate.py": True, "protocols/predictions.py": True, "training/loop.py": False}
    for file, noticed in decides.items():
        path = tree / "stbench" / file
        source = path.read_text("utf-8")
        try:
            path.write_text(changed_constant(source, ""), "utf-8")
            after = code_of_predictions(track, SPLIT, finder(tree))
        finally:
            path.write_text(source, "utf-8")
        assert (after != code_of_predictions(track, SPLIT)) == noticed, file


ASK = """
import json
from types import SimpleNamespace
from stbench.contract.datasets import fingerprint
from stbench.running.plan import choose, plan
from stbench.running.stages import code_of
from stbench.store.build import resolve

def answer():
    split = resolve("moving-mnist", {}, "simulated").split
    bytes = {"normaliser": {"kind": "fixed", "mean": 0.0, "std": 255.0}}
    store = SimpleNamespace(dataset="moving-mnist", digest="00", split=split, attributes=bytes)
    todo = plan(choose("convlstm", "moving-mnist", preset="paper"), store, 0)
    return {"identity": fingerprint(todo.identity), "trained": fingerprint(todo.trained), **code_of(todo)}

print(json.dumps(answer()))
"""


def asked(tree: Path) -> dict[str, str]:
    """Identity and digests of a run as Python computes them that imports the copy."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("STBENCH_RAW", None)
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=False, env=environment, cwd=tree
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_a_preset_names_another_run_and_a_split_changes_both_digests_too(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy)
    first = asked(copy)
    for path in (copy / "stbench" / "baselines").rglob("*.toml"):
        path.write_text(path.read_text("utf-8").replace("learning_rate = ", "learning_rate = 3"), "utf-8")
    preset = asked(copy)
    assert {name for name in first if first[name] != preset[name]} == {"identity", "trained"}
    for path in (copy / "stbench" / "generators" / "moving_mnist").glob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        split = Split(f"{content['id']}x", content["n_sequences"], content["ranges"])
        path.write_text(json.dumps({**content, "id": split.id, "digest": split.digest}), "utf-8")
    cut = asked(copy)
    assert {name for name in first if preset[name] != cut[name]} == {"identity", "trained"} | BOTH


def every_track() -> Iterator[Track]:
    for name in registry.names("datasets"):
        yield from registry.dataset(name).tracks


def test_a_protocol_asks_the_dataset_where_its_code_does() -> None:
    for protocol in KNOWN.values():
        modules = closure([protocol.module], without=LEFT_OUT)
        asks = any("registry.dataset(" in path.read_text("utf-8") for path in modules.values())
        assert asks == protocol.asks_dataset, protocol.name


def test_every_plug_in_is_in_the_digest_of_the_runs_that_ask_it() -> None:
    for name in registry.names("models"):
        assert registry.module("models", name) in model_modules(registry.model(name))
    for track in every_track():
        modules = scoring_modules(track)
        assert {registry.module("metrics", name) for name in track.scored} <= set(modules)
        assert KNOWN[track.protocol].module in modules
        assert (registry.module("datasets", track.dataset) in modules) == (track.protocol not in ("forecast", "draws"))
        assert ("stbench.judges.judge" in modules) == KNOWN[track.protocol].judged


def test_what_is_left_out_is_there() -> None:
    for name in (*LEFT_OUT, *ASKS, *TRAINING):
        assert finder(REPOSITORY)(name), name

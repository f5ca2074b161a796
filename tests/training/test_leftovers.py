"""Whatever a killed process left in a training folder, weights of older code never stand under the name of today's."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from stbench.running.weights import code_of_weights
from stbench.training import checkpoint as checkpoints
from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train

IDENTITY = {"model": "walker", "preset": "test"}
STEPS = {"checkpoint": 4, "checkpoint.previous": 2, "checkpoint.new": 6}
"""Leftover -> the step it is of, so that a training tells which one it went on from."""
SNAPSHOT = 1

LEFT = [
    left
    for n in range(len(STEPS) + 1)
    for left in itertools.combinations([*STEPS, "half checkpoint.new"], n)
    if not {"checkpoint.new", "half checkpoint.new"} <= {*left}
]
"""Every combination of what `save` may leave behind when it is killed."""
CODES = ("today", "older", "unknown", "damaged")
ASKED = ({}, {"reuse": True}, {"force": True}, {"reuse": True, "force": True})


@pytest.fixture(autouse=True)
def not_brought_to_the_disk(monkeypatch):
    """Nothing here loses power, and hundreds of folders would wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def settings(settings):
    return {**settings, "steps": 8, "snapshots": [SNAPSHOT, 7]}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Where the checkpoints of the steps are made once."""
    return tmp_path_factory.mktemp("library")


@pytest.fixture
def leave(tmp_path, library, windows, walker, settings):
    """`leave(names, code)` makes the training folder of a killed process."""
    for name, step in STEPS.items():
        if not (library / name).exists():
            calls = iter(range(step))
            train(
                walker(),
                windows,
                settings,
                library / name,
                seed=3,
                identity=IDENTITY,
                stop=lambda calls=calls: next(calls, None) is None,
            )

    def make(names, code):
        folder = tmp_path / "trained"
        folder.mkdir()
        for name in names:
            whole = name.removeprefix("half ")
            shutil.copytree(library / whole / "checkpoint", folder / whole)
            if name != whole:
                (folder / whole / "state.json").unlink()
        shutil.copytree(library / "checkpoint" / "snapshots", folder / "snapshots")
        # What cannot come from the weights of this seed: an older training's.
        snapshot = folder / "snapshots" / f"step-{SNAPSHOT:05d}.safetensors"
        checkpoints.write_tensors(snapshot, {name: 0 * each for name, each in read_tensors(snapshot).items()})
        text = {"today": '{"sha256": "today"}', "older": '{"sha256": "older"}', "damaged": '{"sha256": ['}.get(code)
        if text is not None:
            (folder / "training_code.json").write_text(text)
        return folder

    return make


def names_of(parameters):
    return ", ".join(parameters) or "nothing"


@pytest.mark.parametrize("asked", ASKED, ids=names_of)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("left", LEFT, ids=names_of)
def test_training_goes_on_from_one_checkpoint_and_names_the_code_that_made_it(
    windows, walker, settings, leave, left, code, asked
):
    folder, said = leave(left, code), []
    counts = next((STEPS[name] for name in ("checkpoint", "checkpoint.previous") if name in left), 0)
    kept = counts and not asked.get("force") and (code == "today" or (code == "older" and asked.get("reuse", False)))
    named = code_of_weights(folder, "today", note=said.append, **{"reuse": False, "force": False, **asked})
    assert named == (code if kept else "today")
    assert json.loads((folder / "training_code.json").read_text()) == {"sha256": named}

    model = walker()
    summary = train(model, windows, settings, folder, seed=3, identity=IDENTITY)
    assert summary.resumed_from == (counts if kept else 0)
    assert len(said) == (1 if counts and not kept and not asked.get("force") else 0)
    assert (folder / "checkpoint.set-aside").exists() == bool(counts and not kept)
    # Snapshots of what was set aside are no snapshots of this training.
    zeros = read_tensors(folder / "snapshots" / f"step-{SNAPSHOT:05d}.safetensors")
    assert any(each.any() for each in zeros.values()) == (not kept)


def test_weights_after_any_leftover_are_those_of_an_uninterrupted_training(tmp_path, windows, walker, settings, leave):
    whole = walker()
    train(whole, windows, settings, tmp_path / "whole", seed=3, identity=IDENTITY)
    for number, left in enumerate(LEFT):
        folder = leave(left, "today").rename(tmp_path / str(number))
        code_of_weights(folder, "today", reuse=False, force=False, note=print)
        model = walker()
        train(model, windows, settings, folder, seed=3, identity=IDENTITY)
        for name, each in whole.state_dict().items():
            assert torch.equal(each, model.state_dict()[name]), (left, name)


@pytest.mark.parametrize("left", [["checkpoint", "checkpoint.previous"], ["checkpoint.previous"]], ids=names_of)
def test_killed_while_setting_aside_no_older_weights_stand_under_the_name_of_today(leave, left, monkeypatch, tmp_path):
    """After each single step of it: the old weights still count and bear their name, or none count."""

    class Killed(BaseException):
        pass

    for survived in range(20):
        folder, steps = leave(left, "older").rename(tmp_path / str(survived)), iter(range(survived))

        def once(function, steps=steps):
            def call(*arguments, **options):
                if next(steps, None) is None:
                    raise Killed
                return function(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", once(shutil.rmtree))
            patch.setattr("pathlib.Path.rename", once(Path.rename))
            patch.setattr("os.replace", once(os.replace))
            try:
                code_of_weights(folder, "today", reuse=False, force=False, note=print)
            except Killed:
                code = json.loads((folder / "training_code.json").read_text())["sha256"]
                assert code == "older" or checkpoints.current(folder) is None
            else:
                assert survived > 2
                return
    raise AssertionError("it never came to its end")

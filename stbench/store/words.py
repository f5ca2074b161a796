"""The words of a command line that ask for data by name."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stbench import registry
from stbench.contract.datasets import setting_words

if TYPE_CHECKING:
    from stbench.store.reader import Store


def generate_command(dataset: str, parameters: Mapping[str, Any], source: str = "auto") -> str:
    """The command that makes a dataset with these parameters."""
    words = ["stbench", "generate", dataset, *setting_words(parameters)]
    return shlex.join([*words, "--source", source] if source != "auto" else words)


def judge_command(store: Store, asked: Mapping[str, Any], *words: str) -> str:
    """The command that trains a judge of the data of a store; parameters that are `asked` for anyway are left out."""
    usual = {**asdict(registry.dataset(store.dataset).parameters()), **asked}
    # JSON has no tuples.
    usual = {key: list(value) if isinstance(value, tuple) else value for key, value in usual.items()}
    # What a store says beside its parameters, of its sheets for example, is nothing to ask for.
    other = {key: value for key, value in store.parameters.items() if key in usual and value != usual[key]}
    source = [] if store.source == "procedural" else ["--source", store.source]
    command = ["stbench", "judge", "train", "--dataset", store.dataset]
    return shlex.join([*command, *words, *source, *setting_words(other)])

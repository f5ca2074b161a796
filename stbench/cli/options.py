"""Options and arguments that several commands share, and the callbacks that read their texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from stbench.arguments import LARGEST_SEED, local_path
from stbench.cli.parse import parse_duration, parse_settings
from stbench.contract.presets import PRESETS

if TYPE_CHECKING:
    from stbench.store.reader import Store

_Command = TypeVar("_Command", bound=Callable[..., Any])

SOURCES = ("auto", "official", "simulated", "procedural")


def _settings(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    return parse_settings(texts)


def model_settings(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Option callback: `--set-model training.steps=100` -> {"training.steps": "100"}."""
    return parse_settings(texts, "--set-model training.steps=100")


def seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Option callback: "10m" -> 600."""
    return None if text is None else parse_duration(text)


def complete(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Shell completion by the registered names of "datasets" or "models"."""

    def complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from stbench import registry

        return [CompletionItem(name) for name in registry.names(kind) if name.startswith(incomplete)]

    return complete_name


def complete_preset(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shell completion by the names of presets, else by files."""
    found = [CompletionItem(name) for name in PRESETS if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


class LocalPath(click.Path):
    """The path of a file of this machine; an address of something elsewhere is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return local_path(str(super().convert(local_path(value), param, ctx)))


SEED = click.IntRange(0, LARGEST_SEED)


def path_option(*names: str, help: str, **more: Any) -> Callable[[_Command], _Command]:
    return click.option(*names, type=LocalPath(path_type=Path), help=help, **more)


def source_option(command: _Command) -> _Command:
    return click.option(
        "--source",
        type=click.Choice(SOURCES),
        default="auto",
        show_default=True,
        help="Where the raw material comes from; auto takes the best one at hand.",
    )(command)


def set_option(command: _Command) -> _Command:
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_settings,
        help="A parameter of the dataset (`stbench info NAME` lists them); can be repeated.",
    )(command)


def i3d_option(command: _Command) -> _Command:
    return path_option(
        "--i3d",
        envvar="STBENCH_I3D",
        help="Weights of I3D, which you supply: adds fvd on tracks that ask for it.  [default: STBENCH_I3D]",
    )(command)


def store_argument(command: _Command) -> _Command:
    """A dataset name or the path of a store; --set and --source say which store of that name is meant."""
    argument = click.argument("store", metavar="NAME_OR_PATH", shell_complete=complete("datasets"))
    return argument(source_option(set_option(command)))


def preset_option(command: _Command) -> _Command:
    return click.option(
        "--preset",
        type=click.Choice([*PRESETS]),
        default="quick",
        show_default=True,
        help="The complete configuration.",
    )(command)


def find_store(store: str, settings: dict[str, str], source: str) -> Store:
    """Open what `store_argument` names."""
    from stbench.store.named import open_named

    return open_named(store, settings, source)

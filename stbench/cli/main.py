"""The command `stbench`: finds the sub-command and runs it."""

from __future__ import annotations

import importlib
from collections.abc import MutableMapping
from typing import Any

import click

from stbench.cli.failures import one_sentence
from stbench.cli.streams import make_streams_forgiving
from stbench.errors import StbenchError, nearest

COMMANDS = {
    "datasets": "catalogue",
    "models": "catalogue",
    "metrics": "catalogue",
    "fetch": "fetch",
    "generate": "generate",
    "verify": "verify",
    "info": "info",
    "preview": "preview",
    "cite": "cite",
    "run": "run",
    "judge": "judge",
    "picture": "picture",
    "score": "score",
    "check-model": "check_model",
    "leaderboard": "leaderboard",
    "submit": "submit",
    "compare": "compare",
    "explain-number": "explain_number",
    "lint-table": "lint_table",
}
"""Command -> the module of this package with a click command of that name; it loads when the command is asked for."""


class Commands(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"stbench.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise StbenchError(f"there is no command '{args[0]}': {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with one_sentence():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with one_sentence():
            return super().invoke(ctx)


_SETTINGS: MutableMapping[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=Commands, context_settings=_SETTINGS, invoke_without_command=True)
@click.version_option(package_name="stbench", message="stbench %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Make spatiotemporal datasets, hold models to one protocol, keep the score.

    Stores live under STBENCH_DATA (by default the user's cache folder), official raw files under STBENCH_RAW, runs
    under ./runs.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """The console script."""
    make_streams_forgiving()
    cli.main(prog_name="stbench")

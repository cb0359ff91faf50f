"""The application: its commands in the order of its help, and how any of them ends."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from edgewise import __version__
from edgewise.cli.equations import pde
from edgewise.cli.fitting import fit
from edgewise.cli.guard import guarded
from edgewise.cli.runs import doctor, formula, predict, view
from edgewise.cli.studies import study


class _Commands(TyperGroup):
    """Commands whose failures are single lines, whoever calls them."""

    def main(self, *arguments: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        def run() -> Any:
            return super(_Commands, self).main(*arguments, standalone_mode=False, **settings)

        code = guarded(run)
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    cls=_Commands,
    help="Fit a table, see what was learned edge by edge, and get it as a formula.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def edgewise(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Fit a table, see what was learned edge by edge, and get it as a formula."""
    if version:
        typer.echo(f"edgewise {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (fit, predict, formula, view, pde):
    app.command()(command)
app.add_typer(study, name="study")
app.command()(doctor)


def main() -> None:
    """Entry point of the ``edgewise`` command."""
    app()

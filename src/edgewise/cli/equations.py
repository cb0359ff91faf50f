"""``edgewise pde``: built-in differential equations."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer


def pde(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A built-in problem.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time limit; without it, the problem's own.")] = None,
    seed: Annotated[int, typer.Option(help="Of the points to fit at and of the network.")] = 0,
    method: Annotated[
        str | None, typer.Option(help="auto, least-squares, variable-projection, lbfgs.")
    ] = None,
    causal: Annotated[float | None, typer.Option(help="Epsilon of causal weights, such as 100.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the solution, a table and a picture.")] = None,
    formula: Annotated[bool, typer.Option("--formula", help="Look for the field as a formula.")] = False,
    formula_seconds: Annotated[float, typer.Option(help="Time limit of that.")] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Solve a built-in differential equation and hold it to its reference; alone, list the problems."""
    from edgewise.pde.command import check_folder, keep, names, run, written

    if name is None:
        known = names()
        width = max(map(len, known))
        typer.echo(jsonlib.dumps(known) if json else "\n".join(f"{k:{width}}  {v}" for k, v in known.items()))
        return
    if out is not None:
        check_folder(out)
    solution, facts = run(name, seconds=seconds, seed=seed, progress=not json, method=method, causal=causal)
    text = ""
    if formula:
        text, facts["formula"] = written(solution, formula_seconds, seed)
    files = [] if out is None else keep(out, solution, facts)
    if json:
        typer.echo(jsonlib.dumps(facts, allow_nan=False))
        return
    typer.echo(f"{facts['status']}: {facts['message']}")
    typer.echo(
        f"relative error {facts['relative_l2']:.2e} (aim {facts['target']:g}) with {facts['parameters']} parameters "
        f"in {facts['seconds']:.1f} s"
    )
    for parameter, value in facts["found"].items():
        low, high = facts["intervals"][parameter]
        typer.echo(f"{parameter} = {value:.6g}, between {low:.6g} and {high:.6g}")
    if text:
        typer.echo(text)
    for file in files:
        typer.echo(file)

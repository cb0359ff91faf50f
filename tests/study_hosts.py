"""A host that takes milliseconds, its files, and made-up rows: what tests of the study of hosts are fed."""

import itertools
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace

import pandas as pd
import pytest
import torch

from edgewise.layer import KANLayer
from edgewise.study.hosts.analysis import COLUMNS, settled
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.spec import Plan, Study
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

OPENING = 'question = "Does the toy show it?"\n'
TABLE = """
arms = ["mlp", "learned", "kan"]
conditions = ["shallow", "deep", "control"]
seeds = 2
steps = 12
size = 1.0
rates = [0.01, 0.1]
equal_time = ["deep"]
"""
TOY_FILE = f"[full]{TABLE}\n[quick]{TABLE.replace('seeds = 2', 'seeds = 1')}"


def run(trial: Trial) -> Outcome:
    """A line ``y = x w`` with noise, learned by a weight, two weights in a row, or edges of splines."""
    draw = seeded("toy", trial.condition, trial.seed)
    x = torch.from_numpy(draw.uniform(-1, 1, (96, 2))).float()
    slope = 3.0 if trial.condition == "deep" else 1.0
    y = slope * x.sum(1, keepdim=True) + 0.1 * torch.from_numpy(draw.normal(size=(96, 1))).float()
    generator = torch.Generator().manual_seed(trial.seed)
    module = _module(trial.arm, generator)

    def loss(model: torch.nn.Module, rows: slice) -> torch.Tensor:
        return (model(x[rows]) - y[rows]).square().mean()

    @torch.no_grad()
    def measured(rows: slice, model: torch.nn.Module = module) -> float:
        return float(loss(model, rows))

    train, valid, test = slice(0, 32), slice(32, 64), slice(64, 96)
    trained = fit(module, trial, lambda step: loss(module, train), lambda: measured(valid))
    error = measured(test)
    return Outcome(
        "done",
        error=error,
        chance=float(y[test].square().mean()),
        valid=trained.valid,
        numbers={"slope": slope, "gap": error - trained.valid},
        parameters=sum(p.numel() for p in module.parameters()),
        in_slots=sum(p.numel() for p in module.parameters()),
        seconds={"mlp": 1.0, "learned": 1.0, "kan": 2.1}[trial.arm],
        **spline_figures(module, lambda: module(x[test]), lambda net: measured(test, net)),
    )


def _module(arm: str, generator: torch.Generator) -> torch.nn.Module:
    if arm == "kan":
        return KANLayer(2, 1, generator=generator)
    sizes = [(2, 1)] if arm == "mlp" else [(2, 2), (2, 1)]
    layers = [torch.nn.Linear(below, above, bias=False) for below, above in sizes]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, generator=generator)
    return torch.nn.Sequential(*layers)


HOST = Host(
    name="toy",
    title="A toy",
    source="nowhere",
    headline="Steep lines are steeper.",
    asks="Does a KAN learn a line?",
    measured="mean square error",
    conditions={"shallow": "slope 1", "deep": "slope 3", "control": "slope 1, at the rate of shallow"},
    headlines=(
        Contrast("steep beats flat", "deep", "shallow", "slope"),
        Contrast("flat is learned better", "shallow", "deep"),
    ),
    deep="deep",
    shallow="shallow",
    run=run,
    arms=("mlp", "learned", "kan", "kan-noise"),
    tuned_as={"control": "shallow"},
    numbers={"slope": "of the line", "gap": "test less validation error"},
)


@contextmanager
def installed(**hosts):
    """The only hosts there are: ``toy``, and others by name."""
    made = {"toy": HOST} | hosts
    with pytest.MonkeyPatch.context() as patch:
        for place in ("edgewise.study.hosts.HOSTS", "edgewise.study.hosts.spec.HOSTS"):
            patch.setattr(place, tuple(made))
        for name, host in made.items():
            module = type(sys)(name)
            module.HOST = host
            patch.setitem(sys.modules, f"edgewise.study.hosts.{name}", module)
        yield


def named(name, **changes):
    """The toy under another name."""
    return replace(HOST, name=name, title=f"Host {name}", **changes)


def written(folder, text=TOY_FILE, opening=OPENING):
    """The files of a study of the toy."""
    (folder / "hosts.toml").write_text(opening)
    (folder / "toy.toml").write_text(text)
    return folder


def plan(host="toy", **changes):
    """What ``TOY_FILE`` asks for in full."""
    asked = Plan(
        host,
        ("mlp", "learned", "kan"),
        ("shallow", "deep", "control"),
        seeds=3,
        steps=12,
        size=1.0,
        rates=(0.01, 0.1),
        equal_time=("deep",),
    )
    return replace(asked, **changes)


def study(*plans):
    """A study of these plans, or of the toy's."""
    return Study("Does it?", plans or (plan(),))


def row(host="toy", arm="mlp", condition="deep", seed=0, error=0.1, budget="steps", steps=12, **outcome):
    """One line as ``analysis.frame`` has them, before ``e``."""
    trial = Trial(host, arm, condition, seed, 0.1, steps, budget=budget)
    found = Outcome(
        **{"status": "done", "error": error, "chance": 1.0, "seconds": 1.0, "load": 1.0}
        | {"date": "2026-11-22T10:00:00", "version": "1", "machine": "M", "numbers": {"slope": 1.0}}
        | outcome
    )
    return {"key": trial.key, **asdict(trial), **asdict(found)}


def table(*rows):
    """A settled table of rows."""
    return settled(pd.DataFrame(list(rows), columns=COLUMNS))


def planted(gains, host="toy", seeds=3, spread=0.01, arms=("kan",)):
    """Rows of the MLP at error 0.1, and of arms that gain so many dex at each condition.

    Gains of three seeds lie ``spread`` apart at the first condition, twice as much at the second, and so on.
    """
    found = []
    for (place, (condition, gain)), seed in itertools.product(
        enumerate(gains.items(), start=1), range(seeds)
    ):
        found.append(row(host, "mlp", condition, seed, 0.1))
        own = gain + place * spread * (seed - 1)
        found += [row(host, arm, condition, seed, 0.1 * 10**-own) for arm in arms]
    return found

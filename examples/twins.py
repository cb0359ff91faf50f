"""Two architectures on the same data: at equal parameters, and again at equal wall-clock time.

Each arm takes the best of the same few learning rates, judged on validation rows by short runs of one seed. Then all
seeds run for the same number of steps; then the arm that was faster runs again with as many more steps as the other
took time. Test rows are looked at once a run.
"""

import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn

import edgewise
from edgewise.large import LargeConfig, Source, fit


@dataclass(frozen=True)
class Arm:
    """A name and how to make the module from a seed."""

    name: str
    make: Callable[[int], nn.Module]


@dataclass(frozen=True)
class Match:
    """What all arms share: tables, the ``loss`` they minimise, ``judge(module)`` on test rows, settings."""

    train: Source
    validation: Source
    loss: Any
    judge: Callable[[nn.Module], float]
    unit: str
    config: LargeConfig
    rates: tuple[float, ...]
    trial_steps: int
    seeds: int


@dataclass(frozen=True)
class Run:
    """One training: what it reached and what it took."""

    arm: str
    budget: str
    seed: int
    parameters: int
    steps: int
    rate: float
    seconds: float
    score: float
    status: str


def compare(arms: tuple[Arm, Arm], match: Match) -> list[Run]:
    """All runs; prints a line for each."""
    rates = {arm.name: _rate(arm, match) for arm in arms}
    found = [
        _run(arm, match, rates[arm.name], seed, match.config.steps or 0, "equal steps")
        for seed in range(match.seeds)
        for arm in arms
    ]
    taken = {arm.name: statistics.median(run.seconds for run in found if run.arm == arm.name) for arm in arms}
    fast, slow = sorted(arms, key=lambda arm: taken[arm.name])
    steps = round((match.config.steps or 0) * taken[slow.name] / taken[fast.name])
    found += [_run(fast, match, rates[fast.name], seed, steps, "equal time") for seed in range(match.seeds)]
    return found


def _rate(arm: Arm, match: Match) -> float:
    """The learning rate with the lowest validation loss after a short run of its own schedule."""
    judged = {}
    for rate in match.rates:
        config = replace(match.config, steps=match.trial_steps, learning_rate=rate)
        result = fit(arm.make(0), match.train, config, loss=match.loss, validation=match.validation)
        losses = [entry.validation_loss for entry in result.history if entry.validation_loss is not None]
        judged[rate] = min(losses, default=float("inf"))
        print(f"{arm.name}: learning rate {rate:g} gives validation loss {judged[rate]:.4f}", flush=True)
    return min(judged, key=lambda rate: judged[rate])


def _run(arm: Arm, match: Match, rate: float, seed: int, steps: int, budget: str) -> Run:
    config = replace(match.config, steps=steps, learning_rate=rate, seed=seed)
    module = arm.make(seed)
    result = fit(module, match.train, config, loss=match.loss, validation=match.validation)
    count = sum(p.numel() for p in module.parameters())
    score = match.judge(result.module.eval())
    run = Run(arm.name, budget, seed, count, steps, rate, result.seconds, score, result.status)
    print(
        f"{arm.name}, {budget}, seed {seed}: {score:.4f} {match.unit} in {result.seconds:.0f} s", flush=True
    )
    return run


def table(found: list[Run], unit: str) -> str:
    """The runs as Markdown: medians, with the smallest and the largest in brackets."""
    rows = [
        f"| arm | budget | parameters | steps | time over the shortest | {unit} |",
        "|---|---|---|---|---|---|",
    ]
    groups = {(run.arm, run.budget): [] for run in found}
    for run in found:
        groups[run.arm, run.budget].append(run)
    shortest = min(statistics.median(run.seconds for run in runs) for runs in groups.values())
    for (arm, budget), runs in groups.items():
        scores = sorted(run.score for run in runs)
        time = statistics.median(run.seconds for run in runs) / shortest
        rows.append(
            f"| {arm} | {budget} | {runs[0].parameters:,} | {runs[0].steps:,} | {time:.2f} | "
            f"{statistics.median(scores):.4f} ({scores[0]:.4f} to {scores[-1]:.4f}) |"
        )
    return "\n".join(rows)


def write(found: list[Run], unit: str, path: Path | None, facts: dict[str, Any]) -> None:
    """Prints the table and, with a path, writes every run and what it ran on as JSON."""
    print(table(found, unit))
    if path is None:
        return
    machine = {
        "date": date.today().isoformat(),
        "edgewise": edgewise.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }
    content = json.dumps({"runs": [vars(run) for run in found], "unit": unit, **machine, **facts}, indent=1)
    next_to = path.with_name(f"{path.name}.next")
    next_to.write_text(content + "\n", encoding="utf-8")
    next_to.replace(path)

"""Everything processes do together, once; each writes what it got to ``<folder>/<world>-<rank>.json``."""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from edgewise import KAN, TrainConfig, prune, train
from edgewise.engines import Engine, agreed, engine
from edgewise.errors import InputError, ProcessError
from edgewise.large import ArraySource, LargeConfig, fit, network_from_main
from edgewise.splines import knots_from_breakpoints

TRAINED = {
    "lbfgs": {"method": "lbfgs", "max_steps": 10},
    "penalties": {"method": "lbfgs", "max_steps": 10, "sparsity": 0.02, "entropy": 0.01, "smoothness": 1e-4},
    "adam": {"method": "adam", "max_steps": 5, "batch_size": 20},
    "few held out": {"method": "lbfgs", "max_steps": 3, "validation": 0.01},
}
FITTED = {
    "adamw": {"precision": "float64", "accumulate": 2},
    "float32": {"weight_decay": 0.1, "ema": 0.9},
    "schedule-free": {"precision": "float64", "optimiser": "schedule-free"},
}


def talk(shared: Engine) -> dict:
    """Every call of an engine."""
    rank = shared.rank
    rows = torch.arange(rank + 1.0)[:, None] + 10 * rank
    sums = [torch.full((2, 2), rank + 1.0), torch.tensor([0.5])]
    shared.add_up(sums)
    shared.barrier()
    return {
        "is_main": shared.is_main,
        "sums": [part.flatten().tolist() for part in sums],
        "mean": shared.mean(float(rank), 1.0 + rank),
        "mean_tensor": shared.mean(torch.tensor([rank, 2.0 * rank]), 1.0 + rank).tolist(),
        "mean_without_one": shared.mean(float("nan") if rank else 7.0, 0.0 if rank else 3.0),
        "gathered": shared.gathered(rows).flatten().tolist(),
        "nothing_gathered": shared.gathered(rows[:0]).shape[0],
        "bytes": shared.from_main(lambda: b"from %d" % rank).decode(),
        "no_bytes": len(shared.from_main(lambda: b"")),
        "failure": failure(shared),
        "agreed": [agreed(shared, rank == shared.world - 1), agreed(shared, False)],
    }


def failure(shared: Engine) -> str:
    """What a process hears when the main one fails to make what it should hand out."""

    def fail() -> bytes:
        raise ValueError("made to fail")

    try:
        shared.from_main(fail)
    except (ValueError, ProcessError) as error:
        return str(error)
    return "nothing"


def structure(shared: Engine) -> dict:
    """A network pruned, and knots placed, by processes that started from other numbers."""
    generator = torch.Generator().manual_seed(shared.rank)
    X = torch.rand(50, 3, generator=generator)
    network = network_from_main(lambda: prune(KAN([3, 4, 1], generator=generator), X, tolerance=0.5), shared)
    breaks = torch.quantile(shared.gathered(some_rows(shared.rank)), torch.linspace(0, 1, 6))
    return {
        "widths": [list(width) for width in network.widths],
        "masks": [layer.spline.mask.tolist() for layer in network.kan_layers],
        "weights": [p.flatten().tolist() for p in network.parameters()],
        "knots": knots_from_breakpoints(breaks[None], 3).flatten().tolist(),
    }


def some_rows(rank: int) -> Tensor:
    """The rows one process has: other ones, and another number of them, than the others."""
    return torch.rand(7 + rank, generator=torch.Generator().manual_seed(100 + rank))


def table(rows: int) -> tuple[Tensor, Tensor]:
    """The same rows everywhere."""
    X = torch.rand(rows, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    return X, 3 + torch.sin(3 * X[:, :1]) + X[:, 1:] ** 2


def new_network() -> KAN:
    return KAN([2, 2, 1], generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def flat(network: torch.nn.Module) -> list[float]:
    return torch.cat([p.detach().flatten() for p in network.parameters()]).tolist()


def trained(shared: Engine, settings: dict) -> dict:
    result = train(new_network(), *table(101), TrainConfig(**settings), shared)
    return {"losses": [step.loss for step in result.history], "parameters": flat(result.network)}


def fitted(shared: Engine, settings: dict) -> dict:
    X, y = (part.numpy() for part in table(1000))
    config = LargeConfig(batch_size=99, steps=25, record_every=5, learning_rate=0.01, **settings)
    source, held = ArraySource(X, y, block_rows=300), ArraySource(X[:50], y[:50])
    result = fit(new_network(), source, config, validation=held, engine=shared)
    losses = [loss for entry in result.history for loss in (entry.loss, entry.validation_loss)]
    return {"losses": losses, "parameters": flat(result.module)}


def refused(shared: Engine) -> str:
    try:
        train(new_network(), *table(20), TrainConfig(method="least-squares"), shared)
    except InputError as error:
        return str(error)
    return "nothing"


def main() -> None:
    shared = engine()
    found = {"talk": talk(shared), "structure": structure(shared), "refused": refused(shared)}
    found |= {name: trained(shared, settings) for name, settings in TRAINED.items()}
    found |= {name: fitted(shared, settings) for name, settings in FITTED.items()}
    Path(sys.argv[1], f"{shared.world}-{shared.rank}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

r"""Whether a dictionary was found, and whether a row's features were.

    MMCS = mean over known directions d of max over found ones g of cos(d, g)

(mean of the largest cosine similarity; Sharkey et al. 2022.) Signs count, for features are never negative. Chance
level is not 0: of many random directions one is near, which is why the null and principal components stand beside it.
"""

import numpy as np
import torch
from torch import Tensor

from edgewise.study.hosts.dictionary.autoencoder import Autoencoder
from edgewise.study.hosts.dictionary.superposition import Superposed, Superposition
from edgewise.study.tasks.task import Array

NEAR = 0.9
NOTHING = {"mmcs": 0.0, "mmcs_above": -NEAR, "mmcs_over_pca": 0.0, "recovered": 0.0, "read": 0.0}


def unexplained(model: Autoencoder, X: Tensor) -> float:
    """``sum |x - y|^2 / sum |x|^2`` of rows with mean 0: 1 for who says the mean."""
    with torch.no_grad():
        return float((model(X) - X).square().mean() / X.square().mean())


def similarities(known: Array, found: Array) -> Array:
    """The largest cosine of every known direction with a found one."""
    cosines = known @ found.T
    cosines /= np.linalg.norm(known, axis=1)[:, None] * np.linalg.norm(found, axis=1)
    return cosines.max(axis=1)


def principal(X: Tensor, count: int) -> Array:
    """The first ``count`` principal directions and their opposites, ``(2 count, width)``."""
    centred = X.double().numpy() - X.double().numpy().mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:count]
    return np.concatenate([axes, -axes])


def figures(
    model: Autoencoder, known: Superposition, train: Superposed, test: Superposed
) -> dict[str, float]:
    """How much of the dictionary was found, and how well test rows are read with it."""
    found = similarities(known.directions, model.directions.detach().double().numpy())
    components = similarities(known.directions, principal(train.X, known.directions.shape[1]))
    with torch.no_grad():
        code = model.code(test.X).double().numpy()
    mmcs, pca = float(found.mean()), float(components.mean())
    return {
        "mmcs": mmcs,
        "mmcs_above": mmcs - NEAR,
        "mmcs_pca": pca,
        "mmcs_over_pca": mmcs - pca,
        "recovered": float((found > NEAR).mean()),
        "dead": float((code <= 0).all(0).mean()),
        "latents_used": float((code > 0).sum(1).mean()),
        "read": read(test.f.double().numpy(), code),
    }


def read(features: Array, code: Array) -> float:
    """The mean over features of the largest correlation with a latent."""
    return float(correlations(features, code).max(axis=1).mean())


def correlations(one: Array, other: Array) -> Array:
    """Between the columns of two tables of the same rows; 0 for columns that do not vary."""
    left, right = _standard(one), _standard(other)
    return left.T @ right / len(one)


def _standard(table: Array) -> Array:
    spread = table.std(0)
    return np.where(spread > 0, (table - table.mean(0)) / np.where(spread > 0, spread, 1.0), 0.0)

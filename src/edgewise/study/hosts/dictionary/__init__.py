r"""Dictionary learning: a sparse autoencoder finds features that were superposed, and the slot is its encoder.

Source: Gao et al., *Scaling and evaluating sparse autoencoders*, arXiv 2406.04093 (TopK, AuxK, unit norms, see
``autoencoder``), on the toy problem of Sharkey et al., *Taking features out of superposition with sparse autoencoders*
(2022): 64 features as random directions of 32 dimensions, few active at a time, so that the dictionary that should be
found is known (``superposition``; measures in ``recovery``). That the original's linear encoder cannot always tell
which features are active, and that a perceptron in its place helps, is proved and measured by O'Neill et al., arXiv
2411.13117: this is where a KAN may help too.

**Kept**: TopK, AuxK at 1/32 on half as many latents as dimensions, unit norms with projected gradients, a start of the
linear encoder as the dictionary, Adam without decay. **Reduced**: 128 latents for 64 features, the number of active
latents that of active features, no layer norm of rows, dead after a twentieth of the training.

**Error**: unexplained share of the variance of test rows. What is composed here is features within a row: an advantage
is compared between eight and two active at once. The linear encoder of the original has an arm of its own with an
eighth of the parameters; the reference is the perceptron, whose parameters can be matched.

**Conditions**: ``few``, ``some``, ``many`` have 2, 4 and 8 of 64 features active. ``dense`` has the rows of ``some``
and no TopK: an autoencoder without sparsity, which explains more and finds less. ``gaussian`` has rows with the mean
and covariance of ``some`` but no features: the null, where nothing can be found but by chance.

**Contrasts** say: TopK finds the features (a mean cosine above 0.9), more of them than without sparsity, than
principal components do, and than where there are none.

``size`` scales features, and with them dimensions, latents and active features; rows too.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from edgewise.study.hosts.dictionary.autoencoder import ARMS, Autoencoder, trainable
from edgewise.study.hosts.dictionary.recovery import NOTHING, figures, unexplained
from edgewise.study.hosts.dictionary.superposition import Superposed, Superposition, null, superposition
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Recipe, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

FEATURES = 64
SHARES = {"few": 1 / 32, "some": 1 / 16, "many": 1 / 8, "dense": 1 / 16, "gaussian": 1 / 16}
_PARTS = {"train": 16384, "valid": 2048, "test": 8192}
BATCH = 256
PATIENCE = 20  # parts of the training after one of which a latent counts as dead
RECIPE = Recipe(decay=0.0, betas=(0.9, 0.999))
NUMBERS = {
    "mmcs": "mean over known directions of the largest cosine with a found one",
    "mmcs_above": "mmcs - 0.9",
    "mmcs_pca": "mmcs of the principal directions of the training rows and their opposites",
    "mmcs_over_pca": "mmcs - mmcs_pca",
    "recovered": "share of known directions with a found one of cosine above 0.9",
    "dead": "share of latents that are 0 in all test rows",
    "latents_used": "a row, on average",
    "read": "mean over features of the largest correlation with a latent, on test rows",
}


def run(trial: Trial) -> Outcome:
    """Trains an autoencoder and holds its dictionary beside the known one."""
    known = known_features(trial)
    train, valid, test = (
        known.draw(_rows(count, trial), _rng(part, trial)) for part, count in _PARTS.items()
    )
    model = drawn(trial, known)
    trained = fit(
        model,
        trial,
        _loss(model, train, trial),
        lambda: unexplained(model, valid.X),
        RECIPE,
        after_step=lambda _: model.rescale(),
    )
    error = unexplained(model, test.X)
    if not (trained.finite and np.isfinite(error)):
        return Outcome("diverged", error=1.0, chance=1.0, numbers=dict(NOTHING), seconds=trained.seconds)
    return Outcome(
        "done",
        error=error,
        chance=1.0,
        valid=trained.valid,
        numbers=figures(model, known, train, test),
        parameters=trainable(model.encoder) + model.directions.numel() + model.centre.numel(),
        in_slots=trainable(model.encoder),
        seconds=trained.seconds,
        **spline_figures(model, lambda: model(test.X), lambda net: unexplained(net, test.X)),
    )


def known_features(trial: Trial) -> Superposition:
    """The dictionary of a seed: the same in all conditions with as many active features."""
    features = max(16, round(FEATURES * trial.size))
    active = max(1, round(features * SHARES[trial.condition]))
    known = superposition(features, features // 2, active, seeded("dictionary", features, trial.seed))
    return null(known) if trial.condition == "gaussian" else known


def drawn(trial: Trial, known: Superposition) -> Autoencoder:
    """The untrained autoencoder, twice as many latents as features."""
    features, width = known.directions.shape
    active = None if trial.condition == "dense" else known.active
    seed = int(seeded("dictionary", "weights", trial.seed).integers(2**62))
    model = Autoencoder(trial.arm, width, 2 * features, active, seed)
    model.directions.register_hook(model.along)
    return model


def _loss(model: Autoencoder, train: Superposed, trial: Trial) -> Callable[[int], Tensor]:
    batches = _rng("batches", trial).integers(0, len(train.X), (trial.steps, BATCH))
    patience = max(1, trial.steps // PATIENCE)
    return lambda step: model.loss(train.X[batches[step]], patience)


def _rng(part: str, trial: Trial) -> np.random.Generator:
    return seeded("dictionary", part, trial.condition, trial.seed)


def _rows(count: int, trial: Trial) -> int:
    return max(BATCH, round(count * trial.size))


HOST = Host(
    name="dictionary",
    title="Dictionary learning",
    source="Gao et al., Scaling and evaluating sparse autoencoders, arXiv 2406.04093; Sharkey et al. 2022",
    headline="A TopK autoencoder finds features that were superposed, which an autoencoder without sparsity and "
    "principal components do not.",
    asks="Does an encoder of functions on edges tell better which features are active?",
    measured="unexplained share of the variance of test rows",
    conditions={
        "few": "2 of 64 features active at once",
        "some": "4 active",
        "many": "8 active",
        "dense": "4 active, an autoencoder without sparsity",
        "gaussian": "no features, the covariance of 4 active",
    },
    headlines=(
        Contrast("TopK finds the features: a mean cosine above 0.9", "some", None, "mmcs_above"),
        Contrast("more of them than without sparsity", "some", "dense", "mmcs"),
        Contrast("more of them than principal components", "some", None, "mmcs_over_pca"),
        Contrast("more than where there are none", "some", "gaussian", "mmcs"),
    ),
    deep="many",
    shallow="few",
    run=run,
    arms=ARMS,
    tuned_as={"dense": "some", "gaussian": "some"},
    numbers=NUMBERS,
)

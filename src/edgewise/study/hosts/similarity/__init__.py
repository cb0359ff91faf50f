r"""A dot product against a learned similarity: neural collaborative filtering, revisited.

Source: Rendle, Krichene, Zhang & Anderson, *Neural collaborative filtering vs. matrix factorization revisited*,
arXiv 2005.09683, on He et al., arXiv 1708.05031.

    dot        s(u, i) = <p_u, q_i> + b_u + b_i + b
    learned    s(u, i) = f([p_u, q_i]),  f a perceptron: the slot

Kept: the generator of the synthetic test with its noise and the error of who knows nothing, fresh embeddings for the
test, the size of the perceptron (hidden levels 4 h, 2 h, h with h = 2 d; on the films h = d); leave one out, 99
negatives and HR@10 on the films; the same tuning for both sides. Reduced: at most 10,000 users and 10^6 pairs
instead of 128,000 users; the three hidden levels have one width and gelu; MovieLens-100k instead of 1M, with 16
dimensions.

Data: drawn, see ``synthetic``; MovieLens-100k as an installed package has it, see ``ratings``. ``size`` multiplies
users, and with them items and pairs, and on MovieLens takes the first users.

Why ``deep`` is d = 32 and ``shallow`` d = 8: what is composed here are products, one a dimension. An advantage that
comes from making products grows with their number; one that comes from fitting functions of one variable does not.
The dot product has no slot, so in ``ml-100k-dot`` all arms are the same.
"""

from edgewise.errors import InputError
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.similarity import ranking, synthetic
from edgewise.study.hosts.similarity.networks import ARMS
from edgewise.study.hosts.trial import Outcome, Trial

PEOPLE = 1000
DRAWN = {  # dimension, users
    "d8": (8, PEOPLE),
    "d16": (16, PEOPLE),
    "d32": (32, PEOPLE),
    "d64": (64, PEOPLE),
    "d16-few": (16, PEOPLE // 10),
    "d16-many": (16, 10 * PEOPLE),
}
FILMS = {"ml-100k": False, "ml-100k-dot": True}


def run(trial: Trial) -> Outcome:
    """Trains and judges one similarity."""
    if trial.condition in DRAWN:
        return synthetic.run(trial, *DRAWN[trial.condition])
    if trial.condition in FILMS:
        return ranking.run(trial, dot=FILMS[trial.condition])
    raise InputError(
        f"condition {trial.condition!r} is not known; choose one of: {', '.join((*DRAWN, *FILMS))}"
    )


HOST = Host(
    name="similarity",
    title="Dot product against learned similarity",
    source="Rendle et al., arXiv 2005.09683; He et al., arXiv 1708.05031",
    headline="A perceptron needs many samples to learn a dot product, and a tuned dot product is better.",
    asks="Does a KAN learn products from fewer samples, by mixing before its splines or by product nodes?",
    measured="root mean square error on fresh embeddings over that of predicting 0; odds of missing the first ten",
    conditions={
        "d8": "dot products of 8 dimensions from 100,000 noisy pairs of 1,000 users and items",
        "d16": "16 dimensions",
        "d32": "32 dimensions",
        "d64": "64 dimensions",
        "d16-few": "16 dimensions, a tenth of users, items and pairs",
        "d16-many": "16 dimensions, ten times as many",
        "ml-100k": "MovieLens-100k under a learned similarity",
        "ml-100k-dot": "MovieLens-100k under the dot product with biases; no slot",
    },
    headlines=(
        Contrast("a fitted dot product is better than the perceptron", "d16", None, "over_dot"),
        Contrast("more pairs teach the perceptron more of it", "d16-many", "d16-few"),
        Contrast("more dimensions are harder for it", "d8", "d32"),
        Contrast("matrix factorisation recommends better", "ml-100k-dot", "ml-100k"),
    ),
    deep="d32",
    shallow="d8",
    run=run,
    arms=ARMS,
    tuned_as={"d16-few": "d16", "d16-many": "d16", "d64": "d32"},
    numbers={
        "dot_error": "error of the fitted dot product with biases on the same pairs",
        "over_dot": "log10 of error over dot_error",
        "excess": "root mean square error on noisy ratings less that of the noise, the paper's figure",
        "hr10": "share of users whose film is among the first ten of a hundred",
        "ndcg10": "its discounted gain",
        "popular_hr10": "the same share when the films most seen come first",
        "penalty": "the penalty on embeddings that validation chose",
    },
)

r"""The hyperteacher: combinations of modules, some of which training never shows.

Inputs are ``x`` (4, uniform in [-1, 1]) and module weights ``c (modules)``, of which ``hot`` are drawn from [0.5, 1]
and the others 0. The target is a small network made of the chosen modules,

    y = sum_k ( sum_m c_m V_mk ) f_k( ( sum_m c_m W_mk ) . x ) / hot,

with hidden functions ``f_k`` drawn like all primitives here. A quarter of the sets of ``hot`` modules is held out,
every module occurring in some set that is not. Error on held-out sets over error on shown ones is the cleanest test of
composition (after Redhardt et al., arXiv 2507.07207, whose teacher is a ReLU network).
"""

from itertools import combinations

import numpy as np

from edgewise.study.tasks.primitives import primitive
from edgewise.study.tasks.task import Array, Rows, Task

INPUTS, HIDDEN = 4, 4
SHARE = 0.25


def hyperteacher(generator: np.random.Generator, modules: int, hot: int) -> Task:
    """``hot`` of ``modules`` at a time."""
    below = generator.normal(size=(modules, HIDDEN, INPUTS))
    above = generator.normal(size=(modules, HIDDEN))
    functions = [primitive(generator, 1) for _ in range(HIDDEN)]
    shown, held = split(generator, modules, hot)

    def target(x: Array, c: Array) -> Array:
        inner = np.einsum("nm,mki,ni->nk", c, below, x) / hot**0.5
        values = np.stack([f(inner[:, k]) for k, f in enumerate(functions)], axis=1)
        return (values * (c @ above)).sum(1) / hot

    def rows(count: int, part: str, source: np.random.Generator) -> Rows:
        sets = held if part == "held" else shown
        c = sets[source.integers(len(sets), size=count)] * source.uniform(0.5, 1, (count, modules))
        x = source.uniform(-1, 1, (count, INPUTS))
        return np.concatenate([x, c], axis=1), target(x, c)[:, None]

    return Task(INPUTS + modules, 1, rows, held=True)


def split(generator: np.random.Generator, modules: int, hot: int) -> tuple[Array, Array]:
    """Indicator rows ``(sets, modules)`` of the shown and the held-out sets."""
    sets = np.array(
        [[m in chosen for m in range(modules)] for chosen in combinations(range(modules), hot)], float
    )
    while True:
        order = generator.permutation(len(sets))
        cut = max(1, round(SHARE * len(sets)))
        held, shown = sets[order[:cut]], sets[order[cut:]]
        if shown.any(0).all():
            return shown, held

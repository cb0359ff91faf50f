"""The contestants in JAX: the same perceptron, and jaxkan; all of a step inside one ``jax.jit``.

Data and parameters lie in JAX's own arrays before the clock starts, and a step ends when its results are there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from kernel_cases import DEGREE, Case
from kernel_checks import perceptron, spline_layer
from kernel_peers import Arrays, Contestant


def _layer_step(apply: Callable, parameters: Any, case: Case) -> Callable[[], tuple]:
    """Forward and backward with gradients for the input and all parameters."""
    import jax

    x, upstream = jax.numpy.asarray(case.x), jax.numpy.asarray(case.upstream)

    @jax.jit
    def both(parameters: Any, x: Any, upstream: Any) -> tuple:
        y, pull = jax.vjp(apply, parameters, x)
        grads, dx = pull(upstream)
        return y, dx, *jax.tree.leaves(grads)

    return lambda: jax.block_until_ready(both(parameters, x, upstream))


def _adam_step(apply: Callable, parameters: Any, case: Case) -> Callable[[], tuple]:
    """Mean square, gradients and update, in place, as torch's Adam does it."""
    import jax
    import optax

    x, target = jax.numpy.asarray(case.x), jax.numpy.asarray(case.upstream)
    adam = optax.adam(1e-3)
    state = (parameters, adam.init(parameters))

    def update(state: tuple, x: Any, target: Any) -> tuple:
        parameters, moments = state
        loss, grads = jax.value_and_grad(lambda p: ((apply(p, x) - target) ** 2).mean())(parameters)
        change, moments = adam.update(grads, moments)
        return loss, (optax.apply_updates(parameters, change), moments)

    compiled = jax.jit(update, donate_argnums=0)

    def step() -> tuple:
        nonlocal state
        loss, state = jax.block_until_ready(compiled(state, x, target))
        return (loss,)

    return step


def _contestant(name: str, apply: Callable, parameters: list, case: Case, **others: Any) -> Contestant:
    """``apply(parameters, x)`` of one layer as a contestant, or as many layers as the case has."""
    others["arrays"] = lambda outcome: [np.asarray(part) for part in outcome]
    if case.layers == 1:
        return Contestant(name, _layer_step(apply, parameters[0], case), **others)

    def stack(parameters: list, x: Any) -> Any:
        for layer in parameters:
            x = apply(layer, x)
        return x

    return Contestant(name, _adam_step(stack, parameters, case), **others | {"exact": None})


def jax_perceptron(case: Case) -> Contestant:
    """``silu(x A) B`` of the same hidden width as torch's."""
    import jax

    generator = np.random.default_rng(2)

    def weight(inputs: int, outputs: int) -> Any:
        return jax.numpy.asarray(generator.standard_normal((inputs, outputs)) / inputs**0.5, "float32")

    layers = [(weight(case.width, case.hidden), weight(case.hidden, case.width)) for _ in range(case.layers)]

    def exact() -> Arrays:
        first, second = (np.asarray(part, dtype=np.float64) for part in layers[0])
        return list(perceptron(case.x, case.upstream, first, second))

    return _contestant(
        "JAX perceptron",
        lambda weights, x: jax.nn.silu(x @ weights[0]) @ weights[1],
        layers,
        case,
        exact=exact,
        flops=3 * case.perceptron_flops(),
        note="jit",
    )


def jaxkan(case: Case) -> Contestant:
    """Its ``SplineLayer`` with the parameters that edgewise has: no bias, no second weight on the spline."""
    from flax import nnx
    from jaxkan.layers.Spline import SplineLayer

    def make(seed: int) -> Any:
        return SplineLayer(
            case.width,
            case.width,
            k=DEGREE,
            G=case.intervals,
            external_weights=False,
            add_bias=False,
            seed=seed,
        )

    first = make(0)
    definition, _, rest = nnx.split(first, nnx.Param, ...)
    layers = [nnx.split(make(seed), nnx.Param, ...)[1] for seed in range(case.layers)]

    def exact() -> Arrays:
        coef, base = (np.asarray(part[...], dtype=np.float64) for part in (first.c_basis, first.c_res))
        knots = np.asarray(first.grid.item[0])
        found = spline_layer(case.x, case.upstream, knots, coef.transpose(1, 2, 0), base.T)
        return [found[0], found[1], found[2].transpose(2, 0, 1), found[3].T]

    return _contestant(
        "jaxkan",
        lambda parameters, x: nnx.merge(definition, parameters, rest)(x),
        layers,
        case,
        exact=exact,
        flops=3 * case.spline_flops(),
        note="jit",
        is_rival=True,
    )


OURS = {"JAX perceptron": jax_perceptron}
PEERS = {"jaxkan": jaxkan}

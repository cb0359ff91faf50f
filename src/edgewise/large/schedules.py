r"""The learning rate at each step, as a share of its largest value.

With ``t`` the share of the steps after the warm-up that are done,

    constant              1
    cosine                (1 + cos(pi t)) / 2
    one-cycle             (1 - cos(pi t / 0.3)) / 2 rising from 1/25 over the first 0.3, then a cosine down to 0
    warmup-stable-decay   1 up to t = 0.8, then linearly down to 0

and before that, in the warm-up, a straight line from zero. One-cycle brings its own.

Sources: Loshchilov & Hutter, arXiv 1608.03983 (cosine); Smith & Topin, arXiv 1708.07120 (one-cycle); Hu et al.,
arXiv 2404.06395, section 4 (warm-up, stable, decay).
"""

from math import cos, pi

RISE, LOWEST, STABLE = 0.3, 1 / 25, 0.8


def rate(schedule: str, step: int, steps: int, warmup: float = 0.0) -> float:
    """The factor of step ``step`` (from 0) of ``steps``.

    Example:
        >>> [round(rate("cosine", step, 4), 3) for step in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """
    if schedule == "one-cycle":
        return _one_cycle(step / steps)
    warm = round(warmup * steps)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = (step - warm) / max(steps - warm, 1)
    return {"constant": _constant, "cosine": _cosine, "warmup-stable-decay": _stable}[schedule](done)


def _constant(done: float) -> float:
    return 1.0


def _cosine(done: float) -> float:
    return (1 + cos(pi * done)) / 2


def _stable(done: float) -> float:
    return 1.0 if done < STABLE else (1 - done) / (1 - STABLE)


def _one_cycle(done: float) -> float:
    if done < RISE:
        return LOWEST + (1 - LOWEST) * (1 - _cosine(done / RISE))
    return _cosine((done - RISE) / (1 - RISE))

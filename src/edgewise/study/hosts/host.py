"""What a host is: a small, faithful model whose MLP is a slot, and what its own paper claims of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edgewise.study.hosts.trial import Outcome, Trial

ERROR = "error"


@dataclass(frozen=True)
class Contrast:
    """That one condition is better than another, by pairs of seeds.

    The figure of a pair is ``log10 error(worse) - log10 error(better)``, in dex, or where ``value`` names one of
    ``Outcome.numbers``, ``number(better) - number(worse)``. The contrast holds where the interval of its mean lies
    above 0. ``worse=None`` asks whether the number itself is above 0.
    """

    says: str
    better: str
    worse: str | None
    value: str = ERROR


@dataclass(frozen=True)
class Host:
    """One architecture whose advantage scales.

    Args:
        name: as on the command line.
        title: as in the report.
        source: paper, with its arXiv number or venue.
        headline: the host's own claim in one sentence.
        asks: the question a KAN in the slot answers, in one sentence.
        measured: what ``Outcome.error`` is.
        conditions: names, and what each is.
        headlines: contrasts that must hold with an MLP in the slot; the headline is reproduced when all of them do.
        deep, shallow: the conditions with more and with less of what the host composes (depth, loops, recursion,
            combinations). An advantage ``A = log10 error(mlp) - log10 error(arm)`` that is larger at ``deep`` speaks
            for composition, one that is smaller for fitting.
        run: trains and judges; what it raises becomes a row of status ``"failed"``.
        arms: that the host knows; ``"mlp"`` is the reference.
        tuned_as: conditions that take the learning rate of another condition.
        recipe: version of the host; raise it when the same trial would give another outcome.
        numbers: what every name in ``Outcome.numbers`` means.
    """

    name: str
    title: str
    source: str
    headline: str
    asks: str
    measured: str
    conditions: Mapping[str, str]
    headlines: tuple[Contrast, ...]
    deep: str
    shallow: str
    run: Callable[[Trial], Outcome]
    arms: tuple[str, ...] = ("mlp", "learned", "kan")
    tuned_as: Mapping[str, str] = field(default_factory=dict)
    recipe: int = 1
    numbers: Mapping[str, str] = field(default_factory=dict)

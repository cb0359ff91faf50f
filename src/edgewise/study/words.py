"""The sentences of a report, made from the numbers by rule; nobody writes them by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewise.study.arms import is_kan
from edgewise.study.plan import Plan
from edgewise.study.spec import Spec
from edgewise.study.statistics import Frame
from edgewise.study.verdict import (
    ALPHA,
    BAND,
    COMPOSITION,
    FITTING,
    MIXED,
    NULL_BAND,
    Check,
    Contrast,
    Verdict,
)

_MEANS = {
    COMPOSITION: "advantage comes from composition",
    FITTING: "advantage comes from fitting functions of one variable",
    MIXED: "rows do not decide where an advantage comes from",
}
_ARMS = {
    "mlp": "perceptron",
    "mlp-again": "the perceptron again, from other seeds",
    "learned": "perceptron with learned functions on its nodes",
    "rational": "perceptron with learned rational functions on its nodes",
    "kan-noise": "KAN with the published start",
    "kan-critical": "KAN with our start",
    "radial": "KAN of bumps instead of splines",
    "frozen": "KAN whose splines do not learn",
    "swap-first": "perceptron with a first layer of splines",
    "swap-middle": "perceptron with a middle layer of splines",
    "swap-last": "perceptron with a last layer of splines",
}
_FORMS = {
    "plain": "layer on layer",
    "normed": "inputs of layers brought to one scale",
    "residual": "the same, and layers add to what they got",
}
CONTROL = "learned"
_SIGNS = {
    "positive": "for composition",
    "negative": "for fitting",
    "equal": "no effect",
    "open": "undecided",
}


ASKED = (
    "A Kolmogorov-Arnold network (KAN) learns the functions on its edges; a perceptron (MLP) learns weights between "
    "fixed ones. Where a KAN is better at equal parameters, is it because it composes functions well, so that the "
    "advantage grows with depth, or because it fits curves of one variable well, so that the advantage washes out as "
    "networks get deep? Advantages are differences of log10 error, in dex: 0.3 dex is half the error, 1 dex a tenth."
)


def answer(found: Sequence[Verdict]) -> str:
    """Two sentences: the verdicts of the KANs, and what the best of them gains, with the control beside it."""
    kans = [verdict for verdict in found if is_kan(verdict.arm)] or list(found)
    if not kans:
        return "No arm has rows enough for a verdict yet. Run the study to its end."
    best = max(kans, key=lambda verdict: (verdict.advantage == verdict.advantage, verdict.advantage))
    depth = best.contrasts[0]
    change = (
        f"; the KAN's advantage changes by {signed(depth)} dex with every doubling of depth"
        if depth.instances
        else ""
    )
    control = [one for one in found if one.arm == CONTROL and one.form == best.form and one not in kans]
    beside = f" (a {named(CONTROL)}: {times(control[0].advantage)})" if control else ""
    return (
        f"{_verdicts(kans)} Over all depths the best, {_named(best)}, has errors {times(best.advantage)} "
        f"those of the perceptron of the same form with as many parameters{beside}{change}."
    )


def best_of_each(lines: Frame, reference: str) -> str:
    """KAN, control and reference each at the depth and form at which it is best."""
    deep = lines[lines["role"] == "depth"]
    errors = np.log10(deep["e"]).groupby([deep["arm"], deep["form"], deep["depth"]]).mean()
    arm = errors.index.get_level_values("arm")
    groups = [errors[arm.map(is_kan)], errors[arm == reference], errors[arm == CONTROL]]
    if not (len(groups[0]) and len(groups[1])):
        return "No rows of a KAN beside the perceptron yet."
    kan, own = groups[0].idxmin(), groups[1].idxmin()
    control = f" (a {named(CONTROL)}: {times(errors[own] - groups[2].min())})" if len(groups[2]) else ""
    return (
        f"With form and depth chosen for each, the best KAN ({_setting(kan)}) has errors "
        f"{times(errors[own] - errors[kan])} those of the best perceptron ({_setting(own)}){control}. They were chosen "
        f"by these very errors, among {len(groups[0])} settings of KANs and {len(groups[1])} of perceptrons."
    )


def _setting(found: Any) -> str:
    arm, form, depth = found
    return f"{arm}, {form}, L = {depth}"


def _verdicts(kans: Sequence[Verdict]) -> str:
    words = [verdict.word for verdict in kans]
    counts = [(words.count(word), word) for word in (COMPOSITION, FITTING, MIXED) if word in words]
    if len(counts) > 1:
        said = ", ".join(f"{count} {word} ({_MEANS[word]})" for count, word in counts)
        return f"Of {len(kans)} kinds of KAN judged, the verdicts are: {said}{_tally(kans)}."
    who = _named(kans[0]) if len(kans) == 1 else f"all {len(kans)} kinds of KAN"
    whose = "its" if words[0] != MIXED else "the"
    return f"For {who} the verdict is {words[0]}: {whose} {_MEANS[words[0]]}{_tally(kans)}."


def _tally(found: Sequence[Verdict]) -> str:
    """How many contrasts speak for what."""
    signs = [contrast.sign for verdict in found for contrast in verdict.contrasts]
    fitting, composing = signs.count("negative"), signs.count("positive")
    return f"; of {len(signs)} contrasts, for fitting {fitting}, for composition {composing}"


def certainty(found: Sequence[Check], lines: Frame, plan: Plan) -> str:
    """Whether the instrument passed its own tests, and how many rows there are."""
    bad = [check for check in found if check.rows and not check.passed]
    missing = [check for check in found if not check.rows]
    state = "The instrument failed its own test" if bad else "What should be 0 came out as 0"
    if len(missing) == len(found):
        state = "The instrument was not tested on what should be 0"
    deep = lines[lines["role"] == "depth"]
    targets, seeds = deep["instance"].nunique(), deep["seed"].nunique()
    detail = "; ".join(f"{check.name}: {check.mean:+.3f} dex" for check in bad or found if check.rows)
    loose = [choice for choice in plan.choices.values() if not choice.bracketed]
    rows = lines.drop_duplicates("key")
    longer, failed = int((rows["budget"] != "steps").sum()), int((rows["status"] != "done").sum())
    return (
        f"{state} ({detail or 'no rows for it yet'}; the limit is {NULL_BAND} dex). The contrast over "
        f"depth rests on {targets} targets with up to {seeds} seeds each. "
        + (f"Not tested yet: {'; '.join(check.name for check in missing)}. " if missing else "")
        + f"{len(rows) - longer} of {len(plan.cells())} planned trainings are in, and {longer} repetitions at equal "
        f"time; {failed} of them failed or diverged and count as predicting the mean. "
        f"{len(loose)} of {len(plan.choices)} learning rates lie at the end of what was tried: a better one may lie "
        "beyond."
    )


def limits(spec: Spec) -> str:
    """What the study does not show, from what it did not try."""
    depths = [depth for sweep in spec.sweeps for depth in sweep.depths]
    sizes = [size for sweep in spec.sweeps for size in sweep.parameters]
    rows = [count for sweep in spec.sweeps for count in sweep.rows]
    return (
        f"Networks have at most {max(depths)} hidden levels and {max(sizes):,} parameters, tables at most "
        f"{max(rows):,} rows, and training is {spec.steps:,} steps of AdamW: nothing here speaks of larger ones, of "
        "other optimisers (least squares among them) or of language and pictures at scale. Targets are mostly made "
        "by us, of known structure. A verdict says where an advantage comes from, not that there is one: the mean "
        "advantage stands beside it."
    )


def changes(found: Sequence[Verdict]) -> list[str]:
    """For every arm, what would change its verdict."""
    return [f"{_named(verdict)}: {_change(verdict)}" for verdict in found]


def rule() -> str:
    """The rule, in a sentence."""
    return (
        f"Three contrasts, signed so that positive speaks for composition, are tested over task instances (two-sided, "
        f"Holm, {ALPHA}); two positive and none negative make {COMPOSITION}, two negative and none positive {FITTING}, "
        f"anything else {MIXED}. 'No effect' means within {BAND} dex by an equivalence test."
    )


def contrast(found: Contrast) -> str:
    """A contrast as a table says it: mean, interval, adjusted p and what it speaks for."""
    if not found.instances:
        return "no rows"
    return f"{signed(found)}, p {found.p:.3f}: {_SIGNS[found.sign]}"


def signed(contrast: Contrast) -> str:
    """``+0.05 [-0.01, 0.11]``."""
    return f"{contrast.mean:+.3f} [{contrast.interval.low:+.3f}, {contrast.interval.high:+.3f}]"


def times(dex: float) -> str:
    """An advantage in dex as a factor on errors.

    Example:
        >>> times(0.30103)
        '0.50 times'
    """
    return "unknown times" if dex != dex else f"{10**-dex:.2f} times"


def named(arm: str) -> str:
    """An arm in plain words.

    Example:
        >>> named("kan-noise")
        'KAN with the published start'
    """
    return _ARMS.get(arm, f"KAN with the start {arm.removeprefix('kan-')!r}" if is_kan(arm) else arm)


def glossary(arms: Sequence[str], forms: Sequence[str]) -> list[list[str]]:
    """Names as the tables and figures have them, beside plain words."""
    return [[arm, named(arm)] for arm in arms] + [[form, _FORMS.get(form, "")] for form in forms]


def _named(verdict: Verdict) -> str:
    return f"the {named(verdict.arm)} ({verdict.arm}, {verdict.form})"


def _change(verdict: Verdict) -> str:
    signs = [contrast.sign for contrast in verdict.contrasts]
    undecided = [c.name for c in verdict.contrasts if c.sign in ("open", "absent")]
    if verdict.word != MIXED:
        return "one more of its deciding contrasts losing its sign, or one of the opposite sign"
    if "positive" in signs and "negative" in signs:
        return "its contrasts contradict each other; more rows alone will not decide"
    if undecided:
        return f"more task instances, where undecided: {', '.join(undecided)}"
    return "nothing short of other tasks: what was measured is no effect"

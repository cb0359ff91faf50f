"""The sentences of the report on hosts, made from the readings by rule; nobody writes them by hand."""

from collections.abc import Mapping, Sequence

from edgewise.study.hosts.analysis import STEPS, Effect
from edgewise.study.hosts.stages import Group
from edgewise.study.hosts.verdict import (
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    SMALL_DAMAGE,
    SMALL_SHARE,
    UNDECIDED,
    Combined,
    Reading,
    Splines,
    combined,
    side,
)
from edgewise.study.statistics import Frame
from edgewise.study.tuning import Choice
from edgewise.study.verdict import COMPOSITION, FITTING
from edgewise.study.words import times

ABSENT = "not measured"
ASKED = (
    "These are architectures whose advantage is known to come from structure: depth, loops, recursion, combinations of "
    "parts. Each is built small, with its perceptron (MLP) as a slot. First it has to show its own headline with an "
    "MLP in the slot; then a Kolmogorov-Arnold network (KAN) of as many parameters takes the slot. If the KAN gains "
    "more where the architecture composes more, that speaks for composition, if it gains less, for fitting. Gains are "
    "differences of log10 error, in dex: 0.3 dex is half the error."
)
RULE = (
    "A headline is reproduced where the 95 % interval of each of its contrasts lies above 0. The KAN's gain is that at "
    "the condition where the host composes most; the composition contrast is this gain less that where it composes "
    "least, of the same seeds. All intervals are t intervals over pairs of seeds: with three seeds a bootstrap is too "
    "narrow, a t interval is wide and honest. Over hosts the host is the unit. 'It only loses less' stands where the "
    "contrast is above 0 but the gain where the host composes most is certainly below. Splines with less than "
    f"{SMALL_SHARE:.0%} of the energy, or whose absence costs less than {SMALL_DAMAGE:g} dex, make a KAN that has "
    "become an MLP."
)
LIMITS = (
    "Every host is far smaller than the published one, trained for minutes on small data: a headline that fails here "
    "need not be wrong, and gains may change with size. With three seeds only large effects are seen. One seed tunes "
    "the learning rates, the same rates serve equal time, and errors of different hosts (losses, squares, odds) are "
    "not of one kind: their mean in dex is a summary, the count of hosts beside it the sturdier figure."
)
_SPEAKS = {
    COMPOSITION: "which speaks for composition",
    FITTING: "which speaks for fitting",
    UNDECIDED: "which leaves it undecided",
    NOT_MEASURED: "too few hosts for an interval",
}


def answer(found: Sequence[Reading]) -> str:
    """Two sentences: what the KAN changes and whether that grows with what is composed."""
    gain, depth = combined([one.effect for one in found]), combined([one.composition for one in found])
    if not gain.effect.pairs:
        return "No pair of a KAN and an MLP is in: not measured yet. Run the study first."
    timed = combined([one.in_time for one in found]).effect
    in_time = (
        f"at equal time {times(timed.mean)} ({signed(timed, 'dex')})"
        if timed.pairs
        else "equal time is missing"
    )
    first = (
        f"In {gain.effect.pairs} of {len(found)} hosts, where they compose most, the KAN has "
        f"{times(gain.effect.mean)} the error of the MLP with as many parameters ({signed(gain.effect, 'dex')}; "
        f"{count(gain)}), {in_time}."
    )
    if not depth.effect.pairs:
        return f"{first} Whether that grows with what is composed is not measured yet."
    headlines = [one.headline for one in found]
    return (
        f"{first} From where they compose least to where they compose most its gain changes by "
        f"{signed(depth.effect, 'dex')} ({count(depth)}), {_SPEAKS[side(depth.effect)]}; "
        f"{headlines.count(REPRODUCED)} of {len(found)} headlines are reproduced, "
        f"{headlines.count(NOT_REPRODUCED)} are not, {headlines.count(NOT_MEASURED)} are not measured."
    )


def certainty(
    found: Sequence[Reading], lines: Frame, choices: Mapping[str, Mapping[Group, Choice] | None]
) -> str:
    """Rows, failures, rates at an end, circumstances, and what is left when hosts without their headline go."""
    planned, finished = sum(one.planned for one in found), sum(one.finished for one in found)
    if lines.empty:
        return f"None of {planned} planned trainings is in."
    failed = sum(one.failed for one in found)
    rates = [choice for one in choices.values() for choice in (one or {}).values()]
    loose = sum(not choice.bracketed for choice in rates)
    longer = len(set(lines["key"][lines["budget"] != STEPS]) - set(lines["key"][lines["budget"] == STEPS]))
    strict = combined([one.composition for one in found if one.headline == REPRODUCED])
    kept = f"{signed(strict.effect, 'dex')}, {count(strict)}" if strict.effect.pairs else ABSENT
    return (
        f"{finished} of {planned} planned trainings are in, of up to {lines['seed'].nunique()} seeds, and {longer} at "
        f"equal time; {failed} of them diverged or failed and count as knowing nothing. {loose} of {len(rates)} "
        f"learning rates lie at an end of what was tried. {_circumstances(lines)} Composition contrast of the hosts "
        f"whose headline is reproduced alone: {kept}."
    )


def _circumstances(lines: Frame) -> str:
    dates = sorted(lines["date"].str[:10])
    days = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    load = lines["load"].astype(float)
    versions, machines = (", ".join(sorted(lines[name].unique())) for name in ("version", "machine"))
    return (
        f"Measured on {days} by edgewise {versions} on {machines}, one thread a training, at an average load of "
        f"{load.min():.1f} to {load.max():.1f}."
    )


def count(found: Combined) -> str:
    """``above 0 in 3, below in 2, sign test p 1.00``."""
    return f"above 0 in {found.above}, below in {found.below}, sign test p {found.p_sign:.2f}"


def signed(found: Effect, unit: str = "") -> str:
    """``+0.05 [-0.01, 0.11]``, and that there is none, or no interval, where that is so."""
    if not found.pairs:
        return ABSENT
    mean = f"{found.mean:+.3f}{unit and ' '}{unit}"
    if found.pairs == 1:
        return f"{mean} [only one, no interval]"
    return f"{mean} [{found.interval.low:+.3f}, {found.interval.high:+.3f}]"


def held(contrasts: Sequence[Effect]) -> str:
    """How many contrasts of a headline hold."""
    if all(one.sign == "absent" for one in contrasts):
        return ABSENT
    return f"{sum(one.sign == 'positive' for one in contrasts)} of {len(contrasts)}"


def speaks_for(one: Reading) -> str:
    """The word of the composition contrast, with what keeps it from being an advantage."""
    loses = one.word == COMPOSITION and one.effect.sign == "negative"
    return f"{one.word}, but it only loses less" if loses else one.word


def in_time(one: Reading) -> str:
    """The gain at equal time, and where, if that is not where the host composes most."""
    if not one.timed_at:
        return "not asked"
    return signed(one.in_time) + ("" if one.timed_at == one.host.deep else f" ({one.timed_at})")


def still(found: Splines) -> str:
    """Share, damage and what follows."""
    if found.still is None:
        return ABSENT
    share = "" if found.share is None else f"share {found.share:.0%}"
    damage = "" if found.damage is None else f"damage {found.damage:+.2f} dex"
    word = "still a KAN" if found.still else "it has become an MLP"
    return f"{word}: {', '.join(filter(None, (share, damage)))}"


def explained(one: Reading) -> str:
    """How much of the KAN's gain the MLP with learned activations has too."""
    if not one.learned.pairs or not one.effect.pairs:
        return ABSENT
    if one.effect.sign != "positive":
        return f"no certain gain to explain; learned activations: {signed(one.learned, 'dex')}"
    words = {"positive": "yes", "negative": "no", "open": "undecided", "absent": "undecided"}
    share = one.learned.mean / one.effect.mean
    return f"{words[one.beyond.sign]}: {share:.0%} of it ({signed(one.learned, 'dex')})"


def changes(found: Sequence[Reading]) -> list[str]:
    """For every host, what would change what it says."""
    return [f"{one.host.title}: {_change(one)}" for one in found]


def _change(one: Reading) -> str:
    if one.word == NOT_MEASURED:
        return "two seeds of the KAN and the MLP at both ends of its dial."
    if one.headline != REPRODUCED:
        return f"a larger experiment, in which its own headline holds; here it is {one.headline.lower()}."
    if one.word != UNDECIDED:
        return "seeds or sizes at which the interval of its composition contrast reaches over 0."
    if one.needed is None:
        return "more seeds than 200, if mean and deviation stay: as good as no effect."
    return f"some {one.needed} seeds, if mean and deviation stay ({one.composition.pairs} so far)."

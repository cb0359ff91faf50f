r"""The answer to the question of all studies, from the rows of the depth study and of the hosts.

    both speak for the same                      COMPOSITION or FITTING
    one speaks, the other is undecided or absent LEANS TO COMPOSITION or LEANS TO FITTING
    they contradict each other                   MIXED
    neither speaks                               UNDECIDED
    no rows                                      NOT MEASURED YET

The depth study speaks where all its KANs have one verdict, the hosts where the interval of their mean excludes 0.
"""

from collections.abc import Sequence

from edgewise.study import words
from edgewise.study.arms import is_kan
from edgewise.study.hosts import words as host_words
from edgewise.study.hosts.report import host_table
from edgewise.study.hosts.verdict import Reading, combined, side
from edgewise.study.page import Block, Heading, Text
from edgewise.study.verdict import COMPOSITION, FITTING, MIXED, Verdict

QUESTION = "Is a KAN's advantage a matter of composition or of fitting?"
UNDECIDED, NOT_MEASURED = "UNDECIDED", "NOT MEASURED YET"
RULE = (
    "The depth study speaks where all its KANs have one verdict, the hosts where the interval of their mean "
    f"composition contrast excludes 0. Both for the same make {COMPOSITION} or {FITTING}, one of them alone LEANS TO "
    f"it, both against each other {MIXED}, neither {UNDECIDED}."
)
_MEANS = {
    COMPOSITION: "the advantage of a KAN grows with what is composed",
    FITTING: "the advantage of a KAN is one of fitting curves, and shrinks with what is composed",
    f"LEANS TO {COMPOSITION}": "one of two studies says that a KAN's advantage grows with what is composed",
    f"LEANS TO {FITTING}": "one of two studies says that a KAN's advantage shrinks with what is composed",
    MIXED: "the two studies contradict each other",
    UNDECIDED: "neither study can tell whether a KAN's advantage grows with what is composed",
    NOT_MEASURED: "no rows are in",
}


def blocks(depth: Sequence[Verdict], hosts: Sequence[Reading], note: str = "") -> list[Block]:
    """The page: one paragraph first, then the hosts, then what would change it; ``note`` says where it comes from."""
    word = verdict(depth_word(depth), hosts_word(hosts))
    said = [
        f"{word}: {_MEANS[word]}.",
        f"The depth study: {words.answer(depth) if depth else 'not measured yet.'}",
        f"The hosts: {host_words.answer(hosts)}",
    ]
    changes = words.changes(depth) or ["The depth study: its first rows."]
    return [
        Heading(QUESTION, title=True),
        Text(" ".join(said)),
        Text(f"{RULE} {note}"),
        Heading("The hosts"),
        host_table(hosts),
        Text(host_words.RULE),
        Heading("What would change the verdict"),
        *(Text(sentence) for sentence in (*changes, *host_words.changes(hosts))),
    ]


def verdict(depth: str | None, hosts: str | None) -> str:
    """The rule of the module's page; each study says COMPOSITION, FITTING, something undecided, or None without rows.

    Example:
        >>> verdict("FITTING", None)
        'LEANS TO FITTING'
    """
    spoken = {word for word in (depth, hosts) if word in (COMPOSITION, FITTING)}
    if not spoken:
        return NOT_MEASURED if depth is None and hosts is None else UNDECIDED
    if len(spoken) == 2:
        return MIXED
    word = spoken.pop()
    return word if depth == hosts else f"LEANS TO {word}"


def depth_word(found: Sequence[Verdict]) -> str | None:
    """The verdict that all KANs of the depth study share, MIXED where they do not; None without any."""
    spoken = {one.word for one in found if is_kan(one.arm)}
    return (spoken.pop() if len(spoken) == 1 else MIXED) if spoken else None


def hosts_word(found: Sequence[Reading]) -> str | None:
    """What the mean composition contrast speaks for; None without any."""
    depth = combined([one.composition for one in found]).effect
    return side(depth) if depth.pairs else None

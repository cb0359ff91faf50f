"""The figure of a host, from the rows."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np

from edgewise.study.figures import Styles, drawn, logarithmic
from edgewise.study.hosts.analysis import STEPS, advantage, advantage_in_time, effect
from edgewise.study.hosts.host import Host
from edgewise.study.hosts.slot import ARMS
from edgewise.study.hosts.spec import REFERENCE
from edgewise.study.statistics import Frame

APART = 0.12  # of arms beside each other
LETTERS = 34  # of a line beside an axis


def conditions(lines: Frame, host: Host) -> bytes:
    """Left the errors of every seed by condition and arm, with their medians; right ``A`` with its interval."""
    lines = lines[lines["host"] == host.name]
    places = [name for name in host.conditions if name in set(lines["condition"])]
    arms = sorted(set(lines["arm"]), key=list(host.arms).index)
    styles = Styles([*ARMS, *(arm for arm in host.arms if arm not in ARMS)])
    with drawn(2, "", "") as (axes, png):
        _errors(axes[0], lines[lines["budget"] == STEPS], places, arms, styles)
        _advantages(axes[1], lines, host, places, arms, styles)
        for ax, label in zip(axes, (host.measured, "gain over the MLP, dex"), strict=True):
            ax.set_ylabel(fill(label, LETTERS), fontsize=8)
            ax.set_xticks(range(len(places)), places, rotation=40, ha="right")
    return png.getvalue()


def _errors(ax: Any, lines: Frame, places: Sequence[str], arms: Sequence[str], styles: Styles) -> None:
    for shift, arm in zip(_shifts(arms), arms, strict=True):
        own = [
            lines[(lines["condition"] == place) & (lines["arm"] == arm)]["e"].to_numpy(float)
            for place in places
        ]
        style, x = styles.of(arm), np.arange(len(places)) + shift
        for place, values in zip(x, own, strict=True):
            ax.plot([place] * len(values), values, ".", color=style["color"], markersize=3)
        ax.plot(
            x,
            [np.median(values) if len(values) else np.nan for values in own],
            label=arm,
            linestyle="none",
            **style,
        )
    logarithmic(ax.yaxis)


def _advantages(
    ax: Any, lines: Frame, host: Host, places: Sequence[str], arms: Sequence[str], styles: Styles
) -> None:
    """Filled at equal parameters, hollow at equal time."""
    ax.axhline(0, color="#1c2430", linewidth=0.8)
    others = [arm for arm in arms if arm != REFERENCE]
    for shift, arm in zip(_shifts(others), others, strict=True):
        for values, offset, hollow in ((advantage, 0.0, False), (advantage_in_time, APART / 3, True)):
            found = [effect(values(lines, host.name, place, arm)) for place in places]
            x = np.arange(len(places)) + shift + offset
            for place, one in zip(x, found, strict=True):
                ax.plot([place, place], one.interval, color=styles.of(arm)["color"], linewidth=0.8)
            face = {"markerfacecolor": "white"} if hollow else {}
            ax.plot(x, [one.mean for one in found], linestyle="none", **styles.of(arm), **face)


def _shifts(arms: Sequence[str]) -> np.ndarray:
    return APART * (np.arange(len(arms)) - (len(arms) - 1) / 2)

"""The picture of a network in a notebook, with tools to edit it: anywidget in front of ``edgewise.editor.Editor``.

The browser sends what it wants done, ``{"verb": "fix", "edge": [0, 1, 2], "function": "sine"}``; everything is done in
Python, and two things come back: ``scene`` (see ``edgewise.view.scene``), which the picture is drawn from, and
``state``, which the tools show:

========== =========================================================================================================
state      holds
========== =========================================================================================================
steps      what was done, in words, the start first; undone, how many steps ``redo`` can take
edges      every edge: place, words, and kind, ``"spline"``, ``"fixed"`` or ``"cut"``
edge       the place of the chosen edge, or None; match: functions for it, the closest first, with name, text and R2
functions  name and text of all others
busy       seconds a refit may take, and told: how far it is, or None
message    what happened, or why it could not; failed, which of the two; turn, a number that every answer changes
========== =========================================================================================================
"""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import torch
import traitlets

from edgewise.catalogue import PAGES, Function, function
from edgewise.editing import Place, candidates, checked_edge
from edgewise.editor import Editor, Step
from edgewise.errors import EdgewiseError, InputError
from edgewise.network import KAN
from edgewise.train import Step as Progress
from edgewise.view.scene import finite, scene
from edgewise.view.script import FOLDER, script, style
from edgewise.view.snippet import snippet
from edgewise.view.words import pretty

MOST_MATCHES, MOST_LISTED = 8, 1000
LONGEST, BETWEEN_WORDS = 3600.0, 0.2


class Workbench(anywidget.AnyWidget):
    """A network to look at and to edit in a notebook; made by ``edgewise.view.edit``.

    ``network`` is the network after the present step and ``editor`` the history behind it. After a step taken on the
    editor in code, ``show()`` brings the picture up to date.
    """

    _esm = script() + "\n" + (FOLDER / "editing.js").read_text(encoding="utf-8")
    _css = style() + "\n" + (FOLDER / "editing.css").read_text(encoding="utf-8")
    scene = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, editor: Editor, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        self.editor = editor
        self._inputs, self._outputs = inputs, outputs
        self._edge: Place | None = None
        self.on_msg(self._heard)
        self.show()

    def __repr__(self) -> str:
        return f"Workbench({self.editor.steps[-1]})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for where there are none, as in a converted notebook."""
        found = super()._repr_mimebundle_(**kwargs)
        image = snippet(self.network, self._inputs, self._outputs)
        if found is not None and image is not None:
            found[0]["text/html"] = image
        return found

    @property
    def network(self) -> KAN:
        """The network after the present step."""
        return self.editor.network

    def show(self, message: str = "") -> None:
        """Draws the network after the present step, and says something."""
        self.scene = scene(
            self.network,
            self.editor.X,
            feature_names=self._inputs,
            target_names=self._outputs,
            report=self._report(),
        )
        self._say(message, self._state())

    def _say(
        self, message: str, state: dict[str, Any] | None = None, failed: bool = False, busy: Any = None
    ) -> None:
        """Tells the browser; one that waits hears it even when all else is as it was."""
        known = self.state if state is None else state
        turn = self.state.get("turn", 0) + 1
        self.state = known | {"message": message, "failed": failed, "busy": busy, "turn": turn}

    def _report(self) -> dict[str, Any]:
        """How a refit went, and the rows with what the network makes of them; those of classes have no scatter."""
        report: dict[str, Any] = {"history": self.editor.steps[-1].history}
        if self.editor.config.loss == "squared":
            with torch.no_grad():
                made = self.network(self.editor.X.to(self.network.input_center)).cpu().double()
            report |= {"inputs": self.editor.X.numpy(), "observed": self.editor.y.numpy()}
            report |= {"predicted": made.numpy()} if bool(made.isfinite().all()) else {"observed": None}
        return report

    def _state(self) -> dict[str, Any]:
        steps = [{"words": self._words(step), "loss": f"{step.loss:.3g}"} for step in self.editor.steps]
        found = self._matches()
        close = {entry["name"] for entry in found}
        others = [law for page in PAGES.values() for law in page.values() if law.name not in close]
        return {
            "steps": steps,
            "undone": len(self.editor.undone),
            "edges": _edges(self.network, self.scene["levels"]),
            "edge": self._edge,
            "match": found,
            "functions": [_entry(law) for law in others],
        }

    def _matches(self) -> list[dict[str, Any]]:
        """Functions for the chosen edge, the closest first."""
        if self._edge is None or self.network.kan_layers[self._edge[0]].edge(*self._edge[1:]) is None:
            return []
        try:
            found = candidates(self.network, self._edge, self.editor.X)[:MOST_MATCHES]
        except InputError:
            return []
        return [_entry(match.function) | finite({"r2": 1 - match.error**2}) for match in found]

    def _words(self, step: Step) -> str:
        """A step with the names of the nodes at both ends of its edge."""
        where = "" if step.edge is None else edge_name(self.scene["levels"], step.edge)
        if step.action == "fix":
            return f"{where} fixed to {pretty(function(step.detail).text)}, R² {_r2(step.match or 0.0)}"
        said = {"start": "as it came", "cut": f"{where} cut", "free": f"{where} set free"}
        return said.get(step.action) or f"refitted: {step.detail.partition(';')[0]}"

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """Does what the browser asks for; whatever cannot be done is said in the state, and nothing changes."""
        try:
            asked = content if isinstance(content, dict) else {}
            verb = asked.get("verb")
            if verb not in _VERBS:
                raise InputError(f"verb={verb!r}: expected one of {', '.join(_VERBS)}")
            _VERBS[verb](self, asked)
        except EdgewiseError as error:
            self._say(str(error), failed=True)

    def _look(self, asked: dict[str, Any]) -> None:
        edge = asked.get("edge")
        self._edge = None if edge is None else checked_edge(self.network, edge)
        self._say("", self._state())

    def _step(self, step: Step, before: str = "") -> None:
        self.show(f"{before}{self._words(step)}; loss {step.loss:.3g}")

    def _refit(self, asked: dict[str, Any]) -> None:
        seconds = asked.get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST:
            raise InputError(f"seconds={seconds!r}: expected a number above 0 and up to {LONGEST:g}")
        said = 0.0

        def watch(step: Progress, _: KAN) -> None:
            nonlocal said
            if step.seconds - said >= BETWEEN_WORDS:
                said = step.seconds
                told = f"loss {step.loss:.2e}"
                self._say("", busy={"seconds": seconds, "passed": step.seconds, "told": told})

        self._say("", busy={"seconds": seconds, "passed": 0.0, "told": "the first steps"})
        self._step(self.editor.refit(float(seconds), watch))


_VERBS: dict[str, Callable[[Workbench, dict[str, Any]], None]] = {
    "look": Workbench._look,
    "fix": lambda bench, asked: bench._step(
        bench.editor.fix(asked.get("edge", ()), str(asked.get("function")))
    ),
    "cut": lambda bench, asked: bench._step(bench.editor.cut(asked.get("edge", ()))),
    "free": lambda bench, asked: bench._step(bench.editor.free(asked.get("edge", ()))),
    "refit": Workbench._refit,
    "undo": lambda bench, asked: bench._step(bench.editor.undo(), "back to: "),
    "redo": lambda bench, asked: bench._step(bench.editor.redo(), "again: "),
}


def edge_name(levels: Sequence[Sequence[dict[str, Any]]], edge: Place) -> str:
    """An edge by the labels of the nodes at its ends, such as ``x1 → 1.2``; see ``scene`` for ``levels``."""
    level, source, target = edge
    node = next(node for node in levels[level + 1] if target in node["subnodes"])
    factor = f" (factor {node['subnodes'].index(target) + 1})" if node["kind"] == "product" else ""
    return f"{levels[level][source]['label']} → {node['label']}{factor}"


def _edges(net: KAN, levels: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Every edge with its name and what it is now; none for a network with too many for a list."""
    places = [
        (level, i, o)
        for level, layer in enumerate(net.kan_layers)
        for o in range(layer.out_features)
        for i in range(layer.in_features)
    ]
    if len(places) > MOST_LISTED:
        return []
    found = []
    for level, i, o in places:
        law = net.kan_layers[level].edge(i, o)
        kind = "cut" if law is None else "spline" if isinstance(law, str) else "fixed"
        text = pretty(law.text) if isinstance(law, Function) else kind
        found.append(
            {"place": [level, i, o], "words": f"{edge_name(levels, (level, i, o))}: {text}", "kind": kind}
        )
    return found


def _r2(value: float) -> str:
    """R2 in a few digits, of its distance to 1 where that is small."""
    return f"{value:.4f}" if value < 0.9999 else f"1 − {1 - value:.2g}" if value < 1 - 1e-9 else "1"


def _entry(law: Function) -> dict[str, Any]:
    return {"name": law.name, "text": pretty(law.text)}

r"""A toy language of nested brackets and quoted words, in which closing the right thing is the task.

    text = ^ item item ...          item = letter | ( item ... ) | [ item ... ] | ' letter ... ' | " letter ... "

Outside of quotes the next token is a letter, opens a bracket (at most ``NESTING`` deep), closes the innermost one or
opens a quote; inside, a letter or the quote's end. Letters mean nothing. At a *prompt*, a place where something is
closed, a task asks which of two tokens does it:

========= ============== ==================================================
task      between        right
========= ============== ==================================================
quote     ' and "        the quote that is open
bracket   ) and ]        that of the innermost open bracket
========= ============== ==================================================

The nonsense of a task are the same prompts with other answers: one half of the letters, drawn by the seed, says the
first token and the other half the second, by the last letter before the place. No text of the language obeys it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

TOKENS = "^abcdefghijklmnop()[]'\""
LETTERS = 16  # tokens 1 to 16
OPEN, CLOSE, QUOTES = (17, 19), (18, 20), (21, 22)
NESTING, SHORTEST = 3, 8
TASKS = {"quote": QUOTES, "bracket": CLOSE}
_END, _WORD, _OPENS, _CLOSES = 0.35, 0.35, 0.25, 0.25  # chances; what is left opens a quote


@dataclass(frozen=True)
class Prompts:
    """Places in texts: the token after ``texts[k, place[k]]`` is ``between[answer[k]]``."""

    texts: Int[Tensor, "prompts time"]
    place: Int[Tensor, " prompts"]
    answer: Int[Tensor, " prompts"]
    between: tuple[int, int]

    def loss(self, logits: Float[Tensor, "prompts time vocabulary"]) -> Float[Tensor, ""]:
        """Cross entropy in nats between the two tokens alone; ln 2 for who guesses."""
        there = logits[torch.arange(len(self.place)), self.place]
        return functional.cross_entropy(there[:, list(self.between)], self.answer)

    def some(self, chosen: Int[Tensor, " some"]) -> "Prompts":
        """Those of the given numbers."""
        return Prompts(self.texts[chosen], self.place[chosen], self.answer[chosen], self.between)


def texts(count: int, length: int, generator: np.random.Generator) -> Int[np.ndarray, "count length"]:
    """So many different texts, each with its start token."""
    found: dict[bytes, np.ndarray] = {}
    while len(found) < count:
        for chances in generator.random((count, length, 2)):
            text = _text(chances.tolist())
            found.setdefault(text.tobytes(), text)
    return np.stack(list(found.values())[:count])


def prompts(task: str, sample: Int[np.ndarray, "texts time"], generator: np.random.Generator) -> Prompts:
    """One place of every text that has one, at least ``SHORTEST`` tokens after its start."""
    between = TASKS[task]
    where = [np.flatnonzero(_closing(text, between)) for text in sample]
    kept = [
        (text, generator.choice(places)) for text, places in zip(sample, where, strict=True) if len(places)
    ]
    rows, places = np.stack([text for text, _ in kept]), np.array([place for _, place in kept])
    answer = rows[np.arange(len(rows)), places] == between[1]
    return Prompts(
        torch.from_numpy(rows), torch.from_numpy(places - 1), torch.from_numpy(answer).long(), between
    )


def nonsense(real: Prompts, generator: np.random.Generator) -> Prompts:
    """The same prompts answered by letter; those without a letter are left out."""
    second = np.zeros(len(TOKENS), dtype=int)
    second[generator.permutation(LETTERS)[: LETTERS // 2] + 1] = 1
    rows, kept, answer = real.texts.numpy(), [], []
    for k, place in enumerate(real.place.tolist()):
        letters = [token for token in rows[k, : place + 1] if 1 <= token <= LETTERS]
        if letters:
            kept.append(k)
            answer.append(second[letters[-1]])
    some = real.some(torch.tensor(kept))
    return Prompts(some.texts, some.place, torch.tensor(np.array(answer)), real.between)


def _text(chances: list[list[float]]) -> Int[np.ndarray, " time"]:
    """A text from two uniform numbers for every token: what comes, and which of its kind."""
    tokens, opened, quote = [0], [], None
    for what, which in chances[1:]:
        if quote is not None:
            token, quote = (quote, None) if what < _END else (_letter(which), quote)
        else:
            token = _outside(what, which, opened)
            quote = token if token in QUOTES else None
        tokens.append(token)
    return np.array(tokens)


def _outside(what: float, which: float, opened: list[int]) -> int:
    """The next token where no quote is open; keeps account of the brackets."""
    second = which >= 0.5
    if what < _WORD or (what < _WORD + _OPENS and len(opened) == NESTING):
        return _letter(which)
    if what < _WORD + _OPENS:
        opened.append(second)
        return OPEN[second]
    if what < _WORD + _OPENS + _CLOSES:
        return CLOSE[opened.pop()] if opened else _letter(which)
    return QUOTES[second]


def _letter(which: float) -> int:
    return 1 + int(which * LETTERS)


def _closing(text: Int[np.ndarray, " time"], between: tuple[int, int]) -> np.ndarray:
    """Whether the token at each place closes what the task is about, late enough."""
    closing = np.isin(text, between)
    if between == QUOTES:  # every second one
        closing &= np.cumsum(closing) % 2 == 0
    closing[: SHORTEST + 1] = False
    return closing

r"""Deep and thin language models: at equal parameters, more and narrower blocks beat few and wide ones.

Source: MobileLLM, Liu et al., arXiv 2402.14905. Its blocks are LLaMA's, see ``edgewise.study.hosts.decoder``:

    x = x + s attention(rms(x)),    x = x + s slot(rms(x)),    slot(z) = W2 ( silu(W1 z) * (W3 z) )

Kept: SwiGLU, rotary positions, root mean square norm, grouped queries (two for a key; there three), input and output
embedding tied, and block sharing, where each block is run twice in a row (MobileLLM-LS). Reduced: 0.1 M parameters
beside the embedding instead of 125 M, windows of 128 bytes instead of 2048 tokens, norms without weights, the factor
``s`` (see the decoder), and one pass over at most 3 MB of text. Measured in bits per byte, not by questions answered.

Data: source files of Python's standard library, split by file, see ``corpus``; the message of an outcome names the
hash of what was read, and outcomes are comparable where it is the same. Windows of training are drawn by the seed.

Equal parameters: see ``shape``. ``size`` multiplies the parameters beside the embedding, ``steps`` are batches of
``BATCH`` windows. Two contrasts: two blocks beat one, and six, the least deep of the depths above two, beat two. The
second may well fail here: depth is efficient up to about log3 of the width (Levine et al., arXiv 2006.12467), 3.7
blocks for the widths of this size, far from the paper's 30. Which depth is best, and whether that differs between
arms, is asked of the errors at all depths by ``optimum``.

``deep`` and ``shallow`` are 12 and 2 blocks: 12 and not 24, at which the stream is 20 numbers wide and every arm is
short of width. If a KAN's advantage came from the curves it can bend in one layer, it should be largest where the
slots have most nodes, at 2.
"""

from collections.abc import Mapping
from math import log

import torch

from edgewise.study.hosts.decoder import Decoder, token_losses, weights_from
from edgewise.study.hosts.deep_thin.corpus import Corpus, corpus, spread, windows
from edgewise.study.hosts.deep_thin.optimum import shift
from edgewise.study.hosts.deep_thin.shape import shaped
from edgewise.study.hosts.host import Contrast, Errors, Host
from edgewise.study.hosts.loop import fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

BUDGET, WINDOW, BATCH = 99_300, 128, 8
VALID, TEST, CHUNK = 128, 1024, 64  # windows
EARLY, LATE = 16, 64  # bytes of a window
DEPTHS: Mapping[str, tuple[int, int]] = {  # blocks and passes
    "1": (1, 1),
    "2": (2, 1),
    "6": (6, 1),
    "12": (12, 1),
    "24": (24, 1),
    "6-twice": (6, 2),
}


def run(trial: Trial) -> Outcome:
    """Trains a decoder of the condition's depth and measures bits per byte."""
    blocks, passes = DEPTHS[trial.condition]
    text, draws = corpus(), seeded("deep-thin", trial.seed)
    starts = draws.integers(0, len(text.train) - WINDOW - 1, (trial.steps, BATCH))
    plan = shaped(blocks, BUDGET * trial.size, passes)
    decoder = Decoder(trial.arm, plan, weights_from(seeded("deep-thin", trial.seed, "weights")))
    chosen = spread(text.valid, VALID, WINDOW)
    trained = fit(
        decoder,
        trial,
        lambda step: token_losses(decoder, windows(text.train, starts[step], WINDOW)).mean(),
        lambda: float(bits(decoder, chosen).mean()),
    )
    if not trained.finite:
        return _diverged(decoder, text, trained.seconds)
    return _judged(decoder, text, trained.valid, trained.seconds)


def bits(decoder: Decoder, sample: torch.Tensor) -> torch.Tensor:
    """Bits of every byte, ``(windows, WINDOW)``."""
    with torch.no_grad():
        return torch.cat([token_losses(decoder, part) for part in sample.split(CHUNK)]) / log(2)


def _judged(decoder: Decoder, text: Corpus, valid: float, seconds: float) -> Outcome:
    sample = spread(text.test, TEST, WINDOW)
    found = bits(decoder, sample)
    return Outcome(
        status="done",
        message=_origin(text),
        error=float(found.mean()),
        chance=text.guessing,
        valid=valid,
        numbers=_numbers(decoder, found),
        seconds=seconds,
        parameters=decoder.size,
        in_slots=decoder.in_slots,
        **spline_figures(
            decoder, lambda: decoder(sample[:CHUNK, :-1]), lambda net: float(bits(net, sample).mean())
        ),
    )


def _diverged(decoder: Decoder, text: Corpus, seconds: float) -> Outcome:
    return Outcome(
        status="diverged",
        message=f"loss or gradient not finite; {_origin(text)}",
        error=text.guessing,
        chance=text.guessing,
        seconds=seconds,
        parameters=decoder.size,
        in_slots=decoder.in_slots,
    )


def _numbers(decoder: Decoder, found: torch.Tensor) -> dict[str, float]:
    early, late = found[:, :EARLY].mean(), found[:, LATE:].mean()
    return {
        "width": float(decoder.plan.width),
        "nodes": float(decoder.plan.nodes),
        "context": float(early - late),
    }


def _origin(text: Corpus) -> str:
    return f"text sha256 {text.digest[:12]}"


def _moved(errors: Errors) -> list[str]:
    """A sentence for every arm on whether its best depth is another than the perceptron's."""
    said = []
    for arm in errors:
        seeds = sorted(errors[arm].keys() & errors["mlp"].keys())
        pairs = [(_by_depth(errors[arm][seed]), _by_depth(errors["mlp"][seed])) for seed in seeds]
        pairs = [(one, other) for one, other in pairs if one.keys() == other.keys() and len(one) > 2]
        if arm == "mlp" or len(pairs) < 2:
            continue
        mean, (low, high) = shift([own for own, _ in pairs], [other for _, other in pairs])
        said.append(
            f"The best depth of {arm} lies {mean:+.2f} doublings [{low:+.2f}, {high:+.2f}] from the perceptron's "
            f"({len(pairs)} seeds)."
        )
    return said


def _by_depth(errors: Mapping[str, float]) -> dict[int, float]:
    return {int(condition): error for condition, error in errors.items() if condition.isdigit()}


HOST = Host(
    name="deep_thin",
    title="Deep-thin language models (MobileLLM)",
    source="Liu et al., arXiv 2402.14905",
    headline="At equal parameters, deeper and thinner language models beat shallower and wider ones.",
    asks="Does the best depth move when the blocks hold KANs?",
    measured="bits per byte of unseen source files",
    conditions={
        "1": "one block, the widest",
        "2": "two blocks",
        "6": "six blocks",
        "12": "twelve blocks",
        "24": "twenty-four blocks, the thinnest",
        "6-twice": "six blocks, each run twice in a row: the parameters of 6, the steps of 12",
    },
    headlines=(
        Contrast("two blocks beat one at equal parameters", "2", "1"),
        Contrast("six blocks beat two at equal parameters", "6", "2"),
    ),
    deep="12",
    shallow="2",
    run=run,
    arms=("mlp", "mlp-gelu", "learned", "rational", "kan", "kan-noise"),
    tuned_as={"1": "2", "24": "12", "6-twice": "6"},
    further=_moved,
    numbers={
        "width": "of the stream",
        "nodes": "asked of the slot, see edgewise.study.hosts.slot",
        "context": f"bits per byte of a window's first {EARLY} bytes less those from the {LATE}th on: "
        "what context is worth",
    },
)

"""What goes on in a deep network, layer by layer: gains, offsets, gradients, and what its splines are good for.

``diagnose(network, X, y)`` gathers all of it and ``advice`` says in one sentence what to change. Every number is also a
function of its own, of a network and a ``Trace`` of it.
"""

from edgewise.diagnostics.deletion import Deletion, deletion, deletions
from edgewise.diagnostics.diagnosis import Diagnosis, LayerDiagnosis, advice, diagnose
from edgewise.diagnostics.gain import Gain, gains, input_gradients, outside, signals
from edgewise.diagnostics.replacement import Replacement, replacements

__all__ = [
    "Deletion",
    "Diagnosis",
    "Gain",
    "LayerDiagnosis",
    "Replacement",
    "advice",
    "deletion",
    "deletions",
    "diagnose",
    "gains",
    "input_gradients",
    "outside",
    "replacements",
    "signals",
]

"""The colours and shapes of drawings."""

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito's blue and vermilion, which every kind of colour vision tells apart; unusual greys, so that the
# page can find and replace them by the colours of the reader's light or dark theme.
COLOURS = {
    "ink": "#20262d",
    "faint": "#707a85",
    "frame": "#b9c0c8",
    "paper": "#fdfefe",
    "spline": "#0072b2",
    "symbolic": "#d55e00",
}
CUT = 0.28


def outline(kind: str) -> NDArray[np.float64]:
    """Corners of a box one unit wide: a square, or an octagon for a fixed function."""
    if kind == "spline":
        return np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])
    a, b = 0.5, 0.5 - CUT
    return np.array([[-a, -b], [-a, b], [-b, a], [b, a], [a, b], [a, -b], [b, -a], [-b, -a]])

"""A network as one picture in a notebook: an SVG image inside an ``img`` tag.

Images run no script and cannot load anything, so the picture shows in notebooks that are not trusted, and a column
called ``<script>`` is only a column. The rows it is drawn on are spread evenly over the domain of the first layer's
splines, for a network keeps no data.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.network import KAN
from edgewise.view.figure import svg_text
from edgewise.view.picture import Picture, picture

MOST_EDGES = 300
ROWS = 256
PIXELS_AN_INCH = 72


def snippet(
    net: KAN, feature_names: Sequence[str] | None = None, target_names: Sequence[str] | None = None
) -> str | None:
    """The network as HTML for a notebook's output; None for more than ``MOST_EDGES`` edges, which text says better.

    Example:
        >>> snippet(KAN([2, 3, 1]))[:27], snippet(KAN([100, 20, 1]))
        ('<figure style="margin:0"><i', None)
    """
    from edgewise.view.drawing import draw

    if sum(layer.in_features * layer.out_features for layer in net.kan_layers) > MOST_EDGES:
        return None
    made = picture(net, domain_rows(net, ROWS), feature_names, target_names)
    drawn = draw(made)
    width, height = (round(PIXELS_AN_INCH * float(inches)) for inches in drawn.get_size_inches())
    data = b64encode(svg_text(drawn, "none").encode()).decode()
    return (
        f'<figure style="margin:0"><img width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto" alt="{escape(_in_words(made))}" '
        f'src="data:image/svg+xml;base64,{data}">'
        "<figcaption>Curves over the domain of the splines; no data were needed.</figcaption></figure>"
    )


def domain_rows(net: KAN, count: int) -> Float[Tensor, "count inputs"]:
    """Rows in the user's units, spread evenly (a Sobol sequence) over the domain of the first layer."""
    spline = net.kan_layers[0].spline
    low, high = splines.domain(spline.knots, spline.degree)
    share = torch.quasirandom.SobolEngine(net.in_features).draw(count, dtype=torch.float64).to(low)
    return (low + (high - low) * share) * net.input_scale + net.input_center


def _in_words(made: Picture) -> str:
    edges = [edge for layer in made.edges for edge in layer]
    fixed = sum(edge.kind == "symbolic" for edge in edges)
    inputs, outputs = (", ".join(node.label for node in made.nodes[k]) for k in (0, -1))
    return f"Network from {inputs} to {outputs}: {len(edges)} edges, {fixed} fixed to a function"

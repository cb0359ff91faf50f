"""Pictures of networks: plain data, a matplotlib figure, one HTML page.

Importing this loads no matplotlib; drawing does.
"""

from edgewise.view.dependence import Dependence, partial_dependence
from edgewise.view.figure import figure, save_figure
from edgewise.view.frames import save_frames
from edgewise.view.movie import movie
from edgewise.view.page import page
from edgewise.view.panels import dependence_figure
from edgewise.view.picture import Edge, Node, Picture, picture

__all__ = [
    "Dependence",
    "Edge",
    "Node",
    "Picture",
    "dependence_figure",
    "figure",
    "movie",
    "page",
    "partial_dependence",
    "picture",
    "save_figure",
    "save_frames",
]

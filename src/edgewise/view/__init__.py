"""Pictures of networks: plain data, a matplotlib figure, one HTML page, a movie, a widget for notebooks.

Importing this loads no matplotlib and no anywidget; drawing and editing do.
"""

from edgewise.view.dependence import Dependence, partial_dependence
from edgewise.view.figure import figure, save_figure
from edgewise.view.frames import save_frames
from edgewise.view.movie import movie
from edgewise.view.notebook import edit
from edgewise.view.page import page
from edgewise.view.panels import dependence_figure
from edgewise.view.picture import Edge, Node, Picture, picture

__all__ = [
    "Dependence",
    "Edge",
    "Node",
    "Picture",
    "dependence_figure",
    "edit",
    "figure",
    "movie",
    "page",
    "partial_dependence",
    "picture",
    "save_figure",
    "save_frames",
]

"""Pictures of networks: plain data, a matplotlib figure, one HTML page.

Importing this loads no matplotlib; drawing does.
"""

from edgewise.view.figure import figure, save_figure
from edgewise.view.page import page
from edgewise.view.picture import Edge, Node, Picture, picture

__all__ = ["Edge", "Node", "Picture", "figure", "page", "picture", "save_figure"]

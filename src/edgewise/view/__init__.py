"""Pictures of networks: plain data, a matplotlib figure, one HTML page, a widget for notebooks.

Importing this loads no matplotlib and no anywidget; drawing and editing do.
"""

from edgewise.view.figure import figure, save_svg
from edgewise.view.notebook import edit
from edgewise.view.page import page
from edgewise.view.picture import Edge, Node, Picture, picture

__all__ = ["Edge", "Node", "Picture", "edit", "figure", "page", "picture", "save_svg"]

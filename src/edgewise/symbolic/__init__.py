"""Formulas: from a table, by way of a network with edges fixed to known functions, to text a scientist can check."""

from edgewise.symbolic.candidates import Candidate
from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.define import define
from edgewise.symbolic.fixing import fix_edges
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.match import Match, match_edge
from edgewise.symbolic.names import symbol_names
from edgewise.symbolic.search import SearchResult, search
from edgewise.symbolic.template import template

__all__ = [
    "Candidate",
    "Formula",
    "Match",
    "SearchConfig",
    "SearchResult",
    "define",
    "fix_edges",
    "match_edge",
    "search",
    "symbol_names",
    "template",
]

"""Hosts: architectures whose advantage is known to scale, each with its MLP as a slot.

    hosts.toml, NAME.toml -> plans -> trials -> outcomes -> readings -> report

Every host first has to show its own headline in small with an MLP in the slot; then the question is what a KAN
changes there. A room each; ``trial``, ``host``, ``slot``, ``loop`` and ``shares`` are what they have in common.
``spec`` reads what is asked, ``stages`` says which trials come next, ``examine`` runs one, ``analysis`` and ``verdict``
judge, ``report`` writes it down. Runner and store are those of ``edgewise.study``.
"""

from importlib import import_module

from edgewise.errors import InputError
from edgewise.study.hosts.host import Host

HOSTS = (
    "deep_thin",
    "recursion",
    "hierarchy",
    "looped",
    "memory",
    "combinations",
    "subnetworks",
    "similarity",
    "dictionary",
    "factors",
    "sparse",
    "stiff",
)


def host(name: str) -> Host:
    """The host of that name, whose module is imported only now; ``InputError`` lists the names."""
    if name not in HOSTS:
        raise InputError(f"host {name!r} is not known; choose some of: {', '.join(HOSTS)}")
    return import_module(f"{__name__}.{name}").HOST

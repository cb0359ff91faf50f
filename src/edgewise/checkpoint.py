r"""A network as a folder: ``config.json`` says what it is, ``model.safetensors`` holds its numbers.

Every tensor returns bit for bit: knots, masks, scales, constants of fixed edges. ``edgewise.pair`` says how the two are
kept together.

``config.json``: ``format``, ``format_version``, ``edgewise`` (the version that wrote it), ``model_sha256``,
``network`` (widths, per layer intervals, degree, base and the functions of fixed edges; norm, residual, domain and the
gates' layers where there are any) and ``extra``, where callers keep what belongs to the network: names, settings,
formulas.
"""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from torch import Tensor

from edgewise.catalogue import Function, function, is_built_in
from edgewise.edges import BASES, SplineEdges, SymbolicEdges
from edgewise.errors import CheckpointError, InputError
from edgewise.network import KAN
from edgewise.pair import CONFIG, Kind, first_line, is_pair, read_pair, short, write_pair
from edgewise.splines import MAX_DEGREE

NETWORK = Kind("network", 1)
UNBUILDABLE = (SafetensorError, InputError, KeyError, TypeError, ValueError, RuntimeError)


def save(network: KAN, folder: str | Path, extra: Mapping[str, Any] | None = None) -> Path:
    """Writes a network, and ``extra`` (anything JSON can hold), into a folder; returns the folder.

    A checkpoint already there is replaced. Raises ``InputError`` for anything else in its place, for what is
    no ``KAN``, for an edge fixed to a function neither of the library nor made from text, and for an ``extra`` that
    JSON cannot hold.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = save(KAN([2, 1]), folder, extra={"target": "y"})
        ...     load(folder).widths, load_extra(folder)
        (((2, 0), (1, 0)), {'target': 'y'})
    """
    folder = Path(folder)
    tensors = network_state(network)
    write_pair(folder, NETWORK, {"network": described(network), "extra": dict(extra or {})}, tensors)
    return folder


def load(folder: str | Path) -> KAN:
    """The network a folder holds, on the CPU, in the number type it was saved in.

    Raises ``CheckpointError`` when a file is missing, truncated, from another run, of another shape, of a
    later format, or names functions or sizes that cannot be.
    """
    config, model = read_pair(Path(folder), NETWORK)
    try:
        return rebuilt(config.get("network"), parse_tensors(model))
    except UNBUILDABLE as error:
        raise CheckpointError(
            f"{folder} does not hold a network edgewise can build ({first_line(error)}); save it again"
        ) from None


def load_extra(folder: str | Path) -> dict[str, Any]:
    """The ``extra`` that was saved with a network; empty when there was none."""
    extra = read_pair(Path(folder), NETWORK)[0].get("extra", {})
    if not isinstance(extra, dict):
        raise CheckpointError(f"{folder}/{CONFIG} has an 'extra' that is no object; save the network again")
    return extra


def network_state(network: KAN) -> dict[str, Tensor]:
    """Every tensor of a network by name; raises ``InputError`` for what a checkpoint could not bring back."""
    if not isinstance(network, KAN):
        raise InputError(f"cannot save a {type(network).__name__}: expected a KAN; type save(net, folder)")
    state = network.state_dict()
    shapes = _expected_shapes(described(network))
    if {name: tuple(t.shape) for name, t in state.items()} != shapes:
        raise InputError("cannot save a network with tensors of its own: expected those of a plain KAN")
    return state


def is_checkpoint(folder: Path) -> bool:
    """Whether the ``config.json`` of a folder says that edgewise wrote it."""
    return is_pair(folder, NETWORK)


def described(network: KAN) -> dict[str, Any]:
    """All of a network that is no tensor, as JSON can hold it."""
    found: dict[str, Any] = {
        "widths": [list(width) for width in network.widths],
        "layers": [_layer_config(layer) for layer in network.kan_layers],
    }
    joins = network.joins
    if not joins.absent:
        found |= {"norm": joins.norm, "residual": joins.residual, "domain": list(joins.domain)}
        found["gates"] = [_layer_config(gate) for gate in joins.gates]
    return found


def _layer_config(layer: Any) -> dict[str, Any]:
    fixed = [[i, o, _law_config(law)] for i, o, law in layer.symbolic.fixed]
    spline = layer.spline
    return {"intervals": spline.intervals, "degree": spline.degree, "base": spline.base, "fixed": fixed}


def _law_config(law: Function) -> str | dict[str, Any]:
    """The name of a function that comes with the library; the text of one that its user wrote."""
    if is_built_in(law):
        return law.name
    from edgewise.symbolic.define import as_text

    text = as_text(law)
    if text is None:
        raise InputError(
            f"cannot save an edge fixed to {law.name!r}: expected one of edgewise.catalogue, "
            "or a function made by edgewise.symbolic.define"
        )
    return text


def _law(config: str | dict[str, Any]) -> Function:
    if isinstance(config, str) and is_built_in(law := function(config)):
        return law
    if not isinstance(config, dict):
        raise InputError(f"no function called {short(config)} comes with the library")
    from edgewise.symbolic.define import written

    return written(**config)


def rebuilt(told: Any, tensors: dict[str, Tensor]) -> KAN:
    """The network of a description and its tensors; raises one of ``UNBUILDABLE`` where they do not fit."""
    return _rebuilt(_checked(told, tensors), tensors)


def _checked(described: Any, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The description, after comparing what it claims with the shapes that are really there.

    Nothing is allocated before this: a width of 10**9 fails here because no tensor is that wide.
    """
    if not isinstance(described, dict):
        raise ValueError("the description of the network is missing")
    widths, layers = described["widths"], described["layers"]
    if not isinstance(widths, list) or not isinstance(layers, list) or len(layers) != len(widths) - 1:
        raise ValueError("widths and layers do not match")
    for width in widths:
        if len(width) != 2 or not all(type(n) is int and n >= 0 for n in width):
            raise ValueError(f"a width is {short(width)}")
    for layer in (*layers, *described.get("gates", [])):
        _check_layer(layer)
    _check_joins(described)
    expected = _expected_shapes(described)
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if found != expected:
        names = sorted({n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n)})
        name = names[0]
        raise ValueError(f"{name} has shape {found.get(name)} and {CONFIG} says {expected.get(name)}")
    for part, layer in _named_layers(described):
        _check_numbers(part, layer, tensors)
    return described


def _check_joins(described: dict[str, Any]) -> None:
    low, high = described.get("domain", (-1.0, 1.0))
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"domain is {short([low, high])}")
    if len(described.get("gates", [])) != 2 * (described.get("residual") == "gated"):
        raise ValueError(f"there are {len(described.get('gates', []))} gates")


def _named_layers(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The settings of every layer and gate, with what the names of its tensors begin with."""
    layers = [(f"layers.{k}.", layer) for k, layer in enumerate(described["layers"])]
    return layers + [(f"joins.gates.{k}.", gate) for k, gate in enumerate(described.get("gates", []))]


def _check_layer(layer: Any) -> None:
    for name, low, high in (("intervals", 1, 1 << 40), ("degree", 0, MAX_DEGREE)):
        if type(layer[name]) is not int or not low <= layer[name] <= high:
            raise ValueError(f"{name} is {short(layer[name])}")
    if layer["base"] is not None and layer["base"] not in BASES:
        raise ValueError(f"base is {short(layer['base'])}")
    for source, target, name in layer["fixed"]:
        if type(source) is not int or type(target) is not int:
            raise ValueError(f"an edge is fixed to {short(name)}")
        try:
            _law(name)
        except (InputError, TypeError) as error:
            raise ValueError(f"an edge is fixed to {short(name)}") from error


def _expected_shapes(described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    widths = described["widths"]
    shapes: dict[str, tuple[int, ...]] = {f"input_{part}": (sum(widths[0]),) for part in ("center", "scale")}
    shapes |= {f"output_{part}": (sum(widths[-1]),) for part in ("center", "scale")}
    sizes = [(sum(below), above[0] + 2 * above[1]) for below, above in itertools.pairwise(widths)]
    sizes += [(sum(widths[0]), sum(widths[1]))] * len(described.get("gates", []))
    for (part, layer), (inputs, outputs) in zip(_named_layers(described), sizes, strict=True):
        functions = layer["intervals"] + layer["degree"]
        shapes[f"{part}spline.weight"] = (inputs, functions + (layer["base"] is not None), outputs)
        shapes[f"{part}spline.knots"] = (inputs, functions + layer["degree"] + 1)
        shapes[f"{part}spline.mask"] = (inputs, outputs)
        shapes[f"{part}symbolic.constants"] = (len(layer["fixed"]), 5)
    if described.get("residual") in ("zero", "gated") and len(widths) > 3:
        shapes["joins.mix"] = (len(widths) - 3,)
    return shapes


def _check_numbers(part: str, layer: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(f"{name} is of type {tensor.dtype}")
    inputs, outputs = tensors[f"{part}spline.mask"].shape
    if not all(0 <= i < inputs and 0 <= o < outputs for i, o, _ in layer["fixed"]):
        raise ValueError("a fixed edge joins nodes that are not there")
    knots = tensors[f"{part}spline.knots"].double()
    if not bool((knots.isfinite().all()) & (knots.diff(dim=1) >= 0).all()):
        raise ValueError(f"the knots of {part.strip('.')} do not ascend")


def _rebuilt(described: dict[str, Any], tensors: dict[str, Tensor]) -> KAN:
    network = KAN(
        [(int(sums), int(products)) for sums, products in described["widths"]],
        intervals=1,
        degree=0,
        domain=tuple(described.get("domain", (-1.0, 1.0))),
        base=None,
        init="noise",
        norm=described.get("norm"),
        residual=described.get("residual"),
        generator=torch.Generator(),
    )
    layers = [*network.kan_layers, *network.joins.gate_layers]
    for layer, (part, config) in zip(layers, _named_layers(described), strict=True):
        layer.spline = SplineEdges(
            tensors[part + "spline.weight"], tensors[part + "spline.knots"], config["degree"], config["base"]
        )
        fixed = tuple((i, o, _law(name)) for i, o, name in config["fixed"])
        layer.symbolic = SymbolicEdges(
            layer.in_features, layer.out_features, fixed, tensors[part + "symbolic.constants"]
        )
    network.load_state_dict(tensors, assign=True)
    return network

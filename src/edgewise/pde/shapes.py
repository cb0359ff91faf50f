"""Domains as plain data and back: what a saved solution says of the place it is for."""

from typing import Any

from edgewise.errors import InputError
from edgewise.pde.geometry import Box, Difference, Disc, Domain, Polygon, Product, Union


def shape_data(domain: Domain) -> dict[str, Any]:
    """A domain as JSON can hold it.

    Example:
        >>> shape_data(Box(x=(0, 1)) - Box(x=(0.2, 0.4)))
        Traceback (most recent call last):
        edgewise.errors.InputError: both shapes call a boundary 'x.high'; type name=... for one of them
        >>> shape_data(Disc((0, 0), 1))["radius"]
        1.0
    """
    match domain:
        case Box():
            return {
                "shape": "box",
                "axes": dict(zip(domain.coordinates, map(list, domain.bounds), strict=True)),
            }
        case Disc():
            data = {"shape": "disc", "center": list(domain.center), "radius": domain.radius}
            return data | {"name": domain.pieces[0].name, "coordinates": list(domain.coordinates)}
        case Polygon():
            name = domain.pieces[0].name.removesuffix(" 1")
            data = {"shape": "polygon", "corners": domain.corners.tolist()}
            return data | {"name": name, "coordinates": list(domain.coordinates)}
        case Difference():
            return {"shape": "difference", "of": [shape_data(domain.whole), shape_data(domain.taken)]}
        case Union():
            return {"shape": "union", "of": [shape_data(domain.one), shape_data(domain.two)]}
        case Product():
            return {"shape": "product", "of": [shape_data(domain.left), shape_data(domain.right)]}
    raise InputError(
        f"cannot save a domain of class {type(domain).__name__}: expected shapes of edgewise.pde"
    )


def shape_of(data: dict[str, Any]) -> Domain:
    """The domain that ``shape_data`` told of.

    Example:
        >>> shape_of(shape_data(Disc((0, 0), 1) - Disc((0, 0), 0.3, name="hole"))).bounds
        ((-1.0, 1.0), (-1.0, 1.0))
    """
    kind = data["shape"]
    if kind == "box":
        return Box(**{name: (float(low), float(high)) for name, (low, high) in data["axes"].items()})
    if kind == "disc":
        x, y = data["center"]
        return Disc((x, y), data["radius"], data["name"], tuple(data["coordinates"]))
    if kind == "polygon":
        return Polygon([(x, y) for x, y in data["corners"]], data["name"], tuple(data["coordinates"]))
    made = {"difference": Difference, "union": Union, "product": Product}
    if kind not in made:
        raise InputError(
            f"no shape is called {kind!r}: expected one of box, disc, polygon, {', '.join(made)}"
        )
    one, two = map(shape_of, data["of"])
    return made[kind](one, two)

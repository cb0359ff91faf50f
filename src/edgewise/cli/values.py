"""Options that hold several values in one text: names, units, inches."""

import csv

from edgewise.errors import InputError


def names(features: str | None) -> list[str] | None:
    """Names from ``a,b``; a name with a comma goes into double quotes."""
    if features is None:
        return None
    found = next(csv.reader([features], skipinitialspace=True), [])
    return [name.strip() for name in found if name.strip()]


def inches(size: str | None) -> tuple[float, float | None] | None:
    """Width and height from ``7x4``, or the width alone from ``3.5``."""
    if size is None:
        return None
    width, _, height = size.lower().partition("x")
    try:
        return float(width), float(height) if height else None
    except ValueError:
        raise InputError(
            f"--size is {size!r}: expected inches; type for instance --size 3.5 or --size 7x4"
        ) from None


def pairs(units: str | None) -> dict[str, str] | None:
    """Units by name from ``m=kg,v=m/s``."""
    if units is None:
        return None
    entries = names(units) or []
    for entry in entries or [units]:
        if "=" not in entry:
            raise InputError(
                f"--units has {entry!r}: expected a name and its unit; type for instance --units 'm=kg,v=m/s'"
            )
    return {name.strip(): unit.strip() for name, _, unit in (entry.rpartition("=") for entry in entries)}

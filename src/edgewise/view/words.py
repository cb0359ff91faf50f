"""Words and numbers as they are set in pictures and pages."""

from math import isfinite

# Advance widths of the default font (DejaVu Sans) in ems, rounded up; what is not listed is as wide as an ideograph.
_WIDTHS = {
    0.42: " !'()*,-./:;I[]`fijlrt|{}",
    0.66: '"0123456789?abcdeghknopqsuvxyz_$EFJLPST=+<>^~…²³⁴⁵⁻·',
    0.82: "#&ABCDGHKNOQRUVXYZ\\",
    1.0: "%@MWmw",
}
_EMS = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
_POWERS = (("**-2", "⁻²"), ("**-3", "⁻³"), ("**2", "²"), ("**3", "³"), ("**4", "⁴"), ("**5", "⁵"))


def text_width(text: str, points: float) -> float:
    """Inches a text takes at a font size, a little too many rather than too few."""
    return sum(_EMS.get(letter, 1.0) for letter in text) * points / 72


def shortened(name: str, most: int) -> str:
    """A name of at most ``most`` letters, cut in the middle, where names of one table differ least.

    Example:
        >>> shortened("temperature_inlet_3", 11)
        'tempe…let_3'
    """
    if len(name) <= most:
        return name
    head = most // 2
    return name[:head] + "…" + name[len(name) - (most - head - 1) :]


def fitted(name: str, inches: float, points: float) -> str:
    """As much of a name as fits, at least three letters."""
    for most in range(len(name), 3, -1):
        if text_width(shortened(name, most), points) <= inches:
            return shortened(name, most)
    return shortened(name, 3)


def pretty(text: str) -> str:
    """Program text of a formula as a reader writes it.

    Example:
        >>> pretty("1/(1 + u**2)*x")
        '1/(1 + u²)·x'
    """
    text = text.replace(" ** ", "**")
    for power, raised in _POWERS:
        head, *rest = text.split(power)
        # u**25 and u**2.5 are not squares.
        text = head + "".join(
            (power if part[:1].isdigit() or part[:1] == "." else raised) + part for part in rest
        )
    return text.replace("**", "^").replace(" * ", "*").replace("*", "·")


def number(value: object, digits: int = 4) -> str:
    """A number in a few digits, with a real minus sign; anything else as it is.

    Example:
        >>> number(-1234.5678), number(3), number(1e-9)
        ('−1235', '3', '1e−9')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return str(value).replace("-", "−")
    if not isfinite(value):
        return str(value).replace("-", "−")
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")

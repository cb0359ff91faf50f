"""Rebuilds the tables of this folder from the published numbers behind them; the README tells their story.

    python examples/data/make_tables.py

``planets.csv`` and ``saturn_moons.csv`` need nothing. ``alpha_decay.csv`` needs the data file inside one release
of ``mendeleev``, a few megabytes: ``pip install --no-deps mendeleev==1.3.0``. Nothing here is drawn at random.
"""

import csv
import importlib.util
import math
import sqlite3
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent

# Semi-major axis in astronomical units, and degrees of mean longitude gained in a century.
PLANETS = {
    "Mercury": (0.38709927, 149472.67411175),
    "Venus": (0.72333566, 58517.81538729),
    "Earth": (1.00000261, 35999.37244981),
    "Mars": (1.52371034, 19140.30268499),
    "Jupiter": (5.20288700, 3034.74612775),
    "Saturn": (9.53667594, 1222.49362201),
    "Uranus": (19.18916464, 428.48202785),
    "Neptune": (30.06992276, 218.45945325),
    "Pluto": (39.48211675, 145.20780515),
}

# Semi-major axis in thousands of kilometres, and period in days, both as printed.
SATURN_MOONS = {
    "Pan": ("133.583", "0.5750"),
    "Atlas": ("137.670", "0.6019"),
    "Prometheus": ("139.353", "0.6130"),
    "Pandora": ("141.700", "0.6285"),
    "Epimetheus": ("151.422", "0.6942"),
    "Janus": ("151.472", "0.6945"),
    "Mimas": ("185.52", "0.9424218"),
    "Enceladus": ("238.02", "1.370218"),
    "Tethys": ("294.66", "1.887802"),
    "Dione": ("377.40", "2.736915"),
    "Rhea": ("527.04", "4.517500"),
    "Titan": ("1221.83", "15.945421"),
    "Hyperion": ("1481.1", "21.276609"),
    "Iapetus": ("3561.3", "79.330183"),
    "Phoebe": ("12952", "550.48"),
}

MENDELEEV = "1.3.0"
MEV_PER_U = 931.49410372
DAY = 86400.0
YEAR = 365.2422 * DAY
SECONDS = {
    "asec": 1e-18,
    "nsec": 1e-9,
    "usec": 1e-6,
    "msec": 1e-3,
    "sec": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
}
SECONDS |= {"day": DAY, "year": YEAR, "kyear": 1e3 * YEAR, "Myear": 1e6 * YEAR, "Gyear": 1e9 * YEAR}
SECONDS |= {"Tyear": 1e12 * YEAR, "Pyear": 1e15 * YEAR, "Eyear": 1e18 * YEAR, "Zyear": 1e21 * YEAR}

ALPHA_EMITTERS = """
    SELECT e.symbol, i.atomic_number, i.mass_number, i.half_life, i.half_life_unit, d.intensity
    FROM isotopes i
    JOIN elements e ON e.atomic_number = i.atomic_number
    JOIN isotopedecaymodes d ON d.isotope_id = i.id
    WHERE d.mode = 'A' AND d.relation = '=' AND d.intensity >= 50 AND i.atomic_number >= 52
      AND i.half_life > 0 AND i.half_life_uncertainty < 0.3 * i.half_life
    ORDER BY i.atomic_number, i.mass_number
"""


def planets() -> Iterable[tuple]:
    """Each planet's axis in au and sidereal period in years of 365.25 days: 36000 over degrees per century."""
    yield "body", "semi_major_axis_au", "period_years"
    for body, (axis, degrees_per_century) in PLANETS.items():
        yield body, f"{axis:.8f}", f"{36000 / degrees_per_century:.8f}"


def saturn_moons() -> Iterable[tuple]:
    """Each moon's axis in millions of kilometres and period in days."""
    yield "body", "semi_major_axis_million_km", "period_days"
    for body, (axis, period) in SATURN_MOONS.items():
        yield body, f"{float(axis) / 1000:.6f}", period


def alpha_decay(database: Path) -> Iterable[tuple]:
    """Alpha emitters: protons, neutrons, energy released, and log10 of the partial half-life in seconds."""
    yield "nuclide", "protons", "neutrons", "q_alpha_mev", "log10_half_life_s"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        masses = {
            (protons, nucleons): (mass, uncertainty)
            for protons, nucleons, mass, uncertainty in connection.execute(
                "SELECT atomic_number, mass_number, mass, mass_uncertainty FROM isotopes"
            )
        }
        emitters = connection.execute(ALPHA_EMITTERS).fetchall()
    for symbol, protons, nucleons, half_life, unit, percent in emitters:
        parent, daughter = masses[protons, nucleons], masses.get((protons - 2, nucleons - 4))
        if daughter is None or MEV_PER_U * math.hypot(parent[1], daughter[1]) > 0.05:
            continue
        released = MEV_PER_U * (parent[0] - daughter[0] - masses[2, 4][0])
        logarithm = math.log10(half_life * SECONDS[unit] / (percent / 100))
        yield f"{symbol}-{nucleons}", protons, nucleons - protons, f"{released:.4f}", f"{logarithm:.4f}"


def mendeleev_database() -> Path:
    """The data file of the installed ``mendeleev``, found without importing the package."""
    spec = importlib.util.find_spec("mendeleev")
    if spec is None or spec.origin is None or version("mendeleev") != MENDELEEV:
        raise SystemExit(f"alpha_decay.csv needs: pip install --no-deps mendeleev=={MENDELEEV}")
    return Path(spec.origin).parent / "elements.db"


def write(name: str, rows: Iterable[tuple]) -> None:
    """One CSV file beside this script."""
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    write("planets.csv", planets())
    write("saturn_moons.csv", saturn_moons())
    write("alpha_decay.csv", alpha_decay(mendeleev_database()))

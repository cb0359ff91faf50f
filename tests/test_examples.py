"""The example tables are what their README says."""

import csv
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"


@pytest.mark.parametrize("name", ["planets", "saturn_moons"])
def test_table_is_the_one_its_script_makes(name: str) -> None:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            list(row) for row in runpy.run_path(str(DATA / "make_tables.py"))[name]()
        ]


@pytest.mark.parametrize(("name", "constant"), [("planets", 1.0), ("saturn_moons", 11.8)])
def test_kepler_holds(name: str, constant: float) -> None:
    _, axis, period = (column.to_numpy() for _, column in pd.read_csv(DATA / f"{name}.csv").items())
    slope, _ = np.polyfit(np.log(axis), np.log(period), 1)
    assert slope == pytest.approx(1.5, rel=0.003)
    np.testing.assert_allclose(period, constant * axis**1.5, rtol=0.003)
    assert np.abs(period / (constant * axis**1.5) - 1).max() > 1e-5, "too good: measured, not computed"


def test_alpha_decay_follows_its_law_only_roughly() -> None:
    table = pd.read_csv(DATA / "alpha_decay.csv")
    assert table.shape == (182, 5)
    assert table["nuclide"].is_unique
    protons, energy, target = (table[name] for name in ("protons", "q_alpha_mev", "log10_half_life_s"))
    terms = np.stack([protons / np.sqrt(energy), protons, np.ones(len(table))], axis=1)
    constants = np.linalg.lstsq(terms, target, rcond=None)[0]
    np.testing.assert_allclose(constants, [1.5587, -0.2093, -32.26], rtol=1e-3)
    assert np.std(target - terms @ constants) == pytest.approx(0.762, abs=1e-3)

"""Splines and fixed functions are told apart by everyone, on screen and on a grey printer."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from edgewise.view.colours import COLOURS

# Machado, Oliveira and Fernandes (2009), severity 1: what a missing kind of cone makes of linear RGB.
MISSING = {
    "none": np.eye(3),
    "red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, cones):
    given = np.array(to_rgb(colour))
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(cones @ linear, 0, 1) / (XYZ @ np.ones(3)))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_measure_knows_red_from_green_only_with_all_cones():
    def apart(cones):
        return np.linalg.norm(lab("#d62728", np.array(cones)) - lab("#6b8e23", np.array(cones)))

    assert apart(MISSING["none"]) > 80
    assert apart(MISSING["green"]) < 40


@pytest.mark.parametrize("missing", MISSING)
def test_kinds_differ_whatever_cone_is_missing(missing):
    cones = np.array(MISSING[missing])
    assert np.linalg.norm(lab(COLOURS["spline"], cones) - lab(COLOURS["symbolic"], cones)) > 40


@pytest.mark.parametrize("name", ["ink", "faint", "spline", "symbolic"])
def test_words_and_lines_stand_out_from_the_paper(name):
    def luminance(colour):
        return ((lab(colour, np.eye(3))[0] + 16) / 116) ** 3

    assert (luminance(COLOURS["paper"]) + 0.05) / (luminance(COLOURS[name]) + 0.05) > 3.0

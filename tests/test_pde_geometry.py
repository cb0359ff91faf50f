"""Shapes beside areas, lengths and normals that are known."""

from math import pi

import pytest
import torch

from edgewise import InputError
from edgewise.pde import Box, Disc, Interval, LShape, Polygon

AXES = [torch.linspace(-1, 1, 21, dtype=torch.float64)] * 2
RING = Disc((0, 0), 1) - Disc((0, 0), 0.3, name="hole")


def area(domain, generator):
    ends = torch.tensor(domain.bounds, dtype=torch.float64)
    width = ends[:, 1] - ends[:, 0]
    points = ends[:, 0] + width * torch.rand(200_000, len(ends), dtype=torch.float64, generator=generator)
    return float(domain.inside(points).double().mean() * width.prod())


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Box(x=(-1, 1), y=(0, 3)), 6.0),
        (Disc((1, 2), 0.5), pi / 4),
        (LShape(), 3.0),
        (Polygon([(0, 0), (2, 0), (0, 1)]), 1.0),
        (RING, pi * (1 - 0.09)),
        (Box(x=(0, 1), y=(0, 1)) | Disc((1, 0.5), 0.5), 1 + pi / 8),
        (Disc((0, 0), 1) * Interval(t=(0, 2)), 2 * pi),
    ],
)
def test_areas(domain, expected, generator):
    assert area(domain, generator) == pytest.approx(expected, rel=0.01)


SHAPES = [Disc((0, 0), 1), LShape(), Polygon([(0, 0), (0, 1), (2, 0)]), RING, Box(x=(-1, 1), y=(-1, 1))]


@pytest.mark.parametrize("domain", SHAPES, ids=lambda d: type(d).__name__)
def test_normals_point_out_of_every_piece(domain):
    for piece in domain.pieces:
        points, normals = piece.sample(AXES)
        inner = slice(1, -1)
        assert bool(domain.inside((points - 1e-6 * normals)[inner]).all()), piece.name
        assert not bool(domain.inside((points + 1e-6 * normals)[inner]).any()), piece.name
        torch.testing.assert_close(normals.norm(dim=1), torch.ones(len(normals)).double())


def test_sides_by_name_axis_or_all():
    box = Box(x=(0, 1), t=(0, 2))
    assert [p.name for p in box.on("x")] == ["x.low", "x.high"]
    assert [p.name for p in box.on("t.low")] == ["t.low"]
    assert [p.name for p in box.on("boundary")] == ["x.low", "x.high"]


def test_a_cylinder_has_mantle_start_and_end():
    cylinder = Disc((0, 0), 1) * Interval(t=(0, 2))
    axes = [*AXES, torch.linspace(0, 2, 5, dtype=torch.float64)]
    assert [p.name for p in cylinder.pieces] == ["circle", "t.low", "t.high"]
    points, normals = cylinder.on("circle")[0].sample(axes)
    torch.testing.assert_close(points[:, :2].norm(dim=1), torch.ones(len(points)).double())
    assert not bool(normals[:, 2].any())
    start = cylinder.on("t.low")[0].sample(axes)[0]
    assert not bool(start[:, 2].any())
    assert bool((start[:, :2].norm(dim=1) <= 1 + 1e-8).all())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Box(), "at least one axis"),
        (lambda: Box(x=(1, 0)), "low < high"),
        (lambda: Interval(x=(0, 1), y=(0, 1)), "one axis"),
        (lambda: Disc((0, 0), -1), "positive"),
        (lambda: Polygon([(0, 0), (1, 1)]), "at least 3"),
        (lambda: Disc((0, 0), 1) - Disc((0, 0), 0.5), "name="),
        (lambda: Disc((0, 0), 1) - Box(x=(0, 1), t=(0, 1)), "coordinates"),
        (lambda: Disc((0, 0), 1) * Interval(x=(0, 1)), "'x'"),
        (lambda: LShape().on("left"), "side 1"),
    ],
)
def test_what_cannot_be_gets_one_line(make, words):
    with pytest.raises(InputError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)

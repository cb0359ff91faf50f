"""Scales by one pass are those of the whole table."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from edgewise.data import Scales, measure
from edgewise.engines import Local
from edgewise.errors import InputError
from edgewise.large import ArraySource
from edgewise.large.scales import stream_scales


@pytest.mark.parametrize("products", [0, 1, 2])
@pytest.mark.parametrize("block_rows", [1, 7, 1000])
def test_one_pass_measures_like_the_whole(rng, products, block_rows):
    X = rng.normal(size=(200, 3)) * [1, 100, 0] + [0, 1e6, 5]
    y = rng.normal(size=(200, 2)) * [1, 1e-3] + [1e6, 0]
    found = stream_scales(ArraySource(X, y, block_rows=block_rows), Local(), products)
    expected = measure(torch.from_numpy(X), torch.from_numpy(y), products)
    for field in fields(Scales):
        torch.testing.assert_close(
            getattr(found, field.name), getattr(expected, field.name), rtol=1e-9, atol=0
        )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e200])
def test_a_number_that_is_none_is_told(rng, wrong):
    X = rng.normal(size=(20, 2))
    X[13, 1] = wrong
    with pytest.raises(InputError, match=r"the features of block 2 hold a NaN"):
        stream_scales(ArraySource(X, X[:, 0], block_rows=6), Local())

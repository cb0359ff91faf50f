"""Shapes and types of every call into the numeric rooms of edgewise are checked while the tests run."""

from jaxtyping import install_import_hook

NUMERIC = "splines catalogue init edges layer network penalties data prune train kernels engines pde"
CHECKER = "beartype.beartype(conf=__import__('beartype').BeartypeConf(is_pep484_tower=True))"
install_import_hook([f"edgewise.{room}" for room in NUMERIC.split()], CHECKER)

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402


@pytest.fixture
def generator():
    """A torch generator of its own for every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def rng():
    """A NumPy generator of its own for every test."""
    return np.random.default_rng(0)

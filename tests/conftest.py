"""Shapes and types of every call into the numeric rooms of edgewise are checked while the tests run."""

from jaxtyping import install_import_hook

NUMERIC = (
    "init edges layer joins block network trace penalties data prune train engines large pde diagnostics "
    "study.layers study.arms study.hosts.slot study.hosts.attention study.hosts.shares"
)
CHECKER = "beartype.beartype(conf=__import__('beartype').BeartypeConf(is_pep484_tower=True))"
install_import_hook([f"edgewise.{room}" for room in NUMERIC.split()], CHECKER)

import hypothesis  # noqa: E402
import jaxtyping  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

pytest.register_assert_rewrite("contracts")
hypothesis.settings.register_profile("edgewise", max_examples=40, deadline=None, database=None)
hypothesis.settings.load_profile("edgewise")
torch.set_warn_always(True)  # else a warning is an error in the first test that meets it alone


@pytest.fixture
def generator():
    """A torch generator of its own for every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def rng():
    """A NumPy generator of its own for every test."""
    return np.random.default_rng(0)


@pytest.fixture
def untyped():
    """Types unchecked, as in the user's program, to see what the library itself says of a wrong one."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)

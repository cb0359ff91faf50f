import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def build(folder: Path, compiler: str) -> subprocess.CompletedProcess[str]:
    """What an installation does about the kernels, with its products in ``folder``."""
    pytest.importorskip("setuptools")
    command = [
        sys.executable,
        "setup.py",
        "build_ext",
        "--build-lib",
        str(folder),
        "--build-temp",
        str(folder / "temp"),
    ]
    environment = {**os.environ, "CXX": compiler}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"], ids=["missing", "broken"])
def test_without_a_compiler_the_installation_goes_on_and_says_so(compiler, tmp_path):
    built = build(tmp_path, compiler)
    assert built.returncode == 0, built.stderr
    assert "no C++ compiler could build the spline kernels" in built.stderr
    assert not list(tmp_path.rglob("*.so"))

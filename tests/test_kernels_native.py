"""The C++ kernels by themselves, under the compiler's sanitisers: no byte out of place, no race between threads."""

import os
import subprocess
from pathlib import Path

import pytest

from edgewise.doctor import find_compiler

SOURCES = Path(__file__).parents[1] / "src" / "edgewise" / "kernels"
CHECKS = Path(__file__).parent / "native"
SANITISERS = {
    "address": ["-O0", "-fopenmp", "-fsanitize=address"],
    # OpenMP's own library is not instrumented: here the callers are the threads, each kernel works alone.
    "thread": ["-O1", "-fsanitize=thread"],
}


def build(name: str, sanitiser: str, folder: Path) -> Path:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C++ compiler")
    program = folder / name
    sources = [str(SOURCES / f"{name}.cpp"), str(CHECKS / f"{name}_check.cpp")]
    command = [compiler, "-std=gnu++17", "-g1", "-Wno-psabi", *SANITISERS[sanitiser], "-I", str(SOURCES)]
    empty = folder / "empty.cpp"
    empty.write_text("int main() {}")
    if subprocess.run([*command, str(empty), "-o", str(folder / "empty")], capture_output=True).returncode:
        pytest.skip(f"this compiler has no {sanitiser} sanitiser")
    subprocess.run([*command, *sources, "-o", str(program)], check=True, timeout=250)
    return program


@pytest.mark.slow
@pytest.mark.parametrize("sanitiser", SANITISERS)
@pytest.mark.parametrize(
    "name", sorted(path.stem.removesuffix("_check") for path in CHECKS.glob("*_check.cpp"))
)
def test_kernels_run_clean_under_the_sanitisers(name, sanitiser, tmp_path):
    program = build(name, sanitiser, tmp_path)
    threads = "2" if sanitiser == "address" else "1"
    run = subprocess.run(
        [str(program), "6", threads],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    if "unexpected memory mapping" in run.stderr:
        pytest.skip("this kernel's address layout is beyond the thread sanitiser")
    assert run.returncode == 0, run.stdout + run.stderr

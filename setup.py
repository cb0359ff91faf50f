"""Compiles the spline kernels where a C++ compiler is found; without one the install goes on without them.

The result is one plain shared library inside the package, loaded with ctypes: it knows neither Python nor torch, so
it needs neither to be built. Everything else about the package is in ``pyproject.toml``.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

SOURCES = Path("src/edgewise/kernels")
PER_LEVEL = [path for path in sorted(SOURCES.glob("*.cpp")) if path.stem != "levels"]
FLAGS = ["-O3", "-std=gnu++17", "-fPIC", "-ffp-contract=fast", "-fvisibility=hidden", "-Wno-psabi"]
LEVELS = {"plain": [], "v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"]}


class BuildKernels(build_ext):
    """One object per instruction set, linked into ``edgewise/kernels/_spline.so``."""

    def get_ext_filename(self, fullname: str) -> str:
        return os.path.join(*fullname.split(".")) + ".so"

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return []

    def build_extension(self, ext: Extension) -> None:
        target = Path(self.get_ext_fullpath(ext.name)).absolute()
        scratch = Path(self.build_temp).absolute()
        for folder in (target.parent, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        for threads in (["-fopenmp"], []):
            if built := build(scratch, target, threads):
                self.announce(f"spline kernels: {built}", level=2)
                return
        target.unlink(missing_ok=True)
        print(
            "edgewise: no C++ compiler could build the spline kernels; torch will do the work",
            file=sys.stderr,
        )


def build(scratch: Path, target: Path, threads: list[str]) -> str | None:
    """What was built, or None where it could not be."""
    compiler = find_compiler()
    if compiler is None:
        return None
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    levels = LEVELS if x86 else {"plain": []}
    jobs = {scratch / "levels.o": [str(SOURCES / "levels.cpp")]}
    for level, march in levels.items():
        for source in PER_LEVEL:
            jobs[scratch / f"{source.stem}_{level}.o"] = [*march, f"-DEDGEWISE_LEVEL={level}", str(source)]
    commands = [[*compiler, *FLAGS, *threads, "-c", *job, "-o", str(out)] for out, job in jobs.items()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if not all(pool.map(succeeds, commands)):
            return None
    if not succeeds([*compiler, "-shared", *threads, *map(str, jobs), "-o", str(target)]):
        return None
    return f"{', '.join(levels)}{' with OpenMP' if threads else ', one thread'}"


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def find_compiler() -> list[str] | None:
    """``$CXX`` with its arguments, or the first of the usual names on the path."""
    named = shlex.split(os.environ.get("CXX", ""))
    if named:
        return named if shutil.which(named[0]) else None
    return next(([name] for name in ("c++", "g++", "clang++") if shutil.which(name)), None)


class PlainWheel(bdist_wheel):
    """The library is loaded by hand, so one wheel serves every Python on a platform."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[
        Extension("edgewise.kernels._spline", ["src/edgewise/kernels/spline_sum.cpp"], optional=True)
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": PlainWheel},
)

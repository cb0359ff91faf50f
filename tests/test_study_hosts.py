"""The registry of hosts."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from edgewise.errors import InputError
from edgewise.study import hosts

THERE = [name for name in hosts.HOSTS if find_spec(f"edgewise.study.hosts.{name}")]


def test_a_name_that_is_not_known_gets_the_names():
    with pytest.raises(InputError, match="host 'brain' is not known; choose some of: deep_thin, recursion"):
        hosts.host("brain")


def test_hosts_are_named_once():
    assert len(set(hosts.HOSTS)) == len(hosts.HOSTS)


def test_no_host_is_imported_before_it_is_asked_for():
    code = "import sys, edgewise.study.command; from edgewise.study.hosts import HOSTS; " + (
        "print([n for n in HOSTS if 'edgewise.study.hosts.' + n in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("name", THERE)
def test_every_host_is_whole(name):
    one = hosts.host(name)
    assert one.name == name
    assert {"mlp", "learned", "kan"} <= set(one.arms)
    places = {one.deep, one.shallow, *one.tuned_as, *one.tuned_as.values()}
    for asked in one.headlines:
        places |= {asked.better, asked.worse or asked.better}
        assert asked.value == "error" or asked.value in one.numbers
    assert places <= set(one.conditions)
    assert one.deep != one.shallow
    assert one.headlines
    assert all(getattr(one, entry) for entry in ("title", "source", "headline", "asks", "measured"))

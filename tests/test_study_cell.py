"""The key of a cell names it for good."""

import hashlib
import json
from dataclasses import asdict, fields, replace

from edgewise.study.cell import Cell

CELL = Cell("main", "mlp", "plain", "nested:2:1", 0, 4, 4000, 1024, 0.0, 0, 0.01, 300, 128, 5)


def test_the_key_is_the_same_in_every_process_and_year():
    assert CELL.key == "4868b0d22f39346063b1"


def test_the_key_is_the_hash_of_the_settings():
    text = json.dumps(asdict(CELL), sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest().startswith(CELL.key)


def test_every_setting_counts():
    others = {"str": "other", "int": 77, "float": 0.5}
    changed = [replace(CELL, **{f.name: others[f.type.__name__]}).key for f in fields(CELL)]
    assert len({CELL.key, *changed}) == len(changed) + 1

r"""MovieLens-100k (Harper & Konstan, 2015): 943 users, 1,682 films, 100,000 ratings, as who saw what and when.

The ratings are read where the installed package recbole has them; nothing of it is imported, and nothing of the data is
part of this package: GroupLens does not allow that they are passed on.

Leave one out: the last film of every user is test, the last but one is validation, the rest is for training. Each of
the two is ranked among 99 films, drawn once, that the user never saw.
"""

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgewise.errors import InputError
from edgewise.study.statistics import Frame
from edgewise.study.tasks import seeded

PLACE = Path("dataset_example", "ml-100k", "ml-100k.inter")
OTHERS = 99
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Ratings:
    """Numbers of users and films that met in training, whom ``known (users, films)`` says to have met at all there.

    ``valid`` and ``test`` are lists of films ``(users, 100)``, the right one first.
    """

    users: Whole
    films: Whole
    known: NDArray[np.bool_]
    valid: Whole
    test: Whole


def table() -> Frame:
    """The columns ``user``, ``film`` and ``time``, whole numbers from 0, in order of time for every user."""
    return _table(_path())


@functools.cache
def _table(path: Path) -> Frame:
    raw = pd.read_csv(path, sep="\t")
    raw.columns = [name.split(":")[0] for name in raw.columns]
    user, film = (pd.factorize(raw[name], sort=True)[0] for name in ("user_id", "item_id"))
    rows = pd.DataFrame({"user": user, "film": film, "time": raw["timestamp"].astype(int)})
    return rows.sort_values(["user", "time", "film"], ignore_index=True)


def _path() -> Path:
    found = find_spec("recbole")
    for folder in (found.submodule_search_locations or []) if found else []:
        if (path := Path(folder, PLACE)).is_file():
            return path
    raise InputError(
        "the conditions 'ml-100k' read MovieLens-100k from the package recbole, which is not installed; "
        "type: pip install --no-deps recbole"
    )


def split(rows: Frame, share: float = 1.0) -> Ratings:
    """Leaves one out, of the first ``share`` of the users."""
    count = max(2, round(share * int(rows["user"].max() + 1)))
    films = int(rows["film"].max()) + 1
    rows = rows[rows["user"] < count]
    left = rows.groupby("user").cumcount(ascending=False).to_numpy()
    met = np.zeros((count, films), bool)
    met[rows["user"], rows["film"]] = True
    train = rows[left >= 2]
    known = np.zeros_like(met)
    known[train["user"], train["film"]] = True
    last = [rows[left == place]["film"].to_numpy() for place in (1, 0)]
    valid, test = (
        np.concatenate([own[:, None], _others(met, part)], axis=1)
        for own, part in zip(last, ("valid", "test"), strict=True)
    )
    return Ratings(train["user"].to_numpy(), train["film"].to_numpy(), known, valid, test)


def _others(met: NDArray[np.bool_], part: str) -> Whole:
    """Films for every user that they never saw, all different."""
    generator = seeded("ml-100k", part)
    return np.stack([generator.choice(np.flatnonzero(~row), OTHERS, replace=False) for row in met])


def unseen(known: NDArray[np.bool_], users: Whole, generator: np.random.Generator) -> Whole:
    """A film for each of ``users`` that training does not have them see."""
    films = generator.integers(known.shape[1], size=len(users))
    while (wrong := known[users, films]).any():
        films[wrong] = generator.integers(known.shape[1], size=int(wrong.sum()))
    return films

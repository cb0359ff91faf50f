"""A study as a process of its own: ``study_run.py FOLDER SECONDS``, each row held up by so many seconds."""

import sys
import time
from pathlib import Path

from edgewise.study import store
from edgewise.study.command import run_study


def main() -> None:
    """Runs the study of the folder on one process; says so when it is done."""
    folder, hold_up = Path(sys.argv[1]), float(sys.argv[2])
    plain = store.Store.add

    def slowly(self, cell, row):
        added = plain(self, cell, row)
        time.sleep(hold_up)
        return added

    store.Store.add = slowly
    print(run_study(folder, processes=1, progress=False).status, flush=True)


if __name__ == "__main__":
    main()

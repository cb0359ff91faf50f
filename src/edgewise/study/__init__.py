"""The study: is an advantage of learned functions a matter of composition or of fitting?

    study.toml -> sweeps -> cells -> rows -> paired advantages -> contrasts -> verdict -> report

``spec`` reads what is asked, ``tasks`` and ``arms`` are what it is asked of, ``matching`` and ``tuning`` make the
comparison fair, ``plan`` says which cells come next, ``run`` trains them and ``store`` keeps them, ``statistics`` and
``verdict`` judge, ``report`` writes it down. ``command`` is what the command line calls.
"""

from edgewise.study.cell import Cell
from edgewise.study.command import report_study, run_study
from edgewise.study.measurement import Row, measure
from edgewise.study.run import RunResult
from edgewise.study.spec import Spec, load
from edgewise.study.store import Store

__all__ = ["Cell", "Row", "RunResult", "Spec", "Store", "load", "measure", "report_study", "run_study"]

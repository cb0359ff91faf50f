"""The claims of the KAN paper, tried: accuracy, scaling, continual learning, noise, sample size and knots.

    claims.toml -> pieces -> cases -> findings -> report

``spec`` reads what is asked, ``accuracy``, ``scaling``, ``peaks`` and ``knots`` measure it, ``tournament`` tunes all
networks in the same way, ``published`` holds the paper's figures, ``report`` writes it down. Runner and store are those
of ``edgewise.study``.
"""

from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.examine import examine
from edgewise.study.claims.spec import Claims, load, stages

__all__ = ["Case", "Claims", "Finding", "examine", "load", "stages"]

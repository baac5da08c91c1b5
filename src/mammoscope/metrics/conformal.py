"""What scores rule out, class by class: conformal prediction with its finite-sample guarantee.

Class-conditional ("Mondrian") split conformal prediction (Vovk, Gammerman and Shafer, Algorithmic
Learning in a Random World, 2005, section 4.5; Angelopoulos and Bates, arXiv 2107.07511, section
4.4), with the score itself as measure of conformity.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Floats, checked


def class_bounds(truth: ArrayLike, score: ArrayLike, alpha: float) -> tuple[float, float]:
    """Below which score a cancer, and above which one its absence, can be excluded at error alpha.

    The chance that a new case with cancer scores below `low` is at most alpha, as is the chance
    that a new one without scores above `high`, if new cases are exchangeable with these (of each
    class, whatever their shares). `low` is the k-th lowest score of the n with cancer, k the
    integer part of alpha (n + 1), and `high` likewise the k-th highest of those without.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, higher for cancer, not NaN; of cases that it was not learned on.
        alpha: error allowed in each class, in (0, 1).

    Returns:
        (low, high); where a class has too few cases to exclude anything, minus or plus infinity.
        Low may lie above high: what lies between them then is likely in neither class.

    Raises:
        ConfigError: as in `roc.checked`, or an alpha outside (0, 1).
    """
    positive, scores = checked(truth, score)
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha is {alpha}; give an error between 0 and 1, such as 0.1.")
    return _kth_lowest(scores[positive], alpha), -_kth_lowest(-scores[~positive], alpha)


def _kth_lowest(scores: Floats, alpha: float) -> float:
    k = math.floor(alpha * (len(scores) + 1))
    return float(np.sort(scores)[k - 1]) if k else -math.inf

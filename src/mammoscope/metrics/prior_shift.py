"""Another prevalence: shifting probabilities to it, and estimating it without any truth.

Both hold if cancers look the same at both places, and so do other cases, and only their mix
differs. `metrics.prevalence` does the like for counts at a threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from mammoscope.errors import ConfigError
from mammoscope.metrics.calibration_maps import Shift
from mammoscope.metrics.probabilities import checked_probabilities, logits_of


def prevalence_shift(trained: float, stated: float) -> Shift:
    """The shift from calibrated at one prevalence to calibrated at another.

    Elkan, IJCAI 2001, theorem 2; Saerens, Latinne and Decaestecker, Neural Comput 2002;14:21-41.

    Args:
        trained: prevalence among the cases the probabilities were calibrated on, in (0, 1).
        stated: prevalence among those they shall be told for, in (0, 1).

    Raises:
        ConfigError: a prevalence outside (0, 1).
    """
    _check(trained, "trained")
    _check(stated, "stated")
    return Shift(float(logits_of(stated) - logits_of(trained)))


def estimate_prevalence(prob: ArrayLike, trained: float) -> float:
    """A site's prevalence from the probabilities of its cases alone, without any truth.

    The maximum of the likelihood that Saerens et al. (Neural Comput 2002;14:21-41) climb by
    expectation maximisation; it is concave, so its root is found directly. The probabilities must
    be calibrated at `trained`: where they are not, the estimate is wrong.

    Args:
        prob: (n,) probabilities in [0, 1], calibrated at the prevalence `trained`.
        trained: in (0, 1).

    Returns:
        The prevalence in [0, 1]; 0 or 1 where the likelihood has its maximum at that end.

    Raises:
        ConfigError: no case, a probability outside [0, 1], or a prevalence outside (0, 1).
    """
    _check(trained, "trained")
    given = np.asarray(prob, np.float64)
    _, probs = checked_probabilities(np.zeros(given.shape), given)
    cancer, other = probs / trained, (1 - probs) / (1 - trained)

    def slope(prevalence: float) -> float:
        with np.errstate(divide="ignore"):
            ratio = (cancer - other) / (prevalence * cancer + (1 - prevalence) * other)
        return float(ratio.sum())

    if slope(0.0) <= 0:
        return 0.0
    if slope(1.0) >= 0:
        return 1.0
    return float(brentq(slope, 0.0, 1.0, xtol=1e-12))


def _check(prevalence: float, name: str) -> None:
    if not 0 < prevalence < 1:
        raise ConfigError(f"The {name} prevalence is {prevalence}; give a fraction inside 0 to 1.")

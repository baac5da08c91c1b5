"""Random cases for hypothesis: truth of both classes, tied scores, weights."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def cases(draw):
    """Both classes, scores with many ties, weights of which each class has one above 0."""
    n = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 1, random.integers(0, 2, n - 2)]
    score = random.integers(0, draw(st.integers(1, 40)) + 1, n) / 8 - 1
    weight = np.r_[1, 1, random.integers(0, 4, n - 2)] * 0.37
    return truth, score, weight

from __future__ import annotations

import numpy as np

from mammoscope.data.audit.views import chance_of_mlo


def test_a_wrong_view_is_not_learned_but_found():
    draw = np.random.default_rng(0)
    is_mlo = np.arange(200) % 2 == 0
    outlines = draw.normal(0, 0.2, (200, 40)).astype(np.float32)
    outlines[is_mlo, :20] += 1
    stated = is_mlo.copy()
    stated[[3, 50, 121]] ^= True
    chance = chance_of_mlo(outlines, stated, np.arange(200).astype(object) // 4)
    doubted = np.flatnonzero(np.where(stated, chance, 1 - chance) < 0.05)
    assert doubted.tolist() == [3, 50, 121]

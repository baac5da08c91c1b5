from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from mammoscope.data.distance import distance_within


def test_distances_are_exact_and_do_not_depend_on_threads() -> None:
    yy, xx = np.indices((700, 500))
    mask = np.hypot(xx / 400, (yy - 350) / 330) < 1
    threads = cv2.getNumThreads()
    found = []
    for number in (1, 2):
        cv2.setNumThreads(number)
        found.append(distance_within(mask))
    cv2.setNumThreads(threads)
    assert np.array_equal(*found)
    assert np.array_equal(found[0], distance_transform_edt(mask).astype(np.float32))

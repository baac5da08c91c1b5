from __future__ import annotations

import numpy as np

from mammoscope.infer import Predictor
from weights_example import predictor


def test_what_the_engine_is_good_at_changes_no_number() -> None:
    many = Predictor.load(precision="f32", hint="throughput")
    shape = (5, many.weights.preprocess.height, many.weights.preprocess.width)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    one, other = predictor().engine.run(pixels), many.engine.run(pixels)
    np.testing.assert_allclose(other.malignancy, one.malignancy, atol=1e-4)
    np.testing.assert_allclose(other.lesion_map, one.lesion_map, atol=1e-4)
    np.testing.assert_allclose(other.density, one.density, atol=1e-4)
    assert many.engine.runtime == predictor().engine.runtime

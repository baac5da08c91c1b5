from __future__ import annotations

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.infer.engine import OUTPUTS, Engine, RawOutputs, load_engine
from mammoscope.models.card import load_card, verify
from mammoscope.preprocess import prepare
from mammoscope.types import Mammogram
from pictures import breast
from weights_example import predictor

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(scope="module")
def network() -> bytes:
    return verify(load_card())


@pytest.fixture(scope="module")
def onnxruntime_engine(network: bytes) -> Engine:
    return load_engine(network, "onnxruntime")


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    pictures = (breast("L"), breast("R", 700, 500))
    params = load_card().preprocess
    return np.stack([prepare(Mammogram(p, "drawn.png"), params).pixels for p in pictures])


@pytest.fixture(scope="module")
def raw(pixels: NDArray[np.uint8]) -> RawOutputs:
    return predictor().engine.run(pixels)


def test_the_outputs_have_their_shapes_and_are_finite(raw: RawOutputs) -> None:
    assert raw.malignancy.shape == (2,)
    assert raw.density.shape == (2, 4)
    assert raw.lesion_map.shape[0] == 2
    assert raw.lesion_map.ndim == 3
    assert all(np.isfinite(getattr(raw, name)).all() for name in OUTPUTS)
    assert {getattr(raw, name).dtype for name in OUTPUTS} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", OUTPUTS)
def test_both_runtimes_agree(
    name: str, raw: RawOutputs, pixels: NDArray[np.uint8], onnxruntime_engine: Engine
) -> None:
    other = onnxruntime_engine.run(pixels)
    assert np.allclose(getattr(raw, name), getattr(other, name), rtol=0, atol=1e-3)


def test_an_image_is_judged_alike_alone_and_in_a_batch(
    raw: RawOutputs, pixels: NDArray[np.uint8]
) -> None:
    alone = predictor().engine.run(pixels[1:])
    assert np.allclose(alone.malignancy, raw.malignancy[1:], rtol=0, atol=1e-3)


def test_both_maps_have_cells_of_sixteen_pixels(raw: RawOutputs, pixels: NDArray[np.uint8]) -> None:
    count, height, width = pixels.shape
    assert raw.finding_map is not None
    assert np.isfinite(raw.finding_map).all()
    assert raw.lesion_map.shape == raw.finding_map.shape == (count, height // 16, width // 16)


def test_the_report_says_which_runtime_ran(onnxruntime_engine: Engine) -> None:
    assert predictor().engine.runtime.startswith("OpenVINO ")
    assert predictor().engine.runtime.endswith(", f32")
    assert onnxruntime_engine.runtime.startswith("ONNX Runtime ")


def test_an_unknown_runtime_is_named_with_the_known_ones(network: bytes) -> None:
    with pytest.raises(ConfigError, match="'tensorrt' is unknown; choose one of auto, openv"):
        load_engine(network, "tensorrt")  # type: ignore[arg-type]


def test_an_unknown_precision_is_named_with_the_known_ones(network: bytes) -> None:
    with pytest.raises(ConfigError, match="precision 'f16' is unknown; choose one of auto, f32"):
        load_engine(network, "auto", "f16")  # type: ignore[arg-type]


@pytest.mark.skipif(HAS_BF16, reason="this CPU computes in bf16")
@pytest.mark.parametrize("runtime", ["auto", "openvino"])
def test_bf16_is_refused_where_the_cpu_has_none(network: bytes, runtime: str) -> None:
    with pytest.raises(ConfigError, match="bf16"):
        load_engine(network, runtime, "bf16")  # type: ignore[arg-type]


def test_bf16_is_not_to_be_had_from_onnx_runtime(network: bytes) -> None:
    with pytest.raises(ConfigError, match="bf16"):
        load_engine(network, "onnxruntime", "bf16")


@pytest.mark.parametrize("spoilt", [b"", b"no network " * 50])
@pytest.mark.parametrize("runtime", ["auto", "onnxruntime"])
def test_what_is_no_network_is_a_weights_error(spoilt: bytes, runtime: str) -> None:
    with pytest.raises(WeightsError, match="export the weights again"):
        load_engine(spoilt, runtime)  # type: ignore[arg-type]


def test_a_network_openvino_refuses_is_said_in_its_words() -> None:
    with pytest.raises(ConfigError, match=r"OpenVINO cannot .*; use runtime onnxruntime") as caught:
        load_engine(b"no network", "openvino")
    assert ".cpp" not in str(caught.value)


def test_a_gpu_that_is_not_there_is_refused(network: bytes) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="finds no GPU here; install onnxruntime-gpu"):
        load_engine(network, "cuda")

"""Runs a network: OpenVINO on the CPU, or ONNX Runtime where OpenVINO cannot load, or on a GPU.

All give the same numbers to about 1e-4 in f32; which one ran, and in which precision, stands in
every report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.infer.compiled import compiled_network

Runtime = Literal["auto", "openvino", "onnxruntime", "cuda"]
Precision = Literal["auto", "f32", "bf16"]
Device = Literal["CPU", "GPU"]
Hint = Literal["latency", "throughput"]
OUTPUTS = ("malignancy", "lesion_map", "density")
FINDING_MAP = "finding_map"
"""A fourth output of readers that look for findings of any kind."""
_Infer = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class RawOutputs:
    """Raw head outputs of n images, all logits.

    Attributes:
        malignancy: (n,) float32.
        lesion_map: (n, h, w) float32; None of a classifier, which tells no places.
        density: (n, 4) float32; None of a classifier whose classes do not tell it.
        finding_map: (n, h, w) float32; None of a network without one.
    """

    malignancy: NDArray[np.float32]
    lesion_map: NDArray[np.float32] | None
    density: NDArray[np.float32] | None
    finding_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Engine:
    """A loaded network.

    Attributes:
        runtime: what runs it, for the report: program, version, precision.
        _infer: (n, 1, h, w) float32 to the outputs that it was loaded with, in their order.
    """

    runtime: str
    _infer: _Infer

    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """Judge (n, height, width) uint8 images as `mammoscope.preprocess.prepare` gives them."""
        return RawOutputs(*self.arrays(pixels))

    def arrays(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The same for a network with other outputs: an array each, in the order asked for."""
        return self._infer(pixels[:, None].astype(np.float32) / np.float32(255))


def load_engine(
    network: bytes,
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    outputs: Sequence[str] | None = None,
    hint: Hint = "latency",
) -> Engine:
    """Load an ONNX network.

    Args:
        network: the ONNX file's bytes.
        runtime: "auto" is OpenVINO, and ONNX Runtime if that cannot be loaded; "cuda" is ONNX
            Runtime on the GPU.
        precision: "auto" is bf16 where the CPU computes in it, else f32. ONNX Runtime: f32.
        outputs: names of the network's outputs that are wanted; None is a reader's OUTPUTS, and
            FINDING_MAP where it has that.
        hint: "latency" lets all cores work on one image, "throughput" lets each work on one of
            its own, which loses less where other work shares the cores. ONNX Runtime: latency.

    Raises:
        ConfigError: the runtime or precision asked for is unknown or not to be had here.
        WeightsError: neither runtime accepts the network.
    """
    for option, value, known in (
        ("runtime", runtime, get_args(Runtime)),
        ("precision", precision, get_args(Precision)),
    ):
        if value not in known:
            raise ConfigError(f"{option} {value!r} is unknown; choose one of {', '.join(known)}.")
    if runtime in ("onnxruntime", "cuda"):
        return _onnxruntime(
            network, precision, outputs, device="GPU" if runtime == "cuda" else "CPU"
        )
    try:
        return _openvino(network, precision, outputs, hint)
    except (ImportError, RuntimeError) as error:
        if runtime == "openvino":
            raise ConfigError(
                f"OpenVINO cannot run this network here ({_gist(error)}); use runtime onnxruntime."
            ) from error
        return _onnxruntime(network, precision, outputs, f"; OpenVINO: {_gist(error)}")


def _wanted(outputs: Sequence[str] | None, there: Iterable[str]) -> list[str]:
    if outputs is not None:
        return list(outputs)
    return [*OUTPUTS, *({FINDING_MAP} & set(there))]


def _openvino(
    network: bytes, precision: Precision, outputs: Sequence[str] | None, hint: Hint
) -> Engine:
    # The converter's telemetry package asks for consent and phones home; the reader never does.
    os.environ.setdefault("OPENVINO_TELEMETRY", "0")
    import openvino

    core = openvino.Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and not has_bf16:
        raise ConfigError("precision bf16: this CPU does not compute in bf16; use f32 or auto.")
    chosen = "bf16" if has_bf16 and precision != "f32" else "f32"
    options = {"INFERENCE_PRECISION_HINT": chosen, "PERFORMANCE_HINT": hint.upper()}
    compiled = compiled_network(core, network, options)
    there = [name for port in compiled.outputs for name in port.names]
    ports = [compiled.output(name) for name in _wanted(outputs, there)]

    version = openvino.get_version().split("-")[0]
    infer = _at_once(compiled, ports) if hint == "latency" else _side_by_side(compiled, ports)
    return Engine(f"OpenVINO {version}, CPU, {chosen}", infer)


def _at_once(compiled: Any, ports: Sequence[Any]) -> _Infer:
    def infer(pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        result = compiled(pixels)
        return [np.array(result[port], np.float32) for port in ports]

    return infer


def _side_by_side(compiled: Any, ports: Sequence[Any]) -> _Infer:
    """Each image is a request of its own; as many run at once as the network has streams.

    Without callbacks: a thread of OpenVINO that is still in one when the program ends would have
    to end itself, and aborts the process.
    """
    count = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    requests = [compiled.create_infer_request() for _ in range(count)]

    def result(index: int) -> list[NDArray[np.float32]]:
        request = requests[index % count]
        request.wait()
        return [np.array(request.get_tensor(port).data, np.float32) for port in ports]

    def infer(pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        found = []
        for index in range(len(pixels)):
            if index >= count:
                found.append(result(index - count))
            requests[index % count].start_async({0: pixels[index : index + 1]})
        found += [result(index) for index in range(max(0, len(pixels) - count), len(pixels))]
        return [np.concatenate(arrays) for arrays in zip(*found, strict=True)]

    return infer


_PROVIDERS: Mapping[Device, tuple[str, dict[str, str]]] = {
    "CPU": ("CPUExecutionProvider", {}),
    "GPU": ("CUDAExecutionProvider", {"use_tf32": "0"}),  # TF32 would not give the same numbers
}


def _onnxruntime(
    network: bytes,
    precision: Precision,
    outputs: Sequence[str] | None,
    why: str = "",
    device: Device = "CPU",
) -> Engine:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    if precision == "bf16":
        raise ConfigError("precision bf16: ONNX Runtime computes in f32 here; use f32.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    provider = _PROVIDERS[device]
    try:
        _check_provider(device, provider[0] in onnxruntime.get_available_providers())
        session: Any = onnxruntime.InferenceSession(network, options, providers=[provider])
        # Without CUDA's libraries it would go on with the CPU and say so in a log alone.
        _check_provider(device, session.get_providers()[0] == provider[0])
    except (
        failures.Fail,
        failures.InvalidArgument,
        failures.InvalidGraph,
        failures.InvalidProtobuf,
        failures.NotImplemented,
    ) as error:
        raise WeightsError(
            f"the network file is not one ONNX Runtime accepts ({_gist(error)}); "
            "export the weights again."
        ) from error

    wanted = _wanted(outputs, [one.name for one in session.get_outputs()])

    def infer(pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return list(session.run(wanted, {"pixels": pixels}))

    return Engine(f"ONNX Runtime {onnxruntime.__version__}, {device}, f32{why}", infer)


def _check_provider(device: Device, there: bool) -> None:
    if not there:
        raise ConfigError(
            f"runtime cuda: ONNX Runtime finds no {device} here; install onnxruntime-gpu in the "
            "place of onnxruntime, with the CUDA libraries that it names, or use runtime auto."
        )


def _gist(error: Exception) -> str:
    """The line of a runtime's message that says something: not where in its source it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (telling or lines or [type(error).__name__])[0].rstrip(".:")[:120]

"""The `doctor` command: what is installed, what is missing, what to type."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import mammoscope
from mammoscope.errors import MammoscopeError

Mark = Literal["ok", "absent", "FAILED"]

# What decodes each family of DICOM transfer syntaxes: attributes of imagecodecs.
CODECS = {
    "JPEG, 8 and 12 bits": "JPEG8",
    "JPEG lossless": "LJPEG",
    "JPEG-LS": "JPEGLS",
    "JPEG 2000": "JPEG2K",
    "HTJ2K": "HTJ2K",
}


@dataclass(frozen=True)
class Check:
    """One line of the doctor's list; `absent` is something optional."""

    mark: Mark
    name: str
    detail: str


@dataclass(frozen=True)
class Doctor:
    """Say what is installed, what is missing and what to type; test the whole path once.

    For example:
      mammoscope doctor
    """

    def run(self) -> int:
        """Print one line per check; returns 0 if the base works, else 1."""
        failed = False
        for check in checks():
            print(f"{check.mark:<7} {check.name:<30} {check.detail}", flush=True)
            failed |= check.mark == "FAILED"
        if failed:
            print(
                "mammoscope: the lines marked FAILED keep the base from working.", file=sys.stderr
            )
        return int(failed)


def checks() -> Iterator[Check]:
    """All checks in the order of printing; each is made when it is asked for."""
    yield Check("ok", "mammoscope", mammoscope.__version__)
    cores = os.cpu_count()
    yield Check(
        "ok", "Python", f"{platform.python_version()}, {platform.platform()}, {cores} cores"
    )
    requirements = _requirements()
    yield from (_package(name) for name in requirements.pop("", []))
    yield from (_extra(extra, names) for extra, names in requirements.items())
    yield from _codecs()
    yield _guarded("weights", _weights)
    # Without OpenVINO the program still works, only slower.
    yield _guarded("OpenVINO", lambda: _runtime("openvino"), otherwise="absent")
    yield _guarded("ONNX Runtime", lambda: _runtime("onnxruntime"))
    yield _guarded("self test", _self_test)


def _requirements() -> dict[str, list[str]]:
    """The packages each extra asks for; the base's under the empty name."""
    try:
        lines = metadata.requires("mammoscope") or []
    except metadata.PackageNotFoundError:
        return {}
    wanted: dict[str, list[str]] = {}
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra\s*==\s*['"]([\w.-]+)""", line)
        if name and name[0] != "mammoscope":
            wanted.setdefault(extra[1] if extra else "", []).append(name[0])
    return wanted


def _package(name: str) -> Check:
    found = _version(name)
    return Check("ok", name, found) if found else Check("FAILED", name, _install(""))


def _extra(extra: str, names: list[str]) -> Check:
    missing = [name for name in names if _version(name) is None]
    if not missing:
        return Check("ok", f"extra '{extra}'", "installed")
    named = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if missing[4:] else "")
    return Check("absent", f"extra '{extra}'", f"without {named}; {_install(extra)}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _install(extra: str) -> str:
    target = f"mammoscope[{extra}]" if extra else "mammoscope"
    return f"type: pip install '{target}'"


def _codecs() -> Iterator[Check]:
    """Whether the decoders of compressed DICOM were built into what is installed."""
    try:
        import imagecodecs
    except ImportError as error:
        yield Check("FAILED", "codecs", f"imagecodecs does not load ({error}); {_install('')}")
        return
    for name, attribute in CODECS.items():
        codec = getattr(imagecodecs, attribute, None)
        present = codec is not None and codec.available
        remedy = f"this imagecodecs was built without it; {_install('')}"
        mark: Mark = "ok" if present else "FAILED"
        yield Check(mark, f"{name}", "present" if present else remedy)


def _guarded(name: str, check: Callable[[], str], otherwise: Mark = "FAILED") -> Check:
    try:
        return Check("ok", name, check())
    except (MammoscopeError, ImportError, OSError, RuntimeError) as error:
        return Check(otherwise, name, str(error))


def _runtime(name: Literal["openvino", "onnxruntime"]) -> str:
    """Version, precision and processor of a runtime that has loaded the weights."""
    from mammoscope.infer import Predictor

    return Predictor.load(runtime=name).info.runtime


def _weights() -> str:
    from mammoscope.models.card import list_weights, verify

    names = []
    for weights in list_weights():
        verify(weights)
        names.append(weights.name)
    return f"{', '.join(names)}: sha256 as in the card"


def _self_test() -> str:
    from mammoscope.data.demo_exam import demo_folder
    from mammoscope.infer import Predictor
    from mammoscope.io import read_exam

    predictor = Predictor.load()
    report = predictor(read_exam(sorted(demo_folder().glob("*.png"))[0]))
    if report.malignancy is None:
        raise MammoscopeError("the demo image could not be judged; install mammoscope anew.")
    return f"read and judged the demo image through {predictor.info.runtime}"

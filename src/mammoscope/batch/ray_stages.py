"""What runs on the nodes of a Ray cluster: a task that reads, an actor that holds the network.

Both take and give a row of one cell: several exams, pickled.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

import mammoscope
from mammoscope.batch.items import Item
from mammoscope.batch.pipeline import Judged, judge_some
from mammoscope.batch.ray_cluster import imported
from mammoscope.batch.remote import is_url
from mammoscope.batch.worker import Lost, Ready, read_or_lose
from mammoscope.errors import ConfigError, MammoscopeError
from mammoscope.infer import Predictor
from mammoscope.infer.engine import Precision, Runtime
from mammoscope.models.card import CARD_FILE, NETWORK_FILE, verify
from mammoscope.preprocess import PreprocessParams

Row = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """What an actor makes a predictor of.

    Attributes:
        card: of the weights.
        content: the ONNX file, once in the shared memory of each node (uint8, a ray.ObjectRef).
        point: name of the operating point.
        runtime: what it must say that it runs on, precision included.
    """

    card: Mapping[str, Any]
    content: Any
    point: str
    runtime: str

    @classmethod
    def of(cls, predictor: Predictor) -> Network:
        """Put what a predictor holds where all nodes find it."""
        weights, said = predictor.weights, predictor.info.runtime.split(";")[0]
        content = imported().put(np.frombuffer(verify(weights), np.uint8))
        return cls(dict(weights.card), content, predictor.operating_point.name, said)

    def predictor(self) -> Predictor:
        """The same predictor here.

        Raises:
            ConfigError: this machine has other runtimes or another arithmetic.
            WeightsError: what came here is not what was sent.
        """
        precision: Precision = "bf16" if "bf16" in self.runtime else "f32"
        with TemporaryDirectory(prefix="mammoscope-") as name:
            folder = Path(name)
            (folder / NETWORK_FILE).write_bytes(imported().get(self.content).data)
            (folder / CARD_FILE).write_text(json.dumps(self.card), encoding="utf-8")
            made = Predictor.load(folder, self._asked(), precision, self.point, "throughput")
        if made.info.runtime != self.runtime:
            raise ConfigError(f"it runs {made.info.runtime}, not {self.runtime}")
        return made

    def _asked(self) -> Runtime:
        if self.runtime.startswith("OpenVINO"):
            return "openvino"
        return "cuda" if self.on_gpu else "onnxruntime"

    @property
    def on_gpu(self) -> bool:
        """Whether each copy of it needs a GPU."""
        return ", GPU," in self.runtime


class Judge:
    """An actor: the network, loaded once."""

    def __init__(self, network: Network) -> None:
        _settle_in()
        self._predictor = network.predictor()

    def __call__(self, row: Row) -> Row:
        """Judge the exams of a block."""
        found: list[Ready | Lost] = pickle.loads(row["block"])
        judged = [_light(one) for one in judge_some(found, self._predictor)]
        return {"block": pickle.dumps(judged)}


def read_block(row: Row, root: str, params: PreprocessParams, time_limit: float) -> Row:
    """A task: read the exams of a block; full pixels end with it.

    The process ends when an exam takes longer than `time_limit` seconds: a decoder that hangs
    cannot be stopped in another way.
    """
    _settle_in()
    items: list[Item] = pickle.loads(row["block"])
    read = []
    with Path(os.devnull).open("w") as nowhere:
        for item in items:
            faulthandler.dump_traceback_later(time_limit, exit=True, file=nowhere)
            read.append(read_or_lose(item, root, params))
            faulthandler.cancel_dump_traceback_later()
    return {"block": pickle.dumps(read)}


def unfit(root: str, network: Network, version: str) -> str | None:
    """Why this node cannot take part; None if it can."""
    if mammoscope.__version__ != version:
        return f"its mammoscope is {mammoscope.__version__}, not {version}"
    if not is_url(root) and not Path(root).is_dir():
        return "the folder of the images is not there; share it, or give a URL"
    try:
        network.predictor()
    except MammoscopeError as error:
        return str(error).rstrip(".")
    return None


def _light(found: Judged | Lost) -> Judged | Lost:
    """Without what the network saw, which nobody needs any more."""
    if isinstance(found, Lost):
        return found
    return replace(found, ready=replace(found.ready, prepared=()))


def _settle_in() -> None:
    """Be a process of many: one thread, and silent, since libraries may quote what files hold."""
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)

"""The shipped weights for tests: loaded once, or as a copy that a test may spoil."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from mammoscope.infer import Predictor
from mammoscope.models.card import CARD_FILE, DEFAULT_WEIGHTS, shipped_folder


@cache
def predictor() -> Predictor:
    """The default weights in f32, ready to judge; the same object for every test."""
    return Predictor.load(precision="f32")


def weights_copy(folder: Path) -> Path:
    """Copy the shipped weights to `folder`/copy, for a test to spoil."""
    return Path(shutil.copytree(shipped_folder() / DEFAULT_WEIGHTS, folder / "copy"))


def change_card(weights: Path, **fields: Any) -> None:
    """Replace `fields` of the card in the folder `weights`; None takes a field away."""
    path = weights / CARD_FILE
    card = json.loads(path.read_text(encoding="utf-8")) | fields
    kept = {name: value for name, value in card.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def quiet_pydicom() -> None:
    """Repeat, inside pytest's own filters, what `mammoscope.io.dicom_header` does on import."""
    warnings.filterwarnings("ignore", module=r"pydicom\.")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep compiled networks out of the user's own folder, here and in processes started here."""
    os.environ["MAMMOSCOPE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the command line does to its process (warnings, logging, debug) to one test."""
    monkeypatch.setattr("warnings.simplefilter", lambda *_: None)
    monkeypatch.setattr("logging.disable", lambda *_: None)
    monkeypatch.setenv("MAMMOSCOPE_DEBUG", "0")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real images, which are never part of the project; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MAMMOSCOPE_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MAMMOSCOPE_DATA to the folder that holds it")
    return folder

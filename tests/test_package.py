from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mammoscope

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "openvino", "onnxruntime", "cv2", "pydicom", "imagecodecs", "numpy")


def imported_by(code: str) -> set[str]:
    """Top-level names of the modules loaded after `code` ran in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert imported_by("import mammoscope").isdisjoint(HEAVY)


def test_importing_the_command_line_loads_no_runtime() -> None:
    assert imported_by("import mammoscope.cli").isdisjoint(HEAVY)


def test_the_reader_does_not_load_torch() -> None:
    assert "torch" not in imported_by("from mammoscope import Predictor, read_exam, write_html")


@pytest.mark.parametrize("name", mammoscope.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(mammoscope, name) is not None


def test_every_lazy_name_is_public_and_listed() -> None:
    assert set(mammoscope._HOMES) | {"__version__"} == set(mammoscope.__all__)
    assert set(mammoscope.__all__) <= set(dir(mammoscope))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = mammoscope.nothing


def test_the_citation_names_the_version() -> None:
    assert f"version: {mammoscope.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_links_in_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert dead == []

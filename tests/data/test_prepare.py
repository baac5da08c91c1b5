from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas")

from mammoscope.data.manifest import read_manifest, write_manifest  # noqa: E402
from mammoscope.data.prepare import HASHES, prepare  # noqa: E402
from mammoscope.errors import ConfigError  # noqa: E402

INFO = """
mdb001 G CIRC B 535 425 197
mdb002 G NORM
mdb003 D SPIC M 300 400 20
"""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "Info.txt").write_text(INFO)
    for number in (1, 2, 3):
        (folder / f"mdb00{number}.pgm").write_bytes(b"P5 %d" % number)
    return folder


def test_every_file_has_its_sha256(films: Path) -> None:
    images = prepare("mini_mias", films).manifest.images
    wanted = [hashlib.sha256(b"P5 %d" % number).hexdigest() for number in (1, 2, 3)]
    assert images["sha256"].tolist() == wanted
    assert set(images["dataset"]) == {"mini_mias"}
    assert set(images["modality"]) == {"mammography"}


def test_a_broken_file_is_reported_and_the_rest_goes_on(films: Path) -> None:
    (films / "mdb003.pgm").write_bytes(b"")
    made = prepare("mini_mias", films)
    assert made.broken == (("mdb003.pgm", "the file is empty"),)
    assert len(made.manifest.images) == 2
    assert made.manifest.findings["image_path"].tolist() == ["mdb001.pgm"]


def test_paths_start_from_the_folder_of_the_manifest(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = prepare("mini_mias", films, out)
    write_manifest(made.manifest, out)
    again = read_manifest(out)
    assert all(again.path(path).is_file() for path in again.images["image_path"])


def test_a_stopped_run_goes_on_with_the_hashes_it_has(films: Path) -> None:
    prepare("mini_mias", films)
    store = films / HASHES
    lines = store.read_text().splitlines()
    lines[0] = lines[0].replace(hashlib.sha256(b"P5 1").hexdigest(), "0" * 64)
    store.write_text("\n".join([*lines[:2], lines[2][:20]]))
    found = prepare("mini_mias", films).manifest.images["sha256"]
    assert found[0] == "0" * 64
    assert found[2] == hashlib.sha256(b"P5 3").hexdigest()


def test_a_changed_file_is_read_again(films: Path) -> None:
    prepare("mini_mias", films)
    (films / "mdb001.pgm").write_bytes(b"P5 changed")
    found = prepare("mini_mias", films).manifest.images["sha256"]
    assert found[0] == hashlib.sha256(b"P5 changed").hexdigest()


def test_an_unknown_source_is_named(films: Path) -> None:
    with pytest.raises(ConfigError, match=r"no source 'maxi_mias'; it is one of .*mini_mias"):
        prepare("maxi_mias", films)


def test_an_unknown_option_is_named(films: Path) -> None:
    with pytest.raises(ConfigError, match="mini_mias has no option 'size'"):
        prepare("mini_mias", films, options={"size": "1"})


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        prepare("mini_mias", tmp_path / "none")


def test_a_data_set_of_which_nothing_can_be_read_is_an_error(films: Path) -> None:
    for file in films.glob("*.pgm"):
        file.write_bytes(b"")
    with pytest.raises(ConfigError, match="none of its 3 images can be read"):
        prepare("mini_mias", films)


def test_tables_alone_make_a_manifest_without_hashes(data_dir: Path, tmp_path: Path) -> None:
    tables = data_dir / "tables" / "cbis_ddsm"
    made = prepare("cbis_ddsm", tables, tmp_path, {"tables": "only"})
    assert len(made.manifest.findings) == 1318 + 378 + 1546 + 326
    assert set(made.manifest.images["sha256"]) == {""}

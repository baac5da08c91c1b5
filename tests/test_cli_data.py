from __future__ import annotations

from pathlib import Path

import cv2
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from mammoscope import cli  # noqa: E402
from mammoscope.data.manifest import read_manifest  # noqa: E402

INFO = "".join(f"mdb{n:03d} G {'SPIC M 300 400 20' if n % 4 else 'NORM'}\n" for n in range(1, 21))


pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "Info.txt").write_text(INFO)
    for number in range(1, 21):
        (folder / f"mdb{number:03d}.pgm").write_bytes(b"P5 %d" % number)
    return folder


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main(["data", *words])
    return (code, *capsys.readouterr())


def test_prepare_writes_a_manifest_and_says_what_it_holds(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, said, _ = run("prepare", "mini_mias", str(films), "--out", str(out), capsys=capsys)
    assert code == 0
    assert "images: 20\npatients: 10\ncancer: 0 5, 1 15\n" in said
    assert len(read_manifest(out).findings) == 15


def test_a_broken_file_is_named_and_the_exit_code_is_one(
    films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (films / "mdb007.pgm").write_bytes(b"")
    code, said, complaint = run("prepare", "mini_mias", str(films), capsys=capsys)
    assert code == 1
    assert "images: 19" in said
    assert "mammoscope: mdb007.pgm: the file is empty; it is not in the manifest." in complaint


def test_a_table_of_the_data_set_is_not_written_over(
    films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (films / "manifest.csv").write_text("image_path,label\n")
    code, _, complaint = run("prepare", "mini_mias", str(films), capsys=capsys)
    assert code == cli.USAGE
    assert "manifest.csv is the data set's own table; choose another folder" in complaint
    assert (films / "manifest.csv").read_text() == "image_path,label\n"


def test_split_writes_the_rule_into_the_manifest(
    films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("prepare", "mini_mias", str(films), capsys=capsys)
    words = ("split", str(films), "--folds", "2", "--stratify", "cancer")
    code, said, _ = run(*words, capsys=capsys)
    assert code == 0
    rule = "2 folds by patient, stratified on cancer, seed 0; sha256 "
    assert said.startswith(rule)
    assert read_manifest(films).images["split_rule"].str.startswith(rule).all()


def test_list_names_every_source_with_its_terms(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run("list", capsys=capsys)
    assert code == 0
    assert "mini_mias: mini-MIAS, digitised film mammograms\n" in said
    assert said.count("  terms    ") == said.count("  cite     ") > 1


def test_list_of_one_source_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run("list", "cbis_ddsm", capsys=capsys)
    assert code == 0
    assert said.count("  terms    ") == 1
    assert "  option   tables: " in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("prepare", "maxi_mias", "."), "there is no source 'maxi_mias'"),
        (("prepare", "mini_mias", "nowhere"), "nowhere: no such folder"),
        (("prepare", "mini_mias", ".", "--option", "size"), "--option size: give NAME=VALUE"),
        (("split", "nowhere.csv"), "nowhere.csv: no manifest there"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, complaint = run(*words, capsys=capsys)
    assert code == cli.USAGE
    assert complaint.startswith(f"mammoscope: {told}")
    assert complaint.count("\n") == 1


def split_films(folder: Path, rule: list[str]) -> None:
    """Real pictures of four women, two each, and a manifest with this split."""
    from mammoscope.data.synth import synthetic_view

    rows = []
    for number, side in enumerate(rule):
        view = ("CC", "MLO")[number % 2]
        pixels = synthetic_view(number // 2, "L", view, 128, "B", ()).pixels  # type: ignore[arg-type]
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
        row = [f"{number}.png", "made", f"w{number // 2}", "L", view, "mammography", "0", side]
        rows.append(",".join(row))
    head = "image_path,dataset,patient_id,laterality,view,modality,cancer,split"
    (folder / "manifest.csv").write_text("\n".join([head, *rows]))


def test_check_finds_a_leak_and_the_exit_code_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split_films(tmp_path, ["train", "test"] + ["train"] * 6)
    code, said, _ = run("check", str(tmp_path), capsys=capsys)
    assert code == 1
    assert "leak: " in said
    assert (tmp_path / "audit" / "page.html").is_file()
    mended = read_manifest(tmp_path / "audit" / "fixed")
    assert mended.images["split"].tolist() == ["", "test"] + ["train"] * 6
    assert all(mended.path(path).is_file() for path in mended.images["image_path"])


def test_check_of_a_clean_manifest_is_nought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split_films(tmp_path, ["train"] * 4 + ["test"] * 4)
    code, said, told = run("check", str(tmp_path), capsys=capsys)
    assert code == 0
    assert "leak: " not in said
    assert "no shortcut probe: column 'cancer' holds one class only" in told

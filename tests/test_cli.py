from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from mammoscope import cli
from mammoscope.cli_models import card_lines
from mammoscope.cli_results import Tally, safe_name
from mammoscope.data.demo_exam import demo_folder

pytestmark = pytest.mark.usefixtures("command_line")


def run(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line; parser exits count as exit codes."""
    try:
        code = cli.main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_process(words: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mammoscope", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The demo exam in a folder whose name holds a space and umlauts."""
    folder = tmp_path / "Prüfung äöü 1"
    folder.mkdir()
    for picture in demo_folder().glob("*.png"):
        (folder / picture.name).write_bytes(picture.read_bytes())
    return folder


# --- the parser


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_answers_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run([command, "--help"], capsys)
    assert code == 0
    assert f"  mammoscope {command}" in out


def test_the_overview_lists_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["--help"], capsys)
    assert code == 0
    assert all(out.count(f"• {command} ") == 1 for command in cli.COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], capsys)[:2] == (0, "mammoscope 0.1.0\n")


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["predict"],
        ["predict", "no such path", "--out", "out"],
        ["predict", "."],
        ["predict", ".", "--out"],
        ["predict", ".", "--out", "out", "--no-such-option"],
        ["predict", ".", "--json", "--runtime", "abacus"],
        ["models"],
    ],
)
def test_usage_errors_give_2_and_say_why_on_stderr(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(words, capsys)
    assert code == 2
    assert out == ""
    assert err.strip()


# --- predict


def test_predict_writes_each_result_and_a_table(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(["predict", str(study), "--out", str(tmp_path / "out")], capsys)
    assert (code, err) == (0, "")
    (folder,) = (tmp_path / "out").iterdir()
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.json", "overlays"}
    assert len(list((folder / "overlays").glob("*.png"))) == 4
    assert "4/4" in out


def test_json_prints_one_object_per_exam_and_nothing_else(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(["predict", str(study), "--json"], capsys)
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    report = json.loads(line)
    assert report["schema_version"]
    assert len(report["images"]) == 4


def test_a_bad_file_is_named_and_the_good_ones_are_done(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (study / "empty.png").touch()
    code, out, err = run(["predict", str(study), "--json"], capsys)
    assert code == 1
    images = [image for line in out.splitlines() for image in json.loads(line)["images"]]
    assert sum(image["malignancy"] is not None for image in images) == 4
    assert "empty.png: " in err
    assert "Traceback" not in err


def test_nothing_readable_gives_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.dcm").touch()
    code, _, err = run(["predict", str(tmp_path), "--json"], capsys)
    assert code == 3
    assert "empty.dcm: " in err


def test_an_empty_folder_gives_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(tmp_path), "--json"], capsys)[0] == 3


def test_a_second_run_replaces_the_first_and_leaves_other_files(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(study), "--out", str(tmp_path / "out")]
    run(words, capsys)
    (folder,) = (tmp_path / "out").iterdir()
    (folder / "notes.txt").write_text("mine")
    assert run([*words, "--no-html", "--no-overlay"], capsys)[0] == 0
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "report.json",
        "notes.txt",
    }


def test_results_inside_the_study_are_not_read_as_mammograms(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(study), "--out", str(study / "results")]
    run(words, capsys)
    code, _, _ = run(words, capsys)
    assert code == 0
    assert len(list((study / "results").iterdir())) == 1


def test_a_file_as_output_folder_is_a_usage_error(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    code, _, err = run(["predict", str(study), "--out", str(tmp_path / "taken")], capsys)
    assert code == 2
    assert "give another one with --out" in err


def test_unknown_weights_are_a_usage_error(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["predict", str(study), "--json", "--weights", "no such"], capsys)
    assert code == 2
    assert "no such" in err


def test_an_unknown_operating_point_is_a_usage_error(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(study), "--json", "--operating-point", "no such"]
    assert run(words, capsys)[0] == 2


def test_an_unforeseen_error_stops_one_exam_only_and_is_not_quoted(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = cv2.imread(str(next(study.glob("*.png"))), cv2.IMREAD_UNCHANGED)
    other = study.parent / "second"
    other.mkdir()
    cv2.imwrite(str(other / "second_L-CC.png"), picture)
    from mammoscope import io

    load_exam = io.load_exam

    def fail_on_second(files: io.ExamFiles) -> object:
        if "second" in files.paths[0]:
            raise ZeroDivisionError("Jane Doe")
        return load_exam(files)

    monkeypatch.setattr(io, "load_exam", fail_on_second)
    code, out, err = run(["predict", str(other), str(study), "--json"], capsys)
    assert code == 1
    assert len(out.splitlines()) == 1
    assert "ZeroDivisionError" in err
    assert "Jane Doe" not in err
    assert "--debug" in err


# --- demo, models, doctor


def test_demo_prints_the_result_and_where_the_report_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(["demo", "--out", str(tmp_path)], capsys)
    assert (code, err) == (0, "")
    assert "exam: malignancy 0." in out
    assert f"report: {tmp_path / 'report.html'}" in out
    assert (tmp_path / "report.html").stat().st_size > 0


@pytest.mark.parametrize("action", ["list", "show", "verify"])
def test_models_answers(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["models", action], capsys)
    assert code == 0
    assert out.strip()


def test_card_lines_indent_what_is_nested() -> None:
    card = {"name": "a", "data": {"sets": ["x", "y"]}, "points": [{"threshold": 0.5}]}
    assert list(card_lines(card)) == [
        "name: a",
        "data:",
        "  sets: x, y",
        "points:",
        "  1:",
        "    threshold: 0.5",
    ]


def test_doctor_finds_the_base_working(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["doctor"], capsys)
    assert code == 0, out
    assert "self test" in out


# --- what keeps a shell happy


def test_an_unforeseen_error_becomes_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mammoscope.doctor.checks", lambda: 1 / 0)
    code, _, err = run(["doctor"], capsys)
    assert code == 1
    assert err.startswith("mammoscope: unexpected ZeroDivisionError; run the command again with")


def test_debug_shows_the_traceback_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mammoscope.doctor.checks", lambda: 1 / 0)
    assert "Traceback" in run(["doctor", "--debug"], capsys)[2]


def test_an_interrupt_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("mammoscope.doctor.checks", interrupt)
    assert run(["doctor"], capsys) == (130, "", "")


def test_a_broken_pipe_ends_quietly() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "mammoscope", "--version"]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


# --- small parts


@pytest.mark.parametrize(
    ("exam", "name"),
    [("a/b", "a_b"), ("../x", "x"), ("", "exam"), ("..", "exam"), ("Grün 1", "Grün_1")],
)
def test_folder_names_are_safe(exam: str, name: str) -> None:
    assert safe_name(exam) == name


def test_folder_names_are_never_given_twice() -> None:
    tally = Tally()
    assert [tally.folder_name(exam) for exam in ("a", "A", "a")] == ["a", "A-2", "a-3"]

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from batch_runs import linked, predictions, record, writer

from mammoscope import cli
from mammoscope.batch.items import Item, find_work
from mammoscope.batch.pipeline import judge_all
from mammoscope.batch.ray_cluster import cluster, imported
from mammoscope.batch.ray_engine import check_nodes, judge_on_ray
from mammoscope.batch.run import Settings, run_batch
from mammoscope.batch.worker import Lost
from mammoscope.data.dicom_study import write_study
from mammoscope.data.synth import synthetic_exam
from mammoscope.errors import ConfigError, MissingExtraError
from weights_example import predictor

try:
    imported()
except MissingExtraError:
    pytest.skip("Ray is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc"),
    pytest.mark.filterwarnings(r"ignore:.*:UserWarning:ray\."),  # as `cluster` does
]


@pytest.fixture(scope="module")
def cpus() -> Iterator[int]:
    with cluster() as count:
        yield count


def working(title: str = "ray::Map") -> list[int]:
    """Ray's processes below this one whose title begins so."""
    parents, titles = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
            titles[int(entry.name)] = (entry / "cmdline").read_text()
        except OSError:
            continue  # it has ended
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return [pid for pid in ours if titles.get(pid, "").startswith(title)]


def kill(pids: list[int]) -> None:
    """Kill processes and wait until they are gone."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while any(_runs(pid) for pid in pids):
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_reader(fifo: Path, times: int) -> None:
    """Wait until a process reads from `fifo`, then kill it."""
    for _ in range(times):
        while (descriptor := writer(fifo)) is None:
            time.sleep(0.01)
        while not (reading := [pid for pid in working() if _holds(pid, fifo)]):
            time.sleep(0.01)
        kill(reading)
        os.close(descriptor)


def _holds(pid: int, path: Path) -> bool:
    links = Path(f"/proc/{pid}/fd").glob("*")
    return any(os.path.realpath(link) == str(path) for link in links)


def table(folder: Path, out: Path, engine: Any) -> pd.DataFrame:
    settings = Settings(out, (str(folder),), workers=2)
    run_batch(find_work([str(folder)]), predictor(), settings, engine=engine)
    return predictions(out)


def test_the_table_is_that_of_the_local_engine(
    tmp_path: Path, cpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a folder that is not named from the root, and with files that give nothing."""
    folder = linked(tmp_path / "in", 3)
    write_study(synthetic_exam(7, height=256), folder / "study")
    (folder / "case001" / "case001_R-XCCL.png").write_bytes(b"nothing")
    (folder / "case000" / "plain.pgm").write_bytes(b"P5 300 300 255\n" + bytes(90_000))
    monkeypatch.chdir(tmp_path)
    local = table(Path("in"), tmp_path / "local", judge_all)
    ray = table(Path("in"), tmp_path / "ray", judge_on_ray)
    pd.testing.assert_frame_equal(ray, local)
    assert set(local["status"]) == {"judged", "unreadable", "refused"}


def test_killed_processes_cost_no_exam(tmp_path: Path, cpus: int) -> None:
    """Those that read, and the one with the network."""
    work = find_work([str(linked(tmp_path, 24, views=1))])
    results = judge_on_ray(work.root, work.items, predictor(), 2)
    keys = [next(results).item.key]
    kill(working())
    found = list(results)
    assert not [one for one in found if isinstance(one, Lost)]
    assert sorted(keys + [one.item.key for one in found]) == sorted(i.key for i in work.items)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_exams_that_cannot_be_read_are_lost_and_the_others_are_not(
    tmp_path: Path, cpus: int
) -> None:
    """One whose process dies twice, and one whose reading does not end."""
    work = find_work([str(linked(tmp_path, 3, views=1))])
    hopeless = [Item(name[0] * 16, name, (f"{name}.png",)) for name in ("deadly", "endless")]
    for item in hopeless:
        os.mkfifo(tmp_path / item.paths[0])
    killer = Thread(target=kill_reader, args=(tmp_path / "deadly.png", 2))
    killer.start()
    items = [*work.items, *hopeless]
    found = list(judge_on_ray(work.root, items, predictor(), 2, time_limit=4.0))
    killer.join()
    lost = [one for one in found if isinstance(one, Lost)]
    assert {one.item.exam_id for one in lost} == {"deadly", "endless"}
    assert "ended 2 times, or it was not read within 4 seconds" in lost[0].reason
    assert len(found) == 5


def test_a_run_begun_here_goes_on_with_ray(tmp_path: Path, cpus: int) -> None:
    folder, out = linked(tmp_path / "in", 4, views=1), tmp_path / "out"
    work, told = find_work([str(folder)]), 0

    def interrupt(_: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(work, predictor(), Settings(out, ("in",)), lambda *_: interrupt)
    settings = Settings(out, ("in",), resume=True)
    run_batch(work, predictor(), settings, engine=partial(judge_on_ray, grows=True))
    assert record(out)["sessions"][-1]["exams"] == 2
    assert predictions(out)["image_path"].is_unique
    assert len(predictions(out)) == 4


def test_ray_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="'scale' extra"):
        imported()


def test_a_node_that_cannot_take_part_is_told(tmp_path: Path, cpus: int) -> None:
    check_nodes(str(tmp_path), predictor())
    with pytest.raises(ConfigError, match="the folder of the images is not there"):
        check_nodes(str(tmp_path / "nowhere"), predictor())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--address", "localhost:6379"], "--engine ray"),
        (["--engine", "ray", "--address", "localhost:1"], "nothing answers"),
        (["--engine", "ray", "--address", "ray://localhost:1"], "not HOST:PORT"),
    ],
)
@pytest.mark.usefixtures("command_line")
def test_a_wrong_address_is_told(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    folder = linked(tmp_path / "in", 1)
    assert cli.main(["batch", str(folder), "--out", str(out), *words]) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert not out.exists()

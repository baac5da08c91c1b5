from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from batch_runs import linked, writer

from mammoscope.batch.items import Item, find_work
from mammoscope.batch.pool import Pool
from mammoscope.batch.worker import Lost, Ready
from mammoscope.preprocess import PreprocessParams


def kill_readers(fifo: Path, times: int) -> None:
    """Wait until a process reads from `fifo`, then kill all children."""
    for _ in range(times):
        while (descriptor := writer(fifo)) is None:
            time.sleep(0.01)
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        os.close(descriptor)


def keys(results: Iterator[Ready | Lost]) -> list[str]:
    return sorted(result.item.key for result in results)


def test_killed_processes_cost_no_exam(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 6, views=1))])
    results = Pool(2, work.root, PreprocessParams()).results(work.items)
    first = next(results)
    for child in multiprocessing.active_children():
        child.kill()
    rest = list(results)
    assert all(isinstance(result, Ready) for result in rest)
    assert keys(iter([first, *rest])) == sorted(item.key for item in work.items)
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_exam_whose_process_dies_twice_is_lost_and_the_others_are_not(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 2, views=1))])
    os.mkfifo(tmp_path / "slow.png")
    items = [Item("f" * 16, "slow", ("slow.png",)), *work.items]
    killer = Thread(target=kill_readers, args=(tmp_path / "slow.png", 2))
    killer.start()
    results = list(Pool(1, work.root, PreprocessParams()).results(items))
    killer.join()
    lost = [result for result in results if isinstance(result, Lost)]
    assert [one.item.exam_id for one in lost] == ["slow"]
    assert "ended twice, last by signal 9" in lost[0].reason
    assert len(results) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_that_hangs_is_given_up_and_the_others_are_read(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 2, views=1))])
    os.mkfifo(tmp_path / "hangs.png")
    items = [Item("f" * 16, "hangs", ("hangs.png",)), *work.items]
    results = list(Pool(1, work.root, PreprocessParams(), time_limit=2.0).results(items))
    (lost,) = [result for result in results if isinstance(result, Lost)]
    assert lost.item.exam_id == "hangs"
    assert "within 2 seconds (--time-limit)" in lost.reason
    assert len(results) == 3


def test_nothing_runs_on_when_results_are_no_longer_wanted(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 3, views=1))])
    results = Pool(2, work.root, PreprocessParams()).results(work.items)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_full_pixels_stay_in_the_process(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 1))])
    (ready,) = Pool(1, work.root, PreprocessParams()).results(work.items)
    assert isinstance(ready, Ready)
    assert [image.shape for image in ready.exam.images] == [(1, 1)] * 4
    assert [image.path for image in ready.exam.images] == [
        f"case000/case000_{view}.png" for view in ("R-CC", "L-CC", "R-MLO", "L-MLO")
    ]

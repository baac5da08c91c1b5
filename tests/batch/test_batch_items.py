from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from batch_runs import linked

from mammoscope.batch.items import find_work
from mammoscope.batch.remote import local_file
from mammoscope.cli_results import is_result
from mammoscope.errors import ConfigError


def manifest(folder: Path) -> Path:
    rows = [
        ("a", "p1", "e1", "x/1.png"),
        ("a", "p1", "e1", "x/2.png"),
        ("a", "p2", "e1", "y/1.png"),
        ("b", "p1", "", "z/1.png"),
        ("b", "p1", "", "z/2.png"),
    ]
    table = pd.DataFrame(rows, columns=["dataset", "patient_id", "exam_id", "image_path"])
    path = folder / "manifest.csv"
    table.assign(modality="mammography").to_csv(path, index=False)
    return path


def test_a_folder_is_grouped_as_predict_groups_it(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 3))])
    assert [item.exam_id for item in work.items] == ["case000", "case001", "case002"]
    assert work.items[1].paths[0] == "case001/case001_L-CC.png"


def test_keys_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    one, other = linked(tmp_path / "one", 2), linked(tmp_path / "other", 2)
    assert find_work([str(one)]).items == find_work([str(other)]).items


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_are_everything_and_share_nothing(tmp_path: Path, count: int) -> None:
    work = find_work([str(linked(tmp_path, 12, views=1))])
    parts = [item.key for n in range(count) for item in work.shard(n + 1, count).items]
    assert sorted(parts) == sorted(item.key for item in work.items)


def test_a_manifest_groups_by_patient_and_exam(tmp_path: Path) -> None:
    work = find_work([str(manifest(tmp_path))])
    assert [item.paths for item in work.items] == [
        ("x/1.png", "x/2.png"),
        ("y/1.png",),
        ("z/1.png",),
        ("z/2.png",),
    ]
    assert len({item.exam_id for item in work.items}) == 4
    assert work.root == str(tmp_path)


def test_a_pattern_is_all_that_it_matches(tmp_path: Path) -> None:
    work = find_work([str(linked(tmp_path, 2) / "*" / "*CC.png")])
    assert [len(item.paths) for item in work.items] == [2, 2]


def test_overlays_of_earlier_results_are_left_out(tmp_path: Path) -> None:
    results = linked(tmp_path, 1) / "case000"
    (results / "report.json").touch()
    (results / "overlays").mkdir()
    (results / "case000_L-CC.png").rename(results / "overlays" / "case000_L-CC.png")
    (item,) = find_work([str(tmp_path)], is_result).items
    assert len(item.paths) == 3


def test_below_a_url_a_folder_is_an_exam_and_files_are_copied_one_by_one(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    linked(tmp_path, 2)
    (tmp_path / "case000" / "notes.txt").touch()
    work = find_work([f"file://{tmp_path}"])
    assert [item.exam_id for item in work.items] == ["case000", "case001"]
    assert all(len(item.paths) == 4 for item in work.items)
    path = work.items[0].paths[0]
    with local_file(work.root, path) as copy:
        assert Path(copy).read_bytes() == (tmp_path / path).read_bytes()
    assert not Path(copy).exists()


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([], "nothing was given"),
        (["nowhere"], "no such file"),
        (["no*where"], "no such file"),
        (["manifest.csv", "."], "only input"),
        (["nonsense://x"], "nonsense"),
    ],
)
def test_impossible_inputs_are_told(inputs: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        find_work(inputs)

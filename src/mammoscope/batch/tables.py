"""The parts as tables that other programs read, made part by part: memory stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mammoscope.batch.parts import part_tables
from mammoscope.batch.rows import EXAM_COLUMNS, FINDING, SCHEMA
from mammoscope.files import drafted

_NESTED = ("findings", "warnings", "exam_warnings")
_WORDS = "; "
_FAILURE_COLUMNS = ("exam_id", "image_path", "status", "refused")


def write_tables(parts: Path, out: Path) -> list[Path]:
    """Write the parts of all shards as tables.

    predictions.csv and .parquet hold a row an image, with what `mammoscope evaluate` reads;
    exams.csv a row an exam; findings.csv a row a finding; failures.csv what gave no result.

    Args:
        parts: folder of the parts.
        out: where the tables go.

    Raises:
        ConfigError: a table cannot be written.
    """
    makers: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "predictions.csv": _images,
        "exams.csv": _exams,
        "findings.csv": _findings,
        "failures.csv": _failures,
    }
    written = [_write_csv(parts, out / name, make) for name, make in makers.items()]
    return [*written, _write_parquet(parts, out / "predictions.parquet")]


def _write_csv(parts: Path, path: Path, make: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    empty = SCHEMA.empty_table().to_pandas()
    with drafted(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        make(empty).to_csv(file, index=False)
        for table in part_tables(parts):
            make(table.to_pandas()).to_csv(file, index=False, header=False)
    return path


def _write_parquet(parts: Path, path: Path) -> Path:
    with drafted(path) as draft, pq.ParquetWriter(draft, SCHEMA, compression="zstd") as writer:
        for table in part_tables(parts):
            writer.write_table(table)
    return path


def _images(rows: pd.DataFrame) -> pd.DataFrame:
    words = {name: rows[name].map(_joined) for name in ("warnings", "exam_warnings")}
    return rows.drop(columns=["key", "attempt", *_NESTED]).assign(**words)


def _exams(rows: pd.DataFrame) -> pd.DataFrame:
    """The exam's figures are the same in all its rows, which lie in one part."""
    columns = ["key", *EXAM_COLUMNS]
    exams = rows[columns].drop_duplicates("key").drop(columns="key")
    by_exam = rows.groupby("key", sort=False)["status"]
    exams["images"] = by_exam.size().to_numpy()
    exams["judged"] = by_exam.agg(lambda status: (status == "judged").sum()).to_numpy()
    return exams.assign(exam_warnings=exams["exam_warnings"].map(_joined))


def _findings(rows: pd.DataFrame) -> pd.DataFrame:
    each = [
        {"image_path": path, "exam_id": exam, **finding}
        for path, exam, findings in zip(
            rows["image_path"], rows["exam_id"], rows["findings"], strict=True
        )
        for finding in (findings if findings is not None else ())
    ]
    table = pa.Table.from_pylist(each, _finding_schema())
    return table.to_pandas(integer_object_nulls=True)


def _finding_schema() -> pa.Schema:
    names = [("image_path", pa.string()), ("exam_id", pa.string())]
    return pa.schema([*names, *FINDING])


def _failures(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.loc[rows["status"] != "judged", [*_FAILURE_COLUMNS]]


def _joined(words: Iterable[str] | None) -> str:
    return "" if words is None else _WORDS.join(words)

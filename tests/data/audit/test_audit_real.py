"""The auditor on a few real images, against what is known of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mammoscope.data.audit import audit
from mammoscope.data.manifest import make_manifest


def read(folder):
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no {folder.name} among the real data")
    return pd.read_csv(folder / "manifest.csv", dtype=str, keep_default_na=False)


def run(folder, images, tmp_path):
    manifest = make_manifest(folder, images)
    return audit(manifest, cache=tmp_path / "cache.sqlite", progress=False)


def test_the_known_duplicates_of_busi(data_dir, tmp_path):
    folder = data_dir / "busi"
    table = read(folder)
    sizes = table.groupby("dup_group")["source_name"].transform("size")
    table = table[(sizes > 1) & (table["label"] != "normal")][:60]
    files = {path.name: str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    images = pd.DataFrame({"image_path": table["source_name"].map(files)})
    images = images.assign(dataset="busi", patient_id=table["source_name"], modality="ultrasound",
                           pathology=table["label"])  # fmt: skip
    found = run(folder, images, tmp_path)
    grouped = {path for issue in found.issues if "duplicate" in issue.kind for path in issue.images}
    whole = table["dup_group"].duplicated(keep=False).to_numpy()
    assert np.mean(images["image_path"][whole].isin(grouped)) > 0.9


def test_the_negatives_and_the_black_image_of_rsna2022(data_dir, tmp_path):
    folder = data_dir / "rsna2022"
    table = read(folder)
    white, black = table["white_background"] == "True", table["black"] == "True"
    table = pd.concat([table[white][:15], table[~white & ~black][:15], table[black]])
    columns = ["image_path", "patient_id", "laterality", "view", "machine_id"]
    images = table[columns].assign(dataset="rsna2022", modality="mammography")
    found = run(folder, images, tmp_path).by_kind()
    negatives = {path for issue in found["white_background"] for path in issue.images}
    assert negatives == set(table.loc[table["white_background"] == "True", "image_path"])
    blank = {path for issue in found.get("blank", []) for path in issue.images}
    assert blank == set(table.loc[table["black"] == "True", "image_path"])

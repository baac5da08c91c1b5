from __future__ import annotations

from pathlib import Path

from source_tables import manifest_of, picture, real, tables_of, told

HEADER = "image_path,tissue_mask_path,patient_id,laterality,view,pct_dense_from_mask,split\n"


def test_the_real_films_are_all_there(data_dir: Path) -> None:
    folder = real(data_dir, "ddsm_tissue")
    manifest = manifest_of("ddsm_tissue", folder)
    images = manifest.images
    assert (len(images), images["patient_id"].nunique()) == (66, 66)
    assert set(zip(images["laterality"], images["view"], strict=True)) == {("R", "MLO")}
    assert all((folder / path).is_file() for path in images["tissue_mask_path"])


def test_percent_density_is_no_birads_density(data_dir: Path) -> None:
    images = manifest_of("ddsm_tissue", real(data_dir, "ddsm_tissue")).images
    assert set(images["density"]) == {""}
    assert set(images["cancer"]) == {""}
    assert images["percent_density"].astype(float).between(0, 100).all()


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    rows = ["a.png,m/a.png,d1,R,MLO,5.5,test", "b.png,m/b.png,d2,R,MLO,,test"]
    (tmp_path / "manifest.csv").write_text(HEADER + "\n".join(rows))
    picture(tmp_path / "a.png")
    tables = tables_of("ddsm_tissue", tmp_path)
    assert tables.images["tissue_mask_path"].tolist() == [""]
    assert told(tables.notes, "1 films of manifest.csv are not in the folder")
    assert told(tables.notes, "1 films have no mask")
    assert told(tables.notes, "(2 test) is its publisher's; it is not taken")

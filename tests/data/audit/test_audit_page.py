from __future__ import annotations

import re

import pandas as pd
import pytest

from audit_example import audited, manifest, table
from mammoscope.data.audit import FIXES, KINDS, audit, fixed, write_page
from mammoscope.data.audit.page import PER_KIND, to_html
from mammoscope.errors import ConfigError

PROBE = [("machine", 0.71, 0.66, 0.76, 1234, "lifted by vendors"), ("age", 0.5, 0.45, 0.55, 9, "")]


@pytest.fixture
def spoiled(tmp_path):
    """Both women on both sides, the sides of all but one exchanged, one file missing."""
    images = table(tmp_path)
    images["split"] = ["train", "test"] * 4
    images["patient_id"] = images["patient_id"].str.replace("anna", "Anna Example ")
    (tmp_path / "3.png").unlink()
    images.loc[0, "laterality"] = "L"
    return tmp_path, images


def test_the_page_names_lines_and_no_patient_or_file(spoiled):
    page = to_html(audited(*spoiled))
    assert "Anna" not in page
    assert "3.png" not in page
    assert "The split leaks" in page
    assert "<b>5</b> L MLO" in page


def test_the_page_loads_nothing(spoiled):
    page = to_html(audited(*spoiled))
    sources = re.findall(r'(?:src|href)="([^"#]{5})', page)
    assert sources
    assert set(sources) == {"data:"}
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_of_a_leak_both_sides_are_shown_first(spoiled):
    page = to_html(audited(*spoiled))
    first = page.split('id="patient_across_splits"')[1].split("</figure>")[0]
    assert re.findall(r"<b>(\d)</b>", first) == ["2", "3", "4", "5"]


def test_at_most_a_dozen_pictures_of_a_kind_and_the_other_lines_told(tmp_path):
    images = table(tmp_path).assign(age="0")
    more = images.assign(image_path="absent" + images["image_path"])
    page = to_html(audited(tmp_path, pd.concat([images, more])))
    section = page.split('id="implausible_age"')[1].split("</section>")[0]
    assert section.count('class="picture"') == PER_KIND
    assert "Also lines 14, 15, 16, 17." in section


def test_the_probe_has_its_table(tmp_path):
    found = audit(manifest(tmp_path, table(tmp_path)), shortcuts=PROBE, progress=False)
    page = to_html(found)
    assert "lifted by vendors" in page
    assert "0.66 to 0.76" in page
    assert "1,234" in page


def test_a_page_is_written_whole_or_an_error_says_why(tmp_path):
    found = audited(tmp_path, table(tmp_path))
    page = write_page(found, tmp_path / "new" / "audit.html")
    assert "Nothing was found" in page.read_text("utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_page(found, tmp_path / "0.png" / "audit.html")


def test_the_table_has_a_row_for_each_image_of_each_issue(spoiled):
    found = audited(*spoiled)
    rows = found.table()
    assert len(rows) == sum(len(issue.images) for issue in found.issues)
    assert rows.loc[rows["kind"] == "unreadable", "line"].tolist() == [5]


def test_every_kind_has_a_fix_and_leaks_come_first(spoiled):
    assert {kind.fix for kind in KINDS.values()} == set(FIXES)
    severities = [kind.severity for kind in KINDS.values()]
    assert severities == sorted(severities, key=["leak", "error", "warning"].index)
    assert audited(*spoiled).issues[0].severity == "leak"


def test_the_fixed_manifest_of_a_fixed_manifest_is_in_order(spoiled):
    tmp_path, images = spoiled
    again = audit(fixed(audited(tmp_path, images)), progress=False)
    assert not again.leaks
    assert [issue.kind for issue in again.issues] == ["side_mismatch"]

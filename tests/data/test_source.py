from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.columns import IMAGES
from mammoscope.data.source import load_source, read_table, source_names
from mammoscope.errors import ConfigError

MODALITIES = next(column.choices for column in IMAGES if column.name == "modality")


@pytest.mark.parametrize("name", source_names())
def test_every_source_says_what_it_is(name: str) -> None:
    source = load_source(name)
    assert source.name == name
    assert source.modality in MODALITIES
    for text in (source.title, source.where, source.terms, source.citation, source.holds):
        assert text.strip() == text != ""
    assert all(source.options.values())


@pytest.mark.parametrize("name", source_names())
def test_every_source_refuses_an_empty_folder_in_words(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r".+\.$"):
        load_source(name).read(tmp_path, {})


def test_sources_are_in_alphabetical_order() -> None:
    assert list(source_names()) == sorted(source_names())
    assert "mini_mias" in source_names()


def test_an_unknown_source_is_told_which_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no source 'mias'; it is one of .*mini_mias"):
        load_source("mias")


def test_a_table_gets_our_names_and_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeffId;Label;More\n007;NA;x\n", encoding="utf-8")
    table = read_table(path, {"Label": "label", "Id": "id"}, separator=";")
    assert table.to_dict("list") == {"label": ["NA"], "id": ["007"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id\n1\n", "column 'Label' is missing; it has Id"),
        ("Id,Label\n1,2\n1,2,3\n", "cannot be read as a table"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_not_as_published_is_named(tmp_path: Path, text, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"a\.csv: {message}"):
        read_table(path, {"Id": "id", "Label": "label"})


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.csv: no such file"):
        read_table(tmp_path / "a.csv", {"Id": "id"})

"""The `evaluate` command: predictions and truth to a report."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from mammoscope.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from mammoscope.evaluate.predictions import Predicted
    from mammoscope.evaluate.settings import Settings
    from mammoscope.evaluate.truth import Truth
    from mammoscope.metrics.hit_rule import HitRule

Files = tyro.conf.Positional[
    Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PREDICTIONS ...", help_behavior_hint="")]
]
Table = Annotated[Path, tyro.conf.arg(metavar="MANIFEST", help_behavior_hint="")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
Boxes = Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...", help_behavior_hint="")]
Recipe = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
Columns = Annotated[tuple[str, ...], tyro.conf.arg(metavar="COLUMN ...")]
Pairs = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")]


@dataclass(frozen=True)
class Evaluate:
    r"""Evaluate predictions against the truth: a report with intervals, page, tables, pictures.

    For example:
      mammoscope evaluate predictions.csv --truth manifest.csv --out report/
      mammoscope evaluate ours.csv theirs.csv --truth manifest.csv --out both/
      mammoscope evaluate exams.jsonl --truth manifest.csv --out report/   # predict --json
      mammoscope evaluate study.csv --truth study.csv --out report/ \
          --rename case_ID=patient_id side=laterality label=cancer \
          --score AI_GMIC_top5_POM --readers 'Reader*_POM'
    """

    predictions: Files
    """CSV, Parquet or what `predict --json` printed; several are compared with each other."""
    truth: Table
    """A manifest, its folder, or any table with a column 'cancer' and one that says whose it is."""
    out: Folder
    """Folder for report.html, report.json, tables, figures and model_card.md."""
    rename: Pairs = ()
    """Columns of these files by our names: theirs=ours, such as case_ID=patient_id."""
    score: Columns = ()
    """Columns that hold scores, each a model; malignancy_logit or malignancy if left out."""
    ranks_only: bool = False
    """The scores are no probabilities and only order the cases."""
    boxes: Boxes = ()
    """Suspicious places for each file of predictions: image_path, x1_px .. y2_px, score."""
    units: Annotated[tuple[str, ...], tyro.conf.arg(metavar="UNIT ...")] = ()
    """Of image, breast, exam and patient; all that the truth allows if left out."""
    rule: Literal["mean", "max"] = "mean"
    """How a breast's score comes from its images: mean of the logits, or maximum."""
    prevalence: float = 0.005
    """Share of cancers among exams that PPV, recall rate and triage are worked out for."""
    threshold: Pairs = ()
    """Operating points, as probabilities: name=0.3."""
    subgroups: Columns = ()
    """Further columns of the truth to divide the cases by."""
    hit: str = "centre"
    """When a box hits a lesion: centre, iou=0.3, px=50 (distance of the centres)."""
    readers: Columns = ()
    """Columns of the truth with human readers' scores; * stands for anything."""
    reader_calls_at: float | None = None
    """The score from which a reader recalls; simulates replacing the second of the first two."""
    recipe: Recipe = None
    """A JSON or TOML file in which the predictions' run says how they were made."""
    resamples: int = 2000
    """Bootstrap resamples of the women behind the intervals."""
    seed: int = 0
    """Of the resampling."""

    def run(self) -> int:
        """Write the report and print its main figures; returns the exit code."""
        _needs_extra()
        from mammoscope.evaluate.predictions import read_predictions
        from mammoscope.evaluate.report import report
        from mammoscope.evaluate.truth import read_truth
        from mammoscope.evaluate.written import write_all

        rename = _pairs(self.rename)
        _made(self.out)
        truth = read_truth(self.truth, rename)
        settings = self._settings(truth)
        found = [
            model
            for path in self.predictions
            for model in read_predictions(path, rename, self.score, self.ranks_only)
        ]
        models = _named_apart(self._with_boxes(found))
        with _shown() as step:
            made = report(truth, models, settings, step)
            step("writing")
            written = write_all(made, self.out)
        _tell(made)
        print(f"report: {written[0]}", file=sys.stderr)
        return 0

    def _settings(self, truth: Truth) -> Settings:
        from mammoscope.evaluate.estimates import Resampling
        from mammoscope.evaluate.settings import Settings
        from mammoscope.metrics.prevalence import checked_prevalence

        return Settings(
            resampling=Resampling(self.resamples, self.seed),
            units=self.units,
            rule=self.rule,
            prevalence=checked_prevalence(self.prevalence),
            thresholds={name: _number(name, text) for name, text in _pairs(self.threshold).items()},
            subgroups=self.subgroups,
            hit_rule=_hit_rule(self.hit),
            readers=_matching(self.readers, [str(name) for name in truth.table.columns]),
            reader_calls_at=self.reader_calls_at,
            recipe=None if self.recipe is None else _recipe(self.recipe),
        )

    def _with_boxes(self, models: list[Predicted]) -> list[Predicted]:
        from dataclasses import replace

        from mammoscope.evaluate.predictions import read_boxes

        if not self.boxes:
            return models
        if len(self.boxes) != len(models):
            raise ConfigError(
                f"--boxes names {len(self.boxes)} files for {len(models)} models; give one each."
            )
        return [
            replace(model, boxes=read_boxes(path))
            for model, path in zip(models, self.boxes, strict=True)
        ]


def _needs_extra() -> None:
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The command 'evaluate'", "evaluate") from error


def _pairs(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise ConfigError(f"{word!r} is not of the form NAME=VALUE.")
        found[name] = value
    return found


def _made(folder: Path) -> None:
    """Make the folder before hours of work, not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror}; give a folder that can be written to."
        ) from error


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"{name}={text}: give a number.") from error


def _hit_rule(text: str) -> HitRule:
    from mammoscope.metrics.hit_rule import HitRule

    kind, _, value = text.partition("=")
    if kind == "centre" and not value:
        return HitRule()
    if kind == "iou" and value:
        return HitRule("iou", _number("iou", value))
    if kind == "px" and value:
        return HitRule("distance", _number("px", value), "px")
    raise ConfigError(f"--hit is {text!r}; give centre, iou=0.3 or px=50.")


def _matching(patterns: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for pattern in patterns:
        named = fnmatch.filter(columns, pattern)
        if not named:
            raise ConfigError(f"--readers {pattern}: the truth has no such column.")
        found += named
    return tuple(dict.fromkeys(found))


def _recipe(path: Path) -> Mapping[str, Any]:
    import json
    import tomllib

    try:
        text = path.read_text("utf-8")
        loaded = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not readable as JSON or TOML ({error}).") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: holds no names and values; give a JSON object or TOML.")
    return loaded


def _named_apart(models: list[Predicted]) -> list[Predicted]:
    """Models of the same file name get their folder's name too."""
    from dataclasses import replace

    names = [model.name for model in models]
    if len(set(names)) == len(names):
        return models
    apart = [f"{model.path.parent.name}/{model.name}" for model in models]
    if len(set(apart)) < len(apart):
        raise ConfigError(f"Two models are named '{apart[0]}'; rename one of the files.")
    return [replace(model, name=name) for model, name in zip(models, apart, strict=True)]


class _shown:  # noqa: N801 - used as a function is
    """Shows the step at work on stderr; quiet where nobody watches."""

    def __enter__(self) -> Any:
        from rich.console import Console

        self.status = Console(stderr=True).status("evaluating")
        self.status.__enter__()
        return self.status.update

    def __exit__(self, *error: Any) -> None:
        self.status.__exit__(*error)


def _tell(made: Mapping[str, Any]) -> None:
    """The figures to know first: AUC of every model and unit, and what was left out."""
    for row in made["sections"]["discrimination"]["estimates"]:
        if row["name"] == "AUC":
            print(f"{row['model']}: AUC {_value(row)} by {row['unit']}, n {row['n']}, "
                  f"{row['positives']} with cancer, {row['patients']} women")  # fmt: skip
    excluded = made["excluded"]
    if excluded:
        cancers = sum(one["cancer"] == 1 for one in excluded)
        print(f"left out: {len(excluded)}, of them with cancer: {cancers}", file=sys.stderr)
    for sentence in [*made["warnings"], *made["withheld"].values()]:
        print(f"note: {sentence}", file=sys.stderr)


def _value(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "undefined"
    if row["low"] is None:
        return f"{row['value']:.3f} (no interval)"
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"

"""The `data` command: data sets to manifests, splits by patient, the auditor, synthetic exams."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mammoscope.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from mammoscope.data.manifest import Manifest

Name = tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]]
Names = tyro.conf.Positional[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]", help_behavior_hint="")]
]
Place = tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]]
Table = tyro.conf.Positional[
    Annotated[Path, tyro.conf.arg(metavar="MANIFEST", help_behavior_hint="")]
]
Out = Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
Options = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="")]


@dataclass(frozen=True)
class ListSources:
    """List the data sets that can be prepared: what they hold, where to get them, the terms.

    For example:
      mammoscope data list
      mammoscope data list cbis_ddsm          # with its options
    """

    names: Names = ()
    """Only these, with the options that `data prepare --option` takes."""

    def run(self) -> int:
        """Print them; returns the exit code."""
        _needs_pandas()
        from mammoscope.data.source import load_source, source_names

        for name in self.names or source_names():
            source = load_source(name)
            print(f"{name}: {source.title}")
            print(f"  holds    {source.holds}")
            print(f"  get it   {source.where}")
            print(f"  terms    {source.terms}")
            print(f"  cite     {source.citation}")
            for option, meaning in source.options.items() if self.names else ():
                print(f"  option   {option}: {meaning}")
        return 0


@dataclass(frozen=True)
class PrepareData:
    """Make the manifest of a data set from the folder it was downloaded to.

    For example:
      mammoscope data prepare mini_mias all-mias/
      mammoscope data prepare cbis_ddsm CBIS-DDSM/ --out manifests/cbis --format parquet
    """

    name: Name
    """Of the data set; `mammoscope data list` shows them."""
    folder: Place
    """Where the data set lies."""
    out: Out = None
    """Folder for manifest and findings; the data set's own if left out."""
    format: Literal["csv", "parquet"] = "csv"
    """Of the tables."""
    option: Options = ()
    """Options of the data set, as `data list NAME` shows them."""

    def run(self) -> int:
        """Write the manifest and say what it holds; returns the exit code."""
        _needs_pandas()
        from mammoscope.data.manifest import write_manifest
        from mammoscope.data.prepare import prepare

        out = self.out or self.folder
        _keep_foreign_tables(out)
        made = prepare(self.name, self.folder, out, _pairs(self.option))
        file = write_manifest(made.manifest, out, self.format)
        for line in summary(made.manifest):
            print(line)
        print(f"manifest: {file}")
        for note in made.notes:
            print(f"note: {note}", file=sys.stderr)
        for path, reason in made.broken:
            print(f"mammoscope: {path}: {reason}; it is not in the manifest.", file=sys.stderr)
        return 1 if made.broken else 0


@dataclass(frozen=True)
class SplitData:
    """Split a manifest by patient and write the split, its rule and its hash into it.

    For example:
      mammoscope data split manifest.csv
      mammoscope data split manifest.csv --rule holdout --fraction 0.2
      mammoscope data split manifest.csv --rule site
    """

    manifest: Table
    """A manifest file, or its folder."""
    rule: Literal["folds", "holdout", "site", "official"] = "folds"
    """Folds; a test part by a hash of the patient; one fold a site; or the publisher's split,
    checked."""
    folds: int = 5
    """How many, for the rule folds."""
    seed: int = 0
    """Of the folds."""
    stratify: tuple[str, ...] = ("machine_id", "cancer")
    """Columns that every fold gets its share of."""
    fraction: float = 0.2
    """Share of women in the test part, for the rule holdout."""

    def run(self) -> int:
        """Write the manifest anew; returns the exit code."""
        _needs_pandas()
        from mammoscope.data import splits
        from mammoscope.data.manifest import read_manifest, write_manifest

        manifest = read_manifest(self.manifest)
        made = {
            "folds": lambda: splits.k_fold(manifest, self.folds, self.seed, self.stratify),
            "holdout": lambda: splits.holdout(manifest, self.fraction),
            "site": lambda: splits.by_site(manifest),
            "official": lambda: splits.official(manifest),
        }[self.rule]()
        parquet = (manifest.folder / "manifest.parquet").is_file()
        file = write_manifest(made, made.folder, "parquet" if parquet else "csv")
        print(made.images["split_rule"].iloc[0])
        for part, rows in made.images.groupby("split"):
            cancers = (rows["cancer"] == "1").sum()
            women = rows["patient_id"].nunique()
            images = _many(len(rows), "image")
            print(f"{part}: {images} of {_many(women, 'patient')}, {cancers} with cancer")
        print(f"manifest: {file}")
        return 0


@dataclass(frozen=True)
class CheckData:
    """Find what makes results on a manifest wrong: leaks, duplicates, broken images, shortcuts.

    DIR gets page.html with the offenders' pictures, issues.csv, and fixed/ with a manifest that is
    rid of them. The exit code is 1 if a woman or a picture is on two sides of the split.

    For example:
      mammoscope data check manifest.csv
      mammoscope data check manifest.csv --label cancer --out audit/
      mammoscope data check manifest.csv --no-probe
    """

    manifest: Table
    """A manifest file, or its folder."""
    out: Out = None
    """Folder for the results; audit/ beside the manifest if left out."""
    label: str = "cancer"
    """Column of 0 and 1 that the shortcut probe tries to tell without looking at a breast."""
    no_probe: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Leave the shortcut probe out, which reads every image once more."""

    def run(self) -> int:
        """Write page, table and fixed manifest, and say what was found; returns the exit code."""
        _needs_pandas()
        from mammoscope.data.audit import KINDS, audit, fixed, write_page
        from mammoscope.data.audit.issue import count_images
        from mammoscope.data.manifest import moved, read_manifest, write_manifest

        manifest = read_manifest(self.manifest)
        out = self.out or manifest.folder / "audit"
        shortcuts = [] if self.no_probe else _shortcuts(manifest, self.label)
        found = audit(manifest, shortcuts=shortcuts)
        page = write_page(found, out / "page.html")
        found.table().to_csv(out / "issues.csv", index=False)
        mended = write_manifest(moved(fixed(found), out / "fixed"), out / "fixed")
        for kind, issues in found.by_kind().items():
            told = f"{_many(len(issues), 'case')}, {_many(count_images(issues), 'image')}"
            print(f"{issues[0].severity}: {KINDS[kind].title}: {told}")
        for feature, auc, low, high, n, _ in shortcuts:
            print(f"probe: {feature}: AUC {auc:.3f} ({low:.3f} to {high:.3f}), {n} images")
        for note in found.notes:
            print(f"note: {note}", file=sys.stderr)
        print(f"page: {page}\nfixed manifest: {mended}")
        return 1 if found.leaks else 0


@dataclass(frozen=True)
class SynthData:
    """Make synthetic exams of four views with the truth about them, for tests and training.

    The same seed makes the same woman at every size. A set that was interrupted goes on.

    For example:
      mammoscope data synth --exams 20 --out synthetic/
      mammoscope data synth --exams 4 --out study/ --dicom --size 4096
      mammoscope data synth --exams 100 --out films/ --look film --density D --lesions 0
      mammoscope data synth --out one/ --exams 1 --story "C density, 9 mm spiculated mass, left
          upper outer, plus benign vascular calcification"
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="(required)")]
    """Folder for the pictures and the manifest."""
    exams: int = 10
    """How many women."""
    seed: int = 0
    """Of the first woman; the others follow."""
    size: int = 1024
    """Rows of each picture, 96 to 8192."""
    dicom: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Write DICOM studies instead of 8-bit PNG files."""
    syntax: str = "explicit"
    """Transfer syntax of DICOM, such as 'JPEG lossless SV1' or 'HTJ2K lossless'."""
    density: Literal["mixed", "A", "B", "C", "D"] = "mixed"
    """BI-RADS density of all breasts; mixed as in screening if not given."""
    look: Literal["mixed", "sharp", "soft", "bright", "flat", "film"] = "mixed"
    """A maker's processing, or film; different digital ones if not given."""
    lesions: float = 0.5
    """Share of women with a malignant lesion; as many have a benign one."""
    story: str | None = None
    """What every exam tells, in a report's words, instead of density and lesions."""

    def run(self) -> int:
        """Write the set; returns the exit code."""
        _needs_pandas()
        from mammoscope.data.synth_set import SetOptions, write_set

        density = None if self.density == "mixed" else self.density
        look = None if self.look == "mixed" else self.look
        made = write_set(
            self.out,
            SetOptions(
                self.exams,
                self.seed,
                self.size,
                self.syntax if self.dicom else None,
                density,
                look,
                self.lesions,
                self.story,
            ),
        )
        print("\n".join(summary(made)))
        print(f"manifest: {self.out / 'manifest.csv'}")
        return 0


@dataclass(frozen=True)
class InsertData:
    """Insert lesions into a data set's normal mammograms, so that their places are known exactly.

    Each picture keeps the patient of the image it was made from: folds by patient part neither.

    For example:
      mammoscope data insert rsna2022/ --out inserted/ --images 2400 --field-aspect 0.8125
    """

    manifest: tyro.conf.Positional[Path]
    """manifest.csv or its folder; its images without cancer or finding are used."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="(required)")]
    """Folder for the pictures and their manifest."""
    images: int = 1000
    """How many pictures."""
    seed: int = 0
    """Of the lesions and their places."""
    healthy: float = 0.2
    """Share left without a lesion."""
    field_aspect: float | None = None
    """True width / height of images that were squashed (rsna2022: 0.8125)."""
    workers: int = 2
    """Processes."""

    def run(self) -> int:
        """Write the set; returns the exit code."""
        _needs_pandas()
        from mammoscope.data.inserted_set import InsertedOptions, write_inserted
        from mammoscope.data.manifest import read_manifest

        options = InsertedOptions(
            self.images,
            self.seed,
            self.healthy,
            field_aspect=self.field_aspect,
            workers=self.workers,
        )
        made = write_inserted(self.out, read_manifest(self.manifest), options)
        print("\n".join(summary(made)))
        print(f"manifest: {self.out / 'manifest.csv'}")
        return 0


@dataclass(frozen=True)
class Data:
    """Data sets: list, prepare and split them, find their faults, make synthetic ones.

    For example:
      mammoscope data list
      mammoscope data prepare busi Dataset_BUSI_with_GT/
      mammoscope data check Dataset_BUSI_with_GT/
      mammoscope data split manifest.csv --folds 5
      mammoscope data synth --exams 20 --out synthetic/
      mammoscope data insert rsna2022/ --out inserted/
    """

    action: (
        Annotated[ListSources, tyro.conf.subcommand("list")]
        | Annotated[PrepareData, tyro.conf.subcommand("prepare")]
        | Annotated[CheckData, tyro.conf.subcommand("check")]
        | Annotated[SplitData, tyro.conf.subcommand("split")]
        | Annotated[SynthData, tyro.conf.subcommand("synth")]
        | Annotated[InsertData, tyro.conf.subcommand("insert")]
    )
    """What to do."""

    def run(self) -> int:
        """Do it; returns the exit code."""
        return self.action.run()


def summary(manifest: Manifest) -> list[str]:
    """Rows, patients and counts per class, a line each."""
    images = manifest.images
    lines = [f"images: {len(images)}", f"patients: {images['patient_id'].nunique()}"]
    for column in ("cancer", "pathology", "density", "birads", "split"):
        counts = images.loc[images[column] != "", column].value_counts().sort_index()
        if len(counts):
            told = ", ".join(f"{value} {count}" for value, count in counts.items())
            lines.append(f"{column}: {told}")
    if len(manifest.findings):
        kinds = manifest.findings["kind"].replace("", "unknown").value_counts()
        told = ", ".join(f"{value} {count}" for value, count in kinds.items())
        lines.append(f"findings: {len(manifest.findings)} ({told})")
    return lines


def _shortcuts(manifest: Manifest, label: str) -> list[tuple[str, float, float, float, int, str]]:
    """Rows of the probe for the page; none, with a word on stderr, where it cannot be done."""
    from mammoscope.data.probe import probe

    try:
        found = probe(manifest, label)
    except ConfigError as error:
        print(f"mammoscope: no shortcut probe: {error}", file=sys.stderr)
        return []
    told = "Tells the label without a breast: an AUC this high needs no cancer to be seen."
    return [
        (row.feature, row.auc, row.low, row.high, row.n, told if row.suspicious else "")
        for row in found
    ]


def _keep_foreign_tables(folder: Path) -> None:
    """A data set may bring a manifest.csv of its own, which must not be written over."""
    for file in (folder / "manifest.csv", folder / "findings.csv"):
        if not file.is_file():
            continue
        with file.open(encoding="utf-8", errors="replace") as table:
            ours = "label_text" in table.readline()
        if not ours:
            raise ConfigError(
                f"{file} is the data set's own table; choose another folder with --out."
            )


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise ConfigError(f"--option {wrong[0]}: give NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _needs_pandas() -> None:
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise MissingExtraError("`mammoscope data`", "data") from None

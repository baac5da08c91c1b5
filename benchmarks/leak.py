"""What a split by image is worth: one recipe's accuracies under it and under one by woman.

    R=configs/rsna2022_plain_cnn.toml
    mammoscope train $R --data rsna2022/ --out by_woman/
    mammoscope train $R task.group=image_path --data rsna2022/ --out by_image/
    python benchmarks/leak.py by_woman/ by_image/ --data rsna2022/ --out leak.svg

Reads `metrics.jsonl` and `predictions.csv` of each fold, trains nothing. The accuracy on what was
learned is that of an epoch while it went on. Intervals are 95 %, by bootstrap of women for both
splits, since the images of a woman are no independent cases whichever way they were parted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mammoscope.data.manifest import read_manifest
from mammoscope.evaluate.figures import COLOURS
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.metrics.resample import Interval, auc_intervals, patient_bootstrap
from mammoscope.metrics.roc import auc

SPLITS = ("parted by woman", "parted by image")
HEAD = (
    "images",
    "accuracy, learned from",
    "accuracy, held out",
    "AUC, held out",
    "always no",
    "held out of a woman learned from",
    "n",
)


@dataclass(frozen=True)
class Run:
    """One split's folds.

    Attributes:
        epochs: a row for each fold and epoch, as `metrics.jsonl` has them.
        cases: a row for each image held out: malignancy, cancer, patient_id, images_of_woman.
    """

    epochs: pd.DataFrame
    cases: pd.DataFrame

    @property
    def shared(self) -> float:
        """Share of held-out images of whose woman another image was learned from."""
        together = self.cases.groupby(["patient_id", "fold"])["fold"].transform("size")
        return float((together < self.cases["images_of_woman"]).mean())


def read_run(folder: Path, truth: pd.DataFrame) -> Run:
    """The finished folds in `folder`; `truth` has the columns of `Run.cases` beside malignancy."""
    logs = sorted(folder.glob("[0-9]*/metrics.jsonl"))
    if not logs:
        raise SystemExit(f"{folder}: no fold with metrics.jsonl; train it first.")
    lines = [json.loads(line) for log in logs for line in log.read_text("utf-8").splitlines()]
    parts = [pd.read_csv(log.with_name("predictions.csv")) for log in logs]
    cases = pd.concat(parts).merge(truth, on="image_path", validate="one_to_one")
    cases["cancer"] = cases["cancer"].astype(int)
    return Run(pd.DataFrame(lines), cases)


def measured(run: Run, resamples: int) -> list[str]:
    """The cells of one split, in the order of `HEAD`."""
    truth, score = run.cases["cancer"].to_numpy(), run.cases["malignancy"].to_numpy()
    women = run.cases["patient_id"].to_numpy(str)
    right = ((score >= 0.5) == truth).astype(float)
    spread = patient_bootstrap(lambda rows: float(right[rows].mean()), women, resamples)
    area = auc_intervals(truth, score, women, resamples)[0]
    last = run.epochs[run.epochs["epoch"] == run.epochs["of"]]
    return [
        f"{last['accuracy'].mean():.3f}",
        with_interval(right.mean(), spread),
        with_interval(auc(truth, score), area),
        f"{1 - truth.mean():.3f}",
        f"{run.shared:.0%}",
        f"{len(truth):,}",
    ]


def with_interval(value: float, interval: Interval) -> str:
    """Such as "0.600 (0.570 to 0.630)"."""
    return f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def drawn(runs: dict[str, Run], path: Path) -> None:
    """Write both splits' accuracies by epoch, side by side: the folds (thin) and their mean."""
    style = {"svg.hashsalt": "leak", "svg.fonttype": "none", "font.size": 9}
    with mpl.rc_context(style):
        figure = Figure((7.5, 3.2), layout="constrained")
        panels = figure.subplots(1, len(runs), sharey=True)
        for panel, (name, run) in zip(panels, runs.items(), strict=True):
            draw_panel(panel, run)
            panel.set(title=name, xlabel="epoch")
        panels[0].set_ylabel("accuracy, by image")
        panels[0].legend(frameon=False, loc="upper left")
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    write_atomic(path, buffer.getvalue())


def draw_panel(panel: Axes, run: Run) -> None:
    """Lines of one split."""
    columns = {"accuracy": "images learned from", "held_out_accuracy": "images held out"}
    for colour, (column, label) in zip((COLOURS[1], COLOURS[0]), columns.items(), strict=True):
        for _, fold in run.epochs.groupby("part"):
            panel.plot(fold["epoch"], fold[column], color=colour, linewidth=0.7, alpha=0.5)
        panel.plot(run.epochs.groupby("epoch")[column].mean(), color=colour, label=label)
    panel.axhline(
        1 - run.cases["cancer"].mean(), color="0.4", linestyle=":", label="always answering no"
    )
    panel.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Print the table and write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("by_woman", type=Path)
    parser.add_argument("by_image", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="SVG to write")
    parser.add_argument("--resamples", type=int, default=2000)
    args = parser.parse_args()
    truth = read_manifest(args.data).images[["image_path", "cancer", "patient_id", "black"]]
    truth = truth[truth["black"] != "True"]
    truth["images_of_woman"] = truth.groupby("patient_id")["patient_id"].transform("size")
    runs = {
        name: read_run(folder, truth)
        for name, folder in zip(SPLITS, (args.by_woman, args.by_image), strict=True)
    }
    drawn(runs, args.out)
    print(grid(HEAD, [[name, *measured(run, args.resamples)] for name, run in runs.items()]))


if __name__ == "__main__":
    main()

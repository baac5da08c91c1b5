"""What the try-it page says of an exam: probabilities by name, and words as safe HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import PurePath

from mammoscope.outputs import wording
from mammoscope.outputs.wording import percent
from mammoscope.types import ExamReport, ImageReport, RegionReport


def malignancies(report: ExamReport) -> dict[str, float]:
    """Probability of cancer of each breast and of the exam."""
    named = {wording.BREAST_WORDS[side]: report.breasts[side].malignancy for side in report.breasts}
    return {n: p for n, p in {**named, "Exam": report.malignancy}.items() if p is not None}


def densities(report: ExamReport) -> dict[str, float]:
    """Probability of each density grade; empty if it is not known."""
    if report.density is None:
        return {}
    pairs = zip(wording.DENSITY_WORDS.items(), report.density.probabilities, strict=True)
    return {f"{grade}: {words}": p for (grade, words), p in pairs}


def ultrasounds(report: ExamReport) -> dict[str, float]:
    """Probability of each class of the ultrasound pictures."""
    answers = [image.ultrasound for image in report.images if image.ultrasound is not None]
    if len(answers) == 1:
        return dict(answers[0].probabilities)
    return {
        f"Picture {at}, {name}": probability
        for at, answer in enumerate(answers, start=1)
        for name, probability in answer.probabilities.items()
    }


def caption(image: ImageReport) -> str:
    """Under a picture: its view and malignancy."""
    said = "not judged" if image.malignancy is None else f"malignancy {percent(image.malignancy)}"
    return f"{wording.view_name(image)}: {said}"


def verdict(report: ExamReport) -> str:
    """The flag, the numbers it comes from, and whether the program is sure; HTML."""
    ultrasound = [image.ultrasound for image in report.images if image.ultrasound is not None]
    if report.malignancy is None and ultrasound:
        said = "; ".join(
            f"{a.likeliest} {percent(a.probabilities[a.likeliest])}" for a in ultrasound
        )
        return _block("Ultrasound", [f"Likeliest class: {said}."])
    lines = [wording.verdict_detail(report)]
    if report.malignancy_interval is not None:
        lines.append(
            f"Interval of the share with cancer: {wording.interval(report.malignancy_interval)}."
        )
    if report.density is not None:
        grade = report.density.grade
        lines.append(f"Breast density {grade}: {wording.DENSITY_WORDS[grade]}.")
    if report.sure is False and report.not_sure is not None:
        lines.append(f"Not sure. {wording.not_sure_detail(report.not_sure)}")
    return _block(wording.verdict(report), lines)


def _block(heading: str, lines: Sequence[str]) -> str:
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="verdict-words" role="status"><h2>{escape(heading)}</h2>{said}</div>'


def notes(report: ExamReport, names: Mapping[str, str]) -> str:
    """A table of the images: file, malignancy, findings, warnings and refusals; HTML."""
    heads = ("Image", "Your file", "Malignancy", "What to know")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(_row(image, report, names) for image in report.images)
    warnings = "".join(f"<p>{escape(named(text, names))}</p>" for text in report.warnings)
    return f"{warnings}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(image: ImageReport, report: ExamReport, names: Mapping[str, str]) -> str:
    lines = [f"<div>{escape(named(text, names))}</div>" for text in image.warnings]
    for finding in image.findings:
        where = wording.place(finding, report)
        said = f"{finding.label} place, score {percent(finding.score)}"
        lines.append(f"<div>{escape(said + (f': {where}' if where else ''))}</div>")
    if image.refused is not None:
        lines.insert(0, f'<div class="refused">{escape(named(image.refused, names))}</div>')
    name = names.get(image.path, PurePath(image.path).name)
    cells = (escape(wording.view_name(image)), escape(name), escape(percent(image.malignancy)))
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{told}<td>{''.join(lines)}</td></tr>"


def region_answer(found: RegionReport) -> str:
    """What is said of a region; HTML."""
    low, high = found.malignancy_range
    point = found.answer.operating_point
    side = "at or above" if found.answer.flag else "below"
    said = (
        f"Looks {found.answer.likeliest}. Malignancy {percent(found.answer.malignancy)}, {side} "
        f"the operating point ({percent(point.threshold)}); {percent(low)} to {percent(high)} when "
        "the box is moved a little."
    )
    return f'<p role="status">{escape(said)}</p>'


def named(text: str, names: Mapping[str, str]) -> str:
    """With the visitor's own names of the files instead of ours."""
    for path, name in names.items():
        text = text.replace(path, name)
    return text

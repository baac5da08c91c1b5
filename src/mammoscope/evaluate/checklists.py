"""The items of two reporting guidelines, filled from a run, with the unfilled ones named.

CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300, 44 items.
TRIPOD+AI: Collins et al., BMJ 2024;385:e078378, 27 items in 52 parts.

The items are told in our own short words; the papers hold what each really asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mammoscope.evaluate import evidence
from mammoscope.evaluate.wording import Report

CLAIM_SOURCE = "CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300"
TRIPOD_SOURCE = "TRIPOD+AI: Collins et al., BMJ 2024;385:e078378"

State = Literal["filled", "in part", "unfilled"]


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Attributes:
        number: as the guideline counts.
        section: of a paper.
        asks: what it asks for, in our words.
        answer: what the run shows of it; "" if nothing.
        lacks: what is still to be said where the run shows a part; "" if nothing.
    """

    number: str
    section: str
    asks: str
    answer: str
    lacks: str

    @property
    def state(self) -> State:
        """How much of it the run answers."""
        if not self.answer:
            return "unfilled"
        return "in part" if self.lacks else "filled"


def claim(report: Report) -> tuple[Item, ...]:
    """The 44 items of CLAIM 2024, filled from what `written.write_all` takes."""
    return _items(_CLAIM, report)


def tripod(report: Report) -> tuple[Item, ...]:
    """The 52 parts of TRIPOD+AI's 27 items, filled from what `written.write_all` takes.

    "(D)" marks what the guideline asks of a model's development alone, "(E)" of its evaluation.
    """
    return _items(_TRIPOD, report)


def _items(rows: tuple[tuple[str, ...], ...], report: Report) -> tuple[Item, ...]:
    shown = evidence.gather(report)
    found = []
    for number, section, asks, key, lacks in rows:
        answer = shown.get(key, "")
        found.append(Item(number, section, asks, answer, lacks if answer else ""))
    return tuple(found)


# number, section, what it asks, key of the evidence ("" for what no run can show), what that lacks
_CLAIM = (
    ("1", "Title", "Title names the AI technique", "", ""),
    ("2", "Abstract", "Structured summary", "abstract", ""),
    ("3", "Introduction", "Background and clinical role", "context", ""),
    ("4", "Introduction", "Aims and hypotheses", "objectives", ""),
    ("5", "Study design", "Prospective or retrospective", "design", ""),
    ("6", "Study design", "Goal of the study", "goal", ""),
    ("7", "Data", "Data sources", "data", ""),
    ("8", "Data", "Who and what was eligible", "eligibility", ""),
    ("9", "Data", "Preprocessing", "preprocessing", ""),
    ("10", "Data", "Choice of data subsets", "subset", ""),
    ("11", "Data", "De-identification", "identification", ""),
    ("12", "Data", "Missing data", "exclusions", "what was missing before the run"),
    ("13", "Data", "How images were acquired", "acquisition", "the acquisition protocol"),
    ("14", "Reference standard", "Definition of the reference standard", "outcome", ""),
    ("15", "Reference standard", "Reason for this reference standard", "rationale", ""),
    ("16", "Reference standard", "Who annotated", "annotators", ""),
    ("17", "Reference standard", "How the test set was annotated", "annotation tools", ""),
    ("18", "Reference standard", "Agreement between annotators", "variability", ""),
    ("19", "Data partitions", "How cases were assigned to parts", "split", "how, and why so"),
    ("20", "Data partitions", "Level at which the parts share nothing", "level", ""),
    ("21", "Testing data", "Size of the test set and its reason", "counts", "why this size"),
    ("22", "Model", "Architecture", "architecture", "its layers, inputs and outputs in full"),
    ("23", "Model", "Software and versions", "software", "what the model itself was made with"),
    ("24", "Model", "Initial weights", "start", "where they came from"),
    ("25", "Training", "Training in detail", "training", "augmentation and all other settings"),
    ("26", "Training", "Choice of the final model", "selection", ""),
    ("27", "Training", "How an ensemble was made", "ensemble", ""),
    ("28", "Evaluation", "Performance metrics", "metrics", ""),
    ("29", "Evaluation", "Uncertainty and significance", "uncertainty", ""),
    ("30", "Evaluation", "Robustness", "subgroups", "changes of the input or the settings"),
    ("31", "Evaluation", "Explainability", "", ""),
    ("32", "Evaluation", "Testing on internal data", "kind of test", ""),
    ("33", "Evaluation", "Testing on external data", "", ""),
    ("34", "Evaluation", "Trial registration", "registration", ""),
    ("35", "Results, data", "Cases included and left out", "flow", "a flow diagram from the start"),
    ("36", "Results, data", "Who the patients were", "subgroups", "demographics of each part"),
    ("37", "Results, performance", "Performance on each part", "performance", "training data"),
    ("38", "Results, performance", "Accuracy with its precision", "intervals", ""),
    ("39", "Results, performance", "Analysis of failures", "failures", "why these cases failed"),
    ("40", "Discussion", "Limitations", "notes", "limits of the study as a whole"),
    ("41", "Discussion", "What it means for practice", "implications", ""),
    ("42", "Other information", "Full protocol", "protocol", ""),
    ("43", "Other information", "Where software, model and data are", "availability", ""),
    ("44", "Other information", "Funding", "funding", ""),
)

_TRIPOD = (
    ("1", "Title", "Title names the kind of study, population and outcome", "", ""),
    ("2", "Abstract", "Abstract by its own list", "abstract", ""),
    ("3a", "Introduction", "Healthcare context and existing models", "context", ""),
    ("3b", "Introduction", "Population, purpose and users", "population", ""),
    ("3c", "Introduction", "Known health inequalities", "inequalities", ""),
    ("4", "Introduction", "Objectives: development, evaluation or both", "objectives", ""),
    ("5a", "Data", "Sources of the data", "data", "why these data, and whom they stand for"),
    ("5b", "Data", "Dates of the data", "dates", ""),
    ("6a", "Participants", "Setting and centres", "setting", ""),
    ("6b", "Participants", "Who was eligible", "eligibility", ""),
    ("6c", "Participants", "Treatments", "treatments", ""),
    ("7", "Data preparation", "Preparation and checks", "preprocessing", "whether alike in groups"),
    ("8a", "Outcome", "Definition and horizon of the outcome", "outcome", "when it was assessed"),
    ("8b", "Outcome", "Who assessed the outcome", "annotators", ""),
    ("8c", "Outcome", "Blinding of the outcome's assessment", "blinding", ""),
    ("9a", "Predictors", "Choice of predictors (D)", "", ""),
    ("9b", "Predictors", "Definition and measurement of predictors", "elements", ""),
    ("9c", "Predictors", "Who assessed the predictors", "", ""),
    ("10", "Sample size", "How the sample size came about", "power", ""),
    (
        "11",
        "Missing data",
        "How handled, what was left out",
        "exclusions",
        "what came before the run",
    ),
    ("12a", "Analysis", "How the data were divided (D)", "split", "how, and why so"),
    ("12b", "Analysis", "Handling of predictors (D)", "preprocessing", ""),
    ("12c", "Analysis", "Model, its building and tuning (D)", "training", "every step of building"),
    ("12d", "Analysis", "Differences between clusters", "heterogeneity", "how they were handled"),
    ("12e", "Analysis", "Measures and plots of performance", "metrics", "why these"),
    ("12f", "Analysis", "Updating of the model (E)", "updating", ""),
    ("12g", "Analysis", "How predictions were made (E)", "predictions", "the model's own code"),
    ("13", "Class imbalance", "What was done about class imbalance", "balance", "why"),
    ("14", "Fairness", "What was done for fairness", "fairness", ""),
    ("15", "Model output", "Output and thresholds (D)", "output", "why these thresholds"),
    ("16", "Training against evaluation", "How development and evaluation data differ", "", ""),
    ("17", "Ethical approval", "Ethics committee and consent", "ethics", ""),
    ("18a", "Open science", "Funding", "funding", ""),
    ("18b", "Open science", "Conflicts of interest", "conflicts", ""),
    ("18c", "Open science", "Protocol", "protocol", ""),
    ("18d", "Open science", "Registration", "registration", ""),
    ("18e", "Open science", "Where the data are", "availability", ""),
    (
        "18f",
        "Open science",
        "Where the code of the analysis is",
        "analysis",
        "the model's own code",
    ),
    ("19", "Patient and public involvement", "Part of patients and public", "involvement", ""),
    (
        "20a",
        "Participants",
        "Flow of participants, with and without cancer",
        "flow",
        "a diagram from the start",
    ),
    (
        "20b",
        "Participants",
        "Characteristics of the participants",
        "subgroups",
        "a table of demographics",
    ),
    ("20c", "Participants", "Comparison with the development data (E)", "", ""),
    ("21", "Model development", "Cases and cancers in each analysis", "counts", ""),
    ("22", "Model specification", "The full model (D)", "", ""),
    ("23a", "Model performance", "Performance with intervals", "intervals", "which groups are key"),
    (
        "23b",
        "Model performance",
        "Differences of performance between clusters",
        "heterogeneity",
        "",
    ),
    ("24", "Model updating", "Results of updating the model (E)", "updating", "the updated model"),
    ("25", "Interpretation", "What the results mean", "interpretation", ""),
    ("26", "Limitations", "Limitations", "notes", "limits of the study as a whole"),
    ("27a", "Usability", "Poor or absent input (D)", "input quality", ""),
    ("27b", "Usability", "What users must do and know (D)", "user skill", ""),
    ("27c", "Usability", "Next steps", "next steps", ""),
)

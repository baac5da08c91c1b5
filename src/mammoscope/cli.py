"""The command line: parses it, runs the command, turns what went wrong into a sentence.

Exit codes: 0 all done; 1 some items failed, each named with its reason; 2 usage or
configuration; 3 nothing readable; 130 interrupted; 141 the reader of our output went away.
stdout carries results only, everything else goes to stderr.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, Union

import mammoscope
from mammoscope.cli_batch import Batch
from mammoscope.cli_compare import Compare
from mammoscope.cli_data import Data
from mammoscope.cli_evaluate import Evaluate
from mammoscope.cli_models import Models
from mammoscope.cli_predict import Demo, Predict
from mammoscope.cli_serve import Serve
from mammoscope.cli_train import Train
from mammoscope.doctor import Doctor
from mammoscope.errors import ConfigError, MammoscopeError, MissingExtraError, WeightsError

OK, SOME_FAILED, USAGE, NOTHING_READABLE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141

Command = Demo | Predict | Batch | Serve | Data | Train | Compare | Models | Evaluate | Doctor
COMMANDS: dict[str, type[Command]] = {
    "demo": Demo,
    "predict": Predict,
    "batch": Batch,
    "serve": Serve,
    "data": Data,
    "train": Train,
    "compare": Compare,
    "evaluate": Evaluate,
    "models": Models,
    "doctor": Doctor,
}

DESCRIPTION = """Reads mammograms: how likely a cancer, where, and how dense the breast.
Research and education use; it supports a reader and replaces none.
  mammoscope demo                        reads the exam that ships with the program
  mammoscope predict study/ --out out/   reads files and folders, DICOM or images
  mammoscope batch archive/ --out out/   many exams into tables; --resume goes on
  mammoscope serve --open                reading room, try-it page and API on this machine
  mammoscope data list                   public data sets that become manifests
  mammoscope train RECIPE --data d/ --out run/       trains a network by cross-validation
  mammoscope compare RECIPE RECIPE --data d/ --out league/   trains both: which is better?
  mammoscope evaluate p.csv --truth m.csv --out r/   a report with intervals by patient
  mammoscope COMMAND --help              all options of a command, with examples
  mammoscope --version                   prints the version
--debug, anywhere on the line, or MAMMOSCOPE_DEBUG=1 shows warnings and tracebacks in full.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words after the program's name; those of the process if None.

    Returns:
        The exit code.

    Raises:
        SystemExit: from the parser, 0 after help and 2 after a usage error.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = _take_debug(words)
    _prepare_streams(debug)
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would raise again when the interpreter closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the program's outermost border
        return _explain(error, debug)
    return code


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        print(f"mammoscope {mammoscope.__version__}")
        return OK
    import tyro

    command = tyro.cli(
        _command_type(words[0] if words else None),
        prog="mammoscope",
        description=DESCRIPTION,
        args=words or ["--help"],
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )
    return int(command.run())


def _command_type(chosen: str | None) -> Any:
    """The union of all commands; each has one line in the overview, the chosen one all its text."""
    from tyro.conf import subcommand

    members = []
    for name, command in COMMANDS.items():
        text = (command.__doc__ or "").strip()
        description = None if name == chosen else text.splitlines()[0]
        members.append(Annotated[command, subcommand(name, description=description)])
    return Union[tuple(members)]  # noqa: UP007 - made of a list


def _take_debug(words: list[str]) -> bool:
    """Whether tracebacks are wanted; takes --debug out of `words`."""
    asked = "--debug" in words
    while "--debug" in words:
        words.remove("--debug")
    return asked or os.environ.get("MAMMOSCOPE_DEBUG", "0") not in ("", "0")


def _prepare_streams(debug: bool) -> None:
    """File names may hold anything, and libraries' own chatter may quote what files hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if debug:
        os.environ["MAMMOSCOPE_DEBUG"] = "1"
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def _explain(error: Exception, debug: bool) -> int:
    """Say on stderr what went wrong; returns the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, MammoscopeError):
        print(f"mammoscope: {error}", file=sys.stderr)
        usage = isinstance(error, ConfigError | WeightsError | MissingExtraError)
        return USAGE if usage else SOME_FAILED
    # Only the kind of an unforeseen error: its text may quote what a file holds.
    remedy = "" if debug else "; run the command again with --debug to see where it happened"
    print(f"mammoscope: unexpected {type(error).__name__}{remedy}.", file=sys.stderr)
    return SOME_FAILED

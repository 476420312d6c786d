"""The command line: one verb a job, each in the file of its name, imported only when it is called."""

import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

import danq
from danq.errors import DanqError, printable, reason_of_system
from danq.processes import Stopped, stop

VERBS = {
    "init": "Look at one FASTA and tracks, and write a starter configuration.",
    "config": "Check a configuration, or print its JSON schema.",
    "workflow": "Run all of a configuration, by Snakemake.",
    "genome": "Encode a FASTA as one byte a base.",
    "dataset": "Label the bins of a genome, or read labelled sequences.",
    "train": "Train a model on a dataset.",
    "trial": "Train one trial of a run's search.",
    "search": "Choose among the trials of a run's search.",
    "sign": "Sign a bundle with an SSH key.",
    "export": "Write a bundle as one file, for others.",
    "predict": "Predict a split, a FASTA or BED regions.",
    "evaluate": "Compute metrics and curves of predictions.",
    "score": "Score the alleles of a VCF.",
    "background": "Score common variants, for e-values.",
    "ism": "Mutate every base of regions: table, tracks, heat maps.",
    "view": "Look at regions: predictions along them, and the tracks' peaks.",
    "report": "Write the report of a results directory.",
    "verify": "Check results against their digests, and score golden rows again.",
    "browse": "Write a page of igv.js with the regions that were looked at.",
    "freeze": "Freeze a finished run of the workflow as a capsule.",
    "replay": "Run the workflow again from a capsule, and compare what comes out.",
    "summary": "Show the layers and parameters of a run's model.",
    "doctor": "Show what this machine offers: devices, libraries, the fast recurrent path.",
}
"""Every verb and its line of help; verb `x` is the function or typer application `x` of danq/cli/x.py."""


class _Verbs(TyperGroup):
    """Commands found by name in `VERBS`, so that `danq --help` imports none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        verb = getattr(importlib.import_module(f"danq.cli.{cmd_name}"), cmd_name)
        if not isinstance(verb, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name)(verb)
            verb = single
        command = typer.main.get_command(verb)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"danq {danq.__version__}")
        raise typer.Exit


@app.callback(help="DNA sequence classification: genome, dataset, training, predictions, report.")
def _danq(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print warnings and errors only."),
    verbose: bool = typer.Option(
        False, "--verbose", "-v", help="Print what TensorFlow and its libraries say at their start, too."
    ),
) -> None:
    if verbose:
        # TensorFlow's own variable, before anything imports it
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler])


class _Printable(logging.Formatter):
    """Lines that hold names out of files: nothing in them reaches the terminal as anything but text."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))


def _fill_streams() -> None:
    """Open what the caller closed of standard input, output and error.

    Otherwise the next file that is opened would take its number, and lines of libraries would end up in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # the lowest number that is free
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115


def main() -> None:
    """Run the command line; a `DanqError` becomes one line on stderr and exit status 2."""
    _fill_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup has hang-ups ignored
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        try:
            app()
        finally:
            # here rather than by Python at its end, which tells a full disk in lines of its own
            sys.stdout.flush()
    except Stopped as stopped:
        if not stopped.told:
            logging.getLogger("danq").warning(f"stopped by {stopped.name}; the same command begins again")
        raise
    except DanqError as error:
        _refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name not in ("tensorflow", "keras"):
            raise
        _refuse("expected TensorFlow, which is not installed; pip install tensorflow keras")
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        # what the system refuses is the user's to mend; the rest is a fault of danq and shows its traceback
        reason = reason_of_system(error)
        if reason is None:
            raise
        _refuse(reason)


def _refuse(message: str) -> NoReturn:
    with suppress(OSError):
        sys.stderr.write(f"danq: {printable(message)}\n")
    sys.exit(2)

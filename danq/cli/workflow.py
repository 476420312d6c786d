"""`danq workflow`: the whole workflow, run by the Snakemake beside danq."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from danq.capsule.workflow import workflow_folder
from danq.errors import DanqError


def workflow(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="What Snakemake is given, after `--`.", metavar="-- SNAKEMAKE'S ARGUMENTS"),
    ] = None,
    configfile: Annotated[
        list[Path] | None,
        typer.Option(
            help="Configuration; may be repeated. config/config.yaml of this directory if left out.",
            metavar="FILE",
        ),
    ] = None,
    path: Annotated[
        bool, typer.Option("--path", help="Print the path of the Snakefile, and run nothing.")
    ] = False,
    profiles: Annotated[
        bool,
        typer.Option(
            "--profiles",
            help="Print the folder of the profiles, to be used by name (-- --workflow-profile slurm) or "
            "copied and adapted, and run nothing.",
        ),
    ] = False,
) -> None:
    """Run the workflow in this directory: genomes, datasets, runs, scores and report of a configuration.

    `danq workflow --configfile my.yaml -- --cores all` needs no copy of the project: Snakefile, rules and
    profiles come with danq. Snakemake's exit status is passed on. The paths of a configuration are relative
    to this directory, and results/ is written here.
    """
    snakefile = workflow_folder() / "Snakefile"
    if path or profiles:
        typer.echo(snakefile.parent / "profiles" if profiles else snakefile)
        return
    if importlib.util.find_spec("snakemake") is None:
        raise DanqError("danq workflow: needs snakemake: pip install 'snakemake[reports]'")
    command = [sys.executable, "-P", "-m", "snakemake"]
    if configfile:
        from danq.config.reading import read_mapping

        for file in configfile:
            read_mapping(file)
        command += ["--configfile", *map(str, configfile)]
    # the Snakefile stands last, for Snakemake takes all that follows --configfile for files
    command += ["--snakefile", str(snakefile), *(arguments or [])]
    # jobs call `danq`, which is not always beside Python, nor found otherwise: pip install --user
    folders = [os.path.dirname(os.path.realpath(sys.argv[0])), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(folders)
    # in place of this process: signals reach Snakemake, and its exit status is the command's
    os.execv(command[0], command)

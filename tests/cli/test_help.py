"""The command line's frame: help for every verb, one line and status 2 for a user's mistake."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from verbs import danq_process

from danq.cli import VERBS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return danq_process(*arguments, cwd=Path.cwd())


def test_help_lists_every_verb_without_importing_one() -> None:
    program = "import sys; sys.argv = ['danq', '--help']\nfrom danq.cli import main\n"
    program += "try: main()\nexcept SystemExit: pass\n"
    program += (
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'numpy', 'polars', 'danq.cli.train')))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    for verb, line in VERBS.items():
        assert verb in shown.stdout
        assert line.split()[0] in shown.stdout


def test_a_checkout_that_is_not_installed_says_so(repository: Path) -> None:
    words = [sys.executable, "-S", "-c", "import danq; print(danq.__version__)"]
    told = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=True)
    assert told.stdout == "unknown (not installed)\n"
    assert run("--version").stdout == f"danq {version('danq')}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_each_of_its_options(verb: str, danq, capsys) -> None:
    assert danq(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert "Usage: " in shown
    lines = shown.splitlines()
    options = [line for line in lines if line.strip().startswith("--")]
    # a group has subcommands instead, and one verb has nothing to choose
    assert options or verb in ("config", "doctor")
    for line in options:
        position = lines.index(line)
        explained = len(line.split("  ")) > 2 or (
            position + 1 < len(lines) and lines[position + 1].startswith(" " * 10)
        )
        assert explained, f"danq {verb}: no help for {line.strip()}"


def test_a_default_that_is_told_in_words_is_shown(danq, capsys) -> None:
    assert danq("predict", "--help") == danq("ism", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "[default: as the run was configured]" in shown
    assert "[default: 20]" in shown


def test_an_unknown_verb_is_refused() -> None:
    refused = run("genomes")
    assert refused.returncode == 2
    assert "genomes" in refused.stderr


def test_a_mistake_gives_one_line_and_status_2() -> None:
    refused = run("genome", "nowhere.fa", "--out", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == ["danq: nowhere.fa: no such file"]


def test_quiet_tells_of_what_is_wrong_only(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(">chrI\nACGT\n")
    for words, told in ((["-q"], False), ([], True)):
        done = run(*words, "genome", str(tmp_path / "g.fa"), "--out", str(tmp_path / f"g{told}"))
        assert (done.returncode, "1 contigs, 4 bp" in done.stderr, bool(done.stderr)) == (0, told, told)


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("danq 0.")

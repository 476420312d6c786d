"""The report: one self-contained HTML page, drawn by MultiQC from danq's own sections."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from danq.files import atomic, write_json
from danq.report import compare, data, scores, targets
from danq.report import runs as of_runs
from danq.report.content import Section, text
from danq.report.results import Results, read_results

_HERE = Path(__file__).parent
_STYLE, _SCRIPT = _HERE / "page.css", _HERE / "page.js"
_TITLES = {
    "dna": "DNA sequence classification",
    "text": "Text classification",
    "image": "Image classification",
}
_NAMES = {"Created with MultiQC": "", "MultiQC Toolbox": "Toolbox", "MultiQC reports": "Reports"}
_FOREIGN = (
    *('id="mqc_about"', 'id="mqc_citations"', 'id="mqc_ai"', 'class="footer '),
    *('class="multiqc-logo-wrapper"', 'id="general_stats_table_ai_summary_wrapper"'),
)
"""Marks of the parts of a page that tell of MultiQC and its makers rather than of the results."""


def write_report(results: Path, out: Path, runs: Sequence[str] = (), callsets: Collection[str] = ()) -> None:
    """Gather everything a results directory holds into one HTML file that needs no network.

    Parts of the directory may be missing. `runs` and `callsets` are as in `read_results`.

    Raises
    ------
    DanqError
        If there is no run or something named is missing, or a file of the results is damaged.
    """
    read = read_results(results, runs, callsets)
    with tempfile.TemporaryDirectory() as folder, atomic(out) as partial:
        drawn = _draw(sections(read), _configuration(read), Path(folder))
        partial.write_text(_finish(drawn, _title(read)), encoding="utf-8")


def sections(results: Results) -> list[Section]:
    """Make the sections of the report in their order, without empty ones."""
    made = [
        of_runs.side_by_side(results),
        compare.overview(results),
        compare.differences(results),
        *compare.by_target(results),
        compare.scatter(results),
        of_runs.calls(results),
        *targets.per_target(results),
        targets.curves(results, "roc"),
        targets.curves(results, "pr"),
        targets.calibration(results),
        data.leakage(results),
        *scores.scores(results),
        of_runs.training(results),
        data.balance(results),
        data.data(results),
        of_runs.throughput(results),
        of_runs.jobs(results),
        data.options(results),
        data.provenance(results),
        data.provenance_of_scores(results),
    ]
    return [section for section in made if section is not None]


def _configuration(results: Results) -> dict[str, Any]:
    return {
        "title": _title(results),
        "subtitle": text(", ".join(results.families())),
        "intro_text": _introduction(results),
        "show_analysis_paths": False,
        "show_analysis_time": True,
        "skip_generalstats": True,
        "skip_versions_section": True,
        "no_ai": True,
        "no_version_check": True,
        "make_data_dir": False,
        "fn_clean_sample_names": False,
        "max_table_rows": 1_000_000,
        "plots_defer_loading_numseries": 1_000_000,
        "num_datasets_plot_limit": 1_000_000,
        "plots_flat_numseries": 1_000_000,
        "decimalPoint_format": ".",
        "thousandsSep_format": ",",
        "table_cond_formatting_rules": {"all_columns": {}},
        "seqera_api_url": "",
        "seqera_website": "",
        "custom_css_files": [str(_STYLE)],
        "log_filesize_limit": 2_000_000_000,
    }


def _title(results: Results) -> str:
    kinds = {manifest.data_kind for manifest in results.datasets.values()} or {"dna"}
    return _TITLES[kinds.pop()] if len(kinds) == 1 else "Classification"


def _introduction(results: Results) -> str:
    families = results.families()
    counts = {"run": len(results.groups), "dataset": len(families)}
    introduction = " on ".join(f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items())
    introduction += f", {len(results.runs)} trainings." if len(results.runs) > counts["run"] else "."
    for name, here in families.items():
        best = max(here, key=compare.mean_auroc)
        if (area := compare.mean_auroc(best)) >= 0:
            introduction += f" Highest mean AUROC on {text(name)}: {text(best.name)}, {area:.3f}."
    return introduction


def _draw(made: list[Section], configuration: dict[str, Any], folder: Path) -> str:
    """Run MultiQC on the sections, cut off from the user's own MultiQC settings and from the network."""
    content, home = folder / "content", folder / "home"
    content.mkdir()
    home.mkdir()
    for section in made:
        written = json.dumps(section.content(), ensure_ascii=False, allow_nan=False)
        (content / f"{section.id}_mqc.json").write_text(written, encoding="utf-8")
    order = {"custom_content": {"order": [section.id for section in made]}}
    write_json(folder / "multiqc.yaml", configuration | order)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MULTIQC_")}
    command = [sys.executable, "-m", "multiqc", str(content), "--config", str(folder / "multiqc.yaml")]
    command += ["--module", "custom_content", "--outdir", str(folder / "out"), "--filename", "report.html"]
    command += ["--no-version-check", "--no-ansi", "--no-data-dir", "--strict"]
    own = kept | {"HOME": str(home)}
    finished = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
    page = folder / "out" / "report.html"
    if finished.returncode != 0 or not page.is_file():
        raise RuntimeError(f"MultiQC could not draw the report:\n{finished.stdout}{finished.stderr}")
    return page.read_text(encoding="utf-8")


def _finish(page: str, title: str) -> str:
    """Name the page after its contents, add the search of tables, and take out links to elsewhere."""
    page = re.sub(r"<title>.*?</title>", f"<title>{title}</title>", page, count=1, flags=re.DOTALL)
    page = re.sub(r'<meta name="(description|author)"[^>]*>', "", page)
    page = re.sub(r"<!--(?!\[).*?-->", "", page, count=1, flags=re.DOTALL)
    for name, own in _NAMES.items():
        page = page.replace(name, own)
    for mark in _FOREIGN:
        page = _without(page, mark)
    # scripts stay as they are: only links that a reader could follow are meant
    parts = re.split(r"(<script\b.*?</script>)", page, flags=re.DOTALL)
    parts[::2] = [re.sub(r'\s(href|action)="https?://[^"]*"', "", part) for part in parts[::2]]
    script = f"<script>\n{_SCRIPT.read_text(encoding='utf-8')}</script>\n"
    head, end, tail = "".join(parts).rpartition("</body>")
    return head + script + end + tail


def _without(page: str, mark: str) -> str:
    """Take out the `div` whose opening tag holds `mark`, with all in it; nothing where there is none."""
    opening = re.search(r"<div\b[^>]*" + re.escape(mark), page)
    if not opening:
        return page
    depth = 0
    for tag in re.compile(r"<(/?)div\b").finditer(page, opening.start()):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return page[: opening.start()] + page[page.index(">", tag.end()) + 1 :]
    return page

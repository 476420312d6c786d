"""Datasets of texts and images in the plan of the workflow."""

from tests.workflow.conftest import Project

CONFIG = """\
datasets:
  said: {kind: text, examples: data/said.tsv, split: {valid: 0.2, test: 0.2}}
  seen: {kind: image, examples: data/seen, split: {valid: 0.2, test: 0.2}}
runs:
  reader: {model: bilstm_conv2d, dataset: said}
  viewer: {model: quadrant_lstm, dataset: seen}
"""


def test_texts_and_folders_of_images_are_planned(project: Project):
    project.configure(CONFIG)
    (project.path / "data" / "said.tsv").write_text("text\tlabel\n")
    for name in ("cat", "dog"):
        (project.path / "data" / "seen" / name).mkdir(parents=True)
        (project.path / "data" / "seen" / name / "1.png").touch()
    done = project.snakemake("--dry-run")
    assert done.returncode == 0, done.stdout
    assert "input: data/seen/cat/1.png, data/seen/dog/1.png" in done.stdout
    assert "results/datasets/seen/images.npy" in done.stdout
    assert "results/datasets/said/codes.npy" not in done.stdout
    # rows without another strand are read once, whatever the default is for DNA
    assert done.stdout.count("--reverse-complement none") == 4
    planned = {f"{job}/{run}" for job in ("train", "evaluate") for run in ("reader", "viewer")}
    assert planned | {"dataset/said", "dataset/seen"} <= project.planned()

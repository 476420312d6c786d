"""Rows of large results, by which a replay says how much they differ."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from danq.capsule.compare import compare_results
from danq.capsule.manifest import CapsuleManifest, Stored
from danq.capsule.samples import ROW, ROWS, sample
from danq.files import sha256


def write(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, logits=values.astype(np.float32).reshape(-1, 1), targets=np.array(["a"]))
    else:
        pl.DataFrame({"row": np.arange(len(values)), "score": values}).write_parquet(path, row_group_size=700)
    return path


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
@pytest.mark.parametrize("n", [0, 1, 5, ROWS, 4321])
def test_rows_are_evenly_spread_and_the_same_every_time(tmp_path, suffix, n):
    path = write(tmp_path / f"x.{suffix}", np.linspace(0, 1, n))
    content = sample(path)
    assert content == sample(path)
    (tmp_path / f"y.{suffix}").write_bytes(content)
    if suffix == "parquet":
        rows = pl.read_parquet(tmp_path / "y.parquet")
        assert rows["row"].to_list() == rows[ROW].to_list()
        numbers = rows[ROW].to_list()
    else:
        with np.load(tmp_path / "y.npz") as arrays:
            numbers = arrays[ROW].tolist() if n > 1 else list(range(n))
            assert n < 2 or np.array_equal(
                arrays["logits"][:, 0], np.linspace(0, 1, n, dtype=np.float32)[numbers]
            )
    assert len(numbers) == min(n, ROWS)
    assert n == 0 or (numbers[0], numbers[-1]) == (0, n - 1)


def test_other_files_and_damaged_ones_have_no_sample(tmp_path):
    (tmp_path / "x.tsv").write_text("a\n")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    (tmp_path / "x.npz").write_bytes(b"PK")
    np.savez(tmp_path / "empty.npz")
    content = write(tmp_path / "y.npz", np.zeros(9)).read_bytes().replace(b"NUMPY", b"NUMPX")
    (tmp_path / "y.npz").write_bytes(content)
    names = ("x.tsv", "x.parquet", "x.npz", "y.npz", "empty.npz")
    assert [sample(tmp_path / name) for name in names] == [None] * len(names)


@pytest.mark.parametrize(
    ("change", "status"),
    [(0.0, "equal"), (2e-6, "equal within tolerance"), (0.5, "differs"), (None, "differs")],
)
def test_a_large_result_is_compared_by_its_sample(tmp_path, change, status):
    name, values = "scores/x/scores.parquet", np.linspace(0, 1, 5000)
    before = write(tmp_path / "before" / name, values)
    (tmp_path / "capsule" / "samples" / "scores" / "x").mkdir(parents=True)
    (tmp_path / "capsule" / "samples" / name).write_bytes(sample(before))
    write(tmp_path / "now" / name, values[:-1] if change is None else values + change)
    stored = Stored(name=name, sha256=sha256(before), size=before.stat().st_size, kept=False)
    manifest = CapsuleManifest.model_construct(results=(stored,))
    (result,) = compare_results(tmp_path / "capsule", manifest, tmp_path / "now", 1e-5)
    assert result.status == status
    if status == "equal within tolerance":
        assert result.figure == pytest.approx(2e-6, rel=1e-3)
    assert status == "equal" or result.reason.endswith("other bytes, at most 1,000 rows compared")

"""A dataset equals a naive loop over its bins, each of which is accounted for."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import oracles
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.data.dataset import SPLITS, open_dataset
from danq.errors import DanqError
from tests.unit.data.test_dataset import make


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    letters = st.text("ACGTN", min_size=25, max_size=70)
    sequences = {f"chr{i}": draw(letters) for i in (1, 2, 3)}
    tracks = {}
    for name in [f"t{i}" for i in range(draw(st.sampled_from([1, 3, 9])))]:
        regions = [("chr1", 0, 25)]
        for _ in range(draw(st.integers(0, 3))):
            contig = draw(st.sampled_from(sorted(sequences)))
            start = draw(st.integers(0, len(sequences[contig]) - 1))
            regions.append((contig, start, draw(st.integers(start + 1, len(sequences[contig])))))
        tracks[name] = regions
    return {
        "sequences": sequences,
        "tracks": tracks,
        "bin": draw(st.integers(3, 8)),
        "margin": draw(st.integers(0, 8)),
        "max_n": draw(st.sampled_from(["0", "0.1", "0.3", "1"])),
        "min_overlap": draw(st.sampled_from(["0", "0.5"])),
        "exclude": draw(st.one_of(st.none(), st.integers(0, 24))),
        "keep": draw(st.sampled_from(["all", "positive", {"negatives_per_positive": 0.5}])),
    }


@settings(max_examples=30, deadline=None)
@given(cases())
def test_a_dataset_equals_a_naive_loop_and_every_bin_is_accounted_for(case: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = {key: case[key] for key in ("bin", "keep", "max_n", "min_overlap")}
        if case["exclude"] is not None:
            (folder / "black.bed").write_text(f"chr1\t{case['exclude']}\t{case['exclude'] + 1}\n")
            options["exclude"] = [folder / "black.bed"]
        window = case["bin"] + case["margin"]
        split = {"valid": ["chr2"], "test": ["chr3"]}
        options |= {
            "window": window,
            "max_n": float(case["max_n"]),
            "min_overlap": float(case["min_overlap"]),
        }
        try:
            manifest, out = make(folder, case["sequences"], case["tracks"], split=split, **options)
        except DanqError as refused:
            assert "expected at least one" in str(refused)  # noqa: PT017 - both outcomes are right here
            return
        dataset = open_dataset(out)
        found = {
            id_: (SPLITS[s], tuple(labels))
            for id_, s, labels in zip(
                dataset.ids(np.arange(len(dataset))),
                dataset.split,
                dataset.labels(np.arange(len(dataset))).tolist(),
                strict=True,
            )
        }
        lengths = [len(text) for text in case["sequences"].values()]
        total = sum(-(-length // case["bin"]) for length in lengths)
        assert len(found) + sum(manifest.left_out.values()) == total
        admitted = naive(case, window)
        assert found.items() <= admitted.items()
        dropped = [labels for id_, (_, labels) in admitted.items() if id_ not in found]
        assert len(dropped) == manifest.left_out["negatives_dropped"]
        assert not any(map(any, dropped))
        assert all(split == "train" for id_, (split, _) in admitted.items() if id_ not in found)


def naive(case: dict[str, Any], window: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Every admitted bin, whatever `keep` says, with its split and labels."""
    names, sequences = list(case["sequences"]), list(case["sequences"].values())
    lengths = [len(text) for text in sequences]
    bins = oracles.bins_of(lengths, case["bin"])
    labels = [
        oracles.overlap_positives(
            lengths, case["bin"], [(names.index(c), s, e) for c, s, e in regions], case["min_overlap"]
        )
        for regions in case["tracks"].values()
    ]
    admitted = {}
    for number, each in enumerate(bins):
        contig, start, end = each
        excluded = case["exclude"] is not None and contig == 0 and start <= case["exclude"] < end
        unknown, _ = oracles.composition(sequences[contig], each, window)
        if not excluded and unknown <= float(case["max_n"]) * window + 1e-9:
            own = tuple(int(number in positives) for positives in labels)
            admitted[f"{names[contig]}:{start}-{end}"] = (("train", "valid", "test")[contig], own)
    return admitted

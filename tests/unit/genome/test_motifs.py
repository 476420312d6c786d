"""Motif files of every format to equal matrices."""

import gzip

import numpy as np
import pytest

from danq.errors import DanqError
from danq.genome.motifs import read_motifs

COUNTS = np.array([[8, 1, 1, 0], [0, 0, 10, 0], [3, 3, 2, 2]])
SECOND = np.array([[0, 5, 0, 5], [10, 0, 0, 0]])


def _rows(matrix, text="{letter} [ {row} ]"):
    return "\n".join(
        text.format(letter=letter, row=" ".join(map(str, row)))
        for letter, row in zip("ACGT", matrix.T, strict=True)
    )


def _columns(matrix):
    return "\n".join("\t".join(f"{value}.0" for value in row) for row in matrix)


def _meme(matrix):
    lines = "\n".join(" ".join(f"{value / 10:.6f}" for value in row) for row in matrix)
    return f"letter-probability matrix: alength= 4 w= {len(matrix)} nsites= 2 E= 0\n{lines}\n"


MEME = (
    "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n{background}"
    f"MOTIF M1 first\n{_meme(COUNTS)}\nMOTIF M2\n{_meme(SECOND)}"
)
BACKGROUND = "Background letter frequencies\nA 0.3 C 0.2 G 0.2 T 0.3\n\n"
TRANSFAC = (
    "AC  M1\nXX\nID  first\nXX\nP0  A C G T\n"
    + "\n".join(f"{place:02d}  {' '.join(map(str, row))} N" for place, row in enumerate(COUNTS, 1))
    + "\nXX\n//\n"
)
BARE = "{row}"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f">M1 first\n{_rows(COUNTS)}\n>M2 second\n{_rows(SECOND)}\n", ["M1 first", "M2 second"]),
        (f"# made by\n>M1\n{_columns(COUNTS)}\n>M2\n{_columns(SECOND)}\n", ["M1", "M2"]),
        (f">M1\n{_rows(COUNTS, BARE)}\n>M2\n{_rows(SECOND, BARE)}\n", ["M1", "M2"]),
        (MEME.format(background=BACKGROUND), ["M1", "M2"]),
        (MEME.format(background=""), ["M1", "M2"]),
        (_rows(COUNTS, BARE) + "\n", ["motif_1"]),
        (TRANSFAC, ["M1 first"]),
    ],
)
def test_every_format_gives_the_same_motifs(tmp_path, text, names):
    path = tmp_path / "motifs"
    path.write_bytes(gzip.compress(text.encode()) if len(names) == 2 else text.encode())
    motifs = read_motifs(path)
    assert [motif.name for motif in motifs] == names
    for motif, counts in zip(motifs, (COUNTS, SECOND), strict=False):
        assert motif.probabilities.dtype == np.float32
        np.testing.assert_allclose(motif.probabilities, counts / 10, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected motifs in JASPAR, MEME"),
        ("no motif here\n", "motifs"),
        (">M1\nA [ 1 0 ]\nC [ 1 0 ]\nG [ 0 0 ]\nT [ 0 0 ]\n", r"motif 1 \(M1\): expected positive counts"),
        ("MEME version 4\n\nALPHABET= ACGT\n", "motifs"),
    ],
)
def test_unusable_motif_files_are_refused(tmp_path, text, message):
    path = tmp_path / "motifs.txt"
    path.write_text(text)
    with pytest.raises(DanqError, match=message):
        read_motifs(path)
    with pytest.raises(DanqError, match="no such file"):
        read_motifs(tmp_path / "absent.meme")


@pytest.mark.parametrize("name", ["JASPAR2022_fungi.pfm", "macisaac_yeast.v1.meme.gz"])
def test_published_collections_read(real_data, name):
    path = real_data / "yeast" / "motifs" / name
    content = path.read_bytes()
    text = gzip.decompress(content) if name.endswith("gz") else content
    motifs = read_motifs(path)
    assert len(motifs) == text.count(b"\nMOTIF " if b"MEME version" in text else b"\n>")
    assert all(abs(motif.probabilities.sum(axis=1) - 1).max() < 1e-5 for motif in motifs)
    reb1 = next(motif for motif in motifs if "REB1" in motif.name.upper())
    consensus = "".join("ACGT"[base] for base in reb1.probabilities.argmax(axis=1))
    assert "TTACCC" in consensus or "GGGTAA" in consensus

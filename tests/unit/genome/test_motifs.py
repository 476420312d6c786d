"""Motif files of every format to equal matrices, and filters that start as motifs."""

import gzip

import numpy as np
import pytest

from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.genome.motifs import Motif, read_motifs
from danq.models.danq import Options, build
from danq.models.motif_filters import start_filters

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


def _placed(matrix, kernel):
    """(offset, reversed) at which a kernel holds a motif less 0.25, or None."""
    for turned, weights in ((False, matrix - 0.25), (True, (matrix - 0.25)[::-1, ::-1])):
        for offset in range(len(kernel) - len(matrix) + 1):
            if np.allclose(kernel[offset : offset + len(matrix)], weights, atol=1e-6):
                return offset, turned
    return None


def test_filters_hold_motifs_on_both_strands_at_many_offsets():
    matrix = (COUNTS / 10).astype(np.float32)
    kernels = np.full((9, 4, 60), 7, np.float32)
    biases = np.full(60, 7, np.float32)
    new, new_biases = start_filters([Motif("m", matrix)], kernels, biases, 40, seed=3)
    found = [_placed(matrix, new[:, :, place]) for place in range(60)]
    assert None not in found[:40]
    assert found[40:] == [None] * 20
    assert {offset for offset, _ in found[:40]} == set(range(7))
    assert {turned for _, turned in found[:40]} == {True, False}
    assert (new == 7).sum() == 60 * 9 * 4 - 40 * 3 * 4
    assert ((new_biases[:40] > -1) & (new_biases[:40] < 0)).all()
    assert (new_biases[40:] == 7).all()
    assert (kernels == 7).all()


def test_motifs_are_used_once_before_any_is_used_again():
    motifs = [Motif(str(base), np.eye(4, dtype=np.float32)[[base, base]]) for base in range(4)]
    new, _ = start_filters(motifs, np.zeros((2, 4, 4), np.float32), np.zeros(4, np.float32), 4, seed=0)
    bases = new.argmax(axis=1)[0].tolist()
    # a filter reads its motif's base or the complement: each of the pairs A/T and C/G comes twice
    assert sorted(min(base, 3 - base) for base in bases) == [0, 0, 1, 1]


def test_of_a_motif_longer_than_a_filter_the_clearest_stretch_is_taken():
    matrix = np.full((6, 4), 0.25, np.float32)
    matrix[2:5] = np.eye(4)[[0, 1, 2]]
    new, _ = start_filters(
        [Motif("m", matrix)], np.zeros((3, 4, 1), np.float32), np.zeros(1, np.float32), 1, 0
    )
    assert _placed(matrix[2:5], new[:, :, 0]) is not None


def test_danq_starts_with_motifs_of_a_file_whatever_the_global_seed(tmp_path):
    import keras

    path = tmp_path / "motifs.jaspar"
    path.write_text(f">M1 first\n{_rows(COUNTS)}\n")
    options = Options(filters=8, kernel=5, pool=3, units=2, dense=2, motifs=path, motif_share=0.5)
    kernels = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        kernels.append(build(options, CodesEncoder(20), 1, "multilabel").get_layer("conv").kernel.numpy())
    matrix = (COUNTS / 10).astype(np.float32)
    assert [_placed(matrix, kernels[0][:, :, place]) is not None for place in range(8)] == [True] * 4 + [
        False
    ] * 4
    places = [[_placed(matrix, kernel[:, :, place]) for place in range(4)] for kernel in kernels]
    assert places[0] == places[1]
    assert not np.array_equal(kernels[0], kernels[1])


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

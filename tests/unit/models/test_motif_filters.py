"""Filters of DanQ that start as motifs."""

import numpy as np

from danq.data.encoders import CodesEncoder
from danq.genome.motifs import Motif
from danq.models.danq import Options, build, start_filters

COUNTS = np.array([[8, 1, 1, 0], [0, 0, 10, 0], [3, 3, 2, 2]])


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
    path.write_text(">M1 first\nA [ 8 0 3 ]\nC [ 1 0 3 ]\nG [ 1 10 2 ]\nT [ 0 0 2 ]\n")
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
    # their own seed places them elsewhere
    seeded = options.model_copy(update={"motif_seed": 1})
    elsewhere = build(seeded, CodesEncoder(20), 1, "multilabel").get_layer("conv").kernel.numpy()
    assert not np.array_equal(elsewhere[:, :, :4], kernels[0][:, :, :4])

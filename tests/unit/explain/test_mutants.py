"""Mutants against a slow oracle, their effects on toys where these are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_genome import genome_of
from toy_models import ToyRunner, gc, motif

from danq.explain.mutants import ALTERNATES, cut_pieces, longest_piece, mutants
from danq.explain.regions import Regions
from danq.explain.saturation import saturate
from danq.genome.alphabet import decode
from danq.score.options import ScoreOptions

GC = {"C": 1, "G": 1}


def regions_at(genome, *places):
    contig, start, end = (np.array(column) for column in zip(*places, strict=True))
    return Regions(genome, contig.astype(np.int32), start, end, len(places), {}, {})


def naive_mutants(sequence, start, end, window_start, window, deletions):
    """(position, ref, alt, reference window, mutant's window) of every mutant of one piece."""

    def base(text, place):
        return text[place] if 0 <= place < len(text) else "N"

    def cut(text):
        return "".join(base(text, window_start + offset) for offset in range(window))

    for place in range(start, end):
        ref = sequence[place]
        if ref == "N":
            continue
        for alt in [*"ACGT", *("-" if deletions else "")]:
            if alt == ref:
                continue
            if alt == "-":
                # left of the window nothing moves
                moved = sequence[:place] + sequence[place + 1 :]
                yield place, ref, alt, cut(sequence), cut(moved)
            else:
                yield place, ref, alt, cut(sequence), cut(sequence[:place] + alt + sequence[place + 1 :])


def flat(blocks):
    rows = []
    for block in blocks:
        each = block.alt.shape[1]
        for row, window in enumerate(block.alternate):
            at = row // each
            rows.append(
                (
                    int(block.contig[at]),
                    int(block.position[at]),
                    decode(block.ref[at : at + 1]),
                    ALTERNATES[block.alt[at, row % each]],
                    decode(block.reference[block.group[row]]),
                    decode(window),
                )
            )
    return rows


@given(
    st.lists(st.text("ACGTN", min_size=1, max_size=40), min_size=1, max_size=3),
    st.integers(1, 14),
    st.sampled_from([0, 1, 5, 30]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_mutants_equal_editing_the_sequence_as_text(contigs, window, bin, deletions, seed):
    genome = genome_of(**{f"c{number}": text for number, text in enumerate(contigs)})
    rng = np.random.default_rng(seed)
    places = []
    for index, text in enumerate(contigs):
        start = int(rng.integers(0, len(text)))
        places.append((index, start, int(rng.integers(start, len(text))) + 1))
    regions = regions_at(genome, *places)
    longest = longest_piece(window, bin)
    expected = []
    for index, (contig, start, end) in enumerate(places):
        pieces = cut_pieces(regions, index, window, longest)
        assert [piece.start for piece in pieces] == [start, *(piece.end for piece in pieces[:-1])]
        assert pieces[-1].end == end
        lengths = [piece.end - piece.start for piece in pieces]
        assert max(lengths) <= min(longest, window)
        assert max(lengths) - min(lengths) <= 1
        for piece in pieces:
            # centred: as much window on both sides, but for one base
            before, after = piece.start - piece.window_start, piece.window_start + window - piece.end
            assert min(before, after) >= 0
            assert abs(before - after) <= 1
            found = naive_mutants(
                contigs[contig], piece.start, piece.end, piece.window_start, window, deletions
            )
            expected += [(contig, *mutant) for mutant in found]
    for targets in (1, 10**9):
        blocks = list(mutants(regions, window, longest, deletions, targets))
        assert flat(blocks) == expected
        assert all((np.diff(block.group) >= 0).all() for block in blocks)


def test_blocks_are_of_bounded_size_and_hold_whole_positions():
    genome = genome_of(c="ACGT" * 1000)
    blocks = list(mutants(regions_at(genome, (0, 0, 4000)), 10, 5, deletions=True))
    sizes = [len(block.alternate) for block in blocks]
    assert sizes == [4096, 4096, 4096, 3712]
    few = list(mutants(regions_at(genome, (0, 0, 4000)), 10, 5, targets=1_000_000))
    assert max(len(block.alternate) for block in few) == 63


@pytest.mark.parametrize(
    ("window", "bin", "longest"),
    [(1000, 200, 500), (1000, 800, 800), (600, 0, 300), (1, 0, 1), (8, 9, 8)],
)
def test_a_piece_is_a_bin_or_half_a_window(window, bin, longest):
    assert longest_piece(window, bin) == longest


SEQUENCE = "ACGTTGCATGTCGCATGATNNATGAGAGCTACGATCGATCGGGATATTACCA"


@pytest.fixture
def genome():
    return genome_of(chrI=SEQUENCE, chrII="TTTTACGTACGT")


def only(runners, regions, longest=10, deletions=False, strands="scores"):
    blocks = saturate(runners, regions, longest, deletions, ScoreOptions(strands=strands))
    return list(blocks)


def test_the_effect_on_a_counter_of_gc_is_known(genome):
    (block,) = only([ToyRunner({"gc": gc})], regions_at(genome, (0, 20, 40)), deletions=True)
    pieces = cut_pieces(regions_at(genome, (0, 20, 40)), 0, 20, 10)
    assert [piece.window_start for piece in pieces] == [15, 25]
    for place, position in enumerate(block.mutants.position):
        piece = pieces[int(position >= 30)]
        ref = SEQUENCE[position]
        others = [alt for alt in "ACGT" if alt != ref]
        expected = [GC.get(alt, 0) - GC.get(ref, 0) for alt in others]
        # a deletion takes in the base that follows the window
        expected.append(GC.get(SEQUENCE[piece.window_start + 20], 0) - GC.get(ref, 0))
        assert block.logit_diff[place, :, 0].tolist() == expected
    assert block.mutants.position.tolist() == list(range(21, 40))
    assert np.allclose(
        block.mean_of_substitutions()[:, 0],
        [
            (-1 if SEQUENCE[p] in "CG" else 2) / 3 * (2 if SEQUENCE[p] in "CG" else 1)
            for p in block.mutants.position
        ],
    )


@pytest.mark.parametrize(("strands", "share"), [("scores", 0.5), ("forward", 1.0)])
def test_only_mutants_of_a_word_change_a_counter_of_words(genome, strands, share):
    word = SEQUENCE[26:32]
    (block,) = only([ToyRunner({"word": motif(word)})], regions_at(genome, (0, 22, 36)), strands=strands)
    changed = np.abs(block.logit_diff[..., 0]).max(axis=1) > 0
    assert block.mutants.position[changed].tolist() == list(range(26, 32))
    assert np.unique(block.logit_diff[..., 0]).tolist() == [-share, 0.0]


def test_several_models_give_their_mean(genome):
    runners = [ToyRunner({"x": gc}), ToyRunner({"x": lambda codes: 3 * gc(codes)}, digest="1" * 64)]
    (one,), (both,) = (only(some, regions_at(genome, (1, 0, 12))) for some in (runners[:1], runners))
    assert (both.logit_diff == 2 * one.logit_diff).all()

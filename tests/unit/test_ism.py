"""Saturation mutagenesis: mutants against a slow oracle, toys with known effects, every file written."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pybigtools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_genome import genome_of, record, vcf_of
from toy_models import ToyRunner, gc, motif, toy_models

from danq.errors import DanqError
from danq.explain.ism import IsmOptions, mutate_stretches
from danq.explain.mutants import ALTERNATES, cut_pieces, longest_piece, mutants
from danq.explain.regions import Stretches, bed_stretches, merge, region_stretches, variant_stretches
from danq.explain.saturation import saturate
from danq.genome.alphabet import decode
from danq.score.options import ScoreOptions

DEFAULTS = IsmOptions(ScoreOptions())
GC = {"C": 1, "G": 1}


def stretches_of(*places):
    contig, start, end = (np.array(column) for column in zip(*places, strict=True))
    return Stretches(contig.astype(np.int32), start, end, len(places), {}, {})


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
    stretches = stretches_of(*places)
    longest = longest_piece(window, bin)
    expected = []
    for index, (contig, start, end) in enumerate(places):
        pieces = cut_pieces(stretches, index, window, longest)
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
        blocks = list(mutants(genome, stretches, window, longest, deletions, targets))
        assert flat(blocks) == expected
        assert all((np.diff(block.group) >= 0).all() for block in blocks)


def test_blocks_are_of_bounded_size_and_hold_whole_positions():
    genome = genome_of(c="ACGT" * 1000)
    blocks = list(mutants(genome, stretches_of((0, 0, 4000)), 10, 5, deletions=True))
    sizes = [len(block.alternate) for block in blocks]
    assert sizes == [4096, 4096, 4096, 3712]
    few = list(mutants(genome, stretches_of((0, 0, 4000)), 10, 5, targets=1_000_000))
    assert max(len(block.alternate) for block in few) == 63


@pytest.mark.parametrize(
    ("window", "bin", "longest"),
    [(1000, 200, 500), (1000, 800, 800), (600, 0, 300), (1, 0, 1), (8, 9, 8)],
)
def test_a_piece_is_a_bin_or_half_a_window(window, bin, longest):
    assert longest_piece(window, bin) == longest


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=12))
def test_merged_regions_hold_every_base_once(regions):
    contig, start, length = (np.array(column) for column in zip(*regions, strict=True))
    merged = merge(contig.astype(np.int32), start, start + length, {}, {})
    bases = [
        (c, base)
        for c, low, high in zip(merged.contig, merged.start, merged.end, strict=True)
        for base in range(low, high)
    ]
    assert bases == sorted({(c, base) for c, s, n in regions for base in range(s, s + n)})
    # regions that only touch stay apart
    for one in range(len(merged)):
        inside = [(s, s + n) for c, s, n in regions if merged.contig[one] == c and merged.start[one] <= s]
        inside = [place for place in inside if place[1] <= merged.end[one]]
        assert (
            all(
                any(s < border < e for s, e in inside)
                for border in range(merged.start[one] + 1, merged.end[one])
            )
            or len(inside) == 1
        )


SEQUENCE = "ACGTTGCATGTCGCATGATNNATGAGAGCTACGATCGATCGGGATATTACCA"


@pytest.fixture
def genome():
    return genome_of(chrI=SEQUENCE, chrII="TTTTACGTACGT")


def only(runners, genome, stretches, longest=10, deletions=False, strands="scores"):
    blocks = saturate(runners, genome, stretches, longest, deletions, ScoreOptions(strands=strands))
    return list(blocks)


def test_the_effect_on_a_counter_of_gc_is_known(genome):
    (block,) = only([ToyRunner({"gc": gc})], genome, stretches_of((0, 20, 40)), deletions=True)
    pieces = cut_pieces(stretches_of((0, 20, 40)), 0, 20, 10)
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
    (block,) = only([ToyRunner({"word": motif(word)})], genome, stretches_of((0, 22, 36)), strands=strands)
    changed = np.abs(block.logit_diff[..., 0]).max(axis=1) > 0
    assert block.mutants.position[changed].tolist() == list(range(26, 32))
    assert np.unique(block.logit_diff[..., 0]).tolist() == [-share, 0.0]


def test_several_models_give_their_mean(genome):
    runners = [ToyRunner({"x": gc}), ToyRunner({"x": lambda codes: 3 * gc(codes)}, digest="1" * 64)]
    (one,), (both,) = (only(some, genome, stretches_of((1, 0, 12))) for some in (runners[:1], runners))
    assert (both.logit_diff == 2 * one.logit_diff).all()


def test_regions_are_read_as_text_and_merged(genome, caplog, tmp_path):
    with caplog.at_level("INFO", "danq"):
        found = region_stretches(["chrII:3-6", "1:11-20", "1:15-30", "1:31-33"], genome)
    assert [found.text(genome, n) for n in range(len(found))] == ["chrI:11-30", "chrI:31-33", "chrII:3-6"]
    assert found.given == 4
    assert found.renamed == {"1": "chrI"}
    assert "4 regions overlap: merged into 3" in caplog.text
    aliases = tmp_path / "aliases.tsv"
    aliases.write_text("name\talias\nchrII\tzwei\n")
    assert region_stretches(["zwei"], genome, aliases).text(genome, 0) == "chrII:1-12"


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("chrI:40-53", r"within chrI \(52 bp\)"),
        ("chrI:60-70", r"within chrI \(52 bp\)"),
        ("chrX:1-2", "received 'chrX'"),
        ("chrI:9-8", "received 'chrI:9-8'"),
        ("chrI:0-8", "received 'chrI:0-8'"),
        ("", "received ''"),
    ],
)
def test_regions_that_have_no_place_are_refused(genome, region, message):
    with pytest.raises(DanqError, match=f"--region: .*{message}") as refused:
        region_stretches([region], genome)
    assert "\n" not in str(refused.value)


def test_a_bed_gives_its_regions_and_counts_those_elsewhere(genome, tmp_path, caplog):
    bed = tmp_path / "r.bed"
    bed.write_text("II\t2\t6\nchrI\t0\t3\nplasmid\t0\t9\nchrI\t2\t4\n")
    found = bed_stretches(bed, genome)
    assert [found.text(genome, n) for n in range(len(found))] == ["chrI:1-4", "chrII:3-6"]
    assert found.left_out == {"unknown_contig": 1}
    assert "1 regions lie on contigs" in caplog.text
    bed.write_text("# nothing\n")
    with pytest.raises(DanqError, match="at least one region"):
        bed_stretches(bed, genome)
    bed.write_text("chrI\t5\t99\n")
    with pytest.raises(DanqError, match=r"r\.bed:1: .* ends at 99"):
        bed_stretches(bed, genome)


def test_surroundings_of_variants_follow_their_placed_positions(genome, tmp_path):
    lines = [
        record("chrI", 10, SEQUENCE[9], "A"),
        record("chrI", 26, "GAG", "G"),
        record("chrI", 51, "C", "CT"),
        # moved left along the run of T
        record("chrII", 4, "T", "TT"),
        record("chrI", 33, SEQUENCE[32], "<DEL>"),
    ]
    vcf = vcf_of(tmp_path, lines).path
    found = variant_stretches(vcf, genome, 20, 2)
    # two bases lost within GAGAG: the left-most ones
    assert [found.text(genome, n) for n in range(len(found))] == [
        "chrI:8-12",
        "chrI:22-27",
        "chrI:50-52",
        "chrII:1-3",
    ]
    assert found.left_out == {"symbolic": 1}
    vcf_of(tmp_path, lines[-1:])
    with pytest.raises(DanqError, match="at least one allele with a place"):
        variant_stretches(vcf, genome, 20, 2)


TARGETS = {
    "CTCF": gc,
    "Pol II/ser2": motif("GATCG"),
    "none": lambda codes: 0 * gc(codes),
    "tRNA": lambda codes: -2 * gc(codes),
    "low": lambda codes: 0.5 * gc(codes),
}


def run(genome, out, *regions, options=DEFAULTS, bin=0):
    runner = ToyRunner(TARGETS)
    models = replace(toy_models(runner), bin=bin)
    return mutate_stretches(models, genome, region_stretches(regions, genome), options, out), runner


def test_the_files_of_a_mutagenesis(genome, tmp_path):
    told, _ = run(
        genome, tmp_path, "chrI:15-34", "chrII:2-5", options=IsmOptions(ScoreOptions(), deletions=True)
    )
    drawn = [
        "0_CTCF.chrI_15-34.svg",
        "3_tRNA.chrI_15-34.svg",
        "1_Pol II%2Fser2.chrI_15-34.svg",
        "0_CTCF.chrII_2-5.svg",
        "3_tRNA.chrII_2-5.svg",
        "4_low.chrII_2-5.svg",
    ]
    tracks = ["0_CTCF.bw", "1_Pol II%2Fser2.bw", "2_none.bw", "3_tRNA.bw", "4_low.bw"]
    assert {path.name for path in tmp_path.iterdir()} == {"ism.json", "ism.parquet", *tracks, *drawn}
    table = pl.read_parquet(tmp_path / "ism.parquet")
    assert table.columns[:6] == ["contig", "pos", "ref", "alt", "0_CTCF__diff", "0_CTCF__logit_diff"]
    assert len(table.columns) == 4 + 2 * len(TARGETS)
    assert table.schema["0_CTCF__diff"] == pl.Float32
    assert table["contig"].to_list() == ["chrI"] * 72 + ["chrII"] * 16
    assert table["pos"].unique(maintain_order=True).to_list() == [
        *(pos for pos in range(15, 35) if pos not in (20, 21)),
        *range(2, 6),
    ]
    assert table["alt"][:4].to_list() == [*(base for base in "ACGT" if base != SEQUENCE[14]), "-"]
    with pybigtools.open(str(tmp_path / "3_tRNA.bw")) as track:
        first = list(track.records("chrI"))
        assert [start for start, _, _ in first] == [*range(14, 19), *range(21, 34)]
        substitutions = table.filter(pl.col("alt") != "-", pl.col("contig") == "chrI")
        means = substitutions.group_by("pos", maintain_order=True).agg(pl.mean("3_tRNA__logit_diff"))
        assert [value for _, _, value in first] == pytest.approx(means["3_tRNA__logit_diff"].to_list())
    assert told == json.loads((tmp_path / "ism.json").read_text())
    assert told["kind"] == "ism"
    assert told["format_version"] == 1
    assert told["counts"] == {
        "positions": 22,
        "substitutions": 66,
        "deletions": 22,
        "unknown_bases": 2,
        "heat_maps": 6,
    }
    assert told["stretches"]["regions"] == ["chrI:15-34", "chrII:2-5"]
    assert told["pieces"] == [
        {"piece": "chrI:15-24", "window_start": 9},
        {"piece": "chrI:25-34", "window_start": 19},
        {"piece": "chrII:2-5", "window_start": -7},
    ]
    assert told["bundles"][0]["digest"] == "0" * 64
    assert set(told["files"]) == {"ism.parquet", *tracks, *drawn}


def test_equal_bytes_every_time_in_either_format(genome, tmp_path):
    for form, kind in (("parquet", "bigwig"), ("tsv", "bedgraph")):
        for out in "ab":
            options = IsmOptions(ScoreOptions(), form=form, track_format=kind)
            run(genome, tmp_path / out, "chrI", options=options)
        for path in (tmp_path / "a").iterdir():
            if path.suffix != ".json":
                assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    lines = (tmp_path / "a" / "ism.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:5] == ["contig", "pos", "ref", "alt", "0_CTCF__diff"]
    assert lines[1].split("\t")[:4] == ["chrI", "1", "A", "C"]
    assert len(lines) == 1 + 3 * 50
    track = (tmp_path / "a" / "3_tRNA.bedgraph").read_text().splitlines()
    contig, start, end, value = track[0].split("\t")
    assert (contig, start, end) == ("chrI", "0", "1")
    assert float(value) == pytest.approx(-4 / 3)
    # what the first run left in other formats is gone
    assert not (tmp_path / "a" / "ism.parquet").exists()


def test_chosen_targets_alone_are_written_and_all_of_them_drawn(genome, tmp_path):
    options = IsmOptions(ScoreOptions(targets=["none", "CTCF"]))
    told, _ = run(genome, tmp_path, "chrII", options=options)
    names = {path.name for path in tmp_path.iterdir()}
    drawn = {"2_none.chrII_1-12.svg", "0_CTCF.chrII_1-12.svg"}
    assert names == {"ism.json", "ism.parquet", "2_none.bw", "0_CTCF.bw", *drawn}
    assert pl.read_parquet(tmp_path / "ism.parquet").columns[4:] == [
        *("2_none__diff", "2_none__logit_diff", "0_CTCF__diff", "0_CTCF__logit_diff")
    ]
    assert told["targets"] == ["none", "CTCF"]


def test_work_is_shared_within_a_piece(genome, tmp_path):
    _, runner = run(genome, tmp_path, "chrII:1-10")
    # one reference and 30 mutants, on both strands
    assert runner.windows == 2 * 31
    _, runner = run(genome, tmp_path / "bin", "chrI:25-40", bin=16)
    assert runner.windows == 2 * 49


def test_long_stretches_are_not_drawn(tmp_path, caplog):
    genome = genome_of(long="ACGT" * 300, short="ACGTA")
    with caplog.at_level("INFO", "danq"):
        told, _ = run(genome, tmp_path, "long", "short", options=IsmOptions(ScoreOptions(targets=["CTCF"])))
    assert [path.name for path in tmp_path.glob("*.svg")] == ["0_CTCF.short_1-5.svg"]
    assert "1 stretches are longer than 1,000 bp and not drawn" in caplog.text
    assert told["counts"]["positions"] == 1205


def test_a_stretch_without_a_known_base_is_refused_and_leaves_nothing(genome, tmp_path):
    with pytest.raises(DanqError, match="found N alone"):
        run(genome, tmp_path / "out", "chrI:20-21")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(genome, tmp_path):
    with pytest.raises(DanqError, match=r"--target Sox2: expected a target of the model \(CTCF"):
        run(genome, tmp_path, "chrII", options=IsmOptions(ScoreOptions(targets=["Sox2"])))

"""The common metrics: right where the answer is known, the same for one melody and for a
batch, and with a reason where there is no number.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools.compare import common
from fusiontools.compare.common import (
    NO_JUDGES,
    ROWS,
    Judges,
    common_metrics,
    content_kept,
    halves_in_turn,
    load_judges,
    titles,
)
from fusiontools.music.grid import HOLD, decode_grid, is_legal_grid, transpose_grid
from fusiontools.score.copying import copied_share
from fusiontools.score.fusion import fusion_scores
from fusiontools.score.markov import STATISTICS, markov_correlations


def melodies(n, pitches, lengths, seed):
    """Rows of 128 tokens: notes of these pitches and lengths, one after the other."""
    rng, rows = np.random.default_rng(seed), np.ones((n, 128), np.uint8)
    for row in rows:
        at = 0
        while at < 128:
            row[at] = rng.choice(pitches)
            at += rng.choice(lengths)
    return rows


A = melodies(12, [60, 62, 64, 65, 67], [2, 4], 0)
B = melodies(9, [66, 68, 70, 73, 75], [1, 2, 6], 1)
NEW = melodies(10, [60, 62, 66, 68, 71], [2, 3], 2)
SILENT = np.zeros((1, 128), np.uint8)
ONE_NOTE = np.where(np.arange(128) == 0, 60, 1)[None].astype(np.uint8)


def judge(kind, p=lambda notes: float(np.mean(notes.pitch < 66)), typical=True):
    """A judge to whom low notes are of the first genre."""

    def hear(melodies):
        heard = np.array([p(notes) for notes in melodies])
        return SimpleNamespace(p=heard, typical=np.full(len(heard), typical))

    return SimpleNamespace(kind=kind, hear=hear)


LOW = Judges(
    (judge("network"), judge("features")),
    ("low", "high"),
    lambda rows: rows[:, 0] / 100.0,
    "",
)


def values(found):
    return {name: metric.value for name, metric in found.items()}


def test_the_toys_are_legal():
    assert all(is_legal_grid(row) for row in np.concatenate([A, B, NEW]))


@pytest.mark.parametrize("judges", [NO_JUDGES, LOW])
def test_every_metric_has_a_title_and_a_number_or_a_reason(judges):
    found = common.rows(NEW, A, B, judges)
    assert list(found) == list(ROWS)
    for own in found.values():
        assert list(own) == list(titles(judges))
        for metric in own.values():
            assert (metric.value is None) == bool(metric.why)
            assert metric.value is None or np.isfinite(metric.value)


def test_a_reference_itself_is_known():
    found = common.rows(NEW, A, B, LOW)
    for name in "ab":
        own = values(found[name])
        assert own["dd_ratio"] == own["npd_ratio"] == pytest.approx(1)
        assert own["dd_balance"] == own["npd_balance"] == pytest.approx(1)
        assert own[f"content_{name}"] == own[f"copied_{name}"] == 1
    a, b = values(found["a"]), values(found["b"])
    assert (a["style_gained"], b["style_gained"]) == (pytest.approx(0), pytest.approx(1))
    assert a["p_low_network"] == pytest.approx(1 - a["p_high_network"])
    assert 0.7 < a["p_low_network"] < 0.9
    assert b["p_low_features"] == 0 and a["copied_b"] == b["copied_a"] == 0


def test_half_and_half_has_both_and_is_no_fusion():
    own = values(common.rows(NEW, A, B, LOW)["half_and_half"])
    assert own["content_a"] > 0.5 and own["content_b"] > 0.5
    assert 0.2 < own["copied_a"] < 0.8 and 0.2 < own["copied_b"] < 0.8
    assert 0.2 < own["style_gained"] < 0.8 and own["npd_ratio"] < 1.05


def test_ratio_and_balance_are_those_of_chapter_3():
    found = values(common_metrics(NEW, A, B))
    notes = [[decode_grid(row) for row in rows] for rows in (NEW, A, B)]
    told = fusion_scores(*notes)
    for kind in ("dd", "npd"):
        assert found[f"{kind}_ratio"] == pytest.approx(told[f"{kind}_eud_ratio"])
        assert found[f"{kind}_balance"] == pytest.approx(told[f"balance_{kind}"])


def test_bigrams_are_those_of_chapter_4():
    found = values(common_metrics(NEW, A, B))
    told = markov_correlations(NEW, np.concatenate([A, B]), repeats=2)
    for name in STATISTICS:
        assert found[f"markov_{name}"] == pytest.approx(told[name].value)


def test_copied_runs_are_counted_over_all_melodies():
    mixed = np.concatenate([A[:2], melodies(3, [60, 62, 64], [1], 5)])
    found = common_metrics(mixed, A, B)["copied_a"]
    notes = [[decode_grid(row) for row in rows] for rows in (mixed, A)]
    assert found.value == pytest.approx(copied_share(*notes))
    assert found.each[:2].tolist() == [1, 1] and found.value < found.each.mean()


def test_a_batch_has_what_each_melody_has_alone():
    each = {n: m.each for n, m in common_metrics(NEW, A, B, LOW).items()}
    for i, row in enumerate(NEW):
        alone = values(common_metrics(row, A, B, LOW))
        for name, own in each.items():
            if own is not None:
                assert own.shape == (len(NEW),) and own[i] == pytest.approx(alone[name])
    found = values(common_metrics(NEW[::-1], A[::-1], B[::-1], LOW))
    assert found == pytest.approx(values(common_metrics(NEW, A, B, LOW)))


def test_nothing_is_changed():
    before = [rows.copy() for rows in (NEW, A, B)]
    common.rows(NEW, A, B, LOW)
    assert all(np.array_equal(x, y) for x, y in zip(before, (NEW, A, B)))


def test_a_and_b_may_change_places():
    this, that = (values(common_metrics(NEW, *both, LOW)) for both in ((A, B), (B, A)))
    assert this["style_gained"] == pytest.approx(1 - that["style_gained"])
    for one, other in (("content_a", "content_b"), ("copied_a", "copied_b")):
        assert this[one] == that[other] and this[other] == that[one]
    same = ("dd_ratio", "npd_balance", "one_melody", "markov_mp")
    assert all(this[name] == pytest.approx(that[name]) for name in same)


def test_content_is_kept_in_any_octave_and_in_no_other_key():
    up, fifth = transpose_grid(A, 12), transpose_grid(A, 7)
    assert content_kept(up, A).tolist() == [1.0] * len(A)
    assert content_kept(fifth, A).max() < 0.9
    found = values(common_metrics(fifth, A, B))
    assert found["copied_a"] == 1 and found["content_a"] < 0.9


def test_content_of_either_half_counts_and_silence_keeps_none():
    swapped = np.concatenate([A[:, 64:], A[:, :64]], axis=1)
    assert content_kept(swapped, A) == pytest.approx(1, abs=0.05)
    assert np.isnan(content_kept(SILENT, A)).all()
    brief = np.where(np.arange(128) < 4, A[:1], 0)  # one that hardly sounds
    assert content_kept(A[:1], brief)[0] < 0.1 and content_kept(brief, A[:1])[0] == 1


def test_style_is_gained_only_where_the_judges_hear_two_genres():
    alike = values(common_metrics(NEW, A, A, LOW))
    assert alike["style_gained"] is None
    found = common_metrics(NEW, A, transpose_grid(A, 1), LOW)["style_gained"]
    assert found.value is None and "do not hear A (0." in found.why
    both = Judges((judge("network"), judge("features", lambda notes: 0.5)), *LOW[1:])
    found = common_metrics(NEW, A, B, both)["style_gained"]
    assert found.value is None  # the mean of both is not far enough apart


def test_neither_is_what_no_judge_finds_typical():
    odd = Judges((judge("network"), judge("features", typical=False)), *LOW[1:])
    found = values(common_metrics(NEW, A, B, odd))
    assert (found["neither_network"], found["neither_features"]) == (0, 1)


@pytest.mark.parametrize("tokens", [SILENT, ONE_NOTE], ids=["silent", "one note"])
def test_what_is_not_defined_says_why(tokens):
    found = common_metrics(tokens, A, B, LOW)
    none = {name for name, metric in found.items() if metric.value is None}
    expected = {name for name in found if name.startswith(("p_", "neither", "markov"))}
    expected |= {"style_gained", "copied_a", "copied_b", "one_melody"}
    if tokens is SILENT:
        expected |= {"dd_ratio", "npd_ratio", "dd_balance", "npd_balance"}
        expected |= {"content_a", "content_b"}
    assert none == expected
    assert "12 notes" in found["p_low_network"].why and "8 notes" in found["copied_a"].why
    assert "8 melodies" in found["markov_key"].why
    assert "silent" in found["one_melody"].why


def test_a_batch_leaves_out_what_is_not_defined():
    found = common_metrics(np.concatenate([NEW, SILENT]), A, B, LOW)
    alone = common_metrics(NEW, A, B, LOW)
    assert values(found) == pytest.approx(values(alone))
    for name in ("p_low_network", "content_a", "copied_a", "one_melody", "style_gained"):
        assert np.isnan(found[name].each[-1]) and not np.isnan(found[name].each[:-1]).any()


@pytest.mark.parametrize("a", [SILENT, ONE_NOTE])
def test_a_reference_without_notes_says_why(a):
    found = common_metrics(NEW, a, B, LOW)
    assert "no 8 notes" in found["copied_a"].why and found["copied_b"].value is not None
    assert "12 notes" in found["style_gained"].why
    assert (found["dd_ratio"].value is None) == (a is SILENT)


def test_references_that_are_one_have_no_way_between_them():
    found = common_metrics(NEW, A, A, LOW)
    assert "A and B have the same shares" in found["npd_ratio"].why
    assert found["content_a"].value == found["content_b"].value


@pytest.mark.parametrize(
    "tokens",
    [A[:, :64], np.zeros((0, 128), np.uint8), A.astype(int) - 60, A.astype(int) + 60],
)
def test_what_is_no_batch_of_melodies_is_refused(tokens):
    for three in ((tokens, A, B), (A, tokens, B), (A, B, tokens)):
        with pytest.raises(ValueError, match=r"melodies are|pitches are"):
            common_metrics(*three)


def test_halves_in_turn_take_first_halves():
    made = halves_in_turn(A, B)
    assert made.shape == A.shape and np.array_equal(made[:, :64], A[:, :64])
    assert np.array_equal(made[:9, 64:], B[:, :64]) and (made[9:, 64:] > HOLD).any()


def test_the_judges_that_come_along_are_heard():
    judges = load_judges()
    assert judges.labels == ("folk", "fiddle") and not judges.why
    found = common_metrics(NEW, A, B, judges)
    for kind in ("network", "features"):
        p = [found[f"p_{label}_{kind}"].value for label in judges.labels]
        assert 0 <= min(p) and sum(p) == pytest.approx(1)
        assert 0 <= found[f"neither_{kind}"].value <= 1
    assert 0 <= found["one_melody"].value <= 1


def test_where_there_is_no_judge_it_says_why(monkeypatch):
    judges = load_judges("abba_bach")
    assert "abba_bach" in judges.why and judges.reality is None
    monkeypatch.setitem(sys.modules, "torch", None)
    judges = load_judges()
    assert judges.why == "PyTorch is not installed, which judges need"
    found = common_metrics(NEW, A, B, judges)
    assert found["one_melody"].why == found["p_A_network"].why == judges.why
    assert found["style_gained"].why == judges.why and found["dd_ratio"].value > 1

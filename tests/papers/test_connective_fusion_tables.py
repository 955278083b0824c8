"""The chapter's tables: each number is the record's or the paper's, each comparison is at
equal distance, each verdict follows.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora.cache import write_npz
from fusiontools.errors import RecordError
from fusiontools.papers.connective_fusion.evidence import claims, summaries, tables
from fusiontools.papers.connective_fusion.evidence.claims import (
    against_perturb,
    at_distance,
    compare,
    iterated_against_single,
    less,
    outcome,
)
from fusiontools.papers.connective_fusion.evidence.paper import PAPER, REALITY
from fusiontools.papers.connective_fusion.evidence.summaries import (
    LAMBDAS,
    METRICS,
    TRIVIAL,
    column,
    rows,
)
from fusiontools.records import Record

often = settings(max_examples=60, deadline=None, derandomize=True)


def about(value, width=0.01):
    return {"value": value, "low": value - width, "high": value + width}


def record(
    method, metrics, seed=0, data="fiddle_pop909", scale="shipped", minutes=1.0, **config
):
    return Record(
        "connective_fusion",
        method,
        scale,
        {"name": data, "sha256": "0" * 64},
        seed,
        config,
        metrics,
        [],
        minutes,
        "CPU",
        "0.1.0",
    )


def metrics(level, distance=None, **more):
    made = dict.fromkeys(METRICS, about(level)) | {"reality_median": about(level)}
    return made | ({} if distance is None else {"z_distance": about(distance)}) | more


def perturbed(*points, inputs="test"):
    """Latent Perturb at some (z-distance, level)s."""
    return [
        record(
            "latent_perturb", metrics(y, z), sigma=0.01 * (i + 1), steps=100, inputs=inputs
        )
        for i, (z, y) in enumerate(points)
    ]


def ours(similarity, level, distance, iterations=1, inputs="test", **more):
    method = "ours" if iterations == 1 else "iterated"
    return record(
        method,
        metrics(level, distance, **more),
        similarity=similarity,
        iterations=iterations,
        inputs=inputs,
    )


def row(table, **wanted):
    (found,) = [r for r in table if all(r[k] == v for k, v in wanted.items())]
    return found


# Records in rows


def test_settings_tell_rows_apart_and_seeds_do_not():
    runs = [
        record(
            "ours",
            metrics(0.5 + 0.1 * s),
            seed=s,
            similarity=0.3,
            iterations=1,
            inputs="test",
        )
        for s in (0, 1)
    ]
    runs += [
        ours(2.0, 0.3, 1.0),
        ours(0.3, 0.4, 1.0, inputs="prior"),
        ours(0.3, 0.9, 2.0, iterations=3),
    ]
    found = rows(runs)
    assert [
        (r["method"], r["inputs"], r["similarity"], r["iterations"], r["runs"])
        for r in found
    ] == [
        ("ours", "test", 0.3, 1, 2),
        ("ours", "test", 2.0, 1, 1),
        ("ours", "prior", 0.3, 1, 1),
        ("iterated", "test", 0.3, 3, 1),
    ]
    assert found[0]["reality"]["mean"] == pytest.approx(0.55)
    assert (found[0]["reality"]["low"], found[0]["reality"]["high"]) == pytest.approx(
        (0.49, 0.61)
    )


def test_a_setting_of_another_method_tells_nothing_apart():
    """A record of the VAE holds a whole training's config, lambda and all: only its decoder
    counts.
    """
    found = rows(
        [
            record(
                "vae", {"kl": about(9.0)}, decoder="parallel", similarity=0.3, inputs="test"
            )
        ]
    )
    assert (found[0]["decoder"], found[0]["similarity"], found[0]["inputs"]) == (
        "parallel",
        None,
        None,
    )


def test_data_and_scales_are_never_mixed():
    several = [
        record("real", metrics(0.9), inputs="test"),
        record("noise", metrics(0.1), data="fiddle", inputs="test"),
    ]
    with pytest.raises(RecordError, match="differ in data"):
        tables.methods(several)
    assert [r.method for r in tables.choose(several, "fiddle")] == ["noise"]
    with pytest.raises(RecordError, match="differ in scale"):
        tables.targets(
            [
                record("real", {}, inputs="test"),
                record("noise", {}, scale="laptop", inputs="test"),
            ]
        )


def test_a_record_without_its_setting_is_named():
    with pytest.raises(RecordError, match="record of latent_perturb.*lacks sigma"):
        rows([record("latent_perturb", {}, inputs="test")])


def test_the_trivial_ones_always_have_a_row():
    for made in (tables.methods([]), tables.correlations([])):
        assert [r["method"] for r in made] == [*TRIVIAL, "real"]
        assert (
            made.markdown().count("\n| ") == len(TRIVIAL) + 2
        )  # two more: the line under the heading, and the real ones


def test_numbers_are_shown_as_they_are_in_the_records():
    shown = tables.methods(
        [ours(0.3, 0.5, 2.0, copied_8gram=about(0.25), joined_share=about(0.75))]
    ).markdown()
    assert (
        "| ours, λ 0.3 | 0.50 [0.49,\N{NO-BREAK SPACE}0.51] | 0.50 [0.49,\N{NO-BREAK SPACE}0.51] |"
        in shown
    )
    assert (
        "25.0 [24.0,\N{NO-BREAK SPACE}26.0]\N{NO-BREAK SPACE}%" in shown
        and "75 [74,\N{NO-BREAK SPACE}76]\N{NO-BREAK SPACE}%" in shown
    )


def test_real_melodies_are_the_same_for_all_inputs():
    real = record("real", metrics(0.9), inputs="test")
    assert row(tables.methods([real], "prior"), method="real")["reality"]["mean"] == 0.9


def test_no_table_has_more_than_eight_columns():
    records = [ours(k, 0.5, 1.0) for k in LAMBDAS] + perturbed((0.5, 0.2), (2.0, 0.4))
    made = [
        tables.methods(records),
        tables.correlations(records),
        tables.equal_distance(records),
        tables.ablations(records),
    ]
    made += [
        tables.judges(records),
        tables.vaes(records),
        tables.song_distances({}),
        tables.paper_and_ours(records, {}),
    ]
    assert all(len(table.columns) <= 8 for table in made)
    assert all(
        len(line.split(" | ")) == len(table.columns)
        for table in made
        for line in table.markdown().split("\n\n")[0].splitlines()
    )


# At equal distance


@given(
    st.lists(
        st.tuples(st.floats(0.1, 50), st.floats(0, 1)),
        min_size=1,
        max_size=6,
        unique_by=lambda p: p[0],
    ),
    st.floats(0, 60),
)
@often
def test_interpolation_stays_between_neighbours_and_meets_every_point(points, distance):
    path = rows(perturbed(*points))
    for z, y in points:
        assert at_distance(path, "reality", z)["mean"] == pytest.approx(y)
    found, inside = (
        at_distance(path, "reality", distance),
        min(points)[0] <= distance <= max(points)[0],
    )
    assert (found is not None) == inside
    if inside:
        left = max(p for p in points if p[0] <= distance)
        right = min(p for p in points if p[0] >= distance)
        assert (
            min(left[1], right[1]) - 1e-9 <= found["mean"] <= max(left[1], right[1]) + 1e-9
        )
        assert found["low"] <= found["mean"] <= found["high"]


def test_ours_is_compared_where_it_stands():
    """On Latent Perturb's line, 0.2 at 1 to 0.6 at 3, 0.4 is at 2."""
    records = perturbed((1.0, 0.2), (3.0, 0.6)) + [
        ours(0.3, 0.45, 2.0),
        ours(1.0, 0.35, 2.0),
        ours(2.0, 0.41, 2.0),
        ours(0.1, 0.9, 3.5),
    ]
    made = tables.equal_distance(records)
    told = {k: row(made, similarity=k, metric="key_corr") for k in LAMBDAS}
    assert [told[k]["verdict"] for k in (0.3, 1.0, 2.0, 0.1)] == [
        "above",
        "below",
        "no difference",
        "outside",
    ]
    assert (
        told[0.3]["other"]["mean"] == pytest.approx(0.4)
        and told[0.1]["other"] is None
        and told[0.1]["span"] == (1.0, 3.0)
    )
    shown = made.markdown()
    assert "**above**<br>0.45 : 0.40" in shown and "*outside* 1.0–3.0" in shown


def test_inputs_are_compared_with_their_own():
    records = perturbed((1.0, 0.2), (3.0, 0.2)) + perturbed(
        (1.0, 0.8), (3.0, 0.8), inputs="prior"
    )
    records += [ours(0.3, 0.5, 2.0), ours(0.3, 0.5, 2.0, inputs="prior")]
    made = against_perturb(rows(records))
    assert {v["inputs"]: v["verdict"] for v in made} == {"test": "above", "prior": "below"}
    assert {v["inputs"] for v in tables.equal_distance(records, "prior")} == {"prior"}


def test_a_larger_lambda_is_followed_along_its_iterations():
    records = [
        ours(0.3, 0.5, 4.0),
        ours(2.0, 0.3, 1.0),
        ours(2.0, 0.6, 3.0, 2),
        ours(2.0, 0.8, 5.0, 3),
    ]
    (told,) = [
        v for v in iterated_against_single(rows(records)) if v["metric"] == "reality"
    ]
    assert (told["similarity"], told["larger"], told["verdict"]) == (0.3, 2.0, "above")
    assert told["other"]["mean"] == pytest.approx(0.7)
    assert "**above**<br>0.70 : 0.50" in tables.iterated_or_smaller(records).markdown()


@given(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 0.2))
@often
def test_comparing_is_turned_by_exchanging(x, dx, y, dy):
    one, other = ({"mean": m, "low": m - d, "high": m + d} for m, d in ((x, dx), (y, dy)))
    turned = {"above": "below", "below": "above", "no difference": "no difference"}
    assert compare(one, other) == turned[compare(other, one)]
    assert compare(one, one) == "no difference"
    assert (less(one, other) is True) == (one["high"] < other["low"])


# Judges, VAE, ablations, distances


def test_the_papers_judge_stands_above_ours():
    made = tables.judges(
        [
            record("reality", {"accuracy": about(0.9)}, kind=k, part="train-2")
            for k in ("features", "transformer")
        ]
    )
    assert [r["kind"] for r in made] == ["paper", "transformer", "features"]
    assert (
        made[0]["accuracy"]["mean"] == REALITY["accuracy"]
        and f"{REALITY['mean_real']:g}" in made.markdown()
    )


def test_the_parallel_decoder_comes_first():
    runs = [
        record("vae", {"token_accuracy": about(x)}, decoder=d)
        for d, x in (("lstm", 0.6), ("parallel", 0.96))
    ]
    shown = tables.vaes(runs).markdown()
    assert shown.index("parallel") < shown.index("96.0 [95.0") < shown.index("lstm")


def test_ablations_stand_under_ours_at_their_lambda():
    runs = [ours(k, 0.5, 1.0) for k in LAMBDAS] + [
        record("as_printed", metrics(0.2), similarity=0.3, inputs="test")
    ]
    assert [(r["method"], r["similarity"]) for r in tables.ablations(runs)] == [
        ("ours", 0.3),
        ("as_printed", 0.3),
    ]


def distances(within, between):
    return {
        "distance_below": np.array([within, between]),
        "distance_pairs": np.array([10, 20, 3, 0]),
    }


def test_distances_in_numbers():
    made = tables.song_distances(distances((0.1, 0.4), (0.001, 0.0)))
    assert [(r["pairs"], r["counted"], r["identical"]) for r in made] == [
        ("within", 10, 3),
        ("between", 20, 0),
    ]
    assert made[0]["below"] == {1.0: 0.1, 3.0: 0.4}
    assert "100 times" in made.markdown() and "at least" in made.markdown()


# Arrays


def test_arrays_are_read_from_a_folder_and_missing_ones_are_named(tmp_path):
    write_npz(tmp_path / "measured.npz", distance_edges=np.arange(3))
    assert summaries.measured(tmp_path)["distance_edges"].tolist() == [0, 1, 2]
    with pytest.raises(RecordError, match="no array distance_below"):
        summaries.needed(summaries.measured(tmp_path), "distance_edges", "distance_below")


def test_a_column_leaves_gaps_out():
    arrays = {
        "a/x": np.array([np.nan, 2.0, 3.0]),
        "b/x": np.array([[5.0, 6.0], [0.5, 0.6]]),
    }
    assert [v.tolist() for v in column(arrays, "a/x")] == [[2, 3], [2.0, 3.0]]
    assert [v.tolist() for v in column(arrays, "b/x")] == [[5.0, 6.0], [0.5, 0.6]]
    assert column(arrays, "c/x") is None


# Verdicts


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
@often
def test_outcomes_follow_from_parts(parts):
    word = outcome(parts)
    assert (word == "confirmed") == all(parts)
    assert (word == "refuted") == (False in parts and True not in parts)
    assert (word == "open") == (set(parts) == {None})


def verdicts(records, arrays=None):
    return {r["id"]: r["verdict"] for r in tables.paper_and_ours(records, arrays or {})}


def test_every_row_of_the_chapter_has_a_verdict_and_its_place():
    made = tables.paper_and_ours([], {})
    assert [r["id"] for r in made] == [
        "CF-F1",
        "CF-F2",
        "CF-F4",
        "CF-F5",
        "CF-F6",
        "CF-F7",
        "CF-R",
        "CF-C1",
        "CF-D",
    ]
    told = {r["id"]: r["verdict"] for r in made}
    assert {
        told[i] for i in ("CF-F1", "CF-F2", "CF-F4", "CF-F5", "CF-F6", "CF-F7", "CF-R")
    } == {"not testable"} and told["CF-C1"] == "open"
    assert all(r["where"] and r["paper"] and r["why"] for r in made)
    assert (
        str(f"{PAPER['settings']['CF-D']['values']['files']:,}")
        in row(made, id="CF-D")["paper"]
    )


def test_the_rules_of_the_data_are_the_papers_and_the_corpus_is_told():
    assert verdicts([record("real", {}, inputs="test", data="lakh")])["CF-D"] == "confirmed"
    assert verdicts([record("real", {}, inputs="test")])["CF-D"] == "partly"


def line(levels, distances=(12.0, 6.0, 3.0, 1.5)):
    """Ours, lambda by lambda: at these distances Latent Perturb has 0.5 in all metrics."""
    return perturbed((0.5, 0.5), (20.0, 0.5)) + [
        ours(k, y, z) for k, y, z in zip(LAMBDAS, levels, distances)
    ]


def test_above_latent_perturb_more_often_with_a_larger_lambda():
    found = row(tables.paper_and_ours(line((0.4, 0.5, 0.6, 0.6)), {}), id="CF-F4")
    assert (
        found["verdict"] == "confirmed"
        and "2 above, 1 below, 1 no difference" in found["numbers"]
    )
    assert (
        verdicts(line((0.6, 0.6, 0.6, 0.5)))["CF-F4"] == "partly"
    )  # above in all metrics, but more often with a small lambda
    assert verdicts(line((0.4, 0.4, 0.4, 0.4)))["CF-F4"] == "refuted"


def test_corrected_means_above_the_inputs():
    plain = record("concatenate", metrics(0.4), inputs="test")
    assert verdicts([plain, ours(0.3, 0.6, 1.0)])["CF-F5"] == "confirmed"
    assert verdicts([plain, ours(0.3, 0.2, 1.0)])["CF-F5"] == "refuted"
    assert verdicts([plain, ours(0.3, 0.6, 1.0, dt_corr=about(0.4))])["CF-F5"] == "partly"


def test_iterations_must_go_farther_and_align():
    plain = record("concatenate", metrics(0.4), inputs="test")
    steps = [ours(2.0, 0.5, 1.0), ours(2.0, 0.6, 2.0, 2), ours(2.0, 0.7, 3.0, 3)]
    assert verdicts([plain, *steps])["CF-F1"] == "confirmed"
    assert verdicts([plain, *steps[:2], ours(2.0, 0.7, 1.5, 3)])["CF-F1"] == "partly"


def test_styles_differ_where_they_were_measured():
    assert (
        verdicts([ours(0.3, 0.5, 1.0, style_distance=about(2.0))])["CF-F2"] == "confirmed"
    )
    assert verdicts([ours(0.3, 0.5, 1.0, style_distance=about(0.2))])["CF-F2"] == "refuted"


@pytest.mark.parametrize(
    ("between", "word"),
    [
        ((0.0001, 0.001), "confirmed"),
        ((0.0001, 0.1), "partly"),
        ((0.05, 0.1), "refuted"),
        ((0.0, 0.0), "open"),
    ],
)
def test_rarer_by_a_hundred(between, word):
    assert verdicts([], distances((0.1, 0.3), between))["CF-F6"] == word


@pytest.mark.parametrize(
    ("pairs", "word"), [(900, "open"), (3_100, "confirmed"), (1_100, "partly")]
)
def test_none_between_is_worth_as_much_as_its_pairs(pairs, word):
    arrays = distances((0.1, 0.3), (0.0, 0.0)) | {
        "distance_pairs": np.array([pairs, pairs, 0, 0])
    }
    assert verdicts([], arrays)["CF-F6"] == word


def test_comparable_is_not_below_in_most_comparisons():
    start = [ours(0.3, 0.5, 4.0), ours(2.0, 0.3, 1.0)]
    assert verdicts([*start, ours(2.0, 0.5, 4.0, 5)])["CF-F7"] == "confirmed"
    assert verdicts([*start, ours(2.0, 0.4, 4.0, 5)])["CF-F7"] == "refuted"
    assert (
        verdicts([*start, ours(2.0, 0.9, 2.0, 5)])["CF-F7"] == "not testable"
    )  # it never goes that far


def test_the_judge_reaches_the_paper_or_does_not():
    def judged(accuracy, real):
        found = {"accuracy": about(accuracy), "mean_real": about(real)}
        return verdicts([record("reality", found, kind="transformer", part="train-2")])[
            "CF-R"
        ]

    assert (judged(0.95, 0.96), judged(0.99, 0.9), judged(0.9, 0.9)) == (
        "confirmed",
        "partly",
        "refuted",
    )


def test_no_verdict_is_confirmed_by_what_cannot_be_told():
    vae, made = record("vae", {}, decoder="parallel", minutes=8.0), ours(0.3, 0.5, 1.0)
    assert (
        verdicts([vae, made], distances((0.1, 0.3), (0.0001, 0.001)))["CF-C1"] == "partly"
    )
    parts = row(claims.paper_and_ours([vae, made], {}), id="CF-C1")["parts"]
    assert list(parts.values()) == [None, True, None]


# Goals


def goals(records):
    return [r["reached"] for r in tables.targets(records)]


def test_goals_without_records_are_neither_reached_nor_missed():
    assert goals([]) == [None] * 4


def test_goals_are_about_values():
    judge = record("reality", {"accuracy": about(0.95)}, kind="transformer", part="train-2")
    weak = record("reality", {"accuracy": about(0.949)}, kind="transformer", part="train-2")
    vae = record(
        "vae",
        {"token_accuracy": about(0.95), "onset_pitch_accuracy": about(0.79)},
        decoder="parallel",
    )
    assert goals([judge, vae])[:2] == [True, False]
    assert goals([weak])[:2] == [False, None]


def test_reality_must_rise_nearby():
    plain = record("concatenate", metrics(0.2), inputs="test")
    far, near = ours(0.1, 0.9, 9.0), ours(2.0, 0.4, 1.0)
    assert goals([plain, far, near])[2] is False
    assert goals([plain, far, near, ours(2.0, 0.6, 2.5, 3)])[2] is True
    assert goals([plain, far])[2] is False and goals([far])[2] is None


def test_six_metrics_must_be_above():
    assert goals(line((0.6, 0.6, 0.5, 0.5)))[3] is True
    assert (
        goals(line((0.6, 0.6, 0.5, 0.5)) + [ours(0.3, 0.4, 3.0, inputs="prior")])[3] is True
    )  # nothing there to compare with
    assert goals(line((0.6, 0.4, 0.5, 0.5)))[3] is False

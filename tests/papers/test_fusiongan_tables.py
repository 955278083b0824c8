"""The chapter's tables: each number is the record's or the paper's, and each verdict
follows from the numbers.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import RecordError
from fusiontools.papers.fusiongan.config import METHODS
from fusiontools.papers.fusiongan.evidence import claims as claims_module
from fusiontools.papers.fusiongan.evidence import tables
from fusiontools.papers.fusiongan.evidence.claims import outcome, progress
from fusiontools.papers.fusiongan.evidence.paper import TABLE_1, TABLE_2
from fusiontools.papers.fusiongan.evidence.summaries import SHORT, cell, shares_of
from fusiontools.records import Record
from fusiontools.score import row_checks

JAZZ = [([60, 61, 63, 66, 70], [0.25, 0.25, 0.5, 0.25, 1.0])] * 3
FOLK = [([60, 64, 67, 60, 62], [1.0, 1.0, 2.0, 1.0, 0.5])] * 2
RATIOS = [
    f"{block}_{distance}_ratio" for block in ("dd", "npd") for distance in ("eud", "em")
]


def about(value, width=0.01):
    return {"value": value, "low": value - width, "high": value + width}


def record(method, seed=0, pair="essen_ryan", scale="smoke", minutes=1.0, **metrics):
    data = {"name": pair, "sha256": "0" * 64}
    return Record(
        "fusiongan", method, scale, data, seed, {}, metrics, [], minutes, "CPU", "0.1.0"
    )


def like_the_paper():
    """Records whose Ratios are the paper's, with narrow ranges."""
    rows = {}
    for name in TABLE_1["dd"]:
        rows[name] = {
            f"{b}_{d}_ratio": about(TABLE_1[b][name][f"{d}_ratio"], 0.001)
            for b in TABLE_1
            for d in ("eud", "em")
        }
    return rows


def records(rows):
    return [record(name, **metrics) for name, metrics in rows.items()]


def row(table, **wanted):
    (found,) = [r for r in table if all(r[k] == v for k, v in wanted.items())]
    return found


# Records in rows


def test_a_rows_numbers_are_the_records():
    runs = [record("mle", seed, dd_eud_ratio=about(1 + seed, 0.25)) for seed in (0, 1, 2)]
    mine = row(tables.table_1(runs), method="mle")
    assert mine["runs"] == 3
    assert (
        mine["dd_eud_ratio"]["mean"],
        mine["dd_eud_ratio"]["low"],
        mine["dd_eud_ratio"]["high"],
    ) == (2.0, 0.75, 3.25)
    assert mine["dd_eud_ratio_paper"] == TABLE_1["dd"]["mle"]["eud_ratio"]
    assert "| MLE | 3 | 2.00 [0.75, 3.25]<br>*paper: 1.231* |" in tables.table_1(
        runs
    ).markdown().replace("\N{NO-BREAK SPACE}", " ")


def test_the_papers_methods_and_the_trivial_ones_always_have_a_row():
    methods = [r["method"] for r in tables.table_1([])]
    assert set(methods) == set(TABLE_1["dd"]) | {"half_and_half", "splice"}
    assert {"half_and_half", "splice", "mc", "rm"} <= {
        r["method"] for r in tables.beyond_marginals([])
    }
    assert all(r["dd_eud_ratio"] is None for r in tables.table_1([]))


def test_raw_counts_stand_beside_the_papers_diff():
    mine = row(
        tables.table_1_raw([record("fusion", npd_em_diff_raw=about(5.0))]), method="fusion"
    )
    assert (
        mine["npd_em_diff_raw"]["mean"] == 5.0
        and mine["npd_em_diff_paper"] == TABLE_1["npd"]["fusion"]["em_diff"]
    )


def test_minutes_are_a_mean_over_seeds_and_a_number_without_range_is_shown_bare():
    runs = [
        record(
            "fusion", seed, minutes=2.0 * seed, fused_share=about(0.5), held_out_8gram=0.25
        )
        for seed in (0, 1)
    ]
    table = tables.beyond_marginals(runs)
    assert row(table, method="fusion")["minutes"] == 1.0
    shown = table.markdown().replace("\N{NO-BREAK SPACE}", " ")
    assert "50.0 [49.0, 51.0] %" in shown and "of held-out music, 25.0 %" in shown


def test_pairs_and_scales_are_never_mixed():
    several = [record("rm"), record("mc", pair="weimar_essen")]
    with pytest.raises(RecordError, match="several pairs"):
        tables.table_1(several)
    assert [r.method for r in tables.choose(several, "weimar_essen")] == ["mc"]
    with pytest.raises(RecordError, match="several scales"):
        tables.targets([record("rm"), record("mc", scale="laptop")])


def test_plain_dicts_do_as_records():
    from dataclasses import asdict

    run = record("rm", dd_eud_ratio=1.5)
    assert list(tables.table_1([asdict(run)])) == list(tables.table_1([run]))


def test_every_method_has_a_short_name():
    assert set(SHORT) == set(METHODS)
    assert len(set(SHORT.values())) == len(SHORT)


def test_a_table_has_as_many_cells_in_each_line():
    for table in (
        tables.table_1([]),
        tables.table_2_repairs(),
        tables.claims([]),
        tables.targets([]),
        tables.mixture_floor(JAZZ, FOLK),
    ):
        lines = [line for line in table.markdown().split("\n") if line.startswith("|")]
        assert (
            len(lines) == len(table) + 2 and len({line.count("|") for line in lines}) == 1
        )
        assert table._repr_markdown_() == table.markdown()


@given(st.floats(-50, 50), st.floats(0, 5))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_cell_says_its_numbers(value, width):
    said = cell({"mean": value, "low": value - width, "high": value + width}, 3)
    mean, low, high = (
        float(x) for x in said.replace("[", "").replace("]", "").replace(",", "").split()
    )
    assert abs(mean - value) < 6e-4 and low <= mean <= high


# The paper's own numbers


def test_all_rows_of_a_block_imply_one_distance():
    for found in tables.implied_distances():
        assert found["agree"] and found["spread"] < 0.004
        assert found["low"] <= found["high"]
        assert all(
            abs(value / found["median"] - 1) < 0.003
            for value in found["by_method"].values()
        )


def test_implied_distances_are_diff_over_what_ratio_exceeds_1():
    found = row(tables.implied_distances(), block="npd", distance="em")
    assert found["by_method"]["rm"] == pytest.approx(5231.0 / 0.643)


def test_repairs_mend_what_they_say():
    found = tables.table_2_repairs()
    assert {r["method"] for r in found} == {"gan", "mc"}
    for r in found:
        checks = row_checks(r["row"])
        assert (checks["sums"], checks["follows"]) == (r["sums"], r["follows"])
        assert r["printed"] == TABLE_2[r["method"]][r["entry"].lower()]
    assert {(r["method"], r["entry"], r["repaired"]) for r in found if r["whole"]} == {
        ("gan", "mixture", 35.0),
        ("mc", "FL", 18.0),
    }


def test_one_repair_takes_the_first_place_from_fusion():
    assert [
        (r["method"], r["entry"], r["best"])
        for r in tables.table_2_repairs()
        if r["fusion"] > 1
    ] == [("gan", "folk", "gan")]


# Distributions


@given(st.floats(0, 1))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_every_mixture_has_ratio_1(weight):
    mixed, flat = tables.mixture_floor(JAZZ, FOLK, [weight])
    assert all(mixed[name] == pytest.approx(1.0, abs=1e-9) for name in RATIOS)
    assert flat["weight"] is None and all(
        flat[name] > 1 for name in RATIOS if "eud" in name
    )


def npd(**shares):
    """Pitch classes with hills at C and G, valleys at C# and F#; some can be changed."""
    names = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
    base = dict(zip(names, (20, 1, 8, 9, 10, 8, 1, 18, 5, 7, 6, 7))) | shares
    return np.array(list(base.values()), dtype=float) / sum(base.values())


def test_peaks_and_valleys_are_found_on_the_circle():
    found = row(tables.peaks_and_valleys({"mc": npd()}), method="mc")
    assert found["met"] == 4 == found["paper"]
    assert row(tables.peaks_and_valleys({"mc": npd(B=30)}), method="mc")["meets"] == {
        1: True,
        6: True,
        0: False,
        7: True,
    }


def test_a_single_peak_is_the_only_one():
    one = np.array([1, 2, 3, 9, 8, 7, 6, 5, 4, 3, 2, 1.5])
    found = row(tables.peaks_and_valleys({"gan": one}), method="gan")
    assert found["single_peak_at_d_sharp"] and found["peaks"] == [3] and found["paper"] == 0
    assert not row(tables.peaks_and_valleys({"gan": npd()}), method="gan")[
        "single_peak_at_d_sharp"
    ]


def test_shares_come_from_melodies_arrays_and_records_alike():
    from fusiontools.papers.fusiongan.evidence.metrics import HISTOGRAMS

    shares = shares_of(JAZZ + FOLK[:1], "npd")
    kept = {
        f"npd[{label}]": round(float(share), 2)
        for label, share in zip(HISTOGRAMS["npd"], shares)
    }
    runs = [record("gan", 0, **kept), record("gan", 1, **kept)]
    for found in (shares_of(runs, "npd"), shares_of(runs[0], "npd")):
        assert found.sum() == pytest.approx(1) and np.allclose(found, shares, atol=0.01)
    assert shares_of(shares, "npd") is shares
    with pytest.raises(RecordError, match="gan"):
        shares_of(runs, "dd")
    with pytest.raises(ValueError, match=r"\(12,\)"):
        shares_of(np.ones(11), "npd")


# Claims


def test_what_the_papers_own_tables_support():
    found = {r["id"]: r["paper"] for r in tables.claims([])}
    wanted = {
        "FG-C1": "partly",
        "FG-C2": "partly",
        "FG-C3": "confirmed",
        "FG-C4": "refuted",
        "FG-C5": "not testable",
        "FG-C6": "partly",
    }
    assert found == wanted
    assert all(r["ours"] == "not testable" for r in tables.claims([]))


def test_records_like_the_papers_say_what_its_table_says():
    found = {r["id"]: r for r in tables.claims(records(like_the_paper()))}
    assert (
        found["FG-C2"]["parts"][1]
        == found["FG-C2"]["parts"][0]
        == {"NPD EUD": True, "NPD EM": False}
    )
    assert found["FG-C2"]["our_numbers"].endswith("; fails: NPD EM")
    assert found["FG-C3"]["ours"] == found["FG-C3"]["paper"] == "confirmed"
    assert list(found["FG-C1"]["parts"][1].values()) == [False, False, True, True]


def test_a_claim_flips_with_the_records():
    rows = like_the_paper()
    rows["gan"]["npd_em_ratio"] = about(1.60, 0.001)
    assert row(tables.claims(records(rows)), id="FG-C2")["ours"] == "confirmed"
    for distance in ("eud", "em"):
        rows["mle"][f"npd_{distance}_ratio"] = about(1.9, 0.001)
    flipped = row(tables.claims(records(rows)), id="FG-C2")
    assert (flipped["ours"], flipped["verdict"]) == ("refuted", "partly")
    for name in rows:
        rows[name]["npd_eud_ratio"] = rows[name]["npd_em_ratio"] = about(1.5, 0.3)
    assert row(tables.claims(records(rows)), id="FG-C2")["ours"] == "open"


def test_level_with_mc_is_a_range_that_overlaps():
    rows = like_the_paper()
    assert row(tables.claims(records(rows)), id="FG-C1")["ours"] == "partly"
    for name in ("mc", "fusion"):
        rows[name] |= {"dd_eud_ratio": about(1.1, 0.05), "dd_em_ratio": about(1.1, 0.05)}
    assert row(tables.claims(records(rows)), id="FG-C1")["ours"] == "confirmed"


def test_improvements_far_from_ten_per_cent_refute():
    rows = like_the_paper()
    rows["rm"] |= {"npd_eud_ratio": about(9.0), "npd_em_ratio": about(9.0)}
    assert row(tables.claims(records(rows)), id="FG-C3")["ours"] == "refuted"


def test_overfitting_needs_copies_and_a_peak_needs_a_histogram():
    rows = like_the_paper()
    rows["rl"] |= {"copied_8gram": about(0.3), "held_out_8gram": 0.1}
    one = np.array([1, 2, 3, 9, 8, 7, 6, 5, 4, 3, 2, 1.5])
    found = row(tables.claims(records(rows), {"gan": one}), id="FG-C6")
    assert found["ours"] == "confirmed"
    rows["rl"]["copied_8gram"] = about(0.05)
    found = row(tables.claims(records(rows), {"gan": npd()}), id="FG-C6")
    assert found["ours"] == "partly" and list(found["parts"][1].values()) == [
        True,
        True,
        False,
        False,
    ]


def history(objective, ratio):
    lines = ["step,phase,objective,ratio_dd,ratio_npd", "0,mle,,,"]
    lines += [
        f"{i + 1},fusion,{x},{y},{-y}" for i, (x, y) in enumerate(zip(objective, ratio))
    ]
    return ("\n".join(lines) + "\n").encode()


def test_progress_is_a_rank_correlation():
    up = np.arange(12.0)
    found = progress(history(up, np.exp(up)))
    assert (
        found["rounds"] == 12
        and found["ratio_dd"] == pytest.approx(1)
        and found["ratio_npd"] == pytest.approx(-1)
    )
    assert progress(history(up[:5], up[:5]))["ratio_dd"] is None
    assert progress(history(np.ones(12), up))["ratio_dd"] is None


def test_the_objective_is_tried_on_the_fusions_histories_only(tmp_path):
    up = np.arange(12.0)
    good, bad = history(up, up), history(up, -up)
    found = row(
        tables.claims(
            [], histories={"fusion-0": good, "fusion_ours-0": bad, "pretraining-0": bad}
        ),
        id="FG-C5",
    )
    assert (
        found["parts"][1] == {"fusion-0 in DD": True, "fusion-0 in NPD": False}
        and found["verdict"] == "partly"
    )
    (tmp_path / "history.csv").write_bytes(good)
    for same in (np.frombuffer(good, np.uint8), tmp_path / "history.csv"):
        assert progress(same) == progress(good)


@given(st.lists(st.sampled_from([True, False, None]), max_size=5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_an_outcome_confirms_only_what_holds_throughout(parts):
    word = outcome(parts)
    assert (word == "confirmed") == (bool(parts) and all(parts))
    assert (word == "refuted") == (False in parts and True not in parts)
    assert (word == "not testable") == (not parts)


@pytest.mark.parametrize(
    ("paper", "ours", "verdict"),
    [
        ("confirmed", "not testable", "confirmed"),
        ("not testable", "refuted", "refuted"),
        ("confirmed", "open", "confirmed"),
        ("not testable", "open", "open"),
        ("not testable", "not testable", "not testable"),
        ("refuted", "refuted", "refuted"),
        ("confirmed", "refuted", "partly"),
    ],
)
def test_a_verdict_is_what_both_trials_agree_on(paper, ours, verdict):
    assert claims_module._both(paper, ours) == verdict


# Goals


def goal_records(**changes):
    close = {name: about(1.05) for name in RATIOS} | {
        "copied_8gram": about(0.05, 0.01),
        "held_out_8gram": 0.1,
    }
    order = {"ib_eud_ratio": about(1.2), "db_eud_ratio": about(1.2)}
    rows = {
        "fusion": close | order,
        "fusion_ours": close | order | {"fused_share": about(0.5, 0.1)},
        "mle": close | {"fused_share": about(0.1, 0.02)},
        "half_and_half": {"fused_share": about(0.02, 0.01)},
        "mc": {"ib_eud_ratio": about(3.0), "db_eud_ratio": about(2.0)},
    }
    for name, metrics in changes.items():
        rows[name] = rows[name] | metrics
    return records(rows)


def test_goals_are_reached_and_missed_by_the_records_alone():
    assert all(r["reached"] for r in tables.targets(goal_records()))
    assert all(r["reached"] is None for r in tables.targets([]))


@pytest.mark.parametrize(
    ("method", "metrics", "words"),
    [
        ("fusion_ours", {"fused_share": about(0.25, 0.1)}, "as MLE"),  # 2.5 times
        (
            "half_and_half",
            {"fused_share": {"value": 0.02, "low": 0.0, "high": 0.45}},
            "as half and half",
        ),  # ranges overlap
        ("mc", {"ib_eud_ratio": about(1.1)}, "interval pairs"),
        ("fusion", {"npd_em_ratio": about(1.2)}, "MLE's + 0.05"),
        ("fusion", {"npd_eud_ratio": about(1.4)}, "the paper's"),
        ("mle", {"copied_8gram": about(0.2, 0.01)}, "copied runs"),
    ],
)
def test_a_goal_missed_is_said_to_be(method, metrics, words):
    missed = [
        r["goal"]
        for r in tables.targets(goal_records(**{method: metrics}))
        if not r["reached"]
    ]
    assert missed and any(words in goal for goal in missed)

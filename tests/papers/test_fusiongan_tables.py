"""The chapter's tables: each number is the record's or the paper's, and each verdict
follows from the numbers.
"""

import numpy as np
import pytest

from fusiontools.errors import RecordError
from fusiontools.papers.fusiongan.config import METHODS, TRAINED
from fusiontools.papers.fusiongan.data import PAIRS
from fusiontools.papers.fusiongan.evidence import claims, tables
from fusiontools.papers.fusiongan.evidence.claims import progress
from fusiontools.papers.fusiongan.evidence.metrics import CONTROLS, HISTOGRAMS, shipped_rows
from fusiontools.papers.fusiongan.evidence.paper import SHORT, TABLE_1, TABLE_2
from fusiontools.records import Record
from fusiontools.report.rows import Rows, choose
from fusiontools.report.rows import rows as rows_of
from fusiontools.score import row_checks

RATIOS = ["dd_eud_ratio", "dd_em_ratio", "npd_eud_ratio", "npd_em_ratio"]


def about(value, width=0.01):
    return {"value": value, "low": value - width, "high": value + width}


def record(method, seed=0, pair="essen_ryan", scale="smoke", minutes=1.0, **metrics):
    data = {"name": pair, "sha256": "0" * 64}
    return Record(
        "fusiongan", method, scale, data, seed, {}, metrics, [], minutes, "CPU", "0.1.0"
    )


def like_the_paper():
    """Records whose Ratios are the paper's, with narrow ranges."""
    return {m: {k: about(x[k], 0.001) for k in RATIOS} for m, x in TABLE_1.items()}


def rows(runs=(), **beside):
    """Rows of records, or of metrics by method."""
    if isinstance(runs, dict):
        runs = [record(name, **metrics) for name, metrics in runs.items()]
    return rows_of(runs, order=SHORT, **beside)


def row(table, **wanted):
    (found,) = [r for r in table if all(r[k] == v for k, v in wanted.items())]
    return found


# Records in rows


def test_a_rows_numbers_are_the_records():
    runs = [record("mle", seed, dd_eud_ratio=about(1 + seed, 0.25)) for seed in (0, 1, 2)]
    table = tables.table_1(rows(runs))
    mine = row(table, method="mle")
    found = mine["dd_eud_ratio"]
    assert mine["runs"] == 3
    assert (found["mean"], found["low"], found["high"]) == (2.0, 0.75, 3.25)
    assert mine["dd_eud_ratio_paper"] == TABLE_1["mle"]["dd_eud_ratio"]
    shown = table.markdown().replace("\N{NO-BREAK SPACE}", " ")
    assert "| MLE | 3 | 2.00 [0.75, 3.25]<br>*paper: 1.231* |" in shown


def test_the_papers_methods_and_the_trivial_ones_always_have_a_row():
    table = tables.table_1(rows())
    trivial = {"half_and_half", "splice"}
    assert {r["method"] for r in table} == set(TABLE_1) | trivial
    assert all(r["dd_eud_ratio"] is None for r in table)
    methods = {r["method"] for r in tables.beyond_marginals(rows())}
    assert methods == trivial


def test_other_methods_can_be_left_out():
    found = rows([record("gan", dd_eud_ratio=2.0), record("noise", dd_eud_ratio=2.0)])
    table = tables.table_1(found, ["gan"])
    assert row(table, method="gan")["runs"] == 1
    assert "noise" not in [r["method"] for r in table]
    table = tables.beyond_marginals(found, ["noise"])
    assert [r["method"] for r in table if "runs" in r] == ["noise"]


def plain(table):
    """A table's Markdown with ordinary spaces."""
    return table.markdown().replace("\N{NO-BREAK SPACE}", " ")


def test_minutes_are_a_mean_over_seeds_and_a_number_without_range_is_shown_bare():
    share = {"middle_typical": about(0.5), "held_out_8gram": 0.25}
    runs = [record("fusion", seed, minutes=2.0 * seed, **share) for seed in (0, 1)]
    table = tables.beyond_marginals(rows(runs))
    assert row(table, method="fusion")["minutes"] == 1.0
    assert "| 50 [49, 51] % |" in plain(table)
    assert "of held-out music, 25.0 % are" in plain(table)
    some = rows([*runs, record("rm", middle_typical=about(0.1))])  # not measured in all
    assert "of held-out music, 25.0 % are" in plain(tables.beyond_marginals(some))


def test_each_judge_has_its_column_beyond_the_marginals():
    share = {"middle_typical": about(0.5), "middle_typical_features": about(0.25)}
    share |= {"middle_typical_both": about(0.125)}
    share |= {"copied_8gram": about(0.06), "npd_eud_ratio": about(1.5)}
    line = plain(tables.beyond_marginals(rows({"blend": share}))).splitlines()
    (own,) = [x for x in line if x.startswith("| Blend |")]
    said = [cell.strip() for cell in own.split("|")[2:-1]]
    assert said[:4] == ["1", "50 [49, 51] %", "25 [24, 26] %", "12 [12, 14] %"]
    assert said[4:] == ["–", "–", "1.50 [1.49, 1.51]", "6.0 [5.0, 7.0] %", "1.0"]


def test_controls_are_no_methods():
    share = {"middle_typical": about(0.5), "typical": about(0.75)}
    made = rows(dict.fromkeys(("blend", "irish", "real_b", "other_key"), share))
    beyond = [r["method"] for r in tables.beyond_marginals(made) if "runs" in r]
    assert beyond == ["blend", "real_b"]  # no method is among the controls, or missing


def test_pairs_are_never_mixed():
    several = [record("rm"), record("mc", pair="weimar_essen")]
    with pytest.raises(RecordError, match="differ in data"):
        rows(several)
    assert [r.method for r in choose(several, "weimar_essen")] == ["mc"]
    for pair in PAIRS:
        assert {r["runs"] for r in shipped_rows(pair)} == {1, 3}
        assert {r["runs"] for r in shipped_rows(pair, seed=0)} == {1}


def test_every_method_and_every_control_has_a_short_name():
    assert set(SHORT) == {*METHODS, *CONTROLS}
    assert len(set(SHORT.values())) == len(SHORT)


def test_a_table_has_as_many_cells_in_each_line():
    for table in (
        tables.table_1(rows()),
        tables.table_2_repairs(),
        tables.beyond_marginals(rows()),
        claims.claims_table(rows()),
        claims.goals_table(rows()),
    ):
        lines = [line for line in table.markdown().split("\n") if line.startswith("|")]
        assert len(lines) == len(table) + 2
        assert len({line.count("|") for line in lines}) == 1


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
    found = row(tables.implied_distances(), column="npd_em")
    assert found["by_method"]["rm"] == pytest.approx(5231.0 / 0.643)


def test_repairs_mend_what_they_say():
    found = tables.table_2_repairs()
    assert {r["method"] for r in found} == {"gan", "mc"}
    for r in found:
        checks = row_checks(r["row"])
        assert (checks["sums"], checks["follows"]) == (r["sums"], r["follows"])
        assert r["printed"] == TABLE_2[r["method"]][r["entry"]]
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


def npd(**shares):
    """Pitch classes with hills at C and G, valleys at C# and F#; some can be changed."""
    base = dict(zip(HISTOGRAMS["npd"], (20, 1, 8, 9, 10, 8, 1, 18, 5, 7, 6, 7))) | shares
    total = sum(base.values())
    return {f"npd[{name}]": share / total for name, share in base.items()}


ONE_PEAK = dict(zip(HISTOGRAMS["npd"], (1, 2, 3, 9, 8, 7, 6, 5, 4, 3, 2, 1.5)))


# Claims


def tried(found, id):
    return row(claims.claims_table(found), id=id)


HEARD = {"FG-T2", "FG-T2b", "FG-C4", "FG-C7"}  # by listeners, and we have none


def test_what_the_papers_own_tables_support():
    table = claims.claims_table(rows())
    assert all(r["why"] for r in table)
    assert {r["id"]: r["paper"].verdict for r in table} == {
        "FG-F1..F5": "confirmed",
        "FG-F6": "not testable",
        "FG-T1": "partly",
        "FG-T2": "partly",
        "FG-T2b": "partly",
        "FG-THM": "refuted",
        "FG-C1": "partly",
        "FG-C2": "partly",
        "FG-C3": "confirmed",
        "FG-C4": "refuted",
        "FG-C5": "not testable",
        "FG-C6": "partly",
        "FG-C7": "not testable",
    }
    tried = {r["id"] for r in table if r["ours"].verdict != "not testable"}
    assert tried == {"FG-F1..F5", "FG-THM"}  # what needs no record
    for r in table:
        assert (r["id"] in HEARD) == ("needs listeners" in r["ours"].numbers)
    assert row(table, id="FG-C5")["paper"].numbers == "no figure or table shows it"


def test_a_theorem_fails_as_printed_and_holds_as_corrected():
    found = tried(rows(), "FG-THM")
    assert found["paper"].numbers.startswith("D_F's weights in Eq. 2, printed: sum 3; ")
    assert set(found["paper"].parts.values()) == {False}
    assert set(found["ours"].parts.values()) == {True} and len(found["ours"].parts) == 4


def test_the_diagrams_agree_with_each_other():
    found = tried(rows(), "FG-F1..F5")
    assert list(found["parts"]) == [f"Figure {k}" for k in range(1, 6)]
    assert "Figure 2: DA(GF) −1, DB(GF) −1, DF(GF) −1;" in found["paper"].numbers
    assert "DF(GB) +¼, DF(GF) −1;" in found["numbers"]


def test_an_arrow_with_another_sign_is_seen(monkeypatch):
    from fusiontools.papers.fusiongan import losses

    wrong = losses.WEIGHTS["14"] | {("F", "GA"): -1}
    monkeypatch.setitem(losses.WEIGHTS, "14", wrong)
    assert tried(rows(), "FG-F1..F5")["paper"].parts["Figure 5"] is False
    monkeypatch.setitem(losses.WEIGHTS, "1", losses.WEIGHTS["8"])
    parts = claims.CLAIMS[0].parts(claims.PRINTED)
    assert next(parts)[:2] == ("Figure 1", False)


def test_the_printed_tables_are_not_of_distributions_and_do_not_add_up():
    found = {r["id"]: r["paper"] for r in claims.claims_table(rows())}
    fails = {id: [k for k, v in t.parts.items() if v is False] for id, t in found.items()}
    assert fails["FG-T1"] == [
        *("distributions in DD EUD", "distributions in NPD EUD"),
        "MLE below the rest in NPD EM",
    ]
    assert fails["FG-T2"] == ["GAN's row", "MC's row"]
    assert "GAN adds up to 91 %; GAN's FL follows as 65.9, not 69" in found["FG-T2"].numbers
    assert fails["FG-T2b"] == [f"{m}: a majority" for m in ("MLE", "GAN", "Fusion")]
    assert "expert: GAN 42 %" in found["FG-T2b"].numbers


def test_the_order_of_table_1_is_tried_on_the_records():
    made = like_the_paper()
    found = tried(rows(made), "FG-T1")["ours"].parts
    order = ("MC below Fusion", "Fusion below MLE", "MLE below the rest")
    assert list(found) == [f"{p} in {c}" for c in claims.COLUMNS.values() for p in order]
    assert all(found[f"{part} in NPD EUD"] for part in order)
    made["gan"]["npd_em_ratio"] = about(1.5, 0.2)  # MLE's is inside
    found = tried(rows(made), "FG-T1")["ours"].parts
    assert found["MLE below the rest in NPD EM"] is None
    made["mc"]["npd_eud_ratio"] = about(1.45, 0.001)  # above Fusion's, below MLE's
    found = tried(rows(made), "FG-T1")["ours"].parts
    assert [found[f"{part} in NPD EUD"] for part in order] == [False, True, True]


def test_records_like_the_papers_say_what_its_table_says():
    found = {r["id"]: r for r in claims.claims_table(rows(like_the_paper()))}
    ours, paper = found["FG-C2"]["ours"], found["FG-C2"]["paper"]
    fails = [part for part, holds in paper.parts.items() if not holds]
    assert ours.parts == paper.parts and len(ours.parts) == 6
    assert fails == ["below GAN in NPD EM"]
    assert ours.numbers.endswith("; *fails*: below GAN in NPD EM")
    assert found["FG-C3"]["ours"].verdict == found["FG-C3"]["paper"].verdict == "confirmed"
    assert list(found["FG-C1"]["ours"].parts.values()) == [False, False, True, True]


def test_a_claim_flips_with_the_records():
    made = like_the_paper()
    made["gan"]["npd_em_ratio"] = about(1.60, 0.001)
    assert tried(rows(made), "FG-C2")["ours"].verdict == "confirmed"
    for distance in ("eud", "em"):
        made["mle"][f"npd_{distance}_ratio"] = about(1.9, 0.001)
    flipped = tried(rows(made), "FG-C2")
    assert (flipped["paper"].verdict, flipped["verdict"]) == ("partly", "refuted")
    for name in made:
        made[name]["npd_eud_ratio"] = made[name]["npd_em_ratio"] = about(1.5, 0.3)
    assert tried(rows(made), "FG-C2")["ours"].verdict == "open"


def test_level_with_mc_is_a_range_that_overlaps():
    made = like_the_paper()
    assert tried(rows(made), "FG-C1")["ours"].verdict == "partly"
    for name in ("mc", "fusion"):
        made[name] |= {"dd_eud_ratio": about(1.1, 0.05), "dd_em_ratio": about(1.1, 0.05)}
    assert tried(rows(made), "FG-C1")["ours"].verdict == "confirmed"


def test_improvements_far_from_ten_per_cent_refute():
    made = like_the_paper()
    made["rm"] |= {"npd_eud_ratio": about(9.0), "npd_em_ratio": about(9.0)}
    assert tried(rows(made), "FG-C3")["ours"].verdict == "refuted"


def test_overfitting_needs_copies_and_a_peak_needs_a_histogram():
    made = like_the_paper()
    parts = tried(rows(made), "FG-C6")["ours"].parts
    assert list(parts.values()) == [True, True, None, None]
    made["rl"] |= {"copied_8gram": about(0.3), "held_out_8gram": 0.1}
    made["gan"] |= npd(**ONE_PEAK)
    assert tried(rows(made), "FG-C6")["ours"].verdict == "confirmed"
    made["rl"]["copied_8gram"] = about(0.1, 0.05)  # the interval has held-out music's
    overlap = tried(rows(made), "FG-C6")["ours"].parts
    assert list(overlap.values()) == [True, True, None, True]
    made["rl"]["copied_8gram"] = about(0.05)
    made["gan"] |= npd()
    found = tried(rows(made), "FG-C6")["ours"]
    assert found.verdict == "partly"
    assert list(found.parts.values()) == [True, True, False, False]


def history(objective, ratio, run="fusion-0"):
    columns = {"objective": objective, "ratio_dd": ratio, "ratio_npd": -ratio}
    steps = np.arange(1.0, 1 + len(objective))
    return {f"{run}/{name}": np.stack([steps, x]) for name, x in columns.items()}


def test_progress_is_a_rank_correlation():
    up = np.arange(12.0)
    found = progress(history(up, np.exp(up)))
    assert found["rounds"] == 12
    assert found["ratio_dd"] == pytest.approx(1)
    assert found["ratio_npd"] == pytest.approx(-1)
    assert found["objective_rounds"] == pytest.approx(1)
    assert found["ratio_dd_differences"] is None  # it rises by 1 each round
    assert progress(history(up[:5], up[:5]))["ratio_dd"] is None
    assert progress(history(np.ones(12), up))["ratio_dd"] is None
    assert progress({}) == dict.fromkeys(found) | {"rounds": 0}


def drifting(steps, times):
    """Curves that rise together, and whose steps agree, or disagree, as `times` says."""
    return np.cumsum(2 + steps), np.cumsum(2 + times * steps)


def test_what_only_drifts_is_told_from_what_moves_together():
    steps = np.random.default_rng(0).uniform(-1, 1, 40)
    for times in (1, -1):
        found = progress(history(*drifting(steps, times)))
        assert found["objective_rounds"] > 0.99 and found["ratio_dd"] > 0.99
        assert found["ratio_dd_differences"] == pytest.approx(times)
        assert found["ratio_npd_differences"] == pytest.approx(-times)


def test_the_objective_is_tried_on_the_fusions_histories_only():
    steps = np.random.default_rng(0).uniform(-1, 1, 40)
    made = history(*drifting(steps, 1))
    for run in ("fusion_ours-0", "pretraining-0"):
        made |= history(*drifting(steps, -1), run)
    found = tried(rows(histories=made), "FG-C5")
    assert found["ours"].parts == {"fusion-0 in DD": True, "fusion-0 in NPD": False}
    assert found["ours"].numbers.startswith(
        "fusion-0, DD: with the round +1.00, differences +1.00; "
    )
    apart = rows(histories=history(*drifting(steps, -1)))
    assert tried(apart, "FG-C5")["parts"]["fusion-0 in DD"] is False
    other = rows(histories=history(*drifting(steps, 1), "pretraining-0"))
    said = "no history of more than 10 rounds of fusion"
    assert tried(other, "FG-C5")["numbers"] == said


def with_shapes(**changes):
    """Records whose pitch classes are as the paper reads its Figure 6, and whose durations
    fall from the shortest on.
    """
    fall = np.arange(len(HISTOGRAMS["dd"]), 0, -1.0)
    dd = {f"dd[{k}]": x / fall.sum() for k, x in zip(HISTOGRAMS["dd"], fall)}
    real = dict.fromkeys(("real_a", "real_b"), dd)
    one = dict.fromkeys(HISTOGRAMS["npd"], 1) | {"C": 2, "D": 0.5}
    made = {"rm": npd(**one), "gan": npd(**ONE_PEAK)}
    return made | dict.fromkeys(("mc", "mle", "fusion"), npd()) | real | changes


def test_figure_6_is_read_off_the_records():
    found = tried(rows(with_shapes()), "FG-F6")
    assert found["verdict"] == "confirmed" and "GAN meets 0;" in found["numbers"]
    found = tried(rows(with_shapes(gan=npd())), "FG-F6")
    assert [k for k, holds in found["parts"].items() if not holds] == ["GAN meets 0"]
    halves = {f"dd[{k}]": 0.5 if k in ("0", "1/2") else 0.0 for k in HISTOGRAMS["dd"]}
    halves["dd[1/2]"] = 0.6
    found = tried(rows(with_shapes(real_b=halves)), "FG-F6")
    assert found["parts"]["a power law in real B"] is False
    assert "of the notes are 1/2 of a beat long, 45.5" in found["numbers"]
    # a peak is higher than both its neighbours on the circle, where B lies beside C
    found = tried(rows(with_shapes(mc=npd(B=30))), "FG-F6")
    assert "MC meets 3;" in found["numbers"] and not found["parts"]["MC meets 4"]
    without = rows(with_shapes(gan={"dd_eud_ratio": 1.0}))
    assert "not measured: npd[C] of gan" in tried(without, "FG-F6")["numbers"]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_claim_is_tried_on_the_records_that_ship(pair):
    for r in claims.claims_table(shipped_rows(pair)):
        assert bool(r["ours"].parts) == (r["id"] not in HEARD)
        assert "not measured" not in r["ours"].numbers


@pytest.mark.parametrize("pair", PAIRS)
def test_every_goal_is_tried_on_the_records_that_ship(pair):
    assert all(r["reached"] is not None for r in claims.goals_table(shipped_rows(pair)))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_objective_rises_whatever_the_ratios_do(pair):
    """On the records that ship: a correlation with what drifts is no indication."""
    found = shipped_rows(pair)
    assert tried(found, "FG-C5")["verdict"] == "refuted"
    for seed in range(3):
        made = progress(found.beside["histories"], f"fusion-{seed}")
        assert made["objective_rounds"] > 0.97
        assert abs(made["ratio_dd_differences"]) < 0.35


# Goals

OTHERS = ("irish", "airs", "third_genre")
BOTH = ("", "_features")


def judged(middle, width=0.02, **more):
    """What both judges say, alike, at any temperature."""
    own = {f"middle_typical{t}": middle for t in ("", "_low_t", "_high_t")} | more
    return {name + end: about(x, width) for name, x in own.items() for end in BOTH}


def goal_rows(pair="essen_ryan", **changes):
    """Rows that reach every goal, with some metrics changed."""
    close = {name: about(1.05) for name in RATIOS}
    close |= {"copied_8gram": about(0.05, 0.01), "held_out_8gram": 0.1}
    order = {"ib_eud_ratio": about(1.1), "db_eud_ratio": about(1.1)}
    few = {"middle_typical_both": about(0.05)}
    made = dict.fromkeys(TRAINED, close) | dict.fromkeys(OTHERS, few)
    made["blend"] = close | order | judged(0.55, throughout=0.2)
    made["splice"] = judged(0.45)
    made["mle_hot"] = close | judged(0.2)
    for name, metrics in changes.items():
        made[name] = made[name] | metrics
    return rows(made, pair=pair)


@pytest.mark.parametrize("pair", PAIRS)
def test_goals_are_reached_and_missed_by_the_records_alone(pair):
    assert all(r["reached"] for r in claims.goals_table(goal_rows(pair)))
    assert all(r["reached"] is None for r in claims.goals_table(rows(pair=pair)))
    for lacking in TRAINED:  # no word on all of them without each of them
        some = [r for r in goal_rows(pair) if r["method"] != lacking]
        assert claims.goals_table(Rows(some, pair=pair))[-1]["reached"] is None
    for lacking in OTHERS:
        some = [r for r in goal_rows(pair) if r["method"] != lacking]
        (found,) = [
            r for r in claims.goals_table(Rows(some)) if "other genres" in r["goal"]
        ]
        assert found["reached"] is None and lacking in found["numbers"]


@pytest.mark.parametrize(
    ("method", "metrics", "words"),
    [
        ("blend", {"middle_typical": about(0.49)}, ["by each judge"]),
        ("blend", {"middle_typical_features": about(0.499)}, ["by each judge"]),
        # ranges overlap, by one judge or the other
        ("blend", {"middle_typical": about(0.55, 0.09)}, ["than of splice"]),
        ("splice", {"middle_typical_features": about(0.5, 0.05)}, ["than of splice"]),
        ("splice", judged(0.7), ["than of splice"]),
        ("splice", {"middle_typical_low_t": about(0.54)}, ["than of splice"]),
        ("mle_hot", judged(0.3, 0.3), ["than of MLE at temperature 2"]),
        ("blend", {"throughout": about(0.09)}, ["in each third"]),
        ("blend", {"throughout_features": about(0.05)}, ["in each third"]),
        ("blend", {"ib_eud_ratio": about(1.16)}, ["interval and of duration pairs"]),
        ("blend", {"db_eud_ratio": about(1.16)}, ["interval and of duration pairs"]),
        ("blend", {"npd_eud_ratio": about(1.21)}, ["interval and of duration pairs"]),
        ("airs", {"middle_typical_both": about(0.11)}, ["other genres"]),
        ("third_genre", {"middle_typical_both": about(0.2)}, ["other genres"]),
        ("fusion", {"npd_em_ratio": about(1.2)}, ["MLE's + 0.05"]),
        ("mle", {"npd_em_ratio": about(0.99)}, ["MLE's + 0.05"]),
        ("fusion", {"npd_eud_ratio": about(1.4)}, ["MLE's + 0.05", "the paper's"]),
        ("mle", {"copied_8gram": about(0.2, 0.01)}, ["copied runs"]),
    ],
)
def test_a_goal_missed_is_said_to_be(method, metrics, words):
    table = claims.goals_table(goal_rows(**{method: metrics}))
    missed = [r["goal"] for r in table if not r["reached"]]
    assert all(r["reached"] is not None for r in table)
    assert len(missed) == len(words)
    assert all(own in goal for own, goal in zip(words, missed))


def test_how_many_must_lie_between_hangs_on_the_pair():
    least = goal_rows("weimar_essen", blend=judged(0.46), splice=judged(0.3))
    assert claims.goals_table(least)[0]["reached"] is True
    assert claims.goals_table(Rows(least, pair="essen_ryan"))[0]["reached"] is False
    assert claims.goals_table(Rows(least))[0]["reached"] is None  # of no pair

"""The evidence of the LSTM and convolutional GANs: claims and goals on made-up records, and
tables and figures that say what came in.
"""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from fusiontools.papers.lstm_gan.config import METHODS, Config, method
from fusiontools.papers.lstm_gan.evidence import claims, figures, tables
from fusiontools.papers.lstm_gan.evidence.paper import PAPER, SHORT, TABLE_1
from fusiontools.papers.lstm_gan.networks import Networks
from fusiontools.records import Record
from fusiontools.report.rows import Measured, NotMeasured, Rows, printed
from fusiontools.report.rows import rows as rows_of

matplotlib.use("Agg")
DATA = {"eb": 20.0, "upc": 4.0, "qn": 96.0, "scale": 0.99, "copied_bars": 1.0}
NEAR = {"eb": 20.0, "upc": 4.4, "qn": 82.0, "scale": 0.97, "copied_bars": 0.003}
MIDDLE, FAR = NEAR | {"upc": 7.0, "qn": 60.0}, NEAR | {"upc": 9.0, "qn": 30.0}


SILENT = {"eb": 100.0}  # nothing else can be measured


def rows(runs, seeds=1, width=0.01, **beside):
    """Rows of made-up records: those in `DATA` have a range around it."""
    data, made = {"name": "toy", "sha256": "0" * 64}, []
    for name, own in runs.items():
        ranged = {k: {"value": x, "low": x - width, "high": x + width}
                  if k in DATA else x for k, x in own.items()}  # fmt: skip
        for seed in range(seeds):
            moved = {k: x + 0.01 * seed if "overlap" in k else x for k, x in ranged.items()}
            asked = ("lstm_gan", name, "smoke", data, seed, {}, moved)
            made.append(Record(*asked, [], 1.0, "CPU", "0.1.0"))
    return rows_of(made, order=SHORT, **beside)


def told(name, runs, **more):
    """What became of each part of a claim."""
    (row,) = [r for r in claims.claims_table(rows(runs, **more)) if r["id"] == name]
    return list(row["parts"].values())


def verdict(name, runs, **more):
    (row,) = [r for r in claims.claims_table(rows(runs, **more)) if r["id"] == name]
    return row["verdict"]


def test_a_distance_is_that_of_the_means_and_its_range_holds_the_data_if_the_range_does():
    found = rows({"data": {"upc": 4.0}, "naive": {"upc": 5.0}}, width=0.5)
    assert claims.distance(found, "naive", "upc") == {"mean": 1.0, "low": 0.5, "high": 1.5}
    found = rows({"data": {"upc": 4.0}, "naive": {"upc": 4.1}}, width=0.5)
    away = claims.distance(found, "naive", "upc")
    assert away == pytest.approx({"mean": 0.1, "low": 0.0, "high": 0.6})
    assert claims.distance(printed(TABLE_1), "cnn_lstm", "upc")["low"] is None


def test_table_1_confirms_itself_by_the_same_functions():
    by = {r["id"]: r["paper"] for r in claims.claims_table(Rows(), printed(TABLE_1))}
    assert {by[k].verdict for k in ("LG-T1", "LG-C2", "LG-C3")} == {"confirmed"}
    assert by["LG-C4"].verdict == "not testable"


@pytest.mark.parametrize(
    ("naive", "bilstm", "cnn_lstm", "says"),
    [
        (FAR, MIDDLE, NEAR, [None, None, True, True, True, True]),  # EB by construction
        (NEAR, NEAR, FAR, [None, None, False, False, False, False]),
        (FAR, NEAR, NEAR, [None, None, None, True, None, True]),
    ],
)
def test_cnn_lstm_is_nearest_or_is_not(naive, bilstm, cnn_lstm, says):
    runs = {"data": DATA, "naive": naive, "bilstm": bilstm, "cnn_lstm": cnn_lstm}
    assert told("LG-C2", runs) == says
    stuck = rows(runs | {"bilstm": sized(bilstm, 0.97)})
    assert "(bi-LSTM: alike 0.97)" in claims.claims_table(stuck)[2]["numbers"]
    goal = "CNN-LSTM: nearer in UPC and QN than bi-LSTM and naive, ranges apart"
    reached = False if False in says else None if None in says[2:] else True
    assert goals(runs)[goal] is reached


def test_segmented_bars_are_told_from_others():
    runs = {"data": DATA, "naive": FAR, "bilstm": MIDDLE, "cnn_lstm": NEAR}
    assert told("LG-C3", runs) == [None] * 3 + [True] * 6
    learned = runs | {"cnn_lstm_empty": NEAR | {"eb": 12.0}}
    assert told("LG-C3", learned) == [False] + [True] * 6
    few = runs | {"naive": FAR | {"upc": 2.0, "qn": 99.0}}
    assert told("LG-C3", few) == [None] * 3 + [False, True, True] * 2


def sized(own, alike, g=200, d=100):
    return own | {"alike": alike, "parameters_g": g, "parameters_d": d}


STUCK = {"collapsed": sized(FAR, 0.95), "bilstm_reach": sized(FAR, 0.9)}
MENDED = STUCK | {"bilstm_reach": sized(MIDDLE, 0.05)}


@pytest.mark.parametrize(
    ("bilstm", "balanced", "control", "says"),
    [
        (sized(FAR, 0.9), sized(NEAR, 0.1), STUCK, [True, True, None]),
        (sized(FAR, 0.9), sized(FAR, 0.9), MENDED, [True, False, False]),
        (sized(FAR, 0.1), sized(NEAR, 0.9), MENDED, [True, False, False]),
        (sized(NEAR, 0.9), sized(SILENT, 1.0), MENDED, [True, False, False]),
        (sized(NEAR, 0.1), sized(NEAR, 0.1), MENDED, [False, True, False]),
        (sized(FAR, 0.9), sized(NEAR, 0.1), {}, [True, True, None]),
    ],
)
def test_balance_is_the_cause_or_the_noise_is(bilstm, balanced, control, says):
    runs = {"data": DATA, "bilstm": bilstm, "bilstm_balanced": balanced} | control
    assert told("LG-C1", runs) == says


@pytest.mark.parametrize(
    ("many", "seeds", "says"),
    [(0.9, 3, True), (0.5, 3, False), (0.715, 3, None), (0.6, 1, False)],
)
def test_more_songs_help_by_more_than_seeds_differ(many, seeds, says):
    few = {"cnn_lstm": {"overlap_heldout": 0.7}}
    found = rows(few, seeds) + rows({"cnn_lstm_all": {"overlap_heldout": many}})
    assert [part[1] for part in claims.more_data(Rows(found))] == [says]


def test_remedies_help_or_converge():
    runs = {"data": DATA, "bilstm": sized(MIDDLE, 0.9)}
    runs["bilstm_pretrained"] = sized(NEAR, 0.1)
    runs["bilstm_g_steps"] = sized(FAR, 0.9)
    runs["bilstm_d_steps"] = sized(MIDDLE | {"upc": 6.0, "qn": 30.0}, 0.9)
    assert told("LG-C5", runs) == [True, False, False, True, None, True]


@pytest.mark.parametrize(
    ("constant", "moves", "says"),
    [
        (FAR, 0.0, [True, True]),
        (NEAR, 2.0, [False, False]),
        (MIDDLE, 0.0, [None, True]),
        (SILENT, 0.0, [True, True]),
    ],
)
def test_weights_at_random_mend_what_does_not_move(constant, moves, says):
    up_and_down = np.tile([0.0, 1.0], 50)
    drawn = {"bilstm-0/g": up_and_down, "bilstm_constant-0/g": moves * up_and_down[:80]}
    drawn = {name: np.stack([np.arange(len(x)), x]) for name, x in drawn.items()}
    runs = {"data": DATA, "bilstm": MIDDLE, "bilstm_constant": constant}
    assert told("LG-C6", runs, histories=Measured(drawn)) == says


def test_losses_oscillate_or_fall():
    steps = np.arange(1600)
    for values, says in ((np.sin(steps / 10), "confirmed"), (-steps / 100, "refuted")):
        drawn = {f"cnn_lstm-0/{k}": np.stack([steps, values]) for k in "gd"}
        assert verdict("LG-F8", {}, histories=drawn) == says


def test_the_printed_tables_need_no_record():
    (row,) = [r for r in claims.claims_table(Rows()) if r["id"] == "LG-F4b, F5b"]
    assert list(row["parts"].values()) == [True, True, False]
    assert "12,702,820" in row["numbers"] and "100 x 1" in row["numbers"]


def test_every_claim_and_goal_says_what_is_not_measured():
    assert [claim.id for claim in claims.CLAIMS] == list(PAPER["claims"])
    for row in claims.claims_table(Rows()):
        if row["id"] != "LG-F4b, F5b":
            assert "not measured" in row["numbers"] and row["verdict"] == "not testable"
    for row in claims.goals_table(Rows()):
        assert row["reached"] is None and "not measured" in row["numbers"]


# Goals


def goals(runs, **more):
    table = claims.goals_table(rows(runs, **more))
    return {row["goal"]: row["reached"] for row in table}


def overlapping(own, mean, scope=None):
    names = [f"overlap{part}" for part in ("", "_validation", "_heldout")]
    each = {f"{name}_{part}": mean for name in names for part in figures.PARTS}
    return own | each | dict.fromkeys(names, mean) | {"overlap_validation": scope or mean}


WORLD = {
    "data": overlapping(DATA, 0.9),
    "heldout": overlapping(DATA | {"copied_bars": 0.05}, 0.93),
    "permuted": overlapping(DATA | {"scale": 0.9, "copied_bars": 0.006}, 0.6),
    "cnn_lstm": overlapping(NEAR, 0.72),
    "musegan": overlapping(MIDDLE, 0.65),
}
BEST = {
    "our best model: off by at most EB 2.2, UPC 0.85, QN 26.2": NEAR | {"upc": 6.0},
    "our best model: nearer to held-out songs in scale and range than permuted bars": NEAR
    | {"scale": 0.5},
    "our best model: copied bars at most held-out songs' share": NEAR
    | {"copied_bars": 1.0},
}


def test_goals_are_reached_by_numbers_alone():
    assert goals(WORLD)["CNN-LSTM: off by at most EB 2.9, UPC 1.96, QN 21.0"]
    for goal, worse in BEST.items():
        assert goals(WORLD)[goal] is True
        assert goals(WORLD | {"cnn_lstm": overlapping(worse, 0.72)})[goal] is False
    goal = "our best model: overlap with held-out songs at least 0.7"
    assert goals(WORLD)[goal] is True
    assert goals(WORLD | {"cnn_lstm": overlapping(NEAR, 0.69)})[goal] is False


def test_the_best_model_is_chosen_by_validation_songs_alone():
    assert claims.best_model(rows(WORLD)) == "cnn_lstm"
    other = overlapping(FAR, 0.1, scope=0.8)  # its held-out songs do not count
    assert claims.best_model(rows(WORLD | {"bilstm_ours": other})) == "bilstm_ours"
    with pytest.raises(NotMeasured):
        claims.best_model(rows({"naive": FAR}))


# Tables


def test_tables_have_their_columns_and_methods():
    cost = {"distinct": 1.0, "eb_learned": 1.0, "steps": 100, "polyphony": 2.0}
    trained = {name: sized(overlapping(MIDDLE, 0.5), 0.8) | cost
               for name in (*tables.REMEDIES, "cnn_lstm")}  # fmt: skip
    found = rows({name: own for name, own in WORLD.items() if name != "musegan"} | trained)
    made = tables.remedies_table(found)
    assert [row["method"] for row in made] == list(tables.REMEDIES)
    wanted = "alike distinct UPC overlap steps minutes".split()
    assert {*wanted, "QN, %", "EB of its own, %", "weights of G"} < set(made.columns)
    assert "0.80" in made.markdown() and "Alike" in made.caption
    made = tables.trainings_table(found)
    assert {row["method"] for row in made} == set(trained)
    made = tables.measures_table(found)
    assert made.columns["alike"](found.one("data")) == "–" and len(made) == 6
    text = tables.table_1(found).markdown()
    assert "*paper: 5.24*" in text and SHORT["bilstm_ours"] in text


# Figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def inside(figure):
    """Whether all that is drawn is within the figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox()
    wide, tall = figure.get_size_inches()
    return -0.1 < box.x0 and box.x1 < wide + 0.1 and -0.1 < box.y0 and box.y1 < tall + 0.1


@pytest.mark.parametrize("name", ["cnn_lstm", "bilstm", "bilstm_printed"])
def test_the_diagram_counts_the_live_networks(name):
    networks = Networks(method(name, Config.smoke()))
    figure = figures.diagram(networks)
    (ax,) = figure.axes
    words = " ".join(text.get_text() for text in ax.texts)
    for part in (networks.g, networks.d):
        assert f"{sum(p.numel() for p in part.parameters()):,} weights" in words
    assert f"{networks.noise} numbers" in words
    arrows = {a.get_gid() for a in ax.patches if isinstance(a, FancyArrowPatch)}
    assert arrows == {"z>G", "G>fake", "fake>D", "real>D"} and inside(figure)


def history(runs, columns):
    steps = np.arange(0, 100, 10)
    return {f"{r}/{k}": np.stack([steps, 0.5 + 0 * steps]) for r in runs for k in columns}


def test_losses_have_a_panel_a_run():
    figure = figures.losses_figure(history(["cnn_lstm-0", "bilstm-0"], "gd"))
    titles = [ax.get_title("left") for ax in figure.axes]
    assert titles == ["CNN-LSTM: loss", "bi-LSTM: loss"] and inside(figure)
    legend = [text.get_text() for text in figure.axes[0].get_legend().texts]
    assert legend == ["G", "D"]
    with pytest.raises(ValueError, match="no curve"):
        figures.losses_figure({})


def test_courses_show_bars_getting_alike_and_the_data_beside_them():
    runs = ["collapsed-0", "bilstm_reach-0"]
    drawn = history(runs, ("alike", "upc", "qn"))
    figure = figures.course_figure(drawn, found=rows({"data": DATA | {"alike": 0.1}}))
    assert len(figure.axes) == 3 and inside(figure)
    assert [len(ax.lines) for ax in figure.axes] == [3, 3, 3]
    qn = figure.axes[2]
    assert qn.lines[0].get_ydata()[0] == 50 and qn.lines[2].get_ydata()[0] == DATA["qn"]
    legend = [text.get_text() for text in figure.legends[0].texts]  # one for all panels
    assert legend == [SHORT["collapsed"], SHORT["bilstm_reach"]]
    assert len(figures.course_figure(drawn).axes[0].lines) == 2


def test_overlaps_are_drawn_for_what_is_there():
    figure = figures.overlap_figure(rows(WORLD | {"bilstm_ours": WORLD["musegan"]}))
    (ax,) = figure.axes
    labels = [line.get_label() for line in ax.lines]
    assert labels[0] == "held-out songs: mean 0.93" and len(labels) == 5
    assert set(ax.lines[0].get_ydata()) == {0.93} and len(ax.get_xticklabels()) == 6
    assert inside(figure)


def test_all_methods_of_tables_and_figures_are_methods():
    named = {*tables.MAIN, *tables.REMEDIES, *figures.COMPARED, *figures.SHADES}
    assert named <= set(METHODS) == set(SHORT)

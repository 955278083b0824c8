"""The chapter's figures: points, bars and words are the numbers that came in, boxes are the
live networks.
"""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch

from fusiontools.music.grid import decode_grid
from fusiontools.papers.connective_fusion import Config, Networks
from fusiontools.papers.connective_fusion.evidence import diagrams, figures
from fusiontools.papers.connective_fusion.evidence.figures import GREY, SHADES
from fusiontools.papers.connective_fusion.evidence.paper import METRICS
from fusiontools.papers.connective_fusion.evidence.tables import rows_of
from fusiontools.papers.connective_fusion.fusing import fuse
from fusiontools.records import Record
from fusiontools.report.boxes import layer_sizes, weights_of
from fusiontools.report.rows import NotMeasured
from fusiontools.score.markov import STATISTICS, markov_matrix, matrix_correlation

matplotlib.use("Agg")

PAIR = np.repeat(
    np.array(
        [60, 62, 64, 65, 67, 65, 64, 62] * 2 + [72, 74, 76, 77, 79, 77, 76, 74] * 2,
        np.uint8,
    ),
    4,
)
PAIR[1::4], PAIR[2::4], PAIR[3::4] = 1, 1, 0


@pytest.fixture(autouse=True)
def clean():
    yield
    plt.close("all")


@pytest.fixture
def networks():
    torch.manual_seed(0)
    made = Networks(Config.smoke())
    made.vae.eval()
    return made


def record(method, level, distance, **config):
    """One run; its intervals are mirrored, so that they do not contain the value."""
    metrics = {
        name: {"value": level, "low": level + 0.05, "high": level + 0.1} for name in METRICS
    }
    metrics["z_distance"] = {"value": distance, "low": distance, "high": distance}
    data = {"name": "fiddle_pop909", "sha256": "0" * 64}
    return Record(
        "connective_fusion",
        method,
        "shipped",
        data,
        0,
        config,
        metrics,
        [],
        1.0,
        "CPU",
        "0.1.0",
    )


def made_up():
    found = [record("real", 0.9, 0.0, inputs="test")]
    for inputs in ("test", "prior"):
        found += [
            record("ours", 0.2 + 0.1 * z, z, similarity=k, iterations=1, inputs=inputs)
            for k, z in ((2.0, 1.0), (0.3, 4.0))
        ]
        found += [
            record(
                "iterated", 0.3 + 0.1 * z, z, similarity=2.0, iterations=i, inputs=inputs
            )
            for i, z in ((3, 3.0), (2, 2.0))
        ]
        found += [
            record("latent_perturb", 0.1 * z, z, sigma=s, inputs=inputs)
            for s, z in ((0.2, 5.0), (0.01, 0.5))
        ]
        found += [
            record("concatenate", 0.25, 0.0, inputs=inputs),
            record("noise", 0.05, 4.0, inputs=inputs),
        ]
    return rows_of(found, {})


def counted(arrays):
    """No record, and such counts."""
    return rows_of([], arrays)


def title(ax):
    """A title, wherever the style puts it."""
    return ax.get_title(loc="left") or ax.get_title()


def points(ax):
    """The places of all marks, by their colour's edge."""
    found = {}
    for marks in ax.collections:
        if hasattr(marks, "get_sizes") and len(marks.get_sizes()):
            shade = (
                marks.get_edgecolors()
                if len(marks.get_edgecolors())
                else marks.get_facecolors()
            )
            found.setdefault(to_hex(shade[0]), []).extend(
                map(tuple, np.asarray(marks.get_offsets()).round(9).tolist())
            )
    return found


def curves(ax):
    return [
        list(zip(*(np.round(c, 9).tolist() for c in line.get_data())))
        for line in ax.lines
        if len(line.get_xdata())
    ]


# Figures 4 and 7


@pytest.mark.parametrize("inputs", ["test", "prior"])
def test_each_metric_has_a_panel(inputs):
    axes = figures.metrics_figure(made_up(), inputs).axes
    assert [title(ax) for ax in axes] == [
        "reality",
        "key",
        "mean pitch",
        "mean duration",
        "pitch transition",
        "duration transition",
    ]
    for ax in axes:
        assert points(ax)[SHADES[2.0]] == [(1.0, 0.3)] and points(ax)[SHADES[0.3]] == [
            (4.0, 0.6)
        ]
        assert sorted(points(ax)[GREY]) == [(0.0, 0.25), (4.0, 0.05)]
        assert [(0.5, 0.05), (5.0, 0.5)] in curves(ax)  # Latent Perturb, by sigma
        assert [(4.0, 0.6), (1.0, 0.3)] in curves(ax)  # ours, by lambda
        assert ax.get_xscale() == "function" and ax.get_ylim()[1] < 1.1


def test_ours_again_and_again_stands_beside_latent_perturb_and_what_learns_nothing():
    (ax,) = figures.reality_figure(made_up(), judges=("reality",)).axes
    assert title(ax) == "according to the transformer"
    assert [(1.0, 0.3), (2.0, 0.5), (3.0, 0.6)] in curves(ax)
    assert [(0.5, 0.05), (5.0, 0.5)] in curves(ax)
    assert sorted(points(ax)[GREY]) == [(0.0, 0.25), (4.0, 0.05)]
    assert {t.get_text() for t in ax.texts} == {"side by side", "noise of that length"}
    assert ax.get_legend_handles_labels()[1] == [
        "real melodies",
        "corrected, λ 2, 1 to 3 times",
        "Latent Perturb",
    ]


def test_intervals_are_drawn_where_they_are_and_real_melodies_are_a_line():
    ax = figures.metrics_figure(made_up()).axes[0]
    spans = {
        tuple(np.round(s, 9).ravel())
        for marks in ax.collections
        if hasattr(marks, "get_segments")
        for s in marks.get_segments()
    }
    assert (1.0, 0.35, 1.0, 0.4) in spans
    assert any(set(line.get_ydata()) == {0.9} for line in ax.lines)


def test_the_legend_names_each_method_once():
    (legend,) = figures.metrics_figure(made_up()).legends
    said = [t.get_text() for t in legend.get_texts()]
    assert sorted(said) == sorted({*said}) and {
        "corrected, λ 0.3",
        "corrected, λ 2",
        "Latent Perturb",
        "real melodies",
    } <= {*said}


def test_iterations_are_followed_in_their_order():
    made = figures.iterations_figure(made_up())
    for ax in made.axes:
        assert [(1.0, 0.3), (2.0, 0.5), (3.0, 0.6)] in curves(ax)
        assert any(set(line.get_ydata()) == {0.25} for line in ax.lines)
    assert made.get_supxlabel() == "z-distance after 1, 2 and 3 iterations"


def test_what_was_not_measured_is_left_out():
    assert all(not points(ax) for ax in figures.metrics_figure(counted({})).axes)


# Figures 5 and 6, curves


def test_matrices_stand_side_by_side_with_their_correlations():
    rng = np.random.default_rng(0)
    arrays = {
        f"markov_{kind}_{stat}": rng.poisson(2, (k, k))
        for kind in ("before", "after", "real")
        for stat, k in STATISTICS.items()
    }
    axes = np.array(figures.matrices_figure(counted(arrays)).axes).reshape(5, 3)
    for row, stat in zip(axes, STATISTICS):
        real = markov_matrix(arrays[f"markov_real_{stat}"])
        for ax, kind in zip(row, ("before", "after", "real")):
            matrix = markov_matrix(arrays[f"markov_{kind}_{stat}"])
            assert np.array_equal(ax.images[0].get_array(), matrix)
            if kind != "real":
                assert (
                    ax.get_title()
                    == f"{kind}: {matrix_correlation(matrix, real):.2f}".replace("-", "−")
                )
    assert [t.get_text() for t in axes[0, 0].get_yticklabels()] == [
        "C major",
        "F♯ major",
        "C minor",
        "F♯ minor",
    ]
    some = figures.matrices_figure(counted(arrays), ("mp", "dt")).axes
    assert len(some) == 6 and some[0].get_ylabel() == "mean pitch"
    with pytest.raises(NotMeasured, match="markov_before_key"):
        figures.matrices_figure(counted({}))


def test_distances_are_shares_of_their_pairs():
    arrays = {
        "distance_edges": np.geomspace(0.1, 100, 4),
        "distance_within": np.array([1, 2, 1]),
        "distance_between": np.array([0, 0, 7]),
    }
    arrays["distance_below"] = np.array([[0.25, 0.5], [0.0, 0.001]])
    ax = figures.distances_figure(counted(arrays))
    heights = {
        p.get_label(): p.get_data().values.tolist()
        for p in ax.patches
        if "songs" in p.get_label()
    }
    assert heights == {
        "within songs: 25 % below 1 and 50 % below 3": [25, 50, 25],
        "between songs: 0 % below 1 and 0.1 % below 3": [0, 0, 100],
    }
    assert {line.get_xdata()[0] for line in ax.lines} == {1.0, 3.0}
    with pytest.raises(NotMeasured, match="distance_edges"):
        figures.distances_figure(counted({}))


def test_curves_of_the_trainings():
    steps = np.arange(4.0)
    arrays = {
        "vae-parallel/held_out_token_accuracy": np.array([[2.0, 4.0], [0.5, 0.75]]),
        "ours-1/distance": np.stack([steps, steps]),
        "ours-1/fooled": np.stack([steps, steps / 4]),
    }
    made = figures.training_curves(arrays)
    titles = [title(ax).split(":")[0] for ax in made.axes]
    assert titles == ["VAE", "Generator", "Discriminator"]
    assert curves(made.axes[0]) == [[(2.0, 50.0), (4.0, 75.0)]]
    assert {to_hex(line.get_color()) for line in made.axes[1].lines} == {SHADES[1.0]}
    with pytest.raises(ValueError, match="no curve"):
        figures.training_curves({})


def test_the_trainings_that_ship_have_all_their_curves():
    made = figures.training_curves()
    labels = [ax.get_legend_handles_labels()[1] for ax in made.axes]
    assert [len(told) for told in labels] == [4, 4, 4]
    assert labels[1] == ["λ 0.1", "λ 0.3", "λ 1", "λ 2"]


# Pictures of the live model


def test_boxes_say_what_the_live_networks_are(networks):
    config, said = (
        networks.config,
        " ".join(
            t.get_text() for ax in diagrams.stages_figure(networks).axes for t in ax.texts
        ),
    )
    for network in (
        networks.vae.encoder,
        networks.vae.decoder,
        networks.generator,
        networks.discriminator,
    ):
        assert f"{weights_of(network):,}" in said
    assert f"2 × {config.latent}" in said and f"{config.style} in [0, 1]" in said
    assert layer_sizes(networks.generator) == [
        2 * config.latent + config.style,
        *[config.mlp_width] * 4,
        4 * config.latent,
    ]
    assert f"{layer_sizes(networks.discriminator)[0]} → 4 × {config.mlp_width} → 1" in said


def test_the_generator_hears_the_style_and_the_discriminator_three_kinds_of_pairs(networks):
    arrows = {
        a.get_gid()
        for a in diagrams.stages_figure(networks).axes[1].patches
        if isinstance(a, FancyArrowPatch) and a.get_gid()
    }
    assert {a for a in arrows if a.endswith(">G")} == {"alone>G", "style>G"}
    assert {a for a in arrows if a.endswith(">D")} == {"pairs>D", "alone>D", "made>D"}


def bars(ax):
    return sorted(
        (round(b.get_x(), 6), round(b.get_y() + b.get_height() / 2, 6)) for b in ax.patches
    )


def placed(tokens):
    notes = decode_grid(tokens)
    return sorted(zip(notes.onset.round(6).tolist(), notes.pitch.astype(float).tolist()))


def test_rolls_show_what_the_networks_make(networks):
    made = diagrams.iteration_rolls(networks, PAIR, iterations=(1, 2), seed=3)
    assert bars(made.axes[0]) == placed(PAIR)
    for ax, k in zip(made.axes[1:], (1, 2)):
        found = fuse(networks, PAIR[:64], PAIR[64:], iterations=k, seed=3)
        assert bars(ax) == placed(found.tokens[0])
        assert title(ax) == f"iteration {k}: z-distance {found.distance[0]:.1f}"

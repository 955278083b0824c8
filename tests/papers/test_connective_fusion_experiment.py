"""The experiment at the size of a toy, from windows to what ships, and what is true of
everything that did ship.
"""

import json
from functools import partial

import numpy as np
import pytest
import torch

from fusiontools.corpora.cache import read_npz
from fusiontools.judges import reality
from fusiontools.music.grid import HOLD, is_legal_grid, repair_grid
from fusiontools.papers.connective_fusion.config import LAMBDAS, METHODS
from fusiontools.papers.connective_fusion.data import (
    HALF,
    PARTS,
    Windows,
    entry_rows,
    open_windows,
    save_windows,
)
from fusiontools.papers.connective_fusion.evidence import experiment, judging
from fusiontools.papers.connective_fusion.evidence import metrics as measuring
from fusiontools.papers.connective_fusion.evidence.experiment import (
    JOBS,
    MAIN,
    SIGMAS,
    label,
    measure_one,
    record_name,
    run_one,
    ship,
)
from fusiontools.papers.connective_fusion.fusing import fuse, load_weights, shipped_weights
from fusiontools.records import Record, read_record, read_records

MANY = 16  # pairs
MEASURED = ["baselines", "latent_perturb-0.01-test", "latent_perturb-0.2-prior"]


def toy(songs=6, each=2):
    """Random walks over a scale, each song in a rhythm of its own."""
    rng, arrays = np.random.default_rng(0), {}
    for i, part in enumerate(PARTS):
        rows = []
        for _ in range(songs):
            rhythm = np.flatnonzero(
                np.append(True, rng.random(15) < rng.choice([0.3, 0.6]))
            )
            for _ in range(each):
                bars = np.full((8, 16), HOLD, np.uint8)
                walk = np.cumsum(rng.integers(-1, 2, 8 * len(rhythm))) % 7
                bars[:, rhythm] = (62 + np.array([0, 2, 4, 5, 7, 9, 11]))[walk].reshape(
                    8, -1
                )
                rows.append(bars.ravel())
        arrays |= {
            part: np.array(rows),
            f"{part}_song": np.repeat(np.arange(songs, dtype=np.int32), each) + songs * i,
        }
        arrays[f"{part}_shift"] = np.tile(np.array([[-3, 4]], np.int8), (len(rows), 1))
    return Windows(
        "toy", arrays, {"sources": [{"corpora": [{"name": "mine", "licence": "CC0"}]}]}
    )


class Judge:
    """Likes high notes."""

    def __init__(self):
        self.about = {
            "learning_curve": [
                {"songs": 2, "windows": 6, "accuracy": 0.7, "low": 0.6, "high": 0.8}
            ]
        }

    def __call__(self, tokens):
        return np.where(tokens > HOLD, tokens, 0).max(axis=1) / 84


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the windows, the runs and what there is to take home, all at the scale
    "smoke".
    """
    folder = tmp_path_factory.mktemp("experiment")
    save_windows(toy(), folder / "toy.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "PAIRS", MANY)
        patch.setattr(
            measuring,
            "shipped_judges",
            lambda: {"reality": Judge(), "reality_features": Judge()},
        )
        patch.setattr(measuring, "load_judge", lambda *which: Judge())
        patch.setattr(measuring, "metrics", partial(measuring.metrics, repeats=5))
        patch.setattr(
            measuring, "figures", partial(measuring.figures, most=200, pairs=2000)
        )
        patch.setattr(reality, "load_judge", lambda *which, **more: Judge())
        for name, value in (("STEPS", 2), ("ITERATIONS", 2), ("WHAT", MEASURED)):
            patch.setattr(experiment, name, value)
        work = folder / "out" / "runs"
        for job in JOBS:
            run_one(folder / "toy.npz", work, "smoke", *job, device="cpu")
        for what in MEASURED:
            measure_one(folder / "toy.npz", work, "smoke", what)
        experiment.count(open_windows(folder / "toy.npz"), work, "smoke")
        assert (
            experiment.run_all(
                folder / "toy.npz", folder / "out", scale="smoke", device="cpu"
            )
            == []
        )  # all is there: it only collects
    return folder


@pytest.fixture(scope="module")
def records(home):
    return [Record(**r) for r in json.loads((home / "out" / "records.json").read_text())]


def test_there_is_a_record_of_all_that_was_asked_for(records):
    found = sorted(record_name(r) for r in records)
    both = ("test", "prior")
    there = [
        "data",
        "vae-parallel",
        "vae-lstm",
        "latent_perturb-0.01-test",
        "latent_perturb-0.2-prior",
        "real-test",
    ]
    there += [
        f"{name}-{kind}" for name in measuring.BASELINES if name != "real" for kind in both
    ]
    there += [f"ours-{k:g}-{kind}" for k in LAMBDAS for kind in both] + [
        f"iterated-{k:g}-2-{kind}" for k in LAMBDAS for kind in both
    ]
    there += [
        f"{name}-{seed}" for name in ("vae-parallel", "ours-0.3-test") for seed in (1, 2)
    ]
    there += [
        f"{name}-test" for name in ("styled", "as_printed", "gradient_penalty", "balanced")
    ]
    assert found == sorted(there)
    assert {(r.data["name"], r.scale, r.seed) for r in records} == {
        ("toy", "smoke", seed) for seed in range(3)
    } and len({r.data["sha256"] for r in records}) == 1
    assert {name for name, _, _ in JOBS} == set(METHODS)


def test_a_record_says_what_was_measured_and_how(records):
    named = {record_name(r): r for r in records}
    ours, again = named["ours-0.3-test"], named["iterated-0.3-2-test"]
    assert (
        ours.config["similarity"],
        ours.config["iterations"],
        again.config["iterations"],
        ours.config["inputs"],
    ) == (0.3, 1, 2, "test")
    assert ours.minutes == again.minutes  # of one training
    for r in records:
        if r.method in ("data", "vae"):
            continue
        assert all(is_legal_grid(np.array(row)) for row in r.samples) and len(
            r.samples
        ) == (experiment.KEPT if r.config["inputs"] == "prior" else 0)
        assert ("z_distance" in r.metrics) == (r.method != "real") and (
            "style_pairs" in r.metrics
        ) == ("iterations" in r.config)
    assert (
        named["noise-test"].metrics["z_distance"]["value"]
        > 0
        == named["concatenate-test"].metrics["z_distance"]["value"]
    )
    assert named["latent_perturb-0.2-prior"].config == {
        "sigma": 0.2,
        "steps": 2,
        "inputs": "prior",
    }
    data = toy()
    assert named["data"].metrics == {
        "windows": 60,
        "windows_all_keys": sum(data.keys(part) for part in PARTS),
        "songs": 30,
    }


def test_all_methods_get_the_same_pairs(records):
    """The notes of a pair, and how often each pitch sounds, are the same side by side, in
    turn and shuffled.
    """
    named = {record_name(r): r for r in records}
    for kind in measuring.INPUTS:
        one, *others = (
            np.array(named[f"{name}-{kind}"].samples)
            for name in ("concatenate", "half_and_half", "shuffle")
        )
        for other in others:
            assert [sorted(row[row > HOLD]) for row in one] == [
                sorted(row[row > HOLD]) for row in other
            ]


def test_what_is_finished_is_not_done_again(home):
    work = home / "out" / "runs"
    files = [*(work / "measured").glob("*.json"), *work.glob("*/history.csv")]
    before = [file.stat().st_mtime_ns for file in files]
    run_one(home / "toy.npz", work, "smoke", "ours", MAIN, 0, device="cpu")
    measure_one(home / "toy.npz", work, "smoke", "baselines")
    assert [file.stat().st_mtime_ns for file in files] == before and len(files) > 2 * len(
        JOBS
    )


def test_all_generators_share_one_vae_and_no_two_are_alike(home):
    made = {}
    for name, similarity in [("ours", k) for k in LAMBDAS] + [("styled", MAIN)]:
        networks, about = load_weights(
            path=home / "out" / experiment.WEIGHTS, method=name, similarity=similarity
        )
        own, _ = load_weights(
            path=home / "out" / "runs" / label(name, similarity, 0) / experiment.WEIGHTS
        )
        made[name, similarity] = networks.generator.net[0].weight
        for one, other in ((networks.vae, own.vae), (networks.generator, own.generator)):
            assert all(
                torch.allclose(t, other.state_dict()[k], rtol=1e-3, atol=1e-6)
                for k, t in one.state_dict().items()
            )
    assert (
        about["corpora"] == ["mine"]
        and about["terms"] == "mine: CC0"
        and (about["data"], about["scale"]) == ("toy", "smoke")
    )
    assert len({t.detach().numpy().tobytes() for t in made.values()}) == 5


def test_histories_and_counts_are_kept(home):
    histories = read_npz(home / "out" / "histories.npz")
    assert {
        "vae-parallel/kl",
        "vae-lstm/kl",
        "ours-0.3/fooled",
        "styled-0.3/loss_g",
    } <= set(histories)
    step, value = histories["ours-2/distance"]
    assert (np.diff(step) > 0).all() and np.isfinite(value).all()
    counts = read_npz(home / "out" / "measured.npz")
    assert (
        counts["markov_before_key"].sum() == MANY and counts["distance_pairs"].sum() == 2000
    )


def test_records_of_other_data_are_not_collected(home):
    odd = home / "out" / "runs" / "measured" / "odd.json"
    (first, *_) = json.loads((odd.parent / "baselines.json").read_text())
    odd.write_text(json.dumps([first | {"data": {"name": "other", "sha256": "0" * 64}}]))
    try:
        with pytest.raises(ValueError, match="other data: concatenate"):
            experiment.collect(
                home / "toy.npz", home / "out", home / "out" / "runs", "smoke"
            )
    finally:
        odd.unlink()


def test_what_ships_replaces_what_was_shipped_of_the_same_data(home, records, tmp_path):
    results = tmp_path / "results" / "connective_fusion"
    results.mkdir(parents=True)
    for name in ("toy-ours-7-test.json", "toybox-ours-0.3-test.json"):
        (results / name).write_text("{}")
    written = ship(home / "out", tmp_path)
    assert (
        not (results / "toy-ours-7-test.json").exists()
        and (results / "toybox-ours-0.3-test.json").exists()
    )
    assert len(set(written)) == len(written) == len(records) + 3 and all(
        path.is_file() for path in written
    )
    assert read_record(results / "toy-iterated-0.1-2-prior.json").config["iterations"] == 2
    networks, _ = load_weights(
        path=tmp_path / "pretrained" / "connective_fusion_toy.safetensors"
    )
    half = toy().tokens("test")[:, :HALF]
    assert all(is_legal_grid(row) for row in fuse(networks, half, half).tokens)


def test_every_setting_of_the_experiment_has_a_name_of_its_own():
    base = {
        "data": {"name": "toy", "sha256": "0" * 64},
        "scale": "smoke",
        "metrics": {},
        "samples": [],
        "minutes": 0,
        "device": "CPU",
    }
    base |= {"version": "0", "paper": "connective_fusion", "seed": 0}
    asked = [
        ("vae", {"decoder": decoder, "similarity": MAIN})
        for decoder in ("parallel", "lstm")
    ]
    asked += [
        (
            "ours" if i == 1 else "iterated",
            {"similarity": similarity, "iterations": i, "inputs": kind},
        )
        for similarity in LAMBDAS
        for i in experiment.REPORTED
        for kind in measuring.INPUTS
    ]
    others = [
        name for name, similarity, _ in JOBS if name != "ours" and similarity is not None
    ]
    asked += [
        (name, {"similarity": MAIN, "iterations": 1, "inputs": "test"}) for name in others
    ]
    asked += [
        ("latent_perturb", {"sigma": sigma, "inputs": kind})
        for sigma in SIGMAS
        for kind in measuring.INPUTS
    ]
    asked += [
        (name, {"inputs": kind})
        for name in measuring.BASELINES
        for kind in measuring.INPUTS
    ]
    asked += [
        ("reality", {"kind": k, "part": p})
        for k in ("transformer", "features")
        for p in ("train-1", "train-2")
    ]
    names = [
        record_name(Record(method=name, config=config, **base)) for name, config in asked
    ]
    names += [
        record_name(Record(method=name, config=config, **base | {"seed": 1}))
        for name, config in asked
    ]
    assert len(set(names)) == len(names)


def test_judges_say_which_songs_they_have_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "CURVE", (0.5,))
    monkeypatch.setattr(
        reality, "train_feature_judge", partial(reality.train_feature_judge, trees=3)
    )
    save_windows(toy(songs=8), tmp_path / "toy.npz")
    records = judging.make_judges(
        open_windows(tmp_path / "toy.npz"), tmp_path, tmp_path / "work", "smoke"
    )
    there = {
        f"reality-{kind}-{part}"
        for kind in ("transformer", "features")
        for part in ("train-1", "train-2")
    }
    assert {record_name(r) for r in records} == there and len(records) == 4
    for r in records:
        judge = reality.open_judge(
            tmp_path / reality.judge_name("toy", r.config["kind"], r.config["part"])
        )
        assert (judge.about["part"], judge.about["data"], judge.about["terms"]) == (
            r.config["part"],
            "toy",
            "mine: CC0",
        )
        assert judge.about["accuracy"][0] == r.metrics["accuracy"]["value"]
        curve = [point["songs"] for point in judge.about["learning_curve"]]
        assert curve == ([4, 8] if r.config["part"] == "train-2" else [])


# What ships


needs_weights = pytest.mark.skipif(
    not shipped_weights().is_file(),
    reason="needs the weights of Connective Fusion in the package",
)


@pytest.fixture(scope="module")
def shipped():
    found = [
        r for r in read_records("connective_fusion") if r.data["name"] == "fiddle_pop909"
    ]
    if not found:
        pytest.skip("needs the records of Connective Fusion, in the package")
    return found


@pytest.fixture(scope="module")
def tunes():
    """Two ideas of four bars, of two fiddle tunes."""
    from fusiontools.corpora import load
    from fusiontools.errors import MusicFileError

    found = {}
    for entry in load("aird"):
        try:
            rows = entry_rows(entry)
        except MusicFileError:
            continue
        found.setdefault(entry.song, rows[0, :128])
        if len(found) == 2:
            break
    one, other = found.values()
    return one[:HALF], repair_grid(other[HALF:])


@needs_weights
@pytest.mark.parametrize(
    "name, similarity", [*(("ours", k) for k in LAMBDAS), ("styled", MAIN)]
)
def test_every_generator_that_ships_fuses_two_fiddle_tunes(tunes, name, similarity):
    networks, about = load_weights(method=name, similarity=similarity)
    assert (networks.config.similarity, about["corpora"]) == (
        similarity,
        ["oneill", "ryan", "aird", "pop909"],
    )
    made = fuse(networks, *tunes, seed=1)
    assert (
        made.tokens.shape == (1, 128)
        and is_legal_grid(made.tokens[0])
        and (made.tokens > HOLD).sum() > 8
    )
    heard = fuse(networks, *tunes, amount=0.0)
    assert (
        heard.tokens[0] == np.concatenate(tunes)
    ).mean() > 0.8  # the VAE gives them back
    assert made.distance[0] > 0 and not np.array_equal(made.tokens, heard.tokens)
    again = fuse(networks, *tunes, seed=1, iterations=3)
    assert again.distance[0] > made.distance[0]


@needs_weights
def test_the_weights_that_ship_are_small_and_name_their_corpora_and_terms():
    assert shipped_weights().stat().st_size <= 8_000_000
    _, about = load_weights()
    assert all(f"{corpus}: " in about["terms"] for corpus in about["corpora"])


def test_no_shipped_model_copies_more_than_real_music_does(shipped):
    (real,) = (r.metrics["copied_8gram"]["value"] for r in shipped if r.method == "real")
    ours = [
        r
        for r in shipped
        if r.method in ("ours", "styled")
        or r.method == "iterated"
        and r.config["iterations"] <= 3
    ]
    assert len(ours) >= 2 * len(LAMBDAS) + 1
    for r in ours:
        assert r.metrics["copied_8gram"]["value"] < real, record_name(r)


def test_every_method_of_the_experiment_has_shipped_records_of_the_same_data(shipped):
    assert len({r.data["sha256"] for r in shipped}) == 1 and {r.scale for r in shipped} == {
        "shipped"
    }
    names = [record_name(r) for r in shipped]
    assert len(set(names)) == len(names)
    assert set(METHODS) - {"vae_lstm"} | {
        "iterated",
        "latent_perturb",
        "reality",
        *measuring.BASELINES,
    } <= {r.method for r in shipped}

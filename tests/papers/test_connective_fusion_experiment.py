"""The experiment at the size of a toy, from windows to what ships, and what is true of
everything that did ship.
"""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from fusiontools.corpora.cache import read_npz
from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.judges import reality
from fusiontools.music import read_midi
from fusiontools.music.grid import HALF, HOLD, is_legal_grid, repair_grid
from fusiontools.papers import connective_fusion as cf
from fusiontools.papers.connective_fusion.config import LAMBDAS, METHODS, Config
from fusiontools.papers.connective_fusion.data import (
    PARTS,
    Windows,
    entry_rows,
    save_windows,
)
from fusiontools.papers.connective_fusion.evidence import experiment, trivial
from fusiontools.papers.connective_fusion.evidence import metrics as measuring
from fusiontools.papers.connective_fusion.evidence.experiment import (
    EXPERIMENT,
    SIGMAS,
    TRAININGS,
    label,
    record_name,
)
from fusiontools.papers.connective_fusion.evidence.paper import ABLATIONS, INPUTS, MIDDLE
from fusiontools.papers.connective_fusion.fusing import fuse, load_weights, shipped_weights
from fusiontools.papers.connective_fusion.networks import Networks
from fusiontools.records import Record, read_record, read_records
from fusiontools.report.experiment import WEIGHTS, collected, gather, ship

MANY = 16  # pairs
MEASURED = ["latent_perturb-0.01-test", "latent_perturb-0.2-test"]  # of Latent Perturb
MEASURED += ["latent_perturb-0.2-prior"]


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
    file, work = folder / "toy.npz", folder / "out" / "runs"
    save_windows(toy(), file)
    names = ("reality", "reality_features", "reality_third")
    judges = dict.fromkeys(names, Judge())
    few = {"metrics": partial(measuring.metrics, repeats=5)}
    few["figures"] = partial(measuring.figures, most=200, pairs=2000)
    few |= {"shipped_judges": lambda: judges, "load_judge": lambda *which: Judge()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in few.items():
            patch.setattr(measuring, name, value)
        patch.setattr(trivial, "PAIRS", MANY)
        for module in (reality, trivial):
            patch.setattr(module, "load_judge", lambda *which, **more: Judge())
        patch.setattr(experiment, "STYLES", 2)
        patch.setattr(experiment, "EVALUATIONS", 2)
        patch.setattr(experiment, "REPORTED", (1, 2))
        done = set()
        for job in experiment.jobs(file, work, "smoke", "cpu"):
            # nothing begins before what it needs
            assert set(job.after) <= done
            if (
                job.name in MEASURED
                or job.name == "count-toy"
                or (not job.asked and not job.name.startswith("latent_perturb"))
            ):
                job.do()
            done.add(job.name)
        gather(EXPERIMENT, file, folder / "out", work, "smoke")
    return folder


@pytest.fixture(scope="module")
def records(home):
    return [Record(**r) for r in json.loads((home / "out" / "records.json").read_text())]


def test_there_is_a_record_of_all_that_was_asked_for(records):
    found = sorted(record_name(r) for r in records)
    there = ["data", "vae-parallel", "vae-lstm", *MEASURED, "real-test"]
    for name in set(trivial.BASELINES) - {"real"}:
        there += [f"{name}-{kind}" for kind in INPUTS]
    there += [f"ours-{k:g}-{kind}" for k in LAMBDAS for kind in INPUTS]
    there += [f"iterated-{k:g}-2-{kind}" for k in LAMBDAS for kind in INPUTS]
    again = ("vae-parallel", "ours-0.3-test")
    there += [f"{name}-{seed}" for name in again for seed in (1, 2)]
    there += [f"{name}-test" for name in (*ABLATIONS, "motif_choice")]
    assert found == sorted(there)
    about = {(r.data["name"], r.scale, r.seed) for r in records}
    assert about == {("toy", "smoke", seed) for seed in range(3)}
    assert len({r.data["sha256"] for r in records}) == 1
    assert {name for name, _, _ in TRAININGS} == set(METHODS)


def test_a_record_says_what_was_measured_and_how(records):
    named = {record_name(r): r for r in records}
    ours, again = named["ours-0.3-test"], named["iterated-0.3-2-test"]
    told = {"similarity": 0.3, "iterations": 1, "inputs": "test"}
    assert told.items() <= ours.config.items() and again.config["iterations"] == 2
    assert ours.minutes == again.minutes  # of one training
    for r in records:
        if r.method in ("data", "vae"):
            continue
        assert all(is_legal_grid(np.array(row)) for row in r.samples)
        kept = experiment.KEPT if r.config["inputs"] == "prior" else 0
        assert len(r.samples) == kept
        assert ("z_distance" in r.metrics) == (r.method != "real")
        assert ("style_pairs" in r.metrics) == ("iterations" in r.config)
        assert {"reality_third", "motifs", "duration_spread"} <= set(r.metrics)
        on_test = r.config["inputs"] == "test"
        beside = on_test and r.method not in ("real", "concatenate")
        assert ("gain_reality_third" in r.metrics) == beside, record_name(r)
        assert ("z_distance_encoded" in r.metrics) == (on_test and "iterations" in r.config)
    far = {k: named[f"{k}-test"].metrics["z_distance"] for k in ("noise", "concatenate")}
    assert far["noise"]["value"] > 0 == far["concatenate"]["value"]
    assert named["motif_choice-test"].config["styles"] == 2
    searched = {"sigma": 0.2, "steps": 2, "inputs": "prior"}
    assert named["latent_perturb-0.2-prior"].config == searched
    keys = sum(toy().keys(part) for part in PARTS)
    counted = {"windows": 60, "windows_all_keys": keys, "songs": 30}
    assert named["data"].metrics == counted
    assert named["data"].config == {"corpora": ["mine"]}


def test_minutes_are_of_a_training_without_the_vae_that_it_shares(home, records):
    named = {record_name(r): r for r in records}
    whole = read_record(home / "out" / "runs" / label("ours", 2.0, 0) / "record.json")
    vae, own = named["vae-parallel"].minutes, named["ours-2-test"].minutes
    assert vae > 0 < own and own < whole.minutes


def test_all_methods_get_the_same_pairs(records):
    """The notes of a pair, and how often each pitch sounds, are the same side by side, in
    turn and shuffled. (Of test pairs no melody is kept.)
    """
    named = {record_name(r): r for r in records}
    names = ("concatenate", "half_and_half", "shuffle")
    one, *others = (np.array(named[f"{name}-prior"].samples) for name in names)
    assert len(one) == experiment.KEPT
    for other in others:
        for row, there in zip(one, other, strict=True):
            assert sorted(row[row > HOLD]) == sorted(there[there > HOLD])


def test_ours_is_held_against_latent_perturb_pair_by_pair(home, records):
    """At its own distance, wherever that lies within the span of what was searched."""
    far = {}
    for sigma in (0.01, 0.2):
        file = home / "out" / "runs" / "perturbed" / f"{sigma:g}-test.npz"
        far[sigma] = read_npz(file)["distance"].mean()
    inside = 0
    for r in records:
        if r.method in ("ours", "iterated") and r.config["inputs"] == "test" and not r.seed:
            within = far[0.01] <= r.metrics["z_distance"]["value"] <= far[0.2]
            assert ("paired_reality_third" in r.metrics) == within, record_name(r)
            inside += within
    assert not any("paired_reality" in r.metrics for r in records if r.seed)
    assert inside or far[0.2] < min(
        r.metrics["z_distance"]["value"] for r in records if r.method == "ours"
    )


def test_what_ships_is_measured_again_without_a_training(
    home, records, tmp_path, monkeypatch
):
    """By the weights that ship; what cannot be measured again stays as it is."""
    old = [replace(r, minutes=7.0, version="old") for r in records]
    old += [
        replace(old[0], method="data", config={}, data={"name": "x", "sha256": "0" * 64})
    ]
    weights, asked = home / "out" / WEIGHTS, cf.load_weights

    def load(path=None, **which):
        return asked(path=weights if path is None else path, **which)

    judges = dict.fromkeys(("reality", "reality_third"), Judge())
    few = {"metrics": partial(measuring.metrics, repeats=2)}
    few |= {"shipped_judges": lambda: judges, "load_judge": lambda *which: Judge()}
    few["figures"] = lambda *given: {"counts": np.zeros(2)}
    for name, value in few.items():
        monkeypatch.setattr(measuring, name, value)
    for module in (reality, trivial):
        monkeypatch.setattr(module, "load_judge", lambda *which, **more: Judge())
    monkeypatch.setattr(trivial, "PAIRS", MANY)
    small = {"EVALUATIONS": 1, "REPORTED": (1, 2), "STYLES": 2, "SIGMAS": (0.2,)}
    small |= {"read_records": lambda paper: old, "GENERATORS": [("ours", 2.0)]}
    for name, value in small.items():
        monkeypatch.setattr(experiment, name, value)
    monkeypatch.setattr(experiment.cf, "load_weights", load)
    work = tmp_path / "runs"
    with monkeypatch.context() as patch:
        patch.setattr(experiment.shutil, "copyfile", lambda *files: None)
        experiment.measure_again(home / "toy.npz", work, "smoke")
    made = json.loads((tmp_path / "records.json").read_text())
    named = {record_name(r): r for r in (Record(**one) for one in made)}
    assert set(named) == {record_name(r) for r in records}
    was = {record_name(r): r for r in old[:-1]}
    for name in (
        "vae-lstm",
        "balanced-test",
        "ours-0.3-test-1",
        "latent_perturb-0.01-test",
    ):
        assert named[name].metrics == was[name].metrics
    again = named["ours-2-test"]
    assert (again.minutes, again.version, again.config) == (
        7.0,
        "old",
        was["ours-2-test"].config,
    )
    assert "reality_features" not in again.metrics and "reality_third" in again.metrics
    assert again.metrics["z_distance"]["value"] == pytest.approx(
        was["ours-2-test"].metrics["z_distance"]["value"], rel=0.02
    )
    before = (work / "measured" / "baselines-test.json").stat().st_mtime_ns
    with monkeypatch.context() as patch:  # what is measured already is not measured again
        patch.setattr(experiment.shutil, "copyfile", lambda *files: None)
        patch.setattr(experiment, "measure_baselines", lambda *given: 1 / 0)
        experiment.measure_again(home / "toy.npz", work, "smoke")
    assert (work / "measured" / "baselines-test.json").stat().st_mtime_ns == before


def test_a_finished_training_is_left_as_it_is(home):
    work = home / "out" / "runs"
    files = list((work / label("ours", MIDDLE, 0)).iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    experiment.train_one(home / "toy.npz", work, "smoke", "cpu", "ours", MIDDLE, 0)
    assert [file.stat().st_mtime_ns for file in files] == before


def test_a_training_is_told_how_far_it_came(home):
    """The record of a run alone, as the command leaves it."""
    record = read_record(home / "out" / "runs" / label("ours", MIDDLE, 0) / "record.json")
    correlations = {"key_corr", "md_corr"}  # if both halves of a melody have notes
    assert set(experiment.MAIN) - correlations <= set(record.metrics)
    assert len(record.samples) == 16
    assert all(is_legal_grid(np.array(row)) for row in record.samples)
    vae = read_record(home / "out" / "runs" / label("vae_lstm", None, 0) / "record.json")
    names = {"token_accuracy", "onset_pitch_accuracy", "kl", "hold_accuracy"}
    assert set(vae.metrics) == names and not vae.samples


def test_all_generators_share_one_vae_and_no_two_are_alike(home):
    made = {}
    for name, weight in [("ours", k) for k in LAMBDAS] + [("styled", MIDDLE)]:
        asked = {"method": name, "similarity": weight}
        networks, about = load_weights(path=home / "out" / WEIGHTS, **asked)
        own, _ = load_weights(path=home / "out" / "runs" / label(name, weight, 0))
        made[name, weight] = networks.generator.net[0].weight
        for one, other in ((networks.vae, own.vae), (networks.generator, own.generator)):
            there = other.state_dict()
            for k, t in one.state_dict().items():
                assert torch.allclose(t, there[k], rtol=1e-3, atol=1e-6)
    assert about["corpora"] == ["mine"] and about["terms"] == "mine: CC0"
    assert (about["data"], about["scale"]) == ("toy", "smoke")
    assert len({t.detach().numpy().tobytes() for t in made.values()}) == 5


def test_models_are_measured_with_all_digits_of_their_weights(home):
    """What a run leaves behind is not rounded to the 16 bits of what ships."""
    networks, _ = load_weights(path=home / "out" / "runs" / label("ours", MIDDLE, 0))
    weight = networks.generator.net[0].weight
    assert not torch.equal(weight, weight.half().float())


def test_histories_and_counts_are_kept(home):
    histories = read_npz(home / "out" / "histories.npz")
    there = {"vae-parallel/kl", "vae-lstm/kl", "ours-0.3/fooled", "styled-0.3/loss_g"}
    assert there <= set(histories)
    step, value = histories["ours-2/distance"]
    assert (np.diff(step) > 0).all() and np.isfinite(value).all()
    counts = read_npz(home / "out" / "measured.npz")
    assert counts["markov_before_key"].sum() == MANY
    assert counts["distance_pairs"].sum() == 2000


def test_records_of_other_data_are_not_collected(home):
    work = home / "out" / "runs"
    odd = work / "measured" / "odd.json"
    (first, *_) = json.loads((odd.parent / "baselines-test.json").read_text())
    odd.write_text(json.dumps([first | {"data": {"name": "other", "sha256": "0" * 64}}]))
    try:
        with pytest.raises(RecordError, match="other data or scale: concatenate"):
            gather(EXPERIMENT, home / "toy.npz", home / "out", work, "smoke")
    finally:
        odd.unlink()


def test_what_ships_replaces_what_was_shipped_of_the_same_data(home, records, tmp_path):
    results = tmp_path / "results" / "connective_fusion"
    results.mkdir(parents=True)
    for name in ("toy-ours-7-test.json", "toybox-ours-0.3-test.json"):
        data = {"name": name.split("-")[0]}
        (results / name).write_text(json.dumps({"data": data}))
    written = ship(EXPERIMENT, home / "out", tmp_path)
    assert not (results / "toy-ours-7-test.json").exists()
    assert (results / "toybox-ours-0.3-test.json").exists()
    assert len(set(written)) == len(written) == len(records) + 3
    assert all(path.is_file() for path in written)
    assert read_record(results / "toy-iterated-0.1-2-prior.json").config["iterations"] == 2
    weights = tmp_path / "pretrained" / "connective_fusion_toy.safetensors"
    networks, _ = load_weights(path=weights)
    half = toy().tokens("test")[:, :HALF]
    assert all(is_legal_grid(row) for row in fuse(networks, half, half).tokens)


def test_every_setting_of_the_experiment_has_a_name_of_its_own():
    base = {"scale": "smoke", "metrics": {}, "samples": [], "minutes": 0, "device": "CPU"}
    base |= {"version": "0", "paper": "connective_fusion", "seed": 0}
    base["data"] = {"name": "toy", "sha256": "0" * 64}
    asked = [("vae", {"decoder": k, "similarity": MIDDLE}) for k in ("parallel", "lstm")]
    for kind in INPUTS:
        for similarity in LAMBDAS:
            for i in experiment.REPORTED:
                config = {"similarity": similarity, "iterations": i, "inputs": kind}
                asked.append(("ours" if i == 1 else "iterated", config))
        for sigma in SIGMAS:
            asked.append(("latent_perturb", {"sigma": sigma, "inputs": kind}))
        asked += [(name, {"inputs": kind}) for name in trivial.BASELINES]
    config = {"similarity": MIDDLE, "iterations": 1, "inputs": "test"}
    asked += [(name, config) for name in ABLATIONS]
    asked.append(("motif_choice", {"inputs": "test", "styles": 50}))
    for kind in ("transformer", "features", "siamese"):
        for part in ("train-1", "train-2"):
            asked.append(("reality", {"kind": kind, "part": part}))
    names = []
    for seed in (0, 1):
        about = base | {"seed": seed}
        names += [record_name(Record(method=m, config=c, **about)) for m, c in asked]
    assert len(set(names)) == len(names)
    assert {"iterated-2-3-test", "ours-0.3-test-1", "vae-lstm"} <= set(names)


def test_jobs_of_their_own_are_done_only_when_they_are_named():
    made = experiment.jobs("lakh.npz", "runs", "smoke", "cpu")
    assert [job.name for job in made if job.asked] == ["judges", "again", "count-lakh"]
    assert len({job.name for job in made}) == len(made)


def test_judges_say_which_songs_they_have_heard(tmp_path, monkeypatch):
    few = partial(reality.train_feature_judge, trees=3)
    monkeypatch.setattr(experiment, "CURVE", (0.5,))
    monkeypatch.setattr(reality, "train_feature_judge", few)
    save_windows(toy(songs=8), tmp_path / "toy.npz")
    experiment.make_judges(tmp_path / "toy.npz", tmp_path / "work", "smoke")
    records = collected(tmp_path / "work" / "measured")
    kinds = [(k, p) for k in ("transformer", "features") for p in ("train-1", "train-2")]
    kinds.append(("siamese", "train-2"))
    assert {record_name(r) for r in records} == {f"reality-{k}-{p}" for k, p in kinds}
    assert len(records) == 5
    for r in records:
        name = reality.judge_name("toy", r.config["kind"], r.config["part"])
        about = reality.open_judge(tmp_path / "work" / "judges" / name).about
        assert (about["part"], about["data"]) == (r.config["part"], "toy")
        assert about["terms"] == "mine: CC0"
        assert about["accuracy"][0] == r.metrics["accuracy"]["value"]
        curve = [point["songs"] for point in about["learning_curve"]]
        drawn = r.config["part"] == "train-2" and r.config["kind"] != "siamese"
        assert curve == ([4, 8] if drawn else [])


# What the command asks for


def test_without_a_judge_only_the_vae_is_measured(monkeypatch, capsys):
    def none():
        raise CorpusError("no judge")

    monkeypatch.setattr(measuring, "shipped_judges", none)
    config = Config.smoke()
    found, samples = experiment.measure(Networks(config), toy(), config, seed=0)
    assert "reality" not in found and "kl" in found and len(samples) == 16
    assert "No judge comes with the package" in capsys.readouterr().out


def test_melodies_from_nothing_are_written_as_files(home, tmp_path):
    run = home / "out" / "runs" / label("ours", MIDDLE, 0)
    files, name, notice = experiment.sample_files(tmp_path, 3, run=run, seed=1)
    assert [file.name for file in files] == [f"melody_00{i}.mid" for i in (1, 2, 3)]
    assert name == "ours" and "mine: CC0" in notice
    assert all(len(read_midi(file).tracks[0].notes) for file in files)
    again, *_ = experiment.sample_files(tmp_path, 3, run=run, seed=1)
    assert again == files


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"pair": "essen"}, "no weights come with the package for 'essen'"),
        ({"pair": "fiddle_pop909", "run": "somewhere"}, "a run has its own data"),
        ({"run": "nowhere"}, "nowhere"),
    ],
)
def test_what_there_is_no_sample_of_is_said(tmp_path, asked, says):
    with pytest.raises(FusionError, match=says):
        experiment.sample_files(tmp_path, 3, **asked)


def test_the_experiment_is_known_without_torch():
    import subprocess
    import sys

    name = "fusiontools.papers.connective_fusion.evidence.experiment"
    code = f"import sys, {name}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


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
    "name, similarity", [*(("ours", k) for k in LAMBDAS), ("styled", MIDDLE)]
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
        or (r.method == "iterated" and r.config["iterations"] <= 3)
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
        "motif_choice",
        *trivial.BASELINES,
    } <= {r.method for r in shipped}

"""The experiment that makes FusionGAN's records, and what ships of it."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools.errors import MissingDataError, RecordError
from fusiontools.judges import genre
from fusiontools.judges.genre import load_judges
from fusiontools.music import Notes
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.config import METHODS, TRAINED, UNTRAINED, Config, method
from fusiontools.papers.fusiongan.data import PAIRS, Pair, save_pair
from fusiontools.papers.fusiongan.data import pair as make_pair
from fusiontools.papers.fusiongan.evidence import experiment as made_by
from fusiontools.papers.fusiongan.evidence import metrics as results
from fusiontools.papers.fusiongan.evidence.experiment import (
    EXPERIMENT,
    RUNS,
    SEEDED,
    SHIPPED,
)
from fusiontools.papers.fusiongan.evidence.metrics import CONTROLS
from fusiontools.papers.fusiongan.sampling import (
    HOW,
    load_weights,
    sample,
    sample_tokens,
    shipped_weights,
)
from fusiontools.records import Record, plain, read_record, read_records
from fusiontools.report.experiment import gather, run_jobs, ship
from fusiontools.report.rows import shipped_arrays
from fusiontools.training import read_weights


def toy(windows=40):
    """Two domains over an octave: one of all pitches in short notes, one of a major scale
    in long ones.
    """
    rng, arrays = np.random.default_rng(0), {}
    for domain, pitches, lengths in (
        ("A", range(12), (0, 1)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (1, 2)),
    ):
        for part, many in (("train", windows), ("validation", 8), ("test", 8)):
            arrays[f"{domain}_{part}"] = (
                3 * rng.choice(list(pitches), (many, 12)) + rng.choice(lengths, (many, 12))
            ).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    about = {"corpora": [{"name": "mine", "licence": "CC0"}]}
    return Pair(
        "toy", ("jazz", "folk"), Vocabulary("notes", 60, 71, 4, (1, 2, 4)), arrays, about
    )


# The experiment


def chosen(jobs):
    """One method, and what it begins with."""
    return [job for job in jobs if job.name in ("pretraining-0", "mle-0")]


def tunes(name):
    """In place of a corpus, which takes minutes to read; one is not there."""
    if name == "aird":
        raise MissingDataError("no airs")
    rng = np.random.default_rng(0)
    return [
        SimpleNamespace(
            notes=Notes(np.arange(60) / 2, np.full(60, 0.5), rng.integers(60, 72, 60)),
            key="D",
        )
        for _ in range(5)
    ]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """One method of the experiment at smoke, with its baselines: the folder of its runs."""
    home = tmp_path_factory.mktemp("experiment")
    save_pair(toy(), home / "toy.npz")
    jobs = made_by.jobs(home / "toy.npz", home / "runs", "smoke", "cpu")
    assert run_jobs(chosen(jobs), home / "runs", say=lambda told: None) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "load", tunes)
        made_by.measure_baselines(str(home / "toy.npz"), str(home / "runs"), "smoke")
    return home / "runs"


@pytest.fixture
def out(work, tmp_path, monkeypatch):
    """The folder of what there is to ship of it."""
    for name in ("RUNS", "SHIPPED", "DRAWN"):
        one = {"RUNS": ("mle", 0), "SHIPPED": "mle", "DRAWN": "pretraining-0"}[name]
        monkeypatch.setattr(made_by, name, [one])
    gather(EXPERIMENT, work.parent / "toy.npz", tmp_path / "out", work, "smoke")
    return tmp_path / "out"


def test_every_method_has_its_jobs_and_the_judges_are_asked_for(tmp_path):
    jobs = {job.name: job for job in made_by.jobs("toy.npz", tmp_path, "smoke", "cpu")}
    told = [name for name, job in jobs.items() if not job.asked and name[-1].isdigit()]
    runs = {name.rsplit("-", 1)[0] for name in told}
    assert runs == {*TRAINED, "pretraining"}
    assert all(jobs[f"{m}-{s}"].after == (f"pretraining-{s}",) for m, s in RUNS)
    again = {f"again-{m}-{s}" for m, s in RUNS}
    assert {name for name, job in jobs.items() if job.asked} == {"judges", *again}
    assert all(jobs[f"again-{m}-{s}"].after == (f"{m}-{s}",) for m, s in RUNS)
    assert {(m, s) for m in SEEDED for s in range(3)} <= set(RUNS)
    assert len(RUNS) == len(set(RUNS))
    assert set(SHIPPED) <= set(TRAINED) and all((m, 0) in RUNS for m in SHIPPED)
    assert set(made_by.SOURCES) == set(PAIRS)


def test_the_experiment_leaves_records_histories_and_weights(out):
    records = [Record(**r) for r in json.loads((out / "records.json").read_text())]
    there = {*CONTROLS} - {"airs"}  # whose corpus is missing
    assert sorted(r.method for r in records) == sorted(["mle", *UNTRAINED, *there])
    assert all(r.data["name"] == "toy" and "npd[C]" in r.metrics for r in records)
    (mle,) = [r for r in records if r.method == "mle"]
    assert np.shape(mle.samples) == (4, 36)
    curves = shipped_arrays("fusiongan", "histories.npz", out)
    columns = {name.split("/")[1] for name in curves}
    assert {"nll_A", "held_out_F", "distance_B"} <= columns <= set(made_by.COLUMNS)
    steps, values = curves["pretraining-0/nll_A"]
    assert steps.tolist() == list(range(len(values)))


def test_the_experiment_takes_nothing_up_again_that_is_finished(work):
    record = work / "mle-0" / "record.json"
    before, said = record.stat().st_mtime_ns, []
    jobs = made_by.jobs(work.parent / "toy.npz", work, "smoke", "cpu")
    assert run_jobs(chosen(jobs), work, say=said.append) == [] and not said
    assert record.stat().st_mtime_ns == before


def test_a_finished_training_can_be_measured_anew(work, tmp_path, monkeypatch):
    data, there = work.parent / "toy.npz", work / "measured" / "mle-0.json"
    before, kept = there.read_bytes(), json.loads(there.read_text())[0]
    monkeypatch.setattr(results, "MELODIES", 30)
    made_by.measure_again(str(data), str(work), "mle", 0)
    (again,) = json.loads(there.read_text())
    there.write_bytes(before)
    assert again["metrics"] != kept["metrics"] and np.shape(again["samples"]) == (4, 36)
    same = ("config", "data", "minutes", "seed", "method", "scale", "device")
    assert all(again[name] == kept[name] for name in same)


def test_runs_of_other_data_or_scale_are_not_collected(work, out, tmp_path):
    other = tmp_path / "other.npz"
    save_pair(toy(windows=30), other)
    for file, scale in ((other, "smoke"), (work.parent / "toy.npz", "laptop")):
        with pytest.raises(RecordError, match="of other data or scale"):
            gather(EXPERIMENT, file, tmp_path / "x", work, scale)


def test_what_is_shipped_is_what_was_found(out, tmp_path):
    stale = tmp_path / "results" / "fusiongan" / "toy-gan-0.json"
    stale.parent.mkdir(parents=True)
    stale.write_text('{"data": {"name": "toy"}}')
    ship(EXPERIMENT, out, tmp_path)
    assert not stale.exists()
    assert read_record(stale.with_name("toy-mle-0.json")).method == "mle"
    assert shipped_arrays("fusiongan", "histories_toy.npz", stale.parent)
    weights = tmp_path / "pretrained" / "fusiongan_toy.safetensors"
    generators, vocabulary, about = load_weights(path=weights)
    assert about["corpora"] == ["mine"] and "CC0" in about["terms"]
    assert len(sample(generators["mle"], vocabulary, 3)) == 3
    assert about["vocabulary"]["low"] == 60 and about["writers"].keys() == {"mle"}


def test_the_weights_that_are_shipped_are_those_of_the_run(work, out):
    own, _ = read_weights(work / "mle-0" / "weights.safetensors")
    shipped, about = read_weights(out / "weights.safetensors")
    assert about["pair"] == "toy" and own.keys() == shipped.keys()
    assert all((own[name] == shipped[name]).all() for name in own)


# What ships

JUDGED = ["fused_share", "gap_share", "typical", "middle_typical", "judged_a"]
JUDGED += ["throughout", "by_turns"]


def shipped(pair):
    return [r for r in read_records("fusiongan") if r.data["name"] == pair]


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_weights_are_small_and_name_their_corpora_and_terms(pair):
    assert shipped_weights(pair).stat().st_size <= 8_000_000
    tensors, about = read_weights(shipped_weights(pair))
    assert tuple(about["writers"]) == SHIPPED
    assert len(about["corpora"]) == 2 and about["pair"] == pair
    assert all(f"{corpus}: " in about["terms"] for corpus in about["corpora"])
    # read back from 16 bits for computing
    assert all(str(t.dtype) == "torch.float32" for t in tensors.values())


@pytest.mark.parametrize("pair", PAIRS)
def test_what_ships_writes_as_its_method_does(pair):
    writers, _, about = load_weights(pair)
    own = Config.shipped()
    assert about["sizes"]["hidden"] == own.hidden
    for name, by in writers.items():
        config = method(name, own, pair)
        assert all(getattr(by, how) == getattr(config, how) for how in HOW)
        assert len(by.voices) == len(config.voices)
        assert (by.genre is None) == (config.tries == 1)


@pytest.mark.parametrize("pair", PAIRS)
def test_there_is_a_record_of_every_method_of_the_same_data_as_the_judges(pair):
    records, judges = shipped(pair), load_judges(pair)
    assert {r.method for r in records} == {*METHODS, *CONTROLS}
    assert {r.data["sha256"] for r in records} == {j.about["data"] for j in judges}
    assert {(r.method, r.seed) for r in records if r.method in TRAINED} == set(RUNS)
    for r in records:
        wanted = {name + end for name in JUDGED for end in ("", "_features")}
        assert wanted | {"middle_typical_both"} <= r.metrics.keys()
        for name in wanted:
            assert 0 <= r.metrics[name]["value"] <= 1
        for end in ("", "_features"):
            own = {name: r.metrics[name + end]["value"] for name in JUDGED}
            assert own["middle_typical"] <= min(own["fused_share"], own["typical"]) + 1e-9
            assert own["throughout"] + own["by_turns"] <= 1 + 1e-9
        both = r.metrics["middle_typical_both"]["value"]
        assert both <= r.metrics["middle_typical"]["value"] + 1e-9


@pytest.mark.parametrize("pair", PAIRS)
def test_trained_records_are_of_the_methods_as_they_are_now(pair):
    for r in shipped(pair):
        if r.method in TRAINED:
            own = method(r.method, Config.shipped(), pair)
            assert r.scale == "shipped" and r.config == plain(asdict(own)), r.method


@pytest.mark.parametrize("pair", PAIRS)
def test_no_shipped_model_copies_more_than_held_out_music_does(pair):
    for r in shipped(pair):
        if r.method in TRAINED:
            copied = r.metrics["copied_8gram"]["high"]
            assert copied <= r.metrics["held_out_8gram"], r.method


@pytest.mark.parametrize("name", ["mle", "experts"])
@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_weights_write_what_their_record_holds(pair, name):
    """The record's samples come from weights in 32 bits, so most of their tokens come again
    from those in 16: one that differs changes its row.
    """
    writers, _, _ = load_weights(pair)
    record = next(r for r in shipped(pair) if (r.method, r.seed) == (name, 0))
    again = sample_tokens(writers[name], results.MELODIES, 0)[: len(record.samples)]
    assert (again == np.array(record.samples)).mean() > 0.7


@pytest.mark.parametrize("pair", PAIRS)
def test_histories_are_of_the_trainings_of_the_shipped_weights(pair):
    curves = shipped_arrays("fusiongan", f"histories_{pair}.npz")
    assert {name.split("/")[0] for name in curves} == set(made_by.DRAWN)
    assert {name.split("/")[1] for name in curves} == set(made_by.COLUMNS)
    assert all(a.shape[0] == 2 and np.isfinite(a).all() for a in curves.values())


# The judges


def test_the_judges_that_ship_can_be_made_again(monkeypatch):
    """From the same songs, up to the networks' own training, which takes minutes: in its
    place stand the shipped weights.
    """
    shipped = load_judges("essen_ryan")

    def learned(real, seed, *asked):
        return {n: w[seed].numpy() for n, w in shipped[0].weights.items()}

    monkeypatch.setattr(genre, "_learn_network", learned)
    again = results.make_judges(make_pair("essen_ryan"))
    assert all(map(np.array_equal, again[0].counts, shipped[0].counts))
    assert all(map(np.array_equal, again[0].keys, shipped[0].keys))
    np.testing.assert_allclose(again[1].weight, shipped[1].weight, atol=1e-3)
    assert again[1].fold.tolist() == shipped[1].fold.tolist()
    for one, other in zip(again, shipped):
        assert one.about.keys() == other.about.keys()
        for name in ("melodies", "songs", "data", "labels", "corpora"):
            assert one.about[name] == other.about[name]
        for name in ("ends", "limits", "accuracy", "temperature", "temperature_of_thirds"):
            np.testing.assert_allclose(one.about[name], other.about[name], atol=2e-2)
        for name in ("typical", "middle", "gap", "throughout"):
            np.testing.assert_allclose(one.about[name], other.about[name], atol=5e-3)

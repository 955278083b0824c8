"""The numbers of FusionGAN's records, the experiment that makes them, and what ships."""

import json

import numpy as np
import pytest

from fusiontools.errors import RecordError
from fusiontools.judges.genre import load_judge
from fusiontools.music import Notes
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.config import METHODS, TRAINED, UNTRAINED
from fusiontools.papers.fusiongan.data import PAIRS, Pair, save_pair
from fusiontools.papers.fusiongan.data import pair as make_pair
from fusiontools.papers.fusiongan.evidence import experiment as made_by
from fusiontools.papers.fusiongan.evidence import metrics as results
from fusiontools.papers.fusiongan.evidence.experiment import EXPERIMENT, RUNS, SHIPPED
from fusiontools.papers.fusiongan.sampling import load_weights, sample, shipped_weights
from fusiontools.records import Record, read_record, read_records
from fusiontools.report.experiment import gather, run_jobs, ship
from fusiontools.report.rows import printed, shipped_arrays
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


def row(metrics):
    """Metrics as a row, such as a table is made of."""
    bins = {name: value for name, value in metrics.items() if "[" in name}
    return printed({"it": bins}).one("it")


def test_histograms_are_shares_and_come_back():
    pair = toy()
    found = results.measure_melodies(
        results.baseline("half_and_half", pair, 20),
        results.References(pair, n=20),
        judge=lambda m: np.linspace(0, 1, len(m)),
        repeats=5,
    )
    for name, bins in results.HISTOGRAMS.items():
        shares = results.shares_of(row(found), name)
        assert shares.shape == (len(bins),) and shares.sum() == pytest.approx(1)
        kept = [found[f"{name}[{label}]"] for label in bins]
        assert np.allclose(shares, kept, atol=1e-3)


def test_a_histogram_says_which_bin_is_which():
    tune = Notes.of([(0, 0.5, 60), (0.5, 0.5, 60), (1, 0.5, 67), (1.5, 0.5, 72)])
    found = results.measure_melodies(
        [tune] * 4,
        results.References(toy(), n=20),
        judge=lambda m: np.full(len(m), 0.52),
        repeats=2,
    )
    shares = results.shares_of(row(found), "npd")
    assert shares.tolist() == [0.75, *[0] * 6, 0.25, *[0] * 4]
    assert (found["npd[C]"], found["dd[1/2]"], found["verdict[0.50]"]) == (0.75, 1.0, 1.0)
    assert found["fused_share"]["value"] == 1.0


@pytest.mark.parametrize("name", UNTRAINED)
def test_every_baseline_writes_melodies_of_the_domains(name):
    made = results.baseline(name, toy(), 6)
    assert len(made) == 6 and all(len(m) for m in made)
    assert all(60 <= m.pitch.min() and m.pitch.max() <= 71 for m in made)


def test_real_melodies_are_of_the_test_part():
    pair = toy()
    test = {tuple(n.pitch.tolist()) for n in pair.notes("A", "test")}
    assert all(tuple(m.pitch.tolist()) in test for m in results.baseline("real_a", pair, 8))


# The experiment


def chosen(jobs):
    """One method, what it begins with, and the baselines."""
    return [job for job in jobs if job.name in ("pretraining-0", "mle-0", "baselines")]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """One method of the experiment at smoke, with its baselines: the folder of its runs."""
    home = tmp_path_factory.mktemp("experiment")
    save_pair(toy(), home / "toy.npz")
    jobs = made_by.jobs(home / "toy.npz", home / "runs", "smoke", "cpu")
    assert run_jobs(chosen(jobs), home / "runs", say=lambda told: None) == []
    return home / "runs"


@pytest.fixture
def out(work, tmp_path, monkeypatch):
    """The folder of what there is to ship of it."""
    for name in ("RUNS", "SHIPPED", "DRAWN"):
        one = {"RUNS": ("mle", 0), "SHIPPED": "mle", "DRAWN": "pretraining-0"}[name]
        monkeypatch.setattr(made_by, name, [one])
    gather(EXPERIMENT, work.parent / "toy.npz", tmp_path / "out", work, "smoke")
    return tmp_path / "out"


def test_every_method_has_its_jobs_and_the_judge_is_one_that_is_asked_for(tmp_path):
    jobs = {job.name: job for job in made_by.jobs("toy.npz", tmp_path, "smoke", "cpu")}
    runs = {name.rsplit("-", 1)[0] for name in jobs if name[-1].isdigit()}
    assert runs == {*TRAINED, "pretraining"}
    assert all(jobs[f"{m}-{s}"].after == (f"pretraining-{s}",) for m, s in RUNS)
    assert [name for name, job in jobs.items() if job.asked] == ["judge"]
    assert set(made_by.SOURCES) == set(PAIRS)


def test_the_experiment_leaves_records_histories_and_weights(out):
    records = [Record(**r) for r in json.loads((out / "records.json").read_text())]
    assert sorted(r.method for r in records) == sorted(["mle", *UNTRAINED])
    assert all(r.data["name"] == "toy" and "npd[C]" in r.metrics for r in records)
    (mle,) = [r for r in records if r.method == "mle"]
    assert np.shape(mle.samples) == (16, 36)
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


def test_the_weights_that_are_shipped_are_those_of_the_run(work, out):
    own, _ = read_weights(work / "mle-0" / "weights.safetensors")
    shipped, about = read_weights(out / "weights.safetensors")
    assert about["pair"] == "toy" and own.keys() == shipped.keys()
    assert all((own[name] == shipped[name]).all() for name in own)


# What ships


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_weights_are_small_and_name_their_corpora_and_terms(pair):
    assert shipped_weights(pair).stat().st_size <= 8_000_000
    tensors, about = read_weights(shipped_weights(pair))
    assert set(about["voices"]) == set(SHIPPED)
    assert len(about["corpora"]) == 2 and about["pair"] == pair
    assert all(f"{corpus}: " in about["terms"] for corpus in about["corpora"])
    assert all(
        str(t.dtype) == "torch.float32" for t in tensors.values()
    )  # read back from 16 bits for computing


@pytest.mark.parametrize("pair", PAIRS)
def test_there_is_a_record_of_every_method_of_the_same_data_as_the_judge(pair):
    records = [r for r in read_records("fusiongan") if r.data["name"] == pair]
    assert {r.method for r in records} == set(METHODS)
    assert {r.data["sha256"] for r in records} == {load_judge(pair).about["data"]}
    assert {(r.method, r.seed) for r in records if r.method in TRAINED} == set(RUNS)
    assert all("fused_share" in r.metrics for r in records)


@pytest.mark.parametrize("pair", PAIRS)
def test_no_shipped_model_copies_more_than_held_out_music_does(pair):
    for r in read_records("fusiongan"):
        if r.data["name"] == pair and r.method in TRAINED:
            assert r.metrics["copied_8gram"]["high"] <= r.metrics["held_out_8gram"], (
                r.method
            )


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_weights_write_what_their_record_holds(pair):
    """The record's samples come from weights in 32 bits, so most of their tokens come again
    from those in 16: one that differs changes its row.
    """
    from fusiontools.papers.fusiongan.sampling import sample_tokens

    generators, _, _ = load_weights(pair)
    record = next(
        r
        for r in read_records("fusiongan")
        if (r.data["name"], r.method, r.seed) == (pair, "mle", 0)
    )
    again = sample_tokens(generators["mle"], results.MELODIES, 0)[: len(record.samples)]
    assert (again == np.array(record.samples)).mean() > 0.7


@pytest.mark.parametrize("pair", PAIRS)
def test_histories_are_of_the_trainings_of_the_shipped_weights(pair):
    curves = shipped_arrays("fusiongan", f"histories_{pair}.npz")
    assert {name.split("/")[0] for name in curves} == set(made_by.DRAWN)
    assert {name.split("/")[1] for name in curves} == set(made_by.COLUMNS)
    assert all(a.shape[0] == 2 and np.isfinite(a).all() for a in curves.values())


# The judge


def test_a_judge_of_other_data_is_none():
    assert results.shipped_judge(toy()) is None


def test_the_judge_that_ships_can_be_made_again():
    pair = make_pair("essen_ryan")
    shipped, again = load_judge("essen_ryan"), results.make_judge(pair)
    assert np.allclose(shipped.weight, again.weight, atol=1e-4)
    assert again.about["between"] == shipped.about["between"]
    assert again.about["accuracy"] == pytest.approx(shipped.about["accuracy"])
    assert again.about.keys() == shipped.about.keys()
    assert again.about["melodies"] == shipped.about["melodies"]

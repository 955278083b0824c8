"""The numbers of FusionGAN's records, the experiment that makes them, and what of it ships."""

import json

import numpy as np
import pytest

from fusiontools.judges.genre import load_judge
from fusiontools.music import Notes
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.config import METHODS, TRAINED, UNTRAINED
from fusiontools.papers.fusiongan.data import PAIRS, Pair, save_pair
from fusiontools.papers.fusiongan.evidence import metrics as results
from fusiontools.papers.fusiongan.evidence.experiment import SEEDS, SHIPPED, run_all, ship
from fusiontools.papers.fusiongan.evidence.judging import shipped_judge
from fusiontools.papers.fusiongan.sampling import load_weights, sample, shipped_weights
from fusiontools.records import read_record, read_records
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


def test_histograms_are_shares_and_come_back():
    pair = toy()
    references = results.References(pair, n=20)
    found = results.metrics(
        results.baseline("half_and_half", pair, 20),
        references,
        judge=lambda m: np.linspace(0, 1, len(m)),
        repeats=5,
    )
    for name in ("dd", "npd", "verdict"):
        assert results.histogram_of(found, name).sum() == pytest.approx(1, abs=1e-3)
    assert results.histogram_of(found, "npd").shape == (12,)


def test_a_histogram_says_which_bin_is_which():
    tune = Notes.of([(0, 0.5, 60), (0.5, 0.5, 60), (1, 0.5, 67), (1.5, 0.5, 72)])
    found = results.metrics(
        [tune] * 4,
        results.References(toy(), n=20),
        judge=lambda m: np.full(len(m), 0.52),
        repeats=2,
    )
    assert results.histogram_of(found, "npd").tolist() == [
        0.75,
        0,
        0,
        0,
        0,
        0,
        0,
        0.25,
        0,
        0,
        0,
        0,
    ]
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


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """One method of the experiment at smoke, with its baselines: the folder of what there
    is to take home.
    """
    home = tmp_path_factory.mktemp("experiment")
    save_pair(toy(), home / "toy.npz")
    left = run_all(
        home / "toy.npz",
        home / "out",
        scale="smoke",
        methods=["mle", "mc", "half_and_half"],
        seeds=1,
        device="cpu",
    )
    assert left == []
    return home


def test_the_experiment_leaves_records_melodies_histories_and_weights(experiment):
    records = json.loads((experiment / "out" / "records.json").read_text())
    assert {r["method"] for r in records} == {"mle", "mc", "half_and_half"}
    with np.load(experiment / "out" / "melodies.npz") as melodies:
        assert melodies["mle-0"].shape == (results.MELODIES, 36)
    mine = next(r for r in records if r["method"] == "mle")
    assert np.shape(mine["samples"])[1] == 36 and mine["data"]["name"] == "toy"


def test_the_experiment_takes_nothing_up_again_that_is_finished(experiment):
    before = (experiment / "out" / "runs" / "mle-0" / "record.json").stat().st_mtime_ns
    assert (
        run_all(
            experiment / "toy.npz",
            experiment / "out",
            scale="smoke",
            methods=["mle"],
            seeds=1,
            device="cpu",
        )
        == []
    )
    assert (
        experiment / "out" / "runs" / "mle-0" / "record.json"
    ).stat().st_mtime_ns == before


def test_what_is_shipped_is_what_was_found(experiment, tmp_path):
    (tmp_path / "results" / "fusiongan").mkdir(parents=True)
    stale = tmp_path / "results" / "fusiongan" / "toy-gan-0.json"
    stale.write_text("{}")
    ship(experiment / "out", tmp_path)
    assert not stale.exists()
    assert (
        read_record(tmp_path / "results" / "fusiongan" / "toy-mle-0.json").method == "mle"
    )
    generators, vocabulary, about = load_weights(
        path=tmp_path / "pretrained" / "fusiongan_toy.safetensors"
    )
    assert about["corpora"] == ["mine"] and "CC0" in about["terms"]
    assert len(sample(generators["mle"], vocabulary, 3)) == 3


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
    for method in TRAINED:
        assert len({r.seed for r in records if r.method == method}) >= SEEDS.get(method, 1)
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


def test_a_judge_of_other_data_is_none():
    assert shipped_judge(toy()) is None

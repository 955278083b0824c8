"""What comes out of a generator: phrases whose bars agree, silence as often as in songs,
files that play, weights that come back; what is measured of it, and the command.
"""

from dataclasses import replace

import mido
import numpy as np
import pytest
import torch

from fusiontools.errors import FusionError, RecordError
from fusiontools.papers.lstm_gan import sampling
from fusiontools.papers.lstm_gan.config import Config, method
from fusiontools.papers.lstm_gan.evidence import metrics, tables
from fusiontools.papers.lstm_gan.evidence.paper import TABLE_1
from fusiontools.papers.lstm_gan.networks import Networks
from fusiontools.records import Record
from fusiontools.report.rows import rows, shipped_arrays
from fusiontools.score import rolls
from fusiontools.training import read_weights
from tests.papers.test_lstm_gan_train import TINY, toy_bars


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(1)
    own = Networks(replace(Config.smoke(), width=8), np.full(84, 0.2))
    own.g.eval()
    return own


def test_a_seed_gives_the_same_bars_and_another_gives_others(networks):
    one, again, other = (sampling.sample_bars(networks, 4, seed) for seed in (1, 1, 2))
    assert one.shape == (4, 96, 84) and (one == again).all() and (one != other).any()


def test_bars_of_a_phrase_agree_by_rho(networks):
    shared = [
        rolls.repetition(
            sampling.sample_phrases(networks, 8, rho=rho).reshape(-1, 96, 84),
            np.repeat(np.arange(8), 4),
        )[0].mean()
        for rho in (0.0, 0.9, 1.0)
    ]
    assert shared[0] < shared[1] < shared[2] == 1
    phrases = sampling.sample_phrases(networks, 8, rho=1.0)
    assert (phrases[:, :1] == phrases).all()


def test_silence_is_drawn_as_often_as_asked(networks):
    made = sampling.sample_phrases(networks, 300, 4, empty=(1 / 3, 0.2, 0.6))
    silent = ~made.any((2, 3))
    assert abs(silent.mean() - 0.2 / (0.2 + 0.4)) < 0.05  # where the chain stays
    assert abs(silent[:, 0].sum() - 100) <= 1  # spread evenly, not by luck
    after = silent[:, 1:]
    assert abs(after[silent[:, :-1]].mean() - 0.6) < 0.08
    assert abs(after[~silent[:, :-1]].mean() - 0.2) < 0.06


def test_rests_are_counted_within_songs():
    data = toy_bars()  # empty, sounding, sounding, empty, ... in songs of six bars
    share, to_silence, stays = sampling.rests(data)
    assert share == pytest.approx(1 / 3)
    # of the sounding bars with a successor one of three is followed by an empty one
    assert stays == 0 and to_silence == pytest.approx(1 / 3)


def test_files_have_four_bars_that_play(networks, tmp_path):
    files = sampling.sample_midi(networks, 3, tmp_path, empty=(0.3, 0.3, 0.5))
    assert [f.name for f in files] == [f"phrase_00{i}.mid" for i in (1, 2, 3)]
    for file in files:
        midi = mido.MidiFile(file)
        assert 0 < midi.length <= 8.01  # four bars of four beats, 120 a minute
        assert any(m.type == "note_on" for track in midi.tracks for m in track)


def test_nothing_but_silence_is_refused(networks, tmp_path):
    with pytest.raises(FusionError, match="0 of 2 phrases"):
        sampling.sample_midi(networks, 2, tmp_path, empty=(1.0, 1.0, 1.0))


def test_weights_come_back(networks, tmp_path):
    data = toy_bars()
    file = tmp_path / "weights.safetensors"
    sampling.save_generators({"cnn_lstm": networks}, file, data, half=False)
    again, about = sampling.load_weights(path=file)
    assert about["method"] == "cnn_lstm" and about["rho"] in sampling.AGREEMENTS
    ours, theirs = (sampling.sample_bars(own, 3) for own in (networks, again))
    assert (ours == theirs).all()
    with pytest.raises(RecordError, match="no generator by the method 'musegan'"):
        sampling.load_weights(path=file, method="musegan")


def test_one_voice_can_be_sampled():
    own = Networks(method("bilstm_printed", TINY))
    assert sampling.sample_bars(own, 2).sum(2).max() <= 1


@pytest.fixture(scope="module")
def references():
    return metrics.References(toy_bars())


def test_copies_are_found_and_permuted_bars_are_none(references):
    bars, songs = references.data.bars("train", 1.0, True), references.data.songs("train")
    own = metrics.measure_bars(bars, references.data.songs("train", 1.0, True), references)
    assert own["copied_bars"]["value"] == 1 and own["eb"]["value"] == pytest.approx(100 / 3)
    found, _ = metrics.measure_baseline("permuted", references.data, references)
    real, _ = metrics.measure_baseline("heldout", references.data, references)
    assert found["copied_bars"]["value"] == 0
    assert found["qn"]["value"] == real["qn"]["value"] == 100
    assert len(songs) == 8  # without the empty bars


def test_a_network_is_measured_and_told_beside_the_paper(references, networks):
    found, bars = metrics.measure_networks(networks, references.data, references)
    assert bars.shape == (metrics.BARS, 96, 84)
    assert {"eb", "upc", "qn", "overlap", "overlap_scale", "copied_bars"} <= set(found)
    about = ("smoke", {"name": "toy", "sha256": references.data.hash}, 0, {}, found)
    made = {"minutes": 1.0, "device": "CPU", "version": "1"}
    record = Record("lstm_gan", "cnn_lstm", *about, samples=[], **made)
    table = tables.table_1(rows([record], order=tables.SHORT))
    row = next(r for r in table if r["method"] == "cnn_lstm")
    assert row["qn_paper"] == TABLE_1["cnn_lstm"]["qn"] == 67.4
    assert row["qn"]["mean"] == found["qn"]["value"]
    assert "67.4" in table.markdown() and "CNN-LSTM" in table.markdown()
    assert tables.trainings_table(rows([record])).markdown()


def test_halves_of_the_training_songs_overlap(references):
    found, _ = metrics.measure_baseline("data", references.data, references)
    assert 0 < found["overlap"] <= 1 and found["train_songs"] == 2


def test_a_silent_generator_is_measured_without_a_fall(references):
    found = metrics.measure_bars(np.zeros((8, 96, 84), bool), np.arange(8), references)
    assert found["eb"]["value"] == 100 and "upc" not in found


def test_the_command_trains_on_a_folder_and_samples(run, tmp_path):
    from fusiontools.music.midi import write_midi

    for i in range(12):
        bars = toy_bars(seed=i).bars("train")
        write_midi(sampling.to_notes(bars), tmp_path / f"{i}.mid")
    folder = tmp_path / "run"
    asked = ("train", "lstm_gan", "--run", str(folder), "--data", str(tmp_path))
    code, out, err = run(*asked, "--scale", "smoke")
    assert code == 0 and "Finished" in out, err
    code, out, err = run(
        "sample", "--run", str(folder), "-n", "2", "--out", str(folder / "m")
    )
    if code:  # four steps may leave a generator silent: then that is said
        assert "have a note" in err
    else:
        assert "2 phrases by cnn_lstm" in out and len(list((folder / "m").iterdir())) == 2


def test_a_folder_too_many_is_refused(run, tmp_path):
    asked = ("--run", str(tmp_path / "r"), "--folders", str(tmp_path), str(tmp_path))
    code, _, err = run("train", "lstm_gan", *asked)
    assert code == 1 and "learns from 1 folder of music" in err
    asked = ("--run", str(tmp_path / "r"), "--data", str(tmp_path))
    code, _, err = run("train", "fusiongan", *asked)
    assert code == 1 and "learns from 2 folders of music" in err


def test_what_ships_writes_phrases(run, tmp_path):
    code, out, _ = run("sample", "lstm_gan", "-n", "16", "--out", str(tmp_path / "out"))
    assert code == 0 and "16 phrases by cnn_lstm" in out
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 16
    assert all(0 < mido.MidiFile(file).length <= 8.01 for file in files)


@pytest.mark.parametrize("data", ["rock", "chorales"])
def test_what_ships_copies_less_than_songs_do(data):
    found = metrics.shipped_rows(data)
    real = found.one("heldout")["copied_bars"]["mean"]
    held = read_weights(sampling.shipped_weights(data))[1]["methods"]
    assert "cnn_lstm" in held
    for name in held:
        assert found.one(name)["copied_bars"]["mean"] <= real


def test_bars_of_what_is_too_large_to_ship_are_there():
    found, kept = metrics.shipped_rows("rock"), shipped_arrays("lstm_gan", "bars_rock.npz")
    held = read_weights(sampling.shipped_weights("rock"))[1]["methods"]
    trained = [row["method"] for row in found if "steps" in row]
    assert {*kept} == {*trained} - {*held}
    bars = np.unpackbits(kept["musegan"], axis=2).transpose(0, 2, 1)
    assert len(bars) == 2000
    told = found.one("musegan")["eb"]["mean"]
    assert 100 * rolls.is_empty(bars).mean() == pytest.approx(told)

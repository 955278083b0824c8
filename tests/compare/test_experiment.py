"""From data to weights, records and files: the way that the command and the book go."""

import numpy as np
import pytest

from fusiontools.compare import experiment, masked
from fusiontools.compare.experiment import load_net, sample_files
from fusiontools.compare.tunes import STEPS, Tunes
from fusiontools.errors import FusionError, RecordError
from fusiontools.music import read_midi
from fusiontools.music.grid import decode_grid, repair_grid
from fusiontools.report.experiment import train_in_folder
from fusiontools.training import save_weights

quiet = {"say": lambda line: None}


def toy():
    arrays, rng = {}, np.random.default_rng(0)
    for genre in "AB":
        for part in ("train", "validation", "test"):
            rows = np.where(
                rng.random((12, STEPS)) < 0.5, rng.integers(55, 80, (12, STEPS)), 1
            )
            arrays[f"{genre}_{part}"] = repair_grid(rows.astype(np.uint8))
            arrays[f"{genre}_{part}_song"] = np.array(["one", "two", "three"] * 4)
    told = {"name": "mine", "licence": "CC0", "credit": "me"}
    return Tunes("essen_ryan", ("a", "b"), arrays, {"corpora": [told]})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    experiment.save_data(toy(), folder / "toy.npz")
    asked = ("masked", "smoke", 0, folder / "toy.npz", "cpu")
    return folder / "run", train_in_folder(experiment, folder / "run", *asked, **quiet)


def test_a_run_gives_a_record_and_weights_that_write(run, tmp_path):
    folder, record = run
    assert set(experiment.MAIN) <= set(record.metrics)
    assert np.array(record.samples).shape == (experiment.KEPT, STEPS)
    files, method, told = sample_files(str(tmp_path), 2, run=folder)
    assert method == "masked" and "mine" in told
    assert [f.name for f in files] == ["melody_001.mid", "melody_002.mid"]
    # the notes of the first sample are those of the file, when it began at a beat
    again = masked.fuse(load_net(folder)[0], 2)[1]
    notes = read_midi(files[1]).notes()
    assert np.array_equal(notes.pitch, decode_grid(again).pitch)


def test_the_bigram_is_a_probability_and_agrees_with_a_plain_one():
    rng = np.random.default_rng(0)
    known = rng.integers(0, masked.TOKENS, (40, 32))
    x = rng.integers(0, masked.TOKENS, (3, 32))

    def plain(row):
        pairs = [(i % 16, *w[i - 1 : i + 1]) for w in known for i in range(1, 32)]
        first = sum(w[0] == row[0] for w in known) + 1 / masked.TOKENS
        total = -np.log(first / (len(known) + 1))
        for i in range(1, 32):
            a, b = row[i - 1], row[i]
            after = sum(p[1] == a for p in pairs) + 1
            smooth = (sum(p[1:] == (a, b) for p in pairs) + 1 / masked.TOKENS) / after
            here = [p for p in pairs if p[:2] == (i % 16, a)]
            total -= np.log((sum(p[2] == b for p in here) + 5 * smooth) / (len(here) + 5))
        return total / 32

    found = experiment._bigram(known, x)
    assert found == pytest.approx([plain(row) for row in x])


def test_weights_of_something_else_are_refused(tmp_path):
    import torch

    path = tmp_path / "line.safetensors"
    save_weights(torch.nn.Linear(2, 2), path, corpora="mine", terms="", paper="masked")
    with pytest.raises(RecordError):
        load_net(path)
    with pytest.raises(FusionError, match="name their key"):
        experiment.from_folders(["a", "b"])

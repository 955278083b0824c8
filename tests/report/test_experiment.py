"""Jobs wait for each other, a failure is told and stops only what waits for it, and what
was finished is not done again.
"""

import functools
import importlib
import os
import signal
from pathlib import Path

import pytest

from fusiontools.errors import CorpusError, FusionError
from fusiontools.report.experiment import (
    Job,
    collected,
    data_of,
    run_jobs,
    store,
    store_measured,
    train_in_folder,
)
from fusiontools.training import Run


def write(path, needs=None):
    """A job: it needs a file that another one wrote."""
    print("at work")
    if needs:
        Path(needs).read_text()
    Path(path).write_text("done")


def die():
    """A job that is killed from outside."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def here(monkeypatch):
    """This module and its neighbours, importable by their names in other processes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("test_experiment")


def test_jobs_wait_and_failures_are_told(here, tmp_path):
    a, b, c = (str(tmp_path / name) for name in "abc")
    jobs = [
        Job("second", functools.partial(here.write, b, a), ("first",)),
        Job("first", functools.partial(here.write, a)),
        Job("broken", functools.partial(here.write, c, str(tmp_path / "nowhere"))),
        Job("third", functools.partial(here.write, c), ("broken",)),
    ]
    said = []
    left = run_jobs(jobs, tmp_path / "work", workers=2, say=said.append)
    assert left == ["broken", "third"]
    assert Path(b).is_file() and not Path(c).exists()
    done = [line.split()[2] for line in said if line.endswith("finished")]
    assert done == ["first", "second"]
    assert any("broken FAILED" in line for line in said)
    assert said[-1] == "third waits for broken"
    log = (tmp_path / "work" / "broken.log").read_text()
    assert "at work" in log and "FileNotFoundError" in log
    (tmp_path / "nowhere").write_text("now it is there")
    said.clear()
    assert run_jobs(jobs, tmp_path / "work", say=said.append) == []
    assert [line.split()[2] for line in said] == ["broken", "third"]


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("toy_paper")


def test_data_is_what_is_asked_for_or_held(toy, tmp_path):
    made = toy.make_data("scales")
    assert data_of(toy, tmp_path).name == "scales"
    toy.save_data(made, tmp_path / "mine.npz")
    assert data_of(toy, tmp_path, tmp_path / "mine.npz").hash == made.hash
    with pytest.raises(CorpusError, match="neither the name of data nor a file"):
        data_of(toy, tmp_path, "nothing")
    asked = {"paper": "toy", "method": "bigram", "config": {}, "scale": "smoke"}
    data = {"name": "theirs", "sha256": "0" * 64}
    Run.open(tmp_path / "theirs", data=data, **asked).close()
    (tmp_path / "theirs" / "config.json").rename(tmp_path / "config.json")
    with pytest.raises(CorpusError, match="holds no copy of its data, 'theirs'"):
        data_of(toy, tmp_path)
    toy.save_data(made, tmp_path / "data.npz")
    assert data_of(toy, tmp_path).hash == made.hash
    other = toy.Scales("other", made.steps[:3])
    toy.save_data(other, tmp_path / "other.npz")
    assert data_of(toy, tmp_path, tmp_path / "other.npz").hash == other.hash


def test_a_finished_run_is_read_and_not_trained(toy, tmp_path, monkeypatch):
    said = []
    first = train_in_folder(toy, tmp_path / "run", "bigram", "smoke", say=said.append)
    assert said[0] == "bigram: a table of what follows what."
    assert (tmp_path / "run" / "weights.safetensors").is_file()
    assert toy.open_data(tmp_path / "run" / "data.npz").name == "scales"
    monkeypatch.setattr(toy, "train", None)
    assert train_in_folder(toy, tmp_path / "run", "bigram", "smoke") == first
    with pytest.raises(FusionError, match="no method 'other'.*choose one of bigram"):
        train_in_folder(toy, tmp_path / "new", "other", "smoke")
    assert not (tmp_path / "new").exists()


def test_stored_records_come_back(toy, tmp_path):
    made = train_in_folder(toy, tmp_path / "run", "bigram", "smoke", say=lambda said: None)
    store_measured(tmp_path, "b", [made])
    store(tmp_path / "measured" / "a.json", [])
    assert collected(tmp_path / "measured") == [made]


def test_a_killed_process_stops_the_experiment_and_loses_nothing(here, tmp_path):
    jobs = [
        Job("first", functools.partial(here.write, str(tmp_path / "a"))),
        Job("killed", here.die, ("first",)),
        Job("last", functools.partial(here.write, str(tmp_path / "b")), ("killed",)),
    ]
    assert run_jobs(jobs, tmp_path / "work", say=lambda said: None) == ["killed", "last"]
    jobs[1] = jobs[1]._replace(do=functools.partial(here.write, str(tmp_path / "c")))
    said = []
    assert run_jobs(jobs, tmp_path / "work", say=said.append) == []
    assert [line.split()[2] for line in said] == ["killed", "last"]

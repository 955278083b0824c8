"""What is true of a run's folder: it belongs to one run, says so, and no other gets in."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from fusiontools.errors import FusionError, RecordError
from fusiontools.records import read_record, read_records
from fusiontools.training import Run, adopt, steps
from fusiontools.training import run as run_module


@dataclass(frozen=True)
class Config:
    width: int = 8
    kernels: tuple = (2, 3)
    rate: float = 1.0


ASKED = {
    "paper": "fusiongan",
    "method": "mle",
    "config": Config(),
    "data": {"name": "essen", "sha256": "ab" * 32},
    "scale": "smoke",
    "seed": 3,
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "run"


def test_a_new_folder_is_made_and_an_old_one_is_continued(folder):
    with Run.open(folder, **ASKED) as run:
        assert run.seed == 3 and not run.finished and run.record is None
    before = (folder / "config.json").read_bytes()
    with Run.open(folder, **ASKED) as run:
        assert run.about["config"] == {"width": 8, "kernels": [2, 3], "rate": 1.0}
    # the same, said otherwise
    Run.open(
        folder, **ASKED | {"config": {"width": 8, "kernels": [2, 3], "rate": 1}}
    ).close()
    Run.open(folder, **ASKED | {"data": {"name": "Essen", "sha256": "ab" * 32}}).close()
    assert (folder / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"paper": "lstm_gan"}, 'its paper is "fusiongan", and "lstm_gan" is asked'),
        ({"method": "gan"}, 'its method is "mle", and "gan" is asked'),
        ({"scale": "laptop"}, 'its scale is "smoke", and "laptop" is asked'),
        ({"seed": 4}, "its seed is 3, and 4 is asked"),
        ({"config": Config(width=16)}, "its config.width is 8, and 16 is asked"),
        (
            {"config": Config(kernels=(2, 4))},
            r"its config.kernels is \[2, 3\], and \[2, 4\] is asked",
        ),
        (
            {"config": {"width": 8, "kernels": [2, 3]}},
            "its config.rate is 1.0, and none is asked",
        ),
        (
            {"config": {"width": 8, "kernels": [2, 3], "rate": 1.0, "new": 1}},
            "its config.new is not set, and 1 is asked",
        ),
        (
            {"data": {"name": "essen", "sha256": "cd" * 32}},
            'its data.sha256 is "abab.*, and "cdcd',
        ),
    ],
)
def test_another_run_is_refused_and_the_difference_named(folder, changed, says):
    Run.open(folder, **ASKED).close()
    before = {f: f.read_bytes() for f in folder.iterdir()}
    with pytest.raises(RecordError, match=says) as error:
        Run.open(folder, **ASKED | changed)
    assert str(folder) in str(error.value) and "choose another folder" in str(error.value)
    assert {f: f.read_bytes() for f in folder.iterdir()} == before


def test_a_folder_of_another_format_is_refused(folder, monkeypatch):
    Run.open(folder, **ASKED).close()
    monkeypatch.setattr(run_module, "FORMAT", 2)
    with pytest.raises(RecordError, match="its format is 1, and 2 is asked"):
        Run.open(folder, **ASKED)


def test_code_of_another_version_may_go_on(folder, monkeypatch):
    Run.open(folder, **ASKED).close()
    monkeypatch.setattr(run_module, "code_version", lambda: "9.9")
    with Run.open(folder, **ASKED) as run:
        assert run.about["version"] != "9.9"


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(RecordError, match=r"thesis\.tex"):
        Run.open(tmp_path, **ASKED)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(FusionError, match="cannot be written"):
        Run.open(tmp_path / "thesis.tex", **ASKED)


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"data": null}'])
def test_a_config_that_is_none_is_refused(folder, text):
    Run.open(folder, **ASKED).close()
    (folder / "config.json").write_text(text)
    with pytest.raises(RecordError, match="choose another folder"):
        Run.open(folder, **ASKED)


def test_a_folder_left_before_its_config_was_whole_is_still_new(folder):
    folder.mkdir(parents=True)
    (folder / "config.json.part").write_text('{"pap')
    Run.open(folder, **ASKED).close()
    assert json.loads((folder / "config.json").read_text())["paper"] == "fusiongan"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"data": {"name": "essen"}}, "sha256"),
        ({"config": {"rate": float("nan")}}, "config.rate is nan"),
        ({"scale": "tiny"}, "tiny"),
    ],
)
def test_what_no_record_could_say_is_refused_before_hours_are_spent(folder, changed, says):
    with pytest.raises(FusionError, match=says):
        Run.open(folder, **ASKED | changed)
    assert not folder.exists()


def test_two_processes_do_not_train_in_one_folder(folder):
    pytest.importorskip("fcntl")
    Run.open(folder, **ASKED).close()
    holds = "import fcntl, sys; f = open(sys.argv[1], 'ab'); "
    holds += "fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, folder / ".lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RecordError, match="another process"):
            Run.open(folder, **ASKED)
        other.kill()  # a lock goes with its process
        other.wait()
        Run.open(folder, **ASKED).close()


def test_a_cell_may_be_run_again_without_closing_its_run(folder):
    first = Run.open(folder, **ASKED)
    second = Run.open(folder, **ASKED)
    first.close(), second.close()


def test_a_finished_run_has_a_record(folder):
    with Run.open(folder, **ASKED) as run:
        made = run.finish({"ratio": 1.5}, ["a.mid"])
        assert run.finished and run.record == made
    assert (
        read_record(folder / "record.json")
        == made
        == next(
            r for r in read_records("fusiongan", folder.parent) if r.data["name"] == "essen"
        )
    )
    assert (
        made.method,
        made.seed,
        made.config["width"],
        made.samples,
        made.data["name"],
    ) == ("mle", 3, 8, ["a.mid"], "essen")
    assert made.minutes >= 0 and made.device.startswith("CPU")


def test_minutes_add_up_over_sessions(folder, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(run_module.time, "monotonic", lambda: clock[0])
    for start in (0, 1):
        run = Run.open(folder, **ASKED)
        for _ in steps(run, {}, start + 1, seconds=None):
            clock[0] += 60
        run.close()
    assert run.minutes == 2


def test_logging_belongs_into_the_loop_and_has_its_own_names(folder):
    run = Run.open(folder, **ASKED)
    with pytest.raises(ValueError, match="inside the loop"):
        run.log(loss=1)
    for _ in steps(run, {}, 1):
        run.log(loss=1, hits=2)
        run.log(loss=0.5)
        for name in ("step", "phase"):
            with pytest.raises(ValueError, match="filled in"):
                run.log(**{name: 1})
    assert run.history.rows == [{"step": 0, "phase": "train", "loss": 0.5, "hits": 2}]
    run.close()


DEPENDS = {"first": ("width",), "second": ("width", "rate")}


def phases(folder, **changed):
    """A run that has finished three phases."""
    config = {
        "width": 8,
        "rate": 1.0,
        "other": 0,
        "phases": ["first", "second", "third"],
    } | changed.pop("config", {})
    with Run.open(folder, **ASKED | {"config": config} | changed) as run:
        for phase in config["phases"]:
            run.checkpoint_path(phase).write_bytes(f"{phase} of {folder.name}".encode())
    return run


def fresh(folder, **changed):
    run = phases(folder, **changed)
    for file in folder.glob("checkpoint-*"):
        file.unlink()
    return run


@pytest.mark.parametrize(
    "changed, taken",
    [
        ({}, (True, True)),
        (
            {
                "method": "rl",
                "config": {"other": 1, "phases": ["first", "second", "fourth"]},
            },
            (True, True),
        ),
        ({"config": {"rate": 2.0}}, (True, False)),
        ({"config": {"width": 9}}, (False, False)),
        ({"config": {"phases": ["first", "fourth", "second"]}}, (True, False)),
        ({"seed": 4}, (False, False)),
        ({"data": {"name": "essen", "sha256": "cd" * 32}}, (False, False)),
    ],
)
def test_a_phase_is_taken_over_where_nothing_that_it_depends_on_differs(
    tmp_path, changed, taken
):
    phases(tmp_path / "there", **changed)
    run = fresh(tmp_path / "here")
    for phase, expected in (("first", taken[0]), ("second", taken[1])):
        before = ["first", "second", "third"][: ["first", "second"].index(phase) + 1]
        assert adopt(run, tmp_path / "there", before, DEPENDS) == expected
        assert run.checkpoint_path(phase).exists() == expected
        assert (
            not expected
            or run.checkpoint_path(phase).read_bytes() == f"{phase} of there".encode()
        )


def test_a_phase_is_not_taken_over_if_here_or_not_there_or_of_unknown_needs(tmp_path):
    there, run = phases(tmp_path / "there"), fresh(tmp_path / "here")
    assert not adopt(run, tmp_path / "there", ["first", "second", "third"], DEPENDS)
    assert not adopt(run, tmp_path / "nowhere", ["first"], DEPENDS)
    there.checkpoint_path("first").unlink()
    assert not adopt(run, tmp_path / "there", ["first"], DEPENDS)
    run.checkpoint_path("second").write_bytes(b"mine")
    assert not adopt(run, tmp_path / "there", ["first", "second"], DEPENDS)
    assert run.checkpoint_path("second").read_bytes() == b"mine"

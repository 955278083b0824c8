"""What is true of a run's folder: it belongs to one run, says so, and no other gets in."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest

from fusiontools.errors import FusionError, RecordError
from fusiontools.records import read_record, read_records, write_record
from fusiontools.training import Run, adopt, finished_weights, read_about, steps
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


# A stranger's folder


posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
FILES = ["config.json", "history.csv", "record.json", ".lock", "checkpoint-train.bin"]
FILES += ["checkpoint-train.previous.bin", "weights.safetensors", "data.npz", "other"]
FILES += ["record.json.part", ".0123456789abcdef.part"]


def train(folder, total=2):
    with Run.open(folder, **ASKED) as run:
        for step in steps(run, {}, total, seconds=None):
            run.log(loss=float(step))
        return run.finish({"ratio": 1.0})


@posix
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("before", [False, True])
def test_links_in_a_runs_folder_are_refused_and_not_followed(
    folder, name, before, tmp_path
):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    if before:
        train(folder)
    else:
        Run.open(folder, **ASKED).close()
    (folder / name).unlink(missing_ok=True)
    for target in (secret, tmp_path / "new", tmp_path):
        (folder / name).symlink_to(target)
        with pytest.raises(RecordError, match=f"its '{name}' is a link.*choose another"):
            train(folder, 3)
        with pytest.raises(RecordError, match="is a link"):
            finished_weights(folder)
        (folder / name).unlink()
    assert secret.read_text() == "mine" and not (tmp_path / "new").exists()


@posix
@pytest.mark.parametrize("name", FILES[:6])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_for_files_are_refused_and_not_waited_for(folder, name, make):
    train(folder)
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    with pytest.raises(RecordError, match=f"its '{name}' is a folder, a pipe or a device"):
        train(folder, 3)


def test_a_folder_of_the_readers_own_beside_the_files_stays(folder):
    train(folder)
    (folder / "melodies").mkdir()
    assert Run.open(folder, **ASKED).finished


def test_what_a_killed_training_left_goes_at_the_next_start(folder):
    train(folder)
    drafts = [".0123456789abcdef.part", ".data.npz-abcd1234.part", "record.json.part"]
    for name in [*drafts, "yours.part"]:
        (folder / name).write_bytes(b"half")
    Run.open(folder, **ASKED).close()
    left = {f.name for f in folder.iterdir()}
    assert "yours.part" in left and not left & {*drafts}


def test_a_training_that_goes_on_elsewhere_keeps_its_drafts(folder):
    """Only who holds the folder tidies it up."""
    pytest.importorskip("fcntl")
    Run.open(folder, **ASKED).close()
    holds = "import fcntl, sys; f = open(sys.argv[1], 'ab'); "
    holds += "fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    command = [sys.executable, "-c", holds, folder / ".lock"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as other:
        other.stdout.readline()
        (folder / ".0123456789abcdef.part").write_bytes(b"half")
        (folder / "history.csv").write_bytes(b"step,phase,loss\n0,train,1")
        with pytest.raises(RecordError, match="another process"):
            Run.open(folder, **ASKED)
        other.kill()
    assert (folder / ".0123456789abcdef.part").exists()
    assert (folder / "history.csv").read_bytes().endswith(b"0,train,1")


CONFIGS = {
    "names are lists": {"paper": ["a"], "method": {}, "version": []},
    "names are nothing": {"paper": "", "method": None, "version": 3},
    "no package": {"paper": "../x"},
    "scales": {"scale": ["smoke"]},
    "seeds": {"seed": "3"},
    "negative seeds": {"seed": -3},
    "seeds without an end": {"seed": 10**400},
    "large seeds": {"seed": 2**32},
    "fractions of seeds": {"seed": 3.0},
    "truth for a seed": {"seed": True},
    "data": {"data": [1], "config": "x"},
    "data without a hash": {"data": {"name": "a"}},
    "data whose hash is none": {"data": {"name": "a", "sha256": ["ab" * 32]}},
    "formats": {"format": "1"},
    "formats as lists": {"format": [1]},
    "deep": {"config": {"a": json.loads("[" * 60 + "]" * 60)}},
    "half a character": {"config": {"a": "\ud800"}},
    "no number": {"config": {"a": float("nan")}},
    "beyond all numbers": {"config": {"a": 10**400}},
    "more": {"colour": "red"},
}


@pytest.mark.parametrize("odd", CONFIGS)
def test_what_a_config_holds_is_looked_at_before_it_is_believed(folder, odd):
    Run.open(folder, **ASKED).close()
    path = folder / "config.json"
    right = json.loads(path.read_text())
    assert read_about(folder) == right
    for name, value in CONFIGS[odd].items():
        path.write_text(json.dumps(right | {name: value}))
        with pytest.raises(RecordError, match="config.json.*choose another folder"):
            read_about(folder)
        with pytest.raises(RecordError, match="choose another folder"):
            Run.open(folder, **ASKED)
    for name in right:
        path.write_text(json.dumps({k: v for k, v in right.items() if k != name}))
        with pytest.raises(RecordError, match="choose another folder"):
            read_about(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp500"])
def test_a_config_of_another_encoding_is_refused(folder, encoding):
    Run.open(folder, **ASKED).close()
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_bytes(text.encode(encoding))
    with pytest.raises(RecordError, match="no readable JSON.*choose another folder"):
        Run.open(folder, **ASKED)


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 10**6, "9" * 10**6, '"' + "a" * 20]
)
def test_json_without_an_end_is_refused(folder, text):
    Run.open(folder, **ASKED).close()
    (folder / "config.json").write_text(text)
    with pytest.raises(RecordError, match="no readable JSON"):
        Run.open(folder, **ASKED)


@pytest.mark.parametrize("name", ["method", "seed", "scale", "paper"])
def test_the_record_of_another_run_is_not_this_runs(folder, name):
    record = train(folder)
    other = {"method": "rl", "seed": 4, "scale": "laptop", "paper": "lstm_gan"}[name]
    write_record(replace(record, **{name: other}), folder / "record.json")
    with (
        Run.open(folder, **ASKED) as run,
        pytest.raises(RecordError, match=f"another run: its {name} is {other}"),
    ):
        run.record


@pytest.mark.parametrize("config", [b"", b"[1]", b"{}", b"[" * 10**5, b"\xff"])
def test_another_runs_folder_is_looked_at_before_a_phase_is_taken_from_it(tmp_path, config):
    phases(tmp_path / "there")
    run = fresh(tmp_path / "here")
    (tmp_path / "there" / "config.json").write_bytes(config)
    with pytest.raises(RecordError, match=r"there.config\.json"):
        adopt(run, tmp_path / "there", ["first"], DEPENDS)


@pytest.mark.parametrize("odd", [3, "first", {"first": 1}, None, [3], []])
def test_phases_of_another_run_that_are_none_are_not_taken(tmp_path, odd):
    phases(tmp_path / "there")
    path, run = tmp_path / "there" / "config.json", fresh(tmp_path / "here")
    about = json.loads(path.read_text())
    about["config"]["phases"] = odd
    path.write_text(json.dumps(about))
    assert not adopt(run, tmp_path / "there", ["first"], DEPENDS)


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

"""With --json every command tells one object on standard output, and nothing else there."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from fusiontools.cli_told import print_json, tell
from fusiontools.music.audio import write_sound
from fusiontools.music.midi import Piece, Track, write_midi
from fusiontools.music.notes import Notes, Tempo, transpose
from fusiontools.records import read_record

TUNE = Notes.of([(0.5 * k, 0.5, 60 + (5 * k) % 8) for k in range(64)])
SOUND = 0.4 * np.sin(np.arange(8000) / 4)
# each command, and the facts that it must name
COMMANDS = {
    "data": (("data",), "folder corpora"),
    "data path": (("data", "path"), "path"),
    "notice": (("notice",), "terms files"),
    "play": (("play", "a.mid", "--out", "c.html"), "files out opened"),
    "sample": (("sample", "lstm_gan", "-n", 2, "--out", "s"), "method files seed terms"),
    "fuse": (
        ("fuse", "a.mid", "b.mid", "--out", "c.mid", "--plain", "p.mid"),
        "left right generator fused plain terms amount iterations",
    ),
    "transfer": (
        ("transfer", "a.mid", "--to", "fiddle", "--out", "c.mid"),
        "source network transferred plain judges amount terms",
    ),
    "restyle": (
        ("restyle", "a.wav", "b.wav", "--out", "c.wav", "--model", "musaic"),
        "content style model strength phase restyled",
    ),
    "score": (("score", "a.mid", "--against", "a.mid", "b.mid"), "rows metrics"),
}
MADE = [name for name in COMMANDS if name not in ("data", "data path", "notice")]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with music, to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", "numpy")
    write_midi(Piece((Track(TUNE, 40),), Tempo.constant(200)), "a.mid")
    write_midi(Piece((Track(transpose(TUNE, -24), 40),)), "b.mid")
    write_sound(SOUND, "a.wav", 8000)
    write_sound(np.sign(SOUND) * 0.3, "b.wav", 8000)
    return tmp_path


def told(run, *words):
    """Exit code and facts of a command, which are all of its output."""
    code, out, err = run(*words, "--json")
    assert out.count("\n") == 1 and out.endswith("\n"), (out, err)
    return code, json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_tells_one_object(run, command):
    words, names = COMMANDS[command]
    code, facts = told(run, *words)
    assert code == 0 and facts["command"] == command
    assert set(names.split()) <= set(facts)


def values(facts):
    if isinstance(facts, dict | list):
        for one in facts.values() if isinstance(facts, dict) else facts:
            yield from values(one)
    else:
        yield facts


@pytest.mark.parametrize("command", ["data", "play", "sample", "fuse", "transfer"])
def test_text_and_object_tell_the_same(run, command):
    """Every text among the facts that the lines can name stands in the lines."""
    words = [*COMMANDS[command][0], "--force"][: None if command[0] != "d" else -1]
    _, facts = told(run, *words)
    _, out, err = run(*words)
    flat = " ".join((out + err).split())
    leave = {"command", "terms", "paper", "files", "title", "file", "kind"}
    named = {k: v for k, v in facts.items() if k not in leave}
    texts = [v for v in values(named) if isinstance(v, str) and "/" not in v]
    short = [v for v in texts if command != "data" or " " not in v]
    assert short and all(" ".join(v.split()) in flat for v in short if v), (short, out)


def test_numbers_are_numbers(run):
    _, facts = told(run, *COMMANDS["fuse"][0])
    assert facts["left"]["bars"] == [1, 4] and facts["fused"][0]["file"] == "c.mid"
    assert isinstance(facts["fused"][0]["z_distance"], float)
    assert 0 <= facts["fused"][0]["one_melody"] <= 1
    assert "octave" in " ".join(facts["right"]["adapted"]) and not facts["left"]["adapted"]
    _, facts = told(run, *COMMANDS["transfer"][0], "--force")
    assert 0 <= facts["transferred"]["pitch_kept"] <= 1
    assert {*facts["judges"]} == {"network", "features"}
    for judge in facts["judges"].values():
        assert all(sum(of.values()) == 1 for of in judge.values())  # of one window
    _, facts = told(run, *COMMANDS["restyle"][0])
    assert facts["content"]["rate"] == 8000 and facts["content"]["channels"] == 1
    assert -1 <= facts["restyled"]["correlation"] <= 1
    _, facts = told(run, "data")
    weimar = next(one for one in facts["corpora"] if one["name"] == "weimar")
    assert weimar["here"] is False and weimar["bytes"] > 1e6 and weimar["terms"]
    _, facts = told(run, "notice")
    assert len(facts["files"]) > 10 and "`" in facts["files"][0]["file"]


def test_a_training_tells_its_progress_elsewhere(run, here):
    from fusiontools.music.tokens import Vocabulary
    from fusiontools.papers.fusiongan.data import Pair, save_pair

    rng, arrays = np.random.default_rng(0), {}
    for domain in "AB":
        for part in ("train", "validation", "test"):
            arrays[f"{domain}_{part}"] = rng.integers(0, 36, (8, 12)).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(8, dtype=np.int32)
    words = Vocabulary("notes", 60, 71, 4, (1, 2, 4))
    about = {"corpora": [{"name": "mine", "licence": "CC0"}]}
    save_pair(Pair("toy", ("jazz", "folk"), words, arrays, about), here / "toy.npz")
    asked = ("train", "fusiongan", "--run", "r", "--data", "toy.npz", "--method", "mle")
    code, out, err = run(*asked, "--json")
    facts, record = json.loads(out), read_record(here / "r" / "record.json")
    assert code == 0 and "Data: toy" in err and facts["finished_before"] is False
    assert facts["method"] == "mle" and facts["minutes"] == record.minutes
    assert facts["hear"] == "python -m fusiontools sample --run r --out melodies"
    ratio = facts["metrics"]["npd_eud_ratio"]
    assert ratio == pytest.approx(record.metrics["npd_eud_ratio"])
    assert told(run, "train", "--run", "r")[1] == facts | {"finished_before": True}
    assert told(run, "notice", "r")[1]["terms"].startswith("Weights trained on mine.")


@pytest.mark.parametrize(
    ("words", "where", "found"),
    [
        (("data", "path", "nope"), "", "no corpus is called 'nope'"),
        (("data", "fetch", "essen"), "", ""),
        (("notice", "none"), "none", "no such"),
        (("play", "none.mid"), "none.mid", "no such file"),
        (("sample", "lstm_gan", "--out", "a.mid"), "a.mid", "this is a file"),
        (("fuse", "none.mid", "b.mid", "--out", "c.mid"), "none.mid", "no such file"),
        (("transfer", "a.mid", "--to", "jazz", "--out", "c.mid"), "--to", "jazz"),
        (("restyle", "a.mid", "b.wav", "--out", "c.wav"), "a.mid", "MIDI: notes"),
        (("train", "--run", "r"), "r", "no run is there"),
        (("score", "none.mid", "--against", "a.mid", "b.mid"), "none.mid", "no such file"),
    ],
)
def test_an_error_is_an_object_too(run, words, where, found):
    code, out, err = run(*words, "--json")
    (error,) = json.loads(out).values()
    assert code == 1 and set(error) == {"found", "where", "do"} and error["do"]
    assert found in error["found"] and (error["where"] or "").endswith(where)
    assert error["found"] in err  # people read it as ever


@pytest.mark.parametrize("command", [*COMMANDS, "data fetch", "train", "nothing"])
def test_a_question_of_use_is_an_object_too(run, command):
    code, facts = told(run, *command.split(), "--absurd")
    found = "nothing" if command == "nothing" else "absurd"
    assert code == 2 and found in facts["error"]["found"]
    assert "--help" in facts["error"]["do"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["sample", "restyle"])
def test_what_is_stopped_says_so(run, monkeypatch, heard, stop, command):
    from fusiontools.papers.audio_style import restyling
    from fusiontools.papers.lstm_gan.evidence import experiment

    def stopped(*given, **options):
        signal.raise_signal(stop)

    monkeypatch.setattr(experiment, "sample_files", stopped)
    monkeypatch.setattr(restyling, "pieces", stopped)
    code, facts = told(run, *COMMANDS[command][0])
    assert code == 128 + stop and facts["error"]["found"] == "it was stopped"


def test_help_and_the_version_stay_what_they_are(run):
    assert "Examples" in run("fuse", "--json", "--help")[1]
    assert run("--version")[1].startswith("fusiontools ")


def test_an_object_survives_any_name_and_any_number(capsys):
    name = "f\udcfcr\n春.mid"
    print_json({"a": Path(name), "b": np.float32(0.5), "c": [np.nan, np.inf], "d": (1,)})
    out = capsys.readouterr().out
    assert out.isascii() and out.count("\n") == 1
    read = {"a": name, "b": 0.5, "c": [None, None], "d": [1]}
    assert json.loads(out) == read


def test_facts_are_shown_one_way_or_the_other(capsys):
    for as_json in (False, True):
        tell({"n": 1}, lambda facts: ["one", "two"], as_json)
    assert capsys.readouterr().out == 'one\ntwo\n{"n": 1}\n'


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is full")
def test_output_into_a_full_disk_is_one_line(run, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code, _, err = run("data", "path", "--json")
        monkeypatch.undo()
    assert code == 1 and "No space left" in err

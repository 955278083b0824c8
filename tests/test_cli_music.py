"""Every command that writes music writes it as what a file's name says."""

import json
from pathlib import Path

import numpy as np
import pytest

from fusiontools import cli_music
from fusiontools.cli_music import ENDINGS, FORMATS, MIDI, SOUND, write_music
from fusiontools.errors import FusionError, NoNotesError
from fusiontools.music import soundwriter
from fusiontools.music.audio import read_sound, sound_length
from fusiontools.music.midi import Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo
from fusiontools.show import synth

TUNE = Notes.of([(k, 1, 60 + k % 5) for k in range(16)])
PIECE = Piece((Track(TUNE, 40),), Tempo.constant(240))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with two tunes, and the synthesiser that is always there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", "numpy")
    write_midi(PIECE, "a.mid")
    write_midi(PIECE, "b.mid")
    return tmp_path


def names():
    return sorted(file.name for file in Path().iterdir() if file.suffix in ENDINGS)


def test_the_endings_are_those_that_can_be_written():
    assert set(SOUND) == set(synth.FORMATS) == set(soundwriter.FORMATS)
    assert [f".{one}" for one in FORMATS] == [MIDI[0], *SOUND]
    assert cli_music.RATE in synth.MP3_RATES


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_piece_is_written_as_its_name_says(ending):
    file = Path(f"c{ending.upper()}")
    write_music(PIECE, file)
    if ending in MIDI:
        made = read_midi(file)
        assert made.notes() == TUNE and made.tracks[0].program == 40
    else:
        seconds, rate, channels = sound_length(file)
        assert (rate, channels) == (cli_music.RATE, 1)
        assert 4.7 < seconds < 5.1 and np.abs(read_sound(file).samples).max() > 0.1


@pytest.mark.parametrize("name", ["c.mid", "c.wav"])
def test_what_cannot_be_written_leaves_what_is_there(name):
    Path(name).write_bytes(b"mine")
    with pytest.raises(NoNotesError):
        write_music(Piece((Track(TUNE[:0]),)), Path(name))
    if name == "c.wav":
        long = Piece((Track(Notes.of([(4000, 1, 60)])),))
        with pytest.raises(FusionError, match="33 minutes"):
            write_music(long, Path(name))
    assert Path(name).read_bytes() == b"mine" and len(names()) == 3


COMMANDS = {
    "fuse": ("fuse", "a.mid", "b.mid"),
    "transfer": ("transfer", "a.mid", "--to", "fiddle"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("out", "plain"), [("c.wav", "p.mp3"), ("c.flac", "p.midi")])
def test_commands_write_sound_and_the_plain_one_too(run, command, out, plain):
    words = (*COMMANDS[command], "--out", out, "--plain", plain)
    code, _, err = run(*words)
    assert code == 0 and names() == sorted(["a.mid", "b.mid", out, plain]), err
    assert sound_length(out)[0] > 4
    assert read_midi(plain).tracks if plain == "p.midi" else sound_length(plain)[0] > 4
    code, _, err = run(*words)
    assert code == 1 and "there already" in err


def test_several_styles_are_several_sounds(run):
    code, out, _ = run(*COMMANDS["fuse"], "--out", "c.mp3", "--styles", 2)
    assert code == 0 and names() == ["a.mid", "b.mid", "c-1.mp3", "c-2.mp3"]
    assert "Fused: c-2.mp3" in out
    made = [Path(name).read_bytes() for name in names()[2:]]
    assert made[0] != made[1] and all(sound_length(n)[0] > 4 for n in names()[2:])


def test_sound_is_what_the_midi_file_sounds_like(run):
    run(*COMMANDS["fuse"], "--out", "c.mid")
    run(*COMMANDS["fuse"], "--out", "c.wav")
    run("play", "c.mid", "--out", "d.wav")
    assert Path("c.wav").read_bytes() == Path("d.wav").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_a_sample_has_the_format_that_is_asked_for(run, format):
    words = ("sample", "lstm_gan", "-n", 2, "--out", "s", "--format", format)
    code, out, err = run(*words)
    files = [f"phrase_001.{format}", f"phrase_002.{format}"]
    assert code == 0 and sorted(f.name for f in Path("s").iterdir()) == files, err
    assert out == f"2 phrases by cnn_lstm in s: {files[0]} to {files[1]}\n"
    assert (
        read_midi(f"s/{files[0]}").tracks
        if format == "mid"
        else (sound_length(f"s/{files[0]}")[0] > 4)
    )


def test_samples_of_two_formats_never_mix(run):
    asked = ("sample", "lstm_gan", "--out", "s", "-n")
    assert run(*asked, 2, "--format", "flac")[0] == 0
    before = {f: f.read_bytes() for f in Path("s").iterdir()}
    code, _, err = run(*asked, 1)
    assert code == 1 and "2 files, phrase_001.flac to phrase_002.flac" in err
    assert {f: f.read_bytes() for f in Path("s").iterdir()} == before
    code, out, _ = run(*asked, 1, "--force", "--json")
    assert code == 0 and [f.name for f in Path("s").iterdir()] == ["phrase_001.mid"]
    assert json.loads(out)["files"] == ["s/phrase_001.mid"]


def test_a_format_that_is_none_is_a_question_of_use(run):
    for word in ("txt", ".mp3", "midi", "MID"):
        code, _, err = run("sample", "lstm_gan", "--out", "s", "--format", word)
        assert code == 2 and "mid, wav, flac, mp3, ogg" in err and not Path("s").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sound_that_cannot_be_written_is_said_before_the_work(run, monkeypatch, command):
    import sys

    monkeypatch.setitem(sys.modules, "soundfile", None)
    code, out, err = run(*COMMANDS[command], "--out", "c.wav")
    assert code == 1 and "soundfile is not installed" in err and not out
    assert run(*COMMANDS[command], "--out", "c.mid")[0] == 0

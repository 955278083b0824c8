"""The command that plays: a page of players that needs nothing else, or a file of sound."""

import json
import os
import re
import webbrowser

import numpy as np
import pytest

from fusiontools import cli_play
from fusiontools.music.audio import read_sound, sound_length, write_sound
from fusiontools.music.midi import Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo

TUNE = Notes.of([(0.5 * k, 0.5, 60 + k % 8) for k in range(16)])
BASS = Notes.of([(2.0 * k, 2.0, 40 + k) for k in range(4)])
ABC = "X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGABc|GABc|\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with music of three kinds; no browser opens, and what would is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", "numpy")
    tracks = (Track(TUNE, 73, name="Flute"), Track(BASS, 32, name="Bass"))
    write_midi(Piece(tracks, Tempo.constant(120)), "a.mid")
    (tmp_path / "book.abc").write_text(ABC)
    sound = np.stack([0.5 * np.sin(np.arange(16_000) / 5), np.zeros(16_000)])
    write_sound(sound, "r.wav", 16_000)
    return tmp_path


@pytest.fixture
def browser(monkeypatch):
    """What a browser was asked to open."""
    asked = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda page: asked.append(page) or True)
    return asked


def test_a_page_of_all_files_opens_in_the_browser(run, here, browser):
    code, out, err = run("play", "a.mid", "book.abc", "r.wav")
    (page,) = browser
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "a.mid: 20 notes, 4.0 s."
    assert lines[1] == "book.abc: 4 notes, 2.0 s." and "holds 2 tunes" in lines[2]
    assert "r.wav: 1.0 s." in lines and lines[-1].startswith("In the browser: ")
    file = lines[-1].removeprefix("In the browser: ")
    text = open(file, encoding="utf-8").read()
    assert page.endswith(os.path.basename(file)) and text.count('class="ft-player"') == 3
    assert all(name in text for name in ("a.mid", "book.abc", "r.wav", "holds 2 tunes"))


def test_where_there_is_no_browser_it_says_where_the_page_lies(run, here, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    # one in a terminal would answer
    monkeypatch.setattr(webbrowser, "open", lambda page: True)
    code, out, _ = run("play", "a.mid")
    last = out.splitlines()[-1]
    assert code == 0 and last.startswith("No browser can be opened here. Open the page ")
    assert os.path.isfile(last.split("in one: ")[1])
    monkeypatch.setenv("DISPLAY", ":0")
    for answer in (lambda page: False, lambda page: (_ for _ in ()).throw(ERROR)):
        monkeypatch.setattr(webbrowser, "open", answer)
        assert "No browser can be opened here." in run("play", "a.mid")[1]


ERROR = webbrowser.Error("could not locate runnable browser")


def test_a_page_is_written_instead_and_needs_nothing_else(run, here, browser):
    code, out, _ = run("play", "a.mid", "r.wav", "--out", "p.html")
    text = (here / "p.html").read_text(encoding="utf-8")
    assert code == 0 and out.endswith("Written: p.html\n") and not browser
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text) and "<!doctype html>" in text
    assert "@import" not in text and not list((here / "tmp").iterdir())


def test_the_page_plays(run, here, new_context):
    run("play", "a.mid", "r.wav", "--out", "p.html")
    page, broken = new_context().new_page(), []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto((here / "p.html").as_uri())
    page.wait_for_function(
        "() => document.querySelectorAll('figure.ft-live .ft-roll').length === 2"
    )
    assert page.title() == "a.mid, r.wav"
    page.locator(".ft-play").first.click()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0")
    page.context.close()
    assert not broken


@pytest.mark.parametrize("name", ["o.wav", "o.flac", "o.mp3", "o.OGG"])
def test_a_score_becomes_sound(run, here, name):
    code, out, err = run("play", "a.mid", "--out", name)
    seconds, rate, channels = sound_length(name)
    assert (code, err) == (0, "") and out.endswith(f"Written: {name}\n")
    assert (rate, channels) == (cli_play.RATE, 1) and 4.5 < seconds < 5.1
    assert np.abs(read_sound(name).samples).max() > 0.1


@pytest.mark.parametrize("name", ["o.flac", "o.mp3"])
@pytest.mark.parametrize("rate", [16_000, 10_000])
def test_a_recording_stays_as_long_and_as_wide(run, here, name, rate):
    write_sound(read_sound("r.wav").samples, "r.wav", rate)
    code, _, err = run("play", "r.wav", "--out", name)
    seconds, made, channels = sound_length(name)
    assert code == 0 and channels == 2, err
    assert seconds == pytest.approx(16_000 / rate, abs=0.1)
    assert made == (rate if name == "o.flac" or rate == 16_000 else cli_play.RATE)


def test_a_tune_and_a_track_are_chosen(run, here):
    assert run("play", "book.abc", "--tune", "two", "--out", "o.mid")[0] == 0
    assert read_midi("o.mid").notes().pitch.tolist() == [67, 69, 71, 72] * 2
    code, out, _ = run("play", "a.mid", "--track", "bass", "--out", "o.mid", "--force")
    assert code == 0 and "a.mid: 4 notes, 4.0 s." in out
    made = read_midi("o.mid")
    assert made.notes() == BASS and made.tracks[0].program == 32


def test_what_is_long_is_bounded_and_that_is_said(run, here, browser, monkeypatch):
    write_sound(np.tile(read_sound("r.wav").samples, 4), "r.wav", 16_000)
    for name in ("LONGEST", "WRITTEN"):
        monkeypatch.setattr(cli_play, name, 2.0)
    said = "  It is long: the first 2 s are taken, of 4 s."
    code, out, _ = run("play", "a.mid", "r.wav")
    assert code == 0 and out.splitlines().count(said) == 2
    for name in ("a.mid", "r.wav"):
        code, out, _ = run("play", name, "--out", "o.wav", "--force")
        assert code == 0 and said in out and 2 <= sound_length("o.wav")[0] < 3
    code, out, _ = run("play", "a.mid", "--out", "o.mid")
    assert said not in out and read_midi("o.mid").notes().end == 8
    monkeypatch.setattr(cli_play, "TOGETHER", 3.0)
    out = run("play", "a.mid", "a.mid", "a.mid")[1]
    assert out.count("the first 1 s are taken, of 4 s.") == 3


def test_facts_are_one_object(run, here, browser):
    code, out, err = run("play", "a.mid", "book.abc", "r.wav", "--json")
    told = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1) and told["opened"] is True
    assert [one["file"] for one in told["files"]] == ["a.mid", "book.abc", "r.wav"]
    assert [one["notes"] for one in told["files"]] == [20, 4, None]
    assert [one["kind"] for one in told["files"]] == ["score", "score", "recording"]
    assert told["files"][0]["seconds"] == 4 and told["files"][1]["adapted"]
    assert os.path.isfile(told["out"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("none.mid",), "no such file"),
        (("a.mid", "none.mid"), "none.mid: no such file"),
        (("a.mid", "--track", "oboe"), "no track 'oboe'"),
        (("a.mid", "--tune", "1"), "only books in ABC have"),
        (("book.abc", "--tune", "9"), "no tune '9'"),
        (("r.wav", "--track", "1"), "a recording has no tracks"),
        (("r.wav", "--tune", "1"), "a recording has no tunes"),
        (("r.wav", "--out", "o.mid"), "a recording has no notes"),
        (("a.mid", "--out", "a.mid", "--force"), "this file is read here"),
        (("a.mid", "--out", "book.abc.html"), "there already"),
        (("broken.wav",), "damaged"),
        (("text.txt",), "no tune in ABC begins"),
        (("drums.mid", "--track", "1"), "track 1 is drums"),
    ],
)
def test_what_cannot_be_played_is_one_line(run, here, browser, words, says):
    (here / "book.abc.html").write_text("mine")
    (here / "broken.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt \x10\0")
    (here / "text.txt").write_text("la la la")
    write_midi(Piece((Track(TUNE, is_drum=True), Track(BASS))), "drums.mid")
    before = {f: f.read_bytes() for f in here.iterdir() if f.is_file()}
    code, out, err = run("play", *words)
    assert code == 1 and says in err and err.count("\n") == 1 and not out, err
    assert "What to do" in err and not browser
    assert {f: f.read_bytes() for f in here.iterdir() if f.is_file()} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a.mid", "r.wav", "--out", "o.mp3"), "one FILE alone can become .mp3"),
        (("a.mid", "--out", "o.txt"), "let its name end in .html or .mid or"),
        ((), "Missing argument 'FILE"),
    ],
)
def test_absurd_words_are_a_question_of_use(run, here, words, says):
    code, _, err = run("play", *words)
    flat = " ".join(err.replace("│", " ").split())
    assert code == 2 and says in flat and "Traceback" not in err


def test_any_name_and_any_title_is_a_page(run, here, browser):
    name = b"f\xfcr <b> & \xe6.mid".decode("utf-8", "surrogateescape")
    os.rename("a.mid", name)
    code, out, _ = run("play", name, "--out", "p.html", "--json")
    text = (here / "p.html").read_text(encoding="utf-8")
    assert code == 0 and json.loads(out)["files"][0]["file"] == name
    assert "&lt;b&gt; &amp;" in text and "<b>" not in text

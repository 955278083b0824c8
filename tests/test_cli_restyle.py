"""The command that restyles a recording: any sound file, and none is lost."""

import os
import signal
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from fusiontools import cli_restyle
from fusiontools.music.audio import read_sound, sound_length
from fusiontools.papers.audio_style import MODELS, PHASES, restyling
from fusiontools.papers.audio_style.config import Config
from fusiontools.papers.audio_style.cyclegan import CycleGAN, save_generators

RATE = 8000
T = np.arange(RATE) / RATE
TUNE = 0.3 * np.sin(2 * np.pi * np.repeat([440, 550, 660, 495], RATE // 4) * T)
BELL = 0.2 * np.sign(np.sin(2 * np.pi * 311 * T)) * np.exp(-3 * T)


def write(name, samples, rate=RATE, **how):
    soundfile.write(name, np.asarray(samples).T, rate, **how)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a content and a style, to work in."""
    monkeypatch.chdir(tmp_path)
    write("a.wav", TUNE)
    write("b.wav", BELL)
    return tmp_path


@pytest.fixture
def restyled(run):
    """Runs the command with the fastest model."""

    def command(*words, files=("a.wav", "b.wav"), out="c.wav", model="musaic"):
        return run("restyle", *files, "--out", out, "--model", model, *words)

    return command


def correlation(x, y):
    return float(np.corrcoef(np.ravel(x), np.ravel(y))[0, 1])


def test_what_was_taken_and_what_came_of_it_is_told(restyled):
    write("a.wav", TUNE / 2)  # far from full scale, so that nothing is turned down
    code, out, err = restyled()
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[:3] == [
        "Content: a.wav, 1.0 s, 8,000 samples a second, mono.",
        "Style: b.wav, 1.0 s, 8,000 samples a second, mono.",
        "Model: musaic, strength 0.9.",
    ]
    assert lines[3].startswith("Restyled: c.wav. Of the style loss ")
    assert " % is gone; correlation with the content 0." in lines[3]
    made = read_sound("c.wav")
    assert made.samples.shape == (1, RATE) and made.rate == RATE
    level = np.sqrt(np.mean(made.samples**2))
    assert level == pytest.approx(np.sqrt(np.mean(TUNE**2)) / 2, rel=0.02)


@pytest.mark.parametrize("model", ["cnn", "rnn", "bilstm"])
def test_networks_bring_the_style_nearer(restyled, monkeypatch, model):
    small = restyling.model_config

    def few(*given, **changes):
        channels = None if model == "cnn" else 32
        return small(*given, **(changes | {"steps": 20, "channels": channels}))

    monkeypatch.setattr(restyling, "model_config", few)
    code, out, _ = restyled("--strength", 0.8, "--phase", "content", model=model)
    assert code == 0 and f"Model: {model}, strength 0.8, phase content." in out
    gone = int(out.split("style loss ")[1].split(" %")[0])
    assert gone > 5 and sound_length("c.wav") == (1.0, RATE, 1)


def test_every_model_and_every_phase_is_known_to_the_command():
    assert cli_restyle.MODELS is MODELS and cli_restyle.PHASES is PHASES
    assert cli_restyle.TAKEN == restyling.SECONDS


def test_only_a_part_is_taken_where_asked(restyled):
    code, out, _ = restyled("--start", 0.25, "--seconds", 0.5, "--style-start", 0.1)
    assert code == 0 and "Content: a.wav, 0.5 s" in out and "Style: b.wav, 0.9 s" in out
    assert sound_length("c.wav")[0] == 0.5
    restyled("--start", 0.25, "--seconds", 0.5, "--strength", 0, "--force")
    made = read_sound("c.wav").samples[0]
    assert np.abs(made - TUNE[2000:6000]).max() < 1e-3


def test_another_seed_is_another_sound(restyled):
    made = []
    for seed in (0, 0, 1):
        assert restyled("--seed", seed, "--force")[0] == 0
        made.append(read_sound("c.wav").samples)
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])


@pytest.mark.parametrize("model", ["cnn", "musaic"])
def test_stereo_stays_stereo_and_as_wide(restyled, model, monkeypatch):
    config = restyling.model_config
    few = lambda *given, **more: config(*given, **(more | {"steps": 5}))  # noqa: E731
    monkeypatch.setattr(restyling, "model_config", few)
    for left, right in ((1, 0), (1, 0.5), (0.4, -0.4)):  # the last cancel each other out
        write("a.wav", 0.3 * np.stack([left * TUNE, right * TUNE]))
        code, out, _ = restyled("--force", model=model)
        assert code == 0 and "a second, stereo." in out.splitlines()[0]
        made = read_sound("c.wav").samples
        assert made.shape == (2, RATE)
        levels = np.sqrt(np.mean(made**2, axis=1) / np.mean(np.square(0.3 * TUNE)))
        assert levels == pytest.approx([abs(left), abs(right)], abs=0.03)
    write("b.wav", np.stack([BELL, -BELL]))
    code, out, _ = restyled("--force", files=("c.wav", "b.wav"), out="d.wav", model=model)
    assert code == 0 and "Style: b.wav, 1.0 s, 8,000 samples a second, stereo." in out


@pytest.mark.parametrize("name", ["c.wav", "c.flac", "c.mp3", "c.OGG"])
@pytest.mark.parametrize("rate", [10_000, 22_050])
def test_every_format_and_an_odd_rate(restyled, name, rate):
    write("a.wav", np.resize(TUNE, rate), rate)
    code, out, err = restyled(out=name)
    assert code == 0, err
    if name == "c.mp3" and rate == 10_000:
        assert "Brought to 11,025 samples a second: MP3 knows few rates." in out
        rate = 11_025
    seconds, own, _ = sound_length(name)
    assert own == rate and seconds == pytest.approx(1, abs=0.2)
    if name.endswith(("wav", "flac")):
        assert seconds == 1


def headless(how):
    """A WAV whose header says that there is nothing, with and without something."""
    data = (20000 * TUNE).astype("<i2").tobytes() if how == "data" else b""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return b"RIFF\0\0\0\0WAVE" + form + b"data\0\0\0\0" + data


def bare_mp3():
    """An MP3 without the frame that says how long it is, and of many bit rates."""
    write("full.mp3", TUNE, format="MP3", bitrate_mode="VARIABLE")
    data = open("full.mp3", "rb").read()
    at = data.find(b"\xff", 4)
    while at >= 0 and (data[at + 1] & 0xE6) != 0xE2:
        at = data.find(b"\xff", at + 1)
    open("x.mp3", "wb").write(data[at:])


def holes(share):
    x = TUNE.copy()
    x[: int(share * RATE)] = np.nan
    return x


NOISE = np.random.default_rng(0).normal(0, 0.1, (6, RATE))
FLOAT = {"format": "WAV", "subtype": "FLOAT"}
# From what stands in the content's, or the style's, place to what is said, or why not
ODD = {
    "clipped": (lambda: write("x.wav", np.clip(20 * TUNE, -1, 1)), "recorded too loud"),
    "8 kHz": (lambda: write("x.wav", TUNE), "8,000 samples a second"),
    "96 kHz": (lambda: write("x.wav", np.repeat(TUNE, 12), 96_000), "48,000"),
    "88.2 kHz": (lambda: write("x.wav", np.repeat(TUNE, 11), 88_200), "48,000"),
    "stereo": (lambda: write("x.wav", np.stack([TUNE, BELL])), "stereo"),
    "half a second": (lambda: write("x.wav", TUNE[: RATE // 2]), "0.5 s"),
    "few NaN": (lambda: write("x.wav", holes(0.005), **FLOAT), "no numbers"),
    "24-bit": (lambda: write("x.wav", TUNE, subtype="PCM_24"), "mono"),
    "float64": (lambda: write("x.wav", 5 * TUNE, subtype="DOUBLE"), "turned down"),
    "six channels": (lambda: write("x.wav", NOISE), "mixed down to two"),
    "crashed": (lambda: open("x.wav", "wb").write(headless("data")), "header does not"),
    "bare MP3": (bare_mp3, "x.mp3"),
    "a wrong ending": (lambda: write("x.wav", TUNE, format="FLAC"), "FLAC"),
    "cut off": (lambda: (write("x.wav", TUNE), os.truncate("x.wav", 9000)), "cut off"),
}
BAD = {
    "silence": (lambda: write("x.wav", 0 * TUNE), "nothing sounds in it"),
    "text": (lambda: open("x.wav", "w").write("la la la"), "text, not sound"),
    "NaN": (lambda: write("x.wav", holes(0.5), **FLOAT), "no numbers"),
    "no samples": (lambda: open("x.wav", "wb").write(headless("")), "no sound"),
    "empty": (lambda: open("x.wav", "w").close(), "empty"),
    "too short": (lambda: write("x.wav", TUNE[:500]), "shorter than one window"),
    "a folder": (lambda: os.mkdir("x.wav"), "folder"),
    "missing": (lambda: None, "no such file"),
}


@pytest.mark.parametrize("place", [0, 1], ids=["content", "style"])
@pytest.mark.parametrize("kind", ODD)
def test_odd_sound_is_adapted_and_that_is_said(restyled, kind, place):
    make, says = ODD[kind]
    make()
    name = "x.mp3" if os.path.exists("x.mp3") else "x.wav"
    files = [name, "b.wav"] if place == 0 else ["a.wav", name]
    code, out, err = restyled(files=files)
    own = out.split("Content: " if place == 0 else "Style: ")[1].split("Model")[0]
    assert code == 0 and not err
    assert says in own or ((place == 1 and "Hz" in kind) or says in out), out
    made, content = read_sound("c.wav"), read_sound(files[0])
    if place == 0 and kind.endswith("Hz") and kind != "8 kHz":
        n = -(-content.samples.shape[1] * 48_000 // content.rate)
        assert made.rate == 48_000 and made.samples.shape == (1, n)
    else:
        assert made.samples.shape == content.samples.shape and made.rate == content.rate
    assert np.isfinite(made.samples).all() and made.samples.std() > 0.01


@pytest.mark.parametrize("place", [0, 1], ids=["content", "style"])
@pytest.mark.parametrize("kind", BAD)
def test_bad_sound_is_one_line_that_names_the_file(restyled, here, kind, place):
    make, says = BAD[kind]
    make()
    before = sorted(os.listdir())
    files = ["x.wav", "b.wav"] if place == 0 else ["a.wav", "x.wav"]
    code, out, err = restyled(files=files)
    assert code == 1 and not out and err.startswith("x.wav: ") and says in err
    assert err.count("\n") == 1 and "What to do" in err and sorted(os.listdir()) == before


def long_tune(seconds=25):
    n = seconds * RATE
    phase = np.cumsum(np.interp(np.arange(n), [0, n], [200, 900])) / RATE
    return 0.3 * np.sin(2 * np.pi * phase) * np.linspace(0.3, 1, n)


def test_a_long_content_has_no_seams(restyled):
    tune = long_tune()
    write("a.wav", np.stack([tune, 0.5 * tune]))
    code, _, _ = restyled("--strength", 0, "--phase", "content", model="cnn")
    made = read_sound("c.wav").samples
    assert code == 0 and made.shape == (2, 25 * RATE)
    assert np.abs(made[0] - tune).max() < 0.01 and np.abs(made[1] - tune / 2).max() < 0.01
    assert restyled("--force")[0] == 0  # and at full strength nothing clicks
    made = read_sound("c.wav").samples
    assert made.shape == (2, 25 * RATE)
    jump = np.abs(np.diff(made[0], 2))
    for seam in (8.999, 9.999, 17.999, 18.999):
        at = int(seam * RATE)
        assert jump[at : at + 16].max() <= 1.5 * np.quantile(jump, 0.999)


def test_what_is_too_loud_is_turned_down_without_a_jump(restyled, monkeypatch):
    write("a.wav", np.full(25 * RATE, 0.5) * np.sign(long_tune()))
    calls = []

    def louder(x, *given, **how):
        calls.append(1)
        return np.asarray(x, np.float32) * [1, 3, 1][len(calls) - 1]

    monkeypatch.setattr(restyling, "restyle", louder)
    code, out, _ = restyled()
    made = np.abs(read_sound("c.wav").samples[0])
    assert code == 0 and "  It reached full scale: from there on it was turned down" in out
    assert made[: 9 * RATE] == pytest.approx(0.5, abs=1e-3) and made.max() <= 1
    assert np.abs(np.diff(made[9 * RATE :])).max() < 1e-3  # slowly, over a second
    assert made[11 * RATE : 18 * RATE] == pytest.approx(1, abs=1e-3)
    assert made[20 * RATE :] == pytest.approx(1 / 3, abs=1e-3)


def test_stretches_of_a_very_long_content_fit_together(restyled, monkeypatch):
    monkeypatch.setattr(cli_restyle, "STRETCH", 13.0)
    tune = long_tune(40)
    tune[10 * RATE : 30 * RATE] = 0  # which some pieces are
    write("a.mp3", tune, 16_000, format="MP3")  # 20 s at this rate
    write("a.wav", tune)
    code, _, _ = restyled("--strength", 0, "--phase", "content")
    assert code == 0
    assert np.abs(read_sound("c.wav").samples[0] - tune).max() < 1e-3
    assert restyled("--strength", 0, files=("a.mp3", "b.wav"), out="d.wav")[0] == 0
    made, mp3 = read_sound("d.wav"), read_sound("a.mp3")
    n = mp3.samples.shape[1]
    assert made.rate == 16_000 and abs(made.samples.shape[1] - n) <= 2304
    assert correlation(made.samples[0, :n], mp3.samples[0, : made.samples.shape[1]]) > 0.999
    write("a.wav", 0 * tune)
    code, _, err = restyled("--force")
    assert code == 1 and "a.wav: nothing sounds" in err
    assert sound_length("c.wav")[0] == 40  # the one before


@pytest.mark.parametrize("stop", [KeyboardInterrupt, "SIGTERM"])
def test_an_interruption_keeps_what_is_there(restyled, monkeypatch, stop):
    write("a.wav", long_tune())
    own, calls = restyling.restyle, []

    def stopped(*given, **how):
        calls.append(1)
        if len(calls) > 2:
            if stop == "SIGTERM":
                os.kill(os.getpid(), signal.SIGTERM)
            raise KeyboardInterrupt
        return own(*given, **how)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(restyling, "restyle", stopped)
    code, out, err = restyled()
    assert code == {"SIGTERM": 143}.get(stop, 130) and not out
    assert err == "Stopped: c.wav has the first 18.0 s.\n"
    assert sound_length("c.wav") == (18.0, RATE, 1)
    assert read_sound("c.wav").samples.std() > 0.01
    assert sorted(os.listdir()) == ["a.wav", "b.wav", "c.wav"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_where_nothing_was_made_there_is_no_file(restyled, monkeypatch):
    def stopped(*given, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(restyling, "restyle", stopped)
    assert restyled() == (130, "", "Stopped: no file.\n")
    assert sorted(os.listdir()) == ["a.wav", "b.wav"]
    write("c.wav", TUNE)  # and the one that was to be replaced is still there
    data = open("c.wav", "rb").read()
    assert restyled("--force")[0] == 130 and open("c.wav", "rb").read() == data


def test_a_failure_leaves_nothing_behind(restyled, monkeypatch):
    def broken(x, *given, **how):
        return np.full_like(x, np.nan)

    monkeypatch.setattr(restyling, "restyle", broken)
    code, _, err = restyled()
    assert code == 1 and "no finite numbers" in err
    assert sorted(os.listdir()) == ["a.wav", "b.wav"]


def test_no_file_is_overwritten_without_force(restyled, here):
    write("c.wav", BELL)
    before = {f: f.read_bytes() for f in here.iterdir()}
    code, out, err = restyled()
    assert code == 1 and "there already" in err and "--force" in err and not out
    assert {f: f.read_bytes() for f in here.iterdir()} == before
    assert restyled("--force")[0] == 0
    assert (here / "c.wav").read_bytes() != before[here / "c.wav"]


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("a.wav", "choose another name"),
        ("./b.wav", "choose another name"),
        ("same.wav", "choose another name"),
        ("d.wav", "choose another name"),
        ("none/c.wav", "no such folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    restyled, here, monkeypatch, out, says
):
    os.symlink("a.wav", "same.wav")
    os.mkdir("d.wav")
    monkeypatch.setattr(restyling, "restyle", None)
    before = {f: f.read_bytes() for f in here.iterdir() if f.is_file()}
    code, told, err = restyled("--force", out=out)
    assert code == 1 and says in err and err.count("\n") == 1 and not told
    assert {f: f.read_bytes() for f in here.iterdir() if f.is_file()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("--strength", "1.5"),
        ("--strength", "nan"),
        ("--model", "gan"),
        ("--phase", "none"),
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--start", "-1"),
        ("--start", "inf"),
        ("--style-start", "nan"),
        ("--seed", "-1"),
        ("--weights", "w.safetensors"),
        ("--out", "c.mid"),
        ("--out", "c"),
    ],
)
def test_absurd_words_are_a_question_of_use(restyled, words):
    code, _, err = restyled(*words)
    assert code == 2 and words[0] in err and "Traceback" not in err
    assert sorted(os.listdir()) == ["a.wav", "b.wav"]


def test_a_start_beyond_the_end_and_too_little_are_one_line(restyled):
    code, _, err = restyled("--start", 7)
    assert code == 1 and err.startswith("a.wav: no sound after 7 s")
    code, _, err = restyled("--style-start", 1)
    assert code == 1 and err.startswith("b.wav: no sound after 1 s")
    code, _, err = restyled("--seconds", 0.01)
    assert code == 1 and "a.wav: 0.01 s of sound are shorter than one window" in err


def test_a_cyclegan_of_ones_own(restyled, here):
    networks = CycleGAN(Config.smoke(), 1025, 5.0, ("organ", "guitar"))
    about = {"corpora": [{"name": "mine", "licence": "CC0", "credit": ""}]}
    clips = SimpleNamespace(name="toy", about=about)
    save_generators(networks, here / "w.safetensors", clips)
    code, out, err = restyled("--weights", "w.safetensors", model="cyclegan")
    assert code == 0 and err == "Weights trained on mine. Terms: mine: CC0.\n"
    assert "  Brought to 22,050 samples a second: the CycleGAN knows no other." in out
    assert (
        "Model: cyclegan, strength 0.9, phase refined, learned from organ to guitar" in out
    )
    assert sound_length("c.wav") == (1.0, 22_050, 1)
    code, _, err = restyled("--weights", "a.wav", "--force", model="cyclegan")
    assert code == 1 and "not weights" in err


def test_help_names_every_option_within_80_columns(run):
    code, out, _ = run("restyle", "--help")
    assert code == 0 and "python -m fusiontools restyle" in out
    assert max(map(len, out.splitlines())) <= 80
    named = "out model strength seconds start style-start phase seed weights force"
    assert all(f"--{option}" in out for option in named.split())
    assert "restyle --help" in run("--help")[1]

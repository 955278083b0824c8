"""The command that fuses two files, and the same doors as for FusionGAN to train and to
sample: what is taken is told, no file is lost.
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from fusiontools import cli
from fusiontools.music.grid import encode_grid
from fusiontools.music.midi import Meter, Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo, shift, transpose
from fusiontools.papers.connective_fusion.config import Config
from fusiontools.papers.connective_fusion.data import PARTS, Windows, save_windows
from fusiontools.papers.connective_fusion.evidence import experiment
from fusiontools.papers.connective_fusion.fusing import (
    decode,
    encode,
    load_weights,
    save_networks,
    shipped_weights,
)
from fusiontools.papers.connective_fusion.networks import Networks
from fusiontools.records import read_record
from fusiontools.report.experiment import data_of

TUNE = Notes.of(
    [(0.5 * k, 0.5, p) for k, p in enumerate([72, 74, 76, 77, 79, 76, 74, 72] * 4)]
)
OTHER = Notes.of([(1.0 * k, 1.0, p) for k, p in enumerate([67, 66, 64, 62] * 4)])


ALONE = ("vae", "vae_lstm")  # methods without a generator
HERE = shipped_weights().is_file()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Three generators of the size of a toy, that share a VAE."""
    torch.manual_seed(0)
    path, made = tmp_path_factory.mktemp("weights") / "w.safetensors", []
    for similarity in (0.3, 2.0, 0.3):
        made.append(
            Networks(
                replace(
                    Config.smoke(),
                    width=8,
                    latent=6,
                    style=3,
                    mlp_width=8,
                    similarity=similarity,
                )
            )
        )
        for layer in made[-1].generator.net[::2]:  # so that a style is heard
            torch.nn.init.normal_(layer.weight)
    made[0].vae.sigma.copy_(torch.linspace(0.2, 2.0, 6))
    save_networks(
        made, path, ["toy"], "toy: CC0", method=["ours", "ours", "styled"], data="toy"
    )
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two songs, to work in."""
    monkeypatch.chdir(tmp_path)
    write_midi(
        Piece((Track(TUNE, 40, name="Fiddle"),), Tempo.constant(96)), tmp_path / "a.mid"
    )
    write_midi(
        Piece((Track(OTHER, 73, name="Flute"),), Tempo.constant(150)), tmp_path / "b.mid"
    )
    return tmp_path


def fused(run, weights, *words):
    return run("fuse", "a.mid", "b.mid", "--weights", weights, *words)


# Fusing


def test_what_was_taken_and_what_came_of_it_is_told(run, weights, here):
    code, out, err = fused(run, weights, "--out", "c.mid", "--plain", "p.mid")
    lines = out.splitlines()
    assert code == 0 and err == "Weights trained on toy. Terms: toy: CC0.\n"
    assert lines[0] == 'Left: a.mid, bars 1 to 4, its only track "Fiddle".'
    assert lines[1] == 'Right: b.mid, bars 1 to 4, its only track "Flute".'
    assert lines[2] == "Generator: ours, lambda 0.3."
    assert (
        lines[3].startswith("Fused: c.mid, at z-distance ")
        and lines[4] == "Plain: p.mid, the halves as they are."
    )
    for name in ("c.mid", "p.mid"):
        made = read_midi(name)
        assert (
            made.tempo.bpm[0] == pytest.approx(96, abs=1e-3)
            and made.tracks[0].program == 40
        )
    assert read_midi("p.mid").notes() == Notes.of([*TUNE, *shift(OTHER, 16)])


def test_what_was_adapted_is_told(run, weights, here):
    write_midi(Piece((Track(transpose(OTHER, -24)),), meters=(Meter(0.0, 2, 4),)), "b.mid")
    code, out, _ = fused(run, weights, "--out", "c.mid")
    lines = out.splitlines()
    assert (
        code == 0
        and "bars 1 to 8" in lines[1]
        and lines[2] == "  Bars of 2/4 are joined by twos."
    )
    assert lines[3] == "  It is moved two octaves up: D2 to G2 lies outside G3 to C6."


def test_a_waltz_is_given_a_fourth_beat_and_it_is_told(run, weights, here):
    write_midi(Piece((Track(OTHER),), meters=(Meter(0.0, 3, 4),)), "b.mid")
    code, out, _ = fused(run, weights, "--out", "c.mid", "--plain", "p.mid")
    given = "  It is in 3/4: each bar is given a fourth beat"
    assert code == 0
    assert f"{given}, and what sounds at its end is held." in out.splitlines()
    assert read_midi("p.mid").notes()[len(TUNE) :].duration.tolist() == [1, 1, 2] * 4


@pytest.mark.parametrize("left", ["bass.mid", "b.mid"])
def test_how_it_is_played_is_told_only_of_the_file_whose_tempo_it_has(
    run, weights, here, left
):
    slower = Tempo([0.0, 8.0, 16.0], [0.0, 4.0, 12.0])
    write_midi(Piece((Track(transpose(TUNE, -36), 33),), slower), "bass.mid")
    right = {"bass.mid": "b.mid", "b.mid": "bass.mid"}[left]
    code, out, _ = run("fuse", left, right, "--weights", weights, "--out", "c.mid")
    told = [line for line in out.splitlines() if "plays it" in line or "tempo" in line]
    own = ["  Up there an electric guitar plays it."]
    own += ["  Its tempo changes in these bars: 80 is taken, their average."]
    assert code == 0 and told == own * (left == "bass.mid")
    made = read_midi("c.mid")
    assert made.tracks[0].program == (27 if told else 73)
    assert made.tempo.bpm[0] == pytest.approx(80 if told else 150, abs=1e-3)


def test_amount_0_is_the_halves_as_the_vae_hears_them(run, weights, here):
    code, out, _ = fused(run, weights, "--out", "c.mid", "--amount", 0)
    networks, _ = load_weights(path=weights)
    halves = np.stack([encode_grid(TUNE, length=64), encode_grid(OTHER, length=64)])
    heard = decode(networks, encode(networks, halves[None]))[0]
    assert code == 0 and "z-distance 0.00" in out
    assert np.array_equal(encode_grid(read_midi("c.mid").notes(), length=128), heard)


def test_more_is_farther_and_a_seed_is_a_file(run, weights, here):
    def distance(*words):
        code, out, _ = fused(run, weights, "--out", "c.mid", "--force", *words)
        assert code == 0
        return float(out.split("z-distance ")[1].split()[0]), (here / "c.mid").read_bytes()

    far = [
        distance("--amount", amount, "--iterations", 3)[0] for amount in (0, 0.3, 0.6, 1)
    ]
    assert far == sorted(far) and far[0] < far[-1]
    assert distance("--seed", 5) == distance("--seed", 5) != distance("--seed", 6)
    assert distance("--similarity", 2) != distance("--similarity", 0.3) == distance()


def test_several_styles_are_several_files(run, weights, here):
    code, out, _ = fused(run, weights, "--out", "c.mid", "--styles", 3, "--seed", 1)
    assert (
        code == 0
        and out.count("Fused: ") == 3
        and sorted(f.name for f in here.glob("c*")) == ["c-1.mid", "c-2.mid", "c-3.mid"]
    )
    fused(run, weights, "--out", "c.mid", "--seed", 1, "--method", "styled")
    assert (
        (here / "c.mid").read_bytes()
        == (here / "c-1.mid").read_bytes()
        != (here / "c-2.mid").read_bytes()
    )


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ((), "ours, lambda 0.3"),
        (("--styles", 2), "styled, lambda 0.3"),
        (("--styles", 2, "--method", "ours"), "ours, lambda 0.3"),
        (("--method", "styled"), "styled, lambda 0.3"),
        (("--similarity", 2), "ours, lambda 2"),
        (
            ("--styles", 2, "--similarity", 2),
            "ours, lambda 2",
        ),  # there is no other of this lambda
    ],
)
def test_several_styles_have_the_generator_that_listens_to_them_unless_another_is_named(
    run, weights, here, words, taken
):
    code, out, _ = fused(run, weights, "--out", "c.mid", *words)
    assert code == 0 and f"\nGenerator: {taken}.\n" in out


def test_bars_are_chosen(run, weights, here):
    write_midi(Notes.of([*TUNE, *shift(OTHER, 16)]), "a.mid")
    code, out, _ = fused(
        run, weights, "--out", "c.mid", "--left-bar", 5, "--plain", "p.mid"
    )
    assert (
        code == 0
        and "a.mid, bars 5 to 8" in out
        and read_midi("p.mid").notes() == Notes.of([*OTHER, *shift(OTHER, 16)])
    )
    code, out, err = fused(run, weights, "--out", "d.mid", "--right-bar", 9)
    assert (
        code == 1
        and "b.mid: there is no bar 9" in err
        and not out
        and not (here / "d.mid").exists()
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--out", "c.mid"),
        ("--out", "c.mid", "--plain", "p.mid"),
        ("--out", "c.mid", "--styles", "2"),
    ],
)
def test_no_file_is_overwritten_without_force(run, weights, here, words):
    for name in ("c.mid", "c-2.mid", "p.mid"):
        (here / name).write_bytes(b"mine")
    before = {f: f.read_bytes() for f in here.iterdir()}
    code, out, err = fused(run, weights, *words)
    assert (
        code == 1
        and "there already" in err
        and "--force" in err
        and not out
        and err.count("\n") == 1
    )
    assert {f: f.read_bytes() for f in here.iterdir()} == before
    assert fused(run, weights, *words, "--force")[0] == 0
    assert read_midi(words[1] if "--styles" not in words else "c-2.mid").tracks


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "a.mid", "--force"), "this file is read here"),
        (("--out", "c.mid", "--plain", "b.mid", "--force"), "this file is read here"),
        (("--out", "none/c.mid"), "no such folder"),
        (("--out", "c.mid", "--similarity", "0.7"), "no generator with lambda 0.7"),
        (
            ("--out", "c.mid", "--method", "balanced"),
            "no generator of the method 'balanced'",
        ),
        (
            ("--out", "c.mid", "--method", "styled", "--similarity", "2"),
            "no generator of the method 'styled' with lambda 2",
        ),
        (("--out", "c.mid", "--weights", "a.mid"), "not weights"),
        (("--out", "c.mid", "--weights", "nothing"), "no such weights"),
        (("--out", "c.mid", "--weights", "."), "no run's folder"),
    ],
)
def test_what_cannot_be_is_one_line(run, weights, here, words, says):
    before = {f: f.read_bytes() for f in here.iterdir()}
    code, out, err = fused(run, weights, *words)
    assert (
        code == 1
        and says in err
        and err.count("\n") == 1
        and "What to do" in err
        and not out
    )
    assert {f: f.read_bytes() for f in here.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("--amount", "1.5"),
        ("--amount", "nan"),
        ("--iterations", "0"),
        ("--styles", "0"),
        ("--seed", "-1"),
        ("--out", "c.txt"),
        ("--plain", "c.mid"),
        ("--plain", "p"),
    ],
)
def test_absurd_words_are_a_question_of_use(run, weights, here, words):
    code, _, err = fused(run, weights, "--out", "c.mid", *words)
    assert (
        code == 2
        and words[0] in err
        and "Traceback" not in err
        and len(list(here.iterdir())) == 2
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"MThd", "truncated"),
        (b"not music", "a text in which no tune in ABC begins"),
        (Piece((Track(TUNE, is_drum=True),)), "no pitched note"),
        (Piece((Track(TUNE),), meters=(Meter(0.0, 5, 4),)), "it is in 5/4"),
    ],
)
def test_bad_music_is_one_line_that_names_the_file(run, weights, here, data, says):
    write_midi(data, "b.mid") if isinstance(data, Piece) else (here / "b.mid").write_bytes(
        data
    )
    code, out, err = fused(run, weights, "--out", "c.mid")
    assert (
        code == 1
        and err.startswith("b.mid: ")
        and says in err
        and err.count("\n") == 1
        and not out
        and not (here / "c.mid").exists()
    )


TWO = Piece((Track(TUNE, 40, name="Fiddle"), Track(OTHER, 32, name="Slap Bass")))
BOOK = "".join(
    f"X:{n}\nT:{title}\nM:4/4\nL:1/4\nK:C\n{bar}|{bar}|{bar}|{bar}|]\n\n"
    for n, title, bar in ((3, "The Rose", "CDEF"), (7, "Lily", "GABc"), (9, "Iris", "cBAG"))
)


@pytest.mark.parametrize(
    ("words", "left", "right"),
    [
        (("--left-track", "2"), '2 "Slap Bass" of 2', "G3"),
        (("--left-track", "bass"), '2 "Slap Bass" of 2', "G3"),
        (("--left-track", "1", "--right-tune", "9"), '1 "Fiddle" of 2', "Iris"),
        (("--right-tune", "lily"), "Fiddle", "Lily"),
        (("--right-tune", "3"), "Fiddle", "The Rose"),
    ],
)
def test_a_track_and_a_tune_of_a_book_are_chosen(run, weights, here, words, left, right):
    write_midi(TWO, "a.mid")
    (here / "book.abc").write_text(BOOK)
    asked = ("--weights", weights, "--out", "c.mid")
    code, out, err = run("fuse", "a.mid", "book.abc", *asked, *words)
    told = out.split("Generator")[0]
    assert code == 0 and left in told and (right in told or right == "G3"), (out, err)


@pytest.mark.parametrize(
    "words",
    [
        ("--left-track", "3"),
        ("--left-track", "oboe"),
        ("--left-tune", "1"),
        ("--right-tune", "4"),
        ("--right-tune", "i"),
        ("--right-track", "2"),
    ],
)
def test_a_track_or_tune_that_is_not_there_is_one_line(run, weights, here, words):
    write_midi(TWO, "a.mid")
    (here / "book.abc").write_text(BOOK)
    asked = ("--weights", weights, "--out", "c.mid")
    code, out, err = run("fuse", "a.mid", "book.abc", *asked, *words)
    assert code == 1 and not out and err.count("\n") == 1 and "What to do" in err
    assert err.startswith("a.mid" if "left" in words[0] else "book.abc"), err


@pytest.mark.parametrize("command", ["fuse", "transfer"])
@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.mp3", b"ID3\4\0\0\0\0\0\0", "a recording"),
        ("x.wav", b"RIFF\x24\0\0\0WAVEfmt ", "a recording"),
        ("x.mscz", b"PK\5\6" + bytes(18), ""),
        ("x.krn", b"**kern\n4c\n*-\n", "kern"),
        ("x.gp5", b"\x18FICHIER GUITAR PRO v5.00", "Guitar Pro"),
        ("x.pdf", b"%PDF-1.7", "picture, or a document"),
    ],
)
def test_what_is_no_score_is_named_and_something_can_be_done(
    run, weights, here, command, name, data, says
):
    (here / name).write_bytes(data)
    words = {"fuse": ("b.mid",), "transfer": ("--to", "fiddle")}[command]
    code, out, err = run(command, name, *words, "--out", "c.mid")
    assert code == 1 and not out and says in err and "What to do" in err
    assert err.startswith(name) and err.count("\n") == 1 and "MThd" not in err


def test_nothing_but_rests_is_no_file(run, weights, here, monkeypatch):
    from fusiontools.papers.connective_fusion import fusing

    real = fusing.fuse_files
    monkeypatch.setattr(
        fusing,
        "fuse_files",
        lambda *a, **k: (made := real(*a, **k))._replace(tokens=0 * made.tokens),
    )
    code, out, err = fused(run, weights, "--out", "c.mid", "--plain", "p.mid")
    assert (
        code == 1
        and "nothing but rests" in err
        and not out
        and len(list(here.iterdir())) == 2
    )


def test_the_judge_is_heard_where_there_is_one(run, weights, here, monkeypatch):
    from fusiontools.judges import reality

    monkeypatch.setattr(
        reality,
        "load_judge",
        lambda data: lambda melodies: np.linspace(0.1, 0.9, len(melodies)),
    )
    out = fused(run, weights, "--out", "c.mid")[1]
    assert (
        "The judge takes it for one melody with 90 %, the halves as they are with 10 %."
        in out
    )


def test_weights_that_come_along_fuse(run, here):
    if not HERE:
        code, _, err = run("fuse", "a.mid", "b.mid", "--out", "c.mid")
        assert code == 1 and "train connective_fusion" in err
        pytest.skip("no weights of Connective Fusion come with the package yet")
    code, out, err = run("fuse", "a.mid", "b.mid", "--out", "c.mid", "--iterations", 2)
    assert (
        code == 0
        and "Generator: ours, lambda 0.3." in out
        and "Their terms: python -m fusiontools notice\n" in err
        and read_midi("c.mid").tracks
    )
    assert (
        "Generator: styled, lambda 0.3."
        in run("fuse", "a.mid", "b.mid", "--out", "d.mid", "--styles", 2)[1]
    )
    for method in ("ours", "styled"):
        code, out, _ = run(
            "sample", "connective_fusion", "-n", 2, "--out", method, "--method", method
        )
        assert (code, out) == (
            0,
            f"2 melodies by {method} in {method}: melody_001.mid to melody_002.mid\n",
        )


def test_it_runs_as_a_module(here, weights, root):
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    words = [
        sys.executable,
        "-m",
        "fusiontools",
        "fuse",
        "a.mid",
        "b.mid",
        "--out",
        "c.mid",
        "--weights",
        str(weights),
    ]
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert (
        done.returncode == 0 and "Fused: c.mid" in done.stdout and "erms: " in done.stderr
    ), done.stderr


# Training and sampling


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    """Broken chords as a file of windows, each part with songs of its own."""
    rng, arrays, each = np.random.default_rng(0), {}, 24
    for song, part in enumerate(PARTS):
        tokens = np.ones((each, 128), np.uint8)
        tokens[:, ::4] = (
            rng.integers(60, 66, each)[:, None]
            + (rng.choice([2, 3, 4], each)[:, None] * np.arange(32)) % 12
        )
        arrays |= {
            part: tokens,
            f"{part}_song": np.arange(each, dtype=np.int32) + each * song,
        }
        arrays[f"{part}_shift"] = np.tile(np.array([[-5, 7]], np.int8), (each, 1))
    path = tmp_path_factory.mktemp("windows") / "toy.npz"
    save_windows(
        Windows(
            "toy",
            arrays,
            {"sources": [{"corpora": [{"name": "mine", "licence": "CC0", "credit": ""}]}]},
        ),
        path,
    )
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, windows):
    """The folder of a finished run of the size smoke."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    with pytest.raises(SystemExit) as exit:
        cli.main(
            [
                "train",
                "connective_fusion",
                "--run",
                str(folder),
                "--data",
                str(windows),
                "--seed",
                "3",
                "--device",
                "cpu",
            ]
        )
    assert not exit.value.code
    return folder


def test_a_run_is_finished_and_goes_on_with_its_folder_alone(run, trained):
    record = read_record(trained / "record.json")
    assert (record.paper, record.method, record.scale, record.seed) == (
        "connective_fusion",
        "ours",
        "smoke",
        3,
    )
    assert (
        "onset_pitch_accuracy" in record.metrics
        and len(record.samples) == 16
        and len(record.samples[0]) == 128
    )
    code, out, err = run("train", "--run", trained)
    assert (
        code == 0
        and "finished before" in out
        and "ours, scale smoke, seed 3, data toy" in out
        and not err
    )
    assert experiment.MAIN["onset_pitch_accuracy"] in out


@pytest.mark.parametrize(
    "method", [name for name in experiment.METHODS if name not in ("ours", *ALONE)]
)
def test_its_methods_train(run, windows, tmp_path, method):
    code, out, _ = run(
        "train",
        "connective_fusion",
        "--run",
        tmp_path / "r",
        "--data",
        windows,
        "--method",
        method,
    )
    assert (
        code == 0
        and experiment.METHODS[method] in out
        and "toy, windows of eight bars: 24 of train-1" in out
    )
    assert load_weights(path=tmp_path / "r" / "weights.safetensors")[1]["generators"] == [
        {"method": method, "similarity": 0.3}
    ]
    assert (
        f"1 melody by {method} in"
        in run("sample", "--run", tmp_path / "r", "-n", 1, "--out", tmp_path / "s")[1]
    )


@pytest.mark.parametrize("method", ALONE)
def test_a_vae_alone_trains_and_is_measured_and_nothing_is_made_with_it(
    run, windows, here, method
):
    code, out, _ = run(
        "train", "connective_fusion", "--run", "r", "--data", windows, "--method", method
    )
    record = read_record(here / "r" / "record.json")
    assert (
        code == 0
        and experiment.METHODS[method] in out
        and "nothing to sample" in out
        and "Hear it" not in out
    )
    assert "onset_pitch_accuracy" in record.metrics and record.samples == []
    for words in (
        ("sample", "--run", "r", "--out", "s"),
        ("fuse", "a.mid", "b.mid", "--out", "c.mid", "--weights", "r"),
    ):
        code, out, err = run(*words)
        assert (
            code == 1
            and "no generator was trained" in err
            and err.count("\n") == 1
            and "What to do" in err
            and not out
        )
    assert not (here / "c.mid").exists() and not list(here.glob("s/*"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("connective_fusion", "--method", "mle"), "no method 'mle'"),
        (
            ("connective_fusion", "--data", "essen_ryan"),
            "neither the name of data nor a file",
        ),
        (("fusiongan",), "its paper is connective_fusion"),
        (("--method", "balanced"), 'its method is "ours"'),
    ],
)
def test_what_cannot_be_trained_is_one_line(run, trained, words, says):
    code, out, err = run("train", *words, "--run", trained)
    assert (
        code == 1
        and says in err
        and err.count("\n") == 1
        and "What to do" in err
        and not out
    )


def test_folders_of_ones_own_are_data(tmp_path):
    rng = np.random.default_rng(0)
    for name in "xy":
        (tmp_path / name).mkdir()
        for k in range(40):
            pitches = 60 + np.cumsum(rng.integers(-1, 2, 36)).clip(-5, 20)
            write_midi(
                Notes.of([(i, 1, int(p)) for i, p in enumerate(pitches)]),
                tmp_path / name / f"tune {name}{k}.mid",
            )
    made = data_of(experiment, tmp_path / "run", (tmp_path / "x", tmp_path / "y"))
    assert (
        made.name == "mine"
        and sum(len(np.unique(made.songs(part))) for part in PARTS) == 80
    )


def test_a_run_writes_melodies_and_fuses(run, trained, here):
    code, out, err = run("sample", "--run", trained, "-n", 3, "--out", "s", "--seed", 5)
    assert (code, out) == (0, "3 melodies by ours in s: melody_001.mid to melody_003.mid\n")
    own = "Weights trained on mine. Terms: mine: CC0.\n"
    assert err == own
    run(
        "sample",
        "connective_fusion",
        "--run",
        trained,
        "-n",
        3,
        "--out",
        "t",
        "--seed",
        5,
        "--method",
        "ours",
    )
    run(
        "sample", "--run", trained, "-n", 3, "--out", "u", "--seed", 5, "--temperature", 0.2
    )
    s, t, u = (
        [(here / folder / f"melody_00{i}.mid").read_bytes() for i in (1, 2, 3)]
        for folder in "stu"
    )
    assert s == t != u
    code, out, err = run("fuse", "a.mid", "b.mid", "--out", "c.mid", "--weights", trained)
    assert code == 0 and err == own and read_midi("c.mid").tracks


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--run", "RUN", "--method", "balanced"), "no generator of the method 'balanced'"),
        (("--run", "RUN", "--pair", "fiddle_pop909"), "leave out --pair or --run"),
        (("connective_fusion", "--pair", "essen_ryan"), "choose fiddle_pop909"),
        (
            ("connective_fusion", "--method", "magic"),
            "no generator of the method 'magic'" if HERE else "no weights",
        ),
        (("connective_fusion", "--run", "nowhere"), "check the path"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(run, trained, tmp_path, words, says):
    code, out, err = run(
        "sample", *(trained if word == "RUN" else word for word in words), "--out", tmp_path
    )
    assert (
        code == 1
        and says in err
        and err.count("\n") == 1
        and not out
        and not list(tmp_path.iterdir())
    )


# Help


def test_help_names_every_method_of_both_papers_and_every_option(run):
    said = " ".join(run("train", "--help")[1].replace("│", " ").split())
    assert (
        all(f"{name}: {says}" in said for name, says in experiment.METHODS.items())
        and "Methods of connective_fusion" in said
    )
    code, out, _ = run("fuse", "--help")
    assert (
        code == 0
        and "python -m fusiontools fuse" in out
        and max(map(len, out.splitlines())) <= 80
    )
    named = (
        "out",
        "amount",
        "iterations",
        "styles",
        "seed",
        "similarity",
        "method",
        "left-bar",
        "right-bar",
        "plain",
        "weights",
        "force",
    )
    assert all(
        f"--{option}" in out for option in named
    ) and "styled if --styles is more than 1" in " ".join(out.replace("│", " ").split())

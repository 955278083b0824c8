"""The command that transfers a file: what is taken is told, and no file is lost."""

import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fusiontools.errors import CorpusError
from fusiontools.judges import lines as judges
from fusiontools.music.midi import Meter, Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo, shift
from fusiontools.papers.domain_transfer.config import Config, method
from fusiontools.papers.domain_transfer.networks import Networks
from fusiontools.papers.domain_transfer.transfer import (
    TARGETS,
    save_networks,
    shipped_weights,
    transfer_file,
)

TUNE = Notes.of(
    [(0.5 * k, 0.5, p) for k, p in enumerate([72, 74, 76, 77, 79, 76, 74, 72] * 20)]
)
BASS = Notes.of([(2.0 * k, 2.0, p) for k, p in enumerate([48, 43, 45, 41] * 10)])
HERE = shipped_weights(TARGETS["metal"][0]).is_file()


def made_weights(folder, name, labels=("classical", "metal"), size=None):
    torch.manual_seed(0)
    size = size or replace(Config.smoke(), width=4)
    networks = {n: Networks(method(n, size)) for n in ("ours", "full")}
    about = {"corpora": [{"name": "airs", "licence": "CC0", "credit": ""}]}
    data = SimpleNamespace(name=name, labels=labels, about=about)
    save_networks(networks, folder / f"{name}.safetensors", data)
    return folder / f"{name}.safetensors"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Networks of the size of a toy, that have learned nothing."""
    return made_weights(tmp_path_factory.mktemp("weights"), "toy")


@pytest.fixture(autouse=True)
def no_judges(monkeypatch):
    """As for data that no judges come with."""

    def none(data):
        raise CorpusError("none")

    monkeypatch.setattr(judges, "load_judges", none)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a song, to work in."""
    monkeypatch.chdir(tmp_path)
    tracks = (Track(TUNE, 73, name="Flute"), Track(BASS, 0))
    tempo = Tempo([0, 40, 80], [0, 20, 60])
    write_midi(Piece(tracks, tempo, (Meter(0.0, 2, 4),)), "a.mid")
    return tmp_path


def transferred(run, weights, *words):
    return run("transfer", "a.mid", "--to", "metal", "--weights", weights, *words)


def test_what_was_taken_and_what_came_of_it_is_told(run, weights, here):
    code, out, err = transferred(run, weights, "--out", "b.mid", "--plain", "p.mid")
    lines = out.splitlines()
    assert code == 0 and err == "Weights trained on airs. Terms: airs: CC0.\n"
    assert lines[0] == (
        "Source: a.mid, the highest voice of all tracks, 160 of 200 notes, in 20 bars of "
        "four beats."
    )
    assert lines[1].startswith("  It is in 2/4, and ") and lines[1].endswith(
        "bars of four beats: two of yours are one of them."
    )
    assert (
        lines[2] == "  All moved by -14 semitones, and back: the median becomes middle C."
    )
    assert "Network: full, from classical to metal." in lines
    assert lines[-2].startswith("Transferred: b.mid, amount 1. It keeps the pitch ")
    assert "notes a bar, the line 8.0." in lines[-2]
    assert lines[-1] == "Plain: p.mid, the line as it is."
    for name in ("b.mid", "p.mid"):
        made = read_midi(name)
        assert made.tracks[0].program == 30 and made.meters == (Meter(0.0, 2, 4),)
        assert np.allclose(made.tempo.seconds_at([40, 80]), [20, 60], atol=0.01)
    plain, notes = read_midi("p.mid").notes(), read_midi("b.mid").notes()
    octaves = set((TUNE.pitch - plain.pitch).tolist())
    assert np.array_equal(plain.onset, TUNE.onset) and octaves <= {0, 12, 24, 36}
    assert len(octaves) == 1 and np.median(notes.pitch) <= 64 and notes.end <= 80


def test_at_amount_0_it_is_the_line_as_it_is(run, weights, here):
    asked = ("--out", "b.mid", "--amount", 0, "--method", "ours")  # whose picture holds all
    code, out, _ = transferred(run, weights, *asked)
    assert code == 0 and "amount 0. It keeps the pitch to a semitone 100 %" in out
    notes = read_midi("b.mid").notes()
    assert np.array_equal(notes.pitch, TUNE.pitch - 12)  # below E4
    assert np.array_equal(notes.onset, TUNE.onset)


def test_the_method_the_instrument_the_tempo_and_the_track_are_chosen(run, weights, here):
    def notes(*words):
        code, out, err = transferred(run, weights, "--out", "b.mid", "--force", *words)
        assert code == 0, err
        return out, read_midi("b.mid")

    full, ours = notes(), notes("--method", "ours")
    assert "Network: ours," in ours[0] and ours[1].notes() != full[1].notes()
    assert notes("--method", "full")[1].notes() == full[1].notes()
    assert notes("--program", 0)[1].tracks[0].program == 0
    assert np.allclose(notes("--tempo", "90")[1].tempo.bpm, 90)
    assert notes("--tempo", "keep")[1].notes() == full[1].notes()
    out, loose = notes("--no-snap")
    assert "16ths" in full[0] and "16ths" not in out
    assert not np.array_equal(loose.notes().onset, full[1].notes().onset)
    out, bass = notes("--track", 2, "--amount", 0)
    assert "voice of track 2, 40 of 40" in out and bass.notes() == BASS
    out, flute = notes("--track", "flu", "--amount", 0, "--program", 73)
    assert 'voice of track 1 "Flute", 160 of 160' in out and len(flute.notes()) == 160
    assert notes("--amount", 0.5)[1].notes() != full[1].notes()


def test_weights_of_ones_own_name_their_genre(run, tmp_path, here):
    own = made_weights(tmp_path, "own", ("hymns", "samba"))
    words = ("transfer", "a.mid", "--out", "b.mid", "--weights", own)
    code, out, _ = run(*words, "--to", "samba")
    assert code == 0 and "from hymns to samba" in out
    assert read_midi("b.mid").tracks[0].program == 0
    code, _, err = run(*words, "--to", "metal", "--force")
    assert code == 1 and "transfer to samba, not to metal" in err


@pytest.mark.parametrize(
    "words", [("--out", "b.mid"), ("--out", "c.mid", "--plain", "b.mid")]
)
def test_no_file_is_overwritten_without_force(run, weights, here, words):
    (here / "b.mid").write_bytes(b"mine")
    before = {f: f.read_bytes() for f in here.iterdir()}
    code, out, err = transferred(run, weights, *words)
    assert code == 1 and "there already" in err and "--force" in err and not out
    assert {f: f.read_bytes() for f in here.iterdir()} == before
    assert transferred(run, weights, *words, "--force")[0] == 0
    assert read_midi("b.mid").tracks


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "a.mid", "--force"), "this file is read here"),
        (("--out", "c.mid", "--plain", "a.mid", "--force"), "this file is read here"),
        (("--out", "none/c.mid"), "no such folder"),
        (("--out", "c.mid", "--method", "plain"), "choose one of ours, full"),
        (("--out", "c.mid", "--weights", "a.mid"), "weights of this package"),
        (("--out", "c.mid", "--weights", "nothing"), "no such weights"),
        (("--out", "c.mid", "--weights", "."), "no run's folder"),
        (("--out", "c.mid", "--track", "7"), "a.mid: no track '7'. What to do: choose f"),
        (("--out", "c.mid", "--track", "0"), 'from 1 "Flute", 2'),
        (("--out", "c.mid", "--track", "-1"), 'from 1 "Flute", 2'),
        (("--out", "c.mid", "--track", "oboe"), 'from 1 "Flute", 2'),
        (("--out", "c.mid", "--tune", "1"), "only books in ABC have"),
        (("--out", "c.mid", "--to", "fiddle"), "transfer to metal, not to fiddle"),
    ],
)
def test_what_cannot_be_is_one_line(run, weights, here, words, says):
    before = {f: f.read_bytes() for f in here.iterdir()}
    code, out, err = transferred(run, weights, *words)
    assert code == 1 and says in err and err.count("\n") == 1 and not out
    assert "What to do" in err and {f: f.read_bytes() for f in here.iterdir()} == before


def test_an_unknown_target_gets_the_choices(run, here):
    code, out, err = run("transfer", "a.mid", "--to", "jazz", "--out", "b.mid")
    assert code == 1 and not out and err.count("\n") == 1
    assert "'jazz'" in err and "metal or fiddle" in err and not (here / "b.mid").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--amount", "1.5"),
        ("--amount", "nan"),
        ("--program", "128"),
        ("--tempo", "fast"),
        ("--tempo", "0"),
        ("--tempo", "nan"),
        ("--out", "c.txt"),
        ("--plain", "c.mid"),
        ("--plain", "p"),
    ],
)
def test_absurd_words_are_a_question_of_use(run, weights, here, words):
    code, _, err = transferred(run, weights, "--out", "c.mid", *words)
    assert code == 2 and words[0] in err and "Traceback" not in err
    assert len(list(here.iterdir())) == 1


def test_a_target_and_a_file_to_write_have_to_be_named(run, here):
    for words in (("--to", "metal"), ("--out", "b.mid")):
        assert run("transfer", "a.mid", *words)[0] == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"MThd", "truncated"),
        (b"not music", "take a MIDI, MusicXML or ABC file"),
        (Piece((Track(TUNE, is_drum=True),)), "no pitched note"),
    ],
)
def test_bad_music_is_one_line_that_names_the_file(run, weights, here, data, says):
    if isinstance(data, Piece):
        write_midi(data, "a.mid")
    else:
        (here / "a.mid").write_bytes(data)
    code, out, err = transferred(run, weights, "--out", "b.mid")
    assert code == 1 and err.startswith("a.mid: ") and says in err
    assert err.count("\n") == 1 and not out and not (here / "b.mid").exists()


def test_abc_and_a_single_note_are_music(run, weights, here):
    (here / "t.abc").write_text("X:1\nT:tune\nM:6/8\nL:1/8\nK:G\nG|BAB dBG|ABA G2|]\n")
    write_midi(Piece((Track(Notes.of([(7, 1, 60)])),)), "one.mid")
    for name in ("t.abc", "one.mid"):
        words = ("--to", "metal", "--out", "b.mid", "--weights", weights, "--force")
        code, _out, err = run("transfer", name, *words, "--amount", 0)
        assert code == 0 and read_midi("b.mid").tracks, err
    assert read_midi("b.mid").notes() == Notes.of([(7, 1, 60)])


BOOK = "".join(
    f"X:{n}\nT:{title}\nM:4/4\nL:1/4\nK:C\n{notes}|{notes}|\n\n"
    for n, title, notes in (
        (3, "The Rose", "CDEF"),
        (7, "Lily", "GABc"),
        (9, "Iris", "cBAG"),
    )
)


@pytest.mark.parametrize(
    ("words", "first"),
    [((), 60), (("--tune", "7"), 67), (("--tune", "iris"), 72), (("--tune", "ose"), 60)],
)
def test_a_tune_of_a_book_is_chosen(run, weights, here, words, first):
    (here / "book.abc").write_text(BOOK)
    asked = ("--to", "metal", "--weights", weights, "--out", "c.mid", "--plain", "p.mid")
    code, out, err = run("transfer", "book.abc", *asked, "--method", "ours", *words)
    assert code == 0 and ("the first of them" in out) == (not words), err
    assert read_midi("p.mid").notes().pitch[0] % 12 == first % 12


@pytest.mark.parametrize("tune", ["1", "tulip", "i"])
def test_a_tune_that_is_not_there_is_one_line(run, weights, here, tune):
    (here / "book.abc").write_text(BOOK)
    asked = ("--to", "metal", "--weights", weights, "--out", "c.mid", "--tune", tune)
    code, out, err = run("transfer", "book.abc", *asked)
    assert code == 1 and not out and err.count("\n") == 1 and "What to do" in err
    assert '7 "Lily"' in err and not (here / "c.mid").exists()


def test_nothing_but_rests_is_no_file(run, weights, here, monkeypatch):
    from fusiontools.papers.domain_transfer import transfer

    def silent(*arguments, **options):
        made = transfer_file(*arguments, **options)
        return made._replace(notes=made.notes[:0])

    monkeypatch.setattr(transfer, "transfer_file", silent)
    code, out, err = transferred(run, weights, "--out", "c.mid", "--plain", "p.mid")
    assert code == 1 and "nothing but rests" in err and not out
    assert len(list(here.iterdir())) == 1


def test_both_judges_are_heard_where_they_are(run, weights, here, monkeypatch):
    write_midi(Piece((Track(shift(TUNE, 4 * 40)), Track(TUNE))), "a.mid")  # 60 bars
    kinds = [SimpleNamespace(kind=kind) for kind in ("network", "features")]
    monkeypatch.setattr(judges, "load_judges", lambda data: kinds)

    def verdicts(judge, rows):
        words = ["source", "blend"] if judge.kind == "network" else ["neither", "target"]
        return np.array(words + ["target"] * 8)[: len(rows)]

    monkeypatch.setattr(judges, "verdicts", verdicts)
    out = transferred(run, weights, "--out", "b.mid")[1]
    heard = "classical in 1 of 3, a blend in 1 of 3, metal in 1 of 3"
    assert (
        f"  The judge by network, of windows: {heard}; of the line alone: {heard}." in out
    )
    heard = "metal in 2 of 3, neither in 1 of 3"
    assert f"judge by features, of windows: {heard}; of the line alone: {heard}." in out


@pytest.mark.parametrize("to", TARGETS)
def test_weights_that_come_along_transfer(run, here, monkeypatch, to):
    monkeypatch.undo()  # judges as they are
    monkeypatch.chdir(here)
    code, out, err = run("transfer", "a.mid", "--to", to, "--out", "b.mid")
    if not shipped_weights(TARGETS[to][0]).is_file():
        assert code == 1 and "train domain_transfer" in err
        pytest.skip("no weights of domain transfer come with the package yet")
    assert code == 0 and "Network: full," in out and "Their terms: " in err
    assert "judge by network" in out and "judge by features" in out
    assert read_midi("b.mid").tracks[0].program == TARGETS[to][1]


def test_the_longest_piece_is_transferred_whole_and_as_a_module(
    tmp_path, shared_data, root
):
    """Schubert's D 960, 483 bars. It takes 1.5 seconds of one core, imports and all."""
    own = made_weights(tmp_path, "toy", size=Config.shipped())
    archive = shared_data / "classical_midi" / "piano_midi_de_337.tar.xz"
    with tarfile.open(archive) as files:
        music = files.extractfile("pmde/midis/Schubert/schub_d960_1.mid").read()
    (tmp_path / "a.mid").write_bytes(music)
    words = ["transfer", "a.mid", "--to", "metal", "--out", "b.mid", "--weights", str(own)]
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "fusiontools", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0 and "in 483 bars" in done.stdout, done.stderr
    assert read_midi(tmp_path / "b.mid").notes().end > 4 * 480


def test_help_names_every_option_within_80_columns(run):
    code, out, _ = run("transfer", "--help")
    assert code == 0 and "python -m fusiontools transfer" in out
    assert max(map(len, out.splitlines())) <= 80
    named = "to out amount method weights tempo program track tune no-snap plain force"
    assert all(f"--{option}" in out for option in named.split())
    assert "transfer --help" in run("--help")[1]

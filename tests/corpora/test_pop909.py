"""POP909: three tracks a song, on the annotated beats."""

import io
import zipfile

import numpy as np
import pytest

from fusiontools.corpora import load
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.notes import shift, to_seconds

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def index(rows):
    cells = "".join(
        "<row>" + "".join(f"<c><is><t>{c}</t></is></c>" for c in row) + "</row>"
        for row in rows
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", SHEET.format(cells))
    return file.getvalue()


def beats(n, period, offset, per_bar, first):
    """The annotation's lines: time, first of a short measure, first of a long one."""
    short = per_bar if per_bar == 3 else 2
    long = 2 * short

    def line(k):
        marks = [float((k - first) % bar == 0) for bar in (short, long)]
        return f"{offset + k * period} {marks[0]} {marks[1]}\n"

    return "".join(map(line, range(n))).encode()


@pytest.fixture
def files(tune, midi):
    late = (
        0.37  # of a beat: where the MIDI clock stands when the first annotated beat falls
    )
    tracks = [(shift(tune(k), late), 0, False) for k in range(3)]
    song = midi(*tracks, names=["MELODY", "BRIDGE", "PIANO"], bpm=60)
    return {
        "P/POP909/001/001.mid": song,
        "P/POP909/001/beat_midi.txt": beats(24, 1.0, late, 4, 1),
        "P/POP909/001/versions/001-v1.mid": song,
        "P/POP909/002/002.mid": song,
        "P/POP909/002/beat_midi.txt": beats(24, 1.0, late, 3, 0),
        "P/POP909/003/003.mid": song,
        "P/POP909/004/004.mid": song,
        "P/POP909/004/beat_midi.txt": b"0.1 1.0 1.0\nnonsense\n",
        "P/POP909/index.xlsx": index(
            [("song_id", "name", "artist"), ("001", "Title", "Singer")]
        ),
    }


def test_songs_tracks_titles_and_what_is_skipped(home, files, pack_files):
    pack_files(home / "pop909" / "POP909-Dataset.zip", files)
    corpus = load("pop909")
    assert corpus.columns["id"] == corpus.columns["song"] == ["pop909/001", "pop909/002"]
    assert [t.name for t in corpus[0].piece.tracks] == ["MELODY", "BRIDGE", "PIANO"]
    assert (corpus[0].title, corpus[1].title, corpus[0].label) == (
        "Title (Singer)",
        "002",
        "pop",
    )
    assert [id for id, _ in corpus.skipped] == ["pop909/003", "pop909/004"]


def test_beats_are_the_annotated_ones_and_seconds_the_files_own(
    home, files, pack_files, tune
):
    pack_files(home / "pop909_909.tar.xz", files)
    corpus = load("pop909", folder=home / "pop909_909.tar.xz")
    first, waltz = corpus
    assert (str(first.meter), str(waltz.meter)) == ("4/4", "3/4")
    # the second annotated beat is the first of a bar, so the first annotated one stands on
    # beat 3 of the bar before
    assert np.allclose(first.piece.tracks[0].notes.onset, tune(0).onset + 3, atol=0.01)
    assert np.allclose(waltz.piece.tracks[0].notes.onset, tune(0).onset, atol=0.01)
    for entry in corpus:
        heard = to_seconds(entry.piece.tracks[2].notes, entry.piece.tempo)
        # to a tick of the MIDI clock
        assert np.allclose(heard.onset, tune(2).onset + 0.37, atol=2e-3)


def test_folders_and_archives_are_read_alike_and_nothing_is_an_error(
    home, files, pack_files
):
    folder = pack_files(home / "plain", files)
    archive = pack_files(home / "packed.tar.gz", files)
    assert (
        load("pop909", folder=folder).content
        == load("pop909", folder=archive, n_jobs=1).content
    )
    with pytest.raises(CorpusError, match="none of 0 songs"):
        load("pop909", folder=pack_files(home / "empty", {"a.txt": b""}))


def test_random_damage_never_surprises(home, files, pack_files, damage):
    for seed in range(60):
        hurt = {
            name: damage(data, seed + k) for k, (name, data) in enumerate(files.items())
        }
        try:
            load("pop909", folder=pack_files(home / f"{seed}", hurt))
        except FusionError as error:
            assert str(home) in str(error)


def test_all_909(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    corpus = load("pop909")
    assert len(corpus) == 909 and not corpus.skipped
    assert {tuple(t.name for t in e.piece.tracks) for e in corpus[::50]} == {
        ("MELODY", "BRIDGE", "PIANO")
    }
    off = np.concatenate(
        [(e.piece.tracks[0].notes.onset * 4 + 0.5) % 1 - 0.5 for e in corpus[::20]]
    )
    # melodies were quantised to sixteenths before the clock was lost
    assert (abs(off) < 0.1).mean() > 0.9

"""Corpora of plain arrays: read as they were written, refused when they do not fit
together.
"""

import numpy as np
import pytest

from fusiontools.corpora import load
from fusiontools.corpora.registry import _remembered
from fusiontools.errors import CorpusError, FusionError

ROLLS = {
    "start": np.array([0, 24, 0, 12, 36], dtype=np.uint32),
    "dur": np.array([24, 6, 0, 12, 1], dtype=np.uint16),
    "pitch": np.array([60, 64, 40, 47, 52], dtype=np.uint8),
    "velocity": np.array([100, 0, 127, 1, 64], dtype=np.uint8),
    "offsets": np.array([0, 2, 2, 5]),
    "song_ids": np.array(["rock/1", "rock/2", "rock/3"]),
}
MELODIES = {
    "data": np.array([60, 1, 0, 62, 1, 1, 70], dtype=np.uint8),
    "offsets": np.array([0, 3, 6, 7]),
    "song": np.array([1, 1, 0], dtype=np.int32),
    "program": np.array([73, 0, 40], dtype=np.uint8),
    "track": np.array([0, 1, 0], dtype=np.int16),
    "genre": np.array([0, 0, 1], dtype=np.uint8),
    "genre_names": np.array(["classic", "pop"]),
    "song_ids": np.array(["pop/9", "classic/4"]),
}


def test_rolls_are_entries_in_beats(home):
    np.savez(home / "rock_piano_notes_24tpb.npz", **ROLLS)
    corpus = load("rock_rolls")
    # one without notes is no entry
    assert corpus.columns["id"] == ["rock_rolls/rock/1", "rock_rolls/rock/3"]
    assert corpus[0].notes.onset.tolist() == [0, 1] and corpus[
        0
    ].notes.duration.tolist() == [1, 0.25]
    assert corpus[0].notes.velocity.tolist() == [100, 1] and corpus[
        1
    ].notes.pitch.tolist() == [40, 47, 52]
    assert np.allclose(corpus[1].notes.duration, [1 / 24, 0.5, 1 / 24])
    assert (corpus[1].label, str(corpus[1].meter), corpus[1].piece.tempo.bpm[0]) == (
        "rock",
        "4/4",
        120,
    )
    _remembered.cache_clear()
    assert load("rock_rolls").content == corpus.content


def test_melodies_are_rows_of_tokens(home):
    np.savez(home / "melodies_4_4_16th.npz", **MELODIES)
    melodies = load("melodies_16th")
    assert [melodies[i].tolist() for i in range(len(melodies))] == [
        [60, 1, 0],
        [62, 1, 1],
        [70],
    ]
    assert melodies.song.tolist() == [
        "classic/4",
        "classic/4",
        "pop/9",
    ] and melodies.label.tolist() == ["classic", "classic", "pop"]
    assert (
        melodies[-1].tolist() == [70]
        and repr(melodies) == "Melodies(3 tracks of 2 songs, 7 steps)"
    )
    with pytest.raises(IndexError):
        melodies[3]


WRONG = {
    "short": {"pitch": ROLLS["pitch"][:3]},
    "high": {"pitch": np.full(5, 200)},
    "late": {"start": np.full(5, 4_000_000_000)},
    "backwards": {"offsets": np.array([0, 3, 2, 5])},
    "open end": {"offsets": np.array([0, 2, 2, 4])},
    "nameless": {"song_ids": np.array(["a"])},
    "words": {"dur": np.array(list("abcde"))},
    "a table": {"start": np.zeros((5, 2), int)},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_rolls_that_do_not_fit_together_are_refused(wrong, home):
    np.savez(home / "rolls.npz", **(ROLLS | wrong))
    with pytest.raises(CorpusError, match="rolls.npz"):
        load("rock_rolls", folder=home / "rolls.npz")


UNFIT = [
    {"song": np.array([5, 0, 0])},
    {"genre": np.array([0, 0])},
    {"data": np.full(7, 200)},
    {"offsets": np.array([])},
]


@pytest.mark.parametrize("wrong", UNFIT)
def test_melodies_that_do_not_fit_together_are_refused(wrong, home):
    np.savez(home / "melodies.npz", **(MELODIES | wrong))
    with pytest.raises(CorpusError, match="melodies.npz"):
        load("melodies_16th", folder=home / "melodies.npz")


@pytest.mark.parametrize(
    "name, arrays", [("rock_rolls", ROLLS), ("melodies_16th", MELODIES)]
)
def test_random_damage_never_surprises(name, arrays, home, damage):
    np.savez_compressed(home / "x.npz", **arrays)
    whole = (home / "x.npz").read_bytes()
    for seed in range(150):
        (home / "x.npz").write_bytes(damage(whole, seed))
        try:
            load(name, folder=home / "x.npz")
        except FusionError as error:
            assert "x.npz" in str(error)
    with pytest.raises(CorpusError, match="not a file"):
        load(name, folder=home)


def test_the_development_arrays(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    melodies = load("melodies_16th")
    assert len(melodies) == 8781 and len(set(melodies.song.tolist())) == 5125
    started = melodies.tokens[melodies.tokens > 1]
    assert (started.min(), started.max()) == (55, 84)

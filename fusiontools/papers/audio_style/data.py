"""Recordings of two genres, and pairs of a content and a style, as one value that fits in
one file. Chapter 7, Audio style transfer.

The paper's transfers take two clips of ten seconds, its CycleGAN all clips of two genres.
Its data is GTZAN (it says FMA, and describes GTZAN); without a download, melodies and
chorales are rendered in different instruments, and a style is an instrument. Sound is kept
in 16 bits; how it becomes a spectrogram, `fusiontools.music.spectrogram` knows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.corpora import load
from fusiontools.corpora.cache import (
    check_array,
    content_hash,
    read_described,
    write_described,
)
from fusiontools.corpora.recordings import load_recordings
from fusiontools.corpora.registry import terms
from fusiontools.corpora.walking import called
from fusiontools.errors import CorpusError
from fusiontools.music.spectrogram import FRAMES, SAMPLE_RATE, encode_spectrogram

if TYPE_CHECKING:
    from fusiontools.corpora.recordings import Recording


__all__ = ["LEVEL", "PAIRS", "SECONDS", "SOURCES", "Clips", "as_loud", "clips_of"]
__all__ += ["excerpt", "from_folders", "gather", "logs_of", "open_clips", "save_clips"]

SECONDS = 10.0  # of each of a pair: 430 frames
LONGEST = 30.0  # of what the CycleGAN learns from
LEVEL = 0.1  # root mean square of every sound that is compared: a loss depends on it
QUIET = 1e-5  # below it, nothing sounds

# For each name a corpus and the genres of the CycleGAN, content and style
SOURCES = {
    "rendered": ("rendered", ("organ", "guitar")),
    "gtzan_mini": ("gtzan_mini", ("classical", "jazz")),
    "gtzan": ("gtzan", ("classical", "jazz")),
}
# Content and style of the comparison: a genre, and which of its clips; the first is the
# paper's, classical to jazz. They were chosen before anything was measured.
_GTZAN = "classical 0 jazz 0, classical 1 metal 0, jazz 1 hiphop 0, country 0 disco 0"
_GTZAN += ", pop 0 reggae 0"
_RENDERED = "organ 0 guitar 0, fiddle 0 choir 0, flute 0 accordion 0, guitar 1 organ 1"
_RENDERED += ", choir 1 flute 1"
PAIRS = {"rendered": _RENDERED, "gtzan_mini": _GTZAN, "gtzan": _GTZAN}


@dataclass(frozen=True, eq=False)
class Clips:
    """Pairs of content and style, and recordings of two genres: 16 bits, 22,050 a second.

    Whose music it is, the "labels" of the genres and the "pairs" by name: ``about`` says.
    """

    name: str
    arrays: dict  # "pairs": (P, 2, 220500) int16; "a", "b": (n, L) int16
    about: dict

    @property
    def labels(self) -> tuple[str, str]:
        """The two genres of the CycleGAN."""
        first, second = self.about["labels"]
        return first, second

    def pair(self, i: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Content and style number i as sound, float32, two of shape (220500,), `LEVEL`
        loud.
        """
        content, style = self.arrays["pairs"][i]
        return as_loud(_floats(content)), as_loud(_floats(style))

    def sounds(self, genre: str) -> list[np.ndarray]:
        """The training recordings of genre "a" or "b", float32, `LEVEL` loud: a list."""
        return [as_loud(_floats(x)) for x in self.arrays[genre]]

    def logs(self, genre: str) -> list[np.ndarray]:
        """Their log magnitudes, float32, each (1025, T): a list."""
        return [encode_spectrogram(x)[0] for x in self.sounds(genre)]

    @cached_property
    def hash(self) -> str:
        """Hex digits of all that sounds: a record's data."""
        told: list = ["clips of two genres"]
        for key in sorted(self.arrays):
            told += [key, np.ascontiguousarray(self.arrays[key]).tobytes()]
        return content_hash(*told)

    def __repr__(self):
        a, b = (f"{len(self.arrays[k])} of {n}" for k, n in zip("ab", self.labels))
        return f"Clips({self.name!r}, {len(self.arrays['pairs'])} pairs, {a}, {b})"

    def __str__(self):
        a, b = (f"{len(self.arrays[k])} of {n}" for k, n in zip("ab", self.labels))
        return f"{self.name}, clips to learn from: {a}, {b}"


def _floats(x):
    return x.astype(np.float32) / 32768


def as_loud(samples: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Sound at one level, its root mean square; silence stays as it is.

    >>> as_loud(np.array([3.0, -3.0])).round(3).tolist()
    [0.1, -0.1]
    """
    now = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    return samples if now < QUIET else (samples * (level / now)).astype(samples.dtype)


def logs_of(samples: np.ndarray, frames: int = FRAMES) -> np.ndarray:
    """Log magnitudes of sound as the transfer takes them, float32, (1025, frames)."""
    return encode_spectrogram(np.asarray(samples, np.float32), frames=frames)[0]


def excerpt(
    recording: Recording, seconds: float = SECONDS, start: float = 0.0
) -> np.ndarray:
    """So many seconds of a recording in 16 bits, (n,), again from the start where it ends.

    CorpusError if nothing sounds there.
    """
    samples = recording.samples(SAMPLE_RATE, start, seconds)
    if not len(samples) or np.abs(samples).max() < QUIET:
        found = f"nothing sounds in {seconds:g} s from {start:g} s"
        raise CorpusError(found, recording.id, "leave it out")
    samples = np.resize(samples, round(seconds * SAMPLE_RATE))
    return np.round(32767 * np.clip(samples, -1, 1)).astype(np.int16)


def gather(
    name: str,
    recordings: Iterable[Recording],
    labels: Sequence[str],
    pairs: Sequence[tuple[Recording, Recording]],
    corpora: Sequence[dict] = (),
) -> Clips:
    """Recordings as `Clips`.

    Parameters
    ----------
    name : str
    recordings : Recordings
    labels : (str, str)
        Genres of the CycleGAN.
    pairs : sequence of (Recording, Recording)
        Contents and styles. They are no training data of the CycleGAN.
    corpora : sequence of dict
        Their terms, see `fusiontools.corpora.registry.terms`.

    Returns
    -------
    Clips
        CorpusError if a genre has no recording left.
    """
    used = {r.song for pair in pairs for r in pair}
    arrays = {"pairs": np.stack([[excerpt(r) for r in pair] for pair in pairs])}
    for key, label in zip("ab", labels):
        own = [r for r in recordings if r.label == label and r.song not in used]
        if not own:
            found = f"no recording of {label!r} is left to learn from"
            raise CorpusError(found, name, "bring at least two recordings of each genre")
        arrays[key] = np.stack([excerpt(r, LONGEST) for r in own])
    told = [[r.id for r in pair] for pair in pairs]
    kinds = [[r.label for r in pair] for pair in pairs]
    about = {"labels": list(labels), "pairs": told, "genres": kinds}
    return Clips(name, arrays, about | {"corpora": list(corpora)})


def _chosen(recordings, told):
    """The pairs that a text of `PAIRS` names."""
    by_label = {}
    for r in recordings:
        by_label.setdefault(r.label, []).append(r)
    for words in told.split(", "):
        a, i, b, j = words.split()
        yield by_label[a][int(i)], by_label[b][int(j)]


def clips_of(name: str = "rendered") -> Any:
    """The clips of one of `SOURCES`. CorpusError if there is none of that name;
    MissingDataError if it has to be downloaded first.
    """
    if name not in SOURCES:
        do = f"choose one of {', '.join(SOURCES)}, or bring your own with from_folders"
        raise CorpusError(f"no data is called {name!r}", do=do)
    corpus, labels = SOURCES[name]
    options = {}
    if corpus == "rendered":
        from fusiontools.show.synth import synthesize

        options = {"synthesize": synthesize}
    recordings = load(corpus, **options)
    own = [terms(corpus) | {"content": content_hash(*[r.id for r in recordings])}]
    if corpus == "rendered":  # what is rendered has terms of its own
        own = [
            terms(c) | {"content": ""} for c in ("ryan", "oneill", "aird", "essen", "bach")
        ]
    return gather(name, recordings, labels, list(_chosen(recordings, PAIRS[name])), own)


def from_folders(
    folders: tuple[str | os.PathLike, str | os.PathLike], name: str = "mine"
) -> Clips:
    """Two folders of recordings, content and style, as `Clips`: yours.

    The first recording of each makes the pair. CorpusError if a folder has fewer than two.
    """
    made = [load_recordings(name, Path(folder)) for folder in folders]
    labels = [called(folder) for folder in folders]
    if labels[0] == labels[1]:
        raise CorpusError("both folders have one name", folders[1], "give them two names")
    found = [[replace(r, label=label) for r in own] for own, label in zip(made, labels)]
    return gather(name, sum(found, []), labels, [(found[0][0], found[1][0])])


def save_clips(clips: Clips, path: str | os.PathLike) -> None:
    """Write clips into one ``.npz``, all that a training needs, whole or not at all."""
    write_described(path, dict(name=clips.name, about=clips.about), clips.arrays)


def open_clips(path: str | os.PathLike) -> Clips:
    """Read what `save_clips` wrote; CorpusError if it is missing, damaged or another."""

    def make(told, arrays):
        check_array(arrays["pairs"], "int16", (None, 2, None))
        check_array(arrays["a"], "int16", (None, None))
        check_array(arrays["b"], "int16", (None, None))
        if {*arrays} != {"pairs", "a", "b"} or len(
            [*map(str, told["about"]["labels"])]
        ) != 2:
            raise ValueError
        return Clips(told["name"], arrays, told["about"])

    do = "make it again with save_clips(clips_of(...), path)"
    return read_described(path, make, "clips of two genres", do)

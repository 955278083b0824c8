"""Two genres of melody as windows of tokens: all that a training of FusionGAN needs, as one
value that fits in one file.

What a token is, `fusiontools.music.tokens` says. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_1_from_scratch` shows the data.

The paper names its two data sets (section IV) and no preparation of them. Ours is: every
tune is moved to the tonic C, by at most a tritone (the paper's Figure 6 has peaks at C and
G, and its authors' code transposes; minor and modal tunes keep their mode); each note lasts
until the next one unless a real rest lies between; lengths are rounded to those of the
vocabulary. So a performed solo becomes as plain a score as a printed folk song, and the two
differ by what is played and not by how it was written down. Windows of 36 tokens every 16
are the public code's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.corpora import PARTS, load, split_of
from fusiontools.corpora.cache import (
    cached,
    check_array,
    code_hash,
    content_hash,
    read_described,
    write_described,
)
from fusiontools.corpora.registry import terms
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.grid import in_range, one_voice
from fusiontools.music.notes import Notes, transpose
from fusiontools.music.tokens import (
    EVENTS,
    STRIDE,
    Vocabulary,
    decode_tokens,
    encode_tokens,
    length_class,
    token_windows,
)

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Corpus


__all__ = ["DOMAINS", "PAIRS", "VOCABULARY", "Pair", "from_folders", "open_pair", "pair"]
__all__ += [
    "plain_tokens",
    "save_pair",
    "straighten",
    "token_histograms",
    "tonic",
    "tune_tokens",
]

DOMAINS = ("A", "B")
# The paper's two genres; two that come without a download
PAIRS = {"weimar_essen": ("weimar", "essen"), "essen_ryan": ("essen", "ryan")}
# 45 to 86 (A2 to D6) holds 99 % of the notes of all three corpora on the tonic C; 12 steps
# to a beat hold 16ths and triplets.
LENGTHS = (1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48)
VOCABULARY = Vocabulary("notes", low=45, high=86, steps_per_beat=12, durations=LENGTHS)
# Steps: a silence of up to a third of a beat is the way a note was played, not a rest.
CLOSE = 4
# What a pair of the book's own depends on, beside its corpora.
_MAKERS = [f"fusiontools.music.{name}" for name in ("tokens", "grid", "notes", "pieces")]
_MAKERS += [f"fusiontools.corpora.{name}" for name in ("entries", "splits", "registry")]
_MAKERS += ["fusiontools.corpora.cards", __name__]
_TONIC = re.compile(r"\s*([A-Ga-g])(b|#|s(?=$|[-\s]))?")
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two domains of melody, dealt by song into "train", "validation" and "test"."""

    name: str
    labels: tuple  # what A and B are called, such as ("jazz", "folk")
    vocabulary: Vocabulary
    arrays: dict  # "A_train": (N, 36) int16, "A_train_song": (N,) int32, and so on
    about: dict  # how it was made, and whose music it is

    def windows(self, domain: str, part: str = "train") -> np.ndarray:
        """One domain's windows of one part, shape (N, 36), int64."""
        return self.arrays[f"{domain}_{part}"].astype(np.int64)

    def songs(self, domain: str, part: str = "train") -> np.ndarray:
        """For each row of `windows` the number of its song, shape (N,)."""
        return self.arrays[f"{domain}_{part}_song"]

    def notes(self, domain: str, part: str = "train") -> list[Notes]:
        """One domain's windows as a list of `Notes` in beats."""
        return [decode_tokens(row, self.vocabulary) for row in self.windows(domain, part)]

    @cached_property
    def hash(self) -> str:
        """Hex digits of all windows and of what their tokens mean: a record's data."""
        parts: list = ["fusiongan pair", json.dumps(asdict(self.vocabulary))]
        for key in sorted(self.arrays):
            parts += [key, np.ascontiguousarray(self.arrays[key]).tobytes()]
        return content_hash(*parts)

    def __repr__(self):
        a, b = (f"{n} {len(self.windows(d)):,}" for d, n in zip(DOMAINS, self.labels))
        tokens = f"{self.vocabulary.size} tokens"
        return f"Pair({self.name!r}, training windows: {a}, {b}, {tokens})"

    def __str__(self):
        a, b = (f"{len(self.windows(d)):,} of {n}" for d, n in zip(DOMAINS, self.labels))
        return f"{self.name}, windows to learn from: {a}, {b}"


def tonic(key: str) -> int | None:
    """The pitch class of a key's first note, or None where the source names no key.

    Examples
    --------
    >>> tonic("Bb-maj"), tonic("Edor"), tonic("F#-min"), tonic("Es"), tonic("")
    (10, 4, 6, 3, None)
    """
    found = _TONIC.match(key or "")
    if not found:
        return None
    return (_NATURAL[found[1].upper()] + {"#": 1, "b": -1, "s": -1}.get(found[2], 0)) % 12


def straighten(notes: Notes) -> Notes:
    """Rewrite a melody so that each note and each rest has a length that `VOCABULARY` has.

    Each note lasts until the next one, unless more than `CLOSE` steps of silence lie
    between; every length is rounded to the nearest one there is, and what follows moves
    along; pitches outside the vocabulary move by octaves. `Notes` in beats come in and go
    out, the latter from 0 on, so that `encode_tokens` loses nothing of them.

    Examples
    --------
    >>> swung = Notes.of([(0.0, 0.6, 60), (0.66, 0.3, 62), (1.02, 0.9, 64)])
    >>> [(round(n.onset, 2), round(n.duration, 2)) for n in straighten(swung)]
    [(0.0, 0.67), (0.67, 0.33), (1.0, 1.0)]
    """
    steps = VOCABULARY.steps_per_beat
    notes = in_range(notes, VOCABULARY.low, VOCABULARY.high, "fold")
    first, last, pitch = one_voice(notes, steps, "straighten")
    if not len(first):
        return Notes.of([])
    silence = np.append(first[1:], last[-1]) - last
    rest = np.where(silence > CLOSE, silence, 0)
    sound = _nearest(last - first + silence - rest)
    rest = np.where(rest > 0, _nearest(rest), 0)  # at most the longest length there is
    onset = np.concatenate([[0], np.cumsum(sound + rest)[:-1]])
    return Notes(onset / steps, sound / steps, pitch)


def _nearest(steps):
    """The nearest known length to each, shape (M,); of two equally near, the shorter."""
    lengths = np.array(LENGTHS)
    return lengths[np.abs(steps[:, None] - lengths).argmin(1)]


def tune_tokens(notes: Notes, key: str = "", to_c: bool = True) -> np.ndarray:
    """A tune as tokens, (T,) int64, moved to the tonic C first if `to_c`: CorpusError if
    its key is then not known.
    """
    if to_c:
        home = tonic(key)
        if home is None:
            raise CorpusError(
                "the source names no key", do="leave it out, or take to_c=False"
            )
        shift = -home if home <= 6 else 12 - home  # at most a tritone
        notes = transpose(in_range(notes, 12, 115, "fold"), shift)
    return encode_tokens(straighten(notes), VOCABULARY)


def pair(
    name: str = "essen_ryan",
    transpose: bool = True,
    corpora: Sequence[Corpus] | None = None,
    deal: Callable = split_of,
    melody: Callable | None = None,
) -> Pair:
    """Two corpora as a `Pair`: windows of tokens, dealt by song.

    Parameters
    ----------
    name : str
        One of `PAIRS`; any name of your own if `corpora` are given.
    transpose : bool
        Move every tune to the tonic C. Those whose source names no key are then left out.
    corpora : pair of Corpus, optional
        Two of your own.
    deal : callable
        From a song to its part, "train", "validation" or "test".
    melody : callable, optional
        From an entry to its melody, `Notes` in beats; by default its highest notes.

    Raises
    ------
    CorpusError
        If a corpus gives no window for a part.
    MissingDataError
        If a corpus has to be downloaded first.
    """
    own = corpora is None and deal is split_of and melody is None
    if corpora is None:
        if name not in PAIRS:
            do = f"choose one of {', '.join(PAIRS)}, or give two corpora"
            raise CorpusError(f"no pair is called {name!r}", do=do)
        corpora = [load(corpus) for corpus in PAIRS[name]]
    build = partial(_arrays, corpora, transpose, deal, melody)
    if own:  # the chapter asks for these again and again, and they take seconds
        asked = f"{name} {bool(transpose)}"
        key = content_hash(asked, *(c.content for c in corpora), code_hash(*_MAKERS))
        arrays = cached("pair", key, build, asked)
    else:
        arrays = build()
    about = arrays.pop("about")
    labels = tuple(corpus[0].label for corpus in corpora)
    return Pair(name, labels, VOCABULARY, arrays, about)


def _arrays(corpora, transpose, deal, melody):
    """The arrays of a pair, and what is told "about" them."""
    about: dict[str, Any] = dict(transpose=bool(transpose), close=CLOSE, events=EVENTS)
    about |= dict(stride=STRIDE, corpora=[])
    arrays = {}
    for domain, corpus in zip(DOMAINS, corpora):
        found, numbers, skipped = {part: [] for part in PARTS}, {}, []
        for entry in corpus:
            try:
                notes = melody(entry) if melody else entry.notes
                tokens = tune_tokens(notes, entry.key, transpose)
            except FusionError as error:
                skipped.append([entry.id, str(error)])
                continue
            song = numbers.setdefault(entry.song, len(numbers))
            found[deal(entry.song)] += [(row, song) for row in token_windows(tokens)]
        for part, rows in found.items():
            if not rows:
                says = f"{len(corpus)} pieces, {len(numbers)} of them with notes that fit, "
                says += f"give no window of {EVENTS} tokens for the part {part!r}"
                raise CorpusError(says, corpus.name, "bring more or longer melodies")
            windows, songs = zip(*rows)
            arrays[f"{domain}_{part}"] = np.array(windows, np.int16)
            arrays[f"{domain}_{part}_song"] = np.array(songs, np.int32)
        told = terms(corpus.name) | {"content": corpus.content, "skipped": skipped}
        about["corpora"].append(told)
    return arrays | {"about": about}


def from_folders(
    a: str | os.PathLike,
    b: str | os.PathLike,
    labels: Sequence[str] | None = None,
    name: str = "mine",
) -> Pair:
    """Two folders, or archives, of scores as a `Pair`: yours.

    Of a file with several voices the melody is taken. Nothing is transposed, since files
    seldom name their key. What cannot be read is skipped and named in ``pair.about``. A
    tenth of each folder's songs goes to validation and a tenth to the test. The two are
    called by their `labels`, by default the folders' names. CorpusError if a folder is not
    there, has no readable file, or too few or too short melodies; or if the two are at
    distance 0, by which the metrics divide.
    """
    from fusiontools.corpora.folders import load_folder
    from fusiontools.corpora.walking import called
    from fusiontools.music.extract import melody
    from fusiontools.score.fusion import fusion_scores

    def tune(entry):
        return melody(entry.piece)

    def long_enough(entry):
        try:
            return len(tune(entry)) >= EVENTS
        except FusionError:
            return False

    corpora, part_of = [], {}
    labels = labels or (called(a), called(b))
    for domain, folder, label in zip(DOMAINS, (a, b), labels):
        corpora.append(load_folder(f"{name}_{domain.lower()}", folder, label=label))
        # Only songs that give a window are counted, so that no part stays empty.
        songs = {entry.song for entry in corpora[-1] if long_enough(entry)}
        if len(songs) < len(PARTS):
            says = f"{len(songs)} of {len(corpora[-1])} pieces have a melody of {EVENTS} "
            says += f"notes, and {len(PARTS)} are needed, each another song"
            do = "bring more or longer melodies"
            raise CorpusError(says + _skipped(corpora[-1]), folder, do)
        songs = sorted(songs, key=content_hash)
        tenth = max(1, len(songs) // 10)
        part_of |= dict.fromkeys(songs, "train")
        part_of |= dict.fromkeys(songs[:tenth], "validation")
        part_of |= dict.fromkeys(songs[tenth : 2 * tenth], "test")

    def deal(song):
        return part_of.get(song, "train")

    made = pair(name, False, corpora, deal, tune)
    x, y = ([m for m in made.notes(domain) if len(m) > 3] for domain in DOMAINS)
    fusion_scores(x, x, y)  # refuses two that are at distance 0, before anything is trained
    return made


def _skipped(corpus):
    """How many files of a folder could not be read, and why the first could not."""
    if not corpus.skipped:
        return ""
    (id, why), many = corpus.skipped[0], len(corpus.skipped)
    return f"; {many} more cannot be read, {id} since: {why}"


def plain_tokens(vocabulary: Vocabulary) -> np.ndarray:
    """For each token one of the same pitch and the same `length_class`, alike for all that
    share both, (V,): a network that looks tokens up so cannot tell triplets.
    """
    durations = np.array(vocabulary.durations) / vocabulary.steps_per_beat
    classes, k = length_class(durations), len(durations)
    first = np.searchsorted(classes, classes)  # the first length of each one's class
    token = np.arange(vocabulary.size)
    return k * (token // k) + first[token % k]


def save_pair(pair: Pair, path: str | os.PathLike) -> None:
    """Write a pair into one ``.npz``, all that a training needs, whole or not at all."""
    told = dict(name=pair.name, labels=pair.labels, about=pair.about)
    write_described(path, told | {"vocabulary": asdict(pair.vocabulary)}, pair.arrays)


def open_pair(path: str | os.PathLike) -> Pair:
    """Read what `save_pair` wrote; CorpusError if it is missing, damaged or another."""

    def make(told, arrays):
        vocabulary = Vocabulary(**told["vocabulary"])
        for key in (f"{d}_{part}" for d in DOMAINS for part in PARTS):
            check_array(arrays[key], "int16", (None, None), 0, vocabulary.size - 1)
            check_array(arrays[f"{key}_song"], "int32", (len(arrays[key]),))
        a, b = map(str, told["labels"])
        return Pair(told["name"], (a, b), vocabulary, arrays, told["about"])

    do = "make it again with save_pair(pair(...), path)"
    return read_described(path, make, "a pair of domains", do)


def token_histograms(
    x: np.ndarray, vocabulary: Vocabulary
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of notes of each duration, and of each of the 12 pitch classes, in windows of
    tokens, (..., T): a quick stand-in for DD and NPD while training.
    """
    k = len(vocabulary.durations)
    notes = x[x < vocabulary.pitches * k]  # rests come last
    durations = np.bincount(notes % k, minlength=k)
    return durations, np.bincount((notes // k + vocabulary.low) % 12, minlength=12)

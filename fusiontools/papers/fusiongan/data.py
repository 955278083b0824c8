"""Two genres of melody as windows of tokens: all that a training of FusionGAN needs, as one
value that fits in one file.

It knows nothing of networks. What a token is, `fusiontools.music.tokens` says; what a song
is, `fusiontools.corpora`.

The paper names its two data sets and no preparation of them. Ours is: every tune is moved
to the tonic C (its Figure 6 has peaks at C and G, and its authors' code transposes; minor
and modal tunes keep their own mode, on C), by at most a tritone; each note lasts until the
next one starts unless a real rest lies between; lengths are rounded to those that the
vocabulary has, one after the other. So a performed solo becomes as plain a score as a
printed folk song, and the two differ by what is played and not by how it was written down.
"""

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fusiontools.corpora import PARTS, info, load, split_of
from fusiontools.corpora.cache import content_hash, read_npz, write_described
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.grid import in_range, one_voice
from fusiontools.music.notes import Notes, transpose
from fusiontools.music.tokens import (
    EVENTS,
    STRIDE,
    Vocabulary,
    decode_tokens,
    encode_tokens,
    token_windows,
)

__all__ = [
    "DOMAINS",
    "PAIRS",
    "VOCABULARY",
    "Pair",
    "from_folders",
    "open_pair",
    "pair",
    "save_pair",
    "straighten",
    "tonic",
    "tune_tokens",
]

DOMAINS = ("A", "B")
PAIRS = {
    "weimar_essen": ("weimar", "essen"),
    "essen_ryan": ("essen", "ryan"),
}  # the paper's two genres; two that come without a download
# 45 to 86 (A2 to D6) holds 99 % of the notes of all three corpora on the tonic C; 12 steps
# hold 16ths and triplets
VOCABULARY = Vocabulary(
    "notes",
    low=45,
    high=86,
    steps_per_beat=12,
    durations=(1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48),
)
# steps: a silence of up to a third of a beat is the way a note was played, not a rest
CLOSE = 4
_TONIC = re.compile(r"\s*([A-Ga-g])(b|#|s(?=$|[-\s]))?")
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two domains of melody, dealt by song into parts.

    ``pair.windows("A", "train")`` has shape (N, 36), and ``pair.songs("A", "train")`` says
    for each row which song it comes from.
    """

    name: str
    labels: tuple  # what A and B are called, such as ("jazz", "folk")
    vocabulary: Vocabulary
    arrays: dict  # "A_train": (N, 36) int16, "A_train_song": (N,) int32, and so on
    about: dict  # how it was made, and whose music it is

    def windows(self, domain, part="train"):
        """One domain's windows of one part, shape (N, 36), int64."""
        return self.arrays[f"{domain}_{part}"].astype(np.int64)

    def songs(self, domain, part="train"):
        """For each row of `windows` the number of its song, shape (N,): for intervals over
        songs, and folds that share none.
        """
        return self.arrays[f"{domain}_{part}_song"]

    def notes(self, domain, part="train"):
        """One domain's windows as a list of `Notes` in beats."""
        return [decode_tokens(row, self.vocabulary) for row in self.windows(domain, part)]

    @cached_property
    def hash(self):
        """A hash of all windows and of what their tokens mean, as hex digits; a record
        names its data by it.
        """
        rows = (
            part
            for key in sorted(self.arrays)
            for part in (key, np.ascontiguousarray(self.arrays[key]).tobytes())
        )
        return content_hash("fusiongan pair", json.dumps(asdict(self.vocabulary)), *rows)

    def __repr__(self):
        counts = ", ".join(
            f"{label} {len(self.arrays[f'{d}_train']):,}"
            for d, label in zip(DOMAINS, self.labels)
        )
        return f"Pair({self.name!r}, training windows: {counts}, {self.vocabulary.size} tokens)"


def tonic(key):
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


def straighten(notes, vocabulary=VOCABULARY, close=CLOSE):
    """Rewrite a melody so that each note and each rest has a length that the vocabulary
    knows.

    Each note lasts until the next one, unless more than `close` steps of silence lie
    between; every length is rounded to the nearest one there is, and what follows moves
    along. Bar lines are lost: windows do not know them anyway.

    Parameters
    ----------
    notes : Notes
        In beats. Pitches outside the vocabulary move by octaves.
    vocabulary : Vocabulary
        Of kind "notes".
    close : int
        In steps.

    Returns
    -------
    Notes
        In beats, starting at 0. `encode_tokens` writes them without any loss.

    Examples
    --------
    >>> swung = Notes.of([(0.0, 0.6, 60), (0.66, 0.3, 62), (1.02, 0.9, 64)])
    >>> [(round(n.onset, 2), round(n.duration, 2)) for n in straighten(swung)]
    [(0.0, 0.67), (0.67, 0.33), (1.0, 1.0)]
    """
    first, last, pitch = one_voice(
        in_range(notes, vocabulary.low, vocabulary.high, "fold"),
        vocabulary.steps_per_beat,
        "straighten",
    )
    if not len(first):
        return Notes.of([])
    silence = np.append(first[1:], last[-1]) - last
    rest = np.where(silence > close, silence, 0)
    sound = _nearest(last - first + silence - rest, vocabulary)
    rest = np.where(
        rest > 0, _nearest(rest, vocabulary), 0
    )  # so a silence of more than the longest length becomes that length
    onset = np.concatenate([[0], np.cumsum(sound + rest)[:-1]])
    return Notes(
        onset / vocabulary.steps_per_beat, sound / vocabulary.steps_per_beat, pitch
    )


def _nearest(steps, vocabulary):
    """The nearest known length to each, shape (M,); of two equally near, the shorter."""
    durations = np.array(vocabulary.durations)
    return durations[np.abs(np.asarray(steps)[:, None] - durations).argmin(1)]


def tune_tokens(notes, key="", vocabulary=VOCABULARY, to_c=True, close=CLOSE):
    """A tune as tokens, moved to the tonic C first if `to_c`; shape (T,), int64.

    Raises
    ------
    CorpusError
        If the tune is to be moved, and its key is not known.
    """
    if to_c:
        home = tonic(key)
        if home is None:
            raise CorpusError(
                "the source names no key", do="leave it out, or take to_c=False"
            )
        notes = transpose(
            in_range(notes, 12, 115, "fold"), -home if home <= 6 else 12 - home
        )
    return encode_tokens(straighten(notes, vocabulary, close), vocabulary)


def pair(
    name="essen_ryan",
    vocabulary=VOCABULARY,
    transpose=True,
    close=CLOSE,
    events=EVENTS,
    stride=STRIDE,
    corpora=None,
    deal=None,
    melody=None,
):
    """Two corpora as windows of tokens, dealt by song.

    Parameters
    ----------
    name : str
        One of `PAIRS`; any name of your own if `corpora` are given.
    vocabulary : Vocabulary
        Of kind "notes".
    transpose : bool
        Move every tune to the tonic C. Tunes whose source names no key are then left out,
        and counted.
    close : int
        See `straighten`.
    events, stride : int
        Tokens in a window, and from one window to the next.
    corpora : pair of Corpus, optional
        Two of your own, such as two folders of MIDI files. Files seldom name their key:
        pass ``transpose=False`` with them.
    deal : callable, optional
        From a song to its part, "train", "validation" or "test"; by default
        `fusiontools.corpora.split_of`.
    melody : callable, optional
        From an entry to its melody, `Notes` in beats; by default all its notes, the highest
        where several start together.

    Returns
    -------
    Pair

    Raises
    ------
    CorpusError
        If a corpus gives no window for a part.
    MissingDataError
        If a corpus has to be downloaded first.

    References
    ----------
    FusionGAN, section IV (the corpora). Windows of 36 every 16: the public code.
    """
    if corpora is None:
        if name not in PAIRS:
            raise CorpusError(
                f"no pair is called {name!r}",
                do=f"choose one of {', '.join(PAIRS)}, or give two corpora",
            )
        corpora = [load(corpus) for corpus in PAIRS[name]]
    deal, melody = deal or split_of, melody or (lambda entry: entry.notes)
    arrays, about, labels = (
        {},
        {
            "transpose": bool(transpose),
            "close": close,
            "events": events,
            "stride": stride,
            "corpora": [],
        },
        [],
    )
    for domain, corpus in zip(DOMAINS, corpora):
        found, number, skipped = {part: [] for part in PARTS}, {}, []
        for entry in corpus:
            try:
                tokens = tune_tokens(melody(entry), entry.key, vocabulary, transpose, close)
            except FusionError as error:
                skipped.append([entry.id, str(error)])
                continue
            rows = token_windows(tokens, events, stride)
            song = number.setdefault(entry.song, len(number))
            found[deal(entry.song)].append((rows, np.full(len(rows), song)))
        for part, rows in found.items():
            if not sum(len(r) for r, _ in rows):
                raise CorpusError(
                    f"no window of {events} tokens in part {part!r}",
                    corpus.name,
                    "bring more or longer melodies",
                )
            arrays[f"{domain}_{part}"] = np.concatenate([r for r, _ in rows]).astype(
                np.int16
            )
            arrays[f"{domain}_{part}_song"] = np.concatenate([s for _, s in rows]).astype(
                np.int32
            )
        labels.append(corpus[0].label)
        about["corpora"].append(
            {
                "name": corpus.name,
                "content": corpus.content,
                "skipped": skipped,
                **_terms(corpus.name),
            }
        )
    return Pair(name, tuple(labels), vocabulary, arrays, about)


def from_folders(a, b, labels=None, name="mine"):
    """Two folders of MIDI files as a pair: yours.

    Of a file with several voices the melody is taken, see
    ``fusiontools.music.extract.melody``. Nothing is transposed, since files seldom name
    their key. Of each folder's songs a tenth goes to validation and a tenth to the test,
    one at least.

    Parameters
    ----------
    a, b : path-like
        Folders, or archives, of MIDI files. What cannot be read, or has no melody, is
        skipped and named in ``pair.about``.
    labels : pair of str, optional
        What the two are called; by default the folders' names.
    name : str

    Returns
    -------
    Pair

    Raises
    ------
    CorpusError
        If a folder is not there, has no readable file, or gives no window of `EVENTS`
        tokens for a part: bring more or longer melodies.
    """
    from fusiontools.corpora.folders import load_folder
    from fusiontools.music.extract import melody

    labels = labels or (Path(a).stem, Path(b).stem)
    both = [
        load_folder(f"{name}_{d.lower()}", folder, label=label)
        for d, folder, label in zip(DOMAINS, (a, b), labels)
    ]
    part_of = {}
    for corpus in both:
        songs = sorted({e.song for e in corpus if _long_enough(e)}, key=content_hash)
        few = max(1, len(songs) // 10)
        part_of |= (
            dict.fromkeys(songs, "train")
            | dict.fromkeys(songs[:few], "validation")
            | dict.fromkeys(songs[few : 2 * few], "test")
        )
    return pair(
        name,
        transpose=False,
        corpora=both,
        deal=lambda song: part_of.get(song, "train"),
        melody=lambda entry: melody(entry.piece),
    )


def _long_enough(entry):
    """Whether there is a window in its melody."""
    from fusiontools.music.extract import melody

    try:
        return len(melody(entry.piece)) >= EVENTS
    except FusionError:
        return False


def _terms(name):
    try:
        card = info(name)
    except CorpusError:
        return {"licence": "", "credit": ""}  # a folder of your own
    return {"licence": card.licence, "credit": card.credit}


def save_pair(pair, path):
    """Write a pair into one ``.npz``, whole or not at all. It travels alone: a training
    needs nothing else.

    Raises
    ------
    CorpusError
        If the file cannot be written.
    """
    told = {
        "name": pair.name,
        "labels": pair.labels,
        "vocabulary": asdict(pair.vocabulary),
        "about": pair.about,
    }
    write_described(path, told, pair.arrays)


def open_pair(path):
    """Read what `save_pair` wrote. No code in the file is ever run.

    Raises
    ------
    CorpusError
        If it is missing, damaged, or something else.
    """
    arrays = read_npz(path)
    try:
        told = json.loads(arrays.pop("json").tobytes())
        return Pair(
            told["name"],
            tuple(told["labels"]),
            Vocabulary(**told["vocabulary"]),
            arrays,
            told["about"],
        )
    except (KeyError, TypeError, ValueError):
        raise CorpusError(
            "not a pair of domains", path, "make it again with save_pair(pair(...), path)"
        ) from None

"""Event tokens for FusionGAN: a melody as whole numbers, to be written like words.

The paper says only that its data are "single-voiced tracks" and that its tokens have
durations and pitch classes (sections IV and IV-A): it defines no vocabulary. So two
readings stand here side by side, and a `Vocabulary` names one:

- ``"notes"`` (the default): one token is a pitch *and* how long it lasts; rests are tokens
  too. Every token of a tune then has a length, and every note token a pitch class, which is
  what the paper's two distributions count.
- ``"steps"``: one token for each small step of time: a pitch starts, the sounding note
  stops, or all goes on as before. This is how the public code does it, at eight steps to
  the beat. Its windows of 36 events then last only four and a half beats, and most events
  say "go on". `PUBLIC` has its size, 100 tokens.

The public code also moves every tune to one tonic first, and cuts windows of 36 events
every 16 (`token_windows`).

What tokens lose: loudness, timing finer than the steps, and the silence at the end unless
you say how long the piece is. "notes" also loses lengths that are not in its list. Nothing
here trains or samples. Used in chapters 2 and 3.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError
from fusiontools.music.grid import in_range, one_voice
from fusiontools.music.notes import Notes

__all__ = [
    "EVENTS",
    "GO_ON",
    "PUBLIC",
    "STOP",
    "STRIDE",
    "Vocabulary",
    "decode_tokens",
    "encode_tokens",
    "is_legal_tokens",
    "length_class",
    "token_beats",
    "token_names",
    "token_windows",
]

STOP, GO_ON = 0, 1  # the two tokens of "steps" that are no pitch
EVENTS, STRIDE = 36, 16  # the public code's windows


@dataclass(frozen=True)
class Vocabulary:
    """What the tokens mean.

    Parameters
    ----------
    kind : {"notes", "steps"}
        One token a note or rest, or one token a step of time.
    low, high : int
        The lowest and the highest pitch that have tokens.
    steps_per_beat : int
        The grid that onsets and lengths are rounded to: 4 means 16th notes, 12 holds
        triplets as well.
    durations : tuple of int
        For "notes": the lengths that have tokens, in steps, increasing, the first of them
        1, so that every rest can be put together from them.

    Raises
    ------
    ValueError
        If the kind is unknown, the pitches are not MIDI's, or the durations are not as
        said.

    Notes
    -----
    "notes" counts ``(pitch - low) * len(durations) + k`` for a pitch that lasts
    ``durations[k]``; the rests come last. "steps" counts 0 for stop, 1 for go on, and
    ``pitch - low + 2``.

    Examples
    --------
    >>> Vocabulary().size, Vocabulary("steps", 60, 71).size, PUBLIC.size
    (488, 14, 100)
    """

    kind: str = "notes"
    low: int = 36
    high: int = 95
    steps_per_beat: int = 4
    durations: tuple = (1, 2, 3, 4, 6, 8, 12, 16)

    def __post_init__(self):
        object.__setattr__(self, "durations", tuple(int(d) for d in self.durations))
        if self.kind not in ("notes", "steps"):
            raise ValueError(f"the kind is {self.kind!r}; it can be 'notes' or 'steps'")
        if not 0 <= self.low <= self.high <= 127:
            raise ValueError(f"pitches from {self.low} to {self.high}; MIDI knows 0 to 127")
        if self.steps_per_beat < 1:
            found = f"{self.steps_per_beat} steps to the beat; at least 1 is needed"
            raise ValueError(found)
        if self.durations[:1] != (1,) or (np.diff(self.durations) <= 0).any():
            raise ValueError(f"durations {self.durations} must increase and start with 1")

    @property
    def pitches(self) -> int:
        """How many pitches have tokens."""
        return self.high - self.low + 1

    @property
    def size(self) -> int:
        """How many tokens there are: V in the shapes of the book."""
        if self.kind == "steps":
            return self.pitches + 2
        return (self.pitches + 1) * len(self.durations)


# the public code's size; it takes whichever pitches its files hold
PUBLIC = Vocabulary("steps", low=12, high=109, steps_per_beat=8)


def encode_tokens(
    notes: Notes,
    vocabulary: Vocabulary = Vocabulary(),
    beats: float | None = None,
    outside: str = "raise",
    close: int = 0,
) -> np.ndarray:
    """Write a melody as tokens.

    Parameters
    ----------
    notes : Notes
        In beats, none before beat 0. Of notes that start in one step the highest stays; a
        later note cuts an earlier one.
    vocabulary : Vocabulary
    beats : float, optional
        How long the piece is; by default it ends with its last note. Silence up to here is
        written out.
    outside : {"raise", "drop", "fold"}
        What to do with pitches that have no token, see `fusiontools.music.grid.in_range`.
    close : int
        For "notes": a rest between two notes of at most this many steps is given to the
        first of them, as far as a length in the list allows. Players let go of notes early;
        a score would write no rest there.

    Returns
    -------
    ndarray of int64, shape (T,)

    Raises
    ------
    UnitError
        If the notes are in seconds.
    MusicFileError
        If a note starts before beat 0, a pitch has no token and `outside` is "raise", or
        `beats` is shorter than the music.

    References
    ----------
    FusionGAN, section IV; what it leaves open is said at the top of this module.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1.5, 0.5, 62)])  # C for 4 steps, a rest of 2, D for 2
    >>> encode_tokens(tune, Vocabulary(low=60, high=62)).tolist()
    [3, 25, 17]
    >>> encode_tokens(tune, Vocabulary("steps", 60, 62)).tolist()
    [2, 1, 1, 1, 0, 1, 4, 1]
    """
    per_beat = vocabulary.steps_per_beat
    notes = in_range(notes, vocabulary.low, vocabulary.high, outside)
    first, last, pitch = one_voice(notes, per_beat, "encode_tokens")
    end = int(last.max(initial=0))
    total = end if beats is None else int(np.floor(beats * per_beat + 0.5))
    if total < end:
        found = f"the notes take {end / per_beat:g} beats, and {beats:g} were given"
        raise MusicFileError(found, do="crop them first")
    if vocabulary.kind == "steps":
        tokens = np.full(total, GO_ON, np.int64)
        tokens[last[last < total]] = STOP
        # after the stops: where a note follows at once, nothing stops
        tokens[first] = pitch - vocabulary.low + 2
        return tokens
    tokens, now = [], 0
    # where each note shall end, and how far it may go
    near = first[1:] - last[:-1] <= close
    until = np.append(np.where(near, first[1:], last[:-1]), last[-1:])
    limits = np.append(first[1:], np.inf if beats is None else total)
    rows = zip(first.tolist(), until.tolist(), pitch.tolist(), limits.tolist())
    durations = vocabulary.durations
    for a, b, p, limit in rows:  # as Python's numbers, which are quicker one by one
        if a > now:
            tokens += _rests(a - now, vocabulary)
        fitting = durations[: bisect_right(durations, limit - a)]
        # of two equally near, the shorter
        off = [abs(d - (b - a)) for d in fitting]
        k = off.index(min(off))
        tokens.append((p - vocabulary.low) * len(durations) + k)
        now = a + fitting[k]
    return np.array(tokens + _rests(max(total - now, 0), vocabulary), np.int64)


def _rests(steps, vocabulary):
    """A silence as rest tokens, the longest first."""
    tokens, first = [], vocabulary.pitches * len(vocabulary.durations)
    for k, duration in reversed([*enumerate(vocabulary.durations)]):
        many, steps = divmod(int(steps), duration)
        tokens += [first + k] * many
    return tokens


def decode_tokens(tokens: npt.ArrayLike, vocabulary: Vocabulary = Vocabulary()) -> Notes:
    """Read tokens as notes: the inverse of `encode_tokens` for every legal sequence.

    It reads every other sequence of known tokens too: rests simply add up, and a stop in
    silence does nothing.

    Parameters
    ----------
    tokens : array_like of int, shape (T,)
    vocabulary : Vocabulary

    Returns
    -------
    Notes
        In beats. Silence at the end is not in it: pass
        ``beats=token_beats(tokens, vocabulary)`` to encode it back.

    Raises
    ------
    ValueError
        If a token is not in the vocabulary.

    Examples
    --------
    >>> decode_tokens([3, 25, 17], Vocabulary(low=60, high=62))[1]
    Note(onset=1.5, duration=0.5, pitch=62, velocity=80)
    """
    tokens = _known(tokens, vocabulary)
    if vocabulary.kind == "notes":
        pitch, length = tokens // len(vocabulary.durations), _lengths(tokens, vocabulary)
        last = np.cumsum(length)
        sounds = pitch < vocabulary.pitches
        first, last = (last - length)[sounds], last[sounds]
        pitch = pitch[sounds] + vocabulary.low
    else:
        first = np.flatnonzero(tokens > GO_ON)
        # a note lasts until anything but "go on"
        ends = np.append(np.flatnonzero(tokens != GO_ON), len(tokens))
        last = ends[np.searchsorted(ends, first, side="right")]
        pitch = tokens[first] - 2 + vocabulary.low
    per_beat = vocabulary.steps_per_beat
    return Notes(first / per_beat, (last - first) / per_beat, pitch)


def is_legal_tokens(tokens: npt.ArrayLike, vocabulary: Vocabulary = Vocabulary()) -> bool:
    """Whether `encode_tokens` could have written this.

    "steps": a stop stands only where a note sounds. "notes": neighbouring rests are the
    longest that fit, longest first.

    Examples
    --------
    >>> v = Vocabulary("steps", 60, 71)
    >>> is_legal_tokens([2, 0, 1], v), is_legal_tokens([2, 0, 0], v)
    (True, False)
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not ((tokens >= 0) & (tokens < vocabulary.size)).all():
        return False
    if vocabulary.kind == "steps":
        # silence comes first: as if something had just stopped
        said = np.append(STOP, tokens[tokens != GO_ON])
        return not ((said[1:] == STOP) & (said[:-1] == STOP)).any()
    length = _lengths(tokens, vocabulary)
    rest = tokens >= vocabulary.pitches * len(vocabulary.durations)
    edges = np.flatnonzero(np.diff(rest, prepend=False, append=False))
    for a, b in edges.reshape(-1, 2):
        if _rests(length[a:b].sum(), vocabulary) != tokens[a:b].tolist():
            return False
    return True


def token_beats(tokens: npt.ArrayLike, vocabulary: Vocabulary = Vocabulary()) -> float:
    """How long a sequence lasts, in beats, its last silence included.

    Examples
    --------
    >>> token_beats([3, 25, 17], Vocabulary(low=60, high=62))
    2.0
    """
    tokens = _known(tokens, vocabulary)
    steps = len(tokens)
    if vocabulary.kind == "notes":
        steps = _lengths(tokens, vocabulary).sum()
    return float(steps / vocabulary.steps_per_beat)


def _lengths(tokens, vocabulary):
    """Steps that each "notes" token takes, shape (T,)."""
    durations = np.array(vocabulary.durations)
    return durations[np.asarray(tokens, dtype=np.int64) % len(durations)]


def _known(tokens, vocabulary):
    tokens = np.asarray(tokens)
    if tokens.ndim != 1:
        raise ValueError(
            f"one row of tokens is needed, found shape {tokens.shape}: "
            "decode the rows one by one"
        )
    if not ((tokens >= 0) & (tokens < vocabulary.size)).all():
        raise ValueError(
            f"tokens run from {tokens.min()} to {tokens.max()}; "
            f"this vocabulary has 0 to {vocabulary.size - 1}"
        )
    return tokens.astype(np.int64)


def token_names(vocabulary: Vocabulary = Vocabulary()) -> list[str]:
    """What each token says, in words, for tables and axes: `vocabulary.size` strings.

    Examples
    --------
    >>> token_names(Vocabulary("steps", 60, 61))
    ['stop', 'go on', 'C4', 'C#4']
    >>> token_names(Vocabulary(low=60, high=60, durations=(1, 2)))
    ['C4 x1', 'C4 x2', 'rest x1', 'rest x2']
    """
    from fusiontools.music.notes import note_name

    names = [note_name(p) for p in range(vocabulary.low, vocabulary.high + 1)]
    if vocabulary.kind == "steps":
        return ["stop", "go on", *names]
    return [f"{name} x{d}" for name in [*names, "rest"] for d in vocabulary.durations]


def length_class(beats: npt.ArrayLike) -> np.ndarray:
    """Which plain length is next to each: 0 for sixteenths, then eighths, quarters, halves
    and wholes. Triplets and dots are with their neighbours: a performed solo has many that
    its printed tune has not, and so tells transcription from notation.

    Used in chapter 3, FusionGAN, by what tells jazz from folk.

    Examples
    --------
    >>> length_class([1 / 4, 1 / 3, 2 / 3, 3 / 4, 1, 3]).tolist()
    [0, 1, 1, 1, 2, 3]
    """
    return np.searchsorted([0.29, 0.85, 1.7, 3.4], beats)


def token_windows(
    tokens: npt.ArrayLike, events: int = EVENTS, stride: int = STRIDE
) -> np.ndarray:
    """Cut a sequence into overlapping windows, a view that copies nothing.

    Parameters
    ----------
    tokens : array_like of int, shape (T,)
    events, stride : int
        Length of a window, and the step from one to the next.

    Returns
    -------
    ndarray, shape (N, events)
        Read-only. A sequence shorter than one window gives none. The last window that fits
        is kept; the public code leaves it out where it ends exactly with the tune.

    Notes
    -----
    A window of "steps" may open in the middle of a note: its tail is silent, and its stop
    does nothing.

    Examples
    --------
    >>> token_windows(range(6), events=4, stride=2).tolist()
    [[0, 1, 2, 3], [2, 3, 4, 5]]
    """
    tokens = np.asarray(tokens)
    if min(events, stride) < 1:
        found = f"windows of {events} events every {stride}: both must be at least 1"
        raise ValueError(found)
    if len(tokens) < events:
        return np.zeros((0, events), tokens.dtype)
    return np.lib.stride_tricks.sliding_window_view(tokens, events)[::stride]

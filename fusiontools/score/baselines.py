"""Melodies that cost nothing: what every table shows beside the models.

No model, no training, only draws.

Two of them are the paper's own (section IV): `random_mixing` RM and `monte_carlo` MC. The
others are ours, and each has one thing that a good score should not need: `copies` has real
music and nothing new, `transposed` the same in other keys, `shuffled` the right notes in no
order, `noise` neither; `half_and_half` has both genres and no melody between them; `splice`
has both in one melody, one after the other.

All take and give lists of `Notes` in beats, and draw from a seed. Where more are asked for
than there are, melodies repeat. Used in chapter 3, FusionGAN. The last three take and give
grids: chapter 4, Connective Fusion.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.music.grid import BAR, HIGH, HOLD, LOW, REST
from fusiontools.music.notes import Notes, merge, shift, transpose
from fusiontools.score import markov
from fusiontools.score.distributions import STEP, melody_columns

__all__ = [
    "BASELINES",
    "bars_in_turn",
    "copies",
    "half_and_half",
    "monte_carlo",
    "noise",
    "random_mixing",
    "shuffled",
    "shuffled_grid",
    "splice",
    "to_key",
    "transposed",
]


def _rng(seed, what):
    """Another stream for each baseline, so that one seed for all ties nothing together."""
    return np.random.default_rng([seed, *what.encode()])


def _with_notes(melodies, what):
    melodies = [m for m in melodies if len(m)]
    if not melodies:
        do = "give at least one melody with notes in it"
        raise NoNotesError(f"no melody to make {what} from", do=do)
    return melodies


def _draw(melodies, n, rng):
    """n of them: each at most once while they last, then all over again."""
    rounds = -(-n // len(melodies))
    chosen = [i for _ in range(rounds) for i in rng.permutation(len(melodies))]
    return [melodies[i] for i in chosen[:n]]


def copies(melodies: Sequence[Notes], n: int, seed: int = 0) -> list[Notes]:
    """Real melodies as they are: the best music in the table, and a copied share of 1.

    Parameters
    ----------
    melodies : sequence of Notes
    n : int
        How many to give.
    seed : int

    Returns
    -------
    list of Notes, length n

    Raises
    ------
    NoNotesError
        If no melody has a note.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1, 1, 64)])
    >>> copies([tune], 2) == [tune, tune]
    True
    """
    return _draw(_with_notes(melodies, "copies"), n, _rng(seed, "copies"))


def transposed(
    melodies: Sequence[Notes], n: int, seed: int = 0, farthest: int = 6
) -> list[Notes]:
    """Real melodies, each moved by 1 to `farthest` semitones up or down.

    They are copies that a comparison of pitches does not see.

    Parameters as in `copies`. Moves that would leave MIDI's pitches are not drawn; a melody
    that spans nearly all of them may stay.

    Examples
    --------
    >>> moved = transposed([Notes.of([(0, 1, 60), (1, 1, 64)])], 1)[0]
    >>> int(moved.pitch[1] - moved.pitch[0]), 1 <= abs(int(moved.pitch[0]) - 60) <= 6
    (4, True)
    """
    rng, moved = _rng(seed, "transposed"), []
    for melody in _draw(_with_notes(melodies, "transpositions"), n, rng):
        low = max(-farthest, -int(melody.pitch.min()))
        high = min(farthest, 127 - int(melody.pitch.max()))
        ways = [by for by in range(low, high + 1) if by] or [0]
        moved.append(transpose(melody, int(rng.choice(ways))))
    return moved


def shuffled(melodies: Sequence[Notes], n: int, seed: int = 0) -> list[Notes]:
    """Real melodies with their notes, each with its length and its rest, in another order.

    Durations and pitch classes stay exactly as they were, so DD and NPD cannot see that
    this is no music any more.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1, 0.5, 64), (1.5, 2, 67)])
    >>> sorted(shuffled([tune], 1)[0].pitch.tolist())
    [60, 64, 67]
    """
    rng, found = _rng(seed, "shuffled"), []
    for melody in _draw(_with_notes(melodies, "a shuffle"), n, rng):
        rest = np.append(np.maximum(melody.onset[1:] - melody.offset[:-1], 0), 0)
        order = rng.permutation(len(melody))
        moved = melody.pitch[order], melody.duration[order], rest[order]
        found.append(_line(*moved, melody.onset[0], melody.velocity[order]))
    return found


def _line(pitch, duration, rest=0.0, start=0.0, velocity=None):
    """A melody of these notes, one after the other."""
    taken = duration + rest
    return Notes(start + np.cumsum(taken) - taken, duration, pitch, velocity)


def _sampled(melodies, n, rng, pitches, durations):
    """n melodies as long (in notes) as those given; two functions draw their notes."""
    return [_line(pitches(len(m)), durations(len(m))) for m in _draw(melodies, n, rng)]


def noise(
    melodies: Sequence[Notes], n: int, seed: int = 0, step: float = STEP, longest: int = 16
) -> list[Notes]:
    """Any pitch between the lowest and the highest, any length up to `longest`.

    All are equally likely.

    Parameters
    ----------
    melodies : sequence of Notes
        Give their range, and their lengths in notes.
    step : float
        In beats.
    longest : int
        In steps.

    Examples
    --------
    >>> len(noise([Notes.of([(0, 1, 60), (1, 1, 64)])], 1)[0])
    2
    """
    melodies, rng = _with_notes(melodies, "noise"), _rng(seed, "noise")
    pitch = melody_columns(melodies)[0]
    low, high = pitch.min(), pitch.max()

    def pitches(k):
        return rng.integers(low, high + 1, k)

    def durations(k):
        return step * rng.integers(1, longest + 1, k)

    return _sampled(melodies, n, rng, pitches, durations)


def half_and_half(
    a: Sequence[Notes], b: Sequence[Notes], n: int, seed: int = 0
) -> list[Notes]:
    """A 50/50 mixture: half pure A and half pure B, in random order.

    No melody in it is fused, and its Ratio is as good as Ratio gets.

    Parameters
    ----------
    a, b : sequence of Notes
    n : int
        How many to give; of an odd number the larger half is A's.
    seed : int

    Examples
    --------
    >>> jazz, folk = Notes.of([(0, 1, 60)]), Notes.of([(0, 1, 67)])
    >>> sorted(int(m.pitch[0]) for m in half_and_half([jazz], [folk], 3))
    [60, 60, 67]
    """
    rng = _rng(seed, "half_and_half")
    mixed = _draw(_with_notes(a, "a mixture"), n - n // 2, rng)
    mixed += _draw(_with_notes(b, "a mixture"), n // 2, rng)
    return [mixed[i] for i in rng.permutation(n)]


def splice(
    a: Sequence[Notes],
    b: Sequence[Notes],
    n: int,
    seed: int = 0,
    bar: float = 4.0,
    cuts: int = 1,
    sources: bool = False,
) -> list[Notes] | tuple:
    """Melodies that change domain at bar lines.

    Bars of an A melody come first, then the bars that follow of a B melody, or the other
    way round.

    Parameters
    ----------
    a, b : sequence of Notes
    n : int
        How many to give; half of them, give or take one, start with A.
    seed : int
    bar : float
        Where cuts may fall, in beats: 4 is a bar of common time, 1 any beat.
    cuts : int
        Changes of domain in each melody, at different bar lines. A pair too short for so
        many has as many as fit.
    sources : bool
        Whether to tell the melodies of `a` and of `b` that each was made of.

    Returns
    -------
    list of Notes, length n
        Each as many bars long as the shorter of its two sources. Notes that sound across a
        cut end there.
    places : ndarray of int, shape (n, 2)
        Only with `sources`.

    Raises
    ------
    NoNotesError
        If one of the domains has no melody of two bars.

    Examples
    --------
    >>> jazz, folk = (Notes.of([(k, 1, pitch) for k in range(8)]) for pitch in (60, 67))
    >>> sorted(set(splice([jazz], [folk], 1)[0].pitch.tolist()))
    [60, 67]
    """
    if cuts < 1 or bar <= 0:
        raise ValueError(
            f"{cuts} cuts at bars of {bar} beats: "
            "at least one cut and a positive bar are needed"
        )
    rng = _rng(seed, "splice")
    long = [_of_two_bars(own, bar) for own in (a, b)]
    if not all(long):
        found = f"no melody of two bars of {bar:g} beats in one of the domains"
        raise NoNotesError(found, do="give longer melodies, or a smaller bar")
    # whose bars come first: 0 for A
    first = rng.permutation((np.arange(n) + rng.integers(2)) % 2)
    drawn = [*zip(*(_draw([*own.items()], n, rng) for own in long), first)]
    made = [_spliced((x, y), start, bar, cuts, rng) for (_, x), (_, y), start in drawn]
    places = np.array([(i, j) for (i, _), (j, _), _ in drawn], int).reshape(-1, 2)
    return (made, places) if sources else made


def _of_two_bars(melodies, bar):
    """Those of two bars or more by their places, moved by whole bars so that the first note
    is in bar 0.
    """
    _with_notes(melodies, "splices")
    moved = {i: m for i, m in enumerate(melodies) if len(m)}
    moved = {i: shift(m, -bar * np.floor(m.onset[0] / bar)) for i, m in moved.items()}
    return {i: m for i, m in moved.items() if _bars(m, bar) >= 2}


def _bars(melody, bar):
    """How many bars it takes, the last one perhaps in part."""
    return int(np.ceil(melody.end / bar - 1e-9))


def _spliced(pair, start, bar, cuts, rng):
    bars = min(_bars(m, bar) for m in pair)
    inner = np.sort(rng.choice(np.arange(1, bars), min(cuts, bars - 1), replace=False))
    edges = bar * np.concatenate([[0], inner, [bars]])
    parts = []
    for k, (low, high) in enumerate(pairwise(edges)):
        source = pair[(start + k) % 2]
        part = source[(source.onset >= low) & (source.onset < high)]
        duration = np.minimum(part.duration, high - part.onset)
        parts.append(Notes(part.onset, duration, part.pitch, part.velocity))
    return merge(*parts)


def random_mixing(
    a: Sequence[Notes], b: Sequence[Notes], n: int, seed: int = 0, step: float = STEP
) -> list[Notes]:
    """RM: pitches and durations that occur in A or B, each as likely as any other.

    Parameters
    ----------
    a, b : sequence of Notes
    n : int
        How many to give. Each has as many notes as one of the given melodies.
    seed : int
    step : float
        In beats: durations are rounded to multiples of it, one at least, so that "occur"
        means something for played music.

    References
    ----------
    FusionGAN, section IV, item 1: it "randomly selects" from the distributions of the
    combination of both, where MC (item 2) samples "subject to these distributions". Its
    durations come out "very different" from both domains. So the draw is uniform over what
    occurs.

    Examples
    --------
    >>> often, once = Notes.of([(k, 1, 60) for k in range(99)]), Notes.of([(0, 2, 67)])
    >>> 30 < sum(int((m.pitch == 67).sum()) for m in random_mixing([often], [once], 2)) < 70
    True
    """
    melodies, pitch, duration = _pooled(a, b, step, "random_mixing")
    rng = _rng(seed, "random_mixing")
    return _chosen(melodies, n, rng, np.unique(pitch), np.unique(duration))


def monte_carlo(
    a: Sequence[Notes], b: Sequence[Notes], n: int, seed: int = 0, step: float = STEP
) -> list[Notes]:
    """MC: pitches and durations of A and B together, each as likely as it is frequent.

    They are drawn one by one and apart from each other.

    Parameters as in `random_mixing`. All notes of both domains go into one pot, so the
    domain with more notes weighs more.

    References
    ----------
    FusionGAN, section IV, item 2.

    Examples
    --------
    >>> often, once = Notes.of([(k, 1, 60) for k in range(99)]), Notes.of([(0, 2, 67)])
    >>> sum(int((m.pitch == 67).sum()) for m in monte_carlo([often], [once], 2)) < 8
    True
    """
    melodies, pitch, duration = _pooled(a, b, step, "monte_carlo")
    return _chosen(melodies, n, _rng(seed, "monte_carlo"), pitch, duration)


def _pooled(a, b, step, what):
    """The melodies of both, and pitch and rounded duration of all their notes."""
    melodies = _with_notes(a, what) + _with_notes(b, what)
    pitch, duration, _ = melody_columns(melodies)
    return melodies, pitch, step * np.maximum(np.floor(duration / step + 0.5), 1)


def _chosen(melodies, n, rng, pitch, duration):
    """n melodies as long as those given, of these pitches and these durations."""
    return _sampled(
        melodies, n, rng, lambda k: rng.choice(pitch, k), lambda k: rng.choice(duration, k)
    )


def _of_a_mixture(make):
    """A baseline of one list as one of two domains: it draws from a 50/50 mixture."""
    return lambda a, b, n, seed=0: make(half_and_half(a, b, max(n, 2), seed), n, seed)


# under the names of run records, and all with one signature: (a, b, n, seed=0)
BASELINES = {
    "copy": _of_a_mixture(copies),
    "transpose": _of_a_mixture(transposed),
    "shuffle": _of_a_mixture(shuffled),
    "noise": _of_a_mixture(noise),
    "half_and_half": half_and_half,
    "splice": splice,
    "rm": random_mixing,
    "mc": monte_carlo,
}


# --- on grids: rows of tokens, each a melody or half a one; `fusiontools.music.grid` ---


def to_key(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Right halves moved by the fewest semitones that bring their tonics to those of the
    left halves, and fit: (N, T) twice -> (N, T).

    Examples
    --------
    >>> c, d = (np.array([[p, 1, p + 4, 1, p + 7, 1, p, 1]]) for p in (60, 62))
    >>> to_key(c, d).tolist() == c.tolist()
    True
    """
    sounds = right > HOLD
    high = np.where(sounds, right, LOW).max(axis=1).astype(int)
    low = np.where(sounds, right, HIGH).min(axis=1).astype(int)
    # 24 keys, twelve of a mode: tonics agree modulo 12
    step = (_key(left) - _key(right) + 6) % 12 - 6
    # the other way round, or not at all
    for other in (step - 12 * np.sign(step), np.zeros_like(step)):
        step = np.where((high + step <= HIGH) & (low + step >= LOW), step, other)
    return np.where(sounds, right + step[:, None], right).astype(np.uint8)


def _key(half):
    lengths = markov.pitch_class_lengths(half, markov.note_lengths(half))
    return markov.key_scores(lengths).argmax(axis=-1)


def shuffled_grid(half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row's notes and rests in random order, each as long as it was: (N, T) -> (N, T).
    Holds that it begins with lengthen what they come to follow.

    Examples
    --------
    >>> row = shuffled_grid(np.array([[60, 1, 0, 62]]), np.random.default_rng(0))[0]
    >>> sorted(row.tolist())
    [0, 1, 60, 62]
    """
    rows = []
    for row in half:
        rests = (row == REST) & (np.roll(row, 1) != REST)
        parts = np.split(row, np.flatnonzero((row > HOLD) | rests))
        parts = [part for part in parts if len(part)]
        rows.append(np.concatenate([parts[i] for i in rng.permutation(len(parts))]))
    return np.stack(rows)


def bars_in_turn(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Interleaved bars, of left and of right halves: (N, T) twice -> (N, 2 T).

    Examples
    --------
    >>> left, right = np.full((1, 2 * BAR), 60), np.full((1, 2 * BAR), 72)
    >>> bars_in_turn(left, right)[0, ::BAR].tolist()
    [60, 72, 60, 72]
    """
    bars = [half.reshape(len(half), -1, BAR) for half in (left, right)]
    return np.stack(bars, axis=2).reshape(len(left), -1)

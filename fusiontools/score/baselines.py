"""Melodies that cost nothing: what every table shows beside the models. No model, no
training, only draws.

Two of them are the paper's own (section IV): `random_mixing` RM and `monte_carlo` MC. The
others are ours, and each has one thing that a good score should not need: `copies` has real
music and nothing new, `transposed` the same in other keys, `shuffled` the right notes in no
order, `noise` neither; `half_and_half` has both genres and no melody between them; `splice`
has both in one melody, one after the other.

All take and give lists of `Notes` in beats, and draw from a seed. Where more are asked for
than there are, melodies repeat.
"""

from itertools import pairwise

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.music.notes import Notes, merge, shift, transpose
from fusiontools.score.distributions import STEP, melody_columns

__all__ = [
    "BASELINES",
    "copies",
    "half_and_half",
    "monte_carlo",
    "noise",
    "random_mixing",
    "shuffled",
    "splice",
    "transposed",
]


def _rng(seed, what):
    """Another stream for each baseline, so that one seed for all of them ties nothing
    together.
    """
    return np.random.default_rng([seed, *what.encode()])


def _with_notes(melodies, what):
    melodies = [m for m in melodies if len(m)]
    if not melodies:
        raise NoNotesError(
            f"no melody to make {what} from", do="give at least one melody with notes in it"
        )
    return melodies


def _draw(melodies, n, rng):
    """n of them: each at most once while they last, then all over again."""
    rounds = -(-n // len(melodies))
    chosen = (
        np.concatenate([rng.permutation(len(melodies)) for _ in range(rounds)])[:n]
        if n
        else []
    )
    return [melodies[i] for i in chosen]


def copies(melodies, n, seed=0):
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


def transposed(melodies, n, seed=0, farthest=6):
    """Real melodies, each moved by 1 to `farthest` semitones up or down: copies that a
    comparison of pitches does not see.

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
        low, high = (
            max(-farthest, -int(melody.pitch.min())),
            min(farthest, 127 - int(melody.pitch.max())),
        )
        ways = [by for by in range(low, high + 1) if by] or [0]
        moved.append(transpose(melody, int(rng.choice(ways))))
    return moved


def shuffled(melodies, n, seed=0):
    """Real melodies with their notes in another order; each note keeps its length and the
    rest after it.

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
        found.append(
            _line(
                melody.pitch[order],
                melody.duration[order],
                rest[order],
                melody.onset[0],
                melody.velocity[order],
            )
        )
    return found


def _line(pitch, duration, rest=0.0, start=0.0, velocity=None):
    """A melody of these notes, one after the other."""
    taken = duration + rest
    return Notes(start + np.cumsum(taken) - taken, duration, pitch, velocity)


def _sampled(melodies, n, rng, pitches, durations):
    """n melodies as long (in notes) as those given, their notes drawn one by one by two
    functions of how many.
    """
    return [_line(pitches(len(m)), durations(len(m))) for m in _draw(melodies, n, rng)]


def noise(melodies, n, seed=0, step=STEP, longest=16):
    """Any pitch from the lowest to the highest of these melodies, any length from one step
    to `longest`, all equally likely.

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
    return _sampled(
        melodies,
        n,
        rng,
        lambda k: rng.integers(low, high + 1, k),
        lambda k: step * rng.integers(1, longest + 1, k),
    )


def half_and_half(a, b, n, seed=0):
    """A bag of half pure A and half pure B, in random order: no melody in it is fused, and
    its Ratio is as good as Ratio gets.

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
    bag = _draw(_with_notes(a, "a bag"), n - n // 2, rng) + _draw(
        _with_notes(b, "a bag"), n // 2, rng
    )
    return [bag[i] for i in rng.permutation(n)]


def splice(a, b, n, seed=0, bar=4.0, cuts=1):
    """Melodies that change domain at bar lines: bars of an A melody, then the bars that
    follow of a B melody, or the other way round.

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

    Returns
    -------
    list of Notes, length n
        Each as many bars long as the shorter of its two sources. Notes that sound across a
        cut end there.

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
            f"{cuts} cuts at bars of {bar} beats: at least one cut and a positive bar are needed"
        )
    rng = _rng(seed, "splice")
    long_a, long_b = (
        [
            m
            for m in _from_first_bar(_with_notes(side, "splices"), bar)
            if _bars(m, bar) >= 2
        ]
        for side in (a, b)
    )
    if not long_a or not long_b:
        raise NoNotesError(
            f"no melody of two bars of {bar:g} beats in one of the domains",
            do="give longer melodies, or a smaller bar",
        )
    first = rng.permutation(
        (np.arange(n) + rng.integers(2)) % 2
    )  # whose bars come first: 0 for A
    pairs = zip(_draw(long_a, n, rng), _draw(long_b, n, rng), first)
    return [_spliced(pair, start, bar, cuts, rng) for *pair, start in pairs]


def _from_first_bar(melodies, bar):
    """The same, each moved by whole bars so that its first note falls into bar 0."""
    return [shift(m, -bar * np.floor(m.onset[0] / bar)) for m in melodies]


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
        inside = source[(source.onset >= low) & (source.onset < high)]
        parts.append(
            Notes(
                inside.onset,
                np.minimum(inside.duration, high - inside.onset),
                inside.pitch,
                inside.velocity,
            )
        )
    return merge(*parts)


def random_mixing(a, b, n, seed=0, step=STEP):
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
    melodies, rng, pitch, duration = _pooled(a, b, step, "random_mixing", seed)
    pitch, duration = np.unique(pitch), np.unique(duration)
    return _sampled(
        melodies, n, rng, lambda k: rng.choice(pitch, k), lambda k: rng.choice(duration, k)
    )


def monte_carlo(a, b, n, seed=0, step=STEP):
    """MC: pitches and durations of A and B together, each as likely as it is frequent
    there, drawn one by one and apart from each other.

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
    melodies, rng, pitch, duration = _pooled(a, b, step, "monte_carlo", seed)
    return _sampled(
        melodies, n, rng, lambda k: rng.choice(pitch, k), lambda k: rng.choice(duration, k)
    )


def _pooled(a, b, step, what, seed):
    melodies = _with_notes(a, what) + _with_notes(b, what)
    pitch, duration, _ = melody_columns(melodies)
    return (
        melodies,
        _rng(seed, what),
        pitch,
        step * np.maximum(np.floor(duration / step + 0.5), 1),
    )


def _of_a_bag(make):
    """A baseline of one list of melodies as one of two domains: it draws from a
    half-and-half bag.
    """
    return lambda a, b, n, seed=0: make(half_and_half(a, b, max(n, 2), seed), n, seed)


# under the names of run records, and all with one signature, (a, b, n, seed=0), for tables
# that go over them
BASELINES = {
    "copy": _of_a_bag(copies),
    "transpose": _of_a_bag(transposed),
    "shuffle": _of_a_bag(shuffled),
    "noise": _of_a_bag(noise),
    "half_and_half": half_and_half,
    "splice": splice,
    "rm": random_mixing,
    "mc": monte_carlo,
}

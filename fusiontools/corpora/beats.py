"""From annotated beats, as people tap them, to a score's clock.

Beats are never found here, only counted.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fusiontools.errors import MusicFileError
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, Tempo, to_beats

__all__ = ["clock", "lay"]


def clock(
    seconds: Sequence[float],
    numbers: Sequence[int],
    signatures: Sequence[str],
    first_onset: float,
) -> tuple[Tempo, tuple[Meter, ...]]:
    """Lay bars and beats over a recording.

    Parameters
    ----------
    seconds : sequence of float, shape (K,)
        When each beat was tapped; increasing.
    numbers : sequence of int, shape (K,)
        Which beat of its bar it is, from 1 on.
    signatures : sequence of str, shape (K,)
        The meter that it stands in, as in "4/4"; what is no meter goes on with the one
        before, or with 4/4.
    first_onset : float
        When the first note sounds. If that is before the first beat, the clock starts some
        bars earlier.

    Returns
    -------
    tempo : Tempo
        Beats are quarter notes, and 0 is a bar line: that of the first annotated bar.
    meters : tuple of Meter

    Raises
    ------
    MusicFileError
        If there are fewer than two beats, one has no time, or time stands still between
        them.

    Examples
    --------
    >>> tempo, meters = clock([1.0, 1.5, 2.0], [4, 1, 2], ["4/4"] * 3, 1.0)
    >>> tempo.beat.tolist(), str(meters[0])
    ([3.0, 4.0, 5.0], '4/4')
    """
    if len(seconds) < 2:
        raise MusicFileError(f"{len(seconds)} annotated beats, and a clock needs two")
    tapped = np.asarray(seconds, dtype=float)
    if not np.isfinite(tapped).all():
        raise MusicFileError("an annotated beat at no time")
    shapes = _shapes(signatures)
    length = np.array([4.0 / low for _, low in shapes])  # of each beat, in quarter notes
    start = (max(int(numbers[0]), 1) - 1) * length[0]
    beat = np.concatenate([[0.0], np.cumsum(length[:-1])]) + start
    tempo = Tempo(beat, tapped)
    bar = shapes[0][0] * length[0]
    early = -min(float(tempo.beats_at(first_onset)), 0.0)
    lead = bar * np.ceil(early / bar - 1e-9)  # whole bars, so that bar lines stay bar lines
    changes = [i for i in range(1, len(shapes)) if shapes[i] != shapes[i - 1]]
    meters = [Meter(0.0, *shapes[0])]
    meters += [Meter(float(beat[i] + lead), *shapes[i]) for i in changes]
    return Tempo(beat + lead, tempo.second), tuple(meters)


def lay(notes: Notes, tempo: Tempo) -> Notes:
    """Notes in seconds on such a clock, in beats.

    It is `to_beats`, but what sounds on beat 0 never falls a rounding error before it.
    """
    notes = to_beats(notes, tempo)
    return replace(notes, onset=np.maximum(notes.onset, 0.0))


def _shapes(signatures):
    shapes, shape, before = [], (4, 4), None
    for signature in signatures:
        if signature != before:
            found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", signature or "")
            if found and int(found[1]) and int(found[2]):
                shape = (int(found[1]), int(found[2]))
            before = signature
        shapes.append(shape)
    return shapes

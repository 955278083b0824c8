"""What each view of music loses, measured.

A piece is written into a view, read back, and compared with itself.

A view is one of the five ways in which the papers show music to a network: tokens, a grid,
a piano roll, an image, a spectrogram. The first four are symbolic: notes go in and notes
come out, and `lost` counts what is missing. The fifth is made of sound, and `lost_sound`
counts there. Each has its variants, because the papers leave choices open.

This measures the views, not the models, and not whether a listener would mind. Used in
chapter 2, Five views.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from fusiontools.music.extract import match_notes
from fusiontools.music.grid import decode_grid, encode_grid
from fusiontools.music.image import SHAPE, TICK, decode_image, image_windows
from fusiontools.music.notes import Notes, _need, concatenate
from fusiontools.music.roll import (
    decode_many_hot,
    decode_roll,
    encode_many_hot,
    encode_roll,
)
from fusiontools.music.spectrogram import (
    HOP,
    N_FFT,
    decode_spectrogram,
    encode_spectrogram,
    stft,
)
from fusiontools.music.tokens import PUBLIC, Vocabulary, decode_tokens, encode_tokens

__all__ = ["VIEWS", "lost", "lost_sound", "round_trip"]

TOLERANCE = 0.25  # beats: how far an onset may move and the note still count as the same


def _through_tokens(notes, vocabulary):
    return decode_tokens(encode_tokens(notes, vocabulary, outside="drop"), vocabulary)


def _through_grid(notes):
    return decode_grid(encode_grid(notes, outside="drop"))


def _through_roll(notes):
    return decode_roll(encode_roll(notes, velocity=True), velocity=True)


def _through_many_hot(notes):
    return decode_many_hot(encode_many_hot(notes))


def _through_image(notes, coding):
    steps = int(np.prod(SHAPE))
    pictures = image_windows(notes, stride=steps, coding=coding, outside="drop")
    parts = [decode_image(picture, coding=coding) for picture in pictures]
    return concatenate(parts, steps * TICK)


VIEWS: dict[str, Callable[[Notes], Notes]] = {
    "tokens, notes": partial(_through_tokens, vocabulary=Vocabulary()),
    "tokens, steps": partial(_through_tokens, vocabulary=PUBLIC),
    "grid": _through_grid,
    "roll, two planes": _through_roll,
    "roll, many-hot": _through_many_hot,
    "image, onsets marked": partial(_through_image, coding="onset"),
    "image, pitch alone": partial(_through_image, coding="pitch"),
}


def round_trip(notes: Notes, view: str | Callable[[Notes], Notes]) -> Notes:
    """Notes as a view gives them back.

    Parameters
    ----------
    notes : Notes
        In beats, none before beat 0. Pitches that the view cannot hold are left out, and of
        chords it keeps what it can.
    view : str or callable
        A name in `VIEWS`, with the paper's settings; or a function from notes to notes, for
        settings of your own.

    Returns
    -------
    Notes
        In beats.

    Raises
    ------
    ValueError
        If no view has that name.

    Examples
    --------
    >>> from fusiontools.music.notes import Notes
    >>> round_trip(Notes.of([(0.02, 1, 60), (0, 1, 72)]), "grid")
    Notes(1 notes, C5 to C5, 0 to 1 beats)
    """
    _need(notes, "beats", "round_trip")
    if isinstance(view, str) and view not in VIEWS:
        raise ValueError(f"no view is called {view!r}; there are {', '.join(VIEWS)}")
    return (VIEWS[view] if isinstance(view, str) else view)(notes)


def lost(
    notes: Notes, view: str | Callable[[Notes], Notes], tolerance: float = TOLERANCE
) -> dict[str, float]:
    """What a symbolic view loses of a piece.

    Parameters
    ----------
    notes : Notes
        In beats, none before beat 0, at least one.
    view : str or callable
        As for `round_trip`.
    tolerance : float
        A note counts as kept if the view gives back its pitch with an onset at most so many
        beats away.

    Returns
    -------
    dict of str to float
        ``notes``: how many there were. ``kept``: share of them that came back. ``added``:
        notes that came back and match none, over all that came back. ``onset_error``,
        ``duration_error`` (beats) and ``velocity_error``: mean absolute difference over the
        kept notes. ``voices``, ``voices_kept``: how many notes sound together on average,
        while any does, before and after. ``chord_notes_lost``: of the notes during which
        another one starts or already sounds, the share that did not come back; 0 where
        there are none.

    Raises
    ------
    ValueError
        If there is no note, or no such view.

    Examples
    --------
    >>> from fusiontools.music.notes import Notes
    >>> chord = Notes.of([(0, 1, 60, 100), (0, 1, 67, 100)])
    >>> report = lost(chord, "grid")
    >>> report["kept"], report["voices"], report["voices_kept"], report["velocity_error"]
    (0.5, 2.0, 1.0, 20.0)
    >>> lost(chord, "roll, two planes")["kept"]
    1.0
    """
    if not len(notes):
        raise ValueError("there is no note to lose")
    back = round_trip(notes, view)
    pairs = match_notes(back, notes, tolerance + 1e-9)
    b, a = back[pairs[:, 0]], notes[pairs[:, 1]]
    gone = np.ones(len(notes), bool)
    gone[pairs[:, 1]] = False
    together = _in_company(notes)
    return {
        "notes": len(notes),
        "kept": len(pairs) / len(notes),
        "added": 1 - len(pairs) / len(back) if len(back) else 0.0,
        "onset_error": _mean(np.abs(a.onset - b.onset)),
        "duration_error": _mean(np.abs(a.duration - b.duration)),
        "velocity_error": _mean(np.abs(a.velocity.astype(int) - b.velocity)),
        "voices": _voices(notes),
        "voices_kept": _voices(back),
        "chord_notes_lost": _mean(gone[together]),
    }


def _mean(values):
    return float(np.mean(values)) if len(values) else 0.0


def _voices(notes):
    """Notes sounding at once, averaged over the time in which any sounds."""
    if not len(notes):
        return 0.0
    reached = np.maximum.accumulate(notes.offset)  # how far the sound has got by each onset
    silent = np.maximum(notes.onset[1:] - reached[:-1], 0).sum()
    return float(notes.duration.sum() / (notes.end - notes.onset[0] - silent))


def _in_company(notes):
    """Which notes overlap another one, shape (N,); touching ends do not count."""
    slack = 1e-6
    reached = np.append(-np.inf, np.maximum.accumulate(notes.offset)[:-1])
    following = np.append(notes.onset[1:], np.inf)
    return (reached > notes.onset + slack) | (following < notes.offset - slack)


def lost_sound(
    samples: npt.ArrayLike, n_fft: int = N_FFT, hop: int = HOP, iterations: int = 32
) -> dict[str, float]:
    """What the spectrogram view loses of a sound, with its phase and without.

    Parameters
    ----------
    samples : array_like of float, shape (L,)
        Mono sound.
    n_fft, hop : int
        Window length and step, in samples.
    iterations : int
        Rounds of Griffin and Lim's search where there is no phase.

    Returns
    -------
    dict of str to float
        ``with_phase``, ``without_phase``: size of the difference between the samples and
        what came back, over the size of the samples (0 is exact, 1 is as bad as silence).
        ``picture_without_phase``: the same between the magnitudes of both, which is nearer
        to what is heard: a shifted phase is another signal and sounds alike.

    Raises
    ------
    ValueError
        If the sound is silent, empty or not mono.

    Examples
    --------
    >>> report = lost_sound(np.sin(0.1 * np.arange(8000)))
    >>> report["with_phase"] < 1e-9
    True
    >>> report["picture_without_phase"] < 0.1 < report["without_phase"]
    True
    """
    samples = np.asarray(samples)
    log_magnitude, phase = encode_spectrogram(samples, n_fft, hop)
    size = np.linalg.norm(samples)
    if not size:
        raise ValueError("silence has nothing to lose")
    exact = decode_spectrogram(log_magnitude, phase, hop, len(samples))
    guess = decode_spectrogram(log_magnitude, None, hop, len(samples), iterations)
    magnitude = np.expm1(log_magnitude)
    off = np.abs(stft(guess, n_fft, hop)) - magnitude
    return {
        "with_phase": float(np.linalg.norm(exact - samples) / size),
        "without_phase": float(np.linalg.norm(guess - samples) / size),
        "picture_without_phase": float(np.linalg.norm(off) / np.linalg.norm(magnitude)),
    }

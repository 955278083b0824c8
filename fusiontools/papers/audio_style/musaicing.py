"""Musaicing: the content, put together again out of frames of the style, as one would do it
without a network (Driedger, Prätzlich and Müller, "Let it Bee", ISMIR 2015). Chapter 7,
Audio style transfer.

Non-negative matrix factorisation finds V ~ W H: V the content's magnitudes, (K, T), W the
style's, (K, N), which stay as they are, H, (N, T), which frame of the style sounds when and
how loud. Left alone, H mixes many frames into a blur; so in each round it is made sparse,
and made to go along the style's own time. What sounds in the end are the style's own frames
with their phases: no noise, whatever else may be wrong.
"""

import numpy as np
from scipy.ndimage import maximum_filter1d

from fusiontools.music.spectrogram import HOP, N_FFT, griffin_lim, stft

__all__ = ["activations", "musaic"]

REPEAT = 3  # a frame does not sound again within so many frames
VOICES = 10  # frames of the style that sound at once
RUN = 3  # so many frames before and after go on with the style's own time
SMALL = np.finfo(np.float32).tiny


def activations(
    v: np.ndarray,
    w: np.ndarray,
    rounds: int = 20,
    repeat: int = REPEAT,
    voices: int = VOICES,
    run: int = RUN,
    seed: int = 0,
) -> np.ndarray:
    """H, (N, T), with V ~ W H by Kullback and Leibler's divergence, sparse and diagonal.

    Parameters
    ----------
    v : ndarray, shape (K, T)
        Magnitudes of the content.
    w : ndarray, shape (K, N)
        Magnitudes of the style; each column counts as if it had the sum 1.
    rounds : int
    repeat, voices, run : int
        0 leaves that constraint out.
    seed : int

    Examples
    --------
    >>> w = np.eye(4)
    >>> activations(w[:, [2, 0]], w, repeat=0, voices=1, run=0).argmax(0).tolist()
    [2, 0]
    """
    w = w / np.maximum(w.sum(0), SMALL)
    start = np.random.default_rng(seed).uniform(0.5, 1, (w.shape[1], v.shape[1]))
    h = start.astype(w.dtype)
    for i in range(rounds):
        weight = 1 - (i + 1) / rounds  # what a constraint leaves of what it forbids
        if repeat:
            # a frame sounds where it is loudest among its neighbours in time
            h = np.where(h >= maximum_filter1d(h, 2 * repeat + 1, axis=1), h, weight * h)
        if voices and voices < len(h):
            loudest = np.partition(h, -voices, axis=0)[-voices]
            h = np.where(h >= loudest, h, weight * h)
        if run:
            h = _diagonal(h, run)
        # H <- H * (W' (V / W H)) / (W' 1), columns of W having the sum 1
        h = h * (w.T @ (v / np.maximum(w @ h, SMALL)))
    return h


def _diagonal(h, run):
    """Sums along diagonals: frame n now speaks for frame n + 1 a frame later."""
    wide = np.pad(h, run)
    n, t = h.shape
    return sum(
        wide[run + i : run + i + n, run + i : run + i + t] for i in range(-run, run + 1)
    )


def musaic(
    content: np.ndarray,
    style: np.ndarray,
    n_fft: int = N_FFT,
    hop: int = HOP,
    rounds: int = 20,
    polish: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Sound that has the content's course and consists of the style.

    Parameters
    ----------
    content, style : ndarray, shape (L,), (M,)
        Mono sound.
    n_fft, hop : int
        Window and step in samples, see `fusiontools.music.spectrogram.stft`.
    rounds : int
        Of the factorisation.
    polish : int
        Rounds of Griffin and Lim, from the style's phases, so that frames fit together.
    seed : int

    Returns
    -------
    ndarray of float32, shape (L,)

    Examples
    --------
    >>> tone = np.sin(0.1 * np.arange(9000)).astype(np.float32)
    >>> musaic(tone, tone[:6000], n_fft=512, hop=128).shape
    (9000,)
    """
    v = np.abs(stft(np.asarray(content, np.float32), n_fft, hop))
    w = stft(np.asarray(style, np.float32), n_fft, hop)
    h = activations(v, np.abs(w), rounds, seed=seed)
    # Y = W H with the style's complex frames in W
    y = (w / np.maximum(np.abs(w).sum(0), SMALL)) @ h
    return griffin_lim(np.abs(y), hop, len(content), polish, phase=np.angle(y))

"""Restyle sound of any length and rate, piece by piece, in stereo. Chapter 7, Audio style
transfer, and chapter 8.

Three things stand between a transfer of ten seconds and a recording. Length: pieces of ten
seconds overlap and are faded into each other, so that memory is bounded. Channels: a
transfer works on one spectrogram, the root mean square over channels, which nothing can
cancel; each channel then gets its own share and phase back. Level: a loss depends on it, so
content and style are made equally loud, and what comes out is as loud as the content was.

From magnitudes back to sound there are three ways (`PHASES`): the content's phase, as in
the paper; Griffin and Lim's search; and that search begun from the content's phase.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d

from fusiontools.errors import FusionError
from fusiontools.music.spectrogram import HOP, N_FFT, SAMPLE_RATE, griffin_lim, istft, stft
from fusiontools.papers.audio_style.config import MODELS, PHASES, Config
from fusiontools.papers.audio_style.data import LEVEL, QUIET, SECONDS
from fusiontools.papers.audio_style.musaicing import musaic
from fusiontools.papers.audio_style.optimise import transfer

__all__ = ["blend", "model_config", "mono", "pieces", "restyle", "sizes"]
__all__ += ["to_sound"]

FADE = 1.0  # seconds that two pieces have in common
ROUNDS = 32  # of Griffin and Lim
AROUND, LOUDER = 43, 4.0  # frames, a second; the most that a moment is amplified


def sizes(rate: int) -> tuple[int, int]:
    """Window and step for a sample rate, in samples: as long in time as the paper's.

    >>> sizes(22050), sizes(44100)
    ((2048, 512), (4096, 1024))
    """
    hop = max(1, round(HOP * rate / SAMPLE_RATE))
    return N_FFT // HOP * hop, hop


def model_config(model: str = "cnn", strength: float = 0.9, **changes: Any) -> Config:
    """The `Config` of one of `MODELS` for sound of your own: our settings, not the paper's;
    recurrent networks along time.

    >>> model_config("rnn", 0.5).strength
    0.5
    """
    if model not in MODELS:
        raise FusionError(
            f"no model {model!r}", "model", f"choose one of {', '.join(MODELS)}"
        )
    known = model if model != "musaic" else "cnn"
    channels = None if known == "cnn" else Config.channels
    return replace(Config(model=known, strength=strength, channels=channels), **changes)


def blend(x: Any, made: Any, strength: Any) -> Any:
    """Between the content's log magnitudes, 0, and what a model made of them, 1."""
    # X = (1 - s) C + s G(C)
    return (1 - strength) * x + strength * made


def to_sound(
    log_magnitude: np.ndarray,
    phase: np.ndarray,
    way: str = "refined",
    hop: int = HOP,
    length: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Sound of log magnitudes, (K, T), by one of `PHASES`; `phase` is the content's.

    Returns
    -------
    ndarray of float32, shape (length,)
    """
    magnitude = np.expm1(np.maximum(log_magnitude, 0))
    if way == "content":
        made = istft(magnitude * np.exp(1j * phase), hop=hop, length=length)
    else:
        start = phase if way == "refined" else None
        made = griffin_lim(magnitude, hop, length, ROUNDS, seed, start)
    return made.astype(np.float32)


def restyle(
    content: np.ndarray,
    style: np.ndarray,
    rate: int = SAMPLE_RATE,
    model: str = "cnn",
    strength: float = 0.9,
    phase: str = "refined",
    seed: int = 0,
    networks: Any = None,
    steps: int | None = None,
) -> np.ndarray:
    """One piece of sound in the style of another; for long ones see `pieces`.

    Parameters
    ----------
    content : ndarray of float, shape (channels, L) or (L,)
    style : ndarray of float, shape (channels, M) or (M,)
        Of the same rate. It is repeated or cut to the content's length.
    rate : int
        Samples a second.
    model : str
        One of `MODELS`.
    strength : float
        0 is the content; 1 has no content term. Of musaicing and the CycleGAN, how much of
        what they make is mixed with the content.
    phase : str
        One of `PHASES`; musaicing brings the style's own.
    seed : int
    networks : CycleGAN, optional
        What a CycleGAN needs: see `cyclegan.load_generators`.
    steps : int, optional
        Of a descent.

    Returns
    -------
    ndarray of float32, shape as the content
        As loud as the content.

    Raises
    ------
    FusionError
        If content or style are silent, or shorter than one window.

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> made = restyle(np.sin(2765 * t), np.sin(4147 * t), strength=0.5, steps=3)
    >>> made.shape, made.dtype
    ((22050,), dtype('float32'))
    """
    if phase not in PHASES:
        raise FusionError(
            f"no phase {phase!r}", "phase", f"choose one of {', '.join(PHASES)}"
        )
    x = np.atleast_2d(np.asarray(content, np.float32))
    s = mono(np.atleast_2d(np.asarray(style, np.float32)))
    n_fft, hop = sizes(rate)
    s = np.resize(s, x.shape[1]) if len(s) >= n_fft else s
    gains = [_gain(sound, name, n_fft) for sound, name in ((x, "content"), (s, "style"))]
    if model == "cyclegan" and networks is None:
        raise FusionError("a CycleGAN needs its networks", "networks", "load_generators()")
    x, s = x * gains[0], s * gains[1]
    config = model_config(model, strength, **({} if steps is None else {"steps": steps}))
    # a cut is a click, which a transfer would spread: sound goes on, mirrored, at both ends
    reach = min(n_fft, x.shape[1] - 1)
    wide = np.pad(x, ((0, 0), (reach, reach)), "reflect", reflect_type="odd")
    s = np.pad(s, reach, "reflect", reflect_type="odd")
    made = _channels(wide, s, config, model, phase, n_fft, hop, seed, networks)
    made = made[:, reach : reach + x.shape[1]]
    level = np.sqrt(np.mean(np.square(made, dtype=np.float64)))
    made = made * (LEVEL / max(level, QUIET) / gains[0])
    return made.reshape(np.shape(content)).astype(np.float32)


def mono(x: np.ndarray) -> np.ndarray:
    """The mean of channels, (channels, L) -> (L,); of two that cancel out, the louder.

    >>> mono(np.array([[0.5, 0.1], [-0.5, -0.1]])).tolist()
    [0.5, 0.1]
    """
    mean, loudest = x.mean(0), x[np.argmax(np.square(x).sum(1))]
    return mean if np.square(mean).sum() > 0.01 * np.square(loudest).sum() else loudest


def _gain(sound, name, n_fft):
    """What makes a sound `LEVEL` loud."""
    if sound.shape[-1] < n_fft:
        seconds = f"{sound.shape[-1]} samples are shorter than one window of {n_fft}"
        raise FusionError(seconds, name, "bring at least a fifth of a second")
    level = np.sqrt(np.mean(np.square(sound, dtype=np.float64)))
    if level < QUIET:
        raise FusionError(
            "nothing sounds in it", name, "choose another part, or another file"
        )
    return np.float32(LEVEL / level)  # or else all that follows is in double precision


def _channels(x, s, config, model, phase, n_fft, hop, seed, networks):
    """All channels of a piece, (channels, L)."""
    length = x.shape[1]
    if model == "musaic":
        made = musaic(mono(x), s, n_fft, hop, seed=seed)
        made = made * (LEVEL / max(np.sqrt(np.mean(made**2)), QUIET))
        share = np.sqrt(np.square(x).mean(1, keepdims=True)) / LEVEL  # of each channel
        return (1 - config.strength) * x + config.strength * share * made
    spectra = np.stack([stft(c, n_fft, hop) for c in x])  # (channels, K, T)
    every = np.abs(spectra)
    scale = np.float32(N_FFT / n_fft)  # a longer window sums more samples
    # R = sqrt(mean_c |C_c|^2): what no opposite phases of two channels can cancel
    own = np.sqrt(np.mean(every**2, axis=0))
    logs = torch.from_numpy(np.log1p(scale * own))
    of_style = torch.from_numpy(np.log1p(scale * np.abs(stft(s, n_fft, hop))))
    if model == "cyclegan":
        from fusiontools.papers.audio_style.cyclegan import convert

        made = convert(networks, logs.numpy())
        made = blend(logs.numpy(), made, config.strength)
    else:
        made = transfer(logs, of_style, config, seed).numpy()
    made = np.minimum(made, max(logs.max().item(), of_style.max().item()))
    magnitude = _as_loud_in_time(np.expm1(made) / scale, own)
    # each channel's share of R, 1 where nothing sounds
    shares = np.divide(every, own, out=np.ones_like(every), where=own > 0)
    given = (phase, hop, length, seed)
    return np.stack(
        [
            to_sound(np.log1p(magnitude * share), np.angle(spectrum), *given)
            for share, spectrum in zip(shares, spectra)
        ]
    )


def _as_loud_in_time(magnitude, content):
    """Magnitudes, (K, T), second by second as loud as the content's: a Gram matrix forgets
    when, and a little more of a logarithm is much more of a sound.
    """
    smooth = [uniform_filter1d(np.square(x).sum(0), AROUND) for x in (content, magnitude)]
    # g_t = sqrt(E_content / E_made), of energies around t
    gain = np.sqrt(smooth[0] / np.maximum(smooth[1], np.finfo(np.float32).tiny))
    return magnitude * np.minimum(gain, LOUDER).astype(magnitude.dtype)


def pieces(
    read: Callable, length: int, style: np.ndarray, rate: int = SAMPLE_RATE, **how: Any
) -> Iterator[np.ndarray]:
    """Restyle a long sound: yields its pieces in order, to be written one after the other.

    Parameters
    ----------
    read : callable
        ``read(start, n)`` gives n samples of the content from sample `start` on, (channels,
        n): only what is asked for has to be in memory.
    length : int
        Samples in all.
    style : ndarray of float, shape (channels, M)
    rate : int
    **how
        As for `restyle`.

    Yields
    ------
    ndarray of float32, shape (channels, n)
        Together of the content's length, and never beyond full scale: from where one would
        be, all are turned down, without a jump. A silent piece stays as it is.
    """
    size, fade = round(SECONDS * rate), round(FADE * rate)
    size = min(size, length)
    fade = min(fade, size // 2)
    start, tail, peak = 0, None, 1.0
    while start < length:
        n = min(size, length - start)
        # a last piece too short to stand alone is made together with the end of this one
        if length - start - n < max(2 * fade, sizes(rate)[0]):
            n = length - start
        x = np.atleast_2d(read(start, n))
        made = x.astype(np.float32)
        if np.sqrt(np.mean(np.square(x, dtype=np.float64))) >= QUIET:
            made = restyle(x, style, rate, **how)
        peak = max(peak, float(np.abs(made).max()))
        made /= peak  # and the fade takes the one level over into the other
        if tail is not None:
            rise = np.linspace(0, 1, tail.shape[1], dtype=np.float32)
            made[:, : tail.shape[1]] = rise * made[:, : tail.shape[1]] + (1 - rise) * tail
        if start + n >= length:
            yield made
            return
        yield made[:, : n - fade]
        tail, start = made[:, n - fade :], start + n - fade

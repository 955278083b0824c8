"""The instruments of the package's own synthesiser, out of numpy alone.

They are a few families of General MIDI, and drums. A note is a sum of decaying sine waves,
as on a string or a bar that is struck and left to ring; an instrument that holds its notes
is the same without the decay. Nothing is recorded. It imitates no particular instrument: it
is made to be in tune, pleasant and quick. What surrounds it and is the same for all engines
(room, loudness, files) is in `fusiontools.show.synth`. Used in every chapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fusiontools.show.synth import Part


__all__ = [
    "DRUMS",
    "FAMILIES",
    "SHORTEST",
    "VOICES",
    "Drum",
    "Voice",
    "play",
    "stroke",
    "tone",
]

SHORTEST = 0.03  # seconds; a note of one tick would be a click
PARTIALS = 64
ROW = 256  # samples that share one row of the matrix product in `tone`
ROWS = 4096  # rows that are made at once: 48 seconds


class Voice(NamedTuple):
    """A family of instruments.

    Times are in seconds, and to 1/e of the level; they hold for middle C where pitch
    matters.
    """

    slope: float  # partial k starts at k ** -slope, at velocity 80
    cutoff: float  # Hz: above it partials fall by 12 dB an octave more, less if struck hard
    ring: float = np.inf  # decay of the first partial; inf is held as long as the note
    damp: float = 0.0  # how much sooner each next partial decays
    attack: float = 0.003  # rise of the first partial
    bloom: float = 0.0  # how much more slowly each next partial rises
    release: float = 0.06  # decay after the note's end
    even: float = 1.0  # level of the even partials: a closed pipe has few
    pluck: float = 0.0  # where on its length a string is struck, to 0.5; 0 weakens nothing
    stiff: float = 0.0  # inharmonicity B of the string
    spread: float = 1.0  # cents between the two strings of a note
    sway: float = 0.0  # depth of the slow tremolo of breath or bow
    chime: tuple = ()  # sines beside the series: (ratio to the fundamental, level, decay)


VOICES = {
    "keys": Voice(1.15, 1500, 1.3, 0.28, release=0.08, pluck=0.13, stiff=2e-4,
                  chime=((7.02, 0.05, 0.09), (1.0, 0.35, 4.0))),
    "pluck": Voice(0.95, 2400, 0.9, 0.22, attack=0.0015, release=0.07, pluck=0.21,
                   stiff=5e-5),
    "mallet": Voice(2.5, 2500, 0.7, 1.0, attack=0.0015, release=0.1, spread=0.5,
                    chime=((3.93, 0.3, 0.25), (9.2, 0.08, 0.05))),
    "organ": Voice(0.9, 1800, attack=0.012, release=0.04, even=1.3, spread=1.5),
    "driven": Voice(0.6, 2400, 6.0, 0.02, release=0.05, spread=2.5),
    "bass": Voice(1.1, 700, 1.1, 0.15, attack=0.004, release=0.05, pluck=0.18, stiff=1e-5),
    "bowed": Voice(1.0, 2200, attack=0.07, release=0.12, spread=3.0, sway=0.06),
    "brass": Voice(0.3, 2000, attack=0.02, bloom=0.25, spread=1.5, sway=0.04),
    "reed": Voice(0.45, 2000, attack=0.025, bloom=0.05, release=0.05, even=0.35, spread=0.7,
                  sway=0.06),
    "pipe": Voice(1.9, 1800, attack=0.04, release=0.07, spread=0.7, sway=0.12),
}  # fmt: skip
_RUNS = (  # General MIDI's 128 programs in order, as runs of one family
    "keys 6, pluck 2, mallet 8, organ 8, pluck 5, driven 2, pluck 1, bass 8, bowed 5, "
    "pluck 2, mallet 1, bowed 8, brass 8, reed 8, pipe 8, reed 8, bowed 16, pluck 5, "
    "reed 3, mallet 8, keys 8"
).split(", ")
FAMILIES = tuple(run.split()[0] for run in _RUNS for _ in range(int(run.split()[1])))


def play(parts: Sequence[Part], n: int, sample_rate: int) -> np.ndarray:
    """Sound parts together.

    Parameters
    ----------
    parts : list of (Notes, int, bool)
        Notes in seconds, their General MIDI program, and whether they are drums.
    n : int
        How many samples to make; what sounds longer is cut off.
    sample_rate : int
        Samples a second.

    Returns
    -------
    numpy.ndarray of float32, shape (n,)
        Dry (without room), at no particular loudness.
    """
    samples = np.zeros(n, np.float32)
    for notes, program, is_drum in parts:
        voice = VOICES[FAMILIES[program]]
        start = np.round(notes.onset * sample_rate).astype(int)
        held = np.round(np.maximum(notes.duration, SHORTEST) * sample_rate).astype(int)
        level = (notes.velocity / 127.0) ** 1.6
        layer = -(-notes.velocity // 16) * 16  # eight degrees of brightness
        if is_drum:
            layer = np.zeros(len(notes), int)
        fall = _release(voice.release, sample_rate)
        for pitch, bright in sorted(set(zip(notes.pitch.tolist(), layer.tolist()))):
            same = np.flatnonzero((notes.pitch == pitch) & (layer == bright))
            # One tone serves all notes of its pitch: only their lengths and levels differ.
            if is_drum:
                whole = stroke(pitch, sample_rate)
            else:
                longest = held[same].max() + len(fall)
                whole = tone(voice, pitch, bright, longest, sample_rate)
            for i in same:
                sound = level[i] * (whole if is_drum else _let_go(whole, held[i], fall))
                into = samples[start[i] : start[i] + len(sound)]
                into += sound[: len(into)]
    return samples


def _release(seconds, sample_rate):
    x = np.linspace(0, 1, int(8 * seconds * sample_rate), dtype=np.float32)
    return np.exp(-8 * x) * (1 - x)  # reaches nothing, exactly


def _let_go(whole, held, fall):
    sound = whole[: held + len(fall)].copy()
    sound[held:] *= fall[: max(len(sound) - held, 0)]
    return sound


def tone(voice: Voice, pitch: int, velocity: int, n: int, sample_rate: int) -> np.ndarray:
    """One note that nobody lets go of.

    Parameters
    ----------
    voice : Voice
        The instrument.
    pitch, velocity : int
        MIDI numbers: 69 is A4, 440 Hz.
    n : int
        Samples wanted.
    sample_rate : int
        Samples a second. No partial lies above 0.45 of it.

    Returns
    -------
    numpy.ndarray of float32, shape (at most n,)
        Shorter where it has decayed by 78 dB before; a single zero where the pitch is too
        high for the sample rate.

    Examples
    --------
    >>> tone(VOICES["organ"], 69, 80, 1000, 22050).shape
    (1000,)
    """
    f, a, rate, late = _partials(voice, pitch, velocity)
    heard = (f < 0.45 * sample_rate) & (a > 5e-4)
    if not heard.any():
        return np.zeros(1, np.float32)
    f, a, rate, late = f[heard], a[heard], rate[heard], late[heard]
    a = a / np.sqrt((a**2 * _ear(f)).sum())
    if rate.min() > 0:
        n = int(min(n, 9 / rate.min() * sample_rate))
    # Phases that grow with the square of the partial's number keep the sum's peaks low.
    k = np.round(f / f[0]) - 1
    phase = 2j * np.pi * 0.31 * k**2
    other = phase + 2j * np.pi * 0.618 * k
    # Two strings, so that a held note lives: f 2^(+-spread / 2400). Their phases differ, or
    # they would sweep like a flanger.
    f = np.concatenate([f * 2 ** (voice.spread / 2400), f * 2 ** (-voice.spread / 2400)])
    a = np.concatenate([0.58 * a * np.exp(phase), 0.42 * a * np.exp(other)])
    rate, late = np.tile(rate, 2), np.tile(late, 2)
    decay = np.concatenate([rate, rate + 1 / (voice.attack * late)])
    # x(t) = sum_k Im a_k (e^{-rate_k t} - e^{-(rate_k + 1 / attack_k) t}) e^{2 pi i f_k t}
    #      = sum_k Im +-a_k e^{z_k t}
    z = (2j * np.pi * np.tile(f, 2) - decay) / sample_rate
    a = np.concatenate([a, -a])
    # e^{z (ROW m + j)} = e^{z ROW m} e^{z j}
    # so the sum over k, for all times, is a product of two small matrices.
    columns = np.exp(np.outer(z, np.arange(ROW))).astype(np.complex64)  # (K, ROW)
    sound = np.empty(n, np.float32)
    for start in range(0, n, ROW * ROWS):
        piece = sound[start : start + ROW * ROWS]
        at = start + ROW * np.arange(-(-len(piece) // ROW))
        rows = (np.exp(np.outer(at, z)) * a).astype(np.complex64)  # (M, K)
        whole = rows.real @ columns.imag + rows.imag @ columns.real
        piece[:] = whole.ravel()[: len(piece)]
    if voice.sway:
        t = np.arange(n, dtype=np.float32) / sample_rate
        sound *= 1 - voice.sway * np.minimum(t / 0.6, 1) * np.sin(2 * np.pi * 5.1 * t)
    return sound


def _partials(voice, pitch, velocity):
    """Frequency (Hz), level, decay (1/s), slowness of rise of each partial, each (K,)."""
    f0 = 440.0 * 2 ** ((pitch - 69) / 12)
    harder = 2 ** ((velocity - 80) / 40)
    shorter = 2 ** ((60 - pitch) / 20)  # high strings ring for a shorter time
    stiff = voice.stiff * 2 ** ((pitch - 60) / 12)
    k = np.arange(1, PARTIALS + 1)
    # f_k = k f_0 sqrt(1 + B k^2) for a stiff string, here with f_1 kept in tune
    f = k * f0 * np.sqrt((1 + stiff * k**2) / (1 + stiff))
    slope = voice.slope + (80 - velocity) / 200  # struck harder is brighter
    cutoff = voice.cutoff * harder + 1.5 * f0
    a = k**-slope / (1 + (f / cutoff) ** 2) * np.where(k % 2, 1.0, voice.even)
    # a string that is struck at a fraction p of its length has |sin(pi k p)| of partial k
    if voice.pluck:
        a *= np.abs(np.sin(np.pi * k * voice.pluck)) / np.sin(np.pi * voice.pluck)
    rate = (1 + voice.damp * (k - 1)) / (voice.ring * shorter)
    late = 1 + voice.bloom * (k - 1)
    for ratio, level, ring in voice.chime:
        f, a = np.append(f, ratio * f0), np.append(a, level * (harder if ratio > 1 else 1))
        rate, late = np.append(rate, 1 / (ring * shorter)), np.append(late, 1.0)
    return f, a, rate, late


def _ear(f):
    """How much of a tone's power the ear takes in, over its frequency.

    It is half (in dB) of the A curve of IEC 61672, as music is louder than the curve
    assumes.
    """
    f2 = f**2
    middle = np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    return 12194.0**2 * f2**2 / ((f2 + 20.6**2) * middle * (f2 + 12194.0**2))


class Drum(NamedTuple):
    """A sine that falls from `high` to `low` Hz, and noise within a band.

    Times are in seconds, to 1/e of the level.
    """

    high: float = 0.0
    low: float = 0.0
    ring: float = 0.0  # decay of the sine
    body: float = 0.0  # level of the sine
    noise: float = 0.0  # level of the noise
    hiss: float = 0.01  # decay of the noise
    band: tuple = (500, 6000)  # Hz


def _cymbal(noise, hiss, low=6500):
    return Drum(noise=noise, hiss=hiss, band=(low, 12000))


def _tom(f):
    return Drum(1.6 * f, f, 0.2, 1.0, 0.12, 0.01)


# by General MIDI percussion key; a key that is not here sounds as a small hand drum
DRUMS = {
    **dict.fromkeys((35, 36), Drum(190, 48, 0.11, 1.6, 0.25, 0.006)),  # bass drums
    **dict.fromkeys((31, 37), Drum(900, 420, 0.02, 0.3, 0.4, 0.02)),  # sticks
    38: Drum(260, 185, 0.08, 0.7, 0.55, 0.10, (900, 9000)),  # snares
    40: Drum(330, 215, 0.06, 0.6, 0.60, 0.09, (1200, 10000)),
    39: Drum(noise=0.6, hiss=0.08, band=(800, 4500)),  # hand clap
    41: _tom(78),
    43: _tom(95),
    45: _tom(115),
    47: _tom(138),
    48: _tom(165),
    50: _tom(196),
    42: _cymbal(0.25, 0.03),  # hi-hats: closed, pedal, open
    44: _cymbal(0.2, 0.04),
    46: _cymbal(0.18, 0.22),
    **dict.fromkeys((49, 52, 55, 57), _cymbal(0.27, 0.6, 2500)),  # crashes
    51: Drum(3730, 3730, 0.1, 0.06, 0.2, 0.35, (4000, 11000)),  # rides
    59: Drum(3730, 3730, 0.1, 0.06, 0.2, 0.35, (4000, 11000)),
    53: Drum(3130, 3130, 0.3, 0.2, 0.1, 0.2, (4000, 11000)),
    **dict.fromkeys((54, 69, 70, 82), _cymbal(0.3, 0.05)),  # shaken
    56: Drum(565, 560, 0.08, 0.5, 0.1, 0.02),  # cowbell
    **dict.fromkeys((75, 76, 77), Drum(1900, 1850, 0.02, 0.5, 0.1, 0.01)),  # wood
    **dict.fromkeys((80, 81), Drum(5200, 5200, 0.4, 0.2)),  # triangles
}


def stroke(pitch: int, sample_rate: int) -> np.ndarray:
    """One stroke on the drum of a General MIDI percussion key.

    Returns
    -------
    numpy.ndarray of float32, shape (n,)
        As long as it rings. Its noise is the same each time.

    Examples
    --------
    >>> bool((stroke(36, 22050) == stroke(36, 22050)).all())
    True
    """
    f = 220.0 * 2 ** ((pitch - 60) / 12)
    drum = DRUMS.get(pitch, Drum(1.3 * f, f, 0.07, 0.7, 0.15, 0.015))
    t = np.arange(int(7 * max(drum.ring, drum.hiss) * sample_rate)) / sample_rate
    sound = np.zeros(len(t))
    if drum.body:
        fallen = (drum.high - drum.low) * 0.03 * (1 - np.exp(-t / 0.03))
        # f(t) = low + (high - low) e^{-t / 0.03}; its integral, times 2 pi, is the phase
        phase = 2 * np.pi * (drum.low * t + fallen)
        sound += drum.body * np.sin(phase) * np.exp(-t / drum.ring)
    if drum.noise:
        spectrum = np.fft.rfft(np.random.default_rng(pitch).standard_normal(len(t)))
        f = np.fft.rfftfreq(len(t), 1 / sample_rate)
        low, high = drum.band
        low, high = min(low, 0.3 * sample_rate), min(high, 0.45 * sample_rate)
        band = spectrum / (1 + (low / np.maximum(f, 1)) ** 6) / (1 + (f / high) ** 12)
        noise = np.fft.irfft(band, len(t))
        sound += drum.noise * noise / noise.std() * np.exp(-t / drum.hiss)
    return (3.5 * sound * np.minimum(t / 0.001, 1)).astype(np.float32)

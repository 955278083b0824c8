"""Notes into sound, and sound into files.

Three engines turn notes into samples. `tinysoundfont` and `fluidsynth` play recorded
instruments (the General MIDI soundfont that pretty_midi ships) where they are installed;
`numpy` is our own and always there. All share one room, one loudness and one ending, so
that takes can be compared by ear. This is no sequencer: programs, drums, pitch, time and
velocity are all it knows; there is no pedal and no pitch bend. Used in every chapter.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.files import write_whole
from fusiontools.music.midi import Piece
from fusiontools.music.notes import Notes, merge, to_seconds
from fusiontools.show import voices

if TYPE_CHECKING:
    from fusiontools.music.notes import Tempo


__all__ = ["mp3_bytes", "normalize", "synthesize", "synthesizers", "write_audio"]

TAIL = 0.8  # seconds of ringing after the last note's end
FADE = 0.25  # the end of the tail is faded out: a recorded string may ring longer
LONGEST = 30 * 60.0  # seconds; 30 minutes at 22,050 Hz are 160 MB of samples
LOUDNESS = 0.12  # RMS of what sounds: as loud as leaves room for a piano's peaks
CEILING = 0.95  # MP3 adds a little to peaks, so full scale is not used
BLOCK = 65536  # samples handled at once: a minute of OGG in one call crashes libsndfile
_MP3 = {"bitrate_mode": "VARIABLE", "compression_level": 0.3}
FORMATS = {
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
    ".flac": {"format": "FLAC", "subtype": "PCM_16"},
    ".ogg": {"format": "OGG", "subtype": "VORBIS"},
    ".mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", **_MP3},
}
# For pages, best first. A variable rate sounds better than others of its size, but for a
# full band with cymbals, whose size only an average rate holds down. Not among them: a
# constant rate, which at 48 kbit/s and below does not say where the sound starts (players
# add 50 ms).
SMALLER = (("VARIABLE", 0.65), ("AVERAGE", 0.81), ("AVERAGE", 0.85))
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def synthesize(
    music: Notes | Piece,
    *,
    tempo: Tempo | float = 120.0,
    program: int | None = None,
    sample_rate: int = 22050,
    engine: str = "auto",
) -> np.ndarray:
    """Turn notes into sound.

    Parameters
    ----------
    music : Notes or Piece
        Notes in seconds are played as they stand, notes in beats at `tempo`, a piece at its
        own tempo with its own instruments and drums.
    tempo : Tempo or float
        For notes in beats only: a tempo map, or beats a minute.
    program : int, optional
        General MIDI instrument, 0 to 127. Default 0, a piano; for a piece, what each track
        says. If given for a piece, it replaces all instruments but the drums.
    sample_rate : int
        Samples a second, 8,000 to 96,000.
    engine : str
        One of `synthesizers()`, or "auto" for the first of them. The environment variable
        ``FUSIONTOOLS_SYNTH`` decides for "auto" where it is set.

    Returns
    -------
    numpy.ndarray of float32, shape (n,)
        Mono samples: the music and 0.8 seconds of ringing, at the loudness of `normalize`.
        The same notes give the same samples.

    Raises
    ------
    NoNotesError
        If there is no note.
    FusionError
        If the music is longer than 30 minutes or starts before time zero, or the engine
        does not work here.

    Examples
    --------
    >>> samples = synthesize(Notes.of([(0, 1, 60), (1, 1, 67)]), tempo=120, engine="numpy")
    >>> samples.shape, samples.dtype
    ((39690,), dtype('float32'))
    """
    if not 8000 <= sample_rate <= 96000 or sample_rate != int(sample_rate):
        found = f"sample_rate is {sample_rate}; give a whole number from 8000 to 96000"
        raise ValueError(found)
    sample_rate = int(sample_rate)
    parts = _parts(music, tempo, program)
    end = max(part.notes.end for part in parts)
    if end > LONGEST:
        raise FusionError(
            f"the music lasts {end / 60:.0f} minutes, and {LONGEST / 60:.0f} is the most "
            "that is made into sound at once",
            do="crop it first, as in crop(notes, 0, 60)",
        )
    if (start := min(part.notes.onset[0] for part in parts)) < 0:
        found = f"a note starts {-start:g} s before time zero"
        raise FusionError(found, do="move all notes later, as in shift(notes, 4)")
    n = int(np.ceil((end + TAIL) * sample_rate))
    dry = _ENGINES[_choose(engine)](parts, n, sample_rate)
    samples = normalize(_room(dry, sample_rate), sample_rate)
    fade = int(FADE * sample_rate)
    samples[-fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade, dtype=np.float32))
    return samples


def synthesizers() -> list[str]:
    """Names of the engines that work on this machine, best first; the last is "numpy".

    Examples
    --------
    >>> synthesizers()[-1]
    'numpy'
    """
    return [name for name in _ENGINES if _works(name)]


def normalize(samples: np.ndarray, sample_rate: int = 22050) -> np.ndarray:
    """Bring any mono sound to the one loudness that all sounds here have.

    What counts is the power while something sounds: 50 ms blocks more than 10 dB below the
    average of all that are not silent are left out, so that rests make nothing louder.
    Peaks above 0.95 are turned down for the few milliseconds around them.

    Parameters
    ----------
    samples : array_like of float, shape (n,)
        Any level. Silence stays silence.
    sample_rate : int
        Samples a second.

    Returns
    -------
    numpy.ndarray of float32, shape (n,)
        At most 0.95 either way.

    Raises
    ------
    ValueError
        If the sound is not mono, or holds what is not a number.

    References
    ----------
    The gate is that of ITU-R BS.1770-4, annex 1, without its filter.

    Examples
    --------
    >>> tone = np.sin(np.arange(22050) * 0.1)
    >>> np.allclose(normalize(0.001 * tone), normalize(tone), atol=1e-6)
    True
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    samples = _mono(samples).copy()
    if not len(samples):
        return samples
    block = max(int(0.05 * sample_rate), 1)
    starts = np.arange(0, len(samples), block)
    power = np.add.reduceat(samples**2, starts, dtype=np.float64) / block
    sounding = power[power > 1e-10]  # -100 dB
    if not len(sounding):
        return np.clip(samples, -CEILING, CEILING)
    samples *= LOUDNESS / np.sqrt(sounding[sounding > 0.1 * sounding.mean()].mean())
    if np.abs(samples).max() > CEILING:
        # The gain is low enough within +-5 ms of a peak, and so is its average over +-5 ms
        # at the peak itself.
        width = 2 * int(0.005 * sample_rate) + 1
        peaks = maximum_filter1d(np.abs(samples), width, mode="constant")
        gain = np.minimum(1, CEILING / np.maximum(peaks, CEILING))
        samples *= uniform_filter1d(gain, width, mode="nearest")
        np.clip(samples, -CEILING, CEILING, out=samples)  # for the last digit of a float
    return samples


def write_audio(
    samples: npt.ArrayLike, path: str | os.PathLike, sample_rate: int = 22050
) -> None:
    """Write sound to a file, whole or not at all.

    The suffix says how: .wav, .flac, .mp3 or .ogg.

    Parameters
    ----------
    samples : array_like of float, shape (n,)
        Mono, within -1 to 1 (see `normalize`).
    path : str or path-like
        Where to. Its folder must exist.
    sample_rate : int
        Samples a second.

    Raises
    ------
    FusionError
        If the suffix is another, the sound is empty or louder than full scale, or MP3 does
        not know the sample rate.
    MusicFileError
        If the file cannot be written.
    ValueError
        If the sound is not mono or holds what is not a number, or the sample rate is no
        whole number.

    Examples
    --------
    >>> import tempfile
    >>> tone = 0.5 * np.sin(np.arange(22050) * 0.1)
    >>> write_audio(tone, Path(tempfile.mkdtemp()) / "tone.flac")
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        found = f"no audio format is known by the suffix {path.suffix!r}"
        raise FusionError(found, path, f"choose one of {', '.join(FORMATS)}")
    sound = _encoded(_mono(samples, sample_rate), sample_rate, path.suffix.lower(), path)
    write_whole(path, sound, error=MusicFileError)


def mp3_bytes(
    samples: np.ndarray, sample_rate: int = 22050, *, kbits: float | None = None
) -> bytes:
    """Sound as an MP3, for a player in a page: 40 to 50 kB for 10 seconds of music.

    Parameters
    ----------
    samples : array_like of float, shape (n,)
        Mono, within -1 to 1 (see `normalize`).
    sample_rate : int
        Samples a second: 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000.
    kbits : float, optional
        Thousands of bits a second that should do. Default 40 at 22,050 Hz, and in
        proportion elsewhere. The best of three settings that keeps to it is used, or else
        the smallest.

    Returns
    -------
    bytes

    Raises
    ------
    FusionError
        If the sound is empty or louder than full scale, or MP3 does not know the sample
        rate.
    ValueError
        If the sound is not mono, or holds what is not a number.

    Examples
    --------
    >>> 1000 < len(mp3_bytes(0.5 * np.sin(np.arange(22050) * 0.1))) < 5000
    True
    """
    samples = _mono(samples, sample_rate)
    rate = 40 * sample_rate / 22050 if kbits is None else kbits
    budget = max(125 * rate * len(samples) / sample_rate, 4096)  # any file needs a few
    for mode, level in SMALLER:
        smaller = {"bitrate_mode": mode, "compression_level": level}
        sound = _encoded(samples, sample_rate, ".mp3", **smaller)
        if len(sound) <= budget:
            break
    return sound


def _encoded(samples, sample_rate, suffix, where=None, **options):
    from soundfile import SoundFile

    if not len(samples):
        found = "there is no sound to write: it has no samples"
        raise FusionError(found, where, "check what was made")
    if (peak := np.abs(samples).max()) > 1.001:
        found = f"the sound reaches {peak:.3g}, and full scale is 1"
        raise FusionError(found, where, "use normalize(samples, sample_rate) first")
    if suffix == ".mp3" and sample_rate not in MP3_RATES:
        found = f"MP3 knows no sample rate of {sample_rate}"
        raise FusionError(found, where, f"resample to one of {MP3_RATES}, or write a .flac")
    file = io.BytesIO()
    with SoundFile(file, "w", int(sample_rate), 1, **(FORMATS[suffix] | options)) as sound:
        for start in range(0, len(samples), BLOCK):
            sound.write(samples[start : start + BLOCK])
    return file.getvalue()


def _mono(samples, sample_rate=1):
    if not 1 <= sample_rate <= 10_000_000 or sample_rate % 1:
        found = f"a sample rate of {sample_rate}; give a whole number, such as 22050"
        raise ValueError(found)
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise ValueError(f"a mono sound has shape (n,), this one {samples.shape}")
    if not np.isfinite(samples).all():
        found = f"{np.count_nonzero(~np.isfinite(samples))} samples are not finite numbers"
        raise ValueError(found)
    return samples


class Part(NamedTuple):
    """What one instrument plays, in seconds."""

    notes: Notes
    program: int
    is_drum: bool


def _parts(music, tempo, program):
    if program is not None and program not in range(128):
        raise ValueError(f"program is {program}; General MIDI has 0 to 127")
    if isinstance(music, Notes):
        notes = to_seconds(music, tempo) if music.unit == "beats" else music
        parts = [Part(notes, program or 0, False)]
    elif isinstance(music, Piece):
        # tracks of one instrument share a part: engines have few channels
        instruments = {}
        for track in music.tracks:
            own = track.program if program is None else program
            key = (0 if track.is_drum else own, track.is_drum)
            instruments.setdefault(key, []).append(to_seconds(track.notes, music.tempo))
        parts = [Part(merge(*notes), *key) for key, notes in instruments.items()]
    else:
        raise TypeError(f"synthesize takes Notes or a Piece, not {type(music).__name__}")
    parts = [part for part in parts if len(part.notes)]
    if not parts:
        found = "there is no note to play"
        raise NoNotesError(found, do="check what was generated, or choose other music")
    return parts


def _room(dry, sample_rate):
    """The sound in a small room, 14 dB below it a burst of echoes, nothing below 15 Hz."""
    from scipy.signal import lfilter, oaconvolve

    # recorded reeds carry a constant, which would click where it starts and ends
    # y_t = x_t - x_{t-1} + p y_{t-1}
    p = np.exp(-2 * np.pi * 15 / sample_rate)
    dry = lfilter(np.float32([1, -1]), np.float32([1, -p]), dry)
    t = np.arange(int(0.3 * sample_rate)) / sample_rate
    burst = np.random.default_rng(1).standard_normal(len(t)) * np.exp(-t / 0.055)
    walls = np.hanning(max(int(sample_rate / 4000), 3))  # they swallow treble
    burst = np.convolve(burst, walls, "same")
    burst = burst * 0.2 / np.linalg.norm(burst)
    echo = np.concatenate([np.zeros(int(0.009 * sample_rate)), burst])
    return dry + oaconvolve(dry, echo.astype(np.float32))[: len(dry)]


def _choose(engine):
    where = "engine"
    if engine == "auto" and os.environ.get("FUSIONTOOLS_SYNTH", "").strip():
        engine, where = os.environ["FUSIONTOOLS_SYNTH"].strip().lower(), "FUSIONTOOLS_SYNTH"
    if engine == "auto":
        return synthesizers()[0]
    if engine not in _ENGINES or not _works(engine):
        found = f"there is no synthesiser {engine!r}"
        if engine in _ENGINES:
            found = f"the synthesiser {engine!r} does not work here"
        do = f"choose one of {', '.join(synthesizers())}, or auto"
        raise FusionError(found, where, do)
    return engine


@cache
def _works(name):
    if name == "numpy":
        return True
    try:
        import_module(name)
    # it is not installed; its library is missing, or too old
    except (ImportError, OSError, AttributeError):
        return False
    return _soundfont() is not None


def _soundfont():
    package = find_spec("pretty_midi")  # where it lies, without importing it
    folders = package.submodule_search_locations if package else []
    found = [Path(folder) / "TimGM6mb.sf2" for folder in folders]
    return next((str(path) for path in found if path.is_file()), None)


def _perform(parts, n, sample_rate, press, lift, pull):
    """Play a keyboard: `press` and `lift` keys of channel i for part i, `pull` samples."""
    events = []
    for channel, (notes, *_) in enumerate(parts):
        ends = np.maximum(notes.offset, notes.onset + voices.SHORTEST)
        starts = np.round(notes.onset * sample_rate).astype(int).tolist()
        stops = np.round(ends * sample_rate).astype(int).tolist()
        for start, stop, note in zip(starts, stops, notes):
            events.append((start, True, channel, note.pitch, note.velocity))
            events.append((stop, False, channel, note.pitch, 0))
    # False sorts before True: lift, then press
    events = [*sorted(events), (n, None, 0, 0, 0)]
    samples, now, holders = np.zeros(n, np.float32), 0, Counter()
    for at, down, channel, pitch, velocity in events:
        for start in range(now, at, BLOCK):
            samples[start : min(start + BLOCK, at)] = pull(min(BLOCK, at - start))
        now = at
        if down:
            # a key that is down must go up before it can be struck again
            if holders[channel, pitch]:
                lift(channel, pitch)
            press(channel, pitch, velocity)
            holders[channel, pitch] += 1
        elif down is False:
            holders[channel, pitch] -= 1
            if not holders[channel, pitch]:
                lift(channel, pitch)
    return samples


def _tinysoundfont(parts, n, sample_rate):
    from tinysoundfont import Synth

    synth = Synth(samplerate=sample_rate)
    font = synth.sfload(_soundfont())
    for channel, (_, program, is_drum) in enumerate(parts):
        bank = 128 if is_drum else 0
        synth.program_select(channel, font, bank, program, is_drum)

    def pull(size):
        return np.frombuffer(synth.generate(size), np.float32).reshape(-1, 2).mean(axis=1)

    return _perform(parts, n, sample_rate, synth.noteon, synth.noteoff, pull)


def _fluidsynth(parts, n, sample_rate):
    from fluidsynth import Synth

    def pull(size):
        return synth.get_samples(size).reshape(-1, 2).mean(axis=1) / 32768

    settings = {"samplerate": float(sample_rate), "channels": 16 * (len(parts) // 16 + 1)}
    # the echoes are ours, the same for all engines
    settings |= {"synth.reverb.active": 0, "synth.chorus.active": 0}
    # it hands out 16-bit samples: as loud as possible, and again softer if they clip
    for gain in (1.0, 0.2, 0.04):
        synth = Synth(gain=gain, **settings)
        try:
            font = synth.sfload(_soundfont())
            for channel, (_, program, is_drum) in enumerate(parts):
                synth.program_select(channel, font, 128 if is_drum else 0, program)
            samples = _perform(parts, n, sample_rate, synth.noteon, synth.noteoff, pull)
        finally:
            synth.delete()
        if np.abs(samples).max() < 0.9:
            break
    return samples


# Each takes parts, a length n and a sample rate, and gives dry samples of shape (n,),
# float32, at any level. Best first.
_ENGINES = {
    "tinysoundfont": _tinysoundfont,
    "fluidsynth": _fluidsynth,
    "numpy": voices.play,
}

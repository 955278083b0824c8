"""Sound files in and out: mono or stereo, of any kind, odd or damaged.

What can be adapted is, and said in whole sentences; what cannot is refused by the name of
what it really is. No feature is computed here, and nothing is played. Used in chapter 7,
Audio style transfer.
"""

import math
import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.soundfiles import AGAIN, Source, blocks, opened
from fusiontools.music.soundwriter import SoundWriter

__all__ = ["Sound", "SoundWriter", "check_sounding", "read_sound", "sound_length"]
__all__ += ["write_sound"]

LONGEST = 2 * 3600  # seconds that are read at once: a damaged header easily promises a year
MOST = 480_000_000  # samples of all channels that are held at once: 1.9 GB
LOUDEST = 1e10  # some store 32-bit integers as floats; beyond is damage
GAPS = 0.01  # the share of samples that may be no numbers
FULL, CLIPPED = 0.9999, 0.001  # what share of samples at full scale is worth a word
SILENT = 1e-4  # -80 dB: a converter's hum
# What each speaker gives to left and right, in the order of a WAV: left, right, centre,
# bass (left out), then those behind.
L, R, C, L2, R2 = (1, 0), (0, 1), (0.7071, 0.7071), (0.7071, 0), (0, 0.7071)
SPEAKERS = {3: [L, R, C], 5: [L, R, C, L2, R2], 6: [L, R, C, (0, 0), L2, R2]}
SPEAKERS[8] = [*SPEAKERS[6], L2, R2]


class Sound(NamedTuple):
    """Sound as it was read.

    `samples` is float32 of shape (channels, n), one channel or left and right, full scale
    1; `rate` is in samples a second; `said` is what was adapted, in whole sentences.
    """

    samples: np.ndarray
    rate: int
    said: tuple[str, ...] = ()


def read_sound(
    source: Source,
    start: float = 0.0,
    seconds: float | None = None,
    rate: int | None = None,
    where: object = None,
    *,
    as_is: bool = False,
    longest: float = LONGEST,
) -> Sound:
    """Read a sound file, or part of it.

    Parameters
    ----------
    source : str, path-like, bytes or binary file
        Its first bytes say what it is, not its name.
    start : float
        Seconds to leave out at the beginning.
    seconds : float, optional
        The most to read; all by default. The sound may be shorter.
    rate : int, optional
        Samples a second to come out; by default those of the file.
    where : object, optional
        What messages call it; by default its path.
    as_is : bool
        Scale nothing, so that parts of one file fit together, and refuse any sample that
        is no number.
    longest : float
        Seconds that may be read at once.

    Returns
    -------
    Sound
        Channels beyond two are mixed down to two, floats beyond full scale are scaled down,
        up to 1 % of samples that are no numbers become silence, and of a file that is cut
        off there is what can be read. All of it is said.

    Raises
    ------
    MusicFileError
        If it is no sound, cannot be read, ends before `start`, or is too long.
    ValueError
        If a rate or a length is not positive.

    Examples
    --------
    >>> import io, soundfile
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros((800, 6)), 8000, format="WAV")
    >>> sound = read_sound(file)
    >>> sound.samples.shape, sound.rate, sound.said
    ((2, 800), 8000, ('Its 6 channels were mixed down to two.',))
    """
    given = [number for number in (seconds, rate) if number is not None]
    if start < 0 or any(number <= 0 for number in given):
        numbers = f"start {start}, seconds {seconds}, rate {rate}"
        raise ValueError(f"{numbers}: rates and lengths must be positive")
    with opened(source, where) as (file, where, said):
        own, channels, mix = file.samplerate, min(file.channels, 2), None
        if file.channels > 2:
            said.append(f"Its {file.channels} channels were mixed down to two.")
            mix = SPEAKERS.get(file.channels) or ([L, R] * 32)[: file.channels]
            mix = np.array(mix, np.float32)
            mix /= mix.sum(axis=0)
        stream = None
        if rate not in (None, own):
            import soxr  # comes with librosa, and takes blocks

            stream = soxr.ResampleStream(own, rate, channels, dtype="float32")
        left = most = round(min(seconds or longest, longest) * own)
        gaps = full = held = 0
        top, kept = 0.0, []
        for block in blocks(file, round(start * own), where, said):
            if left <= 0:
                if seconds is None or seconds > longest:
                    found = f"it goes on for more than {longest:,} s"
                    do = "read it in parts: give `start` and `seconds`"
                    raise MusicFileError(found, where, do)
                break
            block = block[:left]
            left -= len(block)
            size = np.abs(block)
            if not (size <= LOUDEST).all():
                bad = ~(size <= LOUDEST)
                gaps += np.count_nonzero(bad)
                block[bad] = size[bad] = 0
            top, full = max(top, float(size.max())), full + np.count_nonzero(size >= FULL)
            block = block if mix is None else block @ mix
            kept.append(block if stream is None else stream.resample_chunk(block))
            held += kept[-1].size
            if held > MOST:
                found = f"more than {held / channels / (rate or own):.0f} s at this rate"
                raise MusicFileError(found, where, "read it in parts, or at a lower rate")
        read, heard = most - left, (most - left) * file.channels
    if not read:
        found = f"no sound after {start:g} s"
        raise MusicFileError(found, where, "begin earlier, or leave it out")
    if gaps > (0 if as_is else GAPS * heard):
        found = f"{100 * gaps / heard:.2g} % of its samples are no numbers"
        raise MusicFileError(found, where, AGAIN)
    if gaps:
        said.append(f"{gaps:,} of its samples were no numbers: they are silent now.")
    samples = np.zeros((channels, math.ceil(read * (rate or own) / own)), np.float32)
    if stream is not None:
        kept.append(stream.resample_chunk(np.zeros((0, channels), np.float32), last=True))
    at = 0
    for k, block in enumerate(kept):
        part = block[: samples.shape[1] - at]
        samples[:, at : at + len(part)] = part.T
        at, kept[k] = at + len(part), None  # so that it is not in memory twice
    if top <= 1.0001 and full >= CLIPPED * heard:
        share = f"{100 * full / heard:.2g} % of its samples"
        said.append(f"{share} are at full scale: it was recorded too loud.")
    peak = float(max(samples.max(), -samples.min()))
    if peak > 1 and not as_is:  # resampling can do it too
        samples /= peak
        said.append(f"Its samples reached {peak:.3g} times full scale: it was turned down.")
    return Sound(samples, rate or own, tuple(said))


def sound_length(source: Source, where: object = None) -> tuple[float, int, int]:
    """How long a sound file is, mostly by its header alone.

    Parameters
    ----------
    source, where
        As `read_sound` takes them.

    Returns
    -------
    seconds : float
    rate : int
        Samples a second.
    channels : int

    Raises
    ------
    MusicFileError
        If it is no sound file, or holds no sound.

    Examples
    --------
    >>> import io, soundfile
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros(4000), 8000, format="FLAC")
    >>> sound_length(file)
    (0.5, 8000, 1)
    """
    with opened(source, where) as (file, where, said):
        n = file.frames
        if n > 2**62:  # a FLAC that was written through a pipe does not say
            n = sum(map(len, blocks(file, 0, where, said)))
        return n / file.samplerate, file.samplerate, file.channels


def check_sounding(sound: Sound, where: object = None) -> None:
    """Raise a `NoNotesError` if no channel of a `Sound` ever moves by -80 dB.

    Examples
    --------
    >>> check_sounding(Sound(np.float32([[0, 0.5]]), 8000))
    """
    samples = np.atleast_2d(sound.samples)
    if not samples.size or np.ptp(samples, axis=1).max() < 2 * SILENT:
        raise NoNotesError("nothing sounds in it", where, "choose another recording")


def write_sound(
    sound: Sound | npt.ArrayLike, path: str | os.PathLike, rate: int | None = None
) -> tuple[str, ...]:
    """Write sound to a file, whole or not at all.

    Parameters
    ----------
    sound : Sound or array_like of float, shape (n,) or (channels, n)
        Mono or stereo. What is louder than full scale is turned down as a whole.
    path : str or path-like
        Its suffix says how: .wav, .flac, .mp3 or .ogg. Its folder must exist.
    rate : int, optional
        Samples a second; those of the `Sound` by default.

    Returns
    -------
    tuple of str
        What was adapted, in whole sentences.

    Raises
    ------
    FusionError
        If the suffix is another, the sound is empty or holds what is not a number, or the
        format does not know the rate.
    MusicFileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "loud.flac"
    >>> write_sound(np.ones((2, 800)) * 2, path, 8000)
    ('It reached 2 times full scale: it was turned down.',)
    >>> read_sound(path).samples.shape
    (2, 800)
    """
    samples = sound
    if isinstance(sound, Sound):
        samples, rate = sound.samples, sound.rate if rate is None else rate
    samples = np.atleast_2d(np.asarray(samples, np.float32))
    peak = float(np.abs(samples).max(initial=0))
    with SoundWriter(path, rate, len(samples), peak=peak) as writer:
        writer.write(samples)
    return writer.said

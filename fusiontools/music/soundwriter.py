"""Sound files written block by block, whole or not at all.

It encodes what it gets: nothing is resampled. Used in chapter 7, Audio style transfer.
"""

import contextlib
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fusiontools.errors import FusionError, MusicFileError
from fusiontools.files import draft_name

__all__ = ["SoundWriter"]

PAGE = 65536  # written at once: a minute of OGG in one call crashes libsndfile
FORMATS: dict[str, dict[str, Any]] = {
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
    ".flac": {"format": "FLAC", "subtype": "PCM_16"},
    ".ogg": {"format": "OGG", "subtype": "VORBIS"},
    ".mp3": {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": 0.3},
}
HIGHEST = {".wav": 400_000, ".flac": 400_000, ".ogg": 192_000}  # 200,001 crashes it
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


class SoundWriter:
    """A sound file that is written block by block, and is there when it is closed.

    Until then it is a hidden file beside its place. Leaving a ``with`` block closes it; an
    error or an interruption deletes it, unless `close` was called before to keep what there
    is.

    Parameters
    ----------
    path : str or path-like
        Its suffix says how: .wav, .flac, .mp3 or .ogg. Its folder must exist.
    rate : int
        Samples a second.
    channels : int
        1 or 2.
    peak : float
        The loudest that will come, if it is known. From where more comes, all that follows
        is turned down.

    Raises
    ------
    FusionError
        If the suffix is another, or the format does not know the rate.
    MusicFileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with SoundWriter(Path(tempfile.mkdtemp()) / "long.ogg", 22050, 2) as writer:
    ...     for _ in range(3):
    ...         writer.write(np.zeros((2, 22050)))
    >>> writer.path.exists()
    True
    """

    def __init__(
        self,
        path: str | os.PathLike,
        rate: int | None,
        channels: int = 1,
        peak: float = 1.0,
    ) -> None:
        import soundfile

        self.path, self._channels = Path(path), channels
        self._peak, self._n = max(peak, 1.0), 0
        self._file: Any = None
        suffix = self.path.suffix.lower()
        if suffix not in FORMATS:
            found = f"no audio format is known by the suffix {self.path.suffix!r}"
            raise FusionError(found, path, f"choose one of {', '.join(FORMATS)}")
        if channels not in (1, 2):
            found = f"{channels} channels; one or two can be written"
            raise FusionError(found, path, "give samples of shape (channels, n)")
        rates = MP3_RATES if suffix == ".mp3" else range(2000, HIGHEST[suffix] + 1)
        if rate not in rates:
            found = f"{suffix[1:].upper()} knows no sample rate of {rate}"
            do = "resample to a usual one, such as 22050, 44100 or 48000"
            raise FusionError(found, path, do)
        # not `whole_file`: libsndfile opens by name, and Windows opens no file twice
        self._draft = self.path.parent / draft_name()
        try:
            open(self._draft, "xb").close()
            how = FORMATS[suffix]
            self._file = soundfile.SoundFile(
                self._draft, "w", int(rate or 0), channels, **how
            )
        except OSError as error:
            found = f"cannot be written ({error.strerror})"
            do = "check that its folder exists and may be written to"
            raise MusicFileError(found, path, do) from None
        except Exception:
            self._draft.unlink(missing_ok=True)
            found = f"{suffix[1:].upper()} takes no {rate} samples a second"
            raise FusionError(found, path, "resample it, or write a .wav") from None

    @property
    def said(self) -> tuple[str, ...]:
        """What was adapted so far, in whole sentences."""
        said = f"It reached {self._peak:.3g} times full scale: it was turned down."
        return (said,) if self._peak > 1 else ()

    def write(self, block: npt.ArrayLike) -> None:
        """Append samples, array_like of float of shape (channels, n), or (n,) for mono.

        Raises
        ------
        FusionError
            If the shape is another, or some are no finite numbers.
        MusicFileError
            If the disk does not take them.
        """
        block = np.atleast_2d(np.asarray(block, np.float32))
        if block.ndim != 2 or len(block) != self._channels:
            found = f"samples of shape {block.shape}"
            do = f"give them as ({self._channels}, n)"
            raise FusionError(found, self.path, do)
        if not np.isfinite(block).all():
            found = f"{np.count_nonzero(~np.isfinite(block))} samples are no finite numbers"
            raise FusionError(found, self.path, "check what was made")
        self._peak = max(self._peak, float(np.abs(block).max(initial=0)))
        for at in range(0, block.shape[1], PAGE):
            with self._no_room():
                self._file.write((block[:, at : at + PAGE] / self._peak).T)
        self._n += block.shape[1]

    def close(self) -> None:
        """Put what was written into its place. A second time it does nothing.

        Raises
        ------
        FusionError
            If nothing was written.
        MusicFileError
            If the file cannot be written.
        """
        if self._file is None:
            return
        if not self._n:
            self.abort()
            found = "there is no sound to write: it has no samples"
            raise FusionError(found, self.path, "check what was made")
        with self._no_room():
            self._file.close()
            os.replace(self._draft, self.path)
        self._file = None

    def abort(self) -> None:
        """Delete what was written. After `close` it does nothing."""
        if self._file is not None:
            with contextlib.suppress(Exception):
                self._file.close()
            self._file = None
            self._draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _no_room(self):
        try:
            yield
        except Exception as error:  # libsndfile's, or an assertion that all was written
            self.abort()
            why = getattr(error, "strerror", None) or "is the disk full?"
            do = "make room, and check that its folder may be written to"
            raise MusicFileError(f"cannot be written ({why})", self.path, do) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_) -> None:
        self.close() if kind is None else self.abort()

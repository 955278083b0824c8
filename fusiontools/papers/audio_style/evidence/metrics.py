"""What is measured of a transfer: on the sound that comes out, analysed again, not on the
spectrogram that a descent was led by. Chapter 7, Audio style transfer.

Style is the relative loss of the convolution in the limit of infinitely many filters
(`gram.by_lags`), for every method alike. It depends on level, which is no style: each sound
is taken at the level, in steps of a decibel, at which its loss is least. So is the content.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fusiontools.music.spectrogram import HOP, SAMPLE_RATE
from fusiontools.papers.audio_style.data import logs_of
from fusiontools.papers.audio_style.gram import at_best_level, by_lags
from fusiontools.records import read_records
from fusiontools.report.rows import choose, rows, shipped_arrays
from fusiontools.score.intervals import means_of_groups

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["Measures", "flatness", "over_pairs", "shipped_rows"]
__all__ += ["signal_to_noise", "small_picture", "small_sound"]

GONE = 0.9  # of the style loss: where noise is compared


def shipped_rows(data: str) -> Rows:
    """The records of a data set that come with the package, as
    `fusiontools.report.rows.Rows`; beside them ``histories``, how the descents went, the
    first pair as ``pictures``, of music that may be passed on its ``sounds``, and the rows
    of classifiers, ``genres``.
    """
    from fusiontools.papers.audio_style.evidence.genres import shipped_genres
    from fusiontools.papers.audio_style.evidence.paper import SHORT

    names = ("histories", "pictures", "sounds")
    beside = {n: shipped_arrays("audio_style", f"{n}_{data}.npz") for n in names}
    beside["genres"] = shipped_genres("instruments" if data == "rendered" else "gtzan")
    return rows(choose(read_records("audio_style"), data), order=SHORT, **beside)


def flatness(samples: np.ndarray) -> float:
    """Spectral flatness, mean over frames: 1 is white noise, 0 a single tone.

    >>> flatness(np.sin(np.arange(9000))) < 0.01
    True
    """
    import librosa

    # geometric over arithmetic mean of the power of all frequencies
    power = np.abs(librosa.stft(np.asarray(samples, np.float32))) ** 2
    power = power[:, power.sum(0) > 1e-10]  # a silent frame is no noise
    own = librosa.feature.spectral_flatness(S=power, power=1)
    return float(own.mean()) if own.size else 0.0


def signal_to_noise(samples: np.ndarray, margin: float = 3.0) -> float:
    """Energy of what is clearly a tone or clearly a stroke over that of the rest, in
    decibels: harmonic, percussive and residual parts (Driedger, Müller and Disch, 2014).

    >>> signal_to_noise(np.sin(0.3 * np.arange(22050))) > 10
    True
    """
    import librosa

    spectrum = librosa.stft(np.asarray(samples, np.float32), n_fft=2048, hop_length=HOP)
    harmonic, percussive = librosa.decompose.hpss(spectrum, margin=margin)
    rest = spectrum - harmonic - percussive
    energy = [np.sum(np.abs(x) ** 2) for x in (harmonic, percussive, rest)]
    # 10 log10 (|H|^2 + |P|^2) / |R|^2
    return float(10 * np.log10((energy[0] + energy[1] + 1e-12) / (energy[2] + 1e-12)))


class Measures:
    """What is measured of sounds made from one content and one style.

    Parameters
    ----------
    content, style : ndarray, shape (L,)
    genres : (str, str), optional
        Of content and style, for the judges.
    judges : dict of str to judge, optional
        From a suffix of metrics to a judge, see `fusiontools.judges.audio_genre`.
    """

    def __init__(
        self,
        content: np.ndarray,
        style: np.ndarray,
        genres: Sequence[str] = ("", ""),
        judges: dict[str, Any] | None = None,
    ) -> None:
        self.genres, self.judges = genres, judges or {}
        self.content = logs_of(content)
        self.loss = by_lags(None, torch.from_numpy(logs_of(style)))
        self.start = at_best_level(self.content, self.loss)[1]

    def style(self, samples: np.ndarray) -> float:
        """The share of the content's style loss that is gone."""
        return 1 - at_best_level(logs_of(samples), self.loss)[1] / max(self.start, 1e-9)

    def noise(self, samples: np.ndarray) -> dict[str, float]:
        """Flatness and signal to noise."""
        return {"flatness": flatness(samples), "snr": signal_to_noise(samples)}

    def transfer(self, samples: np.ndarray) -> dict[str, float]:
        """What became of style and content: dict of str to float."""
        loss = at_best_level(logs_of(samples), self.loss)[1]
        found = {"style_loss": loss, "style_gone": 1 - loss / max(self.start, 1e-9)}
        c, whole = self.content, torch.from_numpy(self.content)
        logs, off = at_best_level(logs_of(samples), lambda x: (x - whole).square().sum())
        # ||X - C||^2 / ||C||^2
        found["content_loss"] = off / float(np.square(c).sum())
        found["correlation"] = float(np.corrcoef(logs.ravel(), c.ravel())[0, 1])
        return found | {"onsets": _onsets(logs, c)}

    def __call__(self, samples):
        """All metrics of a sound: those of `transfer`, noise, and what judges hear."""
        found, heard = self.transfer(samples) | self.noise(samples), None
        for suffix, judge in self.judges.items():
            if heard is None:  # all judges hear the same features
                heard = _features(samples, judge.names)
            found |= self._judged(heard, suffix, judge)
        return found

    def _judged(self, x, suffix, judge):
        p = dict(zip(judge.labels, judge.probabilities(x)[0].tolist()))
        found = {f"judged_style{suffix}": p.get(self.genres[1], 0.0)}
        found[f"judged_content{suffix}"] = p.get(self.genres[0], 0.0)
        if hasattr(judge, "unlike"):
            found[f"unlike{suffix}"] = float(judge.unlike(x)[0])
        return found


def _features(samples, names):
    from fusiontools.judges.audio_features import features

    return features(samples, SAMPLE_RATE, names)[None]


def _onsets(logs, content):
    """Correlation of how much louder each frame is than the one before it."""
    rises = [np.maximum(np.diff(x, axis=1), 0).sum(0) for x in (logs, content)]
    if min(np.std(r) for r in rises) == 0:
        return 0.0
    return float(np.corrcoef(*rises)[0, 1])


def over_pairs(found: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Metrics of several pairs, a list of dict, as summaries with ranges over pairs; what
    only some pairs have, over those; a single pair's numbers as they are.
    """
    if len(found) == 1:
        return dict(found[0])
    made = {}
    for name in dict.fromkeys(name for one in found for name in one):
        values = np.array([one[name] for one in found if name in one], float)
        many = {name: values}
        made |= means_of_groups(many, np.arange(len(values))) if len(values) > 1 else {}
    return made


def small_picture(samples: np.ndarray) -> np.ndarray:
    """A sound as a picture to look at, too coarse to be heard again: 64 mel bands, three
    frames in one, uint8, (64, T / 3); 255 is the loudest, 0 is 60 dB below.
    """
    import librosa

    given = dict(y=np.asarray(samples, np.float32), sr=SAMPLE_RATE, n_mels=64)
    power = librosa.feature.melspectrogram(**given, hop_length=3 * HOP)
    db = librosa.power_to_db(power, ref=np.max, top_db=60.0)
    return np.round(255 * (1 + db / 60)).astype(np.uint8)


def small_sound(samples: Any) -> Any:
    """A sound as an MP3 of 24 kbit/s, uint8, (bytes,)."""
    from fusiontools.show.synth import mp3_bytes, normalize

    return np.frombuffer(mp3_bytes(normalize(samples), SAMPLE_RATE, kbits=24), np.uint8)

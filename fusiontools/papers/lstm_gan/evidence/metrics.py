"""From bars to the numbers of a record: every method's 2,000 bars are measured here in the
same way. Ranges are over songs where there are songs, else over phrases of four bars.
Chapter 6, LSTM and convolutional GANs.
"""

from __future__ import annotations

from base64 import b85decode
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.papers.lstm_gan import sampling
from fusiontools.papers.lstm_gan.data import PITCHES, STEPS
from fusiontools.papers.lstm_gan.evidence.paper import PAPER, SHORT
from fusiontools.records import read_records
from fusiontools.report.boxes import weights_of
from fusiontools.report.rows import choose, rows, shipped_arrays
from fusiontools.score import rolls
from fusiontools.score.intervals import means_of_groups

if TYPE_CHECKING:
    from fusiontools.papers.lstm_gan.data import Bars
    from fusiontools.report.rows import Rows


__all__ = ["References", "measure_bars", "measure_baseline", "measure_networks"]
__all__ += ["sample_bars", "sampled", "shipped_rows"]

BARS, PHRASE = PAPER["bars"], 4


def shipped_rows(data: str) -> Rows:
    """The records of a data set that come with the package, as
    `fusiontools.report.rows.Rows`; beside them ``histories``, how the trainings went.
    """
    beside = {"histories": shipped_arrays("lstm_gan", f"histories_{data}.npz")}
    return rows(choose(read_records("lstm_gan"), data), order=SHORT, **beside)


def sample_bars(record: Any) -> Any:
    """The bars that a record keeps, uint8, (N, 96, 84)."""
    packed = [np.frombuffer(b85decode(text), np.uint8) for text in record.samples]
    return np.unpackbits(np.array(packed), axis=1).reshape(-1, STEPS, PITCHES)


class References:
    """What bars are compared with: the measures of training, validation and held-out bars,
    the keys of all training bars, and how often bars of training songs have no note.
    """

    def __init__(self, data: Bars) -> None:
        self.data = data
        share = 1.0 if data.name == "chorales" else PAPER["share"]
        self.training = rolls.each(_some(data, "train", share, empty=False)[0])
        self.validation = rolls.each(_some(data, "validation", empty=False)[0])
        self.heldout = rolls.each(_some(data, "test", empty=False)[0])
        packed = data.arrays["train"]
        self.known = {row.tobytes() for row in packed if row.any()}
        self.rests = sampling.rests(data, share=share)


def _some(data, part, share=1.0, empty=True, most=BARS):
    """At most so many bars of a part, whole phrases of four, spread over all songs, and the
    number of each one's song: (n, 96, 84), (n,).
    """
    rows, songs = data.rows(part, share, empty), data.songs(part, share, empty)
    starts = np.flatnonzero(songs[: len(songs) - PHRASE + 1] == songs[PHRASE - 1 :])
    if not len(starts):
        return data.take(part, rows[:most]), songs[:most]
    phrases = starts[np.linspace(0, len(starts) - 1, most // PHRASE).astype(int)]
    index = np.unique(phrases[:, None] + np.arange(PHRASE))[:most]
    return data.take(part, rows[index]), songs[index]


def measure_bars(
    bars: np.ndarray, groups: np.ndarray, references: References
) -> dict[str, dict[str, float]]:
    """The metrics of a record, of bars (N, 96, 84) and the song or phrase of each, (N,)."""
    bars, groups = np.asarray(bars), np.asarray(groups)
    silent = rolls.is_empty(bars)
    found = means_of_groups({"eb": 100.0 * silent}, groups)
    if silent.all():
        return found
    sound, own = bars[~silent], groups[~silent]
    each = rolls.each(sound)
    found |= means_of_groups(
        {k: (100 if k == "qn" else 1) * x for k, x in each.items()}, own
    )
    copied = {"copied_bars": rolls.copied_bars(sound, references.known)}
    found |= means_of_groups(copied, own)
    common, of = rolls.repetition(bars, groups)
    if len(common):
        found |= means_of_groups({"repetition": common}, of)
    found["distinct"] = len(set(rolls.bar_keys(sound))) / len(sound)
    # two bars at random, and what they have in common: near 1 once all noise gives one bar
    order = np.random.default_rng(0).permutation(len(sound))
    common = rolls.repetition(sound[order], np.zeros(len(sound)))[0]
    if len(common):
        found["alike"] = float(np.mean(common))
    for part in ("training", "validation", "heldout"):
        name = "overlap" if part == "training" else f"overlap_{part}"
        overlap = rolls.overlapping_area(each, getattr(references, part))
        found[name] = overlap.pop("mean")
        found |= {f"{name}_{k}": float(x) for k, x in overlap.items()}
    return found


def sampled(
    networks: sampling.Networks,
    n: int = BARS,
    rho: float = 0.0,
    rests: tuple[float, float, float] | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Bars in phrases of four, (n, 96, 84), and the number of each one's phrase, (n,)."""
    phrases = -(-n // PHRASE)
    made = sampling.sample_phrases(networks, phrases, PHRASE, rho, rests, seed)
    groups = np.repeat(np.arange(phrases), PHRASE)
    return made.reshape(-1, *made.shape[2:])[:n], groups[:n]


def measure_networks(
    networks: sampling.Networks, data: Bars, references: References, seed: int = 0
) -> tuple[dict[str, dict], np.ndarray]:
    """The metrics of a trained method; bars without a note are drawn apart unless it has
    learned them, and ``eb_learned`` is what G makes of its own. The bars come back, too.
    """
    learned = networks.config.empty
    rho = sampling.agreement(networks, data)
    given = (rho, None if learned else references.rests, seed)
    bars, groups = sampled(networks, BARS, *given)
    found = measure_bars(bars, groups, references) | {"rho": rho}
    own = sampling.sample_bars(networks, BARS // 4, seed + 1)
    found["eb_learned"] = 100 * float(rolls.is_empty(own).mean())
    for name, model in (("g", networks.g), ("d", networks.d)):
        found[f"parameters_{name}"] = weights_of(model)
    return found | {"steps": networks.config.steps}, bars


def measure_baseline(
    name: str, data: Bars, references: References, seed: int = 0
) -> tuple[dict[str, dict], np.ndarray]:
    """The metrics of a row that needs no training, and its bars. The overlap of "data" is
    that of two halves of the training songs.
    """
    part, share = ("train", PAPER["share"]) if name == "data" else ("test", 1.0)
    bars, songs = _some(data, part, share)
    if name == "permuted":
        bars = rolls.permuted(bars, seed)
    if name == "bernoulli":
        bars = rolls.bernoulli(bars, len(bars), seed)
    found = measure_bars(bars, songs, references)
    if name == "data":
        found |= _halves(bars, songs)
        found |= {f"{p}_bars": len(data.arrays[p]) for p in ("train", "test")}
        found |= {
            f"{p}_songs": len(set(data.songs(p, 1.0, True))) for p in ("train", "test")
        }
    return found, bars


def _halves(bars, songs):
    first = np.isin(songs, np.unique(songs)[::2])
    parts = [b[~rolls.is_empty(b)] for b in (bars[first], bars[~first])]
    if not all(map(len, parts)):
        return {}
    overlap = rolls.overlapping_area(*map(rolls.each, parts))
    mean = overlap.pop("mean")
    return {"overlap": mean} | {f"overlap_{k}": float(x) for k, x in overlap.items()}

"""What comes out of a trained generator: bars, phrases of several bars, MIDI files; and its
weights as a file. Chapter 6, LSTM and convolutional GANs, and
chapter 8.

The paper's networks make one bar. A phrase here is several bars whose noise agrees in part,
so that each alone is as before, and neighbours resemble each other; and bars without a note
are drawn apart, by how often one follows another in real songs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fusiontools.corpora.registry import credits
from fusiontools.errors import FusionError, RecordError
from fusiontools.music.midi import write_midi
from fusiontools.music.roll import decode_many_hot, join_bars
from fusiontools.papers.lstm_gan.config import Config
from fusiontools.papers.lstm_gan.data import LOW
from fusiontools.papers.lstm_gan.networks import Networks
from fusiontools.papers.lstm_gan.training import fine
from fusiontools.score import rolls
from fusiontools.training import (
    building,
    config_from,
    finished_weights,
    read_weights,
    save_weights,
)
from fusiontools.training import load_weights as load_into

if TYPE_CHECKING:
    from fusiontools.music.notes import Notes
    from fusiontools.papers.lstm_gan.data import Bars


__all__ = ["agreement", "load_weights", "rests", "sample_bars", "sample_midi"]
__all__ += ["sample_phrases", "save_generators", "shipped_weights", "to_notes"]

BPM = 120.0
USUAL = 0.8  # how much of their noise neighbouring bars share, where nothing tells
AGREEMENTS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


def sample_bars(networks: Networks, n: int, seed: int = 0) -> np.ndarray:
    """Bars of a generator, ndarray of bool, (n, 96, 84); the same seed gives the same."""
    dice = torch.Generator().manual_seed(seed)
    return fine(networks.bars(torch.randn(n, networks.noise, generator=dice), dice))


def sample_phrases(
    networks: Networks,
    n: int,
    bars: int = 4,
    rho: float = USUAL,
    empty: Sequence[float] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Phrases of several bars, ndarray of bool, (n, bars, 96, 84).

    Parameters
    ----------
    networks : Networks
    n, bars : int
    rho : float, 0 to 1
        How much of their noise the bars of a phrase share: 0 for bars that have nothing to
        do with each other, 1 for one bar again and again.
    empty : three floats, optional
        How often a bar has no note: the first of a phrase, one after a bar that has some,
        and one after a bar that has none; see `rests`. By default no bar is emptied.
    seed : int
    """
    if not 0 <= rho <= 1:
        raise ValueError(f"bars share {rho} of their noise: it is a share, from 0 to 1")
    dice = torch.Generator().manual_seed(seed)
    shared = torch.randn(n, 1, networks.noise, generator=dice)
    own = torch.randn(n, bars, networks.noise, generator=dice)
    # z_t = sqrt(rho) z_0 + sqrt(1 - rho) e_t: every z_t alone is N(0, I)
    z = rho**0.5 * shared + (1 - rho) ** 0.5 * own
    made = fine(networks.bars(z.flatten(0, 1), dice)).reshape(n, bars, 96, -1)
    if empty is not None:
        # u ~ U(0, 1), stratified: even a few phrases have the right share
        order = torch.rand(n, bars, generator=dice).argsort(0)
        u = ((order + torch.rand(n, bars, generator=dice)) / n).numpy()
        first, begins, goes_on = empty
        silent = u[:, 0] < first
        for t in range(bars):
            silent = u[:, t] < np.where(silent, goes_on, begins) if t else silent
            made[silent, t] = False
    return made


def rests(
    data: Bars, part: str = "train", share: float = 1.0
) -> tuple[float, float, float]:
    """How often a bar of a song has no note: any bar, one after a bar with notes, and one
    after a bar without. (Songs begin with rests more often than they end with them, so the
    first is not what the other two lead to.)
    """
    songs = data.songs(part, share, True)
    silent = ~data.arrays[part][data.rows(part, share, True)].any(1)
    same = songs[1:] == songs[:-1]
    before, after = silent[:-1][same], silent[1:][same]
    told = [silent, *(after[before == x] for x in (False, True))]
    first, sounding, resting = (float(x.mean()) if len(x) else 0.0 for x in told)
    return first, sounding, resting


def agreement(networks: Networks, data: Bars, phrases: int = 100, seed: int = 0) -> float:
    """The rho of `sample_phrases` with which neighbouring bars have as much in common as in
    the validation songs, by `fusiontools.score.rolls.repetition`.
    """
    bars = data.bars("validation", 1.0, True)
    pairs = rolls.repetition(bars, data.songs("validation", 1.0, True))[0]
    if not len(pairs):  # no song of these has two bars in a row
        return USUAL
    wanted = pairs.mean()
    numbers = np.repeat(np.arange(phrases), 4)

    def missed(rho):
        made = sample_phrases(networks, phrases, rho=rho, seed=seed).reshape(-1, 96, 84)
        common = rolls.repetition(made, numbers)[0]
        return abs(np.mean(common) - wanted) if len(common) else np.inf

    return min(AGREEMENTS, key=missed) if missed(USUAL) < np.inf else USUAL


def to_notes(phrase: np.ndarray, low: int = LOW) -> Notes:
    """A phrase, (bars, 96, 84), as `Notes` in beats."""
    return decode_many_hot(join_bars(phrase.astype(np.uint8)), low=low)


def sample_midi(
    networks: Networks,
    n: int,
    folder: str | os.PathLike,
    rho: float = USUAL,
    empty: Sequence[float] | None = None,
    seed: int = 0,
    name: str = "phrase",
) -> list[Path]:
    """Write `n` MIDI files of four bars, each with at least one note, and return their
    paths. FusionError if the generator makes hardly anything but silence.
    """
    folder, written = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for again in range(20):
        for phrase in sample_phrases(networks, n, 4, rho, empty, seed + 7919 * again):
            if phrase.any() and len(written) < n:
                written.append(folder / f"{name}_{len(written) + 1:03d}.mid")
                write_midi(to_notes(phrase), written[-1], bpm=BPM)
        if len(written) == n:
            return written
    says = f"only {len(written)} of {n} phrases have a note"
    raise FusionError(says, folder, "train the generator longer")


def save_generators(
    networks: dict[str, Networks], path: str | os.PathLike, data: Bars, **about: Any
) -> None:
    """Write generators as one file of weights, from a dict of methods to their `Networks`,
    and the `Bars` that they learned from. The rest: `fusiontools.training.save_weights`.
    """
    models = {method: own.g for method, own in networks.items()}
    share = max(own.config.share for own in networks.values())
    about |= {"paper": "lstm_gan", "data": data.name}
    about["rests"] = list(rests(data, share=share))
    about["methods"] = {method: asdict(own.config) for method, own in networks.items()}
    about["rho"] = {method: agreement(own, data) for method, own in networks.items()}
    names, terms = credits(data.about["corpora"])
    save_weights(models, path, corpora=names, terms=terms, **about)


def shipped_weights(data: str = "rock") -> Path:
    """Where the weights lie that come with the package, trained on some data."""
    folder = Path(str(resources.files("fusiontools"))) / "pretrained"
    return folder / f"lstm_gan_{data}.safetensors"


def load_weights(
    data: str = "rock", method: str | None = None, path: str | os.PathLike | None = None
) -> tuple[Networks, dict[str, list | str]]:
    """A generator in `Networks`, of weights that come with the package, or of your own, a
    file or the folder of a finished run, and what the file says; its "rho" and "rests" are
    what `sample_phrases` takes. The method is by default "cnn_lstm", or else the first; D
    is new. A RecordError says why there are none, or none of this kind.
    """
    path = shipped_weights(data) if path is None else Path(path)
    path = finished_weights(path) if path.is_dir() else path
    if path == shipped_weights(data) and not path.is_file():
        do = "train your own: python -m fusiontools train lstm_gan --run DIR"
        raise RecordError("no weights of these GANs come with the package", data, do)
    tensors, about = read_weights(path, "lstm_gan")
    held = about.get("methods")
    held = held if isinstance(held, dict) else {}
    method = method or ("cnn_lstm" if "cnn_lstm" in held else next(iter(held), "cnn_lstm"))
    if method not in held:
        do = f"choose one of {', '.join(held)}" if held else "choose another file"
        raise RecordError(f"no generator by the method {method!r}", path, do)
    # new networks throw dice; yours stay as are
    with (
        building(path, tensors, "weights of these GANs"),
        torch.random.fork_rng(devices=[]),
    ):
        made = {n: Networks(config_from(Config, own)) for n, own in held.items()}
        load_into(path, {name: own.g for name, own in made.items()})
        told: dict[str, Any] = {"method": method, "rho": float(about["rho"][method])}
        sample_phrases(made[method], 1, 1, told["rho"], about["rests"])  # it can write
    return made[method], about | told

"""What stands beside every method of chapter 4, Connective Fusion, and learns nothing:
trivial things done with a pair of ideas, what a musician would try first, real melodies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fusiontools.judges.reality import load_judge
from fusiontools.music.grid import HALF, HIGH, HOLD, LOW, repair_grid
from fusiontools.papers.connective_fusion.evidence.paper import INPUTS
from fusiontools.papers.connective_fusion.fusing import SHIPPED, decode, encode
from fusiontools.papers.connective_fusion.networks import join_halves
from fusiontools.score import baselines, markov
from fusiontools.score.latent import z_distance

if TYPE_CHECKING:
    from fusiontools.papers.connective_fusion.data import Windows
    from fusiontools.papers.connective_fusion.networks import Networks


__all__ = ["BASELINES", "PAIRS", "Inputs", "baseline", "guided", "inputs", "snapped"]
__all__ += ["unseen"]

PAIRS = 1000  # pairs a method
BASELINES = {
    "concatenate": "the two ideas side by side, as they are",
    "reconstruct": "the same as the VAE gives them back",
    "transpose": "the second idea moved to the key of the first, by the fewest semitones",
    "transpose_guided": "the second idea in that key, of all that fit, which the judge of "
    "train-1 likes best",
    "snap": "each note of the second idea moved to the nearest of the first idea's scale",
    "noise": "random steps in latent space, as long as those of corrected, λ 0.3",
    "shuffle": "the notes of each idea in random order",
    "half_and_half": "bars of the first and of the second idea in turn",
    "real": "eight bars that belong together, of songs that no model has learned from",
}
PART = "test"
REAL = "validation-1"  # neither the judge nor the matrices of the test part have seen it
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])  # semitones above the tonic of a major key


class Inputs(NamedTuple):
    """Pairs of ideas to be fused."""

    tokens: np.ndarray  # (N, 2, 64) uint8
    z: torch.Tensor  # (N, 2, Z)
    songs: np.ndarray  # (N, 2): of both halves; (N, 1), each its own, where there are none


def inputs(
    networks: Networks,
    data: Windows,
    kind: str = "test",
    n: int | None = None,
    seed: int = 0,
) -> Inputs:
    """Random pairs of ideas, sections 3.5 and 3.6, as `Inputs`; by default `PAIRS`.

    Of the kind "test": a first half of one window of the test part and a second half of
    another one (now and then of the same song), each in a random key that fits. Of the kind
    "prior": two samples of the prior.
    """
    if kind not in INPUTS:
        raise ValueError(f"inputs are {' or '.join(INPUTS)}, not {kind!r}")
    n, rng = n or PAIRS, np.random.default_rng([seed, list(INPUTS).index(kind)])
    if kind == "prior":
        z = rng.standard_normal((n, 2, networks.config.latent)).astype(np.float32)
        z = torch.from_numpy(z).to(networks.device)
        return Inputs(networks.vae.decode(z), z, np.arange(n)[:, None])
    numbers = [rng.integers(0, data.keys(PART), n) for _ in range(2)]
    first, second = (data.take(PART, own) for own in numbers)
    tokens = np.stack([first[:, :HALF], second[:, HALF:]], axis=1)
    songs = np.stack([data.songs_of(PART, own) for own in numbers], axis=1)
    return Inputs(tokens, encode(networks, tokens), songs)


def baseline(
    name: str,
    networks: Networks,
    data: Windows,
    pairs: Inputs,
    distance: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """What one of `BASELINES` makes of N pairs: melodies, shape (N, 128), uint8.

    "real" takes as many windows of songs that nothing here has learned from, whatever the
    pairs are; "noise" moves each pair as far as `distance` says, shape (N,).
    """
    rng = np.random.default_rng([seed, 2])
    left, right = pairs.tokens[:, 0], pairs.tokens[:, 1]
    if name == "concatenate":
        return join_halves(left, right)
    if name == "reconstruct":
        return decode(networks, pairs.z)
    if name == "transpose":
        return join_halves(left, baselines.to_key(left, right))
    if name == "transpose_guided":
        return guided(left, right, load_judge(SHIPPED, part="train-1"))
    if name == "snap":
        return join_halves(left, snapped(left, right))
    if name == "noise":
        step = rng.standard_normal(pairs.z.shape)
        sigma = networks.vae.sigma.cpu().numpy()
        far = z_distance(step, np.zeros_like(step), sigma).mean(-1)  # (N,)
        # dist(z + a e, z) = a^2 dist(z + e, z)
        step = step * np.sqrt(np.asarray(distance) / far)[:, None, None]
        step = torch.from_numpy(step.astype(np.float32)).to(pairs.z.device)
        return decode(networks, pairs.z + step)
    if name == "shuffle":
        halves = [baselines.shuffled_grid(half, rng) for half in (left, right)]
        return join_halves(*halves)
    if name == "half_and_half":
        return repair_grid(baselines.bars_in_turn(left, right))
    if name == "real":
        return unseen(data, len(left), seed)[0]
    raise ValueError(f"{name!r} is none of {', '.join(BASELINES)}")


def unseen(data: Windows, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Real windows of songs that nothing has learned from, each in a random key: (n, 128),
    and their songs, (n, 1).
    """
    numbers = np.random.default_rng([seed, 2]).integers(0, data.keys(REAL), n)
    return data.take(REAL, numbers), data.songs_of(REAL, numbers)[:, None]


def guided(left: np.ndarray, right: np.ndarray, judge: Callable) -> np.ndarray:
    """Each right half in that key, of all that fit, in which the judge likes the melody
    best: (N, T) twice -> (N, 2 T). Where it likes two as well, the nearer one.
    """
    right, sounds = right.astype(int), right > HOLD
    high = np.where(sounds, right, LOW).max(axis=1)
    low = np.where(sounds, right, HIGH).min(axis=1)
    best, most = np.zeros((len(left), 2 * HALF), np.uint8), np.full(len(left), -1.0)
    for step in sorted(range(LOW - HIGH, HIGH - LOW + 1), key=abs):
        fits = np.flatnonzero((low + step >= LOW) & (high + step <= HIGH))
        if not len(fits):
            continue
        moved = np.where(sounds, right + step, right)[fits].astype(np.uint8)
        tried = join_halves(left[fits], moved)
        liked = np.asarray(judge(tried))
        better = liked > most[fits]
        best[fits[better]], most[fits[better]] = tried[better], liked[better]
    return best


def snapped(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Right halves with each note moved to the nearest pitch of the left half's scale, the
    lower one of two: (N, T) twice -> (N, T). The scale is that of the key which fits the
    left half best; a minor key has the notes of its relative major.
    """
    lengths = markov.pitch_class_lengths(left, markov.note_lengths(left))
    key = markov.key_scores(lengths).argmax(axis=-1)  # (N,)
    tonic = np.where(key < 12, key, key + 3) % 12
    pitch = np.arange(LOW, HIGH + 1)
    nearest = np.arange(128) * np.ones((12, 1), int)
    for major in range(12):
        scale = pitch[np.isin((pitch - major) % 12, SCALE)]
        near = np.abs(pitch[:, None] - scale).argmin(axis=1)  # the first of two: the lower
        nearest[major, pitch] = scale[near]
    return np.where(right > HOLD, nearest[tonic[:, None], right], right).astype(np.uint8)

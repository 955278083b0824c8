"""From melodies to the numbers of a record: every method of Connective Fusion is measured
here in the same way, trained or not.

All methods get the same pairs. No table is made here, and no network is trained.

References
----------
Connective Fusion, sections 3.4 to 3.6.
"""

from typing import NamedTuple

import numpy as np
import torch

from fusiontools.judges.reality import load_judge
from fusiontools.music.grid import HIGH, HOLD, LOW, REST, decode_grid
from fusiontools.papers.connective_fusion.data import BAR, HALF, PARTS, join_halves
from fusiontools.papers.connective_fusion.fusing import SHIPPED, decode, encode, trajectory
from fusiontools.papers.connective_fusion.losses import divergence
from fusiontools.papers.connective_fusion.networks import as_tokens
from fusiontools.score import bootstrap, bootstrap_counts, copied_counts, ngrams
from fusiontools.score.latent import shares_below, within_and_between, z_distance
from fusiontools.score.markov import (
    STATISTICS,
    key_scores,
    markov_correlations,
    note_lengths,
    pitch_class_lengths,
    states,
    transition_counts,
)

__all__ = [
    "BASELINES",
    "INPUTS",
    "PAIRS",
    "Inputs",
    "References",
    "baseline",
    "inputs",
    "measure_model",
    "measure_vae",
    "metrics",
]
__all__ += [
    "distances",
    "figures",
    "moved",
    "shipped_judges",
    "styles",
    "token_distance",
    "variety",
]

PAIRS = 1000  # pairs a method
INPUTS = ("test", "prior")
BASELINES = {
    "concatenate": "the two ideas side by side, as they are",
    "reconstruct": "the same as the VAE gives them back",
    "transpose": "the second idea moved to the key of the first, by the fewest semitones",
    "noise": "random steps in latent space, as long as those of ours with lambda 0.3",
    "shuffle": "the notes of each idea in random order",
    "half_and_half": "bars of the first and of the second idea in turn",
    "real": "eight bars that belong together, of songs that no model has learned from",
}
PART = "test"
# of the row "real": neither the judge of the results nor the matrices of the test part have
# seen these songs
REAL = "validation-1"


class Inputs(NamedTuple):
    """Pairs of ideas to be fused."""

    tokens: np.ndarray  # (N, 2, 64) uint8
    z: torch.Tensor  # (N, 2, Z)


def inputs(networks, data, kind="test", n=None, seed=0):
    """Random pairs of ideas, sections 3.5 and 3.6.

    Parameters
    ----------
    networks : Networks
    data : Windows
    kind : {"test", "prior"}
        A first half of one window of the test part and a second half of another one (now
        and then of the same song), each in a random key that fits; or two samples of the
        prior.
    n : int, optional
        By default `PAIRS`.
    seed : int

    Returns
    -------
    Inputs
    """
    if kind not in INPUTS:
        raise ValueError(f"inputs are {' or '.join(INPUTS)}, not {kind!r}")
    n = PAIRS if n is None else n
    rng = np.random.default_rng([seed, INPUTS.index(kind)])
    if kind == "prior":
        z = torch.from_numpy(
            rng.standard_normal((n, 2, networks.config.latent)).astype(np.float32)
        ).to(networks.device)
        return Inputs(networks.vae.decode(z), z)
    keys = data.keys(PART)
    first, second = (data.take(PART, rng.integers(0, keys, n)) for _ in range(2))
    tokens = np.stack([first[:, :HALF], second[:, HALF:]], axis=1)
    return Inputs(tokens, encode(networks, tokens))


def styles(networks, n, seed=0):
    """A random style for each pair, (n, S)."""
    return torch.rand(
        n, networks.config.style, generator=torch.Generator().manual_seed(seed)
    ).to(networks.device)


def baseline(name, networks, data, pairs, distance=None, seed=0):
    """What a method that learns nothing makes of some pairs.

    Parameters
    ----------
    name : str
        One of `BASELINES`. "real" takes as many windows of songs that nothing here has
        learned from, whatever the pairs are.
    networks : Networks
    data : Windows
    pairs : Inputs
    distance : ndarray, shape (N,), optional
        For "noise": how far each pair is to be moved.
    seed : int

    Returns
    -------
    ndarray of uint8, shape (N, 128)
    """
    rng = np.random.default_rng([seed, 2])
    left, right = pairs.tokens[:, 0], pairs.tokens[:, 1]
    if name == "concatenate":
        return join_halves(left, right)
    if name == "reconstruct":
        return decode(networks, pairs.z)
    if name == "transpose":
        return join_halves(left, _to_key(left, right))
    if name == "noise":
        step = rng.standard_normal(pairs.z.shape)
        # dist(z + a e, z) = a^2 dist(z + e, z)
        step *= np.sqrt(
            np.asarray(distance)
            / z_distance(step, np.zeros_like(step), _sigma(networks)).mean(-1)
        )[:, None, None]
        return decode(
            networks, pairs.z + torch.from_numpy(step.astype(np.float32)).to(pairs.z.device)
        )
    if name == "shuffle":
        return join_halves(
            *(np.stack([_shuffled(row, rng) for row in half]) for half in (left, right))
        )
    if name == "half_and_half":
        bars = np.stack(
            [left.reshape(len(left), -1, BAR), right.reshape(len(right), -1, BAR)], axis=2
        )  # (N, 4, 2, 16)
        return join_halves(*np.moveaxis(bars.reshape(len(left), 2, HALF), 1, 0))
    if name == "real":
        return data.take(REAL, rng.integers(0, data.keys(REAL), len(left)))
    raise ValueError(f"{name!r} is none of {', '.join(BASELINES)}")


def _sigma(networks):
    return networks.vae.sigma.cpu().numpy()


def _to_key(left, right):
    """Right halves moved by the fewest semitones that bring their tonics to those of the
    left halves, and fit.
    """
    mode_and_tonic = [
        key_scores(pitch_class_lengths(half, note_lengths(half))).argmax(axis=-1)
        for half in (left, right)
    ]
    step = (
        mode_and_tonic[0] - mode_and_tonic[1] + 6
    ) % 12 - 6  # 24 keys, twelve of a mode: tonics agree modulo 12
    sounds = right > HOLD
    high, low = (
        np.where(sounds, right, LOW).max(axis=1).astype(int),
        np.where(sounds, right, HIGH).min(axis=1).astype(int),
    )
    for other in (
        step - 12 * np.sign(step),
        np.zeros_like(step),
    ):  # the other way round, or not at all
        step = np.where((high + step <= HIGH) & (low + step >= LOW), step, other)
    return np.where(sounds, right + step[:, None], right).astype(np.uint8)


def _shuffled(row, rng):
    """A half's notes and rests in random order, each as long as it was. Holds that it
    begins with lengthen what they come to follow.
    """
    parts = np.split(
        row, np.flatnonzero((row > HOLD) | (row == REST) & (np.roll(row, 1) != REST))
    )
    parts = [part for part in parts if len(part)]
    return np.concatenate([parts[i] for i in rng.permutation(len(parts))])


class References:
    """What melodies are measured against, made once for all methods.

    Parameters
    ----------
    data : Windows
    judges : dict of str to callable
        "reality" and "reality_features", from windows (N, 128) to probabilities (N,). None
        may have learned from "train-1".
    most : int
        Test windows, each in a random key, that the matrices are made of.

    Attributes
    ----------
    states : dict
        Of real test windows; see ``fusiontools.score.markov.states``.
    known : ndarray of uint64
        The runs of eight notes of all training windows.
    """

    def __init__(self, data, judges, most=20_000, seed=0):
        self.data, self.judges = data, judges
        rng = np.random.default_rng([seed, 3])
        keys = data.keys(PART)
        self.states = states(data.take(PART, np.sort(rng.permutation(keys)[:most])))
        # a run says nothing of its key, so the keys that the windows were found in are
        # enough
        self.known = np.unique(ngrams([decode_grid(row) for row in data.tokens("train-1")]))


def metrics(tokens, references, distance=None, repeats=300):
    """The metrics of a record, each with its 95 % interval over pairs.

    Pairs share songs, so that the intervals are a little too narrow.

    Parameters
    ----------
    tokens : ndarray of uint8, shape (N, 128)
    references : References
    distance : ndarray, shape (N,), optional
        How far each pair was moved, as the mean z-distance of its halves.
    repeats : int
        Bootstrap draws.

    Returns
    -------
    dict of str to dict
        For each judge its mean; for the first one ``reality_median`` and ``joined_share``,
        the share above 0.5; ``key_corr``, ``mp_corr``, ``md_corr``, ``pt_corr``,
        ``dt_corr``, if any window has notes in both halves; ``z_distance`` and
        ``z_distance_median``; ``copied_8gram``.
    """
    found = {}
    for name, judge in references.judges.items():
        verdicts = np.asarray(judge(tokens), dtype=np.float64)
        found[name] = bootstrap(np.mean, verdicts, repeats=repeats)
        if name == "reality":
            found["reality_median"] = bootstrap(np.median, verdicts, repeats=repeats)
            found["joined_share"] = bootstrap(
                np.mean, (verdicts > 0.5).astype(np.float64), repeats=repeats
            )
    joints = states(tokens)
    if (joints["key"] >= 0).all(axis=1).any():
        alike = markov_correlations(joints, references.states, repeats=repeats)
        found |= {f"{name}_corr": alike[name] for name in STATISTICS}
    if distance is not None:
        found["z_distance"] = bootstrap(np.mean, np.asarray(distance), repeats=repeats)
        found["z_distance_median"] = bootstrap(
            np.median, np.asarray(distance), repeats=repeats
        )
    copied = copied_counts([decode_grid(row) for row in tokens], references.known)
    found["copied_8gram"] = bootstrap_counts(
        lambda h: h[..., 0] / np.maximum(h[..., 1], 1), copied, repeats=repeats
    )
    return _plain(found)


@torch.no_grad()
def moved(networks, pairs, iterations=1, seed=0):
    """What a trained generator makes of pairs, iteration by iteration.

    Returns
    -------
    list of (tokens, distance)
        One a iteration: shapes (N, 128) and (N,).
    """
    path = trajectory(networks, pairs.z, styles(networks, len(pairs.z), seed), iterations)
    return [(decode(networks, z), distances(networks, z, path[0])) for z in path[1:]]


def distances(networks, after, before):
    """How far pairs were moved, as the mean z-distance of both halves: (N, 2, Z) twice ->
    (N,).
    """
    return z_distance(after.cpu().numpy(), before.cpu().numpy(), _sigma(networks)).mean(-1)


def variety(networks, pairs, iterations=1, n=200):
    """How much a style decides: what two random styles make of one pair, compared.

    Returns
    -------
    dict of str to dict
        ``style_pairs``, the share of pairs of which they make two different melodies;
        ``style_tokens``, the share of tokens that differ; ``style_distance``, their
        z-distance.
    """
    z = pairs.z[:n]
    one, two = (
        trajectory(networks, z, styles(networks, len(z), seed), iterations)[-1]
        for seed in (1, 2)
    )
    differ = (decode(networks, one) != decode(networks, two)).astype(np.float64)
    found = {
        "style_pairs": differ.max(axis=1),
        "style_tokens": differ.mean(axis=1),
        "style_distance": distances(networks, two, one),
    }
    return _plain(
        {name: bootstrap(np.mean, values, repeats=300) for name, values in found.items()}
    )


def figures(networks, data, most=60_000, pairs=1_000_000, seed=0):
    """The counts that Figures 5 and 6 are drawn from, and the learning curves of the
    judges.

    Parameters
    ----------
    networks : Networks
    data : Windows
    most : int
        Windows, of all parts and in all keys, that Figure 6 draws its pairs from.
    pairs : int
        Of halves; 1,000,000 in section 3.4.

    Returns
    -------
    dict of str to ndarray
        ``markov_{before,after,real}_{statistic}``, counts of shape (K, K);
        ``distance_edges``, ``distance_within``, ``distance_between``, ``distance_below``
        with shares below 1 and 3 within songs and between, ``distance_pairs`` with numbers
        of pairs kept and left out; ``distance_own_below`` and ``distance_own_pairs``, the
        same where every song stays in the key that it was found in; ``curve_{kind}`` with
        songs, accuracy, low and high.
    """
    found, two = {}, inputs(networks, data)
    ((after, _),) = moved(networks, two)
    real = References(data, {}).states
    for which, table in (
        ("before", states(baseline("concatenate", networks, data, two))),
        ("after", states(after)),
        ("real", real),
    ):
        found |= {
            f"markov_{which}_{name}": transition_counts(table[name], size)
            for name, size in STATISTICS.items()
        }
    rng, rows, songs = np.random.default_rng([seed, 4]), [], []
    total = sum(data.keys(part) for part in PARTS)
    for part in PARTS:
        own = np.sort(
            rng.permutation(data.keys(part))[: round(most * data.keys(part) / total)]
        )
        rows.append(data.take(part, own))
        songs.append(data.songs_of(part, own))
    halves = np.concatenate(rows).reshape(-1, HALF)
    z = np.concatenate(
        [
            encode(networks, halves[i : i + 2048]).cpu().numpy()
            for i in range(0, len(halves), 2048)
        ]
    )
    apart = within_and_between(
        z, np.repeat(np.concatenate(songs), 2), halves, _sigma(networks), pairs, seed
    )
    # the same in the keys that the songs were found in
    rows, named = (
        np.concatenate([data.tokens(part) for part in PARTS]).reshape(-1, HALF),
        [data.songs(part) for part in PARTS],
    )
    own = np.concatenate(
        [
            encode(networks, rows[i : i + 2048]).cpu().numpy()
            for i in range(0, len(rows), 2048)
        ]
    )
    found_key = within_and_between(
        own, np.repeat(np.concatenate(named), 2), rows, _sigma(networks), pairs, seed
    )
    found["distance_own_below"] = np.stack(
        [shares_below(found_key.within, (1, 3)), shares_below(found_key.between, (1, 3))]
    )
    found["distance_own_pairs"] = np.array(
        [
            len(found_key.within),
            len(found_key.between),
            found_key.identical_within,
            found_key.identical_between,
        ]
    )
    edges = np.geomspace(0.01, 1000, 61)
    found |= {
        "distance_edges": edges,
        "distance_within": np.histogram(apart.within, edges)[0],
    }
    found |= {"distance_between": np.histogram(apart.between, edges)[0]}
    found["distance_below"] = np.stack(
        [shares_below(apart.within, (1, 3)), shares_below(apart.between, (1, 3))]
    )
    found["distance_pairs"] = np.array(
        [
            len(apart.within),
            len(apart.between),
            apart.identical_within,
            apart.identical_between,
        ]
    )
    for kind in ("transformer", "features"):
        curve = load_judge(SHIPPED, kind).about["learning_curve"]
        found[f"curve_{kind}"] = np.array(
            [
                [point[name] for name in ("songs", "accuracy", "low", "high")]
                for point in curve
            ]
        )
    return found


def token_distance(networks, tokens, pairs):
    """How far whole melodies stand from the pairs that they were made of: both are encoded.
    (N, 128) -> (N,)
    """
    return distances(
        networks,
        encode(networks, tokens.reshape(-1, 2, HALF)),
        encode(networks, pairs.tokens),
    )


def measure_vae(networks, data, most=None):
    """How well a VAE gives back the halves of the test part, in the keys that they were
    found in.

    Intervals are over windows.

    Returns
    -------
    dict of str to dict
        ``token_accuracy``, ``onset_pitch_accuracy``, ``kl``, and ``hold_accuracy``, what
        "all hold" scores.
    """
    x = as_tokens(data.tokens(PART)[:most].reshape(-1, HALF), networks.device)
    counts = np.concatenate([_vae_counts(networks.vae, part) for part in x.split(1024)])
    counts = counts.reshape(len(counts) // 2, 2, -1).sum(axis=1)  # one row a window
    names = {
        "token_accuracy": (0, 5),
        "onset_pitch_accuracy": (1, 2),
        "kl": (3, 6),
        "hold_accuracy": (4, 5),
    }
    found = {}
    for name, (top, bottom) in names.items():
        found[name] = bootstrap_counts(
            lambda h, top=top, bottom=bottom: h[..., top] / h[..., bottom],
            counts,
            repeats=300,
        )
    return _plain(found)


@torch.no_grad()
def _vae_counts(vae, x):
    """(B, T) -> (B, 7): right tokens, right onsets, onsets, nats, holds, tokens, halves."""
    mean, log_var = vae.encode(x)
    found = as_tokens(vae.decode(mean), x.device)
    right, onset = found == x, x > 1
    sums = [
        right.sum(1),
        (right & onset).sum(1),
        onset.sum(1),
        divergence(mean, log_var),
        (x == 1).sum(1),
    ]
    ones = torch.ones(len(x), device=x.device)
    return (
        torch.stack([*(t.to(torch.float64) for t in sums), x.shape[1] * ones, ones], dim=1)
        .cpu()
        .numpy()
    )


def _plain(found):
    return {
        name: {"value": float(v.value), "low": float(v.low), "high": float(v.high)}
        for name, v in found.items()
    }


def shipped_judges():
    """The judges that a page measures with: the transformer, and the one that weighs
    features.
    """
    return {
        "reality": load_judge(SHIPPED),
        "reality_features": load_judge(SHIPPED, "features"),
    }


def measure_model(networks, data, judges=None, n=None, seed=0):
    """What a training is told to have reached: the VAE on the test part, and pairs of test
    halves fused once.

    Parameters
    ----------
    networks : Networks
    data : Windows
    judges : dict of str to callable, optional
        By default those that come with the package.
    n : int, optional
        Pairs; by default `PAIRS`.
    seed : int

    Returns
    -------
    dict of str to dict
        See `metrics` and `measure_vae`; ``reality_before`` is the median before fusing.
        Without the phase "fusion" only the VAE's.
    """
    found = measure_vae(networks, data)
    if "fusion" not in networks.config.phases:
        return found
    references = References(data, shipped_judges() if judges is None else judges)
    pairs = inputs(networks, data, n=n, seed=seed)
    before = metrics(baseline("concatenate", networks, data, pairs), references)[
        "reality_median"
    ]
    ((tokens, distance),) = moved(networks, pairs, seed=seed)
    return found | {"reality_before": before} | metrics(tokens, references, distance)

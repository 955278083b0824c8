"""From melodies to the numbers of a record: every method of chapter 4, Connective Fusion,
is measured in the same way and on the same pairs, trained or not; sections 3.4 to 3.6.
"""

from typing import NamedTuple

import numpy as np
import torch

from fusiontools.judges.reality import load_judge
from fusiontools.music.grid import HALF, HOLD, decode_grid, repair_grid
from fusiontools.papers.connective_fusion.data import PARTS
from fusiontools.papers.connective_fusion.evidence.paper import FIGURE_6, INPUTS
from fusiontools.papers.connective_fusion.fusing import SHIPPED, decode, encode, trajectory
from fusiontools.papers.connective_fusion.networks import as_tokens, join_halves
from fusiontools.papers.connective_fusion.phases import AT_ONCE, reconstruction_counts
from fusiontools.score import baselines, markov
from fusiontools.score.copying import copied_counts, ngrams
from fusiontools.score.intervals import bootstrap, bootstrap_counts
from fusiontools.score.latent import shares_below, within_and_between, z_distance

__all__ = ["BASELINES", "PAIRS", "Inputs", "References", "baseline", "distances", "figures"]
__all__ += ["inputs", "measure_model", "measure_vae", "metrics", "moved", "shipped_judges"]
__all__ += ["styles", "token_distance", "variety"]

PAIRS = 1000  # pairs a method
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
REAL = "validation-1"  # neither the judge nor the matrices of the test part have seen it
REPEATS = 300  # bootstrap draws


class Inputs(NamedTuple):
    """Pairs of ideas to be fused."""

    tokens: np.ndarray  # (N, 2, 64) uint8
    z: torch.Tensor  # (N, 2, Z)


def inputs(networks, data, kind="test", n=None, seed=0):
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
        return Inputs(networks.vae.decode(z), z)
    keys = data.keys(PART)
    first, second = (data.take(PART, rng.integers(0, keys, n)) for _ in range(2))
    tokens = np.stack([first[:, :HALF], second[:, HALF:]], axis=1)
    return Inputs(tokens, encode(networks, tokens))


def styles(networks, n, seed=0):
    """A random style for each pair, (n, S)."""
    dice = torch.Generator().manual_seed(seed)
    return torch.rand(n, networks.config.style, generator=dice).to(networks.device)


def baseline(name, networks, data, pairs, distance=None, seed=0):
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
    if name == "noise":
        step = rng.standard_normal(pairs.z.shape)
        far = z_distance(step, np.zeros_like(step), _sigma(networks)).mean(-1)  # (N,)
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
        return data.take(REAL, rng.integers(0, data.keys(REAL), len(left)))
    raise ValueError(f"{name!r} is none of {', '.join(BASELINES)}")


class References:
    """What melodies are measured against, made once for all methods.

    `judges`, "reality" and "reality_features", take windows (N, 128) and give probabilities
    (N,); none may have learned from "train-1". The matrices are made of up to `most` test
    windows, each in a random key.
    """

    def __init__(self, data, judges, most=20_000, seed=0):
        self.data, self.judges = data, judges
        rng = np.random.default_rng([seed, 3])
        some = np.sort(rng.permutation(data.keys(PART))[:most])  # real test windows
        self.states = markov.states(data.take(PART, some))
        # the runs of eight notes of all training windows: they say nothing of their key
        self.known = np.unique(ngrams([decode_grid(row) for row in data.tokens("train-1")]))


def metrics(tokens, references, distance=None, repeats=REPEATS):
    """The metrics of a record, each with its 95 % interval over pairs: a little too narrow,
    for pairs share songs. `tokens` are N melodies (N, 128); `distance`, (N,), says how far
    each pair was moved, as the mean z-distance of its halves.

    They are: for each judge its mean; for the first one ``reality_median`` and
    ``joined_share``, the share above 0.5; ``key_corr`` and so on, if any window has notes
    in both halves; ``z_distance``, ``z_distance_median``; ``copied_8gram``.
    """
    values = {}  # what is averaged over pairs: a statistic, and a number a pair
    for name, judge in references.judges.items():
        values[name] = np.mean, np.asarray(judge(tokens), np.float64)
    if "reality" in values:
        verdicts = values["reality"][1]
        values["reality_median"] = np.median, verdicts
        values["joined_share"] = np.mean, (verdicts > 0.5).astype(np.float64)
    if distance is not None:
        values["z_distance"] = np.mean, np.asarray(distance)
        values["z_distance_median"] = np.median, np.asarray(distance)
    found = {k: bootstrap(*v, repeats=repeats) for k, v in values.items()}
    joints = markov.states(tokens)
    if (joints["key"] >= 0).all(axis=1).any():
        alike = markov.markov_correlations(joints, references.states, repeats=repeats)
        found |= {f"{name}_corr": r for name, r in alike.items()}
    copied = copied_counts([decode_grid(row) for row in tokens], references.known)
    found["copied_8gram"] = bootstrap_counts(_share, copied, repeats=repeats)
    return _plain(found)


def _share(counts):
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def _plain(found):
    """Intervals as a record holds them."""
    names = ("value", "low", "high")
    return {k: dict(zip(names, map(float, interval))) for k, interval in found.items()}


def _sigma(networks):
    return networks.vae.sigma.cpu().numpy()


@torch.no_grad()
def moved(networks, pairs, iterations=1, seed=0):
    """What a trained generator makes of pairs, iteration by iteration: a list of (tokens,
    distance), shapes (N, 128) and (N,).
    """
    path = trajectory(networks, pairs.z, styles(networks, len(pairs.z), seed), iterations)
    return [(decode(networks, z), distances(networks, z, path[0])) for z in path[1:]]


def distances(networks, after, before):
    """How far pairs were moved, as the mean z-distance of both halves: (N, 2, Z) twice ->
    (N,).
    """
    after, before = after.cpu().numpy(), before.cpu().numpy()
    return z_distance(after, before, _sigma(networks)).mean(-1)


def token_distance(networks, tokens, pairs):
    """How far whole melodies stand from the pairs that they were made of: both are encoded.
    (N, 128) -> (N,)
    """
    after = encode(networks, tokens.reshape(-1, 2, HALF))
    return distances(networks, after, encode(networks, pairs.tokens))


def variety(networks, pairs, iterations=1, n=200):
    """How much a style decides: of what two random styles make of one pair,
    ``style_pairs``, the share of pairs with two different melodies, ``style_tokens``, the
    share of tokens that differ, and ``style_distance``, the z-distance between them.
    """
    z, ends = pairs.z[:n], []
    for seed in (1, 2):
        style = styles(networks, len(z), seed)
        ends.append(trajectory(networks, z, style, iterations)[-1])
    one, two = (decode(networks, end) for end in ends)
    differ = (one != two).astype(np.float64)
    found = {"style_pairs": differ.max(axis=1), "style_tokens": differ.mean(axis=1)}
    found["style_distance"] = distances(networks, ends[1], ends[0])
    return _plain({k: bootstrap(np.mean, v, repeats=REPEATS) for k, v in found.items()})


def measure_vae(networks, data, most=None):
    """How well a VAE gives back the halves of the test part, in the keys that they were
    found in: ``token_accuracy``, ``onset_pitch_accuracy``, ``kl``, and ``hold_accuracy``,
    what "all hold" scores. Intervals are over windows.
    """
    x = as_tokens(data.tokens(PART)[:most].reshape(-1, HALF), networks.device)
    parts = [reconstruction_counts(networks.vae, part) for part in x.split(AT_ONCE)]
    counts = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    ones = torch.ones(len(x))
    counts |= {"holds": (x == HOLD).sum(1), "tokens": x.shape[1] * ones, "halves": ones}
    shares = {"token_accuracy": ("right", "tokens"), "kl": ("nats", "halves")}
    shares["onset_pitch_accuracy"] = ("right_onsets", "onsets")
    shares["hold_accuracy"] = ("holds", "tokens")
    found = {}
    for name, (top, bottom) in shares.items():
        pair = [counts[k].to("cpu", torch.float64).numpy() for k in (top, bottom)]
        windows = np.stack(pair, axis=1).reshape(-1, 2, 2).sum(axis=1)  # of two halves each
        found[name] = bootstrap_counts(_share, windows, repeats=REPEATS)
    return _plain(found)


def shipped_judges():
    """The judges that ship: the transformer, and the one that weighs features."""
    first, second = load_judge(SHIPPED), load_judge(SHIPPED, "features")
    return {"reality": first, "reality_features": second}


def measure_model(networks, data, judges, n=None, seed=0):
    """What a training is told to have reached: `measure_vae`, and the `metrics` of `n`
    pairs of test halves fused once; ``reality_before`` is the median before fusing.
    """
    found, references = measure_vae(networks, data), References(data, judges)
    pairs = inputs(networks, data, n=n, seed=seed)
    plain = metrics(baseline("concatenate", networks, data, pairs), references)
    ((tokens, distance),) = moved(networks, pairs, seed=seed)
    found["reality_before"] = plain["reality_median"]
    return found | metrics(tokens, references, distance)


# --- what Figures 5 and 6 are drawn from ---


def figures(networks, data, most=60_000, pairs=FIGURE_6["pairs"], seed=0):
    """The counts that Figures 5 and 6 are drawn from, and the learning curves of the
    judges, as arrays by name. Figure 6 takes `pairs` of halves out of `most` windows of all
    parts and keys.

    ``markov_{before,after,real}_{statistic}`` are counts, (K, K). ``distance_within`` and
    ``distance_between`` songs, (B,), lie between ``distance_edges``, (B + 1,);
    ``distance_below``, (2, 2), has the shares below 1 and 3; ``distance_pairs``, (4,), how
    many pairs of each were counted, then how many were left out as identical;
    ``distance_own_below`` and ``distance_own_pairs`` the same where every song stays in the
    key that it was found in. ``curve_{kind}``, (n, 4): songs, accuracy, low, high.
    """
    two = inputs(networks, data)
    ((after, _),) = moved(networks, two)
    tables = {"before": markov.states(baseline("concatenate", networks, data, two))}
    tables |= {"after": markov.states(after), "real": References(data, {}).states}
    found = {}
    for which, table in tables.items():
        for name, size in markov.STATISTICS.items():
            found[f"markov_{which}_{name}"] = markov.transition_counts(table[name], size)
    rng, rows, songs = np.random.default_rng([seed, 4]), [], []
    total = sum(data.keys(part) for part in PARTS)
    for part in PARTS:
        share = round(most * data.keys(part) / total)
        own = np.sort(rng.permutation(data.keys(part))[:share])
        rows.append(data.take(part, own))
        songs.append(data.songs_of(part, own))
    apart = _apart(networks, rows, songs, pairs, seed)
    # the same in the keys that the songs were found in
    rows, songs = zip(*((data.tokens(part), data.songs(part)) for part in PARTS))
    own = _apart(networks, rows, songs, pairs, seed)
    for name, one in (("distance", apart), ("distance_own", own)):
        kinds = (one.within, one.between)
        below = [shares_below(kind, FIGURE_6["thresholds"]) for kind in kinds]
        counted = [*map(len, kinds), one.identical_within, one.identical_between]
        found |= {f"{name}_below": np.stack(below), f"{name}_pairs": np.array(counted)}
    found["distance_edges"] = edges = np.geomspace(0.01, 1000, 61)
    found["distance_within"] = np.histogram(apart.within, edges)[0]
    found["distance_between"] = np.histogram(apart.between, edges)[0]
    names = ("songs", "accuracy", "low", "high")
    for kind in ("transformer", "features"):
        curve = load_judge(SHIPPED, kind).about["learning_curve"]
        found[f"curve_{kind}"] = np.array([[at[name] for name in names] for at in curve])
    return found


def _apart(networks, rows, songs, pairs, seed):
    """How far apart halves of windows lie, within songs and between."""
    halves, songs = np.concatenate(rows).reshape(-1, HALF), np.concatenate(songs)
    parts = [halves[i : i + 2048] for i in range(0, len(halves), 2048)]
    z = np.concatenate([encode(networks, part).cpu().numpy() for part in parts])
    songs = np.repeat(songs, 2)
    return within_and_between(z, songs, halves, _sigma(networks), pairs, seed)

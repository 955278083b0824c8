"""From melodies to the numbers of a record: every method of chapter 4, Connective Fusion,
is measured in the same way and on the same pairs, trained or not; sections 3.4 to 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fusiontools.judges.reality import KINDS, load_judge
from fusiontools.music.grid import BAR, HALF, HOLD, decode_grid
from fusiontools.papers.connective_fusion.data import PARTS
from fusiontools.papers.connective_fusion.evidence.paper import FIGURE_6
from fusiontools.papers.connective_fusion.evidence.trivial import PART, baseline, inputs
from fusiontools.papers.connective_fusion.fusing import SHIPPED, decode, encode, trajectory
from fusiontools.papers.connective_fusion.networks import as_tokens
from fusiontools.papers.connective_fusion.phases import AT_ONCE, reconstruction_counts
from fusiontools.score import markov
from fusiontools.score.copying import copied_counts, ngrams
from fusiontools.score.intervals import bootstrap, bootstrap_counts, means_of_groups
from fusiontools.score.latent import shares_below, within_and_between, z_distance

if TYPE_CHECKING:
    from fusiontools.papers.connective_fusion.data import Windows
    from fusiontools.papers.connective_fusion.evidence.trivial import Inputs
    from fusiontools.papers.connective_fusion.networks import Networks
    from fusiontools.score.intervals import Interval


__all__ = ["References", "between", "distances", "figures", "means", "measure_model"]
__all__ += ["measure_vae", "metrics", "motif_choice", "moved", "of_halves", "over_songs"]
__all__ += ["repeated_bars", "shipped_judges", "styles", "token_distance", "variety"]

REPEATS = 300  # bootstrap draws


def styles(networks: Networks, n: int, seed: int = 0) -> torch.Tensor:
    """A random style for each pair, (n, S)."""
    dice = torch.Generator().manual_seed(seed)
    return torch.rand(n, networks.config.style, generator=dice).to(networks.device)


class References:
    """What melodies are measured against, made once for all methods.

    `judges`, such as those of `shipped_judges`, take windows (N, 128) and give
    probabilities (N,); none may have learned from "train-1". The matrices are made of up to
    `most` test windows, each in a random key.
    """

    def __init__(
        self, data: Windows, judges: dict[str, Any], most: int = 20_000, seed: int = 0
    ) -> None:
        self.data, self.judges = data, judges
        rng = np.random.default_rng([seed, 3])
        some = np.sort(rng.permutation(data.keys(PART))[:most])  # real test windows
        self.states = markov.states(data.take(PART, some))
        # the runs of eight notes of all training windows: they say nothing of their key
        self.known = np.unique(ngrams([decode_grid(row) for row in data.tokens("train-1")]))

    def verdicts(self, tokens: np.ndarray) -> dict[str, np.ndarray]:
        """What each judge says of each melody: its name to (N,)."""
        return {k: np.asarray(judge(tokens), float) for k, judge in self.judges.items()}


def metrics(
    tokens: np.ndarray,
    references: References,
    songs: np.ndarray | None = None,
    distance: np.ndarray | None = None,
    beside: dict[str, dict[str, np.ndarray]] | None = None,
    repeats: int = REPEATS,
) -> dict[str, dict[str, float]]:
    """The metrics of a record, each with its 95 % interval over songs.

    `tokens` are N melodies (N, 128). `songs`, (N, 1) or (N, 2), are those that each was
    made of, by default its own; where it was made of two, both are drawn again: pairs that
    share a song say much the same. `distance`, (N,), says how far each pair was moved, as
    the mean z-distance of its halves. `beside` has verdicts on what another method made of
    the same pairs, by a prefix: "gain" gives the mean differences ``gain_reality`` and so
    on, pair by pair.

    They are: for each judge its mean; for the first one ``reality_median`` and
    ``joined_share``, the share above 0.5; differences; ``z_distance``; ``copied_8gram``;
    ``motifs``, see `repeated_bars`; what `of_halves` gives; and ``key_corr`` and so on, if
    any window has notes in both halves.
    """
    songs = np.arange(len(tokens))[:, None] if songs is None else songs
    verdicts = references.verdicts(tokens)
    each = verdicts | of_halves(tokens)
    for prefix, other in (beside or {}).items():
        each |= {f"{prefix}_{k}": verdicts[k] - own for k, own in other.items()}
    if "reality" in verdicts:
        each["joined_share"] = verdicts["reality"] > 0.5
    if distance is not None:
        each["z_distance"] = np.asarray(distance)
    found = means(each, songs, repeats)
    copied = copied_counts([decode_grid(row) for row in tokens], references.known)
    for name, counts in {"copied_8gram": copied, "motifs": repeated_bars(tokens)}.items():
        found |= means({name: counts[:, 0]}, songs, repeats, of=counts[:, 1])
    if "reality" in verdicts:
        median = over_songs(partial(_median, verdicts["reality"]), songs, repeats)
        found["reality_median"] = _plain(median)
    joints = markov.states(tokens)
    if (joints["key"] >= 0).all(axis=1).any():
        alike = partial(_correlations, joints, references.states)
        all_five = over_songs(alike, songs, repeats, kind="basic")
        for name, *interval in zip(markov.STATISTICS, *all_five):
            found[f"{name}_corr"] = _plain(interval)
    return found


def means(
    each: dict[str, np.ndarray],
    songs: np.ndarray,
    repeats: int = REPEATS,
    of: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Means of what N melodies have, by name; `songs`, (N, 1) or (N, 2): see `metrics`."""
    first, *second = songs.T
    others = second[0] if second else None
    return means_of_groups(each, first, of, others, repeats)


def over_songs(
    statistic: Callable, songs: np.ndarray, repeats: int = REPEATS, kind: str = "percentile"
) -> Interval:
    """The interval of a statistic of N melodies' weights, int (N,), over their songs: see
    `metrics`, and `fusiontools.score.intervals.means_of_groups`, which draws the same songs
    and does it for means.
    """
    sides = [np.unique(side, return_inverse=True)[1] for side in songs.T]

    def drawn(*chosen):
        weights = np.ones(len(songs), int)
        for side, picked in zip(sides, chosen):
            weights = weights * np.bincount(picked, minlength=side.max() + 1)[side]
        # of a toy's few songs a draw may leave no pair: then it counts them all
        return statistic(weights if weights.any() else np.ones(len(songs), int))

    names = [np.arange(side.max() + 1) for side in sides]
    return bootstrap(drawn, *names, repeats=repeats, kind=kind)


def _median(x, weights):
    order = np.argsort(x)
    below = np.cumsum(weights[order])
    middle = [np.searchsorted(below, below[-1] / 2, side) for side in ("left", "right")]
    return x[order][middle].mean()


def _correlations(joints, real, weights):
    """How alike five Markov matrices are to those of real melodies, each weighed: (5,)."""
    rows, found = np.repeat(np.arange(len(weights)), weights), []
    for name, size in markov.STATISTICS.items():
        tables = (joints[name][rows], real[name])
        two = [markov.markov_matrix(markov.transition_counts(t, size)) for t in tables]
        found.append(markov.matrix_correlation(*two))
    return found


def _share(counts):
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def _plain(interval):
    """An interval as a record holds it."""
    return dict(zip(("value", "low", "high"), map(float, interval)))


def repeated_bars(tokens: np.ndarray) -> np.ndarray:
    """Motifs: how many bars of the second half stand in the first one already, at the same
    or at another pitch, and how many bars of it have notes: (N, 128) -> (N, 2). A bar
    stands there if rests, holds and starts are the same, cell by cell, and so are the
    intervals between its notes.
    """
    bars = markov.halves(tokens).astype(int).reshape(len(tokens), 2, -1, BAR)
    some = (bars[:, 1] > HOLD).any(axis=-1)  # (N, 4)
    # pitches below the bar's highest: -2 and less
    shape = np.where(bars > HOLD, bars - bars.max(axis=-1, keepdims=True) - 2, bars)
    same = (shape[:, 1, :, None] == shape[:, 0, None]).all(axis=-1).any(axis=-1)
    return np.stack([(same & some).sum(axis=1), some.sum(axis=1)], axis=1)


def of_halves(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """What Figure 1 is about, as numbers of each melody (N, 128): ``pitch_class_overlap``,
    the pitch classes that both halves have among those that one has, and
    ``duration_spread``, the standard deviation of the notes' durations, in doublings.
    """
    cut = markov.halves(tokens)
    lengths = markov.note_lengths(cut)
    there = markov.pitch_class_lengths(cut, lengths) > 0  # (N, 2, 12)
    both, one = there.all(axis=1).sum(axis=-1), there.any(axis=1).sum(axis=-1)
    lengths = lengths.reshape(len(tokens), -1)
    size = np.ma.masked_array(np.log2(np.maximum(lengths, 1)), lengths == 0)
    spread = np.ma.filled(size.std(axis=1), 0.0)
    return {"pitch_class_overlap": both / np.maximum(one, 1), "duration_spread": spread}


def between(
    path: Sequence[tuple[float, dict]], distance: float
) -> dict[str, np.ndarray] | None:
    """Verdicts pair by pair at a mean z-distance, on straight lines between the nearer two
    of what was measured: `path` has, for each, a distance and verdicts by judge, (N,).
    None outside of its span.
    """
    path = sorted(path, key=lambda one: one[0])
    far = [one for one, _ in path]
    if not path or not far[0] <= distance <= far[-1]:
        return None
    i = min(max(int(np.searchsorted(far, distance)), 1), len(path) - 1)
    (low, one), (high, other) = path[i - 1], path[i]
    share = (distance - low) / max(high - low, 1e-12)
    return {name: (1 - share) * one[name] + share * other[name] for name in one}


@torch.no_grad()
def moved(
    networks: Networks, pairs: Inputs, iterations: int = 1, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What a trained generator makes of pairs, iteration by iteration: a list of (tokens,
    distance), shapes (N, 128) and (N,).
    """
    path = trajectory(networks, pairs.z, styles(networks, len(pairs.z), seed), iterations)
    return [(decode(networks, z), distances(networks, z, path[0])) for z in path[1:]]


def distances(networks: Networks, after: torch.Tensor, before: torch.Tensor) -> np.ndarray:
    """How far pairs were moved, as the mean z-distance of both halves: (N, 2, Z) twice ->
    (N,).
    """
    after, before = after.cpu().numpy(), before.cpu().numpy()
    return z_distance(after, before, networks.vae.sigma.cpu().numpy()).mean(-1)


def token_distance(networks: Networks, tokens: np.ndarray, pairs: Inputs) -> np.ndarray:
    """How far whole melodies stand from the pairs that they were made of: both are encoded.
    (N, 128) -> (N,)
    """
    after = encode(networks, tokens.reshape(-1, 2, HALF))
    return distances(networks, after, encode(networks, pairs.tokens))


@torch.no_grad()
def motif_choice(
    networks: Networks, pairs: Inputs, many: int = 50, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Of what `many` styles make of each pair, the melody whose second half repeats most
    bars of the first, as a share; of several the one that moved least: (tokens, distance).
    """
    best, far, most = 0, 0, np.full(len(pairs.z), -np.inf)
    for i in range(many):
        ((tokens, distance),) = moved(networks, pairs, seed=1000 * seed + i)
        same, bars = repeated_bars(tokens).T
        liked = same / np.maximum(bars, 1) - 1e-6 * distance
        better, most = liked > most, np.maximum(most, liked)
        best = np.where(better[:, None], tokens, best)
        far = np.where(better, distance, far)
    return best.astype(np.uint8), far


def variety(
    networks: Networks, pairs: Inputs, iterations: int = 1, n: int = 200
) -> dict[str, dict[str, float]]:
    """How much a style decides: of what two random styles make of one pair,
    ``style_pairs``, the share of pairs with two different melodies, ``style_tokens``, the
    share of tokens that differ, and ``style_distance``, the z-distance between them.
    """
    z, songs, ends = pairs.z[:n], pairs.songs[:n], []
    for seed in (1, 2):
        style = styles(networks, len(z), seed)
        ends.append(trajectory(networks, z, style, iterations)[-1])
    one, two = (decode(networks, end) for end in ends)
    differ = (one != two).astype(np.float64)
    found = {"style_pairs": differ.max(axis=1), "style_tokens": differ.mean(axis=1)}
    found["style_distance"] = distances(networks, ends[1], ends[0])
    return means(found, songs)


def measure_vae(
    networks: Networks, data: Windows, most: int | None = None
) -> dict[str, dict[str, float]]:
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
        found[name] = _plain(bootstrap_counts(_share, windows, repeats=REPEATS))
    return found


def shipped_judges() -> Any:
    """The three judges that ship and mark: the transformer, the one that weighs features,
    and the one that hears each half by itself.
    """
    names = ("reality", "reality_features", "reality_third")
    return {name: load_judge(SHIPPED, kind) for name, kind in zip(names, KINDS)}


def measure_model(
    networks: Networks,
    data: Windows,
    judges: dict[str, Any],
    n: int | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """What a training is told to have reached: `measure_vae`, and the `metrics` of `n`
    pairs of test halves fused once; ``reality_before`` is the median before fusing.
    """
    found, references = measure_vae(networks, data), References(data, judges)
    pairs = inputs(networks, data, n=n, seed=seed)
    plain = metrics(baseline("concatenate", networks, data, pairs), references, pairs.songs)
    ((tokens, distance),) = moved(networks, pairs, seed=seed)
    found["reality_before"] = plain["reality_median"]
    return found | metrics(tokens, references, pairs.songs, distance)


# --- what Figures 5 and 6 are drawn from ---


def figures(
    networks: Networks,
    data: Windows,
    most: int = 60_000,
    pairs: int = FIGURE_6["pairs"],
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The counts that Figures 5 and 6 are drawn from, as arrays by name. Figure 6 takes
    `pairs` of halves out of `most` windows of all parts and keys.

    ``markov_{before,after,real}_{statistic}`` are counts, (K, K). ``distance_within`` and
    ``distance_between`` songs, (B,), lie between ``distance_edges``, (B + 1,);
    ``distance_below``, (2, 2), has the shares below 1 and 3; ``distance_pairs``, (4,), how
    many pairs of each were counted, then how many were left out as identical.
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
    kinds = (apart.within, apart.between)
    below = [shares_below(kind, FIGURE_6["thresholds"]) for kind in kinds]
    counted = [*map(len, kinds), apart.identical_within, apart.identical_between]
    found |= {"distance_below": np.stack(below), "distance_pairs": np.array(counted)}
    found["distance_edges"] = edges = np.geomspace(0.01, 1000, 61)
    found["distance_within"] = np.histogram(apart.within, edges)[0]
    found["distance_between"] = np.histogram(apart.between, edges)[0]
    return found


def _apart(networks, rows, songs, pairs, seed):
    """How far apart halves of windows lie, within songs and between."""
    halves, songs = np.concatenate(rows).reshape(-1, HALF), np.concatenate(songs)
    parts = [halves[i : i + 2048] for i in range(0, len(halves), 2048)]
    z = np.concatenate([encode(networks, part).cpu().numpy() for part in parts])
    songs = np.repeat(songs, 2)
    sigma = networks.vae.sigma.cpu().numpy()
    return within_and_between(z, songs, halves, sigma, pairs, seed)

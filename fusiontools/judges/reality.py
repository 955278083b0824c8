"""A judge of whole melodies: are two halves of one melody, or put together from two?

There are three of them, and all answer ``judge(windows)`` with the probability that each
window is one melody. One is the paper's two-layer transformer. Another weighs features that
a musician can name (`fusiontools.judges.joins`), and is there because a judge that a table
of features beats is no judge. The third, `fusiontools.judges.halves`, hears each half by
itself. All learn from songs that no generator learns from, and are measured on songs that
none has heard.

What a shuffled pair is, and in which keys its halves stand: see `fusiontools.judges.pairs`.
Used in chapter 4, Connective Fusion.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fusiontools.errors import RecordError
from fusiontools.judges.boosting import Trees, fit_trees
from fusiontools.judges.joins import FEATURES, features
from fusiontools.judges.pairs import learning_curve, measure, shuffled

if TYPE_CHECKING:
    from fusiontools.judges.halves import SiameseJudge
    from fusiontools.training.run import Run


__all__ = [
    "KINDS",
    "Config",
    "FeatureJudge",
    "TransformerJudge",
    "judge_name",
    "learning_curve",
    "load_judge",
    "make_judge",
    "measure",
    "open_judge",
    "reported",
    "save_judge",
    "shuffled",
    "train_feature_judge",
    "train_judge",
]

KINDS = ("transformer", "features", "siamese")
JUDGE = "judge of reality"
LIMIT = 1_000_000  # bytes of one judge that ships
_ARRAYS = ("start", "feature", "threshold", "answer", "gain")  # of a feature judge's file
_AT_ONCE = 512  # windows that the transformer reads at one time


@dataclass(frozen=True)
class Config:
    """How large the transformer is, and how long it learns. The paper says: two layers.

    Parameters
    ----------
    width, heads, layers : int
    dropout : float
    batch : int
        Real windows in a batch; as many shuffled ones come with them.
    steps : int
    rate, decay : float
        AdamW's learning rate (a tenth of the steps up to it, then down along a cosine) and
        weight decay.
    """

    width: int = 48
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    batch: int = 64
    steps: int = 800
    rate: float = 2e-3
    decay: float = 0.05

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(width=16, heads=2, batch=16, steps=12)

    @classmethod
    def laptop(cls) -> Config:
        """About a minute on one CPU core."""
        return cls()

    @classmethod
    def shipped(cls) -> Config:
        """The judges that come with the package: two minutes of one CPU core each."""
        return cls(batch=32, steps=2400, rate=1.5e-3)

    @classmethod
    def paper(cls) -> Config:
        """For a GPU; the paper gives no size but the two layers."""
        return cls(width=128, heads=8, batch=128, steps=20_000, rate=1e-3)


def _probability(scores):
    # p(real | window) = 1 / (1 + exp(-s))
    return 1 / (1 + np.exp(-np.clip(scores, -50, 50)))


@dataclass(frozen=True, eq=False)
class FeatureJudge:
    """Boosted trees over `fusiontools.judges.joins`.

    ``judge(windows)`` maps grid tokens (N, T) to probabilities (N,).
    """

    trees: Trees
    about: dict = field(default_factory=dict)
    kind = "features"

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Log-odds that each window is one melody, (N, T) -> (N,)."""
        return self.trees(features(windows))

    def __call__(self, windows):
        return _probability(self.scores(windows))

    def reasons(self, top: int = 10) -> list[tuple[str, float]]:
        """What it listens to: (feature, share of all that its questions gained), a list."""
        share = self.trees.importance(len(FEATURES))
        return [(FEATURES[i], float(share[i])) for i in np.argsort(-share)[:top]]


@dataclass(frozen=True, eq=False)
class TransformerJudge:
    """The transformer: ``judge(windows)`` maps grid tokens (N, T) to probabilities (N,).

    It computes where its network is, and leaves no gradients.
    """

    network: Any  # fusiontools.judges.transformer.RealityNet
    about: dict = field(default_factory=dict)
    kind = "transformer"

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Log-odds that each window is one melody, (N, T) -> (N,)."""
        import torch

        from fusiontools.judges.transformer import read_beats

        windows = np.asarray(windows)
        device, training = next(self.network.parameters()).device, self.network.training
        self.network.eval()
        found = [np.zeros(0)]
        try:
            with torch.no_grad():
                for i in range(0, len(windows), _AT_ONCE):
                    beats = read_beats(windows[i : i + _AT_ONCE])
                    score = self.network([part.to(device) for part in beats])
                    found.append(score.cpu().numpy().astype(np.float64))
        finally:
            self.network.train(training)
        return np.concatenate(found)

    def __call__(self, windows):
        return _probability(self.scores(windows))


def train_feature_judge(
    windows: np.ndarray,
    songs: np.ndarray,
    held_out: np.ndarray,
    held_out_songs: np.ndarray,
    keys: str = "all",
    seed: int = 0,
    trees: int = 400,
    depth: int = 5,
    rate: float = 0.1,
    **about: Any,
) -> FeatureJudge:
    """Train the judge that weighs features.

    Parameters
    ----------
    windows, songs : array_like, shapes (N, T) and (N,)
        Real windows to learn from, and their songs; the shuffled ones are made of them, as
        many.
    held_out, held_out_songs : array_like
        Windows of other songs: they decide when to stop.
    keys : {"all", "own"}
        See `shuffled`.
    seed, trees, depth, rate
        See ``fusiontools.judges.boosting.fit_trees``.
    **about
        What to note down, such as `corpora` and `terms`.

    Returns
    -------
    FeatureJudge
    """
    x, y = _rows(windows, songs, keys, seed)
    x_out, y_out = _rows(held_out, held_out_songs, keys, seed + 1)
    grown = fit_trees(x, y, x_out, y_out, trees, depth, rate, seed=seed)
    trained = {"songs": len(np.unique(songs)), "windows": len(windows)}
    notes = {"kind": "features", "keys": keys, "seed": seed, "trained_on": trained}
    return FeatureJudge(grown, notes | about)


def _rows(windows, songs, keys, seed):
    """Features of real and shuffled windows, (2 N, D), and which are real, (2 N,)."""
    false = shuffled(windows, songs, np.random.default_rng(seed), keys)
    x = np.concatenate([features(windows), features(false)])
    return x, np.repeat([True, False], [len(windows), len(false)])


def train_judge(
    config: Config,
    windows: npt.ArrayLike,
    songs: npt.ArrayLike,
    run: Run,
    keys: str = "all",
    **about: Any,
) -> TransformerJudge:
    """Train the transformer, or go on with a training.

    Parameters
    ----------
    config : Config
    windows, songs : array_like, shapes (N, T) and (N,)
        Real windows to learn from, and their songs. Each batch puts new shuffled pairs
        beside its real ones.
    run : fusiontools.training.Run
    keys : {"all", "own"}
        See `shuffled`.
    **about
        What to note down, such as `corpora` and `terms`.

    Returns
    -------
    TransformerJudge
        On the run's device.

    Raises
    ------
    FusionError
        If memory or disk run out; the last checkpoint is whole.
    """
    import torch
    from torch.nn import functional as F

    from fusiontools.judges.transformer import CELLS, RealityNet, read_beats
    from fusiontools.training import Batches, memory_guard, seed_everything, steps

    windows, songs = np.asarray(windows), np.asarray(songs)
    seed_everything(run.seed)
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    size = {"beats": windows.shape[1] // CELLS, "width": config.width}
    size |= {"heads": config.heads, "layers": config.layers}
    network = RealityNet(**size, dropout=config.dropout).to(device).train()
    weights = network.parameters()
    adam = torch.optim.AdamW(weights, lr=config.rate, weight_decay=config.decay)
    batches = Batches(len(windows), config.batch, run.seed)
    rng = np.random.default_rng([run.seed, 1])
    real = torch.arange(2 * config.batch, device=device) < config.batch
    state = {"network": network, "adam": adam, "batches": batches, "rng": rng}
    curves = ["loss", "accuracy"]
    with memory_guard(reduce="batch"):
        for step in steps(run, state, config.steps, phase="reality", curves=curves):
            index = next(batches)
            false = shuffled(windows, songs, rng, keys, index)
            beats = read_beats(np.concatenate([windows[index], false]))
            score = network([part.to(device) for part in beats])  # (2 B,)
            # L = -E_real[log p] - E_shuffled[log(1 - p)]
            loss = F.binary_cross_entropy_with_logits(score, real.to(score.dtype))
            rise = (step + 1) / (0.1 * config.steps)
            fall = 0.5 * (1 + np.cos(np.pi * step / config.steps))
            for group in adam.param_groups:
                group["lr"] = config.rate * min(rise, fall)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()
            run.log(loss=loss.detach(), accuracy=((score > 0) == real).float().mean())
    trained = {"songs": len(np.unique(songs)), "windows": len(windows)}
    notes = {"kind": "transformer", "keys": keys, "seed": run.seed, "trained_on": trained}
    notes |= {"config": asdict(config), "size": size}
    return TransformerJudge(network.eval(), notes | about)


def reported(
    judge: FeatureJudge | TransformerJudge | SiameseJudge,
    windows: np.ndarray,
    songs: np.ndarray,
    curve: Sequence[dict] = (),
    seed: int = 0,
) -> FeatureJudge | TransformerJudge | SiameseJudge:
    """The same judge, with a note of how right it is on songs that it has never heard.

    Parameters
    ----------
    judge : FeatureJudge, TransformerJudge or SiameseJudge
    windows, songs, seed
        See `measure`; pairs are shuffled as in its training.
    curve : list of dict
        What `learning_curve` found, if it was drawn.

    Returns
    -------
    FeatureJudge, TransformerJudge or SiameseJudge
        Its ``about`` has ``accuracy``, ``mean_real`` and ``mean_shuffled``, each as value,
        low and high; ``measured_on``; ``learning_curve``.
    """
    found = measure(judge, windows, songs, judge.about["keys"], seed)
    numbers = {name: [float(v) for v in interval] for name, interval in found.items()}
    heard = {"songs": len(np.unique(songs)), "windows": len(windows)}
    notes = {"measured_on": heard, "learning_curve": list(curve)}
    return replace(judge, about=judge.about | numbers | notes)


def make_judge(
    kind: str,
    own: tuple[np.ndarray, np.ndarray],
    beside: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    config: Any,
    folder: str | os.PathLike,
    run: dict,
    shares: Sequence[float] = (),
    **about: Any,
) -> tuple:
    """Train a judge, and measure it on songs that it has never heard.

    Parameters
    ----------
    kind : {"transformer", "features", "siamese"}
    own, beside, test : (windows, songs), array_like of shapes (N, T) and (N,)
        To learn from; to say when boosted trees stop, and which state of a siamese network
        stays; to be measured on.
    config : Config or fusiontools.judges.halves.Config
        Of a network.
    folder : path-like
        Of a network's training, which goes on where it was stopped. The number of its songs
        is added to the name.
    run : dict
        What else `fusiontools.training.Run.open` asks for.
    shares : sequence of float, optional
        Of the songs: those that a learning curve has before all of them.
    **about
        What to note down, such as `corpora` and `terms`.

    Returns
    -------
    judge : FeatureJudge, TransformerJudge or SiameseJudge
        See `reported`.
    minutes : float
        Of its training, without its learning curve.
    """
    from fusiontools.judges.halves import train_siamese_judge
    from fusiontools.training import Run, fabric

    def learn(windows, songs):
        if kind == "features":
            return train_feature_judge(windows, songs, *beside, **about)
        there = f"{folder}-{len(np.unique(songs))}"
        cpu = fabric("cpu", threads=1)
        with Run.open(there, fabric=cpu, config=config, **run) as opened:
            if kind == "siamese":
                return train_siamese_judge(config, windows, songs, *beside, opened, **about)
            return train_judge(config, windows, songs, opened, **about)

    began, curve = time.monotonic(), []
    judge = learn(*own)
    minutes = (time.monotonic() - began) / 60
    if shares:
        curve = learning_curve(learn, *own, *test, shares=shares)
        value, low, high = measure(judge, *test)["accuracy"]
        heard = {"songs": len(np.unique(own[1])), "windows": len(own[0])}
        curve.append({**heard, "accuracy": value, "low": low, "high": high})
    return reported(judge, *test, curve=curve), minutes


# --- files ---


def judge_name(data: str, kind: str = "transformer", part: str = "train-2") -> str:
    """The file that holds a judge of its own kind, data and part of the songs.

    Examples
    --------
    >>> judge_name("tunes"), judge_name("tunes", "features", "train-1")
    ('reality_tunes.safetensors', 'reality_tunes_features_train1.safetensors')
    """
    if kind not in KINDS or part not in ("train-1", "train-2"):
        raise ValueError(
            f"there is no judge {kind!r} of {part!r}; choose one of {', '.join(KINDS)}, "
            "and 'train-1' or 'train-2'"
        )
    name = f"reality_{data}"
    if kind != "transformer":
        name += f"_{kind}"
    if part == "train-1":
        name += "_train1"
    return name + ".safetensors"


def save_judge(judge: Any, path: str | os.PathLike, limit: int | None = LIMIT) -> None:
    """Write a judge as safetensors: numbers only, no code.

    Parameters
    ----------
    judge : FeatureJudge, TransformerJudge or SiameseJudge
        Its ``about`` names at least `corpora` and `terms`.
    path : path-like
    limit : int or None
        The largest file allowed, in bytes.

    Raises
    ------
    FusionError
        If the file would be too large or cannot be written.
    ValueError
        If ``about`` says nothing of corpora and terms.
    """
    from fusiontools.files import write_whole
    from fusiontools.records import plain
    from fusiontools.training import save_weights

    about: Any = plain(judge.about, "about")
    if not about.get("corpora") or not about.get("terms"):
        raise ValueError(
            "say what the judge was trained on, and under which terms: "
            "about needs 'corpora' and 'terms'"
        )
    if judge.kind != "features":
        save_weights(judge.network, path, limit=limit, **about)
        return
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(judge.trees, name)) for name in _ARRAYS}
    about = json.dumps(about | {"features": list(FEATURES)}, ensure_ascii=False)
    data = save(arrays, metadata={"about": about})
    if limit is not None and len(data) > limit:
        megabytes = f"{len(data) / 1e6:.1f} MB, and {limit / 1e6:.1f} are allowed"
        raise RecordError(f"this judge takes {megabytes}", path, "grow fewer trees")
    write_whole(path, data)


def open_judge(path: str | os.PathLike) -> FeatureJudge | TransformerJudge | SiameseJudge:
    """Read what `save_judge` wrote.

    Returns
    -------
    FeatureJudge, TransformerJudge or SiameseJudge

    Raises
    ------
    RecordError
        If it is missing, damaged, or something else.
    """
    from fusiontools.training import as_told, building, load_weights, read_safetensors

    again = "get the file again, or train a judge with fusiontools.judges.reality"
    arrays, told = read_safetensors(path, what=f"a {JUDGE}")
    about = told.get("about")
    if not isinstance(about, dict) or about.get("kind") not in KINDS:
        raise RecordError("not a judge of reality (it names no kind)", path, again)
    known = as_told(path, JUDGE) if about["kind"] == "features" else None
    with known or building(path, arrays, JUDGE):
        if about["kind"] == "features":
            if about["features"] != list(FEATURES):
                raise RecordError("a judge of other features than these", path, again)
            parts = {name: arrays[name] for name in _ARRAYS}
            judge = FeatureJudge(Trees(float(parts.pop("start")[0]), **parts), about)
        elif about["kind"] == "siamese":
            from fusiontools.judges.halves import HalvesNet, SiameseJudge

            network = HalvesNet(**about["size"])
            judge = SiameseJudge(load_weights(path, network).eval(), about)
        else:
            from fusiontools.judges.transformer import RealityNet

            network = RealityNet(**about["size"])
            judge = TransformerJudge(load_weights(path, network).eval(), about)
        judge(np.full((1, 128), 60, np.uint8))  # it can judge
    return judge


def load_judge(
    data: str, kind: str = "transformer", part: str = "train-2"
) -> FeatureJudge | TransformerJudge | SiameseJudge:
    """The judge that comes with the package.

    Parameters
    ----------
    data : str
        What it was trained on, such as "tunes".
    kind : {"transformer", "features", "siamese"}
    part : {"train-2", "train-1"}
        The songs that it learned from: "train-2" to judge what models make; "train-1" is
        for a search that is guided by a judge, as Latent Perturb is: the guide and the
        classifier that evaluates the results must not be the same.

    Raises
    ------
    CorpusError
        If there is none.
    """
    from fusiontools.training import shipped_file

    lacks = f"no judge of reality ({kind}, {part}) comes with the package for {data!r}"
    do = "train one with fusiontools.judges.reality.train_judge"
    return open_judge(shipped_file(judge_name(data, kind, part), lacks, do))

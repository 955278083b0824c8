"""How the records of the masked transformer are made::

    python -m fusiontools.compare.experiment --out OUT
    python -m fusiontools.compare.experiment --out OUT --ship

One training; what it writes, joins and transfers is measured beside all other systems by
`fusiontools.compare.table`. Torch is loaded when it is used.
Used in chapter 8.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fusiontools.errors import FusionError, RecordError
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job

if TYPE_CHECKING:
    import numpy as np
    import torch

    from fusiontools.compare.masked import Config, Transformer
    from fusiontools.compare.tunes import Tunes

__all__ = ["EXPERIMENT", "FIRST", "MAIN", "METHOD", "METHODS", "NAME", "PAPER", "SOURCES"]
__all__ += ["collect", "from_folders", "jobs", "load_net", "make_data", "measure"]
__all__ += ["open_data", "sample_files", "save", "save_data", "settings", "train"]

PAPER, NAME, FIRST, METHOD = "masked", "melody", "essen_ryan", "masked"
SOURCES = (FIRST,)
METHODS = {METHOD: "one transformer that fills in what is masked, for four tasks"}
MAIN = {
    "bound_a": "nats a token, at most, on unseen tunes of the first genre",
    "bound_b": "the same of the second",
    "bound_a_bigram": "nats a token of a bigram that knows the place in the bar",
    "bound_b_bigram": "the same of the second",
}
KEPT, LOOKED_AT = 8, 1000
HERE = sys.modules[__name__]


# What `fusiontools.report.experiment` asks of a paper


def make_data(name: str) -> Tunes:
    """Two genres of tunes, by the name of their pair."""
    from fusiontools.compare.tunes import tunes

    return tunes(name)


def save_data(data: Tunes, path: str | os.PathLike) -> None:
    """Write tunes into one ``.npz``, whole or not at all."""
    from fusiontools.compare.tunes import save_tunes

    save_tunes(data, path)


def open_data(path: str | os.PathLike) -> Tunes:
    """Read what `save_data` wrote."""
    from fusiontools.compare.tunes import open_tunes

    return open_tunes(path)


def from_folders(folders: Sequence[str | os.PathLike]) -> NoReturn:
    """Files seldom name their key, and it learns from tunes in C: a FusionError."""
    do = "train fusiongan on them, which leaves every key as it is"
    raise FusionError("it learns from tunes that name their key", folders[0], do)


def settings(method: str, scale: str, data_name: str) -> Config:
    """The config of a scale."""
    from fusiontools.compare.masked import Config

    return getattr(Config, scale)()


def train(config: Config, data: Tunes, run: Any, adopted: Any = None) -> Transformer:
    """Train in a run's folder, or go on with it."""
    from fusiontools.compare import masked

    return masked.train(config, data, run, adopted)


def save(
    net: Transformer,
    path: str | os.PathLike,
    method: str,
    config: Config,
    data: Tunes,
    **about: Any,
) -> None:
    """Write a transformer as a file of weights, which `load_net` reads."""
    from fusiontools.corpora.registry import credits
    from fusiontools.training import save_weights

    names, terms = credits(data.about["corpora"])
    about |= {"paper": PAPER, "config": asdict(config), "data": data.name}
    about["labels"] = list(data.labels)
    save_weights(net, path, corpora=names, terms=terms, **about)


def load_net(path: str | os.PathLike | None = None) -> tuple[Transformer, dict]:
    """A transformer of weights that come with the package, or of your own, a file or the
    folder of a finished run; and what the file says. A RecordError says why there is none.
    """
    from fusiontools.compare.masked import Config, Transformer
    from fusiontools.training import building, config_from, finished_weights, read_weights

    package = Path(__file__).resolve().parents[1]
    path = package / "pretrained" / f"masked_{FIRST}.safetensors" if path is None else path
    path = finished_weights(path) if Path(path).is_dir() else Path(path)
    tensors, about = read_weights(path, PAPER)
    with building(path, tensors, "weights of a masked transformer"):
        net = Transformer(config_from(Config, about["config"]))
        net.load_state_dict(tensors)
        if len(about["labels"]) != 2:
            raise RecordError("not of two genres", path, "train it again")
    return net.eval(), about


def measure(
    net: Transformer, data: Tunes, config: Config, seed: int, say: Callable = print
) -> tuple[dict[str, Any], list]:
    """How well it tells unseen tunes, beside a bigram; and some melodies between."""
    import numpy as np
    import torch

    from fusiontools.compare import masked
    from fusiontools.score.intervals import means_of_groups

    say("Measuring how well it tells unseen tunes.")
    found: dict[str, Any] = {}
    for g, genre in enumerate("AB"):
        rows, songs = _some(data, genre, LOOKED_AT, seed)
        x = masked.as_classes(rows)
        known = masked.as_classes(data.windows(genre))
        dice = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            bound = masked.loss_of(net, x, torch.full((len(x),), g), dice).numpy()
        each = {"": bound, "_bigram": _bigram(known.numpy(), x.numpy())}
        told = means_of_groups(
            {f"bound_{genre.lower()}{k}": v for k, v in each.items()}, songs
        )
        found |= told
    samples = masked.fuse(net, KEPT, seed=seed)
    return found, np.asarray(samples).tolist()


def _some(data, genre, n, seed):
    """Windows of held-out songs and their songs, in an order by chance."""
    import numpy as np

    rows, songs = data.windows(genre, "test"), data.songs(genre, "test")
    own = np.random.default_rng([seed, ord(genre)]).permutation(len(rows))[:n]
    return rows[own], songs[own]


def _bigram(known: np.ndarray, x: np.ndarray) -> np.ndarray:
    """-log p a token of a bigram with a table for each place in the bar: (N, T), (M, T) ->
    (M,) nats. Counts are smoothed by those without the place, and these by one in all.
    """
    import numpy as np

    from fusiontools.compare.masked import TOKENS
    from fusiontools.music.grid import BAR

    counts = np.zeros((BAR, TOKENS, TOKENS))
    place = np.arange(1, known.shape[1]) % BAR
    np.add.at(counts, (place[None], known[:, :-1], known[:, 1:]), 1)
    plain = counts.sum(0) + 1 / TOKENS
    plain /= plain.sum(-1, keepdims=True)
    p = counts + 5 * plain
    p /= p.sum(-1, keepdims=True)
    first = np.bincount(known[:, 0], minlength=TOKENS) + 1 / TOKENS
    told = -np.log(p[place[None], x[:, :-1], x[:, 1:]]).sum(1)
    return (told - np.log(first[x[:, 0]] / first.sum())) / x.shape[1]


def sample_files(
    folder: str,
    n: int,
    method: str | None = None,
    pair: str | None = None,
    run: str | os.PathLike | None = None,
    seed: int = 0,
    temperature: float = 1.0,
) -> tuple[list[Path], str, str]:
    """Write melodies of eight bars between the two genres as MIDI files, by weights that
    come with the package or those of a finished run. Returns the files, the method, and
    the notice of the weights.
    """
    from fusiontools.compare import masked
    from fusiontools.music import Piece, Track, decode_grid, write_midi
    from fusiontools.training import weights_notice

    if method not in (None, METHOD):
        raise FusionError(f"no method {method!r}", "--method", f"choose {METHOD}")
    if pair not in (None, FIRST):
        raise FusionError(f"no weights for {pair!r}", "--pair", f"choose {FIRST}")
    net, about = load_net(run)
    files = []
    for i, row in enumerate(masked.fuse(net, n, seed=seed, temperature=temperature), 1):
        files.append(Path(folder) / f"{NAME}_{i:03d}.mid")
        write_midi(Piece((Track(decode_grid(row)),)), files[-1])
    return files, METHOD, weights_notice(about)


# The jobs, and what there is to ship


def jobs(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str | torch.device
) -> list[Job]:
    """One training."""
    return [Job("masked-0", partial(train_one, str(file), str(work), scale, device))]


def train_one(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str | torch.device
) -> None:
    """Train, or go on with it, and measure."""
    folder = Path(work) / "masked-0"
    made = experiment.train_in_folder(HERE, folder, METHOD, scale, 0, file, device)
    experiment.store_measured(work, folder.name, [made])


def collect(
    data: Tunes, out: str | os.PathLike, work: str | os.PathLike, scale: str
) -> None:
    """Write what there is to ship beside the records: the weights, and how they came."""
    from fusiontools.corpora.cache import write_npz
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    net, _ = load_net(Path(work) / "masked-0")
    save(net, Path(out) / WEIGHTS, METHOD, net.config, data, scale=scale, seed=0)
    history = History(Path(work) / "masked-0" / "history.csv", keep=False)
    drawn = history_arrays(history, "masked-0", ("loss", "unseen"))
    drawn = {name: values.astype("float32") for name, values in drawn.items()}
    write_npz(Path(out) / "histories.npz", compress=True, **drawn)


FILES = {WEIGHTS: "pretrained/masked_{data}.safetensors"}
FILES["histories.npz"] = "results/masked/histories_{data}.npz"
NAMED = "{0.method}-{0.seed}".format
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))

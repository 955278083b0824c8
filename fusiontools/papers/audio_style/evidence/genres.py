"""How the classifiers of section 3.4 fare, and how the judges are made that ship::

    python -m fusiontools.papers.audio_style.evidence.genres --data gtzan --out OUT
    python -m fusiontools.papers.audio_style.evidence.genres --out OUT --ship

and the same with ``--data instruments``, of what is rendered. On GTZAN each kind is
cross-validated twice, with folds by track and by artist. The judge of GTZAN that ships
has heard nothing of the artists of the pairs that it is to judge.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fusiontools.errors import MissingDataError
from fusiontools.report import experiment
from fusiontools.report.experiment import Job

if TYPE_CHECKING:
    import torch

    from fusiontools.report.rows import Rows


__all__ = ["EXPERIMENT", "KINDS", "Table", "jobs", "judges_of", "make_data", "open_data"]
__all__ += ["save_data", "shipped_genres"]

PAPER, FIRST = "audio_style", "instruments"
SOURCES = (FIRST, "gtzan")
KINDS = {
    "genre_cnn": "the paper's CNN of features, mended",
    "genre_cnn_double_softmax": "the same with the printed softmax before the loss",
    "genre_autocorr": "the paper's CNN of autocorrelograms, on 100 clips",
    "genre_linear": "linear discriminant analysis, the judge that ships",
    "genre_best": "a vote of three: SVM, boosted trees, logistic regression",
}
PUBLISHED = "gtzan_mini/features_30_sec.csv.xz"  # in the folder of downloads
JUDGE = "judge.safetensors"


class Table(NamedTuple):
    """Features and labels of clips; autocorrelograms of some."""

    name: str
    arrays: dict  # "ids", "labels", "artists": (N,) str; "x": (N, D); "rows", "autos"

    @property
    def hash(self) -> Any:
        """The hash of what is in the table."""
        from fusiontools.corpora.cache import content_hash

        told = [self.name, *self.arrays["ids"].tolist(), *self.arrays["labels"].tolist()]
        return content_hash(*told, self.arrays["x"].tobytes())


def make_data(name: str) -> Any:
    """The table of GTZAN, from the published file if it is among the downloads, or else
    from its recordings; or of what is rendered. It takes a second a clip.
    """
    import numpy as np

    from fusiontools.corpora import load
    from fusiontools.corpora.places import data_dir
    from fusiontools.judges import audio_features
    from fusiontools.judges.audio_artists import artists

    if name == "gtzan":
        recordings = _first_of("gtzan", "gtzan_mini")
        published = data_dir() / PUBLISHED
        if published.is_file():
            ids, x, labels = audio_features.read_table(published)
        else:
            ids, x, labels = _heard(recordings, 22050)
        who = artists()
        groups = np.array([who.get(id, id) for id in ids])
    else:
        from fusiontools.show.synth import synthesize

        recordings = load("rendered", synthesize=synthesize)
        ids, x, labels = _heard(recordings, 22050)
        groups = np.array([r.song for r in recordings])
    some = (
        [r for r in recordings if r.id.split("/")[-1] in set(ids)]
        if name == "gtzan"
        else []
    )
    autos = [audio_features.autocorrelogram(r.samples(22050)) for r in some]
    rows = [ids.tolist().index(r.id.split("/")[-1]) for r in some]
    arrays = dict(ids=ids, labels=labels, artists=groups, x=x)
    return Table(name, arrays | {"rows": np.array(rows, int), "autos": np.array(autos)})


def shipped_genres(name: str = "gtzan") -> Rows:
    """The records of the classifiers that come with the package, as rows; beside them
    ``curves``: how they learned, and the mean autocorrelogram of each genre.
    """
    from fusiontools.papers.audio_style.evidence.paper import GENRES
    from fusiontools.records import read_records
    from fusiontools.report.rows import choose, rows, shipped_arrays

    beside = {"curves": shipped_arrays("audio_style", f"genres_{name}.npz")}
    return rows(choose(read_records("audio_style"), name), order=GENRES, **beside)


def _first_of(*names):
    from fusiontools.corpora import load

    for name in names[:-1]:
        try:
            return load(name)
        except MissingDataError:
            continue
    return load(names[-1])


def _heard(recordings, rate):
    import numpy as np

    from fusiontools.judges.audio_features import features

    x = np.array([features(r.samples(rate)) for r in recordings])
    short = len(f"{recordings.name}/")
    ids = np.array([r.id[short:] for r in recordings])
    return ids, x, np.array([r.label for r in recordings])


def save_data(table: Any, path: str | os.PathLike) -> None:
    """Write a table into one file."""
    from fusiontools.corpora.cache import write_npz

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_npz(path, compress=True, **table.arrays)


def open_data(path: str | os.PathLike) -> Any:
    """A table that `save_data` wrote."""
    from fusiontools.corpora.cache import read_npz

    return Table(Path(path).stem, read_npz(path))


def judges_of(clips: Any) -> Any:
    """The judges that may judge the pairs of `Clips`: a dict from a suffix of metrics to a
    judge. The linear one ships; the network is trained on the spot where the table is here.
    """
    from importlib import resources

    from fusiontools.corpora.places import data_dir
    from fusiontools.judges import audio_genre, audio_networks

    name = "instruments" if clips.name == "rendered" else "gtzan"
    file = resources.files("fusiontools") / "pretrained" / f"audio_genre_{name}.safetensors"
    found = {"": audio_genre.load_judge(Path(str(file)))} if file.is_file() else {}
    if name == "gtzan" and (data_dir() / PUBLISHED).is_file():
        table = make_data(name)
        own = _unheard(table, clips.about["pairs"])
        x, labels = table.arrays["x"][own], table.arrays["labels"][own]
        found["_network"] = audio_networks.train_network(x, labels)
    return found


def _unheard(table, pairs):
    from fusiontools.judges.audio_genre import apart

    given = [id for pair in pairs for id in pair]
    return apart(table.arrays["ids"], given, table.arrays["artists"])


def jobs(file: Any, work: Any, scale: str, device: str | torch.device) -> Any:
    """All that there is to do."""
    kinds = [k for k in KINDS if k != "genre_autocorr" or Path(file).stem == "gtzan"]
    made = [
        Job(kind, partial(validate, str(file), str(work), scale, kind)) for kind in kinds
    ]
    return [*made, Job("judge", partial(make_judge, str(file), str(work), scale))]


def validate(file: Any, work: Any, scale: str, kind: Any) -> None:
    """The record of a kind: with folds by track, and by artist where there are some."""
    import numpy as np

    from fusiontools.corpora.cache import write_npz
    from fusiontools.judges import audio_genre

    table, began = open_data(file), time.monotonic()
    a, metrics = table.arrays, {}
    auto = kind == "genre_autocorr"
    rows = a["rows"] if auto else np.arange(len(a["ids"]))
    x = a["autos"] if auto else a["x"]
    labels = a["labels"][rows]
    ways = {"": audio_genre.tracks(a["x"])[rows], "_artist": a["artists"][rows]}
    short = {} if scale == "shipped" else {"epochs": 2}
    for suffix, groups in ways.items():
        try:
            told = audio_genre.cross_validated(kind, x, labels, groups, **short)
        except ValueError as error:  # too few artists of a genre among a hundred clips
            if "too few groups" not in str(error):
                raise
            continue
        found = audio_genre.f1_and_accuracy(labels, told[0], groups)
        metrics |= {f"{name}{suffix}": value for name, value in found.items()}
        if not suffix:
            curves = {f"{kind}/{k}": np.stack([np.arange(1, len(v) + 1), v])
                      for k, v in told[2].items()}  # fmt: skip
            write_npz(Path(work) / "curves" / f"{kind}.npz", **curves)
    metrics |= {"clips": len(rows), "labels": len(set(labels.tolist()))}
    about = (table, began, metrics)
    record = experiment.measured_record(PAPER, kind, scale, *about, config={})
    experiment.store_measured(work, kind, [record])


def make_judge(file: Any, work: Any, scale: str) -> None:
    """The linear judge that ships."""
    import numpy as np

    from fusiontools.judges import audio_genre
    from fusiontools.papers import audio_style

    table = open_data(file)
    a, name = table.arrays, "gtzan_mini" if table.name == "gtzan" else "rendered"
    own = _unheard(table, audio_style.clips_of(name).about["pairs"])
    if table.name == "instruments":  # there are few of each, and what is judged is a timbre
        own = np.ones(len(own), bool)
    given = a["x"][own], a["labels"][own]
    judge = audio_genre.train_judge(*given, groups=a["artists"][own], data=table.name)
    (Path(work) / JUDGE).parent.mkdir(parents=True, exist_ok=True)
    audio_genre.save_judge(judge, Path(work) / JUDGE)


def collect(table: Any, out: str | os.PathLike, work: Any, scale: str) -> None:
    """Write what there is to ship beside the records: the judge, and curves."""
    import numpy as np

    from fusiontools.corpora.cache import read_npz, write_npz
    from fusiontools.music.spectrogram import HOP, SAMPLE_RATE

    arrays, a = {}, table.arrays
    for label in sorted(set(a["labels"][a["rows"]].tolist())):
        mean = a["autos"][a["labels"][a["rows"]] == label].mean(0)
        arrays[f"autos/{label}"] = np.stack(
            [np.arange(len(mean)) * HOP / SAMPLE_RATE, mean]
        )
    for file in sorted((work / "curves").glob("*.npz")):
        arrays |= {name: v.astype("float32") for name, v in read_npz(file).items()}
    write_npz(out / "curves.npz", compress=True, **arrays)
    (out / JUDGE).write_bytes((work / JUDGE).read_bytes())


HERE = sys.modules[__name__]
FILES = {JUDGE: "pretrained/audio_genre_{data}.safetensors"}
FILES["curves.npz"] = "results/audio_style/genres_{data}.npz"
NAMED = "{0.method}-{0.seed}".format
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))

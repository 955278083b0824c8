"""The judges of reality that come with the package: two kinds on two parts of the songs,
trained, measured and written.

What a judge is, `fusiontools.judges.reality` knows; whose melodies it hears, `data`.
"""

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fusiontools.records import Record, code_version

__all__ = ["CURVE", "credits_of", "make_judges"]

CURVE = (
    0.1,
    0.3,
)  # shares of the songs of train-2 that a learning curve tries before all of them


def credits_of(data):
    """Whose music it is: names and terms."""
    corpora = [c for source in data.about["sources"] for c in source["corpora"]]
    return [c["name"] for c in corpora], "; ".join(
        f"{c['name']}: {c['licence']}" for c in corpora
    )


def make_judges(data, folder, work, scale="shipped"):
    """Train the four judges of reality, measure them on the test part, and write them with
    their records.

    Two kinds, two parts: the judges of "train-2" mark the results, those of "train-1" lead
    Latent Perturb.

    Parameters
    ----------
    data : Windows
    folder : path-like
        Where the weights go.
    work : path-like
    scale : str

    Returns
    -------
    list of Record
    """
    from fusiontools.judges import reality
    from fusiontools.training import Run, fabric

    records = []
    corpora, terms = credits_of(data)
    test = data.tokens("test"), data.songs("test")
    about = {"name": data.name, "sha256": data.hash}
    for part in ("train-2", "train-1"):
        rows, beside = (
            (data.tokens(part), data.songs(part)),
            part.replace("train", "validation"),
        )
        out = data.tokens(beside), data.songs(beside)
        config = getattr(reality.Config, scale)()
        notes = {"corpora": corpora, "terms": terms, "data": data.name, "part": part}

        def transformer(windows, songs, folder, config=config, part=part, notes=notes):
            asked = {
                "paper": "reality",
                "method": f"transformer-{part}",
                "scale": scale,
                "seed": 0,
                "config": config,
                "data": about,
            }
            with Run.open(folder, fabric=fabric("cpu", threads=1), **asked) as run:
                return reality.train_judge(config, windows, songs, run, **notes)

        def by_features(windows, songs, folder=None, out=out, notes=notes):
            return reality.train_feature_judge(windows, songs, *out, **notes)

        for kind, make in (("transformer", transformer), ("features", by_features)):
            began = time.monotonic()
            judge = make(*rows, Path(work) / f"judge-{kind}-{part}")
            minutes = (time.monotonic() - began) / 60
            curve = []
            if part == "train-2":

                def again(windows, songs, make=make, kind=kind):
                    return make(
                        windows, songs, Path(work) / f"judge-{kind}-{len(np.unique(songs))}"
                    )

                curve = reality.learning_curve(again, *rows, *test, shares=CURVE)
                accuracy = dict(
                    zip(
                        ("accuracy", "low", "high"),
                        reality.measure(judge, *test)["accuracy"],
                    )
                )
                curve.append(
                    {"songs": len(np.unique(rows[1])), "windows": len(rows[0])} | accuracy
                )
            judge = reality.reported(judge, *test, curve=curve)
            reality.save_judge(
                judge, Path(folder) / reality.judge_name(data.name, kind, part)
            )
            names = ("accuracy", "mean_real", "mean_shuffled")
            found = {
                name: dict(zip(("value", "low", "high"), judge.about[name]))
                for name in names
            }
            settings = {"kind": kind, "part": part} | (
                asdict(config) if kind == "transformer" else {}
            )
            more = {
                "seed": 0,
                "config": settings,
                "samples": [],
                "minutes": minutes,
                "device": "CPU, 1 thread",
                "version": code_version(),
            }
            records.append(
                Record("connective_fusion", "reality", scale, about, metrics=found, **more)
            )
    return records

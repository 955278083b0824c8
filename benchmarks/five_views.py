"""The measurements behind the second page of the first chapter that need corpora most
readers do not have: they are kept as records.

    FUSIONTOOLS_DATA=folder/of/corpora python -m benchmarks.five_views

It is no timing: it writes fusiontools/results/five_views/*.json anew, which the page reads.
"""

import time
from pathlib import Path

import numpy as np

import fusiontools
from fusiontools import corpora, music, show
from fusiontools.music import extract
from fusiontools.records import Record, code_version, write_record

OUT = Path(fusiontools.__file__).parent / "results" / "five_views"
WAYS = {
    "skyline": lambda piece: extract.skyline(piece.notes()),
    "melody_names_hidden": extract.melody,
    "melody_merged": lambda piece: extract.melody(piece.notes()),
}


def keep(method, corpus, metrics, began, file):
    data = {"name": corpus.name, "sha256": corpus.content}
    record = Record(
        "five_views",
        method,
        "paper",
        data,
        0,
        {},
        metrics,
        [],
        (time.time() - began) / 60,
        "CPU",
        code_version(),
    )
    write_record(record, OUT / file)
    print(method, metrics)


def extraction(corpus):
    """Each way of finding the melody, against POP909's marked one; the names of the tracks
    are hidden from all.
    """
    marked = [
        next(t.notes for t in song.piece.tracks if t.name.lower() == "melody")
        for song in corpus
    ]
    hidden = [
        music.Piece(
            tuple(music.Track(t.notes, t.program) for t in song.piece.tracks),
            song.piece.tempo,
        )
        for song in corpus
    ]
    scores = {}
    for name, way in WAYS.items():
        began = time.time()
        scores[name] = [
            extract.score_melody(way(piece), melody)
            for piece, melody in zip(hidden, marked)
        ]
        metrics = {
            k: float(np.mean([s[k] for s in scores[name]]))
            for k in ("right", "precision", "f1")
        }
        metrics["worse_than_skyline"] = sum(
            s["f1"] < plain["f1"] - 1e-12
            for s, plain in zip(scores[name], scores["skyline"])
        )
        keep(name, corpus, metrics | {"songs": len(corpus)}, began, f"pop909_{name}.json")


def counts(corpus, label):
    """How often each interval and each pitch class occurs."""
    began, notes = time.time(), [entry.notes for entry in corpus]
    metrics = {
        f"interval_{i:+d}": float(v)
        for i, v in zip(range(-12, 13), show.interval_shares(notes))
    }
    metrics |= {
        f"pitch_class_{i}": float(v) for i, v in enumerate(show.pitch_class_shares(notes))
    }
    keep(
        label,
        corpus,
        metrics | {"pieces": len(corpus), "notes": sum(map(len, notes))},
        began,
        f"{label}.json",
    )


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    extraction(corpora.load("pop909"))
    counts(corpora.load("weimar"), "jazz")
    counts(corpora.load("essen"), "folk")

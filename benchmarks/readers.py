"""How quickly real collections are read. They need the development data: ../shared/data, or
the folder that FUSIONTOOLS_SHARED names.
"""

import io
import os
import tarfile
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, Row, python, under

DATA = Path(os.environ.get("FUSIONTOOLS_SHARED", ROOT.parent / "shared" / "data"))
LOAD = """
import time
start = time.perf_counter()
from fusiontools import corpora
corpus = corpora.load({name!r})
seconds = time.perf_counter() - start
print(seconds, len(corpus), len(corpus.skipped), corpus.columns["pitch"].size)
"""


def _load(name):
    with tempfile.TemporaryDirectory() as cache:
        said = python(
            LOAD.format(name=name), FUSIONTOOLS_CACHE=cache, FUSIONTOOLS_DATA=DATA
        )
    seconds, *counts = said.split()[-4:]
    return float(seconds), *map(int, counts)


def _missing(what, folder):
    if not (DATA / folder).is_dir():
        return Row(what, "", f"skipped: no {folder} in the folder of development data")
    return None


def genre_midi():
    """3,869 MIDI files of a web collection, streamed from their archive."""
    what = "3,869 genre-labelled MIDI files, cold"
    if missing := _missing(what, "ums_genre_midi"):
        yield missing
        return
    seconds, entries, skipped, notes = _load("genre_midi")
    yield under(what, seconds, 30)
    yield Row(
        "files read, skipped and named; notes",
        "3,869 in all",
        f"{entries:,}, {skipped}; {notes:,}",
        entries + skipped == 3869,
    )


def against_pretty_midi():
    """The same 200 files by this package and by pretty_midi, in this process."""
    what = "time of pretty_midi over ours, the same 200 files"
    if missing := _missing(what, "ums_genre_midi"):
        yield missing
        return
    import pretty_midi

    from fusiontools.music import piece_from_bytes

    with tarfile.open(next((DATA / "ums_genre_midi").glob("*.tar.xz"))) as archive:
        files = []
        for member in archive:
            if member.isfile() and member.name.endswith(".mid"):
                data = archive.extractfile(member).read()
                try:
                    piece_from_bytes(data)
                    pretty_midi.PrettyMIDI(io.BytesIO(data))
                except Exception:  # a file that either cannot read is no race
                    continue
                files.append(data)
            if len(files) == 200:
                break
    start = time.perf_counter()
    ours = sum(sum(len(t.notes) for t in piece_from_bytes(data).tracks) for data in files)
    middle = time.perf_counter()
    theirs = sum(
        sum(len(i.notes) for i in pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments)
        for data in files
    )
    ratio = (time.perf_counter() - middle) / (middle - start)
    yield Row(what, "at least 20", f"{ratio:.0f}", ratio >= 20)
    yield Row("notes found, ours and theirs", "", f"{ours:,} and {theirs:,}")


def weimar():
    """All 456 Weimar solos from the database."""
    what = "all 456 Weimar solos, cold"
    if missing := _missing(what, "weimar"):
        yield missing
        return
    seconds, entries, _, notes = _load("weimar")
    yield under(what, seconds, 3)
    yield Row(
        "solos and notes",
        "456 and 200,809",
        f"{entries} and {notes:,}",
        (entries, notes) == (456, 200809),
    )


WINDOWS = """
import resource
import numpy as np
from fusiontools.music.grid import grid_shifts, grid_windows
found = np.load({file!r})
data, offsets = found["data"], found["offsets"]
starts = grid_windows(data, offsets=offsets)
keys = np.diff(grid_shifts(data, offsets=offsets), axis=1)[:, 0] + 1
track = np.searchsorted(offsets, starts, side="right") - 1
gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(len(starts), int(keys[track].sum()), gigabytes)
"""


def windows():
    """Connective Fusion's eight-bar windows, by the paper's rule, and with every key that
    fits.
    """
    what = "windows by the paper's rule, and with keys"
    if missing := _missing(what, "melodies_16th"):
        yield missing
        return
    found = python(WINDOWS.format(file=str(next((DATA / "melodies_16th").glob("*.npz")))))
    plain, keys, gigabytes = found.split()
    yield Row(
        what,
        "234,073 and 3,893,740",
        f"{int(plain):,} and {int(keys):,}",
        (int(plain), int(keys)) == (234073, 3893740),
    )
    yield Row(
        "memory of the process that cut them",
        "under 1 GB",
        f"{float(gigabytes):.2f} GB",
        float(gigabytes) < 1,
    )


def melody():
    """Melody extraction on POP909, from the records that ship."""
    from fusiontools.records import read_records

    records = {
        r.method: r.metrics
        for r in read_records("five_views")
        if r.data["name"] == "pop909"
    }
    for method, m in records.items():
        yield Row(
            f"POP909, {method}: melody notes right",
            "at least 75 %",
            f"{100 * m['right']:.1f} %",
            m["right"] >= 0.75,
        )
    for method, m in records.items():
        if method != "skyline":
            worse = int(m["worse_than_skyline"])
            yield Row(
                f"POP909, {method}: songs worse than skyline (F1)",
                "0",
                f"{worse} of {int(m['songs'])}",
                worse == 0,
            )

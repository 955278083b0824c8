"""How quickly and how well the default corpus is read."""

import json
import lzma
import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, Row, python, setting, under

TUNES = 8514  # in music21's copy of the Essen collection
LOAD = """
import time
start = time.perf_counter()
from fusiontools import corpora
essen = corpora.load("essen")
{more}
print(time.perf_counter() - start)
"""


def essen():
    """All Essen folk songs from ABC: cold, from the cache, and against a reference that was
    parsed independently.
    """
    with tempfile.TemporaryDirectory() as cache:
        cold = float(python(LOAD.format(more=""), FUSIONTOOLS_CACHE=cache))
        yield under(f"all {TUNES:,} Essen tunes from ABC, cold", cold, 15)
        listing = LOAD.format(more="entries = list(essen)")
        warm = min(float(python(listing, FUSIONTOOLS_CACHE=cache)) for _ in range(3))
        yield under("the same from the cache, and every entry listed", warm, 1)

        from fusiontools import corpora

        with setting("FUSIONTOOLS_CACHE", cache):
            read = corpora.load("essen")
        skipped = ", ".join(id for id, _ in read.skipped[:4]) or "none"
        yield Row(
            "tunes that were skipped, with a reason",
            "",
            f"{len(read.skipped)} of {len(read) + len(read.skipped):,}: {skipped}",
        )
        yield _against_reference(read)


def _against_reference(read):
    what, least = "intervals equal to the reference's", 0.985
    file = (
        Path(os.environ.get("FUSIONTOOLS_SHARED", ROOT.parent / "shared" / "data"))
        / "essen_folk"
        / "essen_parsed.jsonl.xz"
    )
    promised = f"at least {100 * least:.1f} %"
    if not file.is_file():
        why = "FUSIONTOOLS_SHARED names the folder of development data"
        return Row(what, promised, f"skipped: no essen_folk/{file.name}; {why}")
    ours = {entry.id: np.diff(entry.notes.pitch).tolist() for entry in read}
    seen, equal = Counter(), 0
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for tune in map(json.loads, lines):
            id = f"essen/{tune['file'].removesuffix('.abc')}/{tune['x']}"
            seen[id] += 1
            if seen[id] > 1:  # a book may number two tunes alike
                id = f"{id}-{seen[id]}"
            pitches = [pitch for pitch, _ in tune["notes"] if pitch is not None]
            equal += ours.get(id) == np.diff(pitches).tolist()
    share = equal / seen.total()
    return Row(
        what,
        promised,
        f"{100 * share:.2f} % ({equal:,} of {seen.total():,} tunes)",
        share >= least,
    )

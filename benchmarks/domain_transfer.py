"""Domain transfer: how long a whole piece takes, in the process and from the command, and
how long its chapter takes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, Row, chapter, slow, under

BARS, SECONDS, TIMES = 1000, 10, 100  # of a long piece; what was promised; see below


def benchmark_transfer():
    """A long piece whole, one core, with the weights that ship: in seconds, and against the
    time that it takes to be played at 120 beats a minute.
    """
    import torch

    from fusiontools.papers.domain_transfer.transfer import load_weights, transfer_file

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        networks, _ = load_weights()
        start = time.process_time()  # of one thread
        made = transfer_file(networks, _piece())
        took = time.process_time() - start
    finally:
        torch.set_num_threads(threads)
    yield under(f"a line of {BARS:,} bars on one core, after loading", took, SECONDS)
    faster = made.notes.end / 2 / took
    said = f"{faster:,.0f} x faster"
    yield Row("the same against its playing", f"{TIMES} x faster", said, faster >= TIMES)


def benchmark_command():
    """`python -m fusiontools transfer` on a long file, all that it loads included."""
    from fusiontools.music import write_midi

    with tempfile.TemporaryDirectory() as folder:
        file, out = (str(Path(folder) / name) for name in ("in.mid", "out.mid"))
        write_midi(_piece(), file)
        command = [sys.executable, "-m", "fusiontools", "transfer", file]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--to", "metal", "--out", out],
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
        took = time.perf_counter() - start
    yield under(f"the command on {BARS:,} bars, judges included", took, SECONDS)


@slow
def benchmark_chapter():
    """The second and third page at laptop scale, on two cores: from the weights that ship,
    and with the training in it.
    """
    yield from chapter("05_domain_transfer_[23]*.ipynb", "our network")


def _piece():
    """Eighths on a scale, up and down by chance: as long as the longest piano pieces."""
    import numpy as np

    from fusiontools.music.midi import Piece, Track
    from fusiontools.music.notes import Notes

    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    walk = np.cumsum(np.random.default_rng(0).integers(-2, 3, 8 * BARS)) % 14
    pitch = 60 + scale[walk % 7] + 12 * (walk // 7)
    onset = np.arange(8 * BARS) / 2
    return Piece((Track(Notes(onset, np.full(8 * BARS, 0.5), pitch)),))

"""Connective Fusion: how long a fusion takes, alone and in a batch, from the command, and
how long its chapter takes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, Row, chapter, slow, under

AT_ONCE, TIMES, ALONE, COMMAND = 1024, 2.5, 0.050, 3.0  # what was promised; seconds


def benchmark_fuse():
    """A pair alone and 1,024 in a batch, one core, with the weights that ship, in one
    process.
    """
    import numpy as np
    import torch

    from fusiontools.papers.connective_fusion.fusing import decode, fuse, load_weights

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        networks, _ = load_weights()
        melodies = decode(
            networks,
            torch.randn(
                AT_ONCE,
                2,
                networks.config.latent,
                generator=torch.Generator().manual_seed(0),
            ),
        )
        left, right = melodies[:, :64], melodies[:, 64:]

        def best(function, times):
            found = []
            for _ in range(times):
                # of one thread: what else this machine does is no part of the ratio
                start = time.process_time()
                function()
                found.append(time.process_time() - start)
            return float(np.min(found))

        alone = best(lambda: fuse(networks, left[0], right[0]), 20)
        each = best(lambda: fuse(networks, left, right), 3) / AT_ONCE
    finally:
        torch.set_num_threads(threads)
    yield under("one pair on one core, after loading", alone, ALONE)
    yield Row(
        f"each of {AT_ONCE:,} pairs in a batch",
        f"{TIMES} x faster",
        f"{1000 * each:.3g} ms, {alone / each:.3g} x faster",
        alone / each >= TIMES,
    )


def benchmark_command():
    """`python -m fusiontools fuse` on two files, less the time of importing torch."""
    from fusiontools.music import Notes, write_midi

    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("left.mid", "right.mid", "out.mid")]
        for file, low in zip(files, (60, 67)):
            write_midi(Notes.of([(i, 1, low + (2 * i) % 7) for i in range(16)]), file)

        def seconds(*command):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *command], check=True, capture_output=True, cwd=ROOT
            )
            return time.perf_counter() - start

        seconds("-c", "import torch")  # from the disk into memory
        loading = seconds("-c", "import torch")
        yield under(
            "the command, after import",
            seconds("-m", "fusiontools", "fuse", *files[:2], "--out", files[2]) - loading,
            COMMAND,
        )


@slow
def benchmark_chapter():
    """Both pages of the chapter at laptop scale, on two cores: from the weights that ship,
    and with the training in it.
    """
    yield from chapter("04_connective_fusion*.ipynb", "the VAE and one generator")

"""A toy FusionGAN that is killed where it is told to, and goes on: ``python
fusiongan_survivor.py JOBS``.

For test_fusiongan_survival.py, and for the benchmark of the same promise. JOBS is JSON, a
list of ``{"folder", "every", "kills"}``, with kills as `moments` draws them. Each job's
training is started anew after every kill, in a process of its own, until it is through. One
line of JSON a job comes back: how often it was killed, and what it ended with.
"""

import hashlib
import json
import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

STEPS = {
    "mle": 6,
    "critics": 4,
    "game": 3,
    "genre": 3,
    "fusion": 8,
}  # of our own method, the one with all phases
TOTAL = sum(STEPS.values())
CALLS = {
    "mle": 15000,
    "critics": 28000,
    "game": 35000,
    "genre": 14000,
    "fusion": 55000,
}  # of functions in a step and its checkpoint, about


def moments(kills, seed):
    """Random moments of the training: so many calls of functions, Python's or C's, after
    the beginning of a step.
    """
    dice, phases = (
        random.Random(seed),
        [phase for phase, steps in STEPS.items() for _ in range(steps)],
    )
    steps = sorted(dice.choices(range(TOTAL - 2), k=kills))
    return [
        {"step": step, "calls": dice.randrange(1, CALLS[phases[step]])} for step in steps
    ]


def toy_pair():
    """Two domains that differ in pitch and in length."""
    import numpy as np

    from fusiontools.music.tokens import Vocabulary
    from fusiontools.papers.fusiongan.data import Pair

    rng, arrays = np.random.default_rng(0), {}
    for domain, pitches, lengths in (
        ("A", range(12), (0, 1)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (1, 2)),
    ):
        for part, many in (("train", 24), ("validation", 8), ("test", 8)):
            arrays[f"{domain}_{part}"] = (
                3 * rng.choice(list(pitches), (many, 10)) + rng.choice(lengths, (many, 10))
            ).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    return Pair(
        "toy",
        ("jazz", "folk"),
        Vocabulary("notes", 60, 71, 4, (1, 2, 4)),
        arrays,
        {"corpora": []},
    )


def toy_config(batch=8, name="fusion_ours", **changes):
    """`STEPS` steps, with the networks of the size smoke."""
    from fusiontools.papers.fusiongan.config import Config, method

    rounds = {
        "d_start": STEPS["critics"],
        "gan_rounds": STEPS["game"],
        "genre_steps": STEPS["genre"],
        "fusion_rounds": STEPS["fusion"],
    }
    return replace(
        method(name, Config.smoke()),
        batch=batch,
        mle_epochs=STEPS["mle"] * batch // 24,
        **rounds,
        **changes,
    )


def open_run(folder, config, pair, fabric=None):
    """The run of a toy training."""
    from fusiontools.training import Run

    data = {"name": pair.name, "sha256": pair.hash}
    return Run.open(
        folder,
        paper="fusiongan",
        method="toy",
        scale="smoke",
        config=config,
        data=data,
        seed=3,
        fabric=fabric,
    )


def train(folder, every, kill):
    """Train until the end, or until the moment of the kill; print what it ended with."""
    import torch

    from fusiontools.papers.fusiongan import algorithm

    before, real = [0], algorithm.steps

    def mortal(run, state, total, **options):
        for step in real(run, state, total, **options | {"every": every}):
            at = before[0] + step
            if kill is not None and at >= kill["step"]:
                die_after(kill["calls"] if at < kill["step"] + 2 else 0)
            yield step
        before[0] += total

    algorithm.steps = mortal
    config, pair = toy_config(), toy_pair()
    with open_run(folder, config, pair) as run:
        state = algorithm.train(config, pair, run).state()
    weights = b"".join(
        t.numpy().tobytes() for model in state.values() for t in model.state_dict().values()
    )
    end = {"weights": hashlib.sha256(weights).hexdigest(), "dice": torch.rand(()).item()}
    print(
        json.dumps(
            end | {"history": (Path(folder) / "history.csv").read_text(encoding="utf-8")}
        ),
        flush=True,
    )


def die_after(calls):
    """SIGKILL at the so-manyth call of any function from now on: no code of the training
    has a say in where that is.
    """
    left = [calls]

    def count(frame, event, argument):
        left[0] -= event in ("call", "c_call")
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if sys.getprofile() is None or calls == 0:
        sys.setprofile(count)


def main(jobs):
    import torch

    torch.set_num_threads(
        1
    )  # before the forks: a child must not wait for threads that only its parent had
    import torch._dynamo  # what the first optimizer would load, once for all children

    import fusiontools.papers.fusiongan.algorithm  # noqa: F401

    for job in jobs:
        killed = 0
        for kill in [*job["kills"], None]:
            sys.stdout.flush()
            child = os.fork()
            if not child:
                train(job["folder"], job["every"], kill)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            if died != (kill is not None) or (not died and status):
                sys.exit(f"{job}: {kill} ended with {status}")
            killed += died
        print(json.dumps({"killed": killed}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

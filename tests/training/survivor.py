"""A tiny training that is killed where it is told to, and goes on: ``python survivor.py
JOBS``, for test_survival.py.

JOBS is JSON, a list of ``{"folder", "kills"}``. Each job's training is started anew after
every kill, in a process of its own, until it is through. One line of JSON a job comes back:
how often it was killed, and the checksums of what it ended with.
"""

import hashlib
import json
import os
import random
import signal
import sys
from pathlib import Path

STEPS = (20, 40)  # of the two phases
EVERY = 4


def train(folder, kill):
    """Use everything that a training may hold: dropout, batch statistics, momenta, a
    schedule, a moving average, six random generators.
    """
    import numpy as np
    import torch

    from fusiontools.training import Batches, Run, seed_everything, steps

    torch.set_num_threads(1)
    run = Run.open(
        folder,
        paper="p",
        method="m",
        scale="smoke",
        config={},
        data={"name": "d", "sha256": "0" * 64},
        seed=3,
    )
    seed_everything(run.seed)
    data = torch.randn(50, 6)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(8, 1),
    )
    own = np.random.default_rng(5)
    theirs = torch.Generator().manual_seed(9)
    counts = {"best": float("inf"), "seen": 0}
    taken = 0
    for phase, total in zip(("before", "after"), STEPS):
        first = phase == "before"
        optimizer = (
            torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
            if first
            else torch.optim.Adam(model.parameters(), 0.01)
        )
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 7, 0.9)
        batches = Batches(50, 8, seed=1 + total)
        state = {
            "model": model,
            "optimizer": optimizer,
            "schedule": schedule,
            "batches": batches,
            "own": own,
            "theirs": theirs,
            "counts": counts,
        }
        for step in steps(run, state, total, phase=phase, every=EVERY, seconds=None):
            if kill == {"step": taken + step}:
                os.kill(os.getpid(), signal.SIGKILL)
            index = torch.from_numpy(next(batches))
            noise = (
                random.random()
                + np.random.rand()
                + own.random()
                + torch.rand((), generator=theirs)
            )
            loss = (
                (model(data[index]).squeeze(1) - data[index].sum(1) - 0.1 * noise)
                .square()
                .mean()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            counts["seen"] += len(index)
            counts["best"] = min(counts["best"], loss.item())
            run.log(
                loss=loss, **({"rate": schedule.get_last_lr()[0]} if step % 3 == 0 else {})
            )
        taken += total
        # between the phases: done again by each session, and the same each time
        with torch.no_grad():
            model[4].weight += 0.1 * torch.randn(1, 8) + random.random()
    weights = b"".join(t.numpy().tobytes() for t in model.state_dict().values())
    moments = b"".join(
        t.numpy().tobytes() for p in optimizer.state.values() for t in p.values()
    )
    dice = [
        random.random(),
        np.random.rand(),
        torch.rand(()).item(),
        own.random(),
        torch.rand((), generator=theirs).item(),
    ]
    history = (Path(folder) / "history.csv").read_bytes()
    print(
        json.dumps(
            {
                "weights": sha(weights),
                "moments": sha(moments),
                "dice": dice,
                "counts": counts,
                "history": history.decode(),
            }
        )
    )
    sys.stdout.flush()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def arm(kill):
    """Put a trap into the writing of files: the process dies in the midst of it."""
    from fusiontools.training.history import History

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def halve(name, src_dir_fd=None, **folders):
        file = os.open(name, os.O_RDWR, dir_fd=src_dir_fd)
        os.truncate(file, os.fstat(file).st_size // 2)

    if kill["write"] == "row":  # half a row of the history

        def append(history, line):
            seen.append(line)
            if len(seen) == kill["number"]:
                with open(history.path, "ab") as file:
                    file.write(line[: len(line) // 2])
                die()
            plain_append(history, line)

        seen, plain_append, History._append = [], History._append, append
        return

    def replace(source, target, **folders):
        if (
            Path(target).name.startswith("checkpoint-")
            and ".previous" not in Path(target).name
        ):
            seen.append(target)
            if len(seen) == kill["number"]:
                # the new one is half on the disk, under its passing name
                if kill["write"] == "half":
                    halve(source, **folders)
                elif (
                    kill["write"] == "torn"
                ):  # the disk said that it was whole, and it was not
                    halve(source, **folders)
                    plain_replace(source, target, **folders)
                elif kill["write"] == "after":
                    plain_replace(source, target, **folders)
                # "between": the old one has moved aside, the new one has not yet its name
                die()
        plain_replace(source, target, **folders)

    seen, plain_replace, os.replace = [], os.replace, replace


def main(jobs):
    import torch

    # before the forks: a child must not wait for threads that only its parent had
    torch.set_num_threads(1)
    import torch._dynamo  # what the first optimizer would load, once for all children

    import fusiontools.training.loop
    import fusiontools.training.run  # noqa: F401

    for job in jobs:
        killed = 0
        for kill in [*job["kills"], None]:
            sys.stdout.flush()
            child = os.fork()
            if not child:
                if kill is not None and "write" in kill:
                    arm(kill)
                train(job["folder"], kill)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            if died != (kill is not None) or (not died and status):
                sys.exit(f"{job}: {kill} ended with {status}")
            killed += died
        print(json.dumps({"killed": killed}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

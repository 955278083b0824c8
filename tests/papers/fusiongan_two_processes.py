"""FusionGAN's maximum likelihood in two processes, for test_fusiongan_survival.py: ``python
fusiongan_two_processes.py FOLDER``.

It prints the losses of every step, of both processes together, and those of the held-out
songs, as JSON.
"""

import importlib.util
import json
import sys
from pathlib import Path

BATCH = 16  # of both processes together: each has 8


def toys():
    """The module with the toy pair and the toy config."""
    spec = importlib.util.spec_from_file_location(
        "fusiongan_survivor", Path(__file__).with_name("fusiongan_survivor.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train(fabric, folder):
    from fusiontools.papers.fusiongan import algorithm

    toy, losses, descend = toys(), [], algorithm.descend

    def noted(run, loss, *others):
        losses.append(fabric.all_reduce(loss.detach(), reduce_op="mean").item())
        descend(run, loss, *others)

    algorithm.descend = noted
    try:
        config, pair = toy.toy_config(BATCH, "mle"), toy.toy_pair()
        with toy.open_run(folder, config, pair, fabric) as run:
            networks = algorithm.train(config, pair, run)
    finally:
        algorithm.descend = descend
    held_out = {n: run.history.column(f"held_out_{n}")[1] for n in "ABF"}
    return {
        "losses": losses,
        "held_out": held_out,
        "weights": [p.sum().item() for n in "ABF" for p in networks.g[n].parameters()],
    }


if __name__ == "__main__":
    from fusiontools.training import devices, fabric

    devices.in_notebook = lambda: (
        True
    )  # forked, as in a notebook: what was imported need not be imported again
    print(json.dumps(fabric("cpu", processes=2, threads=1).launch(train, sys.argv[1])))

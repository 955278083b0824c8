"""A FusionGAN that is killed at any moment ends as if nothing had happened; two processes
learn what one learns; a GPU trains where there is one.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from fusiontools.papers.fusiongan.algorithm import train
from fusiontools.papers.fusiongan.sampling import sample_tokens
from fusiontools.training import fabric

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(
        filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")])
    )
}


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(script, *words):
    """What a script beside this one prints, each line as JSON."""
    command = [sys.executable, "-W", "ignore", HERE / script, *words]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


# Killed at random moments

STORIES = {
    "undisturbed": None,
    "saved at every step": (5, 1),
    "saved at every other step": (1, 2),
    "saved at every third step": (2, 3),
}


@pytest.fixture(scope="module")
def survivor():
    return load_script("fusiongan_survivor")


@pytest.fixture(scope="module")
def ends(tmp_path_factory, survivor):
    """How each story ended, by name."""
    if not hasattr(os, "fork"):
        pytest.skip("needs processes that can be forked")
    home, jobs = tmp_path_factory.mktemp("survivors"), []
    for i, (seed, every) in enumerate(
        chosen or (None, None) for chosen in STORIES.values()
    ):
        jobs.append(
            {
                "folder": str(home / str(i)),
                "every": every,
                "kills": [] if seed is None else survivor.moments(5, seed),
            }
        )
    found = lines("fusiongan_survivor.py", json.dumps(jobs))
    return {
        name: end | count
        for name, end, count in zip(STORIES, found[::2], found[1::2], strict=True)
    }


@pytest.mark.parametrize("story", [s for s in STORIES if s != "undisturbed"])
def test_killed_five_times_and_resumed_is_undisturbed_to_the_last_bit(ends, story):
    assert ends[story]["killed"] == 5 and ends["undisturbed"]["killed"] == 0
    assert ends[story] | {"killed": 0} == ends["undisturbed"]


def test_the_history_has_every_step_of_every_phase_once(ends, survivor):
    rows = [row.split(",")[:2] for row in ends["undisturbed"]["history"].splitlines()[1:]]
    assert [int(step) for step, _ in rows] == list(range(survivor.TOTAL))
    assert Counter(phase for _, phase in rows) == survivor.STEPS


# Several processes


def test_two_processes_learn_what_one_learns_from_the_doubled_batch(tmp_path):
    pytest.importorskip("fcntl")  # where processes can be forked
    threads = torch.get_num_threads()
    try:
        one = load_script("fusiongan_two_processes").train(
            fabric("cpu", threads=1), tmp_path / "one"
        )
    finally:
        torch.set_num_threads(threads)
    (two,) = lines("fusiongan_two_processes.py", tmp_path / "two")
    # The same sums, taken in another order: a few units in the last place of float32. That
    # is all that a loss may differ by. Adam divides by the size of a gradient, so a weight
    # whose gradient is nearly nothing feels its rounding more.
    assert (
        len(one["losses"]) == 3 * 8 and len(one["held_out"]["F"]) == 4
    )  # three generators, two batches a pass
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-5)
    for n in "ABF":
        np.testing.assert_allclose(two["held_out"][n], one["held_out"][n], rtol=1e-5)
    np.testing.assert_allclose(two["weights"], one["weights"], rtol=1e-4, atol=1e-4)
    assert one["held_out"]["F"][-1] < one["held_out"]["F"][0]  # and it learns


# A GPU


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_trains_and_what_it_trained_writes_the_same_again(tmp_path, survivor):
    config, pair, own = survivor.toy_config(), survivor.toy_pair(), fabric("cuda")
    written = []
    for _ in range(2):  # the second session finds everything done
        with survivor.open_run(tmp_path / "run", config, pair, own) as run:
            networks = train(config, pair, run)
            rows = len(run.history.rows)
        assert {t.device.type for t in networks.g["F"].state_dict().values()} == {
            "cuda"
        } and rows == survivor.TOTAL
        assert all(
            t.isfinite().all()
            for model in networks.state().values()
            for t in model.state_dict().values()
        )
        written.append(sample_tokens(networks.g["F"], 20))
    assert np.array_equal(*written) and written[0].max() < pair.vocabulary.size

"""Whether a training that is killed again and again ends as if nothing had happened. The
training is the tests' own toy, with all phases.
"""

import importlib.util
import json
import sys
import tempfile
import time

from benchmarks.measure import ROOT, Row, run

KILLS, SEED, EVERY = 20, 7, 2
SCRIPT = ROOT / "tests" / "papers" / "fusiongan_survivor.py"


def kills():
    """FusionGAN, killed with SIGKILL at random moments, after each of which a new process
    goes on; against one that nobody disturbed.
    """
    spec = importlib.util.spec_from_file_location("fusiongan_survivor", SCRIPT)
    survivor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(survivor)
    moments, start = survivor.moments(KILLS, SEED), time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        jobs = [
            {"folder": f"{home}/{name}", "every": EVERY, "kills": chosen}
            for name, chosen in (("whole", []), ("killed", moments))
        ]
        said = run(
            sys.executable, "-W", "ignore", SCRIPT, json.dumps(jobs), PYTHONPATH=ROOT
        )
    whole, _, killed, count = (json.loads(line) for line in said.splitlines())
    took = f"{count['killed']} kills, {time.perf_counter() - start:.0f} s with both runs"
    steps = len({moment["step"] for moment in moments})
    what = f"FusionGAN, {survivor.TOTAL} steps in {len(survivor.STEPS)} phases, "
    what += f"killed at {steps} of them"
    yield Row(what, f"{KILLS} kills", took, count["killed"] == KILLS)
    for name, says in {
        "weights": "weights of all networks",
        "history": "history",
        "dice": "next throw of the dice",
    }.items():
        same = whole[name] == killed[name]
        yield Row(
            f"{says}: identical to those of the undisturbed run", "True", str(same), same
        )

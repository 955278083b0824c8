"""A training that is killed at any moment, and started again, ends as if nothing had
happened: to the last bit, and with no row doubled.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOTAL, EVERY = 60, 4
# checkpoints that an undisturbed training writes: both phases are whole multiples
WRITES = TOTAL // EVERY

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs processes that can be forked"
)


def at_random_steps(seed, kills=5):
    return [
        {"step": step} for step in sorted(random.Random(seed).sample(range(TOTAL), kills))
    ]


STORIES = {
    "undisturbed": [],
    "five random steps": at_random_steps(0),
    "five other steps": at_random_steps(1),
    "before the first checkpoint": [{"step": 0}, {"step": 3}],
    "around the change of phase": [{"step": 19}, {"step": 20}, {"step": 21}],
    "half a checkpoint": [{"write": "half", "number": n} for n in (1, 3, 2)],
    "old one aside, new one unnamed": [{"write": "between", "number": n} for n in (2, 4)],
    "a torn checkpoint": [{"write": "torn", "number": n} for n in (2, 2, 1, 3)],
    "a torn one, then one unnamed": [
        {"write": "torn", "number": 3},
        {"write": "between", "number": 1},
    ],
    "a torn last one of a phase": [{"write": "torn", "number": 5}, {"step": 30}],
    "just written": [{"write": "after", "number": n} for n in (1, 5, 3)],
    "half a row": [{"write": "row", "number": n} for n in (2, 7, 30)],
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """How each story ended, by name."""
    home = tmp_path_factory.mktemp("survivors")
    jobs = [
        {"folder": str(home / str(i)), "kills": kills}
        for i, kills in enumerate(STORIES.values())
    ]
    command = [sys.executable, "-W", "ignore", HERE / "survivor.py", json.dumps(jobs)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")])
        )
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2 * len(jobs)
    return {name: end | count for name, end, count in zip(STORIES, lines[::2], lines[1::2])}


@pytest.mark.parametrize("story", [s for s in STORIES if s != "undisturbed"])
def test_killed_and_resumed_is_undisturbed_to_the_last_bit(ends, story):
    assert ends[story] | {"killed": 0} == ends["undisturbed"] | {"killed": 0}
    assert ends[story]["killed"] == len(STORIES[story])


def test_the_history_has_every_step_once(ends):
    header, *rows = ends["undisturbed"]["history"].splitlines()
    assert header == "step,phase,loss,rate" and [
        int(row.split(",")[0]) for row in rows
    ] == list(range(TOTAL))
    assert [row.split(",")[1] for row in rows] == ["before"] * 20 + ["after"] * 40

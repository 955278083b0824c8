"""What a training takes is estimated from a few of its steps: the counting is right."""

import sys
from pathlib import Path

import pytest
import torch

from fusiontools.training import Run

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))
import pages  # noqa: E402
import training_costs  # noqa: E402

KILO = 1024 * 4  # bytes of 1,024 floats


def test_bytes_are_counted_that_are_alive_at_once():
    with training_costs.Alive() as alive:
        x = torch.zeros(1024)
        for _ in range(5):
            x = x + 1  # the one before goes
        y = x.view(32, 32)  # no room of its own
        z = torch.zeros(2 * 1024)
        del x, y, z
        torch.zeros(1024)
    assert alive.peak == 3 * KILO


def test_what_a_backward_pass_keeps_is_counted():
    with training_costs.Alive() as alive:
        x = torch.zeros(1024, requires_grad=True)
        y = x
        for _ in range(10):
            y = y.exp()  # each is kept for its slope
        y.sum().backward()
    assert 12 * KILO <= alive.peak <= 15 * KILO


@pytest.mark.parametrize("total", [1, 2, 4, 1000])
def test_a_few_steps_stand_for_all(tmp_path, total):
    clock = {"now": 0.0}
    watch, done = training_costs.Stopwatch(4, lambda: clock["now"]), []
    data = {"name": "d", "sha256": "0" * 64}
    with Run.open(tmp_path, paper="p", method="m", config={}, data=data) as run:
        for step in watch(run, {}, total):
            clock["now"] += 3.0 if step else 30.0  # the first warms up
            done.append(step)
    assert done == list(range(min(total, 4)))
    assert watch.minutes == pytest.approx(total * (3.0 if total > 1 else 30.0) / 60)


def test_every_paper_that_trains_on_its_second_page_is_there():
    there = {p.stem for p in pages.notebooks() if "_2_full_size" in p.stem}
    told = pages.json.loads(pages.TRAINING.read_text(encoding="utf-8"))
    assert {name.split("_2_")[0][3:] for name in there} == set(told)
    for scales in told.values():
        assert set(scales) == set(training_costs.SCALES)
        minutes = [scales[scale]["minutes"] for scale in training_costs.SCALES]
        assert minutes == sorted(minutes), "a larger scale takes longer"


def test_a_page_says_what_its_training_takes_or_that_it_needs_no_gpu(tmp_path, monkeypatch):
    costs = tmp_path / "training.json"
    cost = {"laptop": {"minutes": 12, "megabytes": 20}}
    cost["paper"] = {"minutes": 300, "megabytes": 1900}
    costs.write_text(pages.json.dumps({"lstm_gan": cost}))
    monkeypatch.setattr(pages, "TRAINING", costs)
    trains = {p.stem: pages.gpu_line(p) for p in pages.notebooks()}
    told = trains.pop("06_lstm_gan_2_full_size")
    assert "estimated: `laptop` 12 minutes, `paper` 5 hours;" in told
    assert "a GPU needs 0.1 and 1.9 GB" in told
    assert set(trains.values()) == {"No GPU is used."}

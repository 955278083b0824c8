"""What is true of the loop: it counts each step once, saves when it should, stops when it
is told to, and goes on from there.
"""

import errno
import os
import signal
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools import records
from fusiontools.errors import FusionError, RecordError
from fusiontools.training import Batches, Run, load_checkpoint, seed_everything, steps
from fusiontools.training import loop as loop_module

often = settings(max_examples=60, deadline=None, derandomize=True)
ASKED = {
    "paper": "p",
    "method": "m",
    "scale": "smoke",
    "config": {},
    "data": {"name": "d", "sha256": "0" * 64},
}


@pytest.fixture(autouse=True)
def interruptible():
    """A test run that was started in the background inherits that interrupts are ignored;
    these tests are about answering them.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def opened(tmp_path):
    """Open the same run again and again."""
    runs = []

    def again(name="run"):
        runs.append(Run.open(tmp_path / name, **ASKED))
        return runs[-1]

    yield again
    for run in runs:
        run.close()


@pytest.fixture
def saves(monkeypatch):
    """After how many steps it was saved."""
    done, plain = [], loop_module.save_checkpoint
    monkeypatch.setattr(
        loop_module,
        "save_checkpoint",
        lambda content, *rest: (done.append(content["done"]), plain(content, *rest)),
    )
    return done


# Batches

sizes = st.tuples(st.integers(1, 20), st.integers(1, 30), st.integers(0, 5))


@often
@given(sizes, st.integers(1, 12))
def test_batches_are_passes_laid_end_to_end(size, count):
    n, batch_size, seed = size
    passes = [
        np.random.default_rng([seed, e]).permutation(n)
        for e in range(count * batch_size // n + 1)
    ]
    batches = Batches(n, batch_size, seed)
    drawn = np.concatenate([next(batches) for _ in range(count)])
    assert drawn.tolist() == np.concatenate(passes)[: count * batch_size].tolist()
    assert batches.epoch == count * batch_size / n


@often
@given(sizes, st.integers(0, 12))
def test_batches_go_on_from_any_place(size, count):
    first, second = Batches(*size), Batches(*size)
    for _ in range(count):
        next(first)
    second.load_state_dict(first.state_dict())
    assert [next(first).tolist() for _ in range(5)] == [
        next(second).tolist() for _ in range(5)
    ]


@often
@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 6), st.integers(0, 5))
def test_processes_together_see_what_one_sees(n, processes, share, seed):
    one = Batches(n, processes * share, seed)
    parts = [
        Batches(n, processes * share, seed, rank, processes) for rank in range(processes)
    ]
    for _ in range(4):
        assert sorted(next(one).tolist()) == sorted(
            i for part in parts for i in next(part).tolist()
        )


def test_batches_of_other_data_are_refused():
    for other in (Batches(9, 4, 1), Batches(8, 2, 1), Batches(8, 4, 2)):
        with pytest.raises(RecordError, match="start a new run"):
            other.load_state_dict(Batches(8, 4, 1).state_dict())
    for odd in (
        {"n": 0, "batch_size": 1},
        {"n": 1, "batch_size": 0},
        {"n": 4, "batch_size": 3, "processes": 2},
    ):
        with pytest.raises(ValueError, match="batch"):
            Batches(**odd)


# Counting and saving


def test_steps_are_counted_once_over_all_sessions(opened):
    seen, run = [], opened()
    with pytest.raises(ZeroDivisionError):
        for step in steps(run, {}, 10, every=3, seconds=None):
            seen.append(step)
            if step == 7:
                raise ZeroDivisionError
    for step in steps(opened(), {}, 10, every=3, seconds=None):
        seen.append(step)
    # saved after six: the seventh is taken again, the eighth was never done
    assert seen == [*range(8), 6, 7, 8, 9]
    assert list(steps(opened(), {}, 10)) == []


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"every": 4, "seconds": None}, [4, 8, 10]),
        ({"every": 5, "seconds": None}, [5, 10]),
        ({"seconds": None}, [10]),
        ({"seconds": 0}, [*range(1, 11)]),
        ({"seconds": 1e9}, [10]),
    ],
)
def test_it_is_saved_when_it_was_asked_for_and_at_the_end(opened, saves, how, expected):
    list(steps(opened(), {}, 10, **how))
    assert saves == expected


def test_a_step_that_was_left_is_not_done_and_leaves_no_row(opened):
    run = opened()
    for step in steps(run, {}, 10, every=1):
        run.log(loss=step)
        if step == 3:
            break
    assert run.history.column("loss")[0] == [0, 1, 2]
    with pytest.raises(ValueError, match="inside the loop"):
        run.log(loss=1)
    assert next(iter(steps(opened(), {}, 10))) == 3


def test_everything_in_the_state_is_put_back(opened):
    def things():
        own, theirs = np.random.default_rng(1), torch.Generator().manual_seed(2)
        return {
            "own": own,
            "theirs": theirs,
            "old": np.random.RandomState(3),
            "counts": {"best": 1.5},
            "batches": Batches(9, 2),
        }

    def dice(t):
        drawn = [
            t["own"].random(),
            torch.rand((), generator=t["theirs"]).item(),
            t["old"].rand(),
            torch.rand(()).item(),
            np.random.rand(),
        ]
        return drawn, t["counts"], next(t["batches"]).tolist()

    seed_everything(1)
    first = things()
    for _ in steps(opened(), first, 3):
        dice(first)
        first["counts"]["seen"] = 3
    expected = dice(first)
    seed_everything(2)
    second = things()
    counts = second["counts"]
    assert list(steps(opened(), second, 3)) == []
    assert dice(second) == expected and second["counts"] is counts


def test_phases_follow_each_other_and_keep_their_end_states(opened):
    for _ in range(3):  # the third session finds everything done
        run, count = opened(), {"sum": 0}
        for step in steps(run, {"count": count}, 3, phase="first"):
            count["sum"] += step
            run.log(sum=count["sum"])
        assert count == {"sum": 3}
        count["sum"] *= 10
        for step in steps(run, {"count": count}, 2, phase="second"):
            count["sum"] += 1
            run.log(sum=count["sum"])
        assert count == {"sum": 32}
    assert run.history.column("sum") == ([0, 1, 2, 3, 4], [0, 1, 3, 31, 32])
    with pytest.raises(ValueError, match="'first' already"):
        next(steps(run, {}, 3, phase="first"))
    with pytest.raises(ValueError, match="like a variable"):
        next(steps(run, {}, 3, phase="../first"))


def test_a_state_that_does_not_fit_is_refused(opened):
    list(steps(opened(), {"model": torch.nn.Linear(2, 1), "count": {}}, 1))
    with pytest.raises(
        RecordError, match=r"holds \['count', 'model'\], and the training has \['model'\]"
    ):
        list(steps(opened(), {"model": torch.nn.Linear(2, 1)}, 1))
    with pytest.raises(RecordError, match="its model does not fit"):
        list(steps(opened(), {"model": torch.nn.Linear(3, 1), "count": {}}, 1))
    with pytest.raises(RecordError, match="its count does not fit"):
        list(
            steps(
                opened(),
                {"model": torch.nn.Linear(2, 1), "count": torch.nn.Linear(2, 1)},
                1,
            )
        )
    with pytest.raises(ValueError, match=r"state\['step'\] is a int"):
        list(steps(opened("other"), {"step": 3}, 1))


# Interrupts


@pytest.fixture
def handlers():
    """The signal handlers are afterwards what they were before."""
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)],
)
def test_an_interrupt_is_answered_after_the_step_saves_and_says_how_to_go_on(
    opened, saves, handlers, capsys, number, error, code
):
    run, seen = opened(), []
    with pytest.raises(error) as raised:
        for step in steps(run, {}, 10, seconds=None):
            if step == 4:
                os.kill(os.getpid(), number)
            seen.append(step)  # the step is not cut short
    assert (
        seen == [0, 1, 2, 3, 4]
        and saves == [5]
        and getattr(raised.value, "code", None) == code
    )
    says = capsys.readouterr().err
    assert (
        "Stopped after step 5 of 10" in says
        and str(run.folder) in says
        and "again to go on" in says
    )
    assert list(steps(opened(), {}, 10)) == [5, 6, 7, 8, 9]


def test_a_second_interrupt_does_not_wait(opened, saves, handlers):
    with pytest.raises(KeyboardInterrupt):
        for step in steps(opened(), {}, 10, every=2, seconds=None):
            if step == 4:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                pytest.fail("still here")
    assert saves == [2, 4] and next(iter(steps(opened(), {}, 10))) == 4


def test_an_error_in_a_step_gives_the_handlers_back_while_it_is_still_known(
    opened, handlers
):
    kept = None
    try:
        for _ in steps(opened(), {}, 10):
            raise ZeroDivisionError
    except ZeroDivisionError as error:
        kept = error  # as a notebook keeps the last traceback, with all its frames
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert kept is not None


def test_what_was_told_to_ignore_interrupts_goes_on_ignoring_them(opened, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in steps(opened(), {}, 2):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_trains_too(opened):
    run, seen = opened(), []
    thread = threading.Thread(target=lambda: seen.extend(steps(run, {}, 3)))
    thread.start()
    thread.join()
    assert seen == [0, 1, 2]


# A full disk


def train(run, **how):
    seed_everything(0)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters())
    for _ in steps(run, {"model": model, "optimizer": optimizer}, 8, seconds=None, **how):
        loss = (model(torch.randn(4, 3)) + torch.rand(())).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
    return model.weight.tolist(), (run.folder / "history.csv").read_bytes()


def test_a_full_disk_loses_only_the_step_under_way(opened, monkeypatch):
    expected = train(opened("undisturbed"), every=1)
    synced, sync = [], os.fsync

    def fill_up(fd):
        synced.append(fd)
        if len(synced) > 15:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(fd)

    run = opened()
    with monkeypatch.context() as patch:
        patch.setattr(records.os, "fsync", fill_up)
        with pytest.raises(FusionError, match=r"the disk is full.*checkpoint.*is whole"):
            train(run, every=1)
    done = load_checkpoint(run.checkpoint_path("train"))["done"]
    rows = len(run.history.rows)
    assert 0 < done < 8 and rows == done + 1
    assert train(opened(), every=1) == expected

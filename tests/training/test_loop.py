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

from fusiontools import files, records
from fusiontools.errors import FusionError, RecordError
from fusiontools.training import (
    Batches,
    Run,
    descend,
    load_checkpoint,
    save_checkpoint,
    seed_everything,
    steps,
)
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
        for _ in steps(run, {"count": count}, 2, phase="second"):
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


def _forged(where, change):
    """A checkpoint of a stranger: something in it is another, under a right checksum."""
    content = load_checkpoint(where)
    change(content)
    where.unlink()
    save_checkpoint(content, where)


def _set(*keys, to):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def _del(*keys):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


DICE = ("generators", 0)
FORGED = {
    **{f"{name} {value!r}": _set(name, to=value)
       for name in ("phase", "done", "minutes", "generators", "state")
       for value in (None, [], {}, "x", -1, -1.0, float("nan"), 2**70, True)
       if (name, value) not in [("phase", "x"), ("done", True)]},
    **{f"no {name}": _del(name) for name in ("phase", "done", "generators", "state")},
    "no dice of python": _del(*DICE, "python"),
    "dice that are text": _set(*DICE, to="x"),
    "python's dice": _set(*DICE, "python", to=(3, (1, 2), None)),
    "torch's dice": _set(*DICE, "torch", to=torch.zeros(3, dtype=torch.uint8)),
    "torch's dice a list": _set(*DICE, "torch", to=[1]),
    "numpy's dice beyond memory": _set(*DICE, "numpy", "state", "pos", to=10**8),
    "numpy's dice before memory": _set(*DICE, "numpy", "state", "pos", to=-10**8),
    "numpy's dice of text": _set(*DICE, "numpy", "state", "pos", to="x"),
    "own dice": _set("state", "own", to={"bit_generator": "PCG64"}),
    "own dice a list": _set("state", "own", to=[1]),
    "own old dice beyond memory": _set("state", "old", "state", "pos", to=625),
    "a model of text": _set("state", "model", "weight", to="x"),
    "a model a list": _set("state", "model", to=[1]),
    "another model": _set("state", "model", "weight", to=torch.zeros(3)),
    "moments of another model": _set(
        "state", "adam", "state", 0, "exp_avg", to=torch.zeros(7)
    ),
    "a rate of text": _set("state", "adam", "param_groups", 0, "lr", to="x"),
    "no groups": _del("state", "adam", "param_groups"),
    "more groups": _set("state", "adam", "param_groups", to=[{}, {}]),
    "a place of text": _set("state", "batches", "drawn", to="x"),
    "a place before the first": _set("state", "batches", "drawn", to=-2),
    "another order": _set("state", "batches", "n", to=[1]),
    "a count of text": _set("state", "count", "seen", to="x"),
    "counts a list": _set("state", "count", to=[1]),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
def test_what_a_stranger_put_into_a_checkpoint_is_refused_and_not_believed(opened, forged):
    def state():
        model = torch.nn.Linear(2, 1)
        made = {"model": model, "adam": torch.optim.Adam(model.parameters())}
        made |= {"own": np.random.default_rng(0), "count": {"seen": 0}}
        made["old"] = np.random.Generator(np.random.MT19937(0))
        return made | {"batches": Batches(8, 2)}

    def train(total):
        run, things = opened(), state()
        for _ in steps(run, things, total, seconds=None):
            things["model"](torch.ones(1, 2)).sum().backward()
            things["adam"].step()
        run.close()
        return run

    where = train(1).checkpoint_path("train")
    _forged(where, FORGED[forged])
    with pytest.raises(RecordError, match=r"(train\.bin|data order): .*What to do"):
        train(2)
    assert 0 <= np.random.rand() < 1  # and all the dice can be thrown


def test_numbers_of_numpy_and_of_python_are_of_one_kind(opened):
    counts = {"best": np.float64(1), "seen": 0, "rate": 1.0, "none": None, "more": (1, 2)}
    list(steps(opened(), {"counts": counts}, 1))
    again = counts | {"seen": 0.5, "rate": 2, "none": 3}
    list(steps(opened(), {"counts": again}, 1))
    assert again["best"] == 1 and again["more"] == (1, 2)


def test_a_checkpoint_is_not_on_the_disk_before_its_rows_are(opened, monkeypatch):
    """A row that a power cut took would be missing for ever: its step is not done again."""
    order, sync = [], os.fsync

    def noted(number):
        order.append(os.fstat(number).st_ino)
        sync(number)

    run = opened()
    monkeypatch.setattr(os, "fsync", noted)
    for step in steps(run, {}, 5, every=2, seconds=None):
        run.log(loss=float(step))
        rows = os.stat(run.history.path).st_ino if step else None
        if step in (1, 3):
            order.clear()
        elif step in (2, 4):  # saved at the end of the step before
            checkpoint = os.stat(run.checkpoint_path("train")).st_ino
            assert rows in order[: order.index(checkpoint)]


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


class Away:
    """A drive that does not answer from a run's third step on, for some seconds of a clock
    that only waiting moves.
    """

    def __init__(self, monkeypatch, run, seconds):
        self.now, self.back = 0.0, None
        monkeypatch.setattr(files, "time", self)
        plain = run.end_step

        def end_step():
            if len(run.history.rows) == 2:
                self.back = self.now + seconds
            plain()

        monkeypatch.setattr(run, "end_step", end_step)
        for module, name in ((os, "fstat"), (os, "fsync"), (os, "replace")):
            self.refuse(monkeypatch, module, name)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def refuse(self, monkeypatch, module, name):
        plain = getattr(module, name)

        def refuses(*given, **named):
            if self.back is not None and self.now < self.back:
                raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
            return plain(*given, **named)

        monkeypatch.setattr(module, name, refuses)


@pytest.mark.parametrize("every", [1, 4, 8])
def test_a_drive_that_is_away_for_ten_seconds_loses_nothing(opened, monkeypatch, every):
    expected = train(opened("undisturbed"), every=every)
    run = opened()
    with monkeypatch.context() as patch:
        drive = Away(patch, run, 10)
        assert train(run, every=every) == expected
    assert 10 <= drive.now < 20, "it was waited for, and no longer than needed"


def test_a_drive_that_stays_away_is_an_error_and_the_run_goes_on_later(opened, monkeypatch):
    expected = train(opened("undisturbed"), every=1)
    run = opened()
    with monkeypatch.context() as patch:
        Away(patch, run, 1e6)
        with pytest.raises(FusionError, match="not connected"):
            train(run, every=1)
    run.close()
    assert train(opened(), every=1) == expected


@pytest.mark.parametrize(
    "clip, longest", [(None, 20.0), (0.0, 20.0), (5.0, 5.0), (50.0, 20.0)]
)
def test_a_step_downhill_is_as_long_as_the_gradient_or_clipped(opened, clip, longest):
    model = torch.nn.Linear(4, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    run = opened()
    for _ in range(2):  # the gradient of the step before is forgotten
        before = model.weight.detach().clone()
        loss = model(torch.full((1, 4), 10.0)).sum()  # its gradient is 20 long
        descend(run, loss, model, optimizer, clip)
    assert (before - model.weight).norm().item() == pytest.approx(longest, rel=1e-4)

"""What makes a training survive: a ``for`` loop that can be killed and go on.

The loop's body stays the paper's own, in plain sight. Around it, `steps` puts back what a
checkpoint holds, saves, listens for interrupts and shows how far it is. There is no trainer
here, no callback and no hook. Used in chapters 3, 4, 5, 6 and 7.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.errors import MALFORMED, RecordError
from fusiontools.training.checkpoint import newest_checkpoint, save_checkpoint
from fusiontools.training.devices import need_torch
from fusiontools.training.progress import watch
from fusiontools.training.seeds import (
    capture_generators,
    check_generator,
    restore_generators,
)

if TYPE_CHECKING:
    import torch

    from fusiontools.training.run import Run

__all__ = ["Batches", "descend", "steps"]


class Batches:
    """An endless stream of shuffled indices, in batches, that knows where it is.

    Every pass over the data is shuffled anew. Passes follow each other without a gap, so
    that each batch is full and no item is left out; a batch may hold the end of one pass
    and the start of the next.

    Parameters
    ----------
    n : int
        Items in the data set.
    batch_size : int
        Of all processes together.
    seed : int
        Of its own generator: what else is random in the training does not change the order
        of the data.
    rank, processes : int
        Which part of each batch is wanted: several processes together see what one would
        have seen.

    Examples
    --------
    >>> batches = Batches(5, 2, seed=0)
    >>> sorted(np.concatenate([next(batches) for _ in range(5)]).tolist())
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    >>> state, here = batches.state_dict(), next(batches).tolist()
    >>> batches.load_state_dict(state)
    >>> next(batches).tolist() == here
    True
    """

    def __init__(
        self, n: int, batch_size: int, seed: int = 0, rank: int = 0, processes: int = 1
    ) -> None:
        if n < 1 or batch_size < 1:
            raise ValueError(
                "at least one item and one to a batch are needed, "
                f"found {n} and {batch_size}"
            )
        if batch_size % processes or not 0 <= rank < processes:
            raise ValueError(
                f"a batch of {batch_size} cannot be shared by {processes} processes "
                f"(this is {rank})"
            )
        self.n, self.batch_size, self.seed = n, batch_size, seed
        self.rank, self.processes = rank, processes
        self.drawn = 0  # items drawn so far: all that there is to remember
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> np.ndarray:
        batch = np.empty(self.batch_size, dtype=np.int64)
        filled = 0
        while filled < self.batch_size:
            epoch, at = divmod(self.drawn + filled, self.n)
            part = self._shuffled(epoch)[at : at + self.batch_size - filled]
            batch[filled : filled + len(part)] = part
            filled += len(part)
        self.drawn += self.batch_size
        return batch[self.rank :: self.processes]  # (batch_size / processes,)

    def _shuffled(self, epoch):
        # the order of a pass follows from seed and number, so that it need not be stored
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            self._order = (epoch, rng.permutation(self.n))
        return self._order[1]

    @property
    def epoch(self) -> float:
        """Passes over the data so far, as a fraction."""
        return self.drawn / self.n

    def state_dict(self) -> dict:
        """Where the stream is."""
        return {name: getattr(self, name) for name in ("n", "batch_size", "seed", "drawn")}

    def load_state_dict(self, state: dict) -> None:
        """Go where the stream was.

        Raises
        ------
        RecordError
            If it was another stream.
        """
        own = self.state_dict()
        odd = [k for k in ("n", "batch_size", "seed") if state.get(k) != own[k]]
        if odd:
            found = f"its {odd[0]} was {state.get(odd[0])} and is {own[odd[0]]} now"
            raise RecordError(found, "data order", "start a new run")
        if type(state["drawn"]) is not int or state["drawn"] < 0:
            raise ValueError(f"{state['drawn']!r} items were drawn")
        self.drawn = state["drawn"]


def steps(
    run: "Run",
    state: dict,
    total: int,
    *,
    phase: str = "train",
    every: int | None = None,
    seconds: float | None = 60.0,
    curves: Sequence[str] | None = None,
) -> Iterator[int]:
    """Count the steps of a training, which can be stopped at any moment and goes on there.

    Call `seed_everything` and build everything as if nothing had happened before; the first
    step then finds it as the last checkpoint left it, global random generators included. A
    phase that is finished gives no steps, and leaves its end state: what stands between two
    phases is simply run again. Do not ``break`` out of the loop: a step that was left is a
    step that was not done.

    Ctrl-C and SIGTERM are answered between two steps: the state is saved, and a line says
    how to go on. A second Ctrl-C does not wait.

    Parameters
    ----------
    run : Run
    state : dict
        All that the steps change, by name: whatever has ``state_dict`` and
        ``load_state_dict`` (models, optimizers, schedulers, `Batches`), numpy's and torch's
        generators, and dicts of plain values, such as counters.
    total : int
        Steps of this phase in all.
    phase : str
        A name for it. Each phase of a training has its own.
    every : int, optional
        Save after every so many steps.
    seconds : float or None
        Save when so many seconds have passed since the last time. After the last step it is
        always saved.
    curves : list of str, optional
        Which columns of the history to show.

    Yields
    ------
    int
        The number of the step, from 0.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        After an interrupt, when all is saved.
    RecordError
        If the checkpoint is damaged, or was made by other code.
    FusionError
        If the disk is full. The checkpoint before is whole.

    Examples
    --------
    >>> import tempfile
    >>> from fusiontools.training.run import Run
    >>> data = {"name": "d", "sha256": "0" * 64}
    >>> run = Run.open(tempfile.mkdtemp(), paper="p", method="m", config={}, data=data)
    >>> count = {"sum": 0}
    >>> for step in steps(run, {"count": count}, 4):
    ...     count["sum"] += step
    ...     run.log(sum=count["sum"])
    >>> run.history.column("sum")
    ([0, 1, 2, 3], [0, 1, 3, 6])
    """
    if not phase.isidentifier():
        raise ValueError(f"a phase is named like a variable, found {phase!r}")
    done, damaged = _resume(run, state, total, phase)
    saved = time.monotonic()
    watched = watch(total, done, phase, curves, quiet=run.rank > 0)
    with _listening() as heard, watched as shown:
        shown.update(done, run.history)
        try:
            for step in range(done, total):
                run.begin_step(phase, step)
                yield step
                run.end_step()
                done = step + 1
                counted = done == total or (every and done % every == 0)
                waited = seconds is not None and time.monotonic() - saved >= seconds
                due = int(bool(counted or waited))
                stop, due = _agreed(run, heard[0] if heard else 0, due)
                if stop or due:
                    _save(run, state, phase, done, damaged)
                    saved, damaged = time.monotonic(), False
                shown.update(done, run.history)
                if stop:
                    _leave(run, phase, done, total, stop)
        finally:
            run.drop_step()


def _leave(run, phase, done, total, number):
    if run.rank == 0:
        print(
            f"Stopped after step {done:,} of {total:,} ({phase}). "
            f"Everything is saved in {run.folder}. "
            "Run the same cell or command again to go on from there.",
            file=sys.stderr,
            flush=True,
        )
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)  # as shells count what a signal ended


@contextmanager
def _listening():
    """Note SIGINT and SIGTERM instead of dying of them; yields what was heard, a list."""
    heard = []

    def note(number, frame):
        if number == signal.SIGINT and heard:
            raise KeyboardInterrupt
        heard.append(int(number))

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other thread may listen
        for number in (signal.SIGINT, signal.SIGTERM):
            # what was started to survive an interrupt shall survive it
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, note)
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _agreed(run, *flags):
    """The same decision in all processes: the largest of each flag."""
    if run.processes == 1:
        return flags
    torch = need_torch()
    flags = torch.tensor(flags, device=run.fabric.device)
    return tuple(run.fabric.all_reduce(flags, reduce_op="max").tolist())


def _save(run, state, phase, done, damaged):
    run.sync()  # the rows first: a checkpoint promises those of all its steps
    generators = [capture_generators()]
    if run.processes > 1:
        generators = [None] * run.processes
        need_torch().distributed.all_gather_object(generators, capture_generators())
    if run.rank == 0:
        values = {name: _value(thing, name) for name, thing in state.items()}
        content = {"phase": phase, "done": done, "minutes": run.minutes}
        content |= {"generators": generators, "state": values}
        save_checkpoint(content, run.checkpoint_path(phase), damaged)


def _resume(run, state, total, phase):
    """Go back to the phase's checkpoint: its steps done, and whether a newer is damaged."""
    where = run.checkpoint_path(phase)
    found, damaged = newest_checkpoint(where)
    if found is None:
        run.begin_phase(phase, total, 0, 0.0)
        return 0, damaged
    _check_content(found, where)
    run.begin_phase(phase, total, found["done"], found["minutes"])
    do = "the code has changed since: start a new run, or go back to that version"
    if set(found["state"]) != set(state):
        found = f"holds {sorted(found['state'])}, and the training has {sorted(state)}"
        raise RecordError(found, where, do)
    if len(found["generators"]) != run.processes:
        found = f"saved by {len(found['generators'])} processes, not {run.processes}"
        raise RecordError(found, where, "go on with as many as before")
    held = found["state"] | {"random generator": found["generators"][run.rank]}
    for name, value in held.items():
        try:
            if name in state:
                _put_back(state[name], value)
            else:
                restore_generators(value)
        except RecordError:
            raise
        except MALFORMED as error:
            says = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise RecordError(f"its {name} does not fit ({says})", where, do) from error
    return found["done"], damaged


def _check_content(found, where):
    """Whether a checkpoint has the entries of one, each of its kind."""
    kinds = {"phase": str, "done": int, "minutes": float, "generators": list, "state": dict}
    odd = [name for name, kind in kinds.items() if type(found.get(name)) is not kind]
    if not odd:
        odd += ["done"] if not 0 <= found["done"] < 2**63 else []
        odd += ["minutes"] if not 0 <= found["minutes"] < math.inf else []
        odd += (
            ["state"] if not all(isinstance(name, str) for name in found["state"]) else []
        )
    if odd:
        held = repr(found.get(odd[0], "missing"))[:80]
        raise RecordError(
            f"no checkpoint of a run: its {odd[0]} is {held}", where, "delete it"
        )


def _value(thing, name):
    if hasattr(thing, "state_dict"):
        return thing.state_dict()
    if isinstance(thing, np.random.Generator):
        return thing.bit_generator.state
    if hasattr(thing, "get_state"):  # torch.Generator
        return thing.get_state()
    if isinstance(thing, dict):
        return thing
    raise ValueError(
        f"state[{name!r}] is a {type(thing).__name__}: "
        "it has no state_dict, is no generator and no dict"
    )


def _put_back(thing, value):
    if hasattr(thing, "load_state_dict"):
        own = thing.state_dict()
        thing.load_state_dict(value)
        _check_alike(own, thing.state_dict())
        optimizer = hasattr(thing, "param_groups")
        for parameter, kept in thing.state.items() if optimizer else ():
            for number in filter(need_torch().is_tensor, kept.values()):
                if number.shape not in (parameter.shape, ()):
                    raise ValueError(
                        f"{tuple(number.shape)} beside {tuple(parameter.shape)}"
                    )
    elif isinstance(thing, np.random.Generator):
        check_generator(value)
        thing.bit_generator.state = value
    elif hasattr(thing, "set_state"):
        thing.set_state(value)
    else:
        _check_alike(thing, value)
        thing.clear()
        thing.update(value)


def _check_alike(own, found):
    """Raise a TypeError unless what both hold is of the same kinds, all the way down."""
    own = own.item() if isinstance(own, np.generic) else own  # as checkpoints hold it
    if own is None or found is None:
        return
    if isinstance(own, dict) and isinstance(found, dict):
        for name in own.keys() & found.keys():
            _check_alike(own[name], found[name])
    elif isinstance(own, list) and isinstance(found, list):
        for pair in zip(own, found):
            _check_alike(*pair)
    elif type(own) is not type(found) and {type(own), type(found)} != {int, float}:
        raise TypeError(f"{type(found).__name__} where {type(own).__name__} was")


def descend(
    run: "Run",
    loss: "torch.Tensor",
    model: "torch.nn.Module",
    optimizer: "torch.optim.Optimizer",
    clip: float | None = None,
) -> None:
    """One step of an optimizer downhill, the same in every process.

    Parameters
    ----------
    run : Run
        With several processes, gradients are averaged over them.
    loss : Tensor
    model : torch.nn.Module
        Whose gradients are averaged and shortened.
    optimizer : torch.optim.Optimizer
    clip : float, optional
        The longest gradient that is let through.
    """
    optimizer.zero_grad()
    loss.backward()
    if run.fabric is not None and run.processes > 1:
        for p in model.parameters():
            p.grad = run.fabric.all_reduce(p.grad, reduce_op="mean")  # type: ignore
    if clip:
        need_torch().nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()

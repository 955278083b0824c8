"""The phases of a training, one after the other, each from a seed of its own.

So a phase that another run has finished can be taken over (`adopt`), and the result is the
same, bit by bit. What a phase does, the paper's own plain loop says. Used in chapters 3, 4
and 5.
"""

import os
from collections.abc import Callable, Mapping, Sequence

from fusiontools.training.devices import memory_guard
from fusiontools.training.run import Run, adopt
from fusiontools.training.seeds import seed_everything

__all__ = ["run_phases"]


def run_phases(
    run: Run,
    phases: Sequence[str],
    do: Callable[[str], object],
    depends: Mapping[str, Sequence[str]] | tuple[()] = (),
    adopted: str | os.PathLike | None = None,
    reduce: str = "batch",
) -> None:
    """Do the phases of a training in their order.

    Parameters
    ----------
    run : Run
    phases : sequence of str
    do : callable
        Takes the name of a phase, and trains it to its end, or from where it was stopped.
    depends : dict of str to sequence of str
        For each phase that may be taken over the settings that its end depends on.
    adopted : path-like, optional
        The folder of another run with the same seed and data: phases that it has finished
        with the same settings are taken over, see `fusiontools.training.adopt`.
    reduce : str
        The setting to lower first where memory runs out.

    Raises
    ------
    FusionError
        If memory or disk run out; the last checkpoint is whole.
    KeyboardInterrupt
        When interrupted; all is saved.
    """
    rank = 0 if run.fabric is None else run.fabric.global_rank
    for number, phase in enumerate(phases):
        if adopted is not None:
            adopt(run, adopted, phases[: number + 1], dict(depends))
        # one seed for each phase, and for each of the processes that train together
        seed_everything((1009 * run.seed + 7 * number + 10007 * rank + 1) % 2**32)
        with memory_guard(reduce=reduce):
            do(phase)

"""One function over many items, on all cores: what every reader of many files uses.

It is no scheduler: joblib is.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from itertools import chain, islice
from typing import TypeVar

from fusiontools.errors import CorpusError

__all__ = ["in_parallel"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    n_jobs: int | None = None,
    few: int = 500,
    batch_size: int | str = "auto",
) -> list[Result]:
    """Map a function over items, in order; with worker processes where that pays.

    Parameters
    ----------
    function : callable
        Takes an item. It travels to other processes, so it must be picklable.
    items : iterable
        Read as they are needed, so that an archive can be streamed through.
    n_jobs : int, optional
        Processes; 1 stays in this one, -1 takes all cores. By default all cores, but one
        for `few` items or less: starting workers takes a second. A worker never starts
        workers of its own.
    few : int
        See `n_jobs`.
    batch_size : int or "auto"
        Items that travel together.

    Returns
    -------
    list

    Raises
    ------
    CorpusError
        If a worker process dies.

    Notes
    -----
    joblib decides where the work runs, so a cluster takes over where one is set, for few
    items too::

        from dask.distributed import Client
        from joblib import parallel_config

        client = Client()
        with parallel_config(backend="dask"):
            corpus = load("lmd_full")

    Examples
    --------
    >>> in_parallel(abs, [-1, 2, -3])
    [1, 2, 3]
    """
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    backend, configured = get_active_backend()
    # nobody chose a backend or a number of jobs
    left_alone = configured is None and type(backend).__name__ == "LokyBackend"
    if n_jobs is None and left_alone:
        items = iter(items)
        head = list(islice(items, few + 1))
        items = chain(head, items)
        n_jobs = 1 if len(head) <= few else -1
    if n_jobs == 1:
        return [function(item) for item in items]
    work = (delayed(function)(item) for item in items)
    try:
        return list(Parallel(n_jobs=n_jobs, batch_size=batch_size)(work))
    except BrokenExecutor as error:
        found = f"a worker process died ({type(error).__name__})"
        raise CorpusError(
            found,
            do="close other programs, or try again with n_jobs=1 to see which file does it",
        ) from None

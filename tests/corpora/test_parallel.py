"""The same answers in the same order, in one process or in many, wherever joblib is told to
run them.
"""

import os
from concurrent.futures import BrokenExecutor

import joblib
import pytest

from fusiontools.corpora import parallel
from fusiontools.corpora.parallel import in_parallel
from fusiontools.errors import CorpusError


def square(x):
    return x * x


def inner(x):
    """Where a nested call runs, and its answer."""
    return os.getpid(), in_parallel(lambda y: (os.getpid(), y * y), range(x), few=0)


class Counting(joblib.parallel.SequentialBackend):
    """Stands for a cluster's backend: it is asked, and says how often."""

    asked = 0

    def apply_async(self, *args, **kwargs):
        raise AssertionError("a sequential backend calls directly")

    def effective_n_jobs(self, n_jobs):
        Counting.asked += 1
        return 1


def test_few_items_stay_in_this_process():
    assert in_parallel(lambda x: (os.getpid(), x), iter(range(5))) == [
        (os.getpid(), k) for k in range(5)
    ]


def test_workers_give_the_same_in_order_and_start_none_of_their_own():
    assert in_parallel(square, iter(range(40)), n_jobs=2) == [k * k for k in range(40)]
    for outside, nested in in_parallel(inner, [3, 4], n_jobs=2):
        assert outside != os.getpid()
        assert {pid for pid, _ in nested} == {outside}


def test_a_chosen_backend_takes_over_even_for_few_items():
    joblib.register_parallel_backend("counting", Counting)
    with joblib.parallel_config(backend="counting"):
        assert in_parallel(square, [1, 2, 3]) == [1, 4, 9]
    assert Counting.asked > 0
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert in_parallel(square, range(20)) == [k * k for k in range(20)]


def test_a_worker_that_dies_is_an_error_of_ours(monkeypatch):
    class Dying:
        def __init__(self, **_):
            pass

        def __call__(self, _):
            raise BrokenExecutor("killed")

    monkeypatch.setattr(joblib, "Parallel", Dying)
    with pytest.raises(CorpusError, match="worker process died"):
        parallel.in_parallel(square, [1], n_jobs=2)

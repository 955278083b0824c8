"""How surprising music is: counted and added up as a slow plain version does it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.judges.grams import count_runs, surprise

KINDS = 4
often = settings(max_examples=60, derandomize=True)
rows = st.lists(st.lists(st.integers(0, KINDS - 1), max_size=12), min_size=1, max_size=5)


def events(music):
    """Rows of events as the two arrays that the functions take."""
    row = np.repeat(np.arange(len(music)), [len(own) for own in music])
    return row, np.array([event for own in music for event in own], int)


def runs_of(music, n):
    """Every run of n events within a row, as tuples."""
    found = Counter()
    for own in music:
        found.update(tuple(own[i : i + n]) for i in range(len(own) - n + 1))
    return found


def number(run):
    return sum(event * KINDS**i for i, event in enumerate(run[::-1]))


@often
@given(rows, st.integers(1, 4), st.integers(1, 3))
def test_runs_are_counted_within_rows_as_a_counter_does(music, order, at_least):
    found = count_runs(*events(music), KINDS, order, at_least)
    assert len(found) == order
    for n, (keys, counts) in enumerate(found, 1):
        wanted = {number(r): k for r, k in runs_of(music, n).items() if k >= at_least}
        assert dict(zip(keys.tolist(), counts.tolist())) == wanted
        assert (np.diff(keys) > 0).all()  # ascending: they are looked up by bisection


def chance(run, tables, prior=5.0):
    """p(last event | those before), as the equation in `surprise` has it."""
    if not run:
        return 1 / KINDS
    known = tables[len(run) - 1]
    before = sum(known.get((*run[:-1], e), 0) for e in range(KINDS))
    return (known.get(run, 0) + prior * chance(run[1:], tables, prior)) / (before + prior)


@often
@given(rows, rows, st.integers(1, 3), st.sampled_from([0.5, 5.0]))
def test_surprise_is_what_the_equation_says(heard, music, order, prior):
    tables = [runs_of(heard, n) for n in range(1, order + 1)]
    found = surprise(
        *events(music),
        KINDS,
        count_runs(*events(heard), KINDS, order, 1),
        len(music),
        prior,
    )
    for own, nats in zip(music, found):
        told = [tuple(own[max(i + 1 - order, 0) : i + 1]) for i in range(len(own))]
        wanted = [-np.log(chance(run, tables, prior)) for run in told]
        assert nats == pytest.approx(np.mean(wanted) if own else 0, rel=1e-9)
    for context in ((), (0,), (1, 2))[:order]:
        each = [chance((*context, e), tables, prior) for e in range(KINDS)]
        assert sum(each) == pytest.approx(1)


def test_without_any_music_all_is_equally_likely():
    nothing = [(np.zeros(0, int), np.zeros(0, int))] * 3
    found = surprise(*events([[0, 1, 2], [], [3]]), KINDS, nothing, 3)
    assert found.tolist() == pytest.approx([np.log(KINDS), 0, np.log(KINDS)])


def test_a_row_without_events_at_the_end_counts_too():
    tables = count_runs(*events([[0, 1]]), KINDS, 2, 1)
    assert surprise(*events([[0, 1]]), KINDS, tables, 3)[1:].tolist() == [0, 0]
    assert surprise(np.zeros(0, int), np.zeros(0, int), KINDS, tables, 2).tolist() == [0, 0]

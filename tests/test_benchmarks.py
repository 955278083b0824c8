"""The benchmarks' door: what is one, and that each row is printed when it is there."""

import importlib
import inspect

import pytest

from benchmarks.measure import Row, slow

door = importlib.import_module("benchmarks.__main__")


def test_benchmarks_can_be_called_as_they_are():
    found = door.find()
    assert {"book.build", "package.import_time", "survival.kills"} <= set(found)
    for function in found.values():
        inspect.signature(function).bind()
    assert not {key.split(".")[0] for key in found} & set(door.PROGRAMS)


def quick():
    yield Row("one [b]", "under 1 s", "0.5 s", True)
    yield Row("nothing promised", "", "3", None)


def breaks():
    yield Row("three", "yes", "no", False)
    raise ValueError("of its own")


@slow
def long():
    raise AssertionError("nobody asked for it")


@pytest.fixture
def bench(monkeypatch, capsys):
    found = {"a.quick": quick, "a.long": long, "b.breaks": breaks}
    monkeypatch.setattr(door, "find", lambda: found)

    def bench(*words):
        return door.main(list(words)), capsys.readouterr().out

    return bench


def test_rows_seconds_and_what_was_left_out(bench):
    status, said = bench()
    assert status == 1
    told = [
        "2 benchmarks: 2 quick",
        "one [b]",
        "nothing promised",
        "a.quick: 0 s",
        "three",
        "of its own",
    ]
    told += [
        "b.breaks: 0 s",
        "Not measured, for they are slow: a.long",
        "2 promises were not",
    ]
    places = [said.find(text) for text in told]
    assert -1 not in places and places == sorted(places), said
    status, said = bench("quick")
    assert status == 0 and "three" not in said and "Every promise was kept" in said
    with pytest.raises(SystemExit):
        bench("quack")


def test_what_is_measured_is_said_before_the_next_begins(monkeypatch, capsys):
    def stops():
        assert "one [b]" in capsys.readouterr().out
        raise KeyboardInterrupt

    monkeypatch.setattr(door, "find", lambda: {"a.quick": quick, "b.stops": stops})
    with pytest.raises(KeyboardInterrupt):
        door.main([])

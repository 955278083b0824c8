"""Records become rows: none is lost, none is mixed, and what is missing says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.errors import CorpusError, RecordError
from fusiontools.records import Record
from fusiontools.report.rows import (
    NotMeasured,
    choose,
    end,
    histogram,
    less,
    printed,
    rows,
    shipped_arrays,
)

DATA = {"name": "toy", "sha256": 64 * "0"}


def record(method, seed=0, data=DATA, scale="smoke", config=None, **metrics):
    about = {"samples": [], "minutes": 1.0 + seed, "device": "cpu", "version": "1"}
    return Record("toy_paper", method, scale, data, seed, config or {}, metrics, **about)


def test_seeds_are_taken_together_and_settings_apart():
    knobs = {"ours": {"weight": None, "times": 1}}
    records = [
        record("ours", 0, config={"weight": 0.3}, x=1.0),
        record("ours", 1, config={"weight": 0.3}, x=3.0),
        record("ours", 0, config={"weight": 0.1, "times": 2}, x=5.0),
        record("noise", 0, config={"weight": 9.0}, x=7.0),
    ]
    found = rows(records, knobs, order=("noise", "ours"), histories={"a": 1})
    told = [(r["method"], r["weight"], r["times"], r["runs"], r["minutes"]) for r in found]
    assert told == [
        ("noise", None, None, 1, 1.0),
        ("ours", 0.1, 2, 1, 1.0),
        ("ours", 0.3, 1, 2, 1.5),
    ]
    assert found.one("ours", weight=0.3)["x"]["mean"] == 2.0
    assert found.every("ours") == found[1:] and found.methods() == ["noise", "ours"]
    assert found.beside["histories"] == {"a": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), unique=True))
def test_every_record_is_in_one_row(asked):
    records = [record(method, seed, x=float(seed)) for method, seed in asked]
    found = rows(records, order="cb")
    assert sum(row["runs"] for row in found) == len(records)
    assert found.methods() == [m for m in "cba" if m in {method for method, _ in asked}]
    for row in found:
        own = [seed for method, seed in asked if method == row["method"]]
        assert row["x"]["mean"] == pytest.approx(np.mean(own))


def test_settings_come_in_the_order_that_is_given():
    knobs = {"ours": {"kind": None}}
    kinds = ("prior", "test", 2.0, 1.0, "odd")
    records = [record("ours", config={"kind": kind}) for kind in kinds]
    found = rows(records, knobs, first=("test", "prior"))
    assert [row["kind"] for row in found] == ["test", "prior", 1.0, 2.0, "odd"]


def test_what_does_not_belong_together_is_refused():
    other = {"name": "other", "sha256": 64 * "1"}
    mixed = [record("a"), record("a", data=other)]
    with pytest.raises(RecordError, match=r"differ in data: other \(11111111\), toy"):
        rows(mixed)
    assert len(rows(choose(mixed, "other"))) == 1
    with pytest.raises(RecordError, match="differ in scale"):
        rows([record("a"), record("b", scale="laptop")])
    with pytest.raises(RecordError, match="a record of a: its config lacks weight"):
        rows([record("a")], {"a": {"weight": None}})


def test_what_is_missing_says_so():
    found = rows([record("a", x=1.0), record("b", y=1.0)])
    with pytest.raises(NotMeasured, match="not measured: y of a"):
        found.one("a")["y"]
    assert found.one("a").get("y") is None
    with pytest.raises(NotMeasured, match="not measured: c with weight 0.3"):
        found.one("c", weight=0.3)
    with pytest.raises(NotMeasured, match="not measured: histories"):
        found.beside["histories"]


def test_printed_tables_are_rows_too():
    row = printed({"a": {"x": 1.5}}).one("a")
    assert row["x"] == {"mean": 1.5, "low": None, "high": None}
    assert row["runs"] == 0  # none of ours
    with pytest.raises(NotMeasured):
        row["y"]


def test_histograms_are_means_over_runs_and_add_up_to_one():
    first = {"v[low]": 0.2, "v[high]": 0.8}
    second = {"v[low]": 0.6, "v[high]": 0.4}
    found = rows([record("a", 0, **first), record("a", 1, **second)])
    shares = histogram(found[0], "v", ["low", "high"])
    assert shares.tolist() == pytest.approx([0.4, 0.6])
    rounded = rows([record("a", **{"v[low]": 0.33, "v[high]": 0.33})])[0]
    assert histogram(rounded, "v", ["low", "high"]).tolist() == [0.5, 0.5]
    with pytest.raises(NotMeasured):
        histogram(found[0], "v", ["middle"])


spans = st.tuples(st.floats(-9, 9), st.floats(0, 3), st.floats(0, 3), st.booleans())


@given(spans, spans)
def test_less_is_about_whole_intervals(x, y):
    def summary(mean, down, up, bounded):
        ends = (mean - down, mean + up) if bounded else (None, None)
        return dict(zip(("mean", "low", "high"), (mean, *ends)))

    x, y = summary(*x), summary(*y)
    turned = {True: False, False: True, None: None}
    assert less(y, x) is turned[less(x, y)]
    assert (less(x, y) is True) == (end(x, "high") < end(y, "low"))
    assert less(x, x) is None


def test_arrays_beside_the_records(tmp_path):
    np.savez(tmp_path / "h.npz", **{"run/loss": np.ones((2, 3))})
    assert shipped_arrays("toy_paper", "h.npz", tmp_path)["run/loss"].shape == (2, 3)
    assert shipped_arrays("toy_paper", "h.npz") == {}
    with pytest.raises(NotMeasured):
        shipped_arrays("toy_paper", "h.npz")["run/loss"]
    with pytest.raises(CorpusError, match="no such file"):
        shipped_arrays("toy_paper", "other.npz", tmp_path)

"""What is true of records: what is written is read again, what is not a record is refused
by name, and means are over like and like.
"""

import json
import math
import os
from dataclasses import asdict
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fusiontools
from fusiontools import records as records_module
from fusiontools.errors import FusionError, RecordError
from fusiontools.files import write_whole
from fusiontools.records import (
    SCALES,
    Record,
    code_version,
    metric_value,
    plain,
    read_json,
    read_record,
    read_records,
    table,
    write_record,
)

often = settings(max_examples=60, deadline=None, derandomize=True)
GOOD = {
    "paper": "fusiongan",
    "method": "mle",
    "scale": "smoke",
    "data": {"name": "essen", "sha256": "ab" * 32},
    "seed": 0,
    "config": {"width": 8},
    "metrics": {"ratio": 1.5, "balance": {"value": 0.1, "low": 0.0, "high": 0.2}},
    "samples": ["a.mid"],
    "minutes": 0.5,
    "device": "CPU",
    "version": "0.1.0",
}

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text("abcdefgh_", min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
intervals = st.tuples(finite, finite, finite).map(
    lambda t: dict(zip(("low", "value", "high"), sorted(t)))
)


@st.composite
def any_record(draw):
    return Record(
        paper=draw(names),
        method=draw(st.text(min_size=1, max_size=8)),
        scale=draw(st.sampled_from(SCALES)),
        data={
            "name": draw(st.text(max_size=5)),
            "sha256": draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        },
        seed=draw(st.integers(0, 2**32 - 1)),
        config=draw(st.dictionaries(names, values, max_size=3)),
        metrics=draw(st.dictionaries(names, finite | intervals, max_size=4)),
        samples=draw(st.lists(values, max_size=3)),
        minutes=draw(st.floats(0, 1e6)),
        device=draw(st.text(min_size=1, max_size=8)),
        version="0.1.0",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


def record(**changed):
    return Record(**GOOD | changed)


@often
@given(value=any_record())
def test_a_record_comes_back_as_it_was_written(folder, value):
    write_record(value, folder / "one.json")
    assert read_record(folder / "one.json") == value
    before = (folder / "one.json").read_bytes()
    write_record(read_record(folder / "one.json"), folder / "one.json")
    assert (folder / "one.json").read_bytes() == before


def test_what_holds_no_list_takes_one_line(tmp_path):
    text = ["say [1,\n 2]", "1, 2", "[3,   4]"]
    value = record(
        config={"kernel": [3, 5], "rates": [0.5, -1e-09, 2e20], "words": text, "none": []},
        samples=[[1, 2, 3], [4, 5]],
        metrics={"ratio": 1.5},
    )
    write_record(value, tmp_path / "one.json")
    lines = (tmp_path / "one.json").read_text().splitlines()
    inside = [line.strip() for line in lines]
    for own in ('"kernel": [3,5],', '"rates": [0.5,-1e-09,2e+20],', "[1,2,3],"):
        assert own in inside
    assert '"metrics": { "ratio": 1.5 },' in inside
    assert '"say [1,\\n 2]",' in inside  # as ever
    assert read_record(tmp_path / "one.json") == value
    assert json.loads("\n".join(lines))["config"]["words"] == text


@often
@given(value=any_record())
def test_a_record_says_what_plain_json_says(folder, value):
    write_record(value, folder / "two.json")
    assert json.loads((folder / "two.json").read_text("utf-8")) == asdict(value)


def test_numpy_and_tuples_become_plain(tmp_path):
    value = record(
        seed=np.int64(3),
        metrics={"ratio": np.float32(0.5)},
        config={"kernel": (3, np.int8(5))},
        samples=np.arange(2),
    )
    write_record(value, tmp_path / "one.json")
    back = read_record(tmp_path / "one.json")
    assert (back.seed, back.metrics, back.config, back.samples) == (
        3,
        {"ratio": 0.5},
        {"kernel": [3, 5]},
        [0, 1],
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"metrics": {"ratio": math.nan}}, "metrics.ratio is nan"),
        ({"metrics": {"ratio": math.inf}}, "metrics.ratio is inf"),
        ({"metrics": {"ratio": None}}, "metrics.ratio"),
        ({"metrics": {"ratio": True}}, "metrics.ratio"),
        ({"metrics": {"ratio": "1.5"}}, "metrics.ratio"),
        ({"metrics": {"ratio": {"value": 1, "low": 0}}}, "metrics.ratio"),
        (
            {"metrics": {"ratio": {"value": 1, "low": 0, "high": math.nan}}},
            "metrics.ratio.high is nan",
        ),
        ({"metrics": {"ratio": {"value": 1, "low": 2, "high": 0}}}, "interval"),
        (
            {"config": {"nested": [1, {"rate": math.nan}]}},
            r"config.nested\[1\].rate is nan",
        ),
        ({"config": {"model": object()}}, "config.model is a object"),
        ({"config": {3: 4}}, "key 3"),
        ({"samples": "a.mid"}, "samples"),
        ({"data": {"name": "essen"}}, "sha256"),
        ({"data": {"name": "essen", "sha256": "xyz"}}, "sha256"),
        ({"data": {"sha256": "ab" * 32}}, "name"),
        ({"scale": "huge"}, "scale is 'huge'"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"minutes": -1}, "minutes"),
        ({"minutes": math.nan}, "minutes"),
        ({"paper": "../elsewhere"}, "paper"),
        ({"method": ""}, "method"),
        ({"device": None}, "device"),
    ],
)
def test_what_is_no_record_is_refused_by_name(tmp_path, changed, says):
    with pytest.raises(RecordError, match=says):
        record(**changed)
    with pytest.raises(RecordError):
        write_record(GOOD | changed, tmp_path / "one.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_field_is_named(tmp_path, name):
    path = tmp_path / "one.json"
    path.write_text(json.dumps({k: v for k, v in GOOD.items() if k != name}))
    with pytest.raises(RecordError, match=rf"one.json.*missing: {name}"):
        read_record(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(GOOD | {"colour": "red"}), "unknown: colour"),
        (json.dumps(GOOD).replace("1.5", "NaN"), "metrics.ratio is nan"),
        (json.dumps(GOOD).replace("1.5", "1e999"), "metrics.ratio is inf"),
        (json.dumps(GOOD)[:-20], "no readable JSON"),
        ("", "no readable JSON"),
        ("[1, 2]", "not a record but a list"),
        (b"\xff\xfe\x00".decode("latin-1"), "no readable JSON"),
    ],
)
def test_a_file_that_is_no_record_is_refused_by_name(tmp_path, text, says):
    path = tmp_path / "one.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=rf"one.json.*{says}"):
        read_record(path)


DEEP = '{"a":' * 60 + "1" + "}" * 60
ODD = {
    "deep": (f'"config": {DEEP}', "is nested more than 50"),
    "deeper than Python": ('"config": ' + "[" * 10**5, "no readable JSON"),
    "a whole number without an end": ('"seed": ' + "9" * 5000, "no readable JSON"),
    "a large whole number": ('"metrics": {"x": 1' + "0" * 400 + "}", "metrics.x is beyond"),
    "a large seed": ('"seed": 4294967296', "seed is 4294967296"),
    "a negative seed": ('"seed": -1', "seed is -1"),
    "a seed of text": ('"seed": "1"', "seed is '1'"),
    "a seed of lists": ('"seed": [[]]', "seed is"),
    "half a character": ('"device": "\\ud800"', "device is .*no file can hold"),
    "half a character in a name": ('"config": {"\\udfff": 1}', "config has the key"),
    "a name of lists": ('"paper": ["fusiongan"]', "paper is"),
    "a scale of lists": ('"scale": ["smoke"]', "scale is"),
    "a scale of dicts": ('"scale": {}', "scale is"),
    "a method of numbers": ('"method": 3', "method is 3"),
    "data of lists": ('"data": [1]', "data is a list"),
    "a hash of lists": ('"data": {"name": "a", "sha256": ["a"]}', "data does not say"),
    "metrics of lists": ('"metrics": [1]', "metrics is a list"),
    "a metric of lists": ('"metrics": {"x": [1]}', "metrics.x is"),
    "an interval of text": (
        '"metrics": {"x": {"value": "1", "low": 0, "high": 1}}',
        "metrics.x is",
    ),
    "minutes of text": ('"minutes": "1"', "minutes is '1'"),
    "minutes without an end": ('"minutes": 1e999', "minutes is inf"),
    "samples of dicts": ('"samples": {}', "samples is a dict"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_a_strangers_record_holds_is_looked_at_before_it_is_believed(tmp_path, odd):
    text, says = ODD[odd]
    whole = json.dumps(GOOD)
    assert whole.endswith("}")
    (tmp_path / "one.json").write_text(
        whole[:-1] + ", " + text + "}"
    )  # the last one counts
    with pytest.raises(RecordError, match=rf"one\.json.*{says}.*What to do"):
        read_record(tmp_path / "one.json")
    (tmp_path / "record.json").write_text(whole[:-1] + ", " + text + "}")
    with pytest.raises(RecordError, match=says):
        read_records("fusiongan", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp500"])
def test_a_record_of_another_encoding_is_refused(tmp_path, encoding):
    (tmp_path / "one.json").write_bytes(json.dumps(GOOD).encode(encoding))
    with pytest.raises(RecordError, match="no readable JSON"):
        read_record(tmp_path / "one.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_records_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(10**12)  # a hole
    for name, says in (("pipe", "a pipe"), ("folder", "a folder"), ("large", "bytes, and")):
        with pytest.raises(RecordError, match=rf"{name}\.json: .*{says}"):
            read_record(tmp_path / f"{name}.json")


@given(st.recursive(st.none() | st.integers(), lambda x: st.lists(x, max_size=2)))
@often
def test_what_is_plain_is_written_and_read_as_it_was(folder, value):
    (folder / "plain.json").write_text(json.dumps(value))
    assert read_json(folder / "plain.json") == plain(value) == value


def test_a_nest_of_fifty_is_plain_and_one_more_is_not():
    for wrap in (lambda x: [x], lambda x: {"a": x}):
        value = 1
        for _ in range(50):
            value = wrap(value)
        assert plain(value) == value
        with pytest.raises(RecordError, match="nested more than 50"):
            plain(wrap(wrap(value)))
    round_and_round = []
    round_and_round.append(round_and_round)
    with pytest.raises(RecordError, match="nested more than 50"):
        plain(round_and_round)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(RecordError, match="none.json"):
        read_record(tmp_path / "none.json")
    with pytest.raises(RecordError, match="nowhere"):
        write_record(record(), tmp_path / "nowhere" / "one.json")
    with pytest.raises(RecordError, match="no such folder"):
        read_records("fusiongan", tmp_path / "nowhere")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, fails):
    path = tmp_path / "one.json"
    write_record(record(), path)
    before = path.read_bytes()

    def full(*arguments, **folders):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, fails, full)
        with pytest.raises(RecordError, match="No space left"):
            write_record(record(seed=1), path)
    assert path.read_bytes() == before and [f.name for f in tmp_path.iterdir()] == [
        "one.json"
    ]


def test_the_file_before_is_kept_where_it_is_asked_for(tmp_path):
    path, previous = tmp_path / "new", tmp_path / "old"
    for data in (b"one", b"two", [b"th", b"ree"]):
        write_whole(path, data, previous)
    assert (path.read_bytes(), previous.read_bytes()) == (b"three", b"two")


# Folders of records


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package's results folder with two records in it."""
    home = tmp_path / "package"
    (home / "results" / "fusiongan").mkdir(parents=True)
    (home / "results" / "fusiongan" / "notes.txt").write_text("not a record")
    for seed in (1, 0):
        write_record(record(seed=seed), home / "results" / "fusiongan" / f"mle-{seed}.json")
    monkeypatch.setattr(records_module.resources, "files", lambda package: home)
    return home / "results"


def test_shipped_records_come_first_then_those_of_runs(shipped, tmp_path):
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    write_record(record(seed=2), run / "record.json")
    (run / "config.json").write_text("{}")
    write_record(record(paper="lstm_gan", seed=3), tmp_path / "runs" / "other.json")
    assert [r.seed for r in read_records("fusiongan")] == [0, 1]
    assert [r.seed for r in read_records("fusiongan", tmp_path / "runs")] == [0, 1, 2]
    assert [r.seed for r in read_records("fusiongan", run)] == [0, 1, 2]
    assert [r.seed for r in read_records("lstm_gan", tmp_path / "runs")] == [3]


def test_a_shipped_record_in_the_wrong_folder_is_refused(shipped):
    write_record(record(paper="lstm_gan"), shipped / "fusiongan" / "z.json")
    with pytest.raises(RecordError, match="lstm_gan"):
        read_records("fusiongan")


def test_a_name_that_is_a_path_is_a_mistake():
    with pytest.raises(ValueError, match="letters"):
        read_records("../fusiongan")


def test_all_shipped_records_are_records(root):
    for folder in sorted((root / "fusiontools" / "results").glob("*")):
        assert folder.is_dir() and read_records(folder.name), (
            f"{folder.name} holds no record"
        )


def test_records_name_the_packages_version():
    assert code_version() == fusiontools.__version__


# Tables


@often
@given(st.lists(finite.map(lambda x: x % 1000), min_size=1, max_size=5))
def test_means_and_spreads_are_those_of_the_statistics_module(found):
    (row,) = table([record(seed=i, metrics={"ratio": v}) for i, v in enumerate(found)])
    assert row["method"] == "mle" and row["runs"] == len(found)
    assert row["ratio"]["mean"] == fmean(found) and row["ratio"]["n"] == len(found)
    assert row["ratio"]["spread"] == (stdev(found) if len(found) > 1 else None)
    assert row["ratio"]["low"] is None and row["ratio"]["high"] is None


def test_rows_keep_their_order_and_columns_are_chosen():
    runs = [
        record(method="rm", metrics={"b": 1, "a": 2}),
        record(method="gan", metrics={"a": 3}),
    ]
    assert [list(row) for row in table(runs)] == [["method", "runs", "b", "a"]] * 2
    rows = table(runs, metrics=["a", "c"])
    assert [(row["method"], row["a"]["mean"], row["c"]) for row in rows] == [
        ("rm", 2, None),
        ("gan", 3, None),
    ]
    assert table([]) == []


def test_intervals_span_those_of_all_runs():
    bounds = [(1.0, 0.5, 1.5), (2.0, 0.75, 2.5)]
    runs = [
        record(seed=i, metrics={"x": {"value": v, "low": a, "high": b}})
        for i, (v, a, b) in enumerate(bounds)
    ]
    assert table(runs)[0]["x"] | {"spread": None} == {
        "mean": 1.5,
        "spread": None,
        "low": 0.5,
        "high": 2.5,
        "n": 2,
    }
    mixed = table([*runs, record(seed=2, metrics={"x": 3})])[0]["x"]
    assert (mixed["mean"], mixed["low"], mixed["high"]) == (2.0, None, None)
    assert metric_value(runs[0].metrics["x"]) == 1.0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"scale": "laptop"}, "differ in scale"),
        ({"data": {"name": "essen", "sha256": "cd" * 32}}, "differ in data"),
        ({"config": {"width": 9}}, "differ in config"),
        (
            {"config": {"words": "x" * 99}},
            r"'x+\.\.\.",
        ),  # cut, or the message is the config
        ({"paper": "lstm_gan"}, "differ in paper"),
        ({"seed": 0}, "one seed"),
    ],
)
def test_unlike_runs_have_no_mean(changed, says):
    with pytest.raises(RecordError, match=says):
        table([record(), record(**{"seed": 1} | changed)])


def test_rows_may_be_told_apart_by_several_fields():
    runs = [
        record(scale=scale, seed=seed, config={"seed": seed})
        for scale in ("smoke", "laptop")
        for seed in (0, 1)
    ]
    rows = table(runs, by=("method", "scale"))
    assert [(row["method"], row["scale"], row["runs"]) for row in rows] == [
        ("mle", "smoke", 2),
        ("mle", "laptop", 2),
    ]
    other = record(data={"name": "weimar", "sha256": "cd" * 32})
    assert [row["data"] for row in table([record(), other], by="data")] == [
        "essen",
        "weimar",
    ]


def test_record_errors_belong_to_the_one_hierarchy():
    assert issubclass(RecordError, FusionError) and issubclass(RecordError, ValueError)
    with pytest.raises(RecordError, match="settings.rate is inf"):
        plain({"rate": math.inf}, "settings")

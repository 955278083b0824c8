"""What is true of a history: every row once, in a file that can be cut anywhere and is
never misread.
"""

import errno
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import RecordError
from fusiontools.training import history as history_module
from fusiontools.training.history import History

often = settings(max_examples=40, deadline=None, derandomize=True)
numbers = st.floats(allow_nan=False) | st.integers(-5, 10**20)
logs = st.lists(
    st.dictionaries(st.sampled_from(["loss", "reward", "accuracy"]), numbers, min_size=1),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("histories")


def written(path, found, start=0):
    path.unlink(missing_ok=True)
    history = History(path)
    for step, values in enumerate(found, start):
        history.add({"step": step, "phase": "train"} | values)
    history.close()
    return history


@often
@given(found=logs)
def test_rows_come_back_as_they_were_added(folder, found):
    path = folder / "history.csv"
    first = written(path, found)
    again = History(path)
    assert again.rows == first.rows and again.columns == first.columns
    for name in again.columns:
        pairs = [
            (step, values[name]) for step, values in enumerate(found) if name in values
        ]
        assert list(zip(*again.column(name))) == pairs


@often
@given(found=logs, data=st.data())
def test_a_file_cut_anywhere_gives_whole_rows_and_goes_on_to_the_same_file(
    folder, found, data
):
    path = folder / "history.csv"
    rows = written(path, found).rows
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)), label="cut")])
    history = History(path)
    kept = len(history.rows)
    assert history.rows == rows[:kept]
    for step in range(kept, len(found)):
        history.add({"step": step, "phase": "train"} | found[step])
    history.close()
    assert path.read_bytes().count(b"\n") == len(rows) + 1 and History(path).rows == rows


def test_what_follows_a_row_that_is_no_row_is_left_out(tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(b"step,phase,loss\n0,train,2.5\n1,train,\x00\x00\n2,train,1.5\n")
    with pytest.warns(UserWarning, match="line 3"):
        history = History(path)
    assert [row["step"] for row in history.rows] == [0]
    history.add({"step": 1, "phase": "train", "loss": 2.0})
    assert path.read_bytes() == b"step,phase,loss\n0,train,2.5\n1,train,2.0\n"


OTHERS = {
    "utf-16": "step,phase,loss\n0,train,1.0\n".encode("utf-16"),
    "utf-16 without a mark": "step,phase,loss\n0,train,1.0\n".encode("utf-16-le"),
    "utf-32": "step,phase,loss\n".encode("utf-32"),
    "utf-8 with a mark": "step,phase,loss\n0,train,1.0\n".encode("utf-8-sig"),
    "another program's lines": b"step,phase,loss\r\n0,train,1.0\r\n",
    "quotes": b'"step","phase","loss"\n0,train,1.0\n',
    "semicolons": b"step;phase;loss\n0;train;1.0\n",
    "another table": b"name,value\na,1\n",
    "zeros": bytes(5000),
    "zeros after a line": b"\n" + bytes(500),
    "a line without an end": b"step,phase,loss" + b"a" * 200_000 + b",\n",
    "columns without an end": b"step,phase,"
    + b",".join([b"a%d" % i for i in range(2000)])
    + b"\n",
    "one name twice": b"step,phase,loss,loss\n0,train,1.0,2.0\n",
    "no names": b"step,phase,1\n0,train,1.0\n",
    "step twice": b"step,phase,step\n0,train,1\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_begins_otherwise_is_refused_and_stays_as_it_was(tmp_path, other):
    path = tmp_path / "history.csv"
    path.write_bytes(OTHERS[other])
    for keep in (True, False):
        with pytest.raises(RecordError, match=r"history\.csv: no history.*What to do"):
            History(path, keep)
    assert path.read_bytes() == OTHERS[other]


ROWS = [b"", b"1", b"1,train", b"1,train,1.0,2.0", b"x,train,1.0", b"1.5,train,1.0"]
ROWS += [b"-1,train,1.0", b"1,,1.0", b"1,../x,1.0", b"1,train,x", b"1,train,1,0", b"\xff"]
ROWS += [b"1,tr\xe4in,1.0", b'1,"train",1.0', b"1,train,[1]", b"9" * 5000 + b",train,1.0"]
ROWS += [b"1,train," + b"a" * 200_000, b"nan,train,1.0", b"1,train\0,1"]


@pytest.mark.parametrize("row", ROWS)
def test_what_follows_a_row_that_is_none_is_left_out_and_said(tmp_path, row):
    path = tmp_path / "history.csv"
    path.write_bytes(b"step,phase,loss\n0,train,2.5\n" + row + b"\n2,train,1.5\n")
    with pytest.warns(UserWarning, match=r"history\.csv: line 3 is no row.*2 lines"):
        assert History(path).rows == [{"step": 0, "phase": "train", "loss": 2.5}]
    assert path.read_bytes() == b"step,phase,loss\n0,train,2.5\n"


def test_numbers_are_as_large_as_a_curve_can_show(tmp_path):
    path = tmp_path / "history.csv"
    for digits in (18, 299, 301, 3000, 5000):
        path.write_bytes(b"step,phase,loss\n0,train," + b"9" * digits + b"\n")
        for row in History(path).rows:
            float(row["loss"])


def test_a_history_beyond_memory_is_refused(tmp_path):
    path = tmp_path / "history.csv"
    with open(path, "wb") as file:
        file.write(b"step,phase,loss\n")
        file.truncate(10**12)  # a hole
    with pytest.raises(RecordError, match="1,000,000,000,000 bytes"):
        History(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_row_is_never_written_through_a_link(tmp_path):
    history, secret = written(tmp_path / "history.csv", [{"loss": 1.0}]), tmp_path / "x"
    secret.write_text("mine")
    history.path.unlink()
    history.path.symlink_to(secret)
    with pytest.raises(OSError):
        history.add({"step": 1, "phase": "train", "loss": 1.0})
    assert secret.read_text() == "mine"


def test_nan_is_a_value_and_a_gap_is_none(tmp_path):
    history = written(tmp_path / "history.csv", [{"loss": math.nan}, {"reward": math.inf}])
    again = History(tmp_path / "history.csv")
    assert (
        math.isnan(again.rows[0]["loss"])
        and again.column("reward") == ([1], [math.inf])
        and history.columns == ["loss", "reward"]
    )


def test_dropping_rows_drops_them_from_the_file_and_sorts_the_rest(tmp_path):
    path = tmp_path / "history.csv"
    history = written(path, [{"loss": 1.0}] * 3, start=5)
    history.add({"step": 2, "phase": "before", "loss": 3.0})
    history.keep_only(lambda row: row["step"] != 6)
    assert path.read_text().splitlines()[1:] == [
        "2,before,3.0",
        "5,train,1.0",
        "7,train,1.0",
    ]
    history.add({"step": 8, "phase": "train", "loss": 0.5})
    assert [row["step"] for row in History(path).rows] == [2, 5, 7, 8]


class FullDisk:
    """A file that takes half of what it is given."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data[: len(data) // 2])

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_full_disk_leaves_no_half_row(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    history = written(path, [{"loss": 1.0}, {"loss": 2.0}])
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(
            history_module, "open", lambda *a, **k: FullDisk(open(*a, **k)), raising=False
        )
        with pytest.raises(OSError) as error:
            history.add({"step": 2, "phase": "train", "loss": 3.0})
    assert (
        error.value.errno == errno.ENOSPC
        and path.read_bytes() == before
        and len(history.rows) == 2
    )
    history.close()
    history.add({"step": 2, "phase": "train", "loss": 3.0})
    assert path.read_bytes() == before + b"2,train,3.0\n"


def test_one_that_does_not_keep_the_folder_writes_nothing(tmp_path):
    history = History(tmp_path / "history.csv", keep=False)
    history.add({"step": 0, "phase": "train", "loss": 1.0})
    history.keep_only(lambda row: False)
    history.add({"step": 0, "phase": "train", "loss": 1.0})
    history.sync()
    assert history.column("loss") == ([0], [1.0]) and not list(tmp_path.iterdir())


def test_columns_are_named_like_variables(tmp_path):
    with pytest.raises(ValueError, match="a,b"):
        History(tmp_path / "history.csv").add({"step": 0, "phase": "train", "a,b": 1.0})

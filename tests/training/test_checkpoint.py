"""What is true of checkpoints: they come back exactly or not at all, and they never run
code.
"""

import errno
import hashlib
import math
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, RecordError
from fusiontools.training import checkpoint as checkpoint_module
from fusiontools.training import load_checkpoint, save_checkpoint
from fusiontools.training.checkpoint import MAGIC, previous_path

often = settings(max_examples=60, deadline=None, derandomize=True)

arrays = st.sampled_from(
    [
        "bool",
        "uint8",
        "int16",
        "uint32",
        "int64",
        "uint64",
        "float32",
        "float64",
        ">f8",
        "complex64",
    ]
).flatmap(
    lambda kind: st.sampled_from([(), (0,), (3,), (2, 3)]).map(
        lambda shape: np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
    )
)
kinds = ("bool", "uint8", "int64", "float16", "bfloat16", "float32", "float64")
tensors = st.sampled_from(kinds).flatmap(
    lambda kind: st.sampled_from([(), (0,), (3,), (2, 3)]).map(
        lambda shape: torch.ones(shape, dtype=getattr(torch, kind))
    )
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
contents = st.recursive(
    scalars | arrays | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    """Equal in value and in kind, all the way down."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype.newbyteorder("=") == b.dtype
            and a.shape == b.shape
            and np.array_equal(a, b)
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@often
@given(content=contents)
def test_what_is_saved_comes_back_exactly(folder, content):
    save_checkpoint({"content": content}, folder / "state.bin")
    assert same(content, load_checkpoint(folder / "state.bin")["content"])


def test_optimizers_and_schedulers_come_back_exactly(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, amsgrad=True)
    things = [
        optimizer,
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10),
        torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
    ]
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    states = [t.state_dict() for t in things]
    save_checkpoint({"states": states}, tmp_path / "state.bin")
    assert same(states, load_checkpoint(tmp_path / "state.bin")["states"])


def test_tensors_that_share_memory_come_back_apart_and_equal(tmp_path):
    base = torch.arange(6.0)
    save_checkpoint(
        {"all": base, "view": base[2:4], "turned": base.view(2, 3).T, "again": base},
        tmp_path / "state.bin",
    )
    back = load_checkpoint(tmp_path / "state.bin")
    assert (
        torch.equal(back["all"], base)
        and torch.equal(back["view"], base[2:4])
        and torch.equal(back["turned"], base.view(2, 3).T)
    )
    back["all"] += 1
    assert torch.equal(back["again"], base)


@pytest.mark.parametrize(
    "odd",
    [object(), {1, 2}, b"bytes", lambda: 0, np.array(["a"]), torch.eye(2).to_sparse()],
)
def test_what_only_a_pickle_could_hold_is_refused_when_it_is_saved(tmp_path, odd):
    with pytest.raises(ValueError, match=r"state\['model'\]\[1\] is a"):
        save_checkpoint({"model": [0, odd]}, tmp_path / "state.bin")
    assert not list(tmp_path.iterdir())


# Damage


@pytest.fixture
def two(tmp_path):
    """A checkpoint with one before it."""
    path = tmp_path / "state.bin"
    for step in (1, 2):
        save_checkpoint({"step": step, "weights": torch.full((50,), float(step))}, path)
    return path


def test_the_one_before_is_kept(two):
    assert load_checkpoint(two)["step"] == 2
    two.unlink()
    assert load_checkpoint(two)["step"] == 1
    previous_path(two).unlink()
    assert load_checkpoint(two) is None


def test_a_half_written_checkpoint_is_never_read(two):
    whole = two.read_bytes()
    for length in [*range(120), *range(120, len(whole), 7), len(whole) - 1]:
        two.write_bytes(whole[:length])
        with pytest.warns(UserWarning, match="Going on from the checkpoint before"):
            assert load_checkpoint(two)["step"] == 1


def test_a_flipped_bit_is_noticed_wherever_it_is(two):
    whole = two.read_bytes()
    for at in range(0, 8 * len(whole), 37):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        two.write_bytes(damaged)
        with pytest.warns(UserWarning):
            assert load_checkpoint(two)["step"] == 1


def test_two_damaged_checkpoints_are_an_error_and_no_fresh_start(two):
    for path in (two, previous_path(two)):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RecordError, match=r"state\.bin.*checksum"):
        load_checkpoint(two)


# A full disk


def no_room(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_the_checkpoint_and_says_so(tmp_path, monkeypatch):
    path = tmp_path / "state.bin"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(FusionError, match="disk is full.*there was no checkpoint yet"):
            save_checkpoint({"step": 0}, path)
    assert not list(tmp_path.iterdir())
    save_checkpoint({"step": 1}, path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(
            FusionError, match="disk is full.*the checkpoint before this one is whole"
        ):
            save_checkpoint({"step": 2}, path)
    assert load_checkpoint(path) == {"step": 1} and [
        f.name for f in tmp_path.iterdir()
    ] == ["state.bin"]


def test_the_older_of_two_checkpoints_makes_room(two, monkeypatch):
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: no_room() if previous_path(two).exists() else sync(fd)
    )
    save_checkpoint({"step": 3}, two)
    assert load_checkpoint(two) == {"step": 3}
    two.unlink()
    assert load_checkpoint(two)["step"] == 2


# Code


class Trap:
    """Its unpickling leaves a mark."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.fixture
def traps(tmp_path):
    """Files that would run code in a careless reader, as bytes, and the mark that they
    would leave.
    """
    mark = tmp_path / "mark"
    raw = pickle.dumps({"step": Trap(mark)})
    torch.save({"step": Trap(mark)}, tmp_path / "saved")
    # with a checksum that is right
    dressed = [struct.pack("<Q", 2) + b"{}" + raw, struct.pack("<Q", len(raw)) + raw, raw]
    signed = [
        MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body for body in dressed
    ]
    return mark, [raw, (tmp_path / "saved").read_bytes(), *signed]


def test_the_trap_works_on_a_careless_reader(traps):
    mark, (raw, *_) = traps
    pickle.loads(raw)["step"].close()
    assert mark.exists()


def test_a_pickle_under_a_checkpoints_name_is_refused_and_not_run(traps, tmp_path):
    mark, files = traps
    for data in files:
        (tmp_path / "state.bin").write_bytes(data)
        with pytest.raises(RecordError):
            load_checkpoint(tmp_path / "state.bin")
        assert not mark.exists()


def test_nonsense_with_a_right_checksum_is_refused(tmp_path):
    for text in (
        b"{}",
        b"[",
        b'{"tensor": "7"}',
        b'{"code": "x"}',
        b'{"dict": 3}',
        b'{"tuple": 3}',
        b'{"array": ["0", "O", [1]]}',
        b'{"array": ["0", "U1", [1]]}',
        b'{"array": ["0", "f8", [-7]]}',
        b'{"array": ["0", ["f8"], [1]]}',
        b'{"array": [["0"], "f8", [1]]}',
        b'{"array": 7}',
        b'{"tensor": [1]}',
        b'{"dict": [[[1], 2]]}',
        b'{"dict": [[1, 2, 3]]}',
        b'{"dict": {"a": 1}}',
        b'{"a": 1, "b": 2}',
        b"[1]",
        b'"text"',
        b"NaN",
        b"[" * 100_000,
        b"\xff",
    ):
        body = struct.pack("<Q", len(text)) + text + struct.pack("<Q", 2) + b"{}"
        (tmp_path / "state.bin").write_bytes(
            MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        )
        with pytest.raises(RecordError):
            load_checkpoint(tmp_path / "state.bin")


@pytest.mark.parametrize("path", ["state.bin", "state.previous.bin"])
def test_what_is_no_checkpoints_file_is_refused_and_not_waited_for(tmp_path, path):
    (tmp_path / path).mkdir()
    with pytest.raises(RecordError, match="this is a folder"):
        load_checkpoint(tmp_path / "state.bin")
    (tmp_path / path).rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / path)
        with pytest.raises(RecordError, match="a pipe or a device"):
            load_checkpoint(tmp_path / "state.bin")
        (tmp_path / path).unlink()
    with open(tmp_path / path, "wb") as file:
        file.truncate(10**12)  # a hole
    with pytest.raises(RecordError, match="1,000,000,000,000 bytes"):
        load_checkpoint(tmp_path / "state.bin")


def test_what_could_not_be_read_again_is_not_written(two, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "LARGEST", 500)
    with pytest.raises(FusionError, match=r"takes .* GB.*make the model narrower"):
        save_checkpoint({"weights": torch.zeros(500)}, two)
    monkeypatch.undo()
    assert load_checkpoint(two)["step"] == 2


@pytest.mark.parametrize("kind", ["U1", "S8", "V8", "O", "M8[s]", "i4,i4", "f3", ""])
def test_an_array_of_a_stranger_is_one_of_numbers(tmp_path, kind):
    path = tmp_path / "state.bin"
    save_checkpoint({"a": np.arange(4)}, path)
    start = len(MAGIC) + 65
    body = path.read_bytes()[start:]
    (length,) = struct.unpack_from("<Q", body)
    text = body[8 : 8 + length].replace(b"int64", kind.encode())
    body = struct.pack("<Q", len(text)) + text + body[8 + length :]
    signed = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes(MAGIC + signed + b"\n" + body)
    with pytest.raises(RecordError, match="damaged"):
        load_checkpoint(path)

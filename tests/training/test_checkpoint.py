"""What is true of checkpoints and weights: they come back exactly or not at all, and they
never run code.
"""

import errno
import hashlib
import json
import math
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools import records
from fusiontools.errors import FusionError, RecordError
from fusiontools.training import (
    load_checkpoint,
    load_weights,
    read_weights,
    save_checkpoint,
    save_weights,
)
from fusiontools.training.checkpoint import MAGIC, WEIGHTS_LIMIT, previous_path

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
    return a == b or isinstance(a, float) and math.isnan(a) and math.isnan(b)


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
        patch.setattr(records.os, "fsync", no_room)
        with pytest.raises(FusionError, match="disk is full.*there was no checkpoint yet"):
            save_checkpoint({"step": 0}, path)
    assert not list(tmp_path.iterdir())
    save_checkpoint({"step": 1}, path)
    with monkeypatch.context() as patch:
        patch.setattr(records.os, "fsync", no_room)
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
        records.os,
        "fsync",
        lambda fd: no_room() if previous_path(two).exists() else sync(fd),
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


def test_a_pickle_under_a_weights_files_name_is_refused_and_not_run(traps, tmp_path):
    mark, files = traps
    for data in [*files, struct.pack("<Q", 2) + b"{}" + files[0]]:
        (tmp_path / "weights.safetensors").write_bytes(data)
        with pytest.raises(RecordError, match="not weights"):
            read_weights(tmp_path / "weights.safetensors")
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
        b"[" * 100_000,
        b"\xff",
    ):
        body = struct.pack("<Q", len(text)) + text + struct.pack("<Q", 2) + b"{}"
        (tmp_path / "state.bin").write_bytes(
            MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        )
        with pytest.raises(RecordError):
            load_checkpoint(tmp_path / "state.bin")


# Weights


def net(width=4):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, width), torch.nn.BatchNorm1d(width), torch.nn.Linear(width, 1)
    )


NOTICE = {"corpora": ["essen", "ryan"], "terms": "free for research"}


def test_weights_come_back_in_half_precision_with_their_notice(tmp_path):
    path, model, other = tmp_path / "w.safetensors", net(), net()
    model(torch.randn(9, 3))  # so that the batch statistics are not those of a new model
    save_weights(model, path, **NOTICE, paper="fusiongan", config={"width": 4})
    for p in other.parameters():
        torch.nn.init.zeros_(p)
    assert load_weights(path, other) is other
    for name, tensor in model.state_dict().items():
        assert torch.equal(
            other.state_dict()[name],
            tensor.half().float() if tensor.is_floating_point() else tensor,
        )
    tensors, about = read_weights(path)
    assert about | {"version": ""} == NOTICE | {
        "version": "",
        "paper": "fusiongan",
        "config": {"width": 4},
    }
    assert {t.dtype for t in tensors.values()} == {torch.float32, torch.int64}
    assert path.stat().st_size < 2000


def test_several_models_share_a_file(tmp_path):
    path = tmp_path / "w.safetensors"
    models = {"generator": net(), "critic": net(5)}
    other = {"generator": net(), "critic": net(5)}
    torch.nn.init.ones_(models["critic"][0].weight)
    save_weights(models, path, **NOTICE, half=False)
    load_weights(path, other)
    for name in models:
        assert all(
            torch.equal(a, b)
            for a, b in zip(
                models[name].state_dict().values(), other[name].state_dict().values()
            )
        )


def test_the_same_weights_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_weights(
            net(), tmp_path / name, **NOTICE, seed=1, paper="fusiongan", config={"width": 4}
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_of_another_model_are_refused_and_nothing_is_half_loaded(tmp_path):
    path, model = tmp_path / "w.safetensors", net(5)
    save_weights(net(4), path, **NOTICE)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(RecordError, match="another model"):
        load_weights(path, model)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    with pytest.raises(RecordError, match="another model"):
        load_weights(path, {"generator": net(4)})


def test_weights_that_are_too_many_or_too_large_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    wide = torch.nn.Linear(2001, 2000, bias=False)
    with pytest.raises(FusionError, match=r"8\.0 MB, and 8\.0 are allowed"):
        save_weights(wide, path, **NOTICE)
    assert not list(tmp_path.iterdir()) and WEIGHTS_LIMIT == 8_000_000
    model = net()
    for bad in (math.nan, 1e6):
        torch.nn.init.constant_(model[0].weight, bad)
        with pytest.raises(FusionError, match=r"0\.weight"):
            save_weights(model, path, **NOTICE)
    save_weights(model, path, **NOTICE, half=False)
    assert torch.equal(read_weights(path)[0]["0.weight"], model[0].weight)


def test_weights_without_a_notice_are_not_ours(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(TypeError, match="corpora"):
        save_weights(net(), tmp_path / "w", terms="none")
    save_file({"a": torch.ones(2)}, tmp_path / "w", metadata={"format": json.dumps("pt")})
    with pytest.raises(RecordError, match="not weights of this package"):
        read_weights(tmp_path / "w")
    with pytest.raises(RecordError, match="no such weights"):
        read_weights(tmp_path / "none")

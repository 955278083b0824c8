"""Files that hold a training's state.

They cannot run code: tensors are stored as safetensors and everything else as JSON, so that
nothing is ever unpickled. A checkpoint is written whole or not at all, carries its own
checksum, and keeps the one before it beside it until the next. The checksum tells damage,
not a stranger: what a checkpoint holds is looked at by who takes it. Used in
chapters 3, 4, 5, 6 and 7.
"""

import errno
import hashlib
import json
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fusiontools.errors import MALFORMED, FusionError, RecordError
from fusiontools.files import read_limited, write_whole
from fusiontools.training.devices import need_torch

__all__ = ["disk_guard", "load_checkpoint", "newest_checkpoint", "previous_path"]
__all__ += ["save_checkpoint"]

MAGIC = b"fusiontools checkpoint 1\n"
LARGEST = 2_000_000_000  # bytes of a checkpoint
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def previous_path(path: str | os.PathLike) -> Path:
    """Where the checkpoint before the newest one lies."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def save_checkpoint(content: dict, path: str | os.PathLike, damaged: bool = False) -> None:
    """Write a training's state, whole or not at all.

    The checkpoint that was there becomes the previous one.

    Parameters
    ----------
    content : dict
        Any nesting of dicts, lists, tuples, numbers, strings, None, numpy arrays and
        tensors (which come back on the CPU).
    path : path-like
        Its folder must exist.
    damaged : bool
        The checkpoint that is there is not whole: it must not take the place of the
        previous one.

    Raises
    ------
    FusionError
        If the disk is full or refuses, or the checkpoint would be larger than 2 GB. The
        one that was there is still there, and whole.
    ValueError
        If something in `content` is of another kind. The message says where.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "state.bin"
    >>> save_checkpoint({"step": 3, "betas": (0.9, 0.999)}, path)
    >>> load_checkpoint(path)
    {'step': 3, 'betas': (0.9, 0.999)}
    """
    path, chunks = Path(path), _packed(content)
    previous = None if damaged else previous_path(path)
    then = "start again: there was no checkpoint yet"
    if path.exists() or previous_path(path).exists():
        then = "go on: the checkpoint before this one is whole"
    if (size := sum(map(len, chunks))) > LARGEST:
        found = f"this state takes {size / 1e9:.1f} GB, and {LARGEST / 1e9:.0f} are read"
        raise FusionError(found, path, "make the model narrower")
    with disk_guard(path, f"free some space there and {then}"):
        try:
            write_whole(path, chunks, previous)
        except OSError as error:
            # Two whole checkpoints are a luxury on a full disk: the older one makes room,
            # the newer one stays.
            two = path.exists() and previous_path(path).exists() and not damaged
            if error.errno not in FULL or not two:
                raise
            previous_path(path).unlink()
            write_whole(path, chunks, previous)


def load_checkpoint(path: str | os.PathLike) -> dict | None:
    """Read the newest whole checkpoint.

    It is this one, or the previous one if this one is missing or damaged.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict or None
        None if none was ever finished. Falling back on the previous one for damage is said
        in a warning.

    Raises
    ------
    RecordError
        If there is none but damaged ones.
    """
    return newest_checkpoint(path)[0]


def newest_checkpoint(path: str | os.PathLike) -> tuple[dict | None, bool]:
    """Like `load_checkpoint`, and whether the newest was damaged, for `save_checkpoint`."""
    damage = []
    for candidate in (Path(path), previous_path(path)):
        if not candidate.exists():
            continue
        data = read_limited(candidate, LARGEST, error=RecordError)
        try:
            content = _unpacked(data, candidate)
        except RecordError as error:
            damage.append(error)
            continue
        if damage:
            says = f"{damage[0].where}: {damage[0].found}."
            warnings.warn(f"{says} Going on from the checkpoint before it.", stacklevel=2)
        return content, bool(damage)
    if damage:
        raise damage[0]
    return None, False


def _packed(content):
    """A checkpoint's bytes: magic line, checksum, length of the JSON, JSON, tensors."""
    need_torch()
    from safetensors.torch import save

    tensors, storages = {}, set()
    text = json.dumps(_encode(content, "state", tensors, storages)).encode()
    body = (struct.pack("<Q", len(text)), text, save(tensors))
    digest = hashlib.sha256()
    for chunk in body:
        digest.update(chunk)
    return (MAGIC, digest.hexdigest().encode() + b"\n", *body)


def _unpacked(data, where):
    damaged = (
        "delete it, and the training starts from the checkpoint before it "
        "or from the beginning"
    )
    start = len(MAGIC) + 65
    if not data.startswith(MAGIC):
        raise RecordError(f"not a checkpoint: it starts with {data[:12]!r}", where, damaged)
    digest = hashlib.sha256(memoryview(data)[start:]).hexdigest()
    if digest.encode() + b"\n" != data[len(MAGIC) : start]:
        found = "damaged: its content does not match its checksum"
        raise RecordError(found, where, damaged)
    need_torch()
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:  # there may be a right checksum over nonsense
        (length,) = struct.unpack_from("<Q", data, start)
        text = data[start + 8 : start + 8 + length]
        content = _decode(json.loads(text), load(data[start + 8 + length :]))
    except (*MALFORMED, struct.error, SafetensorError) as error:
        raise RecordError(f"damaged ({type(error).__name__})", where, damaged) from None
    if not isinstance(content, dict):
        raise RecordError("damaged (it holds no state)", where, damaged)
    return content


def _encode(value, where, tensors, storages):
    """`value` as JSON.

    Lists stay lists; other containers and arrays become dicts whose one key says what they
    are.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value

    def inside(key, item):
        return _encode(item, f"{where}[{key!r}]", tensors, storages)

    if isinstance(value, dict):  # as pairs, since optimizers have numbers for keys
        keys = [_encode(key, where, tensors, storages) for key in value]
        return {"dict": [[k, inside(*pair)] for k, pair in zip(keys, value.items())]}
    if isinstance(value, (list, tuple)):
        items = [inside(i, item) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    torch, shape = need_torch(), None
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        # stored as bytes: torch does not know all of numpy's kinds
        value = value.astype(value.dtype.newbyteorder("="), order="C")
        shape = [value.dtype.name, list(value.shape)]
        value = torch.from_numpy(value.reshape(-1).view(np.uint8))
    tensor = isinstance(value, torch.Tensor)
    if not tensor or value.layout != torch.strided or value.is_quantized:
        held = "numbers, strings, containers, arrays and tensors"
        found = f"{where} is a {type(value).__name__}, and a checkpoint holds only {held}"
        raise ValueError(found)
    value = value.detach().cpu().contiguous()
    storage = value.untyped_storage().data_ptr()
    if storage and storage in storages:  # safetensors wants tensors that share no memory
        value = value.clone()
    storages.add(value.untyped_storage().data_ptr())
    name = str(len(tensors))
    tensors[name] = value
    return {"tensor": name} if shape is None else {"array": [name, *shape]}


def _decode(value, tensors):
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in inner}
    if kind == "tuple":
        return tuple(_decode(item, tensors) for item in inner)
    if kind == "array":
        name, kind, shape = inner
        if np.dtype(str(kind)).kind not in "biufc":
            raise ValueError(f"no kind of number {kind!r}")
        return tensors[name].numpy().view(np.dtype(kind)).reshape(shape)
    if kind == "tensor":
        return tensors[inner]
    raise ValueError(f"unknown kind {kind!r}")


@contextmanager
def disk_guard(path: str | os.PathLike, do: str) -> Iterator[None]:
    """Turn what a disk says while something is written into an error that says what to do.

    Parameters
    ----------
    path : path-like
        Where it is written, for the message.
    do : str
        What the reader can do.
    """
    try:
        yield
    except OSError as error:
        says = f"cannot be written ({error.strerror or error})"
        if error.errno in FULL:
            says = "the disk is full"
        raise FusionError(says, path, do) from None

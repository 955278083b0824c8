"""Files that hold a training's state, and files that hold finished weights.

Neither can run code: tensors are stored as safetensors and everything else as JSON, so that
nothing is ever unpickled. A checkpoint is written whole or not at all, carries its own
checksum, and keeps the one before it beside it until the next. Used in
chapters 3, 4, 5, 6 and 7.
"""

import errno
import hashlib
import json
import struct
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fusiontools.errors import FusionError, RecordError
from fusiontools.records import code_version, plain, write_whole
from fusiontools.training.devices import need_torch

__all__ = [
    "WEIGHTS_LIMIT",
    "load_checkpoint",
    "load_weights",
    "previous_path",
    "read_weights",
    "save_checkpoint",
    "save_weights",
    "weights_notice",
]

MAGIC = b"fusiontools checkpoint 1\n"
WEIGHTS_LIMIT = 8_000_000  # bytes of one weights file that ships with the package
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


# --- checkpoints ---


def previous_path(path):
    """Where the checkpoint before the newest one lies."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def save_checkpoint(content, path, damaged=False):
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
        If the disk is full or refuses. The checkpoint that was there is still there, and
        whole.
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
    with disk_guard(path, f"free some space there and {then}"):
        try:
            write_whole(path, chunks, previous)
        except OSError as error:
            # Two whole checkpoints are a luxury on a full disk: the older one makes room,
            # the newer one stays.
            two = not damaged and path.exists() and previous.exists()
            if error.errno not in FULL or not two:
                raise
            previous.unlink()
            write_whole(path, chunks, previous)


def load_checkpoint(path):
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


def newest_checkpoint(path):
    """Like `load_checkpoint`, and whether the newest was damaged, for `save_checkpoint`."""
    damage = []
    for candidate in (Path(path), previous_path(path)):
        try:
            content = _unpacked(candidate.read_bytes(), candidate)
        except FileNotFoundError:
            continue
        except OSError as error:
            found = f"cannot be read ({error.strerror})"
            do = "check its permissions and the disk"
            raise RecordError(found, candidate, do) from None
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

    # a right checksum over nonsense
    nonsense = (ValueError, KeyError, TypeError, RecursionError, struct.error)
    try:
        (length,) = struct.unpack_from("<Q", data, start)
        text = data[start + 8 : start + 8 + length]
        return _decode(json.loads(text), load(data[start + 8 + length :]))
    except (*nonsense, SafetensorError) as error:
        raise RecordError(f"damaged ({type(error).__name__})", where, damaged) from None


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
        return tensors[name].numpy().view(np.dtype(kind)).reshape(shape)
    if kind == "tensor":
        return tensors[inner]
    raise ValueError(f"unknown kind {kind!r}")


@contextmanager
def disk_guard(path, do):
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


# --- weights ---


def save_weights(models, path, *, corpora, terms, half=True, limit=WEIGHTS_LIMIT, **about):
    """Write finished weights as safetensors, with a notice of what they learned from.

    The same weights make the same bytes.

    Parameters
    ----------
    models : torch.nn.Module or dict of str to torch.nn.Module
    path : path-like
    corpora : str or list of str
        The corpora that they were trained on.
    terms : str
        Under which terms those stand, and what that means for the weights.
    half : bool
        Store floating point numbers in 16 bits.
    limit : int or None
        The largest file allowed, in bytes; None for any.
    **about
        Whatever else a reader should know, as plain values: ``paper``, ``config``,
        ``seed``.

    Raises
    ------
    FusionError
        If the file would be too large or cannot be written, or a weight is not finite (in
        16 bits: beyond 65,504).

    Examples
    --------
    >>> import tempfile, torch
    >>> path = Path(tempfile.mkdtemp()) / "line.safetensors"
    >>> line = torch.nn.Linear(2, 1)
    >>> save_weights(line, path, corpora="essen", terms="free", config={"inputs": 2})
    >>> load_weights(path, torch.nn.Linear(2, 1)), read_weights(path)[1]["config"]
    (Linear(in_features=2, out_features=1, bias=True), {'inputs': 2})
    """
    torch, path = need_torch(), Path(path)
    from safetensors.torch import save

    tensors = {}
    for name, tensor in _state_of(models).items():
        tensor = tensor.detach().cpu()
        tensor = tensor.half() if half and tensor.is_floating_point() else tensor
        if tensor.is_floating_point() and not tensor.isfinite().all():
            says = f"the weight {name!r} holds NaN or a number too large to store"
            do = "look at the training's curves for where it diverged"
            raise FusionError(says, path, do)
        tensors[name] = tensor.clone(memory_format=torch.contiguous_format)
    corpora = [corpora] if isinstance(corpora, str) else list(corpora)
    notice = {"corpora": corpora, "terms": terms, "version": code_version(), **about}
    # One entry only: safetensors writes several in any order, and equal weights should make
    # equal files.
    notice = json.dumps(plain(notice, "about"), ensure_ascii=False)
    data = save(tensors, metadata={"about": notice})
    if limit is not None and len(data) > limit:
        megabytes = f"{len(data) / 1e6:.1f} MB, and {limit / 1e6:.1f} are allowed"
        raise FusionError(
            f"these weights take {megabytes}", path, "make the model narrower"
        )
    with disk_guard(path, "check that the folder exists, may be written to and has room"):
        write_whole(path, data)


def read_weights(path):
    """The tensors of a weights file, and what it says about itself.

    Floating point tensors come in 32 bits.

    Returns
    -------
    tensors : dict of str to torch.Tensor
    about : dict
        At least ``corpora``, ``terms`` and ``version``.

    Raises
    ------
    RecordError
        If there is no such file, it is damaged, or it is no weights file of this package.
    """
    need_torch()
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise RecordError("no such weights", path, "check the path, or train them")
    try:
        with safe_open(str(path), "pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        found = f"not weights of this package ({type(error).__name__})"
        raise RecordError(found, path, "get the file again, or train them") from None
    for name, tensor in tensors.items():
        tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return tensors, about


def load_weights(path, models):
    """Put the weights of a file into a model, or into several.

    Parameters
    ----------
    path : path-like
    models : torch.nn.Module or dict of str to torch.nn.Module
        As they were given to `save_weights`.

    Returns
    -------
    torch.nn.Module or dict
        `models`, filled in.

    Raises
    ------
    RecordError
        If the file cannot be read, or was made from other models. These are then untouched.
    """
    tensors, _ = read_weights(path)
    wanted = {name: tuple(t.shape) for name, t in _state_of(models).items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    for name in sorted(wanted.keys() | found.keys()):
        there, here = found.get(name, "none"), wanted.get(name, "none")
        if there != here:
            says = f"{name} has shape {there} in the file and {here} in the model"
            do = "build the model with the config that read_weights(path)[1] names"
            raise RecordError(f"weights of another model ({says})", path, do)
    for name, model in models.items() if isinstance(models, dict) else [("", models)]:
        start = f"{name}." if name else ""
        own = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
        model.load_state_dict(own)
    return models


def _state_of(models):
    if not isinstance(models, dict):
        return models.state_dict()
    if any("." in name for name in models):
        raise ValueError(f"names of models must not hold a dot: {list(models)}")
    return {
        f"{name}.{key}": tensor
        for name, model in models.items()
        for key, tensor in model.state_dict().items()
    }


def weights_notice(about):
    """What weights say of the music that they learned from, in one sentence or two.

    Parameters
    ----------
    about : dict
        As `read_weights` returns it.

    Examples
    --------
    >>> weights_notice({"corpora": ["ryan"], "terms": "public domain."})
    'Weights trained on ryan. Terms: public domain.'
    """
    corpora = ", ".join(about["corpora"]) or "music of your own"
    terms = about["terms"] or "those of that music"
    return f"Weights trained on {corpora}. Terms: {terms.rstrip('.')}."

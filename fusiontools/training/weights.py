"""Files that hold finished weights: safetensors, with a notice of what they learned from.

They cannot run code. Whoever loads one believes nothing of it: its numbers are finite, its
notice is plain, and what it says of its networks is held against its size while these are
built (see `building`). Used in chapters 3, 4, 5, 6 and 7.
"""

import importlib
import json
import math
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args, get_type_hints

from fusiontools.errors import MALFORMED, CorpusError, FusionError, RecordError
from fusiontools.files import read_limited, write_whole
from fusiontools.records import code_version, plain
from fusiontools.training.checkpoint import disk_guard
from fusiontools.training.devices import need_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "WEIGHTS_LIMIT",
    "as_told",
    "building",
    "config_from",
    "load_weights",
    "read_safetensors",
]
__all__ += ["read_weights", "save_weights", "shipped_file", "weights_notice"]

WEIGHTS_LIMIT = 8_000_000  # bytes of one weights file that ships with the package
LARGEST = 500_000_000  # bytes of any: in 32 bits twice as many, and networks beside them
AGAIN = "get the file again, or train them"
WHAT = "weights of this package"
OWN = "those of that music"
Settings = TypeVar("Settings")


def save_weights(
    models: "nn.Module | dict[str, nn.Module]",
    path: str | os.PathLike,
    *,
    corpora: str | Sequence[str],
    terms: str,
    half: bool = True,
    limit: int | None = WEIGHTS_LIMIT,
    **about: object,
) -> None:
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
        The largest file allowed, in bytes; None for any that can be read.
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
    about = {"corpora": corpora, "terms": terms, "version": code_version(), **about}
    # One entry only: safetensors writes several in any order, and equal weights should make
    # equal files.
    notice = json.dumps(plain(about, "about"), ensure_ascii=False)
    data = save(tensors, metadata={"about": notice})
    limit = LARGEST if limit is None else limit
    if len(data) > limit:
        megabytes = f"{len(data) / 1e6:.1f} MB, and {limit / 1e6:.1f} are allowed"
        raise FusionError(
            f"these weights take {megabytes}", path, "make the model narrower"
        )
    with disk_guard(path, "check that the folder exists, may be written to and has room"):
        write_whole(path, data)


def shipped_file(name: str, lacks: str, do: str) -> Path:
    """Where a file of weights lies that comes with the package. Chapters 3, 4 and 5 load
    their judges from there.

    Parameters
    ----------
    name : str
        Of the file.
    lacks, do : str
        What is not there otherwise, and what to do about it.

    Raises
    ------
    CorpusError
        If there is no such file.

    Examples
    --------
    >>> shipped_file("polka.safetensors", "no judges of polkas", "train them")
    Traceback (most recent call last):
    fusiontools.errors.CorpusError: no judges of polkas. What to do: train them.
    """
    path = Path(str(resources.files("fusiontools"))) / "pretrained" / name
    if not path.is_file():
        raise CorpusError(lacks, do=do)
    return path


def read_safetensors(
    path: str | os.PathLike, framework: str = "numpy", what: str = WHAT
) -> tuple[dict, dict]:
    """The arrays of a safetensors file, which may be a stranger's, and what it says.

    Parameters
    ----------
    path : path-like
    framework : {"numpy", "torch"}
        Whose arrays.
    what : str
        What the file should be, for the message.

    Returns
    -------
    arrays : dict of str to ndarray or torch.Tensor
        None holds NaN.
    told : dict of str to object
        The entries of its header, each of them JSON, as `fusiontools.records.plain` has it.

    Raises
    ------
    RecordError
        If there is no such file, it is damaged, or it is something else.
    """
    from safetensors import SafetensorError

    path = Path(path)
    if not path.exists():
        found = "no such weights" if what == WHAT else "no such file"
        raise RecordError(found, path, "check the path, or train them")
    data = read_limited(path, LARGEST, error=RecordError)
    try:
        arrays = importlib.import_module(f"safetensors.{framework}").load(data)
        (length,) = struct.unpack_from("<Q", data)
        told = json.loads(data[8 : 8 + length])["__metadata__"]
        told = {name: plain(json.loads(text), name) for name, text in told.items()}
    except (*MALFORMED, SafetensorError, struct.error) as error:
        raise RecordError(f"this file is not {what}", path, AGAIN) from error
    for name, array in arrays.items():
        if (array != array).any():  # nothing else is unlike itself
            raise RecordError(f"the weight {name!r} holds NaN", path, AGAIN)
    return arrays, told


def read_weights(
    path: str | os.PathLike, paper: str | None = None
) -> tuple[dict[str, "Tensor"], dict]:
    """The tensors of a weights file, and what it says about itself.

    Floating point tensors come in 32 bits.

    Parameters
    ----------
    path : path-like
    paper : str, optional
        Whose weights they have to be, such as "fusiongan".

    Returns
    -------
    tensors : dict of str to torch.Tensor
        Their numbers are finite.
    about : dict
        At least ``corpora``, ``terms`` and ``version``.

    Raises
    ------
    RecordError
        If there is no such file, it is damaged, it is no weights file of this package, or
        one of another paper.
    """
    need_torch()
    tensors, told = read_safetensors(path, "torch")
    about = told.get("about")
    notice = about if isinstance(about, dict) else {}
    corpora, texts = notice.get("corpora"), [notice.get("terms"), notice.get("version")]
    if not isinstance(corpora, list) or not all(
        isinstance(t, str) for t in texts + corpora
    ):
        raise RecordError("not weights of this package (no notice)", path, AGAIN)
    if paper and notice.get("paper", paper) != paper:
        found = f"these are weights of {notice['paper']!s:.40}, not of {paper}"
        raise RecordError(found, path, f"take weights of {paper}")
    for name, tensor in tensors.items():
        if tensor.is_complex() or not tensor.isfinite().all():
            says = f"the weight {name!r} holds a number that is none"
            raise RecordError(says, path, AGAIN)
        tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return tensors, notice


@contextmanager
def as_told(path: str | os.PathLike, what: str = "weights") -> Iterator[None]:
    """Around what is made of a file: where the file is not what it says, a RecordError.

    Examples
    --------
    >>> with as_told("judge.safetensors"):  # doctest: +ELLIPSIS
    ...     {"width": 8}["names"]
    Traceback (most recent call last):
        ...
    fusiontools.errors.RecordError: judge.safetensors: no weights that can be used ...
    """
    try:
        yield
    except FusionError:
        raise
    except MALFORMED as error:
        says = (str(error).splitlines() or [""])[0][:200]
        found = f"no {what} that can be used ({type(error).__name__}: {says})"
        raise RecordError(found, path, AGAIN) from error


@contextmanager
def building(
    path: str | os.PathLike, tensors: dict, what: str = "weights"
) -> Iterator[None]:
    """Around the building of networks from what a weights file says of itself.

    Parameters
    ----------
    path : path-like
        For the message.
    tensors : dict of str to array
        What the file holds. The networks may have many more numbers than these, since some
        have a part that no file keeps, such as a discriminator; but not without a bound.
        What lies on torch's device "meta" takes no room, and is not counted.
    what : str
        What the file should be, for the message.

    Raises
    ------
    RecordError
        If a network would be huge beside its file, or if what the file says is of another
        kind than what is built of it.

    Examples
    --------
    >>> import torch
    >>> with building("line.safetensors", {"weight": torch.ones(1, 2)}):
    ...     torch.nn.Linear(10_000, 10_000)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    fusiontools.errors.RecordError: line.safetensors: its networks would be ... too large...
    """
    from torch.nn.modules import module

    held = sum(math.prod(t.shape) for t in tensors.values())
    numbers, parts, thread = 2**24 + 64 * held, 20_000, threading.get_ident()

    def count(owner, name, part):
        nonlocal numbers, parts
        if threading.get_ident() != thread or part is None:
            return
        parts -= 1
        if not isinstance(part, module.Module) and not part.is_meta:
            numbers -= part.numel()
        if numbers < 0 or parts < 0:
            found = f"its networks would be far too large for the {held:,} numbers in it"
            raise RecordError(found, path, AGAIN)

    kinds = ("parameter", "buffer", "module")
    hooks = [
        getattr(module, f"register_module_{k}_registration_hook")(count) for k in kinds
    ]
    try:
        with as_told(path, what):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def config_from(kind: type[Settings], told: dict) -> Settings:
    """The settings that a file holds, as a paper's `Config`, if they are of its kinds.

    Parameters
    ----------
    kind : type
        A dataclass whose fields all have defaults: a setting is of the kind of its default.
    told : dict
        Plain values by name.

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown, of another kind, or beyond a thousand million.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> Config = make_dataclass("Config", [("width", int, 4), ("rate", float, 0.1)])
    >>> config_from(Config, {"width": 8})
    Config(width=8, rate=0.1)
    """
    types = get_type_hints(kind)
    kinds: dict[type, tuple] = {float: (int, float), tuple: (list,)}
    for name, value in told.items():
        default = type(getattr(kind(), name))
        alike = kinds.get(default, (default,))
        if type(None) in get_args(types[name]):
            alike += (type(None),)
        if type(value) not in alike:
            raise TypeError(f"{name} is {value!r}")
        if isinstance(value, (int, float)) and not abs(value) <= 1e9:
            raise ValueError(f"{name} is {value!r}")
    return kind(**told)


def load_weights(
    path: str | os.PathLike, models: "nn.Module | dict[str, nn.Module]"
) -> "nn.Module | dict[str, nn.Module]":
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


def weights_notice(about: dict) -> str:
    """What weights say of the music that they learned from, in one sentence or two.

    Parameters
    ----------
    about : dict
        As `read_weights` returns it.

    Examples
    --------
    >>> weights_notice({"corpora": ["ryan"], "terms": "public domain."})
    'Weights trained on ryan. Terms: public domain.'
    >>> own = {"corpora": ["mine_a", "mine_b"], "labels": ["blues", "hymns"], "terms": ""}
    >>> weights_notice(own)
    'Weights trained on music of your own (blues, hymns). Terms: those of that music.'
    """
    names, corpora = about["corpora"], ", ".join(about["corpora"])
    terms = about["terms"] or OWN
    unknown = all(term.endswith(OWN) for term in terms.split("; "))
    if unknown and all(name.split("_")[0] == "mine" for name in names):  # folders
        labels = about.get("labels") or names
        labels = ", ".join(map(str, labels)) if isinstance(labels, list) else corpora
        corpora, terms = "music of your own" + (f" ({labels})" if labels else ""), OWN
    return f"Weights trained on {corpora}. Terms: {terms.rstrip('.')}."

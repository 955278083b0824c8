"""Where a training computes: processor or GPU, in which precision, in how many processes.

lightning-fabric moves models and data; the loop stays the paper's own. Only data-parallel
training is meant here: every process holds the whole model and sees its own part of each
batch. Used in chapters 3, 4, 5, 6 and 7.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from fusiontools.errors import FusionError
from fusiontools.training.progress import in_notebook

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["device_name", "fabric", "memory_guard", "need_torch"]

DEVICES = ("auto", "cpu", "cuda", "mps")


def need_torch() -> ModuleType:
    """The torch module.

    Raises
    ------
    FusionError
        If PyTorch is not installed. The message says how to install it.
    """
    try:
        import torch
    except ImportError as error:
        if error.name != "torch":
            raise  # it is there, and broken: its own words say how
        found = "PyTorch is not installed"
        do = "pip install torch (the README says which build costs what)"
        raise FusionError(found, "training", do) from None
    return torch


def _fabric_class():
    need_torch()
    try:
        from lightning_fabric import Fabric
    except ImportError:
        try:
            # the same code, where the large package was installed
            from lightning.fabric import Fabric
        except ImportError:
            found = "lightning-fabric is not installed"
            raise FusionError(found, "training", "pip install lightning-fabric") from None
    return Fabric


def fabric(
    device: str = "auto",
    precision: str = "32-true",
    processes: int = 1,
    threads: int | None = None,
) -> "Fabric":
    """A `Fabric` for a plain loop.

    It sets up models, optimizers and gradients for the device, and says nothing about the
    loop.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        "auto" takes the GPU where there is one.
    precision : str
        As Fabric names it. The default computes in 32 bits everywhere; ``"bf16-mixed"``
        halves what activations take on recent GPUs. With ``"16-mixed"``, put
        ``fabric.strategy.precision`` into the state of `steps`: its loss scale is part of
        the training.
    processes : int
        More than one: call ``fabric.launch(function)``, which runs the function in each. On
        GPUs each has its own.
    threads : int, optional
        CPU threads of each process. By default torch decides; several processes on the CPU
        share the cores. Sums may round differently with another number of threads, so
        bit-identical repetition needs the same number.

    Returns
    -------
    lightning_fabric.Fabric

    Raises
    ------
    FusionError
        If torch or lightning-fabric is missing, or the device is not there.

    Examples
    --------
    >>> fabric("cpu").device
    device(type='cpu')
    """
    if device not in DEVICES:
        found = f"there is no device {device!r}"
        raise FusionError(found, "device", f"use one of {', '.join(DEVICES)}")
    if processes < 1:
        raise ValueError(f"at least one process is needed, found {processes}")
    torch, Fabric = need_torch(), _fabric_class()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        do = "use device='auto', or install a CUDA build of torch and its driver"
        raise FusionError("torch sees no CUDA device", "device='cuda'", do)
    if device == "mps" and not torch.backends.mps.is_available():
        raise FusionError("torch sees no Apple GPU", "device='mps'", "use device='auto'")
    if device == "cuda" and processes > torch.cuda.device_count():
        there = torch.cuda.device_count()
        found = f"{processes} processes want a GPU each, and there are {there}"
        raise FusionError(found, "device='cuda'", "ask for fewer processes")
    if threads is None and device == "cpu" and processes > 1:
        threads = max((os.cpu_count() or 1) // processes, 1)
    if threads is not None:
        torch.set_num_threads(threads)
        if processes > 1:  # for the processes that are still to come
            os.environ["OMP_NUM_THREADS"] = str(threads)
    strategy = "auto"
    if processes > 1:
        # A notebook cannot be started a second time, so there the processes are forked;
        # elsewhere they start afresh.
        strategy = "ddp_notebook" if in_notebook() else "ddp_spawn"
    return Fabric(
        accelerator=device, devices=processes, strategy=strategy, precision=precision
    )


def device_name(fabric: "Fabric | None" = None) -> str:
    """What a record says about where a run was computed.

    Examples
    --------
    >>> device_name().startswith("CPU")
    True
    """
    torch = need_torch()
    many = 1 if fabric is None else fabric.world_size
    processes = f", {many} processes" if many > 1 else ""
    if fabric is not None and fabric.device.type == "cuda":
        return torch.cuda.get_device_name(fabric.device) + processes
    if fabric is not None and fabric.device.type == "mps":
        return f"Apple GPU ({platform.machine()}){processes}"
    threads = torch.get_num_threads()
    return f"CPU ({platform.machine()}), {threads} thread{'s' * (threads > 1)}{processes}"


@contextmanager
def memory_guard(reduce: str = "batch_size") -> Iterator[None]:
    """Around a loop, or on a function: out of memory becomes an error that says what to do.

    Parameters
    ----------
    reduce : str
        The setting that the reader should lower first.

    Raises
    ------
    FusionError
        In place of torch's or Python's own error.

    Examples
    --------
    >>> with memory_guard(reduce="rollouts"):  # doctest: +ELLIPSIS
    ...     raise MemoryError
    Traceback (most recent call last):
        ...
    fusiontools.errors.FusionError: the computer: out of memory. What to do: lower ...
    """
    do = f"lower {reduce}, or train at a smaller scale; the last checkpoint is whole"
    try:
        yield
    except MemoryError:
        raise FusionError("out of memory", "the computer", do) from None
    # torch's own OutOfMemoryError is one of these, and has not always had that name
    except RuntimeError as error:
        says = str(error).lower()
        known = ("out of memory", "can't allocate memory", "not enough memory")
        if not any(words in says for words in known):
            raise
        where = "the GPU" if "cuda" in says or "mps" in says else "the computer"
        found = f"out of memory ({str(error).splitlines()[0][:160].rstrip('. ')})"
        raise FusionError(found, where, do) from None

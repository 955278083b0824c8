"""Every random generator that a training may touch: set, captured and put back.

So a resumed training throws the same dice. Used in chapters 3, 4, 5, 6 and 7.
"""

import random

import numpy as np

from fusiontools.training.devices import need_torch

__all__ = ["capture_generators", "check_generator", "restore_generators"]
__all__ += ["seed_everything"]


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch, on the CPU and on every GPU.

    Call it before a model is built: its first weights are random too.

    Parameters
    ----------
    seed : int
        0 to 2^32 - 1, which is what numpy takes.

    Examples
    --------
    >>> seed_everything(1)
    >>> first = random.random()
    >>> seed_everything(1)
    >>> random.random() == first
    True
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"a seed lies between 0 and 2^32 - 1, found {seed}")
    random.seed(seed)
    np.random.seed(seed)
    need_torch().manual_seed(seed)  # GPUs too, those that are not yet awake included


def capture_generators() -> dict:
    """The state of every global generator, in values that a checkpoint can hold.

    Returns
    -------
    dict
        ``python``, ``numpy``, ``torch`` and ``cuda``: the last for the GPU that this
        process works on, None if it has none.

    Examples
    --------
    >>> state = capture_generators()
    >>> first = random.random()
    >>> restore_generators(state)
    >>> random.random() == first
    True
    """
    torch = need_torch()
    awake = torch.cuda.is_available() and torch.cuda.is_initialized()
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if awake else None,
    }


def restore_generators(state: dict) -> None:
    """Put back what `capture_generators` took.

    A GPU's state is left out where there is none: a run may go on on another machine.

    Raises
    ------
    TypeError, ValueError, LookupError, RuntimeError, ...
        If it is no such state.
    """
    torch = need_torch()
    check_generator(state["numpy"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def check_generator(state: dict) -> None:
    """Look at the state of one of numpy's generators, which numpy itself believes.

    Raises
    ------
    ValueError
        If a Mersenne twister would go on outside of its 624 numbers: it reads what lies
        there in memory, or dies.

    Examples
    --------
    >>> check_generator(np.random.get_state(legacy=False))
    """
    if state["bit_generator"] == "MT19937" and not 0 <= state["state"]["pos"] <= 624:
        raise ValueError(f"a generator's place is {state['state']['pos']}")

"""How large a training is: the one setting that every chapter's first cell reads."""

import os

from fusiontools.errors import FusionError
from fusiontools.records import SCALES

__all__ = ["SCALES", "scale"]

DEFAULT = "laptop"


def scale(name: str | None = None) -> str:
    """The scale to train at: `name` if given, else ``FUSIONTOOLS_SCALE``, else "laptop".

    Every paper's ``Config`` has a method of each name, so that ``getattr(Config,
    scale())()`` is the config to use.

    Parameters
    ----------
    name : str, optional
        ``"smoke"`` takes seconds and proves only that the code runs; ``"laptop"`` takes
        minutes on two CPU cores; ``"shipped"`` made the weights that come with the package;
        ``"paper"`` has the paper's sizes and wants a GPU.

    Returns
    -------
    str

    Raises
    ------
    FusionError
        If there is no such scale.

    Examples
    --------
    >>> scale("smoke")
    'smoke'
    """
    found = name if name is not None else os.environ.get("FUSIONTOOLS_SCALE") or DEFAULT
    if found not in SCALES:
        where = "the scale asked for" if name is not None else "FUSIONTOOLS_SCALE"
        found = f"there is no scale {found!r}"
        raise FusionError(found, where, f"use one of {', '.join(SCALES)}")
    return found

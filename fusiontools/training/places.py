"""Where a notebook keeps its trainings, so that they outlive its session.

Used in chapters 3, 4, 5, 6 and 7.
"""

import os
from pathlib import Path

from fusiontools.errors import FusionError

__all__ = ["runs_folder"]

MOUNT = Path("/content/drive")  # where Colab puts a user's Drive


def runs_folder() -> Path:
    """The folder of all runs: on Colab one of your Drive, elsewhere ``runs`` beside the
    notebook; the setting ``FUSIONTOOLS_RUNS`` names another.

    A Colab machine is gone when its session ends, with all that is on it. What is on Drive
    stays, and the next session goes on from there. Colab asks for leave first.

    Returns
    -------
    pathlib.Path
        It need not exist yet.

    Raises
    ------
    FusionError
        If Drive is not given.

    Examples
    --------
    >>> runs_folder() / "mine"  # doctest: +SKIP
    PosixPath('runs/mine')
    """
    if asked := os.environ.get("FUSIONTOOLS_RUNS", "").strip():
        return Path(asked).expanduser()
    try:
        from google.colab import drive
    except ImportError:
        return Path("runs")
    try:
        drive.mount(str(MOUNT))
    except Exception as error:  # Colab names no kind: no leave, no answer in time
        do = 'allow it, or set os.environ["FUSIONTOOLS_RUNS"] = "runs", a folder that ends '
        do += "with the session"
        raise FusionError(f"Drive is not there ({error})", "Colab", do) from None
    return MOUNT / "MyDrive" / "fusiontools"

"""A run is a folder: what was asked for, how it went, where it stands, what came of it.

It holds::

    config.json              what makes this run this run: paper, method, scale, seed,
                             config, data and versions
    history.csv              one row a step
    checkpoint-<phase>.bin   where each phase of the training stands;
                             checkpoint-<phase>.previous.bin is the one before
    record.json              once it is finished

A folder may come from a stranger: nothing in it is believed before it was looked at, links
in it are refused, and nothing is written through one.

It keeps the folder, and knows nothing of models or losses (see `fusiontools.training.loop`
for what fills it). Used in chapters 3, 4, 5, 6 and 7.
"""

import dataclasses
import json
import os
import shlex
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusiontools.errors import RecordError
from fusiontools.files import drop_drafts, no_link, read_limited, write_whole
from fusiontools.records import (
    Record,
    code_version,
    plain,
    read_json,
    read_record,
    write_record,
)
from fusiontools.training.checkpoint import LARGEST, disk_guard
from fusiontools.training.devices import device_name
from fusiontools.training.history import FIXED, History
from fusiontools.training.scales import scale as scale_or_default

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["FORMAT", "WEIGHTS", "Run", "adopt", "finished_weights", "read_about"]

FORMAT = 1  # of the folder; a new one when old runs can no longer be continued
WEIGHTS = "weights.safetensors"  # what a finished run can be used by
OURS = {"config.json", "history.csv", "record.json", ".lock"}
ABOUT = {"format", "paper", "method", "scale", "seed", "config", "data", "version"}


class Run:
    """One training and its folder. Made by `Run.open`.

    Attributes
    ----------
    folder : pathlib.Path
    about : dict
        What ``config.json`` says.
    history : History
        What was logged so far, this session and earlier ones.
    fabric : lightning_fabric.Fabric or None
    """

    def __init__(
        self, folder: str | os.PathLike, about: dict, fabric: "Fabric | None" = None
    ) -> None:
        self.folder, self.about, self.fabric = Path(folder), about, fabric
        self.rank = 0 if fabric is None else fabric.global_rank
        self.history = History(self.folder / "history.csv", keep=self.rank == 0)
        self._phases: dict[str, int] = {}
        self._now: dict[str, Any] | None = None
        self._row: dict[str, Any] = {}
        self._offset = 0
        self._earlier, self._began = 0.0, time.monotonic()
        self._lock = None

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike,
        *,
        paper: str,
        method: str,
        config: Any,
        data: Mapping[str, Any],
        scale: str | None = None,
        seed: int = 0,
        fabric: "Fabric | None" = None,
    ) -> "Run":
        """Start a run in a new or empty folder, or continue the one that is there.

        Parameters
        ----------
        folder : path-like
            Made if it is missing.
        paper, method : str
        config : dataclass instance or dict
            Every setting that changes what is learned.
        data : dict
            ``name`` and ``sha256`` of the encoded data set.
        scale : str, optional
            By default what `fusiontools.training.scale` says.
        seed : int
        fabric : lightning_fabric.Fabric, optional
            Needed where several processes train together: open the run inside each, and the
            first keeps the folder.

        Returns
        -------
        Run

        Raises
        ------
        RecordError
            If the folder holds something else, or a run of another paper, method, scale,
            seed, config, data set or format; the message names the first difference. Also
            if another process trains in it right now.
        FusionError
            If the folder cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> data = {"name": "essen", "sha256": "0" * 64}
        >>> asked = {"paper": "fusiongan", "method": "mle", "data": data, "scale": "smoke"}
        >>> folder = Path(tempfile.mkdtemp()) / "run"
        >>> Run.open(folder, config={"width": 8}, **asked).finished
        False
        >>> Run.open(folder, config={"width": 16}, **asked)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        fusiontools.errors.RecordError: ...: its config.width is 8, and 16 is asked for ...
        """
        if dataclasses.is_dataclass(config) and not isinstance(config, type):
            config = dataclasses.asdict(config)
        about: Any = {
            "format": FORMAT,
            "paper": paper,
            "method": method,
            "scale": scale_or_default(scale),
            "seed": seed,
            "config": dict(config),
            "data": data,
            "version": code_version(),
        }
        about = plain(about, "config.json")
        # A record is made of the same values: what it would refuse at the end is refused
        # now, before hours are spent.
        _record(about, metrics={}, samples=[], minutes=0.0, device="unknown")
        folder = Path(folder)
        lock = None
        if fabric is None or fabric.global_rank == 0:
            about = _claim(folder, about)
            lock = _locked(folder / ".lock")
            drop_drafts(folder)  # nobody else writes here now
        run = cls(folder, about, fabric)
        run._lock = lock
        return run

    def __repr__(self):
        state = "finished" if self.finished else "under way"
        return f"Run({self.folder}, {self.about['paper']}, {self.about['method']}, {state})"

    # --- what a training loop asks for ---

    @property
    def seed(self) -> int:
        """The seed that the run was opened with."""
        return self.about["seed"]

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return 1 if self.fabric is None else self.fabric.world_size

    @property
    def finished(self) -> bool:
        """Whether its record is written."""
        return (self.folder / "record.json").is_file()

    @property
    def record(self) -> Record | None:
        """The record of a finished run, None before."""
        if not self.finished:
            return None
        record = read_record(self.folder / "record.json")
        asked = _record(self.about, metrics={}, samples=[], minutes=0.0, device="unknown")
        for name in ("paper", "method", "scale", "seed"):
            if getattr(record, name) != getattr(asked, name):
                found = f"the record of another run: its {name} is {getattr(record, name)}"
                raise RecordError(found, self.folder, "choose another folder")
        return record

    @property
    def minutes(self) -> float:
        """Wall time over all sessions, without what a crash lost since its checkpoint."""
        return self._earlier + (time.monotonic() - self._began) / 60

    def log(self, **values: Any) -> None:
        """Note numbers about the step under way.

        They are in the history as soon as the step is done.

        Parameters
        ----------
        **values : number or tensor of one element
            Several calls within a step make one row.
        """
        if self._now is None:
            found = "log() belongs inside the loop over steps(): there is no step under way"
            raise ValueError(found)
        if set(values) & set(FIXED):
            raise ValueError(f"the columns {FIXED} are filled in by the run itself")
        for name, value in values.items():
            value = value.detach() if hasattr(value, "detach") else value
            whole = isinstance(value, int) and not isinstance(value, bool)
            self._row[name] = value if whole else float(value)

    def finish(self, metrics: dict, samples: Sequence = ()) -> Record:
        """Write the record. To be called when everything is trained and measured.

        Parameters
        ----------
        metrics : dict
            As `fusiontools.records.Record` has them.
        samples : list

        Returns
        -------
        Record
        """
        cost = {"minutes": round(self.minutes, 3), "device": device_name(self.fabric)}
        record = _record(self.about, metrics=metrics, samples=list(samples), **cost)
        if self.rank == 0:
            write_record(record, self.folder / "record.json")
        return record

    def close(self) -> None:
        """Let go of the folder for another process. A closed run cannot be trained on."""
        self.history.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- what `steps` asks for ---

    def checkpoint_path(self, phase: str) -> Path:
        """Where the state of a phase lies."""
        return self.folder / f"checkpoint-{phase}.bin"

    def begin_phase(self, phase: str, total: int, done: int, minutes: float) -> None:
        """A phase goes on after its first `done` steps: forget the rows of later ones."""
        if phase in self._phases:
            raise ValueError(
                f"this run has a phase {phase!r} already: "
                "each call of steps() needs a name of its own"
            )
        self._offset = sum(self._phases.values())
        self._phases[phase] = total
        self._earlier = max(self._earlier, minutes)
        first = self._offset + done
        with self._writing():
            self.history.keep_only(lambda row: row["phase"] != phase or row["step"] < first)

    def begin_step(self, phase: str, step: int) -> None:
        """A step is under way; what is logged from now on is its row."""
        self._now, self._row = {"step": self._offset + step, "phase": phase}, {}

    def end_step(self) -> None:
        """The step is done: its row, if it has one, goes into the history."""
        if self._row and self._now is not None:
            with self._writing():
                self.history.add(self._now | self._row)
        self._now, self._row = None, {}

    def drop_step(self) -> None:
        """The step was not finished: it leaves no row."""
        self._now, self._row = None, {}

    def sync(self) -> None:
        """Return when the history is on the disk, as far as it goes."""
        with self._writing():
            self.history.sync()

    def _writing(self):
        do = "free some space there and go on: the last checkpoint is whole"
        return disk_guard(self.history.path, do)


def _record(about, **outcome):
    fields = {name: value for name, value in about.items() if name != "format"}
    return Record(**fields, **outcome)


def adopt(
    run: Run,
    folder: str | os.PathLike,
    phases: Sequence[str],
    depends: Mapping[str, Sequence[str]],
) -> bool:
    """Take a phase over from another run's folder, if that run was the same up to there.

    The same means seed, data, phases, and what they depend on.

    Where every phase starts from a seed of its own, the result is the same as without, bit
    by bit.

    Parameters
    ----------
    run : Run
    folder : path-like
        The other run's.
    phases : sequence of str
        The first phases of this run; the last of them is taken over.
    depends : dict of str to sequence of str
        For each phase the settings that its end depends on. A phase that is not among them,
        or comes after one that is not, is never taken.

    Returns
    -------
    bool
        Whether it was taken. What this run has begun itself is kept.
    """
    here, phases = run.checkpoint_path(phases[-1]), list(phases)
    there = Path(folder) / here.name
    if here.exists() or not set(phases) <= set(depends) or not there.is_file():
        return False
    about, mine = read_about(folder), run.about
    settings = {name for phase in phases for name in depends[phase]}
    theirs = about["config"].get("phases", phases)
    same = (
        isinstance(theirs, list)
        and theirs[: len(phases)] == phases
        and about["seed"] == mine["seed"]
        and about["data"]["sha256"] == mine["data"]["sha256"]
        and all(about["config"].get(name) == mine["config"][name] for name in settings)
    )
    if same:
        write_whole(here, read_limited(there, LARGEST, error=RecordError))
    return same


def finished_weights(folder: str | os.PathLike) -> Path:
    """Where the weights of a finished run lie.

    Raises
    ------
    RecordError
        If the folder is no run's, or its training is not finished.
    """
    folder = Path(folder)
    _check_files(folder)
    if (folder / WEIGHTS).is_file():
        return folder / WEIGHTS
    if not (folder / "config.json").is_file():
        raise RecordError("no run's folder", folder, "check the path")
    go_on = f"python -m fusiontools train --run {shlex.quote(str(folder))}"
    raise RecordError("no weights yet", folder, f"finish it with `{go_on}`")


def read_about(folder: str | os.PathLike) -> dict:
    """What makes the run of a folder this run: what its ``config.json`` holds.

    Returns
    -------
    dict
        With the entries that `Run.open` writes, each of its kind; ``config`` as plain
        values.

    Raises
    ------
    RecordError
        If the folder holds no such file, or something else in it.
    """
    path = Path(folder) / "config.json"
    try:
        about = read_json(path, "config of a run")
        if not isinstance(about, dict) or {*about} != ABOUT:
            raise RecordError("not a run's: it holds something else", path)
        if type(about["format"]) is not int:
            raise RecordError(f"its format is {about['format']!r}", path)
        _record(about, metrics={}, samples=[], minutes=0.0, device="unknown")
    except RecordError as error:
        raise RecordError(error.found, path, "choose another folder") from None
    return about


def _check_files(folder):
    """Refuse a folder in which a link stands, or a pipe or a folder under a run's name."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        mode, ours = file.lstat().st_mode, file.name in OURS or file.suffix == ".bin"
        plain_file = stat.S_ISREG(mode)
        if not plain_file and (ours or not stat.S_ISDIR(mode)):
            what = "link" if stat.S_ISLNK(mode) else "folder, a pipe or a device"
            found = f"its {file.name!r} is a {what}, and a run's folder holds plain files"
            raise RecordError(found, folder, "put a file there, or choose another folder")


def _claim(folder, about):
    """Write ``config.json`` into a new folder, or compare: what the folder then says."""
    path = folder / "config.json"
    with disk_guard(folder, "choose a folder that may be written to"):
        folder.mkdir(parents=True, exist_ok=True)
        _check_files(folder)
        there = [f for f in folder.iterdir() if f.suffix != ".part"]
        others = sorted(f.name for f in there if f.name not in OURS)
    if path.exists():
        there = read_about(folder)
        _compare(there, about, folder)
        return there
    if others:
        found = f"not a run's folder: it holds {others[0]!r} and no config.json"
        raise RecordError(found, folder, "choose a new or an empty folder")
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False)
    with disk_guard(path, "free some space there, or choose another folder"):
        write_whole(path, text.encode() + b"\n")
    return about


def _compare(there, about, folder):
    for name in ("format", "paper", "method", "scale", "data", "seed", "config"):
        old, new = there[name], about[name]
        if name == "data":  # the same notes under another name are the same data
            old, new = ({"sha256": d["sha256"]} for d in (old, new))
        if difference := _difference(old, new, name):
            do = "choose another folder, or ask for what this one holds"
            raise RecordError(f"another run: its {difference} is asked for now", folder, do)


def _difference(old, new, name):
    """The first place where two plain values differ, in words; "" if there is none."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return "" if old == new else f"{name} is {json.dumps(old)}, and {json.dumps(new)}"
    for key in [*old, *(k for k in new if k not in old)]:
        if key not in old:
            return f"{name}.{key} is not set, and {json.dumps(new[key])}"
        if key not in new:
            return f"{name}.{key} is {json.dumps(old[key])}, and none"
        if found := _difference(old[key], new[key], f"{name}.{key}"):
            return found
    return ""


def _locked(path):
    """Hold a folder for this process. The lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: two trainings in one folder are the reader's own care
        return None
    with disk_guard(path, "choose a folder that may be written to"):
        file = open(path, "ab", opener=no_link)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        do = "wait for it, stop it, or choose another folder"
        found = "another process trains in this folder right now"
        raise RecordError(found, path.parent, do) from None
    except OSError:  # a drive that knows no locks
        file.close()
        return None
    return file

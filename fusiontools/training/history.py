"""What a training said on its way: ``history.csv``, one row a step, never doubled.

It measures nothing and draws nothing. A row is in the file as soon as its step is done, and
on the disk before the next checkpoint is. If the drive is away for a while, rows wait in
memory: a checkpoint waits for them, a step does not. Used in chapters 3, 4, 5, 6 and 7.
"""

import errno
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fusiontools.errors import RecordError
from fusiontools.files import is_passing, no_link, read_limited, write_whole

__all__ = ["History"]

FIXED = ["step", "phase"]
LARGEST = 100_000_000  # bytes: a million rows and more
COLUMNS = 1000


class History:
    """The rows of one run, in memory and in a file.

    Parameters
    ----------
    path : path-like
        Read if it is there. What follows the first row that is not whole is left out: a row
        is only promised once it is synced. If that is more than one row, a warning says so.
    keep : bool
        Whether to write to the file at all; of several processes one does.

    Raises
    ------
    RecordError
        If it is no file, is larger than a history, or begins otherwise: as one of another
        program or encoding. It is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> history = History(Path(tempfile.mkdtemp()) / "history.csv")
    >>> history.add({"step": 0, "phase": "train", "loss": 2.5})
    >>> history.add({"step": 1, "phase": "train", "loss": 1.5, "accuracy": 0.25})
    >>> history.column("loss"), history.column("accuracy"), history.columns
    (([0, 1], [2.5, 1.5]), ([1], [0.25]), ['loss', 'accuracy'])
    """

    def __init__(self, path: str | os.PathLike, keep: bool = True) -> None:
        self.path, self.keep = Path(path), keep
        self.rows: list[dict] = []
        self._names, self._file = list(FIXED), None
        self._behind = False  # whether the file lacks rows, for the drive was away
        damaged = self._read()
        if damaged:
            self._rewrite()

    def _read(self):
        """Fill the rows from the file; True if it held more than whole rows."""
        if not self.path.exists():
            return False
        data = read_limited(self.path, LARGEST, error=RecordError)
        header, _, rest = data.partition(b"\n")
        names = header.decode("utf-8", "replace").split(",")
        if b"\n" not in data and b"step,phase,".startswith(data[:11]):
            return bool(data)  # the process died before the first line was whole
        odd = [name for name in names if not name.isidentifier()]
        if names[:2] != FIXED or odd or len({*names}) < len(names) or len(names) > COLUMNS:
            found = f"no history: it starts with {data[:20]!r}"
            raise RecordError(
                found, self.path, "put it elsewhere, or choose another folder"
            )
        self._names = names
        *lines, last = rest.split(b"\n")
        # a line without its end was being written when the process died
        for number, line in enumerate(lines):
            try:
                self.rows.append(self._row(line.decode().split(",")))
            except ValueError:
                if (left := len(lines) - number) > 1:
                    says = f"{self.path}: line {number + 2} is no row of a history."
                    says += f" {left} lines from there on are left out."
                    warnings.warn(says, stacklevel=4)
                return True
        return bool(last)

    def _row(self, cells):
        (step, phase), numbers = cells[:2], zip(self._names, cells, strict=True)
        row = {"step": _number(step), "phase": phase}
        if type(row["step"]) is not int or row["step"] < 0 or not phase.isidentifier():
            raise ValueError("no step of a phase")
        named = (pair for pair in numbers if pair[0] not in FIXED and pair[1])
        return row | {name: _number(cell) for name, cell in named}

    @property
    def columns(self) -> list[str]:
        """The names of what was measured, in the order in which they came."""
        return self._names[2:]

    def column(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one column, two lists, without the steps that have none."""
        rows = [row for row in self.rows if name in row]
        return [row["step"] for row in rows], [row[name] for row in rows]

    def add(self, row: dict) -> None:
        """Append a row: ``step``, ``phase``, numbers by name; new names are new columns."""
        new = [name for name in row if name not in self._names]
        odd = [name for name in new if not name.isidentifier()]
        if odd:
            raise ValueError(f"columns are named like variables, found {odd[0]!r}")
        if new or self._behind:
            self._names += new
            self.rows.append(row)
            if not self._behind:
                self._rewrite()
            return
        try:
            self._append(self._line(row))
        except OSError as error:
            self._fall_behind(error)
        self.rows.append(row)

    def keep_only(self, wanted: Callable[[dict], object]) -> None:
        """Drop the rows for which ``wanted(row)`` is false; sort the rest by step."""
        kept = sorted(filter(wanted, self.rows), key=lambda row: row["step"])
        if kept != self.rows:
            self.rows = kept
            self._rewrite()

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        if self._file is not None and not self._behind:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                self._fall_behind(error)
        if self._behind:
            self._rewrite()

    def close(self) -> None:
        """Let go of the file. A later row opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, row):
        cells = [row.get(name, "") for name in self._names]
        written = [repr(c) if isinstance(c, float) else str(c) for c in cells]
        return ",".join(written).encode() + b"\n"

    def _append(self, line):
        if not self.keep:
            return
        if self._file is None:
            if not self.path.exists():
                self._rewrite(line)
                return
            # what was written survives the process, if not the machine
            self._file = open(self.path, "ab", buffering=0, opener=no_link)
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                self._file.truncate(size)  # half a row helps nobody
            raise

    def _fall_behind(self, error):
        if not is_passing(error):
            raise error
        self._behind = True
        with suppress(OSError):
            self.close()
        self._file = None

    def _rewrite(self, *more):
        if self.keep:
            self.close()
            header = ",".join(self._names).encode() + b"\n"
            write_whole(self.path, [header, *map(self._line, self.rows), *more])
            self._behind = False


def _number(text):
    whole = text.lstrip("-").isdigit() and len(text) < 300  # beyond that no float follows
    return int(text) if whole else float(text)

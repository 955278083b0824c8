"""What a training said on its way: ``history.csv``, one row a step, never doubled.

It measures nothing and draws nothing. A row is in the file as soon as its step is done, and
on the disk before the next checkpoint is. Used in chapters 3, 4, 5, 6 and 7.
"""

import csv
import errno
import os
from contextlib import suppress
from pathlib import Path

from fusiontools.records import write_whole

__all__ = ["History"]

FIXED = ["step", "phase"]


class History:
    """The rows of one run, in memory and in a file.

    Parameters
    ----------
    path : path-like
        Read if it is there. What follows the first row that is not whole is left out: a row
        is only promised once it is synced.
    keep : bool
        Whether to write to the file at all; of several processes one does.

    Examples
    --------
    >>> import tempfile
    >>> history = History(Path(tempfile.mkdtemp()) / "history.csv")
    >>> history.add({"step": 0, "phase": "train", "loss": 2.5})
    >>> history.add({"step": 1, "phase": "train", "loss": 1.5, "accuracy": 0.25})
    >>> history.column("loss"), history.column("accuracy"), history.columns
    (([0, 1], [2.5, 1.5]), ([1], [0.25]), ['loss', 'accuracy'])
    """

    def __init__(self, path, keep=True):
        self.path, self.keep = Path(path), keep
        self.rows, self._names, self._file = [], list(FIXED), None
        damaged = self._read()
        if damaged:
            self._rewrite()

    def _read(self):
        """Fill the rows from the file; True if it held more than whole rows."""
        try:
            text = self.path.read_bytes().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return False
        lines = text.split("\n")
        # a line without its end was being written when the process died
        whole = list(csv.reader(lines[:-1]))
        if not whole or whole[0][:2] != FIXED:
            return bool(text)
        self._names = whole[0]
        for cells in whole[1:]:
            try:
                named = zip(self._names[2:], cells[2:], strict=True)
                row = {name: _number(cell) for name, cell in named if cell}
                self.rows.append({"step": int(cells[0]), "phase": cells[1]} | row)
            except (ValueError, IndexError):
                return True
        return bool(lines[-1])

    @property
    def columns(self):
        """The names of what was measured, in the order in which they came."""
        return self._names[2:]

    def column(self, name):
        """Steps and values of one column, two lists, without the steps that have none."""
        rows = [row for row in self.rows if name in row]
        return [row["step"] for row in rows], [row[name] for row in rows]

    def add(self, row):
        """Append a row: ``step``, ``phase``, numbers by name; new names are new columns."""
        new = [name for name in row if name not in self._names]
        odd = [name for name in new if not name.isidentifier()]
        if odd:
            raise ValueError(f"columns are named like variables, found {odd[0]!r}")
        if new:
            self._names += new
            self.rows.append(row)
            self._rewrite()
            return
        self._append(self._line(row))
        self.rows.append(row)

    def keep_only(self, wanted):
        """Drop the rows for which ``wanted(row)`` is false; sort the rest by step."""
        kept = sorted(filter(wanted, self.rows), key=lambda row: row["step"])
        if kept != self.rows:
            self.rows = kept
            self._rewrite()

    def sync(self):
        """Return when all rows are on the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self):
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
                return self._rewrite(line)
            # what was written survives the process, if not the machine
            self._file = open(self.path, "ab", buffering=0)
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                self._file.truncate(size)  # half a row helps nobody
            raise

    def _rewrite(self, *more):
        if self.keep:
            self.close()
            header = ",".join(self._names).encode() + b"\n"
            write_whole(self.path, [header, *map(self._line, self.rows), *more])


def _number(text):
    return int(text) if text.lstrip("-").isdigit() else float(text)

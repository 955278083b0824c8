"""Run records: what a finished run leaves behind, one JSON file each.

Every table of the book is made from them.

A record is a value with a fixed set of fields, checked when it is made, when it is written
and when it is read. Nothing here trains, measures or prints: `fusiontools.training` writes
records, chapters turn the rows of `table` into pages. Used in chapters 2, 3, 4, 5, 6
and 8.
"""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable
from numbers import Integral, Real
from pathlib import Path
from statistics import fmean, stdev

from fusiontools.errors import RecordError
from fusiontools.files import read_limited, write_whole

__all__ = [
    "SCALES",
    "Record",
    "code_version",
    "metric_value",
    "plain",
    "read_json",
    "read_record",
    "read_records",
    "table",
    "write_record",
]

SCALES = ("smoke", "laptop", "shipped", "paper")
AGAIN = "let the training that made it write it again"
PACKAGE = __name__.partition(".")[0]
LARGEST = 16_000_000  # bytes of JSON; the largest record that ships has a fiftieth of that
DEEPEST = 50  # levels of lists and dicts in each other
SEEDS = 2**32  # what numpy takes
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Record:
    """One finished run.

    Parameters
    ----------
    paper : str
        The paper's package, such as ``"fusiongan"``: also the folder of its records.
    method : str
        What was run: the paper's own method, a baseline, an ablation.
    scale : {"smoke", "laptop", "shipped", "paper"}
    data : dict
        At least ``name`` and ``sha256`` (64 hexadecimal digits) of the encoded data set.
    seed : int
    config : dict
        Every setting of the run.
    metrics : dict of str to number or dict
        A number, or ``{"value", "low", "high"}`` where an interval was computed.
    samples : list
        What was generated and is worth keeping, as plain JSON values: file names, or the
        notes themselves.
    minutes : float
        Wall time of the whole run, in minutes, over all its sessions.
    device : str
    version : str
        Of the code.

    Raises
    ------
    RecordError
        If a field is of the wrong kind, or a number is not finite. The message names the
        field.

    Examples
    --------
    >>> data, metrics = {"name": "essen", "sha256": "0" * 64}, {"ratio": 1.5}
    >>> cost = {"minutes": 0.1, "device": "cpu", "version": "0.1.0"}
    >>> record = Record("fusiongan", "rm", "smoke", data, 0, {}, metrics, [], **cost)
    >>> record.metrics["ratio"]
    1.5
    """

    paper: str
    method: str
    scale: str
    data: dict
    seed: int
    config: dict
    metrics: dict
    samples: list
    minutes: float
    device: str
    version: str

    def __post_init__(self):
        for field in fields(self):
            # numpy's numbers and tuples become plain ones, here and once
            value = plain(getattr(self, field.name), field.name)
            object.__setattr__(self, field.name, value)
        for name in ("paper", "method", "device", "version"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                found = f"{name} is {getattr(self, name)!r}, not a name"
                raise RecordError(found, "record", "give it as a string")
        if not self.paper.isidentifier():
            found = f"paper is {self.paper!r}, which is no name of a package"
            raise RecordError(found, "record", "use letters, digits and underscores")
        if self.scale not in SCALES:
            found = f"scale is {self.scale!r}"
            raise RecordError(found, "record", f"use one of {', '.join(SCALES)}")
        for name in ("data", "config", "metrics", "samples"):
            value, kind = getattr(self, name), list if name == "samples" else dict
            if not isinstance(value, kind):
                found = f"{name} is a {type(value).__name__}, not a {kind.__name__}"
                raise RecordError(found, "record", AGAIN)
        named = isinstance(self.data.get("name"), str)
        if not named or not _is_sha256(self.data.get("sha256")):
            found = "data does not say 'name' and 'sha256' (64 hexadecimal digits)"
            raise RecordError(found, "record", "give both")
        whole = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        if not whole or not 0 <= self.seed < SEEDS:
            found = f"seed is {self.seed!r}, not a whole number from 0 to 2^32 - 1"
            raise RecordError(found, "record", AGAIN)
        if not _is_number(self.minutes) or self.minutes < 0:
            found = f"minutes is {self.minutes!r}, not a length of time"
            raise RecordError(found, "record", AGAIN)
        for name, metric in self.metrics.items():
            _check_metric(name, metric)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_sha256(value):
    return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value))


def _check_metric(name, metric):
    if isinstance(metric, dict):
        numbers = all(_is_number(v) for v in metric.values())
        if set(metric) != {"value", "low", "high"} or not numbers:
            found = f"metrics.{name} is {metric!r}"
            do = "give a number, or numbers for 'value', 'low' and 'high'"
            raise RecordError(found, "record", do)
        low, high = metric["low"], metric["high"]
        if low > high:
            found = f"metrics.{name}: its interval runs from {low} down to {high}"
            raise RecordError(found, "record", "swap them")
    elif not _is_number(metric):
        found = f"metrics.{name} is {metric!r}"
        do = "give a number, or leave out what could not be measured"
        raise RecordError(found, "record", do)


def _is_text(text):
    return not _SURROGATE.search(text)  # half a character


def plain(value: object, where: str = "value", deep: int = 0) -> object:
    """A value in the plain kinds that JSON knows.

    Numpy's numbers and arrays, and tuples, are turned into numbers and lists.

    Raises
    ------
    RecordError
        If something has no plain kind, a number is NaN or infinite, a text is no text, or
        more than 50 levels lie in each other. `where` leads the name in the message; `deep`
        counts the levels above.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"width": np.int64(8), "kernel": (3, 3)})
    {'width': 8, 'kernel': [3, 3]}
    """
    import numpy as np  # here, so that the command's help is there at once

    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not _is_text(value):
            found = f"{where} is {value!r}, which no file can hold"
            raise RecordError(found, "record", "leave out what is no character")
        return value
    if deep > DEEPEST:
        found = f"{where.partition('.')[0]} is nested more than {DEEPEST} levels deep"
        raise RecordError(found, "record", "make it flatter")
    if isinstance(value, dict):
        odd = [key for key in value if not isinstance(key, str) or not _is_text(key)]
        if odd:
            found = f"{where} has the key {odd[0]!r}, which is no string"
            raise RecordError(found, "record", "name it")
        items = value.items()
        return {key: plain(item, f"{where}.{key}", deep + 1) for key, item in items}
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{where}[{i}]", deep + 1) for i, v in enumerate(value)]
    if isinstance(value, Real):
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number of hundreds of digits
            finite, value = False, "beyond all numbers"
        if not finite:
            found = f"{where} is {value}, not a finite number"
            do = "find out where it comes from, or leave it out"
            raise RecordError(found, "record", do)
        return int(value) if isinstance(value, Integral) else float(value)
    do = "turn it into numbers, strings, lists or dicts"
    found = f"{where} is a {type(value).__name__}, which JSON does not know"
    raise RecordError(found, "record", do)


def code_version() -> str:
    """The version of this package, as records name it."""
    return sys.modules[PACKAGE].__version__


def metric_value(metric: float | dict) -> float:
    """The number of a metric, with or without an interval.

    Examples
    --------
    >>> metric_value({"value": 2.0, "low": 1.0, "high": 3.0}), metric_value(4)
    (2.0, 4.0)
    """
    return float(metric["value"] if isinstance(metric, dict) else metric)


# what holds no list and no dict takes one line in a record: more would double the file
_INNERMOST = re.compile(r"[\[{][^\[\]{}]*[\]}]")


def _on_one_line(found):
    between = "" if found[0][0] == "[" else " "  # long lists are of numbers
    return re.sub(r"\n *", between, found[0])  # no string holds a line's end


def write_record(record: Record | dict, path: str | os.PathLike) -> None:
    """Write a record as JSON, whole or not at all. The same record makes the same bytes.

    Parameters
    ----------
    record : Record or dict
    path : path-like
        Its folder must exist.

    Raises
    ------
    RecordError
        If the record is not one, or cannot be written.
    """
    record = record if isinstance(record, Record) else _from_dict(record, "record")
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False, allow_nan=False)
    text = _INNERMOST.sub(_on_one_line, text) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        do = "check that its folder exists, may be written to and has room"
        raise RecordError(f"cannot be written ({error.strerror})", path, do) from None


def read_json(path: str | os.PathLike | Traversable, what: str = "file") -> object:
    """What a JSON file holds, which may be a stranger's.

    Parameters
    ----------
    path : path-like
        Of a file, or a resource of a package.
    what : str
        What it should be, for the message.

    Returns
    -------
    object
        As `plain` has it: no NaN, no endless nest.

    Raises
    ------
    RecordError
        If there is no such file, it is none, it is too large, or it is no such JSON.
    """
    try:
        if isinstance(path, (str, os.PathLike)):
            data = read_limited(path, LARGEST, error=RecordError)
        else:
            data = path.read_bytes()
        return plain(json.loads(data.decode()), what)
    except RecordError as error:
        raise RecordError(error.found, path, error.do) from None
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        found = f"not a {what}: no readable JSON ({error})"
        raise RecordError(found, path, AGAIN) from None


def read_record(path: str | os.PathLike | Traversable) -> Record:
    """Read one record.

    Parameters
    ----------
    path : path-like
        A JSON file, or a resource of a package.

    Raises
    ------
    RecordError
        If it is no file of JSON (see `read_json`), lacks a field or has one that no record
        has.
    """
    return _from_dict(read_json(path, "record"), path)


def _from_dict(found, where):
    if not isinstance(found, dict):
        raise RecordError(f"not a record but a {type(found).__name__}", where, AGAIN)
    names = [f.name for f in fields(Record)]
    odd = {"missing": [n for n in names if n not in found]}
    odd["unknown"] = [str(n) for n in found if n not in names]
    says = [f"{what}: {', '.join(which)}" for what, which in odd.items() if which]
    if says:
        found = f"not the fields of a record ({'; '.join(says)})"
        raise RecordError(found, where, f"a record has {', '.join(names)}")
    try:
        return Record(**found)
    except RecordError as error:
        raise RecordError(error.found, where, error.do) from None


def read_records(paper: str, *folders: str | os.PathLike) -> list[Record]:
    """Every record of a paper.

    Those that ship with the package come first, then those in folders of your own.

    Parameters
    ----------
    paper : str
        Such as ``"fusiongan"``.
    *folders : path-like
        Each is read for the ``.json`` files in it and for every ``record.json`` below it,
        so that a folder of runs will do. Records of other papers are passed over.

    Returns
    -------
    list of Record
        In the order of their paths. Empty where nothing has been run yet.

    Raises
    ------
    RecordError
        If a folder is missing, or a file in it is not a record.

    Examples
    --------
    >>> read_records("no_such_paper")
    []
    """
    if not paper.isidentifier():
        raise ValueError(
            f"a paper's name is made of letters, digits and underscores, found {paper!r}"
        )
    shipped = resources.files(PACKAGE).joinpath("results", paper)
    records = []
    for file in sorted(shipped.iterdir(), key=lambda f: f.name) if shipped.is_dir() else []:
        if file.name.endswith(".json"):
            records.append(read_record(file))
            if records[-1].paper != paper:
                found = f"a record of {records[-1].paper!r} in the folder of {paper!r}"
                raise RecordError(found, file, "move it")
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise RecordError("no such folder", folder, "check the path")
        own = {f for f in folder.glob("*.json") if f.name != "config.json"}
        files = sorted(own.union(folder.rglob("record.json")))
        records += [r for r in map(read_record, files) if r.paper == paper]
    return records


# what runs share that differ in nothing but their seed
ALIKE = ("paper", "method", "scale", "data", "config")


def table(
    records: Iterable[Record],
    metrics: Iterable[str] | None = None,
    by: str | Sequence[str] = "method",
) -> list[dict]:
    """Records as rows of numbers: one row a method.

    Each metric has its mean over the seeds, and its spread.

    Parameters
    ----------
    records : iterable of Record
    metrics : list of str, optional
        Which, in which order. By default all that occur.
    by : str or tuple of str
        The fields that tell rows apart.

    Returns
    -------
    list of dict
        In the order in which the rows' first records came. Beside the fields of `by` and
        ``runs``, their number, each metric has ``mean``; ``spread``, the sample standard
        deviation over seeds, None for a single run; ``low`` and ``high``, the outermost
        bounds of the runs' own intervals, None unless each has one; and ``n``, the number
        of runs that have it. A metric that no run of the row has is None.

    Raises
    ------
    RecordError
        If runs of one row differ in more than their seed (a mean over different scales or
        data means nothing), or a seed occurs twice.

    Examples
    --------
    >>> data = {"name": "essen", "sha256": "0" * 64}
    >>> asked, cost = ("fusiongan", "rm", "smoke", data), ([], 0.1, "cpu", "0.1.0")
    >>> runs = [Record(*asked, seed, {}, {"ratio": 1.0 + seed}, *cost) for seed in (0, 1)]
    >>> table(runs)[0]["ratio"]["mean"]
    1.5
    """
    records, by = list(records), (by,) if isinstance(by, str) else tuple(by)
    if metrics is None:
        metrics = dict.fromkeys(name for r in records for name in r.metrics)
    groups: dict[tuple, list[Record]] = {}
    for r in records:
        values = {field: getattr(r, field) for field in by} | {"data": r.data["name"]}
        groups.setdefault(tuple(values[field] for field in by), []).append(r)
    rows = []
    for key, group in groups.items():
        _check_alike(group, where=", ".join(map(str, key)))
        row = dict(zip(by, key)) | {"runs": len(group)}
        rows.append(row | {name: _summary(name, group) for name in metrics})
    return rows


def _check_alike(group, where):
    for field in ALIKE:
        found = [_compared(r, field) for r in group]
        odd = [f for f in found if f != found[0]]
        if odd:
            do = "choose among the records first, or tell the rows apart with "
            do += f"by=(..., {field!r})"
            found = f"its runs differ in {field}: {_short(found[0])} and {_short(odd[0])}"
            raise RecordError(found, where, do)
    seeds = [r.seed for r in group]
    if len(set(seeds)) < len(seeds):
        found = f"two runs with one seed (seeds {seeds})"
        raise RecordError(found, where, "leave one of them out")


def _compared(record, field):
    if field == "data":
        return record.data["sha256"]
    if field == "config":  # some configs hold the seed too
        return {k: v for k, v in record.config.items() if k != "seed"}
    return getattr(record, field)


def _short(value):
    return text if len(text := str(value)) <= 80 else text[:77] + "..."


def _summary(name, group):
    found = [r.metrics[name] for r in group if name in r.metrics]
    if not found:
        return None
    values = [metric_value(m) for m in found]
    bounded = all(isinstance(m, dict) for m in found)
    return {
        "mean": fmean(values),
        "spread": stdev(values) if len(values) > 1 else None,
        "low": min(m["low"] for m in found) if bounded else None,
        "high": max(m["high"] for m in found) if bounded else None,
        "n": len(values),
    }

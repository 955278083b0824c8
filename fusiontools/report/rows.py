"""Run records as rows: one for each method and setting, seeds taken together.

A row is a dict with all digits: settings, ``runs``, ``minutes``, and each metric as a
summary ``{"mean", "low", "high", ...}``. What is not there raises `NotMeasured` when it is
asked for by name; ``row.get`` gives None. Used in chapters 3, 4, 5, 6 and 7, on the pages
"Measured", and in chapter 8.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from fusiontools.corpora.cache import read_npz
from fusiontools.errors import RecordError
from fusiontools.records import Record, table

__all__ = ["NotMeasured", "Rows", "choose", "end", "histogram", "less", "printed"]
__all__ += ["rows", "shipped_arrays"]


class NotMeasured(Exception):
    """What a table, a claim or a goal asks for is in no record; its words say what."""


class Measured(dict):
    """A dict that raises `NotMeasured` in place of a KeyError."""

    def __missing__(self, key):
        whose = f" of {self['method']}" if "method" in self else ""
        raise NotMeasured(f"not measured: {key}{whose}")


class Rows(list):
    """Rows of records, to be asked for by method and settings. ``found.beside`` has what
    else the evidence rests on, by name, such as histories and counts.
    """

    def __init__(self, made: Rows | Sequence = (), **beside: Any) -> None:
        super().__init__(made)
        self.beside = Measured(beside)

    def every(self, *methods: str, **settings: Any) -> list[Measured]:
        """The rows of some methods, or of all, that have these settings: a list of dict."""
        fits = [row for row in self if not methods or row["method"] in methods]
        return [r for r in fits if all(r.get(k) == v for k, v in settings.items())]

    def one(self, *methods: str, **settings: Any) -> Measured:
        """The first of `every`; if there is none, it is `NotMeasured`."""
        if found := self.every(*methods, **settings):
            return found[0]
        asked = " or ".join(methods) or "any method"
        told = ", ".join(f"{k} {v}" for k, v in settings.items())
        raise NotMeasured(f"not measured: {asked}" + (f" with {told}" if told else ""))

    def methods(self) -> list[str]:
        """The names of the methods, each once, in the order of the rows."""
        return list(dict.fromkeys(row["method"] for row in self))


def choose(
    records: Iterator | Sequence[Record], data: str | None = None, scale: str | None = None
) -> list[Record]:
    """The records (or dicts) on one data set and of one scale, as a list of Record: a page
    never mixes them.
    """
    records = [r if isinstance(r, Record) else Record(**r) for r in records]
    fits = [r for r in records if data in (None, r.data["name"])]
    return [r for r in fits if scale in (None, r.scale)]


def rows(
    records: Sequence[Record],
    knobs: Mapping[str, dict] | None = None,
    order: Iterable[str] = (),
    first: Sequence = (),
    **beside: Any,
) -> Rows:
    """Records as rows.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.
    knobs : dict of str to dict, optional
        For each method the settings that tell its rows apart, with what each is where a
        record does not say (None: it must say). By default none.
    order : iterable of str
        Methods in their order; others follow by name.
    first : sequence
        Values of settings that come first, in this order; numbers are sorted by size.
    **beside
        See `Rows`.

    Returns
    -------
    Rows
        Each row has ``method``, every setting of `knobs` (None where its method has no
        such setting), ``runs``, the mean of its ``minutes``, and those metrics that its
        records have, as `fusiontools.records.table` sums them up. It is a `RecordError`
        if the records are of several data sets or scales, or if one lacks a setting.
    """
    records, knobs = choose(records), knobs or {}
    groups: dict[tuple, list[Record]] = {}
    _check_alike("data", {f"{r.data['name']} ({r.data['sha256'][:8]})" for r in records})
    _check_alike("scale", {r.scale for r in records})
    names = list(dict.fromkeys(name for own in knobs.values() for name in own))
    for r in records:
        settings = _settings(r, knobs.get(r.method, {}))
        key = (r.method, *(settings.get(name) for name in names))
        groups.setdefault(key, []).append(r)
    found = [_row(names, key, group) for key, group in groups.items()]
    order, first = list(order), list(first)

    def place(row):
        at = order.index(row["method"]) if row["method"] in order else len(order)
        return at, row["method"], [_sortable(row[name], first) for name in names]

    return Rows(sorted(found, key=place), **beside)


def _check_alike(what, found):
    if len(found) > 1:
        do = f"take one with choose(records, {what}=...)"
        told = f"records that differ in {what}: {', '.join(sorted(found))}"
        raise RecordError(told, "records", do)


def _settings(record, knobs):
    """What a record's config says of its method's settings."""
    found = {name: record.config.get(name, other) for name, other in knobs.items()}
    if lacking := [name for name, value in found.items() if value is None]:
        told, do = f"its config lacks {', '.join(lacking)}", "let its run write it again"
        raise RecordError(told, f"a record of {record.method}", do)
    return found


def _row(names, key, group):
    """One row of records that differ in nothing but their seed."""
    (summed,) = table(group)
    made = Measured((k, v) for k, v in summed.items() if v is not None)
    made.update(zip(("method", *names), key))
    made["minutes"] = fmean(r.minutes for r in group)
    return made


def _sortable(value, first):
    """None before all else, then `first`, then numbers by size, then what else there is."""
    if value is None:
        return 0, 0
    if value in first:
        return 1, first.index(value)
    return (2, value) if isinstance(value, int | float) else (3, str(value))


def printed(paper: dict[str, dict[str, float]]) -> Rows:
    """A paper's own table as `Rows`, so that a claim is tried on it as it is on ours: for
    each method its numbers, under the names of our metrics.

    Examples
    --------
    >>> printed({"mle": {"ratio": 1.2}}).one("mle")["ratio"]
    {'mean': 1.2, 'low': None, 'high': None}
    """
    made = []
    for method, numbers in paper.items():
        own = {k: {"mean": v, "low": None, "high": None} for k, v in numbers.items()}
        made.append(Measured(own, method=method, runs=0))
    return Rows(made)


def histogram(row: Measured, name: str, bins: Sequence[str]) -> np.ndarray:
    """A histogram out of a row, shape (K,): the means over its runs of the metrics
    ``name[bin]``, as shares that add up to 1.
    """
    shares = np.array([row[f"{name}[{label}]"]["mean"] for label in bins])
    return shares / shares.sum()  # records round, so that they add up to nearly 1


def less(x: dict[str, Any], y: dict[str, Any]) -> bool | None:
    """Whether one summary lies below another, intervals and all; None where they overlap.

    Examples
    --------
    >>> low = {"mean": 1.0, "low": 0.9, "high": 1.1}
    >>> high = {"mean": 2.0, "low": None, "high": None}
    >>> less(low, high), less(high, low), less(low, low)
    (True, False, None)
    """
    if end(x, "high") < end(y, "low"):
        return True
    return False if end(x, "low") > end(y, "high") else None


def end(x: dict[str, Any], which: str) -> float:
    """The "low" or "high" end of a summary's interval; its mean where it has none."""
    return x["mean"] if x.get(which) is None else x[which]


def shipped_arrays(
    paper: str, name: str, folder: str | os.PathLike | None = None
) -> Measured:
    """Arrays by name, from the ``.npz`` file `name` that ships beside a paper's records, or
    lies in a folder of your own. Empty where nothing ships; what is asked for and is not
    there is `NotMeasured`.
    """
    shipped = Path(str(resources.files("fusiontools"))) / "results" / paper
    path = shipped / name if folder is None else Path(folder) / name
    there = folder is not None or path.is_file()
    return Measured(read_npz(path) if there else {})

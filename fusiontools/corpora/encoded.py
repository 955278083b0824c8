"""Encoded corpora: the arrays that a training eats, kept by content, in one file.

What an encoding is, `fusiontools.music` knows; here it is any function from an entry to an
array. A training on another machine needs such a file and `open_encoded`, and nothing else:
no corpus, no reader. Used in chapters 2 and 4.
"""

import functools
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from fusiontools.corpora.cache import (
    cache_dir,
    content_hash,
    prune,
    read_described,
    write_described,
)
from fusiontools.corpora.editions import edition
from fusiontools.corpora.entries import Corpus
from fusiontools.corpora.parallel import in_parallel
from fusiontools.corpora.registry import CORPORA, load
from fusiontools.corpora.splits import PARTS, split_of
from fusiontools.errors import CorpusError, FusionError

__all__ = ["Encoded", "encoded", "open_encoded", "save_encoded"]

_STRINGS = ("id", "song", "label", "part")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Arrays of a corpus, one after the other, with what a split and a record need to know.

    ``encoded[i]`` is entry i's array, shape (n_i, ...); ``rows("train")`` is one part's,
    shape (sum of n_i, ...).
    """

    data: np.ndarray  # (N, ...): all entries' arrays, joined along the first axis
    offsets: np.ndarray  # (E + 1,): entry i is data[offsets[i]:offsets[i + 1]]
    id: np.ndarray  # (E,) str
    song: np.ndarray  # (E,) str
    label: np.ndarray  # (E,) str
    part: np.ndarray  # (E,) str: "train", "validation", "test"
    about: dict  # how it was made, and whose it is

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        i = range(len(self))[i]
        return self.data[self.offsets[i] : self.offsets[i + 1]]

    def __repr__(self):
        rows = f"{len(self.data):,} steps"
        if self.data.ndim > 1:
            rows = f"{len(self.data):,} rows of shape {self.data.shape[1:]}"
        what = f"{self.about.get('corpus')!r} as {self.about.get('view')!r}"
        return f"Encoded({what}, {len(self)} entries, {rows}, {self.data.dtype})"

    @property
    def hash(self) -> str:
        """The key of corpus, encoding and options at once, for a run's record."""
        return self.about.get("key", "")

    @property
    def entry(self) -> np.ndarray:
        """For each row of `data`, the number of its entry, shape (N,).

        ``encoded.song[encoded.entry]`` is each row's song.
        """
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def select(self, part: str | None = None, label: str | None = None) -> "Encoded":
        """The entries of one part, or one genre, or both, as an `Encoded` of their own."""
        keep = np.ones(len(self), dtype=bool)
        if part is not None:
            keep &= self.part == part
        if label is not None:
            keep &= self.label == label
        lengths = np.diff(self.offsets)
        offsets = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
        strings = {name: getattr(self, name)[keep] for name in _STRINGS}
        data = self.data[np.repeat(keep, lengths)]
        return replace(self, data=data, offsets=offsets, **strings)

    def rows(self, part: str | None = None, label: str | None = None) -> np.ndarray:
        """All rows of one part, or one genre, or both, shape (n, ...).

        Raises
        ------
        CorpusError
            If there is none.
        """
        rows = self.select(part, label).data
        if not len(rows):
            found = f"no row of part {part!r} and label {label!r}"
            parts, labels = (sorted(set(c.tolist())) for c in (self.part, self.label))
            do = f"ask for one of these: parts {parts} and labels {labels}"
            raise CorpusError(found, self.about.get("corpus"), do)
        return rows


def encoded(
    corpus: Corpus | str,
    view: Callable | str,
    name: str | None = None,
    version: str | None = None,
    parts: dict[str, float] = PARTS,
    seed: int = 0,
    n_jobs: int | None = None,
    **options: Any,
) -> Encoded:
    """Encode a corpus, or take it from the cache.

    Parameters
    ----------
    corpus : Corpus or str
        A corpus, or the name of one.
    view : callable or str
        ``view(entry, **options)`` returns entry's array, shape (n,) or (n, ...), n rows;
        None or no row leaves the entry out. All must agree in dtype and in shape but for n.
        A string names a function of `fusiontools.music`, which gets ``entry.notes``
        instead: "grid.encode_grid" is ``fusiontools.music.grid.encode_grid``.
    name, version : str, optional
        What the encoding is called, and which edition of it this is, for the key. By
        default the function's name, and a hash of all that it reaches: its source and
        defaults, the globals that it reads, your functions that it calls, and all of
        `fusiontools.music`.
    parts, seed
        How songs are dealt, see `split_of`.
    n_jobs : int, optional
        Worker processes, see `in_parallel`.
    **options
        Passed on to `view`; they are part of the key.

    Returns
    -------
    Encoded
        Entries that the view cannot encode (it raises a `FusionError`) are left out, and
        counted in ``about["skipped"]``.

    Raises
    ------
    CorpusError
        If no entry can be encoded.
    ValueError
        If arrays do not fit together, or nothing tells one edition of the view from
        another: it has a closure, or reads a global that is no plain data. Then `version`
        has to.

    Examples
    --------
    >>> from fusiontools.corpora import load
    >>> def pitches(entry):
    ...     return entry.notes.pitch
    >>> tunes = encoded(load("nottingham"), pitches, version="1")
    >>> len(tunes), tunes.data.dtype, tunes.song.tolist()
    (2, dtype('int16'), ['cuckoo-s-nest', 'little-czech-number'])
    """
    corpus = load(corpus) if isinstance(corpus, str) else corpus
    function, called = _function(view)
    name, given, version = name or called, version, version or edition(function)
    settings = {"view": name, "version": version, "options": dict(sorted(options.items()))}
    settings |= {"parts": parts, "seed": seed}
    try:
        # never sorted: the order of the parts decides who falls into which
        text = json.dumps(settings)
    except TypeError:
        raise ValueError(
            "options of an encoding must be numbers, strings or lists of them, "
            f"found {options}"
        ) from None
    settings, key = json.loads(text), content_hash("encoded 1", corpus.content, text)
    # what only its code tells apart replaces one another
    asked = content_hash(corpus.name, json.dumps(settings | {"version": given}))[:8]
    stem = f"encoded-{corpus.name}-{name.split('.')[-1]}-{asked}"
    kept = cache_dir() / f"{stem}-{key[:16]}.npz"
    if kept.is_file():
        try:
            return open_encoded(kept)
        except CorpusError:
            pass  # damaged since: make it again
    work = functools.partial(_encode_or_reason, function, isinstance(view, str), options)
    results = in_parallel(work, corpus, n_jobs, few=3000, batch_size=128)
    made = _joined(corpus, results, settings | {"key": key})
    try:
        save_encoded(made, kept)
        prune(kept.parent, stem)
    except CorpusError:
        pass  # a full or read-only disk costs the speed of the next run, nothing else
    return made


def _function(view):
    if not isinstance(view, str):
        return view, getattr(view, "__name__", type(view).__name__)
    module, _, function = f"fusiontools.music.{view}".rpartition(".")
    try:
        return getattr(importlib.import_module(module), function), view
    except (ImportError, AttributeError):
        raise ValueError(f"fusiontools.music has no function {view!r}") from None


def _encode_or_reason(function, by_notes, options, entry):
    try:
        rows = function(entry.notes if by_notes else entry, **options)
    except FusionError as error:
        return str(error)
    return "nothing to encode" if rows is None or not len(rows) else np.asarray(rows)


def _joined(corpus, results, settings):
    """One `Encoded` of all that could be encoded."""
    columns = corpus.columns
    kept = [i for i, rows in enumerate(results) if not isinstance(rows, str)]
    skipped = [
        [id, rows] for id, rows in zip(columns["id"], results) if isinstance(rows, str)
    ]
    if not kept:
        why = f", the first because: {skipped[0][1]}" if skipped else ""
        found = f"none of {len(results)} entries can be encoded{why}"
        raise CorpusError(found, corpus.name, "change the options")
    arrays = [results[i] for i in kept]
    first = arrays[0]
    for i, rows in zip(kept, arrays):
        if rows.dtype != first.dtype or rows.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"the encoding of {columns['id'][i]} is {rows.dtype} of shape "
                f"{rows.shape}, after {first.dtype} of shape {first.shape}: "
                "only the first axis may differ"
            )
    if first.dtype.kind not in "iufb":
        raise ValueError(f"an encoding must be numbers, found {first.dtype}")
    id, song, label = ([columns[c][i] for i in kept] for c in ("id", "song", "label"))
    part = [split_of(s, settings["parts"], settings["seed"]) for s in song]
    strings = (np.array(values, dtype=str) for values in (id, song, label, part))
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
    card = CORPORA.get(corpus.name)
    terms = {k: getattr(card, k) if card else "" for k in ("licence", "credit", "cite")}
    about = {"corpus": corpus.name, **settings, **terms, "skipped": skipped}
    return Encoded(np.concatenate(arrays), offsets, *strings, about)


def save_encoded(encoded: Encoded, path: str | PathLike) -> None:
    """Write it into one compressed ``.npz``, whole or not at all.

    Raises
    ------
    CorpusError
        If the file cannot be written.
    """
    arrays = {name: getattr(encoded, name) for name in ("data", "offsets", *_STRINGS)}
    write_described(path, encoded.about, arrays, name="about")


def open_encoded(path: str | PathLike) -> Encoded:
    """Read what `save_encoded` wrote. No code in the file is ever run.

    Raises
    ------
    CorpusError
        If it is missing, damaged, or something else.
    """
    do = "make it again with encoded(...)"
    return read_described(path, _checked, "an encoded corpus", do, name="about")


def _checked(about, arrays):
    """What a file holds as `Encoded`, if it is one."""
    encoded = Encoded(about=about, **arrays)
    data, offsets = encoded.data, encoded.offsets
    if data.dtype.kind not in "iufb" or data.ndim < 1:
        raise ValueError("no table of numbers")
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu":
        raise ValueError("no offsets")
    steps = np.diff(offsets.astype(np.int64))
    if offsets[0] != 0 or offsets[-1] != len(data) or (steps < 0).any():
        raise ValueError("offsets that do not fit the data")
    columns = [getattr(encoded, name) for name in _STRINGS]
    if any(c.dtype.kind != "U" or c.shape != (len(offsets) - 1,) for c in columns):
        raise ValueError("columns of other lengths, or of no texts")
    if not all(isinstance(about.get(name, ""), str) for name in ("corpus", "view", "key")):
        raise ValueError("nothing that tells one from another")
    return encoded

"""Two genres as lines of 32 bars: all that a training of domain transfer needs, as one
value that fits in one file.

The paper takes 10,245 classical and 1,748 metal files from the web (section 5.1) and leaves
open how a piece of many notes becomes one pitch a voxel. Ours: of a classical piece the
highest voice; of a metal piece the riff, which is what the electric guitar with most notes
plays (see `lines`). Each window is moved until its median pitch is middle C: register alone
would tell the genres apart.

No picture is painted here (see `pictures`). Chapter 5, Domain transfer:
`notebooks/05_domain_transfer_2_full_size` shows the data.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.corpora import load, split_of
from fusiontools.corpora.cache import (
    cached,
    check_array,
    code_hash,
    content_hash,
    read_described,
    write_described,
)
from fusiontools.corpora.entries import digest, song_names
from fusiontools.corpora.folders import load_folder
from fusiontools.corpora.registry import terms
from fusiontools.corpora.walking import called
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music import lines
from fusiontools.music.extract import skyline
from fusiontools.music.lines import BAR, STEPS

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Corpus


__all__ = ["DOMAINS", "PARTS", "SOURCES", "Domains", "domains", "from_folders", "gather"]
__all__ += ["open_domains", "save_domains"]
# Source, target, and control lines: the source's lowest track (a left hand, a bass), which
# accompanies as a riff does and yet is no metal
DOMAINS = ("S", "T", "L")
# Judges learn from songs that no model has seen
PARTS = {"train": 6, "judge": 2, "validation": 1, "test": 1}
STRIDES = {"S": 8 * BAR, "T": 16 * BAR, "L": 8 * BAR}  # there is less classical music
SHORTEST = 16  # notes of a line
OPENING, VARIETY = 16, 5  # intervals that tell a tune, if so many of them are different
# What the book's own domains depend on, beside their corpora.
_MAKERS = [f"fusiontools.corpora.{n}" for n in ("cards", "entries", "registry", "splits")]
_MAKERS += [f"fusiontools.music.{n}" for n in ("extract", "grid", "lines", "notes")]
_MAKERS += ["fusiontools.music.pieces", "fusiontools.music.roll", __name__]


def _whole(piece):
    return [piece.notes()]


def _bottom(piece):
    """Of the lowest track, such as the left hand, the lowest notes."""
    low = min(lines.tracks(piece), key=lambda n: np.median(n.pitch), default=piece.notes())
    return [lines.lowest(low)]


def _guitar(piece, heavy=False):
    if heavy and not lines.is_heavy(piece):
        raise CorpusError("not two electric guitars with drums and without a piano")
    if (riff := lines.riff(piece)) is None:
        raise CorpusError("no electric guitar")
    return [riff]


# For each pair its labels, and which corpora make a domain: from a piece to `Notes`, the
# highest of which are lines
SOURCES: dict[str, tuple[tuple[str, str], list]] = {
    "classical_metal": (
        ("classical", "metal"),
        [
            ("S", "classical_midi", {}, _whole),
            ("T", "genre_midi", {"genres": "rock"}, partial(_guitar, heavy=True)),
            ("T", "metal_midi", {}, _guitar),
            ("L", "classical_midi", {}, _bottom),
        ],
    ),
    "chorales_fiddle": (
        ("chorale", "fiddle"),
        [
            ("S", "bach", {}, lines.tracks),  # every voice is a line
            ("T", "ryan", {}, _whole),
            ("L", "bach", {}, _bottom),
        ],
    ),
}


@dataclass(frozen=True, eq=False)
class Domains:
    """Lines of a source and a target, dealt by song into `PARTS`, and control lines."""

    name: str
    labels: tuple  # what source and target are called, such as ("classical", "metal")
    arrays: dict  # "S_train": (N, 1024) uint8, "S_train_song": (N,) int32, and so on
    about: dict  # how it was made, what was left out, and whose music it is

    def windows(self, domain: str, part: str = "train") -> np.ndarray:
        """The lines of "S", "T" or "L" in one part, shape (N, 1024), uint8."""
        return self.arrays[f"{domain}_{part}"]

    def songs(self, domain: str, part: str = "train") -> np.ndarray:
        """For each row of `windows` the number of its song, shape (N,)."""
        return self.arrays[f"{domain}_{part}_song"]

    @cached_property
    def hash(self) -> str:
        """Hex digits of all windows and songs: a record's data."""
        parts: list = ["domain transfer"]
        for key in sorted(self.arrays):
            parts += [key, np.ascontiguousarray(self.arrays[key]).tobytes()]
        return content_hash(*parts)

    def __repr__(self):
        a, b = (f"{n} {len(self.windows(d)):,}" for d, n in zip("ST", self.labels))
        return f"Domains({self.name!r}, training windows: {a}, {b})"

    def __str__(self):
        a, b = (f"{len(self.windows(d)):,} of {n}" for d, n in zip("ST", self.labels))
        return f"{self.name}, windows to learn from: {a}, {b}"


def _by_hash(songs):
    return {song: split_of(song, PARTS) for song in songs}


def _tenths(songs):
    """A tenth of the songs, and at least one, to each part but the training."""
    songs = sorted(songs, key=content_hash)
    tenth, dealt = max(1, len(songs) // 10), dict.fromkeys(songs, "train")
    for i, part in enumerate(list(PARTS)[1:]):
        dealt |= dict.fromkeys(songs[i * tenth : (i + 1) * tenth], part)
    return dealt


def gather(
    name: str,
    labels: tuple[str, str],
    sources: Sequence[tuple[str, Corpus, Callable]],
    deal: Callable = _by_hash,
) -> Domains:
    """Corpora as `Domains`.

    Parameters
    ----------
    name : str
    labels : pair of str
    sources : sequence of (str, Corpus, callable)
        Domain, corpus, and from a `Piece` to a list of `Notes`, each of whose highest notes
        are a line. It raises a FusionError for what it does not want.
    deal : callable
        From the songs of a domain to a dict of song to part. Control lines go where their
        song is in the source, and are left out where it has none.

    Returns
    -------
    Domains
        Its ``about`` has the "corpora" with their terms; for each of the "sources" how many
        lines it gave, how many of these are short and played again, and what was skipped
        and why; as "kept" the mean of `lines.kept` over all lines of a domain, also of
        those that give no window, with ``voice`` for the share of their own track; and how
        many "windows" there are. CorpusError if a part of source or target gets none.
    """
    rows, corpora, told, shares = [], {}, [], {domain: [] for domain in DOMAINS}
    for domain, corpus, voices in sources:
        skipped, taken, again = Counter(), 0, 0
        for entry in corpus:
            try:
                parts = voices(entry.piece)
            except FusionError as error:
                skipped[error.found] += 1
                continue
            for notes in parts:
                line = skyline(notes)
                if len(line) < SHORTEST:
                    skipped[f"fewer than {SHORTEST} notes"] += 1
                    continue
                voice = {"voice": len(line) / len(notes)}
                shares[domain].append(lines.kept(entry.notes, line) | voice)
                tokens = lines.line_tokens(line)
                cut = lines.windows(tokens, STRIDES[domain])
                good = cut[lines.worth(cut)]
                if not len(good):
                    skipped["every window off the grid, sparse or silent"] += 1
                    continue
                taken, again = taken + 1, again + (len(tokens) < STEPS)
                rows.append((domain, _marks(entry, line), lines.to_middle(good)[0]))
        told.append(dict(corpus=corpus.name, domain=domain, lines=taken, again=again))
        told[-1]["skipped"] = dict(skipped)
        corpora[corpus.name] = terms(corpus.name) | {"content": corpus.content}
    arrays = _dealt(rows, deal)
    many = {d: {p: len(arrays[f"{d}_{p}"]) for p in PARTS} for d in DOMAINS}
    for d, part in ((d, part) for d in "ST" for part in PARTS if not many[d][part]):
        n = next(source["lines"] for source in told if source["domain"] == d)
        says = f"{n} lines that can be learned from in {labels['ST'.index(d)]!r}, none of "
        says += f"them for the part {part!r}; {len(PARTS)} songs are needed at least"
        raise CorpusError(says, name, "bring more or longer pieces")
    means = {d: _mean(some) for d, some in shares.items()}
    about = dict(corpora=list(corpora.values()), sources=told, kept=means, windows=many)
    return Domains(name, tuple(labels), arrays, about)


def _marks(entry, line):
    """What tells the song: its name, and how the line begins, in any key and rhythm."""
    steps = np.diff(line.pitch[: OPENING + 1])
    tells = len(steps) == OPENING and len(np.unique(steps)) >= VARIETY
    return [entry.song, digest(steps.tobytes())] if tells else [entry.song]


def _dealt(rows, deal):
    """Rows of (domain, marks of the song, windows) as the arrays of `Domains`."""
    songs = song_names([marks for _, marks, _ in rows], [""] * len(rows))
    number = {song: i for i, song in enumerate(sorted(set(songs)))}
    of = {d: {s for s, row in zip(songs, rows) if row[0] == d} for d in "ST"}
    parts = {d: deal(sorted(of[d])) for d in "ST"}
    parts["L"] = parts["S"]
    arrays = {}
    for d, part in ((d, part) for d in DOMAINS for part in PARTS):
        mine = [
            (s, r) for s, r in zip(songs, rows) if r[0] == d and parts[d].get(s) == part
        ]
        cut = [row for _, (*_, some) in mine for row in some]
        own = [number[song] for song, (*_, some) in mine for row in some]
        arrays[f"{d}_{part}"] = np.array(cut, np.uint8).reshape(-1, STEPS)
        arrays[f"{d}_{part}_song"] = np.array(own, np.int32)
    return arrays


def _mean(shares):
    return {k: float(np.mean([s[k] for s in shares])) for k in shares[0]} if shares else {}


def domains(name: str = "chorales_fiddle") -> Domains:
    """One of `SOURCES` as `Domains`. CorpusError if there is none of that name;
    MissingDataError if a corpus has to be downloaded first.
    """
    if name not in SOURCES:
        do = f"choose one of {', '.join(SOURCES)}, or bring your own with from_folders"
        raise CorpusError(f"no data is called {name!r}", do=do)
    labels, sources = SOURCES[name]
    loaded = [(d, load(corpus, **o), voices) for d, corpus, o, voices in sources]

    def build():
        made = gather(name, labels, loaded)
        return made.arrays | {"about": made.about}

    # the chapter asks for these again and again, and they take seconds
    key = content_hash(name, *(c.content for _, c, _ in loaded), code_hash(*_MAKERS))
    arrays = cached("domains", key, build, name)
    about = arrays.pop("about")
    return Domains(name, labels, arrays, about)


def from_folders(
    source: str | os.PathLike,
    target: str | os.PathLike,
    labels: tuple[str, str] | None = None,
    name: str = "mine",
) -> Domains:
    """Two folders, or archives, of scores as `Domains`: yours.

    Of the source the highest voice is taken; of the target the riff where an electric
    guitar plays, else the highest voice too. A tenth of the songs of each, and at least
    one, goes to the judges, the validation and the test. CorpusError if a folder is not
    there, or has too few or too short pieces.
    """
    labels = labels or (called(source), called(target))
    a, b = (
        load_folder(f"{name}_{d}", folder, label=label)
        for d, folder, label in zip("st", (source, target), labels)
    )
    target = ("T", b, lambda piece: [lines.riff(piece) or piece.notes()])
    sources = [("S", a, _whole), target, ("L", a, _bottom)]
    return gather(name, labels, sources, _tenths)


def save_domains(domains: Domains, path: str | os.PathLike) -> None:
    """Write domains into one ``.npz``, all that a training needs, whole or not at all."""
    told = dict(name=domains.name, labels=domains.labels, about=domains.about)
    write_described(path, told, domains.arrays)


def open_domains(path: str | os.PathLike) -> Domains:
    """Read what `save_domains` wrote; CorpusError if it is missing, damaged or another."""

    def make(told, arrays):
        a, b = map(str, told["labels"])
        made = Domains(told["name"], (a, b), arrays, told["about"])
        for d, part in ((d, part) for d in DOMAINS for part in PARTS):
            check_array(made.windows(d, part), "uint8", (None, STEPS), 0, 127)
            check_array(made.songs(d, part), "int32", (len(made.windows(d, part)),))
        return made

    do = "make it again with save_domains(domains(...), path)"
    return read_described(path, make, "domains of lines", do)

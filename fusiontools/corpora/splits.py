"""Training and test data that share no song.

A song's side is decided by the hash of its name: the same on every machine and in every
order. A song is named by the shortest of its titles, or by a hash of its content, so that
it stays when others are added. Only a tune that links two songs, or brings a shorter title,
may move them. Used in every chapter.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Entry

__all__ = ["PARTS", "split", "split_of"]

PARTS: dict[str, float] = {"train": 8, "validation": 1, "test": 1}


def split_of(song: str, parts: dict[str, float] = PARTS, seed: int = 0) -> str:
    """The part that a song falls into.

    Parameters
    ----------
    song : str
        Its name, as in `Entry.song`.
    parts : dict of str to number
        Names of the parts and their shares, in any scale:
        ``{"train": 8, "validation": 1, "test": 1}``.
    seed : int
        Another seed deals the songs anew.

    Returns
    -------
    str
        One of the names of `parts`.

    Examples
    --------
    >>> split_of("greensleeves")
    'train'
    """
    # u is uniform in [0, 1): the first 8 bytes of a hash, as a fraction
    first = hashlib.sha256(f"{seed}/{song}".encode()).digest()[:8]
    u = int.from_bytes(first, "big") / 2**64
    total, edge = sum(parts.values()), 0.0
    for name, share in parts.items():
        edge += share / total
        if u < edge:
            return name
    return name  # rounding may leave the last edge a hair under 1


def split(
    entries: "Iterable[Entry]", parts: dict[str, float] = PARTS, seed: int = 0
) -> "dict[str, list[Entry]]":
    """Deal entries into parts, song by song.

    Returns
    -------
    dict of str to list of Entry
        Every part of `parts`, in its order; entries keep theirs.

    Examples
    --------
    >>> from fusiontools.corpora import load
    >>> {name: len(part) for name, part in split(load("ryan")).items()}  # doctest: +SKIP
    {'train': 842, 'validation': 113, 'test': 104}
    """
    dealt: dict[str, list[Entry]] = {name: [] for name in parts}
    for entry in entries:
        dealt[split_of(entry.song, parts, seed)].append(entry)
    return dealt

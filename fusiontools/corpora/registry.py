"""Every corpus that the book knows, by name: its index card, and how to load it.

Used in every chapter.
"""

import importlib
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fusiontools.corpora.cards import CARDS, CorpusInfo
from fusiontools.errors import CorpusError

__all__ = ["CORPORA", "CorpusInfo", "credits", "info", "load", "terms"]

CORPORA = {card.name: card for card in CARDS}


def info(name: str) -> CorpusInfo:
    """The index card of a corpus.

    Raises
    ------
    CorpusError
        If no corpus is called that.

    Examples
    --------
    >>> info("ryan").title
    "Ryan's Mammoth Collection (1883)"
    """
    if name not in CORPORA:
        found = f"no corpus is called {name!r}"
        raise CorpusError(found, do=f"choose one of {', '.join(CORPORA)}")
    return CORPORA[name]


def terms(name: str) -> dict[str, str]:
    """Whose music a corpus is, for what is made from it.

    Parameters
    ----------
    name : str
        Of a corpus, or of a folder of your own, whose terms are empty.

    Returns
    -------
    dict of str to str
        ``name``, ``licence`` and ``credit``.

    Examples
    --------
    >>> terms("ryan")["credit"][:28], terms("my songs")["credit"]
    ('William Bradbury Ryan and El', '')
    """
    card = CORPORA.get(name)
    if card is None:
        return {"name": name, "licence": "", "credit": ""}
    return {"name": name, "licence": card.licence, "credit": card.credit}


def credits(corpora: Sequence[dict]) -> tuple[list[str], str]:
    """Whose music something is made from, as weights tell it.

    Parameters
    ----------
    corpora : sequence of dict
        See `terms`.

    Returns
    -------
    names : list of str
    terms : str

    Examples
    --------
    >>> credits([{"name": "ryan", "licence": "public domain"}, terms("mine")])
    (['ryan', 'mine'], 'ryan: public domain; mine: those of that music')
    """
    told = [f"{c['name']}: {c['licence'] or 'those of that music'}" for c in corpora]
    return [c["name"] for c in corpora], "; ".join(told)


def load(name: str, **options: Any) -> Any:
    """Load a corpus, from the cache if it was read before.

    Parameters
    ----------
    name : str
        One of `CORPORA`.
    **options
        What the corpus's own loader takes, such as ``folder="my/midi"`` and
        ``genres=("rock",)`` for "genre_midi"; see the loader that ``info(name).loader``
        names.

    Returns
    -------
    Corpus
        Or `Recordings` where ``info(name).kind`` is "audio", or what the loader says where
        it is "arrays". The last four are kept in memory, except where a `folder` of your
        own was named.

    Raises
    ------
    CorpusError
        If no corpus is called that, or nothing in it can be read.
    MissingDataError
        If it has to be downloaded first. The message says how.

    Examples
    --------
    >>> load("nottingham")[0].title
    "Cuckoo's Nest"
    """
    info(name)
    for key, value in options.items():
        options[key] = tuple(value) if isinstance(value, (list, set)) else value
    if "folder" in options or any(isinstance(value, dict) for value in options.values()):
        return _load(name, **options)
    folders = [os.environ.get(f"FUSIONTOOLS_{kind}") for kind in ("DATA", "CACHE")]
    return _remembered(name, *folders, **options)


@lru_cache(maxsize=4)
def _remembered(name, data, cache, **options):
    """`data` and `cache` only tell apart what was loaded from other folders."""
    return _load(name, **options)


def _load(name, **options):
    module, function, settings = info(name).loader
    return getattr(importlib.import_module(module), function)(name, **settings | options)

"""Where the music comes from: each corpus with its licence, entries and splits by song."""

from fusiontools.corpora.downloads import fetch
from fusiontools.corpora.encoded import Encoded, encoded, open_encoded, save_encoded
from fusiontools.corpora.entries import Corpus, Entry
from fusiontools.corpora.places import data_dir, path
from fusiontools.corpora.recordings import Recording, Recordings
from fusiontools.corpora.registry import CORPORA, CorpusInfo, info, load
from fusiontools.corpora.splits import PARTS, split, split_of

__all__ = [
    "CORPORA",
    "PARTS",
    "Corpus",
    "CorpusInfo",
    "Encoded",
    "Entry",
    "Recording",
    "Recordings",
    "data_dir",
    "encoded",
    "fetch",
    "info",
    "load",
    "open_encoded",
    "path",
    "save_encoded",
    "split",
    "split_of",
]

"""The tune books: every readable tune, each bad one named."""

import contextlib
import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools.corpora import CORPORA, load, music21_corpus
from fusiontools.corpora.cache import content_hash, write_npz
from fusiontools.corpora.music21_corpus import corpus_path, load_chorales, load_tunebook
from fusiontools.errors import CorpusError, FusionError, MissingDataError
from fusiontools.music import Meter, Tempo
from fusiontools.music.abc import read_abc, split_abc

TUNE = "X:{}\nT:{}\nM:4/4\nL:1/4\nK:G\n{}\n\n"
BOOK = (
    TUNE.format(1, "Scale", "GABc|dedc|BAGG|")
    + TUNE.format(2, "Nothing", "z4|")
    + TUNE.format(1, "Scale again", "GABc|dedc|BAGG|")
    + "X:4\nT:No key\nGAB\n\n"
    + TUNE.format(5, "The Other", "c2c2|e2e2|")
)
XML = """<?xml version="1.0"?><score-partwise>
<part-list><score-part id="P1"><part-name>S</part-name></score-part></part-list>
<part id="P1"><measure>
<attributes><divisions>1</divisions><key><fifths>0</fifths></key></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration></note>
</measure></part></score-partwise>"""


@pytest.fixture
def books(home, monkeypatch):
    """A music21 of our own, with one book and one chorale in it."""
    corpus = home / "music21" / "corpus"
    for name in ("essenFolksong", "book", "bach"):
        (corpus / name).mkdir(parents=True)
    (corpus / "book" / "volume.abc").write_text(BOOK)
    (corpus / "bach" / "bwv1.xml").write_text(XML)
    (corpus / "bach" / "bwv2.xml").write_text(XML[:200])
    monkeypatch.setattr(importlib.util, "find_spec", _found(corpus.parent))
    return corpus


def _found(folder, original=importlib.util.find_spec):
    return lambda name: (
        SimpleNamespace(submodule_search_locations=[str(folder)])
        if name == "music21"
        else original(name)
    )


def test_every_readable_tune_is_an_entry_and_each_bad_one_is_named(books):
    book = load_tunebook("book", "book", "folk")
    assert book.columns["id"] == ["book/volume/1", "book/volume/1-2", "book/volume/5"]
    assert [id for id, _ in book.skipped] == ["book/volume/2", "book/volume/4"]
    # the same melody under another title
    assert book.columns["song"] == ["scale", "scale", "other"]
    assert book[0].notes.pitch.tolist()[:4] == [67, 69, 71, 72] and book[0].key == "G"


def test_a_tune_keeps_its_bars_tempo_meters_and_instrument(books):
    head = "%%MIDI program 40\nL:1/4\nQ:1/4=90\n\n"
    music = "X:1\nT:Rose\nM:3/4\nK:G\nG|GAB|[M:2/4]cd|e2|]\n"
    (books / "book" / "volume.abc").write_text(head + music)
    (entry,) = load_tunebook("book", "book", "folk")
    assert entry.id == "book/volume/1"
    assert entry.piece.bars == (-2.0, 1.0, 4.0, 6.0)
    assert entry.piece.tempo == Tempo.constant(90)
    assert entry.piece.meters == (Meter(-2.0, 3, 4), Meter(4.0, 2, 4))
    assert entry.piece.tracks[0].program == 40


KEPT = "X:1\nT:Rose\nM:4/4\nL:1/4\nK:G\nG|GABc|]\n"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A tune that is kept otherwise than it is written."""
    file = tmp_path / "kept.npz"
    arrays = {"onset": [0.0, 1.0], "duration": [1.0, 0.5], "meter": [[-1.0, 3, 4]]}
    arrays |= {"pitch": [60, 61], "end": [2], "text": [content_hash(KEPT)[:16]]}
    write_npz(file, **{name: np.array(values) for name, values in arrays.items()})
    monkeypatch.setattr(music21_corpus, "KEPT", file)
    music21_corpus._all_kept.cache_clear()
    yield file
    music21_corpus._all_kept.cache_clear()


def test_a_tune_that_is_kept_is_as_it_was_unless_that_is_not_wanted(books, kept):
    (books / "book" / "volume.abc").write_text(KEPT.replace("X:1", "X:2") + "\n" + KEPT)
    other, old = load_tunebook("book", "book", "folk")
    assert old.notes.onset.tolist() == [0, 1] and old.notes.duration.tolist() == [1, 0.5]
    assert old.notes.pitch.tolist() == [60, 61] and old.piece.bars is None
    assert old.piece.meters == (Meter(-1.0, 3, 4),)
    new = load_tunebook("book", "book", "folk", as_trained=False)
    assert new[1].piece == read_abc(KEPT).piece and other.piece == new[0].piece


def test_what_is_kept_are_tunes_of_the_books_that_are_read_otherwise_now():
    kept, texts = music21_corpus._all_kept()[1], {}
    for folder in ("ryansMammoth", "oneills1850", "airdsAirs"):
        for file in (corpus_path() / folder).glob("*.abc"):
            for text in split_abc(music21_corpus._decode(file.read_bytes())):
                texts[content_hash(text)[:16]] = text
    names = kept["text"].tolist()
    assert len(set(names)) == len(names) == len(kept["end"]) == len(kept["meter"]) > 150
    assert kept["end"][-1] == len(kept["pitch"]) == len(kept["onset"])
    for name in names[::12]:
        piece = read_abc(texts[name]).piece
        old = music21_corpus._kept(texts[name], piece)
        assert (old.tracks[0].notes, old.meters) != (piece.tracks[0].notes, piece.meters)


def test_chorales_are_pieces(books):
    bach = load_chorales()
    assert [(e.id, e.title, len(e.notes)) for e in bach] == [("bach/bwv1", "BWV 1", 1)]
    assert [id for id, _ in bach.skipped] == ["bach/bwv2"]


def test_a_change_in_a_book_is_seen(books):
    first = load_tunebook("book", "book", "folk")
    (books / "book" / "volume.abc").write_text(BOOK.replace("GABc", "GABd"))
    assert load_tunebook("book", "book", "folk").content != first.content


def test_random_damage_never_surprises(books, damage):
    for seed in range(60):
        (books / "book" / "volume.abc").write_bytes(damage(BOOK.encode(), seed))
        (books / "bach" / "bwv1.xml").write_bytes(damage(XML.encode(), seed))
        for loaded in (lambda: load_tunebook("book", "book", "folk"), load_chorales):
            with contextlib.suppress(FusionError):
                assert len(loaded())


def test_a_book_of_nothing_and_a_music21_without_its_corpus_are_errors(books, monkeypatch):
    (books / "book" / "volume.abc").write_text("")
    with pytest.raises(CorpusError, match="not one of 0"):
        load_tunebook("book", "book", "folk")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDataError, match="pip install music21"):
        corpus_path()


def test_the_real_corpus_is_where_it_is_looked_for():
    books = {
        card.name: card.loader[2]["folder"]
        for card in CORPORA.values()
        if card.loader[1] == "load_tunebook"
    }
    tunes = {
        name: sum(
            f.read_bytes().count(b"\nX:") + 1
            for f in (corpus_path() / folder).glob("*.abc")
        )
        for name, folder in books.items()
    }
    assert (
        tunes["essen"] > 8000
        and tunes["oneill"] > 1900
        and tunes["ryan"] > 1000
        and tunes["aird"] > 1100
        and tunes["nottingham"] == 2
    )
    assert [e.label for e in load("nottingham")] == ["reel", "reel"] and not load(
        "nottingham"
    ).skipped

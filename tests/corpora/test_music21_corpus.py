"""The tune books: every readable tune, each bad one named."""

import importlib.util
from types import SimpleNamespace

import pytest

from fusiontools.corpora import CORPORA, load
from fusiontools.corpora.music21_corpus import corpus_path, load_chorales, load_tunebook
from fusiontools.errors import CorpusError, FusionError, MissingDataError

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
            try:
                assert len(loaded())
            except FusionError:
                pass


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

"""Where corpora lie, and what their cards say."""

import importlib
import inspect
import re

import pytest

import fusiontools.corpora as corpora
from fusiontools.corpora.cache import user_dir
from fusiontools.corpora.places import data_dir, find, home_of, path
from fusiontools.errors import CorpusError, MissingDataError

CARDS = list(corpora.CORPORA.values())
DOWNLOADS = [card for card in CARDS if card.sources]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_is_complete(card):
    assert re.fullmatch(r"[a-z0-9_]+", card.name) and card.kind in (
        "notes",
        "audio",
        "arrays",
    )
    assert card.title and card.about and card.licence and card.credit
    assert not card.home or card.home.startswith("http")
    for source in card.sources:
        assert not source.checksum or re.fullmatch(
            r"md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}", source.checksum
        )
        assert not source.url or (source.url.startswith("http") and source.file)
        assert source.size >= 0
    assert card.size == sum(s.size for s in card.sources) and card.fetchable == any(
        s.url for s in card.sources
    )


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_loader_exists_and_takes_its_settings(card):
    module, function, options = card.loader
    takes = (
        inspect.signature(getattr(importlib.import_module(module), function))
        .bind(card.name, **options)
        .arguments
    )
    assert takes.pop("name") == card.name and takes == options


def test_what_is_cited_stands_in_the_bibliography(root):
    keys = set(
        re.findall(
            r"@\w+\{([^,\s]+),", (root / "book" / "references.bib").read_text("utf-8")
        )
    )
    assert {card.cite for card in CARDS if card.cite} <= keys


def test_the_data_folder_is_the_one_that_is_set(home, monkeypatch):
    assert data_dir() == home and home_of("weimar") == home / "weimar"
    monkeypatch.delenv("FUSIONTOOLS_DATA")
    assert data_dir() == user_dir() / "data"


def test_the_official_file_comes_first_then_the_same_compressed_then_a_stand_in(home):
    wanted = ["pop909/POP909-Dataset.zip", "POP909-Dataset.zip", "pop909/pop909_909.tar.xz"]
    for name in reversed(wanted):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).touch()
        assert path("pop909") == home / name
    (home / "wjazzd.db.xz").touch()
    assert path("weimar") == home / "wjazzd.db.xz"
    (home / "weimar").mkdir()
    (home / "weimar" / "wjazzd.db").touch()
    assert path("weimar") == home / "weimar" / "wjazzd.db"


def test_a_corpus_of_several_files_has_each(home):
    (home / "labels.tar.gz").touch()
    assert path("lmd_matched", "labels.tar.gz") == home / "labels.tar.gz"
    assert find("lmd_matched") is None and find("lmd_matched", "other") is None


def test_your_own_folder_counts_once_there_is_music_in_it(home):
    (home / "genre_midi" / "rock").mkdir(parents=True)
    (home / "genre_midi" / "readme.txt").touch()
    assert find("genre_midi") is None
    (home / "genre_midi" / "rock" / "a.MID").touch()
    assert path("genre_midi") == home / "genre_midi"


@pytest.mark.parametrize("name", ["a.mid", "b.abc", "c.mxl", "d.RMI", "e.musicxml"])
def test_a_genre_that_is_a_link_counts(home, name):
    (home / "away").mkdir()
    (home / "genre_midi").mkdir()
    (home / "away" / name).touch()
    assert find("genre_midi") is None
    try:
        (home / "genre_midi" / "rock").symlink_to(home / "away", target_is_directory=True)
    except OSError:
        pytest.skip("needs a system that lets its users make links")
    assert find("genre_midi") == home / "genre_midi"


def test_what_comes_with_music21_is_found_there():
    assert (
        path("ryan").name == "ryansMammoth"
        and path("bach").name == "bach"
        and path("rendered").name == "corpus"
    )


@pytest.mark.parametrize("card", DOWNLOADS, ids=lambda card: card.name)
def test_what_is_missing_says_where_to_get_it_and_where_to_put_it(card, home):
    with pytest.raises(MissingDataError) as caught:
        corpora.load(card.name)
    message = str(caught.value)
    assert card.name in message and str(home / card.name) in message
    if card.fetchable:
        source = card.sources[0]
        assert (
            source.url in message
            and source.file in message
            and f"python -m fusiontools data fetch {card.name}" in message
        )


def test_an_unknown_name_lists_the_known():
    with pytest.raises(CorpusError, match="choose one of essen"):
        corpora.load("nope")
    with pytest.raises(CorpusError, match="nope"):
        path("nope")

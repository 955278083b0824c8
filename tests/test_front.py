"""The first screen of the repository says what is there."""

import importlib
import re

import pytest


@pytest.fixture
def front(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "book")
    return importlib.import_module("front")


def test_the_table_of_chapters_is_made_from_the_pages(root, front):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert front.with_table(text) == text, "run: python book/front.py --table"
    pages = {path.name for path in front.pages.notebooks()}
    assert set(re.findall(r"/notebooks/([^)]+)\)", front.table())) == pages


def test_the_readme_leads_to_every_notebook(root, front):
    text = (root / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"/blob/main/notebooks/([^)]+)\)", text))
    assert named == {path.name for path in front.pages.every_notebook()}


def test_what_the_readme_shows_is_there_and_small(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"book/_static/[\w.]+", text))
    assert shown == {"book/_static/fusion.gif", "book/_static/fusion.mp3"}
    assert all((root / name).stat().st_size < 1_000_000 for name in shown)


def test_the_picture_moves(root):
    from PIL import Image

    with Image.open(root / "book" / "_static" / "fusion.gif") as picture:
        assert picture.n_frames > 30

"""What is true of live controls: the view follows the knobs, and the page without a kernel
shows the views that it was promised.
"""

import html
import re
import subprocess
import sys

import pytest

from fusiontools.errors import FusionError, NoNotesError
from fusiontools.music.notes import Notes, transpose
from fusiontools.show.explore import WIDGET, Explorer, explore
from fusiontools.show.player import player


class Word(str):
    def _repr_html_(self):
        return f"<b>{self}</b>"


OPTIONS = {"n": {"once": 1, "twice": 2, "never": 0}, "word": {"la": "la", "li": "li"}}


def sing(n, word):
    if not n:
        raise NoNotesError("nobody <sings>", do="choose another number")
    return Word(f"{word} " * n)


@pytest.fixture
def choir():
    return explore(
        sing, OPTIONS, {"Twice": {"n": "twice"}, "Once li": {"n": "once", "word": "li"}}
    )


def test_the_first_choices_are_shown_at_the_start(choir):
    assert {name: knob.value for name, knob in choir.knobs.items()} == {
        "n": "once",
        "word": "la",
    }
    assert [list(knob.options) for knob in choir.knobs.values()] == [
        ["once", "twice", "never"],
        ["la", "li"],
    ]
    assert choir.html == "<b>la </b>"


def test_the_view_follows_every_knob(choir):
    choir.knobs["n"].value = "twice"
    assert choir.html == "<b>la la </b>"
    choir.knobs["word"].value = "li"
    assert choir.html == "<b>li li </b>"
    choir.knobs["n"].value = "once"
    assert choir.html == "<b>li </b>"
    assert repr(choir) == "Explorer(n='once', word='li')"


def test_a_view_is_drawn_once_for_each_change():
    drawn = []

    def render(n):
        drawn.append(n)
        return Word(n)

    made = explore(render, {"n": {"a": 1, "b": 2}}, {"B": {"n": "b"}})
    del drawn[:]
    made.knobs["n"].value = "b"
    made.knobs["n"].value = "b"
    assert drawn == [2]


def test_a_setting_without_a_result_says_so_and_the_knobs_live_on(choir):
    choir.knobs["n"].value = "never"
    assert (
        "Nothing to show" in choir.html
        and html.escape("nobody <sings>. What to do: choose another number.") in choir.html
    )
    choir.knobs["n"].value = "twice"
    assert choir.html == "<b>la la </b>"


def test_even_the_first_setting_may_be_without_a_result():
    def render(n):
        if n == 1:
            raise FusionError("not this one")
        return Word(n)

    made = explore(render, {"n": {"one": 1, "two": 2}}, {"Two": {"n": "two"}})
    assert "not this one" in made.html
    made.knobs["n"].value = "two"
    assert made.html == "<b>2</b>"


def test_any_error_is_told_in_the_view_and_the_knobs_live_on():
    made = explore(lambda n: Word(1 // n), {"n": {"one": 1, "zero": 0}}, {"One": {}})
    made.knobs["n"].value = "zero"
    assert "ZeroDivisionError: integer division or modulo by zero" in made.html
    made.knobs["n"].value = "one"
    assert made.html == "<b>1</b>"


# The page without a kernel


def tabs(twin):
    """Labels of the tabs, and what stands under each."""
    (group,) = set(re.findall(r'class="ft-explore ([\w-]+)"', twin))
    bodies = re.findall(rf'<div class="{group}-\d+">(.*?)</div>', twin, re.DOTALL)
    return [
        html.unescape(label)
        for label in re.findall(r"<label for=[^>]*>(.*?)</label>", twin)
    ], bodies


def test_a_page_gets_both_the_widget_and_its_twin(choir):
    bundle = choir._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET}
    assert bundle[WIDGET]["model_id"] and bundle[WIDGET]["version_major"] == 2
    assert bundle["text/plain"] == "Explorer(n='once', word='la')"
    assert tabs(bundle["text/html"]) == (
        ["Twice", "Once li"],
        ["<b>la la </b>", "<b>li </b>"],
    )


def test_the_twin_is_still_when_the_knobs_move(choir):
    before = choir._repr_mimebundle_()
    choir.knobs["n"].value = "twice"
    assert choir._repr_mimebundle_()["text/html"] == before["text/html"]
    assert choir._repr_mimebundle_()[WIDGET] == before[WIDGET]


def test_one_tab_is_open_and_two_controls_on_one_page_do_not_share_their_tabs(choir):
    other = explore(sing, OPTIONS, {"Once": {}})
    first, second = (e._repr_mimebundle_()["text/html"] for e in (choir, other))
    assert first.count(" checked>") == second.count(" checked>") == 1
    names = [
        set(re.findall(r'(?:name|id|for)="([\w-]+)"', twin)) for twin in (first, second)
    ]
    assert names[0].isdisjoint(names[1])
    assert first.count("<input") == 2 and set(re.findall(r'for="([^"]+)"', first)) == set(
        re.findall(r' id="([^"]+)"', first)
    )


def test_labels_of_tabs_are_text():
    label = "</label><script>alert('x')</script> & \"more\""
    made = explore(sing, OPTIONS, {label: {}})
    twin = made._repr_mimebundle_()["text/html"]
    assert "<script" not in twin and tabs(twin)[0] == [label]


@pytest.mark.parametrize(
    "options, twin, found",
    [
        (OPTIONS, {}, "needs a twin"),
        (OPTIONS, {"Thrice": {"n": "thrice"}}, "'thrice'.*once, twice, never"),
        (OPTIONS, {"A typing mistake": {"m": "twice"}}, "knobs that there are not: m"),
        ({"n": {}}, {"One": {}}, "'n' has no choices"),
    ],
)
def test_a_twin_that_shows_nothing_or_what_is_not_there_is_a_programming_mistake(
    options, twin, found
):
    with pytest.raises(ValueError, match=found):
        explore(sing, options, twin)


def test_names_within_a_page_are_those_of_its_content_and_never_used_twice():
    """A page that is built again is the same page; a view shown twice on it still has tabs
    of its own.
    """
    code = (
        "from fusiontools.show.explore import _tabs\n"
        "class W(str):\n    _repr_html_ = str.__str__\n"
        "print(_tabs({'a': W('A')}), _tabs({'b': W('B')}), _tabs({'b': W('B')}))"
    )
    before = "from fusiontools.show.explore import _tabs\n_tabs({})\n"
    runs = [
        subprocess.run(
            [sys.executable, "-c", c], capture_output=True, text=True, check=True
        ).stdout
        for c in (code, before + code)
    ]
    assert runs[0] == runs[1]
    groups = re.findall(r'class="ft-explore ([\w-]+)"', runs[0])
    assert len(groups) == len(set(groups)) == 3


def test_the_view_brings_its_script_to_life_by_itself(choir):
    """Widgets put HTML into a page in a way that runs no script: something in it has to."""
    assert "onerror=" in choir._view.value and choir._view.value.startswith(choir.html)
    assert (
        "onerror=" not in choir._repr_mimebundle_()["text/html"]
        and "onerror=" not in choir.html
    )


def test_players_work_as_views():
    tune = Notes.of([(0, 0.5, 60), (0.5, 0.5, 64)])
    made = explore(
        lambda up: player(transpose(tune, up)),
        {"up": {"as it is": 0, "a fifth up": 7}},
        {"A fifth up": {"up": "a fifth up"}},
    )
    assert isinstance(made, Explorer) and ",60,80]" in made.html and "<audio" in made.html
    made.knobs["up"].value = "a fifth up"
    assert ",67,80]" in made.html and made.html == player(transpose(tune, 7))._repr_html_()
    assert made.html in made._repr_mimebundle_()["text/html"]

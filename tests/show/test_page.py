"""What is true of players once a page is open: they wake wherever their HTML comes from,
and leave nothing behind when they go.
"""

import pytest

from fusiontools.music.notes import Notes, transpose
from fusiontools.show.explore import explore
from fusiontools.show.player import player

TUNE = Notes.of([(0, 0.5, 60), (0.5, 0.5, 64)])


@pytest.fixture
def page(new_context):
    page = new_context().new_page()
    page.broken = []
    page.on("pageerror", lambda e: page.broken.append(str(e)))
    yield page
    page.context.close()
    assert not page.broken


PUT = "html => { document.getElementById('view').innerHTML = html; }"
COUNT = "() => window.ftPlayers.count()"


def test_a_control_alone_on_a_page_is_alive_and_old_views_are_let_go(page):
    """A widget's view is set through innerHTML, again at every turn of a knob."""
    made = explore(
        lambda up: player(transpose(TUNE, up)),
        {"up": {"0": 0, "7": 7}},
        {"A fifth up": {"up": "7"}},
    )
    page.set_content("<div id=view></div>")
    for up in ("0", "7", "0"):
        made.knobs["up"].value = up
        page.evaluate(PUT, made._view.value)
        page.wait_for_selector("#view figure.ft-live .ft-roll")
        assert page.evaluate(COUNT) == 1 and page.locator("#view img[onerror]").count() == 0
    page.evaluate(PUT, "")
    page.wait_for_function("() => window.ftPlayers.count() === 0")


def test_a_page_saved_while_its_players_live_lives_again(page):
    page.set_content(player({"low": TUNE, "high": transpose(TUNE, 7)})._repr_html_())
    page.wait_for_selector("figure.ft-live")
    assert page.evaluate("!document.querySelector('[data-ready]')")
    saved = page.content()
    again = page.context.new_page()
    again.set_content(saved)
    again.wait_for_function(
        "() => document.querySelectorAll('.ft-play').length === 1 "
        "&& window.ftPlayers.count() === 1"
    )
    assert [
        again.locator(f".ft-{part}").count() for part in ("tab", "roll", "bar", "midi")
    ] == [2, 1, 1, 2]
    again.locator(".ft-tab").nth(1).click()
    assert again.locator(".ft-tab[aria-checked=true]").inner_text() == "high"
    assert again.evaluate(
        "[...document.querySelectorAll('.ft-midi')].map(a => a.hidden)"
    ) == [True, False]


def test_a_player_that_leaves_the_page_and_returns_is_the_same(page):
    page.set_content(
        "<div id=view>"
        + player({"low": TUNE, "high": transpose(TUNE, 7)})._repr_html_()
        + "</div>"
    )
    page.wait_for_selector("figure.ft-live")
    page.locator(".ft-tab").nth(1).click()
    page.evaluate(
        "() => { window.kept = document.querySelector('figure'); window.kept.remove(); }"
    )
    page.wait_for_function("() => window.ftPlayers.count() === 0")
    page.evaluate("() => document.getElementById('view').append(window.kept)")
    page.wait_for_function("() => window.ftPlayers.count() === 1")
    assert (
        page.locator(".ft-roll").count() == 1
        and page.locator(".ft-tab[aria-checked=true]").inner_text() == "high"
    )


def test_the_dark_of_a_page_is_seen_by_all_players(page):
    page.set_content(player(TUNE)._repr_html_() + player(transpose(TUNE, 5))._repr_html_())
    page.wait_for_function("() => window.ftPlayers && window.ftPlayers.count() === 2")
    for colour, dark in (("#000", 2), ("#fff", 0)):
        page.evaluate("c => { document.body.style.backgroundColor = c; }", colour)
        page.wait_for_function(
            "n => document.querySelectorAll('figure.ft-dark').length === n", arg=dark
        )

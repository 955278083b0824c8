"""What is true of a pad once a page is open: each cell is seen and heard, under one clock,
by mouse and keys, alone and among others.
"""

import base64
import io
import time

import numpy as np
import pytest
import soundfile

from fusiontools.music.midi import Meter, piece_from_bytes
from fusiontools.music.notes import Notes, to_seconds, transpose
from fusiontools.show.colours import colour
from fusiontools.show.explore import explore
from fusiontools.show.pad import _mixed
from fusiontools.show.pad import pad as pad_of
from fusiontools.show.player import player

LOW = Notes.of([(0, 1, 60), (1, 0.5, 64), (2, 1, 67)])
HIGH = Notes.of([(0, 1, 72), (1.5, 0.5, 71), (2, 2, 67)])
LATE = Notes.of([(2, 1, 65)])
SQUARE = [[LOW, LOW, HIGH], [LOW, LATE, HIGH], [Notes.of([]), LATE, transpose(HIGH, -5)]]


def file_in(address):
    return base64.b64decode(address.split(",", 1)[1], validate=True)


@pytest.fixture(scope="module")
def square():
    values = np.arange(9).reshape(3, 3) / 4
    return pad_of(
        SQUARE,
        title="A square",
        inputs={"Idea": LOW},
        values=values,
        value_name="distance",
        meter=Meter(0.0),
        domain="folk",
        program=11,
    )


@pytest.fixture(scope="module")
def tower():
    """The same plane twice, the second time a fourth higher, under a slider."""
    up = [[transpose(take, 5) for take in row] for row in SQUARE]
    return pad_of(
        [SQUARE, up],
        title="A tower",
        slider="iterations",
        labels=("one", "two"),
        corners=("NW", "NE", "SW", "SE"),
    )


@pytest.fixture(scope="module")
def long():
    """A plane of five minutes: it does not come round while a slow machine presses keys."""
    return pad_of([[LOW, HIGH], [LATE, Notes.of([(0, 1, 60), (599, 1, 67)])]])


@pytest.fixture
def page(new_context):
    page = new_context(viewport={"width": 1000, "height": 800}).new_page()
    page.broken = []
    page.on("pageerror", lambda e: page.broken.append(str(e)))
    yield page
    page.context.close()
    assert not page.broken


def opened(page, *shown):
    page.set_content("<div id=view>" + "".join(s._repr_html_() for s in shown) + "</div>")
    page.wait_for_function("() => document.querySelector('.ft-pad-plane[data-take]')")
    return page.locator("figure.ft-pad").first


def click(figure, i, j, n=3):
    plane = figure.locator(".ft-pad-plane")
    box = plane.bounding_box()
    plane.click(
        position={"x": box["width"] * (j + 0.5) / n, "y": box["height"] * (i + 0.5) / n}
    )


def chosen(figure):
    return figure.locator(".ft-pad-plane").evaluate(
        "p => [p.dataset.cell, +p.dataset.layer, +p.dataset.take]"
    )


def at(figure):
    return float(figure.locator(".ft-pad-roll").get_attribute("aria-valuenow"))


def playing(figure):
    return figure.locator(".ft-pad-play").get_attribute("aria-label").startswith("Pause")


RENDER = """async ([i, j, k]) => {
    const figure = document.querySelector("figure.ft-pad");
    return Array.from(await window.ftPads.render(figure, i, j, k));
}"""


def rendered(page, i, j, k=0):
    return np.array(page.evaluate(RENDER, [i, j, k]), dtype=np.float32)


def test_each_cell_is_heard(page, square):
    figure, sounds = opened(page, square), {}
    for i, j in ((0, 0), (0, 2), (1, 1), (2, 2), (0, 1), (2, 0)):
        click(figure, i, j)
        cell, layer, take = chosen(figure)
        assert (cell, layer, take) == (f"{i},{j}", 0, square.data["cells"][0][3 * i + j])
        sound = rendered(page, i, j)
        assert len(sound) == int(2.5 * 44100)
        assert np.abs(sound).max() <= 1
        if i == 2 and j == 0:
            assert not sound.any()
            continue
        assert np.sqrt(np.mean(sound**2)) > 0.01 and np.abs(sound).max() > 0.1
        assert all(
            np.array_equal(sound, other) == (take == t) for t, other in sounds.items()
        )
        sounds[take] = sound
    assert len(sounds) == 4


def test_notes_sound_when_they_should(page, square):
    """The sound of the page against the same slices put together in Python."""
    opened(page, square)
    samples = soundfile.read(io.BytesIO(square.sound), dtype="float32")[0]
    slices = {int(p): s for p, s in square.data["sprite"]["slices"].items()}
    for (i, j), take, first in (((1, 1), LATE, 1.0), ((0, 2), HIGH, 0.0)):
        heard = rendered(page, i, j)
        own = (
            _mixed(to_seconds(take, 120), samples, slices, 80)
            * square.data["sprite"]["gain"]
        )
        onset = np.flatnonzero(np.abs(heard) > 0.05 * np.abs(heard).max())[0] / 44100
        assert onset == pytest.approx(first, abs=0.02)
        half = heard[::2][: len(own)]
        lags = {
            lag: np.corrcoef(np.roll(half, lag)[200:-200], own[: len(half)][200:-200])[0, 1]
            for lag in range(-30, 31)
        }
        assert max(lags.values()) > 0.98, (
            "within a millisecond and a half they are the same sound"
        )


def test_what_two_takes_share_sounds_on_when_one_replaces_the_other(page, square):
    opened(page, square)
    off = page.evaluate("""async () => {
        const figure = document.querySelector("figure.ft-pad");
        const { lay, listen } = window.ftPadSound, data = JSON.parse(figure.dataset.ft);
        const notes = [[0, 1, 72, 1], [1, 1.9, 67, 1]];
        const run = async parts => {
            const memory = new OfflineAudioContext(1, 2 * 44100, 44100);
            const mp3 = figure.dataset.ftSound;
            parts(memory, await listen({ ...data.sprite, mp3 }, memory));
            return (await memory.startRendering()).getChannelData(0);
        };
        const whole = await run((m, s) => lay(m, s, notes, 0, 0));
        const mended = await run((m, s) => {
            const cut = lay(m, s, notes, 0, 0);
            cut(0.3);
            lay(m, s, notes, 0.3, 0.3);
        });
        const off = whole.map((v, i) => Math.abs(v - mended[i]));
        return Math.max(...off) / Math.max(...whole.map(Math.abs));
    }""")
    assert off < 0.02


def test_the_clock_goes_on_when_the_take_changes(page, long):
    figure = opened(page, long)
    click(figure, 0, 0, n=2)  # a click plays
    roll = figure.locator(".ft-pad-roll")
    roll.click(position={"x": roll.bounding_box()["width"] / 2, "y": 20})
    page.wait_for_function(
        "() => +document.querySelector('.ft-pad-roll').getAttribute('aria-valuenow') > 150"
    )
    before, began = at(figure), time.monotonic()
    plane = figure.locator(".ft-pad-plane")
    plane.press("ArrowDown")
    plane.press("ArrowRight")
    after = at(figure)
    assert chosen(figure)[0] == "1,1" and playing(figure)
    assert before <= after < before + 1 + time.monotonic() - began
    plane.press(" ")
    assert not playing(figure)
    stands = at(figure)
    plane.press("ArrowLeft")
    assert at(figure) == stands and not playing(figure)


# Press a key at a moment of the music between two others, whenever it comes round. Gives
# what is laid out because of it.
PRESS = """([key, from, to]) => new Promise(done => {
    const find = part => document.querySelector(".ft-pad-" + part);
    const look = () => {
        const at = +find("roll").getAttribute("aria-valuenow");
        if (at < from || at > to) { requestAnimationFrame(look); return; }
        window.begun = [];
        find("plane").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        done(window.begun);
    };
    requestAnimationFrame(look);
})"""


def test_a_change_is_laid_out_at_once_and_from_the_same_moment(page, square):
    figure = opened(page, square)
    page.evaluate("""() => {
        const start = AudioBufferSourceNode.prototype.start;
        window.begun = [];
        AudioBufferSourceNode.prototype.start = function (at, from) {
            window.begun.push(from);
            return start.apply(this, arguments);
        };
    }""")
    click(figure, 0, 0)
    page.wait_for_function(
        "() => +document.querySelector('.ft-pad-roll').getAttribute('aria-valuenow') > 0.1"
    )
    slices = {int(p): s for p, s in square.data["sprite"]["slices"].items()}

    def pitches(begun):  # and how far into its slice each note begins
        return [
            min((b - start, p) for p, (start, _) in slices.items() if b - start > -0.1)[
                ::-1
            ]
            for b in begun
        ]

    first_take = pitches(page.evaluate("() => window.begun"))
    assert [p for p, _ in first_take][:3] == [60, 64, 67]
    # A low corner: its first note, of half a second, has begun already, and is entered
    # where it is.
    (first, inside), *rest = pitches(page.evaluate(PRESS, ["4", 0.1, 0.3]))
    assert [first, *(p for p, _ in rest)][:3] == [67, 66, 62]
    assert inside > 0.08 and all(abs(into) < 0.01 for _, into in rest[:2])


def test_one_sounds_at_a_time(page, square):
    first = opened(page, square, square, player(LOW))
    second, third = page.locator("figure.ft-pad").nth(1), page.locator("figure.ft-player")
    first.locator(".ft-pad-play").click()
    assert playing(first)
    second.locator(".ft-pad-play").click()
    assert playing(second) and not playing(first)
    third.locator(".ft-loop").click()  # so that it does not end by itself
    third.locator(".ft-play").click()
    page.wait_for_function("() => !document.querySelector('.ft-player audio').paused")
    assert not playing(second)
    click(first, 1, 1)
    page.wait_for_function("() => document.querySelector('.ft-player audio').paused")
    assert playing(first)


def test_it_repeats_or_stops_at_the_end(page, long):
    figure = opened(page, long)
    roll = figure.locator(".ft-pad-roll")
    figure.locator(".ft-pad-play").click()
    page.wait_for_function(
        "() => +document.querySelector('.ft-pad-roll').getAttribute('aria-valuenow') > 0.02"
    )
    roll.press("End")
    page.wait_for_function(
        "() => +document.querySelector('.ft-pad-roll').getAttribute('aria-valuenow') < 150"
    )
    assert playing(figure)
    roll.press("l")
    roll.press("End")
    page.wait_for_selector(".ft-pad-play[aria-label^='Play']")
    assert at(figure) == 0


def test_keys(page, tower):
    figure = opened(page, tower)
    figure.locator(".ft-pad-plane").focus()
    for key, cell in (
        ("1", "0,0"),
        ("2", "0,2"),
        ("3", "2,0"),
        ("4", "2,2"),
        ("ArrowRight", "2,2"),
        ("ArrowUp", "1,2"),
        ("5", "1,1"),
    ):
        page.keyboard.press(key)
        assert chosen(figure)[0] == cell
    roll = figure.locator(".ft-pad-roll")
    roll.press("ArrowRight")
    assert at(figure) == pytest.approx(1, abs=0.02) and chosen(figure)[0] == "1,1"
    roll.press("Home")
    assert at(figure) == 0 and not playing(figure)


def test_the_slider_is_the_third_axis(page, tower):
    figure = opened(page, tower)
    click(figure, 0, 2)
    low = chosen(figure)
    figure.locator(".ft-pad-slider input").press("ArrowRight")
    assert chosen(figure)[:2] == ["0,2", 1] and chosen(figure)[2] != low[2]
    assert figure.locator(".ft-pad-slider output").inner_text() == "two"
    assert not np.array_equal(rendered(page, 0, 2, 0), rendered(page, 0, 2, 1))
    status = "Corner NE · row 1, column 3 of 3 · iterations two"
    page.wait_for_function(
        "s => document.querySelector('.ft-pad-status').textContent.startsWith(s)",
        arg=status,
    )


def test_a_dragged_dot_is_heard_where_it_is(page, square):
    figure = opened(page, square)
    box = figure.locator(".ft-pad-plane").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    seen = []
    for share in (0.1, 0.5, 0.9, 1.5):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        seen.append(chosen(figure)[0])
    page.mouse.up()
    assert seen == ["0,0", "1,1", "2,2", "2,2"] and playing(figure)
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    assert chosen(figure)[0] == "2,2"


def test_the_file_is_the_take_that_is_shown(page, square):
    figure = opened(page, square)
    link = figure.locator(".ft-pad-midi")
    for (i, j), take in (((0, 0), LOW), ((0, 2), HIGH), ((1, 1), LATE)):
        click(figure, i, j)
        piece = piece_from_bytes(file_in(link.get_attribute("href")))
        assert piece.notes() == take
        assert (piece.tracks[0].program, piece.tempo.bpm[0], piece.meters) == (
            11,
            pytest.approx(120),
            (Meter(0.0, 4, 4),),
        )
        assert link.get_attribute("download") == f"a-square-{i + 1}-{j + 1}.mid"
    click(figure, 2, 0)
    assert link.is_hidden()


def test_the_inputs_are_heard_beside_the_plane(page, square):
    figure = opened(page, square)
    click(figure, 0, 2)
    button = figure.locator(".ft-pad-input")
    button.click()
    assert (
        button.get_attribute("aria-pressed") == "true"
        and chosen(figure)[2] == square.data["inputs"][0]["take"]
    )
    page.wait_for_function(
        "() => document.querySelector('.ft-pad-status').textContent === 'Idea · 3 notes'"
    )
    button.click()
    assert (
        button.get_attribute("aria-pressed") == "false"
        and chosen(figure)[2] == square.data["cells"][0][2]
    )


def test_it_says_what_it_is_to_those_who_do_not_see_it(page, square):
    figure = opened(page, square)
    mute = figure.evaluate("""f => {
        const parts = f.querySelector(".ft-pad-live").querySelectorAll(
            "[role=slider], button, a, input");
        const named = e => (e.getAttribute("aria-label") || e.textContent).trim();
        return [...parts].filter(e => !named(e) || e.tabIndex < 0).length;
    }""")
    assert mute == 0 and figure.locator("[role=status][aria-live=polite]").count() == 1
    plane = figure.locator(".ft-pad-plane")
    assert plane.get_attribute("aria-label") == "Plane between A, B, C, D"
    assert plane.get_attribute("aria-valuetext") == "row 2, column 2 of 3"
    plane.focus()
    page.keyboard.press("ArrowUp")
    assert plane.get_attribute("aria-valuetext") == "row 1, column 2 of 3"
    assert plane.evaluate("p => getComputedStyle(p).outlineStyle") == "solid"


@pytest.mark.parametrize("width, above", [(390, True), (1200, False)])
def test_it_fits_the_screen(page, tower, width, above):
    page.set_viewport_size({"width": width, "height": 800})
    figure = opened(page, tower)
    plane, roll = (
        figure.locator(f".ft-pad-{part}").bounding_box() for part in ("plane", "roll")
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (plane["y"] + plane["height"] <= roll["y"]) == above and (
        plane["x"] + plane["width"] <= roll["x"]
    ) != above
    assert (
        plane["width"] == pytest.approx(plane["height"], abs=1)
        and plane["width"] > 200
        and roll["width"] > 300
    )


def test_dark_pages_are_seen(page, square):
    figure = opened(page, square)
    light = figure.locator(".ft-pad-plane canvas").evaluate(
        "c => c.getContext('2d').getImageData(4, 4, 1, 1).data[0]"
    )
    page.evaluate("() => { document.body.style.backgroundColor = '#000'; }")
    page.wait_for_function("() => document.querySelector('figure.ft-pad-dark')")
    dark = figure.locator(".ft-pad-plane canvas").evaluate(
        "c => c.getContext('2d').getImageData(4, 4, 1, 1).data[0]"
    )
    # the least value is near the paper, whichever colour that is
    assert light > 200 and dark < 60
    assert square.data["colour"] == colour("folk")


def test_in_a_live_control_it_wakes_and_is_let_go(page):
    made = explore(
        lambda up: pad_of([[transpose(LOW, up), HIGH], [LATE, LOW]]),
        {"up": {"0": 0, "7": 7}},
        {"Low": {"up": "0"}},
    )
    page.set_content("<div id=view></div>")
    for up in ("7", "0"):
        made.knobs["up"].value = up
        page.evaluate(
            "html => { document.getElementById('view').innerHTML = html; }",
            made._view.value,
        )
        page.wait_for_selector("#view figure.ft-pad-awake .ft-pad-plane")
        assert page.evaluate("window.ftPads.count()") == 1
    page.evaluate("() => { document.getElementById('view').innerHTML = ''; }")
    page.wait_for_function("() => window.ftPads.count() === 0")


def test_a_page_saved_while_it_lives_lives_again(page, square):
    opened(page, square)
    again = page.context.new_page()
    again.set_content(page.content())
    again.wait_for_function("() => window.ftPads && window.ftPads.count() === 1")
    assert [
        again.locator(f".ft-pad-{part}").count()
        for part in ("main", "plane", "roll", "bar")
    ] == [1, 1, 1, 1]
    click(again.locator("figure.ft-pad"), 0, 2)
    assert chosen(again.locator("figure.ft-pad"))[0] == "0,2"

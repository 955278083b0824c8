"""The built book, opened in a browser that has no network: what a reader meets.

A page takes a second or more to open, so it is opened once for all tests that only look at
it, and once on a phone. They run in the order in which they stand here: what unfolds a page
comes last.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.book

PHONE, DESKTOP = {"width": 360, "height": 780}, {"width": 1280, "height": 900}
PAPER = {"width": 718, "height": 1040}  # what margins leave of a sheet of A4

# Play every take of a player through its own buttons; report what was seen.
PLAY = """
async ([figure, patience]) => {
  const until = async test => {
    const end = performance.now() + patience, wait = done => setTimeout(done, 20);
    while (!test() && performance.now() < end) await new Promise(wait);
    return test();
  };
  figure.scrollIntoView({ block: "center" });
  const audios = [...figure.querySelectorAll("audio")];
  const all = [...document.querySelectorAll("audio")];
  const tabs = figure.querySelectorAll(".ft-tab");
  const play = figure.querySelector(".ft-play"), head = figure.querySelector(".ft-head");
  const { takes } = JSON.parse(figure.dataset.ft);
  const seen = [];
  for (const [i, audio] of audios.entries()) {
    const bytes = await (await fetch(audio.src)).arrayBuffer();
    const memory = new OfflineAudioContext(1, 22050, 22050);
    const sound = await memory.decodeAudioData(bytes);
    tabs[i].click();
    audio.currentTime = 0;
    await until(() => head.style.left === "0%");
    play.click();
    const advanced = await until(() => audio.currentTime > 0.15);
    const others = all.filter(other => other !== audio && !other.paused).length;
    const moved = await until(() => parseFloat(head.style.left) > 0);
    if (audio.paused) play.click(); // a short take has ended by itself: once more
    play.click();
    const stopped = audio.paused;
    let sum = 0, peak = 0;
    for (const v of sound.getChannelData(0)) {
      sum += v * v;
      peak = Math.max(peak, Math.abs(v));
    }
    const rms = Math.sqrt(sum / sound.length), label = tabs[i].textContent;
    const seconds = sound.duration, said = takes[i].seconds;
    seen.push({ label, advanced, moved, stopped, others, rms, peak, seconds, said });
  }
  return seen;
}
"""

# Show the solutions that are hidden, and all views of a live control's twin, at once.
UNFOLD = """() => {
  const hidden = document.querySelectorAll(".toggle-hidden");
  hidden.forEach(e => e.classList.remove("toggle-hidden"));
  document.querySelectorAll("details").forEach(e => { e.open = true; });
}"""
UNFADED = (
    "*, ::before, ::after { animation: none !important; transition: none !important; }"
)
SPREAD = ".ft-explore > div { display: block !important; }"

# What is wrong with a page, and how wide it is.
LOOK = """() => {
  const all = query => [...document.querySelectorAll(query)];
  const empty = all("img").filter(i => i.complete && !i.naturalWidth);
  const heights = all("mjx-container").map(m => m.getBoundingClientRect().height);
  return {
    missing: empty.map(i => i.src.slice(0, 80)),
    formulas: heights.length,
    broken: all("mjx-merror, [data-mjx-error]").length,
    lowest: Math.min(...heights, 1000),
    wide: document.documentElement.scrollWidth,
  };
}"""
SET = """() => document.querySelectorAll(".math").length
  <= document.querySelectorAll("mjx-container").length"""


@pytest.fixture(scope="module")
def open_page(new_context, built_book):
    """Open a built page without a network; what it asks for from outside, and what breaks
    in it, is kept on the page.
    """
    contexts = []

    def open_page(path, viewport=DESKTOP, **options):
        context = new_context(viewport=viewport, **options)
        contexts.append(context)
        context.route(re.compile("^(https?|wss?):"), lambda route: route.abort())
        page = context.new_page()
        page.asked, page.broken = [], []
        page.on(
            "request",
            lambda r: (
                page.asked.append(r.url) if r.url.startswith(("http", "ws")) else None
            ),
        )
        page.on("pageerror", lambda e: page.broken.append(str(e)))
        page.on(
            "console", lambda m: page.broken.append(m.text) if m.type == "error" else None
        )
        page.goto((built_book / path).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


ROOT = Path(__file__).resolve().parent.parent
NAMED = re.findall(r"\b(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))
CONTENTS = sorted(f"{name}.html" for name in NAMED)
PAGES = [*CONTENTS, "genindex.html", "py-modindex.html", "search.html"]
NOTEBOOKS = [path for path in CONTENTS if path.startswith("notebooks/")]
PAPERS = [path for path in NOTEBOOKS if re.match("notebooks/0[3-7]", path)]


@pytest.fixture(scope="module")
def opened(open_page):
    """A page on a desktop, as it was when it was left: only the last one stays open."""
    now = {}

    def opened(path):
        if path not in now:
            for page in now.values():
                page.context.close()
            now.clear()
            page = now[path] = open_page(path)
            page.wait_for_load_state("load")
            page.wait_for_function(SET)
        return now[path]

    return opened


def each(paths):
    """Run a test on each of these pages; all tests of a page come one after the other."""
    return pytest.mark.parametrize("path", paths, scope="module")


def test_the_book_has_these_pages_and_index_which_leads_on(built_book):
    found = {p.relative_to(built_book).as_posix() for p in built_book.rglob("*.html")}
    assert {p for p in found if not p.startswith("_static/")} == {*PAGES, "index.html"}


def check_page(page, path, width):
    """Pictures are there, formulas are set, nothing overflows, nothing is asked for."""
    page.wait_for_load_state("load")
    page.wait_for_function(SET)
    seen = page.evaluate(LOOK)
    assert not seen["missing"], f"images missing: {seen['missing']}"
    assert not page.asked, f"asks the network for {page.asked[:3]}"
    assert not page.broken, page.broken[:3]
    if path in CONTENTS:
        assert not seen["broken"], "a formula is broken"
        assert seen["lowest"] > 5, "a formula is not drawn"
        assert seen["wide"] <= width, f"{seen['wide']} px wide"
    assert seen["formulas"] or path not in PAPERS


@each(PAGES)
def test_a_page_is_whole_and_fits_a_phone(open_page, path):
    page = open_page(path, PHONE)
    check_page(page, path, PHONE["width"])
    page.context.close()


@each(PAGES)
def test_a_page_is_whole_and_fits_a_desktop(opened, path):
    check_page(opened(path), path, DESKTOP["width"])


# What a page shows of itself: the names of its pictures, its open tables, its height.
SHOWS = """() => {
  const all = query => [...document.querySelectorAll(".bd-article " + query)];
  const pictures = all("img").filter(i => !i.closest(".ft-player, .ft-pad"));
  const open = all("table").filter(t => t.offsetParent && !t.closest("details"));
  const caption = i => i.closest("figure")?.querySelector("figcaption")?.textContent || "";
  return {
    pictures: pictures.map(i => [i.alt, caption(i).trim()]),
    own: all(":is(.ft-player, .ft-pad) img").map(i => i.alt),
    cells: open.map(t => t.querySelectorAll("td, th").length),
    height: document.documentElement.scrollHeight,
  };
}"""
FILE_NAME = re.compile(r"\S+\.(png|svg|jpe?g|gif)|data:\S*", re.I)


@each(CONTENTS)
def test_every_figure_says_what_it_shows(opened, path):
    seen = opened(path).evaluate(SHOWS)
    for alt, caption in seen["pictures"]:
        assert len(alt) >= 20 and not FILE_NAME.fullmatch(alt), f"{alt[:60]!r}: no name"
        assert len(caption) >= 20, f"{alt[:60]!r}: no caption"
    assert all(seen["own"]), "a player's picture without a name"
    assert seen["pictures"] or path not in PAPERS


@each(NOTEBOOKS)
def test_a_page_is_not_too_long(opened, path):
    height = opened(path).evaluate(SHOWS)["height"]
    assert height <= 18_000, f"{height} px high"


@each([path for path in PAPERS if path.endswith("_3_measured.html")])
def test_a_measured_page_shows_few_numbers_in_the_open(opened, path):
    cells = opened(path).evaluate(SHOWS)["cells"]
    assert len(cells) <= 4 and sum(cells) <= 150, f"tables of {cells} cells"


# What paper would lose: what is folded, and what reaches beyond its edge or scrolls.
LOST = """() => {
  const all = query => [...document.querySelectorAll(".bd-article " + query)];
  const name = e => e.tagName + ": " + e.textContent.trim().slice(0, 60);
  const cut = e => e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).overflowX !== "visible";
  const beyond = e => e.getBoundingClientRect().right > innerWidth + 1;
  const code = all("pre, table").filter(e => e.offsetParent);
  return {
    folded: all("details:not([open])").length,
    cut: code.filter(e => cut(e) || beyond(e)).map(name),
  };
}"""


@each(CONTENTS)
def test_print_unfolds_all_and_cuts_nothing(opened, path):
    page = opened(path)
    page.set_viewport_size(PAPER)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    folded = page.evaluate(LOST)["folded"]
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    seen = page.evaluate(LOST)
    assert seen["folded"] == 0, f"{seen['folded']} parts stay folded"
    assert not seen["cut"], seen["cut"][:3]
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(LOST)["folded"] == folded
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.set_viewport_size(DESKTOP)
    page.emulate_media(media="screen", color_scheme="light")


@each(CONTENTS)
def test_every_player_plays(opened, path, patience):
    page, players = opened(path), 0
    page.evaluate(UNFOLD)
    # players of a live control's twin stand behind tabs
    for tab in page.query_selector_all(".ft-explore > input"):
        page.evaluate("i => { i.checked = true; }", tab)
        players += play_all(page, path, ".ft-explore figure.ft-player", patience)
    players += play_all(page, path, "figure.ft-player", patience)
    assert not page.broken, page.broken[:3]
    assert players or path not in NOTEBOOKS


def play_all(page, path, selector, patience):
    """Play every visible player that has not been played; the number of them."""
    count = 0
    for figure in page.query_selector_all(selector):
        if not figure.is_visible() or figure.get_attribute("data-played"):
            if not page.evaluate("f => !!f.closest('.ft-explore')", figure):
                assert figure.get_attribute("data-played"), (
                    f"{path}: a player is not visible"
                )
            continue
        for take in page.evaluate(PLAY, [figure, patience]):
            where = f"{path}, take {take['label']!r}: {take}"
            assert take["advanced"] and take["moved"] and take["stopped"], where
            assert take["others"] == 0, f"two players sound at once: {where}"
            assert take["rms"] > 0.01 and 0.05 < take["peak"] <= 1.05, (
                f"silent or clipped: {where}"
            )
            assert take["said"] - 0.2 < take["seconds"] < take["said"] + 2.0, (
                f"the sound is not as long as the music: {where}"
            )
        page.evaluate("f => { f.dataset.played = '1'; }", figure)
        count += 1
    return count


CHAPTER = "notebooks/01_music_as_numbers.html"


@pytest.fixture
def player(open_page):
    """The chapter's player with several takes, and its page."""
    page = open_page(CHAPTER)
    figure = page.locator("figure.ft-player", has_text="What carries a tune?").first
    figure.scroll_into_view_if_needed()
    yield page, figure
    page.context.close()


def wait_for(page, figure, test):
    t = "+f.querySelector('.ft-roll').getAttribute('aria-valuenow')"
    code = f"f => {{ const t = {t}; return {test}; }}"
    page.wait_for_function(code, arg=figure.element_handle())


def test_click_seeks(player):
    page, figure = player
    roll = figure.locator(".ft-roll")
    box = roll.bounding_box()
    length = float(roll.get_attribute("aria-valuemax"))
    roll.click(position={"x": box["width"] * 0.5, "y": 40})
    wait_for(page, figure, f"Math.abs(t - {length} / 2) < 0.2")
    left = figure.locator(".ft-head").bounding_box()["x"] - box["x"]
    assert abs(left - box["width"] / 2) < 4  # the playhead stands where you clicked


def test_keys_seek_play_and_choose(player):
    page, figure = player
    roll = figure.locator(".ft-roll")
    roll.focus()
    page.keyboard.press("ArrowRight")
    wait_for(page, figure, "Math.abs(t - 1) < 0.1")
    page.keyboard.press("Shift+ArrowRight")
    wait_for(page, figure, "Math.abs(t - 6) < 0.1")
    page.keyboard.press("ArrowLeft")
    wait_for(page, figure, "Math.abs(t - 5) < 0.1")
    page.keyboard.press("3")  # another take, from the same moment
    assert chosen(figure) == "Pitches only"
    wait_for(page, figure, "Math.abs(t - 5) < 0.1")
    page.keyboard.press("ArrowRight")  # and an arrow still seeks
    wait_for(page, figure, "Math.abs(t - 6) < 0.1")
    page.keyboard.press("ArrowLeft")
    wait_for(page, figure, "Math.abs(t - 5) < 0.1")
    assert chosen(figure) == "Pitches only"
    page.keyboard.press("l")  # so that no take ends by itself
    assert figure.locator(".ft-loop").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    wait_for(page, figure, "t > 5.2")
    page.keyboard.press("1")  # still playing, on the first take
    page.wait_for_function(
        """f => !f.querySelectorAll("audio")[0].paused
            && f.querySelectorAll("audio")[2].paused""",
        arg=figure.element_handle(),
    )
    page.keyboard.press("Space")
    page.wait_for_function(
        "f => f.querySelectorAll('audio')[0].paused", arg=figure.element_handle()
    )
    page.keyboard.press("Home")
    wait_for(page, figure, "t === 0")


def chosen(figure):
    return figure.locator(".ft-tab[aria-checked=true]").inner_text()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_tab_key_goes_from_take_to_take_and_a_key_chooses(player, key):
    page, figure = player
    tabs = figure.locator(".ft-tab")
    tabs.first.focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert chosen(figure) == "The tune"  # to pass by is not to choose
    assert page.evaluate("document.activeElement.textContent") == "Pitches only"
    page.keyboard.press(key)
    assert chosen(figure) == "Pitches only"
    page.keyboard.press("ArrowRight")  # arrows seek on the row of takes, too
    wait_for(page, figure, "Math.abs(t - 1) < 0.1")
    assert chosen(figure) == "Pitches only"
    page.keyboard.press("Space")  # on the chosen one it plays
    wait_for(page, figure, "t > 1.1")
    page.keyboard.press("Space")


def test_the_row_of_takes_is_a_choice_of_one(player):
    _, figure = player
    row = figure.locator(".ft-tabs")
    assert row.get_attribute("role") == "radiogroup" and row.get_attribute("aria-label")
    takes = row.locator("[role=radio]").all()
    assert [t.get_attribute("aria-keyshortcuts") for t in takes] == list("12345")
    checked = [t.get_attribute("aria-checked") for t in takes]
    assert sorted(checked) == ["false"] * 4 + ["true"]


def test_player_speaks_to_screen_readers(player):
    _, figure = player
    assert figure.get_attribute(
        "role"
    ) == "group" and "What carries a tune?" in figure.get_attribute("aria-label")
    assert figure.locator(".ft-play").get_attribute("aria-label") == "Play The tune"
    assert "of" in figure.locator(".ft-roll").get_attribute("aria-valuetext")
    for image in figure.locator("img").all():
        assert "notes from" in image.get_attribute("alt")


def test_dark_page_darkens_the_player(open_page):
    for scheme in ("light", "dark"):
        page = open_page(CHAPTER, color_scheme=scheme)
        page.wait_for_selector("figure.ft-live")
        assert page.evaluate(
            "document.querySelector('figure.ft-player').classList.contains('ft-dark')"
        ) == (scheme == "dark")
        page.context.close()


def test_sound_and_picture_stay_without_scripts(open_page):
    page = open_page(CHAPTER, java_script_enabled=False)
    figure = page.locator("figure.ft-player").first
    assert figure.locator("audio[controls]").first.is_visible()
    assert figure.locator("img").first.is_visible()
    page.context.close()


def test_twin_of_the_live_control_changes_the_music(open_page):
    page = open_page(CHAPTER)
    shown = set()
    for label in page.locator(".ft-explore > label").all():
        label.click()
        visible = page.locator(".ft-explore figure.ft-player:visible")
        assert visible.count() == 1
        shown.add(visible.get_attribute("data-ft"))
    assert len(shown) >= 4
    page.context.close()


def test_figures_are_there(open_page):
    page = open_page(CHAPTER)
    sizes = page.evaluate("""
        [...document.querySelectorAll(".cell_output figure:not(.ft-player) img")]
            .map(i => [i.naturalWidth, i.naturalHeight])
    """)
    assert len(sizes) >= 4 and all(w > 500 and h > 150 for w, h in sizes)
    page.context.close()


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.update(
            filter(
                None, (attributes.get("id"), attributes.get("name") if tag == "a" else None)
            )
        )
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


def test_no_link_is_dead(built_book):
    parsed = {}
    for path in PAGES:
        parsed[path] = Links()
        parsed[path].feed((built_book / path).read_text(encoding="utf-8"))
    dead = []
    for path in CONTENTS:
        for link in parsed[path].links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (
                (built_book / path).parent / unquote(parts.path)
                if parts.path
                else built_book / path
            )
            name = str(Path(os.path.normpath(target)).relative_to(built_book))
            if not target.exists() or (
                parts.fragment
                and name in parsed
                and unquote(parts.fragment) not in parsed[name].ids
            ):
                dead.append(f"{path} -> {link}")
    assert not dead, "\n".join(dead[:20])


def test_a_chapter_opens_on_colab_and_can_be_saved(built_book, root):
    address = re.search(
        r"url: (https://github.com/\S+)", (root / "_config.yml").read_text()
    )[1]
    page = (built_book / CHAPTER).read_text(encoding="utf-8")
    colab = address.replace(
        "https://github.com", "https://colab.research.google.com/github"
    )
    assert f"{colab}/blob/main/notebooks/01_music_as_numbers.ipynb" in page
    assert "_sources/notebooks/01_music_as_numbers.ipynb" in page


def test_the_rocket_stands_on_notebooks_only(built_book):
    for path in PAGES:
        rocket = "fa-rocket" in (built_book / path).read_text(encoding="utf-8")
        assert rocket == path.startswith("notebooks/"), path


def test_every_link_is_safe(built_book):
    for path in PAGES:
        parsed = Links()
        parsed.feed((built_book / path).read_text(encoding="utf-8"))
        plain = [link for link in parsed.links if link.startswith("http:")]
        assert not plain, f"{path}: {plain}"


# ---- for everyone ----------------------------------------------------------------------

# Marks one text of each kind: what its contrast depends on is its colours, its size, and
# what lies under it. A page has thousands of texts, and some dozens of kinds.
KINDS = """() => {
  document.querySelectorAll("[data-kind]").forEach(e => e.removeAttribute("data-kind"));
  const seen = new Set(), under = new Map([[null, ""]]);
  const ground = e => {
    if (!under.has(e)) {
      const s = getComputedStyle(e), clear = /^rgba\\(.*, 0\\)$/.test(s.backgroundColor);
      const bare = clear && s.backgroundImage === "none" && s.opacity === "1";
      const own = bare ? "" : `${s.backgroundColor} ${s.backgroundImage} ${s.opacity};`;
      under.set(e, own + ground(e.parentElement));
    }
    return under.get(e);
  };
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!text || !e.checkVisibility()) continue;
    const s = getComputedStyle(e);
    const kind = [s.color, s.fontSize, s.fontWeight, s.textShadow, ground(e)].join("|");
    if (!seen.has(kind)) e.dataset.kind = seen.size;
    seen.add(kind);
  }
}"""
RULES = """async scheme => {
  const selector = "[data-kind]"; // alike in the dark is all but contrast
  axe.configure({ rules: [{ id: "color-contrast", selector }] });
  const how = { resultTypes: ["violations"], preload: false };
  if (scheme === "dark") how.runOnly = ["color-contrast"];
  const faults = (await axe.run(document, how)).violations;
  const told = v => v.nodes.map(n => [v.id, n.html.slice(0, 100), n.failureSummary]);
  return faults.filter(v => v.impact !== "minor").flatMap(told).map(t => t.join(": "));
}"""


@pytest.fixture(scope="module")
def axe():
    """axe-core, a script that finds what shuts readers out."""
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@each(PAGES)
def test_a_page_keeps_the_rules_of_accessibility(opened, path, axe):
    """Contrast, names, headings, landmarks, reach by keyboard; folded parts are opened."""
    page = opened(path)
    page.add_style_tag(content=UNFADED + SPREAD)
    page.evaluate(UNFOLD)
    page.evaluate("() => dispatchEvent(new Event('resize'))")
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        page.evaluate(KINDS)
        faults = page.evaluate(RULES, scheme)
        told = "\n".join(faults[:9])
        assert not faults, f"{scheme}: {len(faults)} faults\n{told}"
    unnamed = page.locator("button.copybtn:not([aria-label])").count()
    assert unnamed == 0, f"{unnamed} copy buttons without a name"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_text_that_is_too_pale_is_a_fault(open_page, built_book, axe, scheme):
    """Of each kind of text one is looked at: a new kind is one more."""
    page = open_page("book/how_to_use.html", color_scheme=scheme)
    page.wait_for_load_state("load")
    page.evaluate(axe)
    last = "[...document.querySelectorAll('.bd-article p')].pop()"
    for colour, found in (("inherit", 0), ("rgb(120, 120, 120, 0.5)", 1)):
        page.evaluate(f"() => {{ {last}.style.color = '{colour}'; }}")
        page.evaluate(KINDS)
        faults = page.evaluate(RULES, scheme)
        assert bool(faults) == found and all("contrast" in fault for fault in faults)


def test_the_browser_says_when_it_prints(open_page):
    page = open_page(CHAPTER)
    page.wait_for_load_state("load")
    count = "document.querySelectorAll('details:not([open])').length"
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.left = {count}; }})")
    assert page.evaluate(count) > 3
    page.pdf()
    assert page.evaluate("window.left") == 0
    page.context.close()


def test_pages_are_small(built_book):
    for path in CONTENTS:
        size = (built_book / path).stat().st_size
        assert size < 5_000_000, f"{path} has {size / 1e6:.1f} MB"


STYLES = "notebooks/04_connective_fusion_2_full_size.html"
# What a cell of a pad sounds like: its peak, its loudness, and every fiftieth sample.
HEARD = """async ([figure, i, j]) => {
  const sound = await window.ftPads.render(figure, i, j, 0);
  let sum = 0, peak = 0;
  for (const v of sound) { sum += v * v; peak = Math.max(peak, Math.abs(v)); }
  const thin = [...sound.filter((_, at) => at % 50 === 0)];
  return { peak, rms: Math.sqrt(sum / sound.length), thin };
}"""


def test_the_style_pad_is_clicked_through_and_every_cell_sounds(open_page):
    page = open_page(STYLES)
    page.wait_for_function(
        "document.querySelectorAll('.ft-pad-plane[data-take]').length >= 2"
    )
    different = []
    for pad in page.query_selector_all("figure.ft-pad"):
        if page.evaluate("f => !!f.closest('.ft-explore')", pad):
            continue  # the twin of a live control
        pad.scroll_into_view_if_needed()
        plane, seen, heard = pad.query_selector(".ft-pad-plane"), set(), {}
        box = plane.bounding_box()
        for i, j in ((0, 0), (0, 8), (4, 4), (8, 0), (8, 8)):
            plane.click(
                position={
                    "x": box["width"] * (j + 0.5) / 9,
                    "y": box["height"] * (i + 0.5) / 9,
                }
            )
            assert plane.get_attribute("data-cell") == f"{i},{j}"
            take = plane.get_attribute("data-take")
            sound = page.evaluate(HEARD, [pad, i, j])
            silent = f"silent or clipped at {i}, {j}: {sound['peak']}, {sound['rms']}"
            assert 0.05 < sound["peak"] <= 1.0 and sound["rms"] > 0.01, silent
            thin = sound["thin"]
            assert heard.setdefault(take, thin) == thin  # one take, one sound
            seen.add(take)
        playing = pad.query_selector(".ft-pad-play")
        assert playing.get_attribute("aria-label").startswith("Pause")  # a click plays
        playing.click()
        assert len({tuple(sound) for sound in heard.values()}) == len(seen), (
            "two takes sound alike"
        )
        different.append(len(seen))
    # with styles demanded, all five places differ
    assert len(different) == 2 and different[1] == 5, different
    assert not page.broken
    page.context.close()

"""What is true of "Fuse on the page" for who opens it: one press plays, everything is
reached by keys, a file of one's own is taken, and without scripts a picture stays.
"""

import base64
import re
import shutil
from pathlib import Path

import pytest

from fusiontools.errors import FusionError
from fusiontools.music import read_excerpt, write_midi
from fusiontools.papers.connective_fusion import fusing

MELODY = "document.querySelector('.ft-fuse').dataset.tokens"


def test_the_first_press_fuses_the_pair_of_the_picture_and_plays(page):
    assert page.inner_text(".ft-fuse-play") == "■ Stop"
    place = "parseFloat(document.querySelector('.ft-fuse-head').style.left)"
    page.wait_for_function(f"{place} > 2")
    assert page.evaluate("ftFuse.soundState()") == "running"
    assert "z-distance" in page.inner_text(".ft-fuse-status")
    page.click(".ft-fuse-play")
    assert page.locator(".ft-fuse-head").is_hidden()
    assert page.inner_text(".ft-fuse-play") == "▶ Play"


def test_the_melody_of_the_page_is_that_of_the_package(page, maker):
    names = list(maker.TUNES.values())[:2]
    halves = [read_excerpt(maker.pieces()[name]).tokens for name in names]
    networks, about = fusing.load_weights(method="styled")
    corners = fusing.style_corners(about["config"]["style"], maker.CORNERS_SEED)
    plane = fusing.style_plane(corners, 21)

    def own(row, column, **dials):
        fused = fusing.fuse(networks, *halves, style=plane[row, column], **dials)
        return " ".join(map(str, fused.tokens[0]))

    assert page.evaluate(MELODY) == own(10, 10)
    pad = page.locator(".ft-fuse-pad")
    box = pad.bounding_box()
    pad.click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.1})
    assert page.evaluate(MELODY) == own(2, 18)
    pad.press("ArrowDown")
    pad.press("ArrowLeft")
    assert page.evaluate(MELODY) == own(3, 17)
    page.get_by_label("Iterations").press("ArrowRight")
    assert page.evaluate(MELODY) == own(3, 17, iterations=2)
    for _ in range(10):
        page.get_by_label("Amount").press("ArrowLeft")
    assert page.evaluate(MELODY) == own(3, 17, iterations=2, amount=0.5)
    page.get_by_text("Reset the dials").click()
    assert page.evaluate(MELODY) == own(10, 10)


def test_bars_are_chosen_by_keys_and_by_dragging_and_reset(page):
    roll = page.locator(".ft-fuse-whole").first
    first, melody = roll.get_attribute("aria-valuetext"), page.evaluate(MELODY)
    roll.press("ArrowRight")
    assert roll.get_attribute("aria-valuetext") == "bars 2 to 5"
    assert page.evaluate(MELODY) != melody
    box = roll.bounding_box()
    y = box["y"] + 40
    page.mouse.move(box["x"] + 20, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    page.mouse.up()
    dragged = int(roll.get_attribute("aria-valuenow"))
    assert dragged > 3
    page.get_by_text("Reset the bars").first.click()
    assert roll.get_attribute("aria-valuetext") == first
    assert page.evaluate(MELODY) == melody


def test_a_file_of_ones_own_is_taken_and_a_damaged_one_changes_nothing(
    page, made, broken, tmp_path
):
    write_midi(made(3), tmp_path / "mine.mid")
    own = read_excerpt(tmp_path / "mine.mid", where="mine.mid")
    side, fault = page.locator(".ft-fuse-half").first, page.locator(".ft-fuse-fault").first
    side.locator("input[type=file]").set_input_files(tmp_path / "mine.mid")
    page.wait_for_function("document.body.textContent.includes('mine.mid, bar')")
    words = side.locator(".ft-fuse-words").inner_text()
    assert f"{own}." in words and all(sentence in words for sentence in own.said)
    melody = page.evaluate(MELODY)
    for name in ("cut.mid", "take.wav", "drums.mid"):
        (tmp_path / name).write_bytes(broken[name])
        side.locator("input[type=file]").set_input_files(tmp_path / name)
        page.wait_for_function(f"document.body.textContent.includes('{name}: ')")
        with pytest.raises(FusionError) as error:
            read_excerpt(tmp_path / name, where=name)
        assert error.value.found in fault.inner_text()
    assert page.evaluate(MELODY) == melody
    (tmp_path / "huge.mid").write_bytes(b"MThd" + bytes(3_000_000))
    side.locator("input[type=file]").set_input_files(tmp_path / "huge.mid")
    page.wait_for_function("document.body.textContent.includes('reads 2,000,000 at most')")


def test_two_files_are_dropped_at_once(page, made, tmp_path):
    files = []
    for seed in (3, 4):
        write_midi(made(seed), tmp_path / "a.mid")
        data = base64.b64encode((tmp_path / "a.mid").read_bytes()).decode()
        files.append([f"own{seed}.mid", data])
    page.evaluate(
        """files => {
          const moved = new DataTransfer();
          for (const [name, data] of files) {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            moved.items.add(new File([bytes], name));
          }
          const how = { dataTransfer: moved, bubbles: true, cancelable: true };
          document.querySelector(".ft-fuse").dispatchEvent(new DragEvent("drop", how));
        }""",
        files,
    )
    for name in ("own3.mid, bar", "own4.mid, bar"):
        page.wait_for_function(f"document.body.textContent.includes('{name}')")


def test_what_is_laid_out_sounds_and_does_not_clip(page, heard):
    tokens = [int(t) for t in page.evaluate(MELODY).split()]
    peak, rms = page.evaluate(heard, tokens)
    assert 0.1 < peak < 1 and rms > 0.02
    assert page.evaluate(heard, [0] * 128) == [0, 0]


def test_the_saved_file_is_the_melody(page, tmp_path):
    with page.expect_download() as download:
        page.click(".ft-fuse-save")
    download.value.save_as(tmp_path / "fused.mid")
    found = read_excerpt(tmp_path / "fused.mid", bar=1).tokens.tolist()
    assert found == [int(t) for t in page.evaluate(MELODY).split()][:64]


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark")])
def test_everybody_can_use_it(opened, width, theme):
    """The rules of accessibility, and a phone's width; the whole by keys alone."""
    package = pytest.importorskip("axe_playwright_python")
    page = opened(width, theme)
    page.keyboard.press("Tab")
    for _ in range(30):
        if page.evaluate("document.activeElement.matches('.ft-fuse-play')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ft-fuse-done")
    page.keyboard.press("Space")  # silence
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe = Path(package.__file__).parent / "axe.min.js"
    page.evaluate(axe.read_text(encoding="utf-8"))
    how = "{ resultTypes: ['violations'], preload: false }"
    faults = page.evaluate(f"axe.run(document, {how}).then(r => r.violations)")
    assert not [(f["id"], [n["html"] for n in f["nodes"]]) for f in faults]


def test_a_picture_and_words_stand_there_without_scripts(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".ft-fuse img").is_visible()
    assert page.locator(".ft-fuse-without").is_visible()
    assert page.locator(".ft-fuse-live").count() == 0


def test_every_script_of_the_folder_is_loaded_once(root):
    text = (root / "book" / "fuse.md").read_text(encoding="utf-8")
    loaded = re.findall(r'<script src="../_static/fuse/(\w+)\.js"></script>', text)
    own = {path.stem for path in (root / "book" / "fuse").glob("*.js")}
    assert sorted(loaded) == sorted(own | {"facts"})


def test_the_caption_names_the_tunes_of_the_picture(root, maker):
    text = (root / "book" / "fuse.md").read_text(encoding="utf-8")
    caption = re.search("<figcaption>(.+?)</figcaption>", text)[1]
    assert re.findall("<em>(.+?)</em>", caption) == list(maker.TUNES.values())[:2]


def test_a_model_that_does_not_load_is_said(new_context, address, tmp_path):
    whole = Path(address.removeprefix("file://")).parents[1]
    copy = shutil.copytree(whole, tmp_path / "book")
    (copy / "_static" / "fuse" / "weights_styled.js").unlink()
    page = new_context().new_page()
    page.goto((copy / "book" / "fuse.html").as_uri())
    page.click(".ft-fuse-play")
    page.wait_for_function("document.body.textContent.includes('The model did not load')")
    assert page.locator(".ft-fuse-status").inner_text().endswith("other files?")
    page.context.close()

"""The first screen of the README, made by code.

    python book/front.py --table             the table of chapters, into README.md
    python book/front.py --picture [PAGES]   the fusion on the book's first page, moving,
                                             and its sound

PAGES is the folder of a built book, by default book/_build/html; its first page is opened
in a Chromium without a window.
"""

import base64
import io
import json
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import links
import pages
import yaml

README = links.ROOT / "README.md"
STATIC = links.ROOT / "book" / "_static"
WIDTH, COLOURS = 720, 64  # of the picture, which GitHub shows in a column of 830 pixels
FRAMES = (20, 20, 52)  # of the takes A, B, and A and B fused
MILLISECONDS = 110
GIVES = {
    "01_music_as_numbers": "a tune as numbers, and what two corpora differ in",
    "02_five_views": "five ways to write music down for a network, each with its inverse",
    "03_fusiongan": "two genres into a third: policy gradients, Wasserstein critics",
    "04_connective_fusion": "two ideas of four bars into one melody of eight: VAE and GAN",
    "05_domain_transfer": "classical music with the look of metal: transfer without pairs",
    "06_lstm_gan": "rock piano out of noise: recurrent and convolutional GANs",
    "07_audio_style": "a recording in the style of another: Gram matrices, CycleGAN",
    "08_side_by_side": "one masked transformer for four of the papers; all on one ground",
}


def table():
    """The chapters as a Markdown table: what each gives, minutes, GPU, and its pages."""
    config = yaml.safe_load((links.ROOT / "_config.yml").read_text(encoding="utf-8"))
    repository = config["repository"]
    owner = re.sub(r"^https://[^/]+/", "", repository["url"])
    colab = config["launch_buttons"]["colab_url"]
    start = f"{colab}/github/{owner}/blob/{repository['branch']}/notebooks"
    badge = f"![Open in Colab]({colab}/assets/colab-badge.svg)"
    minutes = json.loads(pages.MINUTES.read_text(encoding="utf-8"))
    rows = [
        "| chapter | what you build | to run, on two cores | GPU | open |",
        "|---|---|---|---|---|",
    ]
    for name, gives in GIVES.items():
        own = [page for page in pages.notebooks() if page.stem.startswith(name)]
        took = [minutes[page.stem]["laptop"] for page in own]
        title = links.HEADING.search(links.markdown_of(own[0]))[1]
        title = title.removesuffix(" from scratch")
        number = name.split("_")[0]
        ran = pages.said(sum(minute for minute, _ in took))
        gpu = "yes" if any("CPU" not in machine for _, machine in took) else "no"
        more = [f"[{i}]({start}/{page.name})" for i, page in enumerate(own[1:], 2)]
        opened = ", ".join([f"[{badge}]({start}/{own[0].name})", *more])
        rows.append(f"| {number} **{title}** | {gives} | {ran} | {gpu} | {opened} |")
    return "\n".join(rows)


def with_table(text):
    """The README's text with the table of chapters as it is now."""
    made = table()
    return re.sub(r"(?m)^\| chapter \|(.*\n\|)*.*$", lambda _: made, text, count=1)


def frames(page, figure):
    """Each take of a player from its beginning to its end, as pictures."""
    from PIL import Image

    for number, count in enumerate(FRAMES):
        figure.locator(".ft-tab").nth(number).click()
        seconds = figure.locator("audio").nth(number).evaluate("a => a.duration")
        for k in range(count):
            sought = """(a, t) => new Promise(done => {
                a.addEventListener("seeked", done, { once: true });
                a.currentTime = t;
            })"""
            # never 0, where no note is marked as sounding
            at = max(seconds * k / count, 0.02)
            figure.locator("audio").nth(number).evaluate(sought, at)
            yield Image.open(io.BytesIO(figure.screenshot()))


def picture(folder):
    """Write `fusion.gif` and `fusion.mp3` from the first player of the first page."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": 1000, "height": 900}, color_scheme="light"
        )
        page.goto((Path(folder) / "book" / "welcome.html").resolve().as_uri())
        figure = page.locator("figure.ft-player").first
        figure.locator(".ft-roll").wait_for()
        made = [shot.convert("RGB") for shot in frames(page, figure)]
        fused = figure.locator("audio").nth(2).get_attribute("src")
        browser.close()
    height = round(made[0].height * WIDTH / made[0].width)
    small = [shot.resize((WIDTH, height)) for shot in made]
    # each frame its own palette: one for all would lose the colour of a take
    small = [shot.quantize(COLOURS) for shot in small]
    how = {
        "save_all": True,
        "append_images": small[1:],
        "duration": MILLISECONDS,
        "loop": 0,
    }
    small[0].save(STATIC / "fusion.gif", optimize=True, **how)
    (STATIC / "fusion.mp3").write_bytes(base64.b64decode(fused.partition("base64,")[2]))


def main(arguments):
    if arguments[:1] == ["--table"]:
        text = README.read_text(encoding="utf-8")
        README.write_text(with_table(text), encoding="utf-8")
    elif arguments[:1] == ["--picture"]:
        picture(arguments[1] if arguments[1:] else links.ROOT / "book" / "_build" / "html")
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

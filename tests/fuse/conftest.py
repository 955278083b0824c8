"""What the tests of "Fuse on the page" share: the page's tool alone, opened as a file."""

import sys

import numpy as np
import pytest

from fusiontools.music import Meter, Notes, Piece, Tempo, Track
from fusiontools.music.midi_bytes import NAME, meta_event, midi_file, track_chunk
from fusiontools.papers.connective_fusion import fusing

METERS = [(4, 4), (3, 4), (6, 8), (2, 4), (2, 2), (9, 8), (12, 8), (5, 4), (6, 4), (4, 2)]


def _made(seed):
    """A piece of one track or several, in any meter, high or low, in time or out of it."""
    dice, tracks = np.random.default_rng(seed), []
    meters = [Meter(-float(dice.integers(4)), *METERS[dice.integers(len(METERS))])]
    if dice.random() < 0.4:
        kind = METERS[dice.integers(3)]
        meters.append(Meter(float(dice.integers(3, 30)), *kind))
    for _ in range(dice.integers(1, 4)):
        n, step = int(dice.integers(8, 80)), dice.choice([0.25, 0.5, 1, 0.125])
        gaps = step * dice.choice([0, 1, 1, 1, 2, 3, 12], n)
        onset = np.cumsum(gaps) + dice.choice([0, 0, 0.07, 1.5, 8])
        pitch = dice.integers(35, 90) + np.cumsum(dice.integers(-4, 5, n))
        notes = Notes(
            onset,
            np.maximum(gaps * dice.choice([0.9, 1, 2]), 0.1),
            pitch.clip(0, 127),
            dice.integers(30, 110, n),
        )
        name = str(dice.choice(["", "Lead", "Füße", "bass " * 12]))
        tracks.append(Track(notes, int(dice.integers(128)), dice.random() < 0.1, name))
    bpm = float(dice.integers(50, 200))
    tempo = Tempo([0, 5, 6], [0, 300 / bpm, 300 / bpm + 60 / (bpm + 9 * (seed % 3))])
    return Piece(tuple(tracks), tempo, tuple(meters))


NOTE = [(0, bytes([0x90, 60, 80])), (480, bytes([0x80, 60, 0]))]
DRUM = [(0, bytes([0x99, 36, 80])), (480, bytes([0x89, 36, 0]))]
WHOLE = midi_file(480, [track_chunk(NOTE)])
FILES = {
    "empty.mid": b"",
    "text.mid": b"la la la, a letter",
    "bytes.mid": b"\0\1\2\3\4\5",
    "header.mid": WHOLE[:9],
    "cut.mid": WHOLE[:-6],
    "no_track.mid": WHOLE[:14],
    "no_notes.mid": midi_file(480, [track_chunk([(0, meta_event(NAME, b"Air"))])]),
    "drums.mid": midi_file(480, [track_chunk(DRUM)]),
    "frames.mid": midi_file(0xE728, [track_chunk(NOTE)]),
    "patterns.mid": WHOLE[:9] + b"\2" + WHOLE[10:],
    "late.mid": midi_file(1, [track_chunk([(0x7FFFFFF, NOTE[0][1]), (2**27, NOTE[1][1])])]),
    "take.wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "take.mp3": b"ID3\4\0\0\0\0",
    "take.mid": b"\xff\xfb\x90\x00" + bytes(40),
    "sheet.pdf": b"%PDF-1.7",
    "score.mscx": b'<?xml version="1.0"?><museScore version="4">',
    "fives.mid": midi_file(
        480, [track_chunk([(0, b"\xff\x58\4\5\2\x18\x08"), *NOTE, (9600, b"\xc0\0")])]
    ),
}


@pytest.fixture(scope="session")
def made():
    """A function that makes a piece out of a seed."""
    return _made


@pytest.fixture(scope="session")
def broken():
    """Files that are no music, or damaged, by their names."""
    return FILES


# What would be heard of a melody: its peak and its loudness.
HEARD = """async tokens => {
  const { notes, length } = ftFuse.heard(tokens, 120), rate = 22050;
  const memory = new OfflineAudioContext(1, length * rate, rate);
  ftFuse.lay(memory, notes, 0, 0);
  const sound = (await memory.startRendering()).getChannelData(0);
  let [sum, peak] = [0, 0];
  for (const v of sound) { sum += v * v; peak = Math.max(peak, Math.abs(v)); }
  return [peak, Math.sqrt(sum / sound.length)];
}"""


@pytest.fixture(scope="session")
def heard():
    """A script: what would be heard of a melody."""
    return HEARD


@pytest.fixture(scope="session")
def maker(root):
    """The module that makes what the page loads."""
    sys.path.insert(0, str(root / "book" / "fuse"))
    import fuse_page

    yield fuse_page
    sys.path.remove(str(root / "book" / "fuse"))


@pytest.fixture(scope="session")
def address(maker, root, tmp_path_factory):
    """The page's tool alone, as a file, with all that it loads."""
    if not fusing.shipped_weights().is_file():
        pytest.skip("needs the weights that ship")
    folder = tmp_path_factory.mktemp("book")
    maker.write(folder / "_static" / "fuse")
    text = (root / "book" / "fuse.md").read_text(encoding="utf-8")
    tool = text[text.index("<link") : text.rindex("</script>") + len("</script>")]
    head = '<meta charset="utf-8"><title>Fuse on the page</title>'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head += '<style>html[data-theme="dark"] body { background: #14181e; color: #ced6dd }'
    page = f"<!doctype html><html lang=en><head>{head}</style></head><body><main>"
    page += f"<h1>Fuse on the page</h1>{tool}</main></body></html>"
    (folder / "book").mkdir()
    (folder / "book" / "fuse.html").write_text(page, encoding="utf-8")
    return (folder / "book" / "fuse.html").as_uri()


@pytest.fixture(scope="module")
def opened(new_context, address):
    """Opens the page; at the end nothing was asked of a network, and nothing broke."""
    pages = []

    def opened(width=1280, theme="light", **options):
        view = {"width": width, "height": 900}
        page = new_context(viewport=view, **options).new_page()
        pages.append(page)
        page.wrong = []
        page.on("pageerror", lambda e: page.wrong.append(str(e)))
        page.on(
            "console", lambda m: page.wrong.append(m.text) if m.type == "error" else None
        )
        page.on(
            "request",
            lambda r: page.wrong.append(r.url) if r.url.startswith("http") else None,
        )
        page.goto(address)
        if options.get("java_script_enabled", True):
            page.evaluate("t => { document.documentElement.dataset.theme = t; }", theme)
        return page

    yield opened
    for page in pages:
        assert not page.wrong
        page.context.close()


@pytest.fixture
def page(opened):
    """The page of a reader who has pressed the button."""
    page = opened()
    page.click(".ft-fuse-play")
    page.wait_for_selector(".ft-fuse-done")
    yield page
    page.evaluate("document.dispatchEvent(new CustomEvent('ft-play'))")  # silence

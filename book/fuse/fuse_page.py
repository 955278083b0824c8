"""What "Fuse on the page" (book/fuse.md) needs beside its own scripts, made when the book
is built: the weights, a few tunes, words and numbers of the package, a picture.

    python book/fuse/fuse_page.py FOLDER    the scripts and all of this, into a folder

Nothing of this is in the repository. Weights travel in half precision and base64, inside
scripts: a page that was opened from a file may load a script, and nothing else.
"""

import base64
import json
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The command's two: what it takes for several styles, and what it takes for one.
GENERATORS = {"styled": ("styled", 0.3), "ours": ("ours", 0.3)}
CORNERS_SEED = 1  # of the styles at the corners, those of the book's first page
READS = "a MIDI, MusicXML or ABC file"  # what the package says that it reads
COMMAND = "python -m fusiontools fuse LEFT RIGHT --out OUT.mid"
# Songs that the model has not learned from: test_fuse_page.py looks.
TUNES = {
    "oneill/0201-0300/203": "The Minstrel Boy",
    "oneill/1276-1375/1284": "The Musical Priest",
    "oneill/0101-0200/186": "The Foggy Dew",
    "ryan/LillibulleroOrProtestantBoys/1": "Lillibullero (6/8)",
    "ryan/Petronella/1": "Petronella (2/4)",
    "ryan/DuchessOfAtholsStrathspey/1": "Duchess of Athol's Strathspey",
}
PIXELS, ROW = 10, 7  # of a sixteenth and of a semitone, in the still picture


def script(**values):
    """Values as a script that hangs them on the page's one global name."""
    rows = (
        f"window.ftFuse.{name} = {json.dumps(value, separators=(',', ':'))};\n"
        for name, value in values.items()
    )
    return "".join(rows)


# ---- words -----------------------------------------------------------------------------


def words():
    """What excerpt.js says: of files that are no music, and of instruments."""
    from fusiontools.music import abc, excerpts, scores

    foreign = [
        [what, begins and pattern(begins), endings.split(), only_midi(do)]
        for what, begins, endings, do in scores._FOREIGN
    ]
    return {
        "foreign": foreign,
        "take": only_midi(f"take {READS}"),
        "command": COMMAND,
        "higher": excerpts.HIGHER,
        "flute": abc.FLUTE,
    }


def pattern(begins):
    """A pattern of bytes, as JavaScript knows it: flags within it are those of all."""
    return begins.decode("latin-1").replace("(?s:", "(?:")


def only_midi(do):
    """What to do, where MIDI is all that is read."""
    return do.replace(READS, "a MIDI file")


# ---- tunes -----------------------------------------------------------------------------


@cache
def pieces():
    """The tunes to choose from: their names, and what they are."""
    from fusiontools import corpora

    books = {
        name: corpora.load(name) for name in dict.fromkeys(k.split("/")[0] for k in TUNES)
    }
    return {title: books[k.split("/")[0]].find(k).piece for k, title in TUNES.items()}


def tunes():
    """The tunes as MIDI files, which the page reads like any other."""
    from fusiontools.music import write_midi

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for title, piece in pieces().items():
            path = Path(folder) / "tune.mid"
            write_midi(piece, path)
            data = base64.b64encode(path.read_bytes()).decode()
            found.append({"title": title, "data": data})
    return found


# ---- the model -------------------------------------------------------------------------


def model():
    """What the page knows of the networks before it loads their weights."""
    from fusiontools.papers.connective_fusion import fusing
    from fusiontools.show.colours import COLOURS
    from fusiontools.training import weights_notice

    _, about = fusing.load_weights()
    corners = fusing.style_corners(about["config"]["style"], CORNERS_SEED)
    return {
        "config": about["config"],
        "generators": {name: value for name, (_, value) in GENERATORS.items()},
        "corners": corners.tolist(),
        "notice": weights_notice(about),
        "colours": [COLOURS[name] for name in ("content", "style", "fused")],
    }


def weights():
    """The weights of each network, in half precision: its numbers, and where which is."""
    import numpy as np

    from fusiontools.papers.connective_fusion import fusing
    from fusiontools.training import read_weights

    tensors, about = read_weights(fusing.shipped_weights(), "connective_fusion")
    there = [(one["method"], one["similarity"]) for one in about["generators"]]
    own = {name: f"generator_{there.index(one)}" for name, one in GENERATORS.items()}
    found = {}
    for name, part in {"vae": "vae", **own}.items():
        rows = {k: t.numpy() for k, t in tensors.items() if k.startswith(f"{part}.")}
        ends = np.cumsum([row.size for row in rows.values()]).tolist()
        places = {
            key.replace(part, name, 1): [end - row.size, row.size]
            for (key, row), end in zip(rows.items(), ends)
        }
        data = np.concatenate([row.ravel() for row in rows.values()]).astype("<f2")
        found[name] = {"tensors": places, "data": base64.b64encode(data.tobytes()).decode()}
    return found


# ---- the picture, for a page without scripts -------------------------------------------


def still():
    """The first two tunes, and what they become, as an SVG: two rolls, one above the
    other.
    """
    from fusiontools.music import read_excerpt
    from fusiontools.papers.connective_fusion import fusing

    halves = [read_excerpt(piece) for piece in list(pieces().values())[:2]]
    method, similarity = next(iter(GENERATORS.values()))
    networks, about = fusing.load_weights(method=method, similarity=similarity)
    size = about["config"]["style"]
    style = fusing.style_plane(fusing.style_corners(size, CORNERS_SEED), 3)[1, 1]
    made = fusing.fuse_files(networks, *halves, style=style)
    left, right, fused = model()["colours"]
    rows = [(made.plain, left, right), (made.tokens[0], fused, fused)]
    return picture(rows)


def picture(rows):
    """Melodies of eight bars below each other: each a grid, and a colour of each half."""
    from fusiontools.music import decode_grid

    pitches = [p for grid, *_ in rows for p in grid[grid > 1].tolist()]
    low, high = min(pitches) - 1, max(pitches) + 1
    height, width = (high - low + 1) * ROW, len(rows[0][0]) * PIXELS
    shapes = []
    for k, (grid, *hues) in enumerate(rows):
        top = k * (height + 2 * ROW)
        shapes.append(
            f'<rect y="{top}" width="{width}" height="{height}" fill="#fff" stroke="#888"/>'
        )
        for beat in range(0, len(grid), 16):
            x = beat * PIXELS
            shapes.append(f'<path d="M{x} {top}v{height}" stroke="#ccc"/>')
        for note in decode_grid(grid):
            hue = hues[int(note.onset * 4 >= len(grid) // 2)]
            x, y = note.onset * 4 * PIXELS, top + (high - note.pitch) * ROW
            wide = note.duration * 4 * PIXELS - 1
            size = f'width="{wide:g}" height="{ROW}"'
            shapes.append(f'<rect x="{x:g}" y="{y}" {size} fill="{hue}"/>')
    total = len(rows) * (height + 2 * ROW) - 2 * ROW
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}">'
    return f"{start}{''.join(shapes)}</svg>\n"


# ---- the folder ------------------------------------------------------------------------


def write(folder):
    """All that the page loads, into a folder."""
    folder.mkdir(exist_ok=True, parents=True)
    for path in [*HERE.glob("*.js"), *HERE.glob("*.css")]:
        shutil.copy(path, folder)
    told, megabytes = model(), {}
    for name, part in weights().items():
        text = script(**{f"weights.{name}": part})
        (folder / f"weights_{name}.js").write_text(text, encoding="utf-8")
        megabytes[name] = round(len(text) / 1e6, 1)
    told["megabytes"] = megabytes
    facts = script(words=words(), tunes=tunes(), model=told, weights={})
    (folder / "facts.js").write_text(facts, encoding="utf-8")
    (folder / "still.svg").write_text(still(), encoding="utf-8")


def setup(app):
    """The book's build calls this: the folder is made anew with every book."""

    def finish(app, error):
        if error is None and app.builder.format == "html":
            write(Path(app.outdir) / "_static" / "fuse")

    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    write(Path(sys.argv[1]))

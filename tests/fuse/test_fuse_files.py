"""Of any MIDI file "Fuse on the page" takes the four bars that the package takes, in the
same words; what is none, or damaged, it refuses in the same words.
"""

import base64
import itertools
import struct
import tarfile

import numpy as np
import pytest

from fusiontools.errors import FusionError
from fusiontools.music import read_excerpt, write_midi
from fusiontools.music.midi_bytes import METER, NAME, meta_event, midi_file, track_chunk

# Four bars of each file, as the package tells them, or why there are none.
READ = """files => files.map(([name, data, bar]) => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  try {
    const found = ftFuse.excerptOf(ftFuse.tuneOf(ftFuse.readFile(bytes, name), name), bar);
    const { tokens, bars, track, program, said, played, bpm } = found;
    return { tokens, bars, track, program, said, played, bpm };
  } catch (error) {
    if (!error.found) throw error;
    return { found: error.found, todo: error.todo };
  }
})"""


def damaged(data, seed):
    """A file of which some bytes are changed, lost or doubled."""
    dice, data = np.random.default_rng(seed), bytearray(data)
    for _ in range(dice.integers(1, 4)):
        at, kind = int(dice.integers(len(data))), dice.integers(4)
        if kind == 0:
            data[at] = dice.choice([0, 0x7F, 0x80, 0xFF, dice.integers(256)])
        elif kind == 1:
            del data[at : at + int(dice.integers(1, 9))]
        elif kind == 2:
            data[at:at] = data[at : at + int(dice.integers(1, 40))]
        else:
            data[at] ^= 1 << dice.integers(8)
    return bytes(data)


def told(path, bar=None):
    """What the package makes of a file, as READ gives it."""
    try:
        found = read_excerpt(path, bar, where=path.name)
    except FusionError as error:
        todo = (error.do or "").replace("a MIDI, MusicXML or ABC file", "a MIDI file")
        return {"found": error.found, "todo": todo}
    lists = {"tokens": found.tokens.tolist(), "bars": list(found.bars)}
    lists |= {"said": list(found.said), "played": list(found.played)}
    bpm = pytest.approx(found.bpm)
    return {"track": found.track, "program": found.program, "bpm": bpm} | lists


def check_alike(page, paths, bars=(None,)):
    """The page reads files as the package does; how many are refused."""
    asked = list(itertools.product(paths, bars))
    files = [[p.name, base64.b64encode(p.read_bytes()).decode(), bar] for p, bar in asked]
    refused = 0
    for (path, bar), seen in zip(asked, page.evaluate(READ, files), strict=True):
        own = told(path, bar)
        assert seen == own, f"{path.name}, bar {bar}"
        refused += "found" in own
    return refused


def test_fifty_files_give_the_bars_that_the_package_takes(opened, made, tmp_path):
    paths = [tmp_path / f"{seed:03}.mid" for seed in range(60)]
    for seed, path in enumerate(paths):
        write_midi(made(seed), path)
    assert 0 < check_alike(opened(), paths, (None, 2)) < 60


def test_damaged_files_are_read_or_refused_as_the_package_does(opened, made, tmp_path):
    write_midi(made(1), tmp_path / "whole.mid")
    whole = (tmp_path / "whole.mid").read_bytes()
    paths = [tmp_path / f"{seed}.mid" for seed in range(100)]
    for seed, path in enumerate(paths):
        path.write_bytes(damaged(whole, seed))
    assert 20 < check_alike(opened(), paths) < 100


@pytest.mark.parametrize(
    "archive",
    [
        "classical_midi/piano_midi_de_337.tar.xz",
        "metal_midi/metal_named.tar.xz",
        "ums_genre_midi/ums_selected_3869.tar.xz",
    ],
)
def test_real_files_give_the_bars_that_the_package_takes(
    opened, shared_data, tmp_path, archive
):
    paths = []
    with tarfile.open(shared_data / archive) as there:
        members = (m for m in there if m.name.lower().endswith((".mid", ".midi")))
        for k, member in enumerate(itertools.islice(members, 20)):
            paths.append(tmp_path / f"{k}.mid")
            paths[-1].write_bytes(there.extractfile(member).read())
    check_alike(opened(), paths, (None, 5))


def test_a_table_of_damaged_files_gets_the_words_of_the_package(opened, broken, tmp_path):
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
    paths = [tmp_path / name for name in broken]
    assert check_alike(opened(), paths) == len(broken)


def odd_files():
    """Files that are read, and what is mended or left out is said."""
    on, off = (lambda key: bytes([0x90, key, 80])), (lambda key: bytes([0x80, key, 0]))
    tune = [(480 * k, on(60 + k)) for k in range(8)]
    tune += [(480 * k + 400, off(60 + k)) for k in range(8)]
    tune = sorted(tune, key=lambda event: event[0])
    chunk = track_chunk(tune)
    again = [(0, on(60)), (240, on(60)), (480, on(62)), (700, off(60)), (960, off(62))]
    more = chunk[:4] + struct.pack(">I", len(chunk) - 8 + 3) + chunk[8:] + b"abc"
    whole = midi_file(480, [chunk])
    rmid = b"RMIDdata" + struct.pack("<I", len(whole)) + whole
    beginning = {
        "latin.mid": [(0, meta_event(NAME, b"F\xfc\xdfe"))],
        "no_meter.mid": [(0, meta_event(METER, bytes([0, 2, 24, 8])))],
        "loud.mid": [(0, bytes([0x90, 50, 200])), (0, off(50))],
        "running.mid": [(0, on(50)), (0, bytes([50, 0]))],
    }
    files = {name: track_chunk([*events, *tune]) for name, events in beginning.items()}
    files |= {"again.mid": track_chunk([*again, (1920, on(64))]), "after.mid": more}
    files = {name: midi_file(480, [data]) for name, data in files.items()}
    files["more_tracks.mid"] = whole + chunk
    return files | {"whole.rmi": b"RIFF" + struct.pack("<I", len(rmid)) + rmid}


def test_odd_files_are_mended_as_the_package_does(opened, tmp_path):
    for name, data in odd_files().items():
        (tmp_path / name).write_bytes(data)
    assert check_alike(opened(), sorted(tmp_path.iterdir())) == 0


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("air.xml", b"<?xml version='1.0'?><score-partwise>", "in MusicXML"),
        ("air.mxl", b"PK\3\4", "a packed file"),
        ("air.abc", b"X:1\nT:Air\nK:C\nCDEF|", "a tune in ABC"),
    ],
)
def test_other_scores_are_named_and_sent_to_the_command(opened, name, data, says):
    seen = opened().evaluate(READ, [[name, base64.b64encode(data).decode(), None]])[0]
    assert says in seen["found"] and "this page reads MIDI" in seen["found"]
    assert "python -m fusiontools fuse" in seen["todo"]

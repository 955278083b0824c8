"""What the tests of corpora share: an empty home, and tiny music of our own."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

from fusiontools.corpora.registry import _remembered
from fusiontools.music.midi import Piece, Track, write_midi
from fusiontools.music.notes import Notes, Tempo


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder, with an empty cache beside it."""
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path / "cache"))
    _remembered.cache_clear()
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture(scope="session")
def tune():
    """A function: a melody of its own for each seed."""

    def make(seed=0, n=16, low=55):
        pitches = low + np.random.default_rng(seed).integers(0, 25, n)
        return Notes.of([(k / 2, 0.5, int(p)) for k, p in enumerate(pitches)])

    return make


@pytest.fixture(scope="session")
def midi(tmp_path_factory):
    """A function: the bytes of a MIDI file with these tracks, each ``(notes, program,
    is_drum)``.
    """
    folder = tmp_path_factory.mktemp("midi")

    def make(*tracks, names=(), bpm=120.0):
        names = [*names, *[""] * len(tracks)]
        piece = Piece(
            tuple(
                Track(notes, program, drum, name)
                for (notes, program, drum), name in zip(tracks, names)
            ),
            Tempo.constant(bpm),
        )
        write_midi(piece, folder / "piece.mid")
        return (folder / "piece.mid").read_bytes()

    return make


@pytest.fixture(scope="session")
def pack_files():
    """A function: write files, given as a dict of name and bytes, as a folder or as any
    kind of archive, by the path's suffix.
    """

    def make(path, files):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
        elif ".tar" in path.name:
            mode = {".tar": "w", ".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[path.suffix]
            with tarfile.open(path, mode) as archive:
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        else:
            for name, data in files.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(data)
        return path

    return make


@pytest.fixture(scope="session")
def sound():
    """A function: a sine as the bytes of an audio file."""
    import soundfile

    def make(frequency=440.0, seconds=0.5, rate=8000, kind="WAV", channels=1, level=0.5):
        wave = level * np.sin(
            2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate
        )
        file = io.BytesIO()
        soundfile.write(file, np.stack([wave] * channels, axis=1), rate, format=kind)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def damage():
    """A function: data with random damage, the same for the same seed: bytes changed, cut
    off, cut out or put in.
    """

    def make(data, seed):
        rng = np.random.default_rng(seed)
        data = bytearray(data)
        for _ in range(int(rng.integers(1, 6))):
            at, kind = int(rng.integers(0, max(len(data), 1))), rng.integers(0, 4)
            if kind == 0 and data:
                data[at] = int(rng.integers(0, 256))
            elif kind == 1:
                del data[at:]
            elif kind == 2:
                del data[at : at + int(rng.integers(1, 40))]
            else:
                data[at:at] = rng.bytes(int(rng.integers(1, 40)))
        return bytes(data)

    return make

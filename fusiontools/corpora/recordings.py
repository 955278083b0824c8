"""Recordings by genre: clips that are opened when their samples are asked for, wherever
they lie (folder, zip, tar).

This is no feature extraction and no player: a `Recording` is a name, a label and a way to
get samples.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from fusiontools.corpora.archives import is_compressed, listing
from fusiontools.corpora.cache import cache_dir, content_hash
from fusiontools.corpora.entries import asked, digest, song_names, unique
from fusiontools.corpora.places import SUFFIXES, path
from fusiontools.corpora.unpacking import unpack
from fusiontools.errors import CorpusError, FusionError, MusicFileError

__all__ = ["Recording", "Recordings", "load_fma", "load_gtzan", "load_recordings"]

LONGEST = 2 * 3600  # seconds that are read at once: a damaged header easily promises a year
RATES = (2_000, 400_000)  # sample rates outside are damage
BLOCK = 65536
HEAD = 65536  # bytes at a clip's beginning that tell whether two clips are one
AGAIN = "convert it again, to WAV or FLAC, or leave it out"

DAMAGED_GTZAN = {"jazz.00054": "damaged in the published set: no decoder reads it"}
# From the data set's own wiki: shorter than two seconds, or empty
DAMAGED_FMA = dict.fromkeys(
    ("098565", "098567", "098569", "099134", "108925", "133297"),
    "cut off or empty in the published set",
)


@dataclass(frozen=True)
class Recording:
    """One recording of a corpus.

    `id`, `song`, `label` and `title` are as in `Entry`; `source` is a path, the file's
    bytes, or anything that opens (see `fusiontools.corpora.archives.Member`).
    """

    id: str
    song: str
    label: str
    title: str
    source: object

    def samples(self, sample_rate=22050, start=0.0, seconds=None):
        """Decode it.

        Parameters
        ----------
        sample_rate : int
            Samples a second to come out; resampled where the file has others.
        start : float
            Seconds to leave out at the beginning.
        seconds : float, optional
            Most seconds to read; all by default. The recording may be shorter: look at the
            length.

        Returns
        -------
        numpy.ndarray of float32, shape (n,)
            Mono, full scale is 1.

        Raises
        ------
        MusicFileError
            If it cannot be decoded, ends before `start`, or goes on for more than two hours
            (then read it in parts).
        """
        if sample_rate <= 0 or start < 0 or seconds is not None and seconds <= 0:
            raise ValueError(
                f"sample_rate {sample_rate}, start {start}, seconds {seconds}: rates and lengths must be positive"
            )
        samples, rate = _decode(self, start, seconds)
        if rate == sample_rate:
            return samples
        import librosa

        return librosa.resample(samples, orig_sr=rate, target_sr=sample_rate).astype(
            np.float32
        )

    def open(self):
        """The encoded file, as a seekable binary file."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        try:
            return (
                self.source.open("rb")
                if isinstance(self.source, Path)
                else self.source.open()
            )
        except (OSError, FusionError) as error:
            why = getattr(error, "found", None) or getattr(error, "strerror", None) or error
            raise MusicFileError(
                f"cannot be read ({why})", self.id, "check that the file is still there"
            ) from None


def _decode(recording, start, seconds):
    import soundfile

    where = (
        f"{recording.id} ({recording.source})"
        if not isinstance(recording.source, bytes)
        else recording.id
    )
    with recording.open() as file:
        try:
            with soundfile.SoundFile(_Patient(file)) as sound:
                rate = sound.samplerate
                _check_format(rate, sound.channels, where)
                skip = round(start * rate)
                if skip:
                    sound.seek(min(skip, sound.frames))
                left = round(min(seconds or LONGEST, LONGEST) * rate)
                blocks = []
                while left > 0 and len(
                    block := sound.read(min(BLOCK, left), dtype="float32", always_2d=True)
                ):
                    blocks.append(block.mean(axis=1))
                    left -= len(block)
                endless = (
                    left <= 0
                    and (seconds is None or seconds > LONGEST)
                    and len(sound.read(1))
                )
        except MusicFileError:
            raise
        # libsndfile's own errors, and what its callbacks make of a damaged file
        except Exception as error:
            if _needs_another_decoder(recording):
                return _decode_by_librosa(recording, start, seconds, where)
            raise MusicFileError(
                f"not readable as sound ({_first_line(error)})", where, AGAIN
            ) from None
    if not blocks:
        raise MusicFileError(
            f"no sound after {start:g} s", where, "begin earlier, or leave it out"
        )
    if endless:
        raise MusicFileError(
            f"it goes on for more than {LONGEST:,} s",
            where,
            "read it in parts: samples(start=..., seconds=...)",
        )
    samples = np.concatenate(blocks)
    if not np.isfinite(samples).all():
        raise MusicFileError("samples that are no numbers", where, AGAIN)
    return samples, rate


class _Patient:
    """A file that never refuses to seek: a damaged one makes libsndfile ask oddly, from C,
    where nobody could catch an error.
    """

    def __init__(self, file):
        self._file = file

    def seek(self, offset, whence=io.SEEK_SET):
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return self._file.tell()

    def read(self, size=-1):
        return self._file.read(size)

    def readinto(self, buffer):
        return self._file.readinto(buffer)

    def tell(self):
        return self._file.tell()


def _check_format(rate, channels, where):
    if not RATES[0] <= rate <= RATES[1] or channels > 64:
        raise MusicFileError(
            f"an absurd format: {rate} samples a second, {channels} channels", where, AGAIN
        )


def _needs_another_decoder(recording):
    """Old builds of libsndfile know no MP3; librosa then asks what else the machine has."""
    import soundfile

    return (
        isinstance(recording.source, Path)
        and recording.source.suffix == ".mp3"
        and "MP3" not in soundfile.available_formats()
    )


def _decode_by_librosa(recording, start, seconds, where):
    import librosa

    try:
        return librosa.load(recording.source, sr=None, offset=start, duration=seconds)
    except Exception as error:  # whatever decoder it found
        raise MusicFileError(
            f"not readable as sound ({_first_line(error)})", where, AGAIN
        ) from None


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


@dataclass(frozen=True, eq=False)
class Recordings(Sequence):
    """Recordings of one corpus, with what was skipped on the way. It goes through `split`
    as a `Corpus` does.
    """

    name: str
    recordings: tuple
    skipped: tuple = ()  # (id, reason)

    def __len__(self):
        return len(self.recordings)

    def __getitem__(self, i):
        return list(self.recordings[i]) if isinstance(i, slice) else self.recordings[i]

    def __repr__(self):
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"Recordings({self.name!r}, {len(self)} recordings of {len({r.label for r in self.recordings})} genres{skipped})"

    def find(self, id):
        """The recording of that id.

        Raises
        ------
        KeyError
            If there is none.
        """
        for recording in self.recordings:
            if recording.id == id:
                return recording
        raise KeyError(f"corpus {self.name!r} has no recording {id!r}")


def load_recordings(name, folder=None, genres=None, damaged=None):
    """All recordings of a folder or an archive, whose genres are the names of the folders
    that they lie in.

    Parameters
    ----------
    name : str
        The corpus's short name, the beginning of every id.
    folder : str or path-like, optional
        A folder or an archive; by default the one that `path` finds. A compressed tar is
        unpacked into the cache first.
    genres : str or sequence of str, optional
        Only these.
    damaged : dict, optional
        Names (without suffix) of known bad files, with reasons.

    Returns
    -------
    Recordings
        Sorted by genre and name. Recordings that begin with the same bytes share a song.
        Files that no decoder opens are skipped and named in `Recordings.skipped`.

    Raises
    ------
    MissingDataError
        If there is no such folder or archive.
    CorpusError
        If no file in it can be read.
    ValueError
        If `genres` is empty.
    """
    genres = asked(genres)
    source = Path(folder) if folder is not None else path(name)
    if not source.exists():
        raise CorpusError("no such folder or archive", source, "check the path")
    files = {
        PurePosixPath(file.name): file
        for file in listing(_open_to_reading(source))
        if _is_audio(file.name)
    }
    found, marks, skipped = [], [], []
    ordered = sorted(files, key=lambda f: (f.parent.name, f.name, f))
    for file, id in zip(ordered, _ids(name, ordered)):
        label, stem = file.parent.name or name, file.stem
        if genres is not None and label not in genres:
            continue
        reason = (damaged or {}).get(stem) or _reason_against(files[file])
        if reason:
            skipped.append((id, reason))
            continue
        found.append(Recording(id, id, label, stem, files[file]))
        head = files[file].read(HEAD)
        silent = (
            len(set(head[1024:])) <= 16
        )  # clips that begin with silence are not therefore one
        marks.append([] if silent else [digest(head)])
    if not found:
        what = (
            f"none of {len(skipped)} recordings can be read, the first because: {skipped[0][1]}"
            if skipped
            else "no recording in it"
        )
        raise CorpusError(
            what,
            source,
            "put WAV, FLAC, OGG or MP3 files into folders named after their genres",
        )
    songs = song_names(marks, [r.id for r in found])
    same = (
        Recording(r.id, song, r.label, r.title, r.source) for r, song in zip(found, songs)
    )
    return Recordings(name, tuple(same), tuple(skipped))


def _ids(name, files):
    """An id for each file: of genre and name; of the whole path where that is not enough
    ("train/rock/a.wav" and "test/rock/a.wav").
    """
    short = []
    for file in files:
        label, stem = file.parent.name or name, file.stem
        short.append(
            f"{name}/{stem}" if stem.startswith(f"{label}.") else f"{name}/{label}/{stem}"
        )  # GTZAN's names begin with the genre
    bearers = Counter(short)
    return unique(
        id if bearers[id] == 1 else f"{name}/{file.with_suffix('')}"
        for id, file in zip(short, files)
    )


def _is_audio(file):
    file = PurePosixPath(file)
    return file.suffix.lower() in SUFFIXES["audio"] and not file.name.startswith(
        "._"
    )  # macOS leaves "._clip.wav" in archives


def _reason_against(member):
    """Why a file cannot be sound, as far as its header tells; "" if it may be."""
    import soundfile

    try:
        with member.open() as file, soundfile.SoundFile(_Patient(file)) as sound:
            _check_format(sound.samplerate, sound.channels, member)
            return "" if sound.frames else "no sound in it"
    except MusicFileError as error:
        return error.found
    except (
        Exception
    ) as error:  # libsndfile's own errors, and what its callbacks make of a damaged file
        return f"not readable as sound ({_first_line(error)})"


def _open_to_reading(source):
    """The source, or where it was unpacked to: clips are read in any order, which a
    compressed tar does not allow.
    """
    if source.is_dir() or not is_compressed(source):
        return source
    stat = source.stat()
    mark = content_hash(source.name, str(stat.st_size), str(stat.st_mtime_ns))
    folder = cache_dir() / f"{source.name.split('.')[0]}-{mark[:16]}"
    if folder.is_dir():
        return folder
    try:
        return unpack(source, folder)
    except CorpusError:
        if folder.is_dir():  # another process was faster
            return folder
        raise


def load_gtzan(name="gtzan", folder=None, genres=None):
    """GTZAN, whole or its small selection. ``jazz.00054`` is damaged, so it is left out and
    named in `Recordings.skipped`.

    Clips that are copies of one another to the byte share a song. Other repetitions (the
    same recording cut elsewhere, one artist all over a genre) are not marked in the data:
    expect test scores to be too good (B. Sturm, "The GTZAN dataset", 2013, lists them).
    """
    return load_recordings(name, folder, genres, DAMAGED_GTZAN)


def load_fma(name="fma_small", folder=None, genres=None, metadata=None):
    """The small subset of the Free Music Archive, with its top genres as labels.

    Parameters
    ----------
    folder : str or path-like, optional
        ``fma_small.zip`` or what it unpacks to; by default what `path` finds.
    genres : str or sequence of str, optional
        Only these, as in ("Rock", "Folk").
    metadata : str or path-like, optional
        ``fma_metadata.zip`` or what it unpacks to; by default what `path` finds.

    Returns
    -------
    Recordings
        The song of a recording is its artist, so that no artist stands on two sides of a
        split. Six damaged clips are skipped.

    Raises
    ------
    MissingDataError
        If clips or metadata are not here.
    CorpusError
        If they do not fit together.
    """
    genres = asked(genres)
    source = Path(folder) if folder is not None else path(name)
    tracks = _fma_tracks(
        Path(metadata) if metadata is not None else path(name, "fma_metadata.zip")
    )
    found, skipped = [], []
    for file in sorted(listing(_open_to_reading(source)), key=lambda m: m.name):
        stem = PurePosixPath(file.name).stem
        if not file.name.endswith(".mp3") or stem not in tracks:
            continue
        artist, genre, title = tracks[stem]
        if stem in DAMAGED_FMA:
            skipped.append((f"{name}/{stem}", DAMAGED_FMA[stem]))
        elif genres is None or genre in genres:
            found.append(
                Recording(f"{name}/{stem}", f"artist-{artist}", genre, title, file)
            )
    if not found:
        raise CorpusError(
            "no clip in it that the metadata knows",
            source,
            "fetch it again: python -m fusiontools data fetch fma_small",
        )
    return Recordings(name, tuple(found), tuple(skipped))


def _fma_tracks(metadata):
    """Artist, genre and title by track number, out of ``tracks.csv``, whose columns are
    named by two lines together.
    """
    damaged = CorpusError(
        "no readable tracks.csv in it",
        metadata,
        "fetch it again: python -m fusiontools data fetch fma_small",
    )
    member = next(
        (m for m in listing(metadata) if PurePosixPath(m.name).name == "tracks.csv"), None
    )
    if member is None:
        raise damaged
    with member.open() as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8", errors="replace", newline=""))
        try:
            names = list(zip(next(rows), next(rows)))
            artist, genre, title = (
                names.index(n)
                for n in (("artist", "id"), ("track", "genre_top"), ("track", "title"))
            )
            wide = [
                row
                for row in rows
                if len(row) == len(names) and re.fullmatch(r"\d{1,6}", row[0])
            ]
        except (StopIteration, ValueError, csv.Error):
            raise damaged from None
    return {row[0].zfill(6): (row[artist], row[genre], row[title]) for row in wide}

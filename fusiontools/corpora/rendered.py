"""Recordings that need no download: melodies of the default corpora, synthesised.

Each style has its own instrument. The synthesiser is handed in, since `corpora` knows none.
What it plays is made when it is first asked for, and kept.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusiontools.corpora.cache import cache_dir, content_hash, whole_file
from fusiontools.corpora.entries import Entry
from fusiontools.corpora.recordings import Recording, Recordings
from fusiontools.corpora.registry import load
from fusiontools.errors import CorpusError
from fusiontools.music.midi import Piece, Track
from fusiontools.music.notes import COLUMNS, Notes, Tempo, crop, shift, to_beats, to_seconds

__all__ = ["STYLES", "load_rendered"]

# style: (corpus, General MIDI program)
STYLES = {
    "fiddle": ("ryan", 40),
    "flute": ("oneill", 73),
    "accordion": ("aird", 21),
    "guitar": ("essen", 24),
    "organ": ("bach", 19),
    "choir": ("bach", 52),
}
# Default corpora at one tempo, whatever their files say: two styles differ by their sound.
BPM = {"ryan": 120.0, "oneill": 120.0, "aird": 120.0, "essen": 120.0, "bach": 100.0}
TAIL = 0.5  # seconds left for the last notes to ring


def load_rendered(
    name: str = "rendered",
    synthesize: Callable[..., npt.ArrayLike] | None = None,
    styles: dict[str, tuple[str, int]] | None = None,
    per_style: int = 10,
    seconds: float = 30.0,
    sample_rate: int = 22050,
) -> Recordings:
    """Melodies and chorales, as recordings of one instrument a style.

    Parameters
    ----------
    synthesize : callable
        ``synthesize(piece, program=..., sample_rate=...)`` returns mono samples, shape
        (n,); `fusiontools.show.synthesize` does.
    styles : dict, optional
        Names of styles with ``(corpus, General MIDI program)``. By default `STYLES`.
    per_style : int
        Recordings of each.
    seconds : float
        Length of each. Pieces that are shorter are played again from the start.
    sample_rate : int
        Samples a second.

    Returns
    -------
    Recordings
        Nothing has sounded yet: each is synthesised when its samples are first asked for,
        and kept as FLAC in the cache. Two styles that play from one corpus play different
        pieces of it.

    Raises
    ------
    ValueError
        If no synthesiser is given.
    CorpusError
        If a corpus is too small.

    Examples
    --------
    >>> from fusiontools.show import synthesize  # doctest: +SKIP
    >>> load("rendered", synthesize=synthesize, per_style=2)  # doctest: +SKIP
    Recordings('rendered', 12 recordings of 6 genres)
    """
    if synthesize is None:
        raise ValueError(
            "load('rendered') needs a synthesiser: synthesize=fusiontools.show.synthesize"
        )
    styles = dict(styles or STYLES)
    engine = _character(synthesize, sample_rate)
    recordings = []
    for style, (corpus, program) in styles.items():
        entries = load(corpus)
        # Spread over the corpus, whose neighbours resemble each other; styles that play
        # from one corpus take turns.
        rivals = [s for s, (c, _) in styles.items() if c == corpus]
        places = np.linspace(0, len(entries) - 1, per_style * len(rivals)).astype(int)
        picked = places[rivals.index(style) :: len(rivals)]
        if len(set(picked.tolist())) < per_style:
            found = f"{len(entries)} pieces are too few for {per_style} recordings a style"
            raise CorpusError(found, corpus, "give a smaller per_style")
        for i in picked:
            entry = entries[int(i)]
            played = Performance(entry, program, seconds, sample_rate, synthesize, engine)
            id, title = f"{name}/{style}/{entry.id}", f"{entry.title} ({style})"
            recordings.append(Recording(id, entry.song, style, title, played))
    return Recordings(name, tuple(recordings))


@dataclass(frozen=True, eq=False)
class Performance:
    """A piece that opens like a file, and is played when it is first opened."""

    entry: Entry
    program: int
    seconds: float
    sample_rate: int
    synthesize: object
    engine: str

    def __str__(self):
        return f"{self.entry.id} on program {self.program}"

    def open(self) -> io.BytesIO:
        """The recording as FLAC, from the cache if it is there and not damaged."""
        tempo = BPM.get(self.entry.id.split("/")[0], self.entry.piece.tempo)
        score = to_seconds(self.entry.notes, tempo)
        notes = [getattr(score, column).tobytes() for column in COLUMNS]
        settings = repr((self.program, self.seconds, self.sample_rate))
        key = content_hash(self.engine, settings, *notes)
        kept = cache_dir() / f"rendered-{key[:16]}.flac"
        if (data := self._kept(kept)) is not None:
            return io.BytesIO(data)
        data = self._play(score)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(kept) as file:
                file.write(data)
        except OSError:
            pass  # a full or read-only disk costs the speed of the next time, nothing else
        return io.BytesIO(data)

    def _kept(self, file):
        """What the file holds; None where it is missing, or does not decode to its end."""
        import soundfile

        try:
            data = file.read_bytes()
            samples, rate = soundfile.read(io.BytesIO(data))
        except (OSError, RuntimeError):  # libsndfile's errors are the second kind
            return None
        length = round(self.seconds * self.sample_rate)
        return data if (len(samples), rate) == (length, self.sample_rate) else None

    def _play(self, score):
        import soundfile

        rate, tempo = self.sample_rate, Tempo.constant(120.0)
        score = shift(score, -score.onset[0])
        length = score.end
        times = int(np.ceil(self.seconds / length))
        onset = np.concatenate([score.onset + k * length for k in range(times)])
        columns = (np.tile(c, times) for c in (score.duration, score.pitch, score.velocity))
        long = Notes(onset, *columns, unit="seconds")
        long = to_beats(crop(long, 0.0, max(self.seconds - TAIL, TAIL)), tempo)
        piece = Piece((Track(long, self.program),), tempo, title=self.entry.title)
        samples = self.synthesize(piece, program=self.program, sample_rate=rate)
        n = round(self.seconds * rate)
        samples = np.asarray(samples, dtype=np.float32)[:n]
        samples = np.clip(np.pad(samples, (0, n - len(samples))), -1.0, 1.0)
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
        return file.getvalue()


def _character(synthesize, sample_rate):
    """A digest of how a synthesiser sounds: what two play alike they may share."""
    tempo = Tempo.constant(120.0)
    piece = Piece((Track(Notes.of([(0, 0.5, 60), (0.5, 0.5, 67)]), 40),), tempo)
    samples = synthesize(piece, program=40, sample_rate=sample_rate)
    rounded = np.round(np.asarray(samples, dtype=np.float32) * 1000).astype(np.int16)
    return hashlib.sha256(rounded.tobytes()).hexdigest()

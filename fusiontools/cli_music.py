"""The one way in which commands write music: notes as MIDI, or played into a sound file.

`fusiontools.cli` is the door. What is heavy is imported where it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fusiontools.cli_door import check_free, needs

if TYPE_CHECKING:
    from fusiontools.music.midi import Piece

__all__ = ["ENDINGS", "FORMATS", "MIDI", "SOUND", "check_music", "needs_for", "write_music"]

MIDI = (".mid", ".midi")
SOUND = (".wav", ".flac", ".mp3", ".ogg")
ENDINGS = (*MIDI, *SOUND)
FORMATS = tuple(ending[1:] for ending in (MIDI[0], *SOUND))  # a word for each
RATE = 44_100  # samples a second


def check_music(file: Path, option: str, force: bool, *inputs: Path) -> None:
    """Refuse a file of music that is not to be written; see `cli_door.check_free`."""
    check_free(file, option, ENDINGS, force, *inputs)


def needs_for(*files: Path | None) -> None:
    """Raise a `FusionError` unless what writes such files is installed.

    Examples
    --------
    >>> needs_for(Path("tune.mid"), None)
    """
    if any(file and file.suffix.lower() in SOUND for file in files):
        needs("sound")


def write_music(piece: Piece, file: Path) -> None:
    """Write a piece as what the ending of a file's name says, whole or not at all.

    Raises
    ------
    NoNotesError
        If there is nothing to write.
    FusionError
        If it lasts longer than half an hour, and is to be sound.
    MusicFileError
        If MIDI cannot say it, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from fusiontools.music.midi import Piece, Track
    >>> from fusiontools.music.notes import Notes
    >>> file = Path(tempfile.mkdtemp()) / "tune.mid"
    >>> write_music(Piece((Track(Notes.of([(0, 1, 60)])),)), file)
    >>> file.read_bytes()[:4]
    b'MThd'
    """
    if file.suffix.lower() in MIDI:
        from fusiontools.music.midi import write_midi

        write_midi(piece, file)
    else:
        from fusiontools.show.synth import synthesize, write_audio

        write_audio(synthesize(piece, sample_rate=RATE), file, RATE)

"""What music is here: notes, MIDI and ABC files, and the five views that papers take."""

from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.audio import (
    Sound,
    SoundWriter,
    check_sounding,
    read_sound,
    sound_length,
    write_sound,
)
from fusiontools.music.bars import bars_of
from fusiontools.music.excerpts import Excerpt, read_excerpt, write_grid
from fusiontools.music.extract import melody, score_melody, skyline
from fusiontools.music.grid import decode_grid, encode_grid
from fusiontools.music.image import decode_image, encode_image
from fusiontools.music.losses import lost, round_trip
from fusiontools.music.midi import (
    Meter,
    Piece,
    Track,
    bar_lines,
    crop_piece,
    piece_from_bytes,
    piece_from_seconds,
    read_midi,
    write_midi,
)
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import (
    Note,
    Notes,
    Tempo,
    concatenate,
    crop,
    intervals,
    is_melody,
    legato,
    merge,
    note_name,
    quantize,
    shift,
    to_beats,
    to_seconds,
    transpose,
)
from fusiontools.music.roll import decode_roll, encode_roll
from fusiontools.music.scores import read_score
from fusiontools.music.spectrogram import decode_spectrogram, encode_spectrogram
from fusiontools.music.tokens import Vocabulary, decode_tokens, encode_tokens

__all__ = [
    "Excerpt",
    "Meter",
    "Note",
    "Notes",
    "Piece",
    "Sound",
    "SoundWriter",
    "Tempo",
    "Track",
    "Vocabulary",
    "bar_lines",
    "bars_of",
    "check_sounding",
    "concatenate",
    "crop",
    "crop_piece",
    "decode_grid",
    "decode_image",
    "decode_roll",
    "decode_spectrogram",
    "decode_tokens",
    "encode_grid",
    "encode_image",
    "encode_roll",
    "encode_spectrogram",
    "encode_tokens",
    "intervals",
    "is_melody",
    "legato",
    "lost",
    "melody",
    "merge",
    "note_name",
    "piece_from_bytes",
    "piece_from_seconds",
    "quantize",
    "read_abc",
    "read_excerpt",
    "read_midi",
    "read_musicxml",
    "read_score",
    "read_sound",
    "round_trip",
    "score_melody",
    "shift",
    "skyline",
    "sound_length",
    "split_abc",
    "to_beats",
    "to_seconds",
    "transpose",
    "write_grid",
    "write_midi",
    "write_sound",
]

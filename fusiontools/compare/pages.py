"""Two pieces for the systems to meet on: two tunes that come with a dependency, or pieces
of anybody's as eight bars in C, which is where `fusiontools.compare.systems` starts from.
Used in chapter 8, "Side by side", and in the notebook "Quickstart".
"""

from __future__ import annotations

import os

import numpy as np

from fusiontools.compare.pieces import piece_windows
from fusiontools.corpora.music21_corpus import corpus_path
from fusiontools.music.grid import HIGH, LOW, decode_grid, encode_grid
from fusiontools.music.midi import Piece
from fusiontools.music.notes import Notes, transpose
from fusiontools.music.scores import read_score
from fusiontools.score import markov

__all__ = ["SHORT", "eight_bars", "two_tunes"]

# What systems are called on a page, by their names in `fusiontools.compare.systems`
SHORT = {
    "copy_a": "A",
    "copy_b": "B",
    "mixture": "half of them A, half B",
    "transpose": "A, a fifth up",
    "splice": "A, then B",
    "bars_in_turn": "bars in turn",
    "rhythm": "A's rhythm, B's pitches",
    "shuffle": "A, shuffled",
    "noise": "noise",
    "fusiongan": "FusionGAN",
    "fusiongan_ours": "FusionGAN, ours",
    "fusiongan_blend": "FusionGAN, best of many",
    "connective": "Connective Fusion",
    "connective_styled": "Connective Fusion, styled",
    "domain_transfer": "Domain transfer",
    "masked_generate": "Masked: written",
    "masked_fuse": "Masked: fused",
    "masked_join": "Masked: joined",
    "masked_transfer": "Masked: transferred",
    "lstm_gan": "LSTM, CNN-LSTM GANs",
    "audio_style": "Audio style transfer",
}

# Of the songs that no model of the book has learned from: the Marseillaise, as the Essen
# collection has it, and a dance of Ryan's Mammoth Collection
FOLK = "essenFolksong/boehme20.abc", "ALLONS ENFANTS"
FIDDLE = "ryansMammoth/Petronella.abc"


def two_tunes() -> tuple[Piece, Piece]:
    """A folk song and a fiddle tune that no model of the book has learned from.

    Returns
    -------
    tuple of Piece

    Raises
    ------
    CorpusError
        If music21's corpus is not there.

    Examples
    --------
    >>> [piece.title for piece in two_tunes()]
    ['ALLONS ENFANTS DE LA PATRIE', 'PETRONELLA']
    """
    folder, (book, tune) = corpus_path(), FOLK
    return read_score(folder / book, tune)[0], read_score(folder / FIDDLE)[0]


def eight_bars(music: str | os.PathLike | Piece | Notes) -> np.ndarray:
    """The first eight bars of a piece's melody, moved to C by at most a tritone.

    The key is that which explains best how long the pitch classes sound: major or minor, it
    stays what it is.

    Parameters
    ----------
    music : path-like, Piece or Notes
        See `fusiontools.compare.pieces.piece_windows`.

    Returns
    -------
    ndarray of uint8, shape (128,)
        Tokens of the grid, pitches 55 to 84.

    Raises
    ------
    NoNotesError, MusicFileError
        If no melody sounds, or a file cannot be read.

    Examples
    --------
    >>> d_major = [(k, 1, pitch) for k, pitch in enumerate((62, 64, 66, 67, 69, 66, 62))]
    >>> eight_bars(Notes.of(d_major))[::4][:7].tolist()
    [60, 62, 64, 65, 67, 64, 60]
    """
    windows, _ = piece_windows(music)
    lengths = markov.pitch_class_lengths(windows, markov.note_lengths(windows)).sum(0)
    home = int(markov.key_scores(lengths).argmax()) % 12
    notes = transpose(decode_grid(windows[0]), -home if home <= 6 else 12 - home)
    tokens = encode_grid(notes, LOW, HIGH, outside="fold")[: windows.shape[1]]
    return np.pad(tokens, (0, windows.shape[1] - len(tokens)))

"""All systems of the book as functions of the same thing: pairs of melodies of two genres.

Each of `SYSTEMS` takes N windows of A, N of B, (N, 128) tokens of the grid in C, as
`fusiontools.compare.tunes` has them, and a seed; and gives N melodies of 128 tokens. What
a system does not look at, it need not use: some write from nothing. What cannot stand on
common ground says why. Shipped weights are taken, or those of a file or folder of one's
own. Torch is loaded when it is used. Used in chapter 8, "Side by side".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.compare.trivial import TRIVIAL, in_reach, two_halves
from fusiontools.compare.tunes import HIGH, LOW, STEPS
from fusiontools.errors import FusionError
from fusiontools.music import lines
from fusiontools.music.grid import (
    HOLD,
    REST,
    decode_grid,
    encode_grid,
    repair_grid,
    transpose_grid,
)

__all__ = ["ROUNDS", "SYSTEMS", "System", "make", "parameters"]

Weights = str | os.PathLike | None
ROUNDS = 64  # in which the masked transformer fills in: two tokens at a time
PAIR, TARGET = "essen_ryan", "chorales_fiddle"
PER_BEAT = 4  # 16ths


class System(NamedTuple):
    """A system, and what there is to say of it in a table."""

    paper: str  # the paper's package, or "trivial"
    what: str  # what it does with a pair
    takes: str
    gives: str
    needs: str  # what it learned from, or nothing
    uses: str = ""  # of which genres' windows its melodies are made: "", "A", "B" or "AB"
    draws: bool = False  # whether another seed gives other melodies
    make: Callable | None = None  # (a, b, seed, weights) -> (N, 128)
    networks: Callable | None = None  # weights -> the networks that it runs
    training: Sequence[Mapping[str, Any]] = ()  # what tells the records of its training
    why: str = ""  # why it cannot stand here


def make(
    name: str, a: npt.ArrayLike, b: npt.ArrayLike, seed: int = 0, weights: Weights = None
) -> np.ndarray:
    """What one of `SYSTEMS` makes of pairs of melodies.

    Parameters
    ----------
    name : str
    a, b : array_like of int, shape (N, 128)
        Tokens of the grid in C, pitches 45 to 86: of the first genre, and of the second.
    seed : int
    weights : path-like, optional
        A file of weights or a run's folder; by default those that ship.

    Returns
    -------
    ndarray of uint8, shape (N, 128)
        Legal grids, pitches 45 to 86.

    Raises
    ------
    FusionError
        If there is no such system, or it cannot stand on common ground: it says why.
    ValueError
        If `a` and `b` are no pairs of melodies.

    Examples
    --------
    >>> a, b = (np.full((1, 128), 1), np.full((1, 128), 1))
    >>> a[0, 0], b[0, 0] = 60, 72
    >>> make("transpose", a, b)[0, 0]
    np.uint8(67)
    """
    if name not in SYSTEMS:
        raise FusionError(f"no system {name!r}", do=f"choose one of {', '.join(SYSTEMS)}")
    system = SYSTEMS[name]
    if system.make is None:
        raise FusionError(f"{name} {system.why}", do="look at the page of its chapter")
    a, b = np.asarray(a, np.uint8), np.asarray(b, np.uint8)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != STEPS:
        found = f"found shapes {a.shape} and {b.shape}"
        raise ValueError(f"pairs are two times N rows of {STEPS} tokens, {found}")
    return repair_grid(np.asarray(system.make(a, b, seed, weights), np.uint8))


def parameters(name: str, weights: Weights = None) -> int:
    """How many numbers the networks of a system hold; 0 of what learns nothing.

    Examples
    --------
    >>> parameters("splice")
    0
    """
    from fusiontools.report.boxes import weights_of

    networks = SYSTEMS[name].networks
    return sum(map(weights_of, networks(weights))) if networks else 0


def _writer(method, weights):
    from fusiontools.papers.fusiongan.sampling import load_weights

    writers, vocabulary, _ = load_weights(PAIR, weights)
    return writers[method], vocabulary


def _fusiongan(method, a, b, seed, weights):
    """36 events from nothing, as many as there are pairs; what lasts longer is cut."""
    from fusiontools.papers.fusiongan.sampling import sample

    made = sample(*_writer(method, weights), len(a), seed)
    grids = [encode_grid(notes, LOW, HIGH, PER_BEAT)[:STEPS] for notes in made]
    return np.stack([np.pad(row, (0, STEPS - len(row))) for row in grids])


def _fusiongan_networks(method, weights):
    by = _writer(method, weights)[0]
    return [*by.voices, *([by.genre] if by.tries > 1 else [])]


def _connective(method, weights):
    from fusiontools.papers.connective_fusion.fusing import load_weights

    return load_weights(similarity=0.3, method=method, path=weights)[0]


def _connective_fusion(method, a, b, seed, weights):
    from fusiontools.papers.connective_fusion.fusing import fuse

    left, right = map(in_reach, two_halves(a, b))
    return fuse(_connective(method, weights), left, right, seed=seed).tokens


def _connective_networks(method, weights):
    networks = _connective(method, weights)
    return [networks.vae, networks.generator]


def _lines(weights):
    from fusiontools.papers.domain_transfer.transfer import load_weights

    return load_weights(TARGET, path=weights)[0]


def _domain_transfer(a, b, seed, weights):
    """A's eight bars, played again until a picture of 32 is full; on 16ths, as heard."""
    from fusiontools.papers.domain_transfer.transfer import transfer_line

    networks, made = _lines(weights), np.full(a.shape, REST, np.uint8)
    for row, source in zip(made, a):
        notes = decode_grid(source)
        line, by = lines.to_middle(lines.line_tokens(notes))
        heard = decode_grid(transfer_line(networks, line, as_heard=True), lines.PER_BEAT)
        tokens = encode_grid(heard, HOLD + 1, 127, PER_BEAT)
        # a line begins with the bar of its first note
        first = int(notes.onset[0] // 4) * 4 * PER_BEAT
        back = transpose_grid(tokens, -by)[: STEPS - first]
        row[first : first + len(back)] = back
    return in_reach(made, LOW, HIGH)


def _domain_networks(weights):
    return [_lines(weights).both]


def _net(weights):
    from fusiontools.compare.experiment import load_net

    return load_net(weights)[0]


def _masked(verb, a, b, seed, weights):
    from fusiontools.compare import masked

    how = {"seed": seed, "rounds": ROUNDS}
    if verb == "generate":
        return masked.generate(_net(weights), len(a), "B", **how)
    if verb == "fuse":
        return masked.fuse(_net(weights), len(a), **how)
    if verb == "transfer":
        return masked.transfer(_net(weights), a, "B", **how)
    return masked.join(_net(weights), *two_halves(a, b), **how)


def _masked_networks(weights):
    return [_net(weights)]


_PAIR = "a melody of A, one of B"
_EIGHT = "eight bars"


def _row_trivial(what, uses, draws, do):
    def make_trivial(a, b, seed, weights):
        return do(a, b, seed)

    return System("trivial", what, _PAIR, _EIGHT, "nothing", uses, draws, make_trivial)


def _row_fusiongan(method, what):
    needs = "melodies of A and of B: Essen and Ryan, songs of the training part"
    trained = [{"paper": "fusiongan", "data": PAIR, "method": method}]
    do = partial(_fusiongan, method), partial(_fusiongan_networks, method)
    gives = "36 notes and rests, on the grid"
    return System("fusiongan", what, "nothing", gives, needs, "", True, *do, trained)


def _row_connective(method, what):
    needs = "melodies of any genre: fiddle tunes and pop songs"
    own = {"paper": "connective_fusion", "data": "fiddle_pop909"}
    trained = [own | {"method": "vae", "decoder": "parallel"}]
    trained += [own | {"method": method, "similarity": 0.3}]
    takes = "four bars of A, four of B"
    do = partial(_connective_fusion, method), partial(_connective_networks, method)
    return System("connective_fusion", what, takes, _EIGHT, needs, "AB", True, *do, trained)


def _row_masked(verb, what, takes, uses):
    needs = "melodies of A and of B in C: Essen and Ryan, songs of the training part"
    trained = [{"paper": "masked", "data": PAIR, "method": "masked"}]
    do = partial(_masked, verb), _masked_networks
    return System("masked", what, takes, _EIGHT, needs, uses, True, *do, trained)


SYSTEMS = {
    **{name: _row_trivial(*row) for name, row in TRIVIAL.items()},
    "fusiongan": _row_fusiongan("fusion", "writes between both genres: the paper's method"),
    "fusiongan_ours": _row_fusiongan(
        "fusion_ours", "the same, with a penalty on what a guide places in one genre"
    ),
    "fusiongan_blend": _row_fusiongan(
        "blend", "of many tries keeps those that a critic holds to be between"
    ),
    "connective": _row_connective("ours", "makes two ideas one: the paper's method"),
    "connective_styled": _row_connective(
        "styled", "the same, with a term that makes styles differ"
    ),
    "domain_transfer": System(
        "domain_transfer",
        "redraws A as a fiddle tune; it learned to do so with chorales, not with A",
        "a melody of A",
        _EIGHT,
        "lines of a source and of B: chorales and Ryan",
        "A",
        make=_domain_transfer,
        networks=_domain_networks,
        training=[{"paper": "domain_transfer", "data": TARGET, "method": "full"}],
    ),
    "masked_generate": _row_masked("generate", "writes in the genre B", "nothing", ""),
    "masked_fuse": _row_masked("fuse", "writes with the odds of both", "nothing", ""),
    "masked_join": _row_masked(
        "join", "writes two bars at the seam of a splice anew", _PAIR, "AB"
    ),
    "masked_transfer": _row_masked(
        "transfer",
        "writes all but the notes on A's half bars anew, as B would",
        "a melody of A",
        "A",
    ),
    "lstm_gan": System(
        "lstm_gan",
        "writes bars of one genre",
        "noise",
        "bars of several voices",
        "music of one genre",
        why="writes bars of one genre from noise: it has no second genre to meet",
    ),
    "audio_style": System(
        "audio_style",
        "plays one recording with the sound of another",
        "two recordings",
        "a recording",
        "two recordings",
        why="takes and gives recordings: there are no notes to count",
    ),
}

"""A two-layer transformer that says whether two halves of a melody belong together.

It reads beats, not sixteenths: eight bars are 32 tokens and one that sums up. Two things
keep it from spending its life on learning what a musician takes for granted. Pitches are
told relative to the first half's tonic, so that a melody sounds the same to it in every
key. And attention knows how two beats relate: how far apart they are in time and in pitch,
and whether one repeats the other. What that means for the verdict is learned.
`fusiontools.judges.reality` trains it.

Shapes: B windows of L beats, H heads, W width. Used in chapter 4, Connective Fusion.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fusiontools.music.grid import HOLD, REST
from fusiontools.score.markov import halves, key_scores, note_lengths, pitch_class_lengths

__all__ = ["Beats", "RealityNet", "read_beats"]

CELLS = 4  # of a beat
SPAN = 40  # semitones from the tonic, down and up, that are told apart
LEAP = 24  # semitones between two beats that are told apart
SAME = ("other", "same rhythm", "same rhythm and steps", "same notes")


class Beats(tuple):
    """A batch of windows, int64: cells (B, L, 4), sounding (B, L) and same (B, L, L)."""


def tonics(cut: np.ndarray) -> np.ndarray:
    """The tonic of each first half, next below its mean pitch: (N, 2, T) -> (N,)."""
    length = note_lengths(cut[:, 0])
    key = key_scores(pitch_class_lengths(cut[:, 0], length)).argmax(axis=-1) % 12
    sounding = length.sum(axis=-1)
    total = (np.where(length > 0, cut[:, 0], 0) * length).sum(axis=-1)
    mean = np.where(sounding > 0, total / np.maximum(sounding, 1), 67)
    return key + 12 * np.floor((mean.round(6) - key) / 12).astype(np.int64)


def read_beats(windows: npt.ArrayLike) -> Beats:
    """Windows as the network reads them.

    Parameters
    ----------
    windows : array_like of int, shape (N, T)
        Grid tokens, T a multiple of 8.

    Returns
    -------
    Beats

    Examples
    --------
    >>> higher, lower = ([p, 1, 1, 1, p + 4, 1, 1, 1] for p in (70, 60))
    >>> all(torch.equal(a, b) for a, b in zip(read_beats([higher]), read_beats([lower])))
    True
    """
    cut = halves(windows).astype(np.int64)
    if cut.shape[-1] % CELLS:
        raise ValueError(f"halves of {cut.shape[-1]} tokens are not whole beats of {CELLS}")
    row = cut.reshape(len(cut), 2 * cut.shape[-1])
    place = np.arange(row.shape[1])
    # the note that sounds, or sounded last
    newest = np.maximum.accumulate(np.where(row > HOLD, place, -1), axis=1)
    pitch = np.where(newest >= 0, np.take_along_axis(row, np.maximum(newest, 0), axis=1), 0)
    tonic = tonics(cut)[:, None]
    # 0 rest, 1 hold, then pitches from the tonic
    above = np.clip(row - tonic, -SPAN, SPAN) + SPAN + 2
    cells = np.where(row > HOLD, above, row).reshape(len(row), -1, CELLS)
    beat = row.reshape(len(row), row.shape[1] // CELLS, CELLS)
    sound = np.where(row == REST, 0, pitch).reshape(beat.shape)
    # the pitch that stands for a beat: the first that sounds in it, else the last before it
    first = (sound > 0).argmax(axis=-1)[..., None]
    inside = np.take_along_axis(sound, first, axis=-1)[..., 0]
    earlier = pitch.reshape(beat.shape)[..., 0]
    stands = np.where((sound > 0).any(axis=-1), inside, earlier)
    # before the first note nothing stands, and everything is far from it
    stands = np.where(stands > 0, stands - tonic, -128)
    # two beats are of one rhythm if rests, holds and starts agree; of one shape if their
    # pitches keep one distance, too
    rhythm = np.minimum(beat, 2) @ (3 ** np.arange(CELLS))
    below = np.where(beat > HOLD, beat - beat.max(axis=-1, keepdims=True) + 128, beat)
    shape = below @ (256 ** np.arange(CELLS))
    exact = beat @ (256 ** np.arange(CELLS))
    alike = [a[:, :, None] == a[:, None] for a in (rhythm, shape, exact)]
    same = sum(a.astype(np.int64) for a in alike)
    return Beats(torch.from_numpy(a) for a in (cells, stands, same))


class Attention(nn.Module):
    """Multi-head attention that knows how two beats relate.

    score_ij = q_i . k_j / sqrt(w) + T[j - i] + P[p_j - p_i] + S[same_ij], and what a beat
    takes home is, beside the values, how much of its attention fell on each kind of
    sameness. A beat that finds nothing may look at the first token, which is none.

    References
    ----------
    P. Shaw and others, Self-attention with relative position representations, 2018;
    C.-Z. A. Huang and others, Music transformer, 2019.
    """

    def __init__(self, width: int, heads: int, beats: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        # the last one: from or to the first token
        self.time = nn.Parameter(torch.zeros(heads, 2 * beats + 1))
        self.pitch = nn.Parameter(torch.zeros(heads, 2 * LEAP + 1))
        self.same = nn.Parameter(torch.zeros(heads, len(SAME)))
        self.output = nn.Linear(width + heads * len(SAME), width)
        apart = torch.arange(beats)[None] - torch.arange(beats)[:, None] + beats - 1
        apart = nn.functional.pad(apart, (1, 0, 1, 0), value=2 * beats)
        self.register_buffer("apart", apart, persistent=False)

    def forward(
        self, x: torch.Tensor, leap: torch.Tensor, same: torch.Tensor
    ) -> torch.Tensor:
        """x (B, L + 1, W), leap (B, L, L), same (B, L, L, 4) -> (B, L + 1, W)."""
        b, length, width = x.shape
        qkv = self.project(x).view(b, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, L + 1, w) each
        # score_ij = q_i . k_j / sqrt(w) + T[j - i]: (B, H, L + 1, L + 1)
        score = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + self.time[:, self.apart]
        # + P[p_j - p_i] + S[same_ij]: (B, H, L, L)
        alike = torch.einsum("bijs,hs->bhij", same, self.same)
        related = self.pitch[:, leap].transpose(0, 1) + alike
        score = score + nn.functional.pad(related, (1, 0, 1, 0))
        weight = score.softmax(dim=-1)
        met = torch.einsum("bhij,bijs->bihs", weight[:, :, 1:, 1:], same)  # (B, L, H, 4)
        met = nn.functional.pad(met.flatten(2), (0, 0, 1, 0))
        taken = (weight @ v).transpose(1, 2).reshape(b, length, width)
        return self.output(torch.cat([taken, met], dim=-1))


class Layer(nn.Module):
    """Attention, then a small network for each beat, each added to what was there.

    R. Xiong and others, On layer normalization, 2020.
    """

    def __init__(self, width: int, heads: int, beats: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, beats)
        self.think = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: torch.Tensor, leap: torch.Tensor, same: torch.Tensor
    ) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.before(x), leap, same))
        return x + self.dropout(self.think(self.between(x)))


class RealityNet(nn.Module):
    """Two layers of attention over the beats of both halves, and one verdict.

    Parameters
    ----------
    beats : int
        In a window: 32 for eight bars.
    width, heads, layers : int
    dropout : float

    References
    ----------
    Connective Fusion, section 3.4: "Two-layered transformer binary classification model".
    Widths, positions and what it reads are ours.
    """

    def __init__(
        self,
        beats: int = 32,
        width: int = 48,
        heads: int = 4,
        layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        size = 2 * SPAN + 3
        self.cell = nn.EmbeddingBag(CELLS * size, width, mode="sum")
        # rest, hold and the twelve degrees: what octaves share
        self.degree = nn.EmbeddingBag(CELLS * 14, width, mode="sum")
        self.position = nn.Parameter(0.02 * torch.randn(beats + 1, width))
        stack = (Layer(width, heads, beats, dropout) for _ in range(layers))
        self.layers = nn.ModuleList(stack)
        self.norm = nn.LayerNorm(width)
        self.verdict = nn.Sequential(
            nn.Linear(4 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )
        for table in (self.cell, self.degree):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, beats: Sequence[torch.Tensor]) -> torch.Tensor:
        """Log-odds that the halves belong together: Beats of B windows -> (B,)."""
        cells, stands, same = beats
        b, length = stands.shape
        place = torch.arange(CELLS, device=cells.device)
        degree = torch.where(cells > HOLD, (cells - 2 - SPAN) % 12 + 2, cells)
        x = self.cell((cells + place * (2 * SPAN + 3)).flatten(0, 1))
        x = x + self.degree((degree + place * 14).flatten(0, 1))
        x = nn.functional.pad(x.view(b, length, -1), (0, 0, 1, 0))
        x = x + self.position  # (B, L + 1, W)
        # from beat i to beat j: (B, L, L)
        leap = (stands[:, None] - stands[:, :, None]).clamp(-LEAP, LEAP) + LEAP
        same = nn.functional.one_hot(same, len(SAME)).to(x.dtype)
        for layer in self.layers:
            x = layer(x, leap, same)
        x = self.norm(x)
        first = x[:, 1 : 1 + length // 2].mean(dim=1)
        second = x[:, 1 + length // 2 :].mean(dim=1)
        both = torch.cat([x[:, 0], first, second, (first - second).abs()], dim=-1)
        return self.verdict(both)[:, 0]

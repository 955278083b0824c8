"""FusionGAN's two kinds of network: a generator that writes tokens one after the other, and
a critic that scores whole sequences; and the bundle of all that one training needs.

FusionGAN, section III-E and Algorithm 1, line 1: "generators/discriminators employ
LSTM/TextCNN". Shapes: B sequences of T tokens out of V; E embedding, H hidden units; K
filters in all. Chapter 3, FusionGAN: `notebooks/03_fusiongan_1_from_scratch` builds both.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fusiontools.papers.fusiongan.config import Config


__all__ = ["NAMES", "Critic", "Generator", "Networks", "bounded_norm", "draw"]

NAMES = ("A", "B", "F")  # of generators and critics: genre A, genre B, the fusion


def draw(logits: torch.Tensor, u: torch.Tensor | None = None) -> torch.Tensor:
    """One token a row, (R, V) -> (R,): the first at which the distribution function passes
    `u`, (R,), uniform in [0, 1). Given `u`, nothing is random any more: two ways to sample
    can be compared token by token.
    """
    u = torch.rand(len(logits), device=logits.device) if u is None else u
    summed = logits.softmax(-1).cumsum(-1)  # (R, V)
    # above 0, so that u = 0 draws no token whose probability is 0
    aim = (u[:, None] * summed[:, -1:]).clamp_min(1e-30)
    return (summed < aim).sum(-1).clamp_(max=logits.shape[-1] - 1)


class Generator(nn.Module):
    """An LSTM over V tokens: p(x) = prod_t p(x_t | x_1 ... x_{t-1}). One more embedding
    stands for the beginning.
    """

    def __init__(self, tokens: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.embedding = nn.Embedding(tokens + 1, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.output = nn.Linear(hidden, tokens)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of each next token, given those before it: (B, T) -> (B, T, V)."""
        begin = torch.full_like(x[:, :1], self.tokens)
        before = torch.cat([begin, x[:, :-1]], dim=1)
        states, _ = self.lstm(self.embedding(before))  # (B, T, H)
        return self.output(states)  # (B, T, V)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x_t | x_1 ... x_{t-1}) of each token, (B, T) -> (B, T)."""
        logits = self(x).flatten(0, 1)  # (B * T, V)
        return -F.cross_entropy(logits, x.flatten(), reduction="none").view_as(x)

    def step(
        self, previous: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """One token further: (R,), a pair of (1, R, H) -> logits (R, V), a new pair."""
        out, state = self.lstm(self.embedding(previous)[:, None], state)
        return self.output(out[:, 0]), state

    @torch.no_grad()
    def sample(
        self, n: int, length: int, temperature: float = 1.0, u: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Write `n` sequences of `length` tokens, (n, length), with the uniform numbers
        `u`, of the same shape, or fresh ones. ValueError if `temperature` is not above 0.
        """
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}; it must be above 0")
        u = torch.rand(n, length, device=self.output.weight.device) if u is None else u
        previous, state, written = torch.full((n,), self.tokens, device=u.device), None, []
        for t in range(length):
            logits, state = self.step(previous, state)
            previous = draw(logits / temperature, u[:, t])
            written.append(previous)
        return torch.stack(written, dim=1)

    @torch.no_grad()
    def states(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The LSTM's state after each token, which a continuation of that prefix starts
        from: (B, T) -> h, c, each (T, B, H).
        """
        begin = torch.full_like(x[:, 0], self.tokens)
        _, state = self.lstm(self.embedding(begin)[:, None])
        h, c = [], []
        for t in range(x.shape[1]):
            _, state = self.lstm(self.embedding(x[:, t])[:, None], state)
            h.append(state[0][0])
            c.append(state[1][0])
        return torch.stack(h), torch.stack(c)


class Critic(nn.Module):
    """A TextCNN: filters of several sizes slide over the tokens, the strongest answer of
    each counts, and their weighted sum is the score. SeqGAN's has a highway layer after the
    pooling; the paper's text does not ask for it, and a gate times a value has no such
    bound, so there is none.

    Parameters
    ----------
    tokens, embedding : int
    filters : sequence of (size, number)
    keep : float
        Dropout keeps this share of the filters' answers while training.
    bound : {"spectral", "none"}
        A Wasserstein critic must be Lipschitz; the paper names no way. "spectral" divides
        every filter bank and the output by its largest singular value, and puts tokens on a
        sphere: the bound holds for any input, as closely as two power iterations a step
        follow the singular values, and costs no second derivative.
    alike : array_like of int, shape (V,), optional
        A token that stands for each, as `fusiontools.papers.fusiongan.data.plain_tokens`
        has it: those that share one are one to the critic.
    """

    def __init__(
        self,
        tokens: int,
        embedding: int,
        filters: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
        keep: float = 1.0,
        bound: str = "spectral",
        alike: npt.ArrayLike | None = None,
    ) -> None:
        super().__init__()
        if alike is not None:  # part of what it is, and not of what it learns
            self.register_buffer("alike", torch.as_tensor(alike), persistent=False)
        self.tokens, self.bound, self.keep = tokens, bound, keep
        self.sizes = [size for size, _ in filters]
        self.embedding = nn.Embedding(tokens, embedding)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(embedding))
        banks = [nn.Conv1d(embedding, number, size) for size, number in filters]
        self.banks = nn.ModuleList(banks)
        self.output = nn.Linear(sum(number for _, number in filters), 1)
        if bound == "spectral":
            for layer in (*self.banks, self.output):
                nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=2)

    def vectors(self) -> torch.Tensor:
        """What the filters see of each token, (V, E): on a sphere if there is a bound."""
        weight = self.embedding.weight
        return F.normalize(weight, dim=1) if self.bound == "spectral" else weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of sequences, (B, T) -> (B,)."""
        x = self.alike[x] if hasattr(self, "alike") else x
        columns = F.embedding(x, self.vectors()).transpose(1, 2)  # (B, E, T)
        strongest = [bank(columns).amax(2) for bank in self.banks]
        return self.head(torch.cat(strongest, dim=1))

    def head(self, strongest: torch.Tensor) -> torch.Tensor:
        """From the strongest answer of each filter to the score, (B, K) -> (B,)."""
        features = F.relu(strongest)  # after the maximum: the two can change places
        features = F.dropout(features, 1 - self.keep, self.training)
        return self.output(features)[:, 0]

    @torch.no_grad()
    def tables(self) -> list[torch.Tensor]:
        """Each filter's answer to each token at each place, for each bank (size * V,
        number): row i * V + v is token v in place i, and place 0 has the bias. A
        convolution of embeddings is a sum of such rows.
        """
        tables, vectors = [], self.vectors()
        for bank in self.banks:
            # y_f(s) = b_f + sum_i sum_e W_fei v_e(x_{s+i})
            table = torch.einsum("fei,ve->ivf", bank.weight, vectors)  # (size, V, number)
            table[0] += bank.bias
            tables.append(table.flatten(0, 1))
        return tables


def bounded_norm(
    filters: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
) -> float:
    """How far exchanging one token moves the score of a "spectral" critic, at most: the
    vectors of two tokens differ by at most 2; a bank of filters of size w sees the token in
    w windows; banks and output have norm 1.

    Examples
    --------
    >>> bounded_norm(((1, 8), (3, 8)))
    4.0
    """
    # |D(x) - D(y)| <= |v(x_s) - v(y_s)| sqrt(sum_k w_k) <= 2 sqrt(sum_k w_k)
    return 2.0 * math.sqrt(sum(size for size, _ in filters))


class Networks:
    """All networks of a training: generators ``g["A"]``, ``g["B"]``, ``g["F"]``, critics
    ``d["A"]`` and so on. ``rolling`` are the generators' rollout policies, see `follow`;
    ``prior`` is G_F as maximum likelihood left it; ``genre`` is the guide: it tells A from
    B, takes tokens that are `alike` for one, and only our own methods train it.
    """

    def __init__(
        self,
        config: Config,
        tokens: int,
        device: str | torch.device = "cpu",
        alike: np.ndarray | None = None,
    ) -> None:
        sizes = (tokens, config.embedding, config.hidden)
        self.g = {n: Generator(*sizes).to(device) for n in NAMES}
        sizes = (tokens, config.critic_embedding, config.filters, config.keep)
        # In eval mode, except while they learn: dropout would only blur their scores.
        self.d = {n: Critic(*sizes, config.bound).to(device).eval() for n in NAMES}
        self.genre = Critic(*sizes, "none", alike).to(device).eval()
        self.prior = copy.deepcopy(self.g["F"])
        self.rolling = copy.deepcopy(self.g)
        for g in (self.prior, *self.rolling.values()):
            g.lstm.flatten_parameters()  # a copy lies scattered in a GPU's memory

    @torch.no_grad()
    def follow(self, n: str, keep: float) -> None:
        """Move G_n's rollout policy, SeqGAN's slowly following (Polyak) average: it keeps
        `keep` of its old self, so that a token's worth does not jump with each step of G_n.
        """
        for slow, quick in zip(self.rolling[n].parameters(), self.g[n].parameters()):
            slow.lerp_(quick, 1 - keep)

    def state(self, critics: bool = True) -> dict[str, Generator]:
        """All by name, for a checkpoint; without critics while these are as made."""
        found = {f"g_{n}": self.g[n] for n in NAMES}
        found |= {f"rolling_{n}": self.rolling[n] for n in NAMES}
        found["prior"] = self.prior
        if critics:
            found |= {f"d_{n}": self.d[n] for n in NAMES}
            found["genre"] = self.genre
        return found

"""FusionGAN's two kinds of network: a generator that writes tokens one after the other, and
a critic that scores whole sequences.

No loss, no training. Shapes: B sequences of T tokens out of V; E embedding, H hidden units;
K filters in all.

References
----------
FusionGAN, section III-E and Algorithm 1, line 1: "generators/discriminators employ
LSTM/TextCNN". Widths and sizes: see `Config`.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["Critic", "Generator", "bounded_norm", "draw"]


def draw(logits, u):
    """One token a row, by the inverse of the distribution function: the first token at
    which it passes `u`.

    Given the numbers `u`, it is no longer random: two ways to sample can be compared token
    by token.

    Parameters
    ----------
    logits : Tensor, shape (R, V)
    u : Tensor, shape (R,)
        Uniform in [0, 1).

    Returns
    -------
    Tensor of int64, shape (R,)
    """
    summed = logits.softmax(-1).cumsum(-1)  # (R, V)
    return (summed < u[:, None] * summed[:, -1:]).sum(-1).clamp_(max=logits.shape[-1] - 1)


class Generator(nn.Module):
    """An LSTM over tokens: p(x) = prod_t p(x_t | x_1 ... x_{t-1}).

    Parameters
    ----------
    tokens : int
        ``V``. One more embedding stands for the beginning.
    embedding, hidden : int
    """

    def __init__(self, tokens, embedding, hidden):
        super().__init__()
        self.tokens = tokens
        self.embedding = nn.Embedding(tokens + 1, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.output = nn.Linear(hidden, tokens)

    def forward(self, x):
        """Logits of each next token, given those before it: (B, T) -> (B, T, V)."""
        begin = torch.full_like(x[:, :1], self.tokens)
        states, _ = self.lstm(
            self.embedding(torch.cat([begin, x[:, :-1]], dim=1))
        )  # (B, T, H)
        return self.output(states)  # (B, T, V)

    def log_prob(self, x):
        """log p(x_t | x_1 ... x_{t-1}) of each token, (B, T) -> (B, T)."""
        return -F.cross_entropy(
            self(x).flatten(0, 1), x.flatten(), reduction="none"
        ).view_as(x)

    def step(self, previous, state=None):
        """One token further: previous (R,), state a pair of (1, R, H) -> logits (R, V),
        state.
        """
        out, state = self.lstm(self.embedding(previous)[:, None], state)
        return self.output(out[:, 0]), state

    @torch.no_grad()
    def sample(self, n, length, temperature=1.0, u=None):
        """Write `n` sequences of `length` tokens, (n, length).

        `u`, of shape (n, length), are the uniform numbers to draw with; fresh ones by
        default.
        """
        u = torch.rand(n, length, device=self.output.weight.device) if u is None else u
        previous, state, written = torch.full((n,), self.tokens, device=u.device), None, []
        for t in range(length):
            logits, state = self.step(previous, state)
            previous = draw(logits / temperature, u[:, t])
            written.append(previous)
        return torch.stack(written, dim=1)

    @torch.no_grad()
    def states(self, x):
        """The LSTM's state after each token: (B, T) -> h, c, each (T, B, H). What a
        continuation of any prefix starts from.
        """
        previous, state, h, c = torch.full_like(x[:, 0], self.tokens), None, [], []
        _, state = self.lstm(self.embedding(previous)[:, None])
        for t in range(x.shape[1]):
            _, state = self.lstm(self.embedding(x[:, t])[:, None], state)
            h.append(state[0][0])
            c.append(state[1][0])
        return torch.stack(h), torch.stack(c)


class Critic(nn.Module):
    """A TextCNN: filters of several sizes slide over the tokens, the strongest answer of
    each counts, and their weighted sum is the score.

    Parameters
    ----------
    tokens : int
        ``V``.
    embedding : int
    filters : sequence of (size, number)
    keep : float
        Dropout keeps this share of the filters' answers while training.
    bound : {"spectral", "penalty", "clip", "none"}
        A Wasserstein critic must be Lipschitz; the paper names no way. "spectral" divides
        every filter bank and the output by its largest singular value, and puts tokens on a
        sphere: the bound holds for any input, as closely as two power iterations a step
        follow the singular values, costs no second derivative, and leaves the network what
        it was, so that scoring stays fast. "penalty" and "clip" leave the network free
        here; see ``fusiontools.papers.fusiongan.losses``. SeqGAN's critic has a highway
        layer after the pooling: a gate times a value has no such bound, and the paper's
        text does not ask for it, so there is none.

    Notes
    -----
    With "spectral", exchanging one token moves the score by at most
    ``bounded_norm(filters)``: the vectors of two tokens differ by at most 2, a filter bank
    of size w sees the token in w windows, and banks and output have norm 1.
    """

    def __init__(self, tokens, embedding, filters, keep=1.0, bound="spectral"):
        super().__init__()
        self.tokens, self.bound, self.keep = tokens, bound, keep
        self.sizes = [size for size, _ in filters]
        self.embedding = nn.Embedding(tokens, embedding)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(embedding))
        self.banks = nn.ModuleList(
            nn.Conv1d(embedding, number, size) for size, number in filters
        )
        self.output = nn.Linear(sum(number for _, number in filters), 1)
        if bound == "spectral":
            for layer in (*self.banks, self.output):
                nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=2)

    def vectors(self):
        """What each token looks like to the filters, (V, E): on a sphere if the critic is
        bounded.
        """
        return (
            F.normalize(self.embedding.weight, dim=1)
            if self.bound == "spectral"
            else self.embedding.weight
        )

    def forward(self, x):
        """Scores of sequences, (B, T) -> (B,)."""
        return self.score(F.embedding(x, self.vectors()))

    def score(self, vectors):
        """Scores of sequences of vectors, (B, T, E) -> (B,): between two tokens too, where
        a gradient penalty looks.
        """
        columns = vectors.transpose(1, 2)  # (B, E, T)
        return self.head(torch.cat([bank(columns).amax(2) for bank in self.banks], dim=1))

    def head(self, strongest):
        """From the strongest answer of each filter to the score, (B, K) -> (B,)."""
        features = F.dropout(
            F.relu(strongest), 1 - self.keep, self.training
        )  # relu and maximum can change places
        return self.output(features)[:, 0]

    @torch.no_grad()
    def tables(self):
        """Each filter's answer to each token at each place: a convolution of embeddings is
        a sum of rows of these.

        Returns
        -------
        list of Tensor, shape (size * V, number)
            One for each bank. Row ``i * V + v`` is token v in place i; the bias is in place
            0.
        """
        tables, vectors = [], self.vectors()
        for bank in self.banks:
            # y_f(s) = b_f + sum_i sum_e W_fei v_e(x_{s+i})
            table = torch.einsum("fei,ve->ivf", bank.weight, vectors)  # (size, V, number)
            table[0] += bank.bias
            tables.append(table.flatten(0, 1))
        return tables


def bounded_norm(filters):
    """How far exchanging one token can move the score of a critic bounded by "spectral", at
    most.

    Examples
    --------
    >>> bounded_norm(((1, 8), (3, 8)))
    4.0
    """
    # |D(x) - D(y)| <= |v(x_s) - v(y_s)| sqrt(sum_k w_k) <= 2 sqrt(sum_k w_k)
    return 2.0 * math.sqrt(sum(size for size, _ in filters))

"""What a token is worth before its sequence is finished (Algorithm 1, lines 8 to 10:
"derive Q value as rewards"): the Monte-Carlo rollouts of SeqGAN (Yu and others, AAAI 2017,
section 3), plain and fast.

A critic scores whole sequences. So each prefix is continued several times, the finished
sequences are scored, and the mean is what the prefix's last token gets::

    Q(y_t | y_1 ... y_{t-1}) = 1/N sum_n D(y_1 ... y_t, continuation_n)   for t < T
                             = D(y)                                       for t = T

`rewards_plain` is that sentence as code. `rewards` draws from the same distribution, and
given the same random numbers it computes the same values; it only never does anything
twice. Chapter 3, FusionGAN: `notebooks/03_fusiongan_1_from_scratch` writes the plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fusiontools.papers.fusiongan.networks import Critic, draw

if TYPE_CHECKING:
    from fusiontools.papers.fusiongan.networks import Generator


__all__ = ["continuations", "rewards", "rewards_plain"]


@torch.no_grad()
def rewards_plain(
    generator: Generator,
    critics: Sequence[Critic],
    y: torch.Tensor,
    rollouts: int,
    combine: Callable | None = None,
    u: torch.Tensor | None = None,
) -> torch.Tensor:
    """The textbook's way: for every prefix and every rollout, write the sequence to its
    end, and ask every critic.

    Parameters
    ----------
    generator : Generator
        The policy that continues.
    critics : sequence of Critic
        C of them; dropout must be off (``critic.eval()``). After the critics may come
        other functions of finished sequences, (R, T) -> (R,).
    y : Tensor of int64, shape (B, T)
    rollouts : int
        ``N``.
    combine : callable, optional
        From scores of shape (..., C) to one number each, (...): applied to every finished
        sequence, before the mean.
    u : Tensor, shape (T, T - 1, N, B), optional
        Uniform numbers: ``u[t, l - 1, n, b]`` draws token t of rollout n of sequence b's
        prefix of l tokens.

    Returns
    -------
    Tensor, shape (B, T, C), or (B, T) with `combine`
    """

    def score(x):
        scores = torch.stack([critic(x) for critic in critics], dim=-1)  # (B, C)
        return combine(scores) if combine else scores

    steps = []
    for length in range(1, y.shape[1]):
        total = 0
        for n in range(rollouts):
            logits, state = generator.step(torch.full_like(y[:, 0], generator.tokens))
            for token in y[:, :length].T:
                logits, state = generator.step(token, state)
            x = list(y[:, :length].T)
            for t in range(length, y.shape[1]):
                x.append(draw(logits, None if u is None else u[t, length - 1, n]))
                logits, state = generator.step(x[-1], state)
            total = total + score(torch.stack(x, dim=1))
        steps.append(total / rollouts)
    return torch.stack([*steps, score(y)], dim=1)


@torch.no_grad()
def rewards(
    generator: Generator,
    critics: Sequence[Callable | Critic],
    y: torch.Tensor,
    rollouts: int,
    combine: Callable | None = None,
    u: torch.Tensor | None = None,
) -> torch.Tensor:
    """`rewards_plain`, fast.

    All prefixes are continued side by side, one LSTM step for all of them, each from the
    state that reading `y` once left behind. A convolution of embedded tokens is a sum of
    table rows, one for each token of the window (`Critic.tables`), so nothing is
    multiplied. Windows that lie inside a prefix are the same in all its rollouts, and in
    all longer prefixes: their maximum is read off a running maximum over `y`.

    Parameters and returns as in `rewards_plain`. The critics must share their vocabulary
    and their filter sizes; other functions are simply asked.
    """
    combine = combine or (lambda scores: scores)
    x = continuations(generator, y, rollouts, u)  # (T - 1, N, B, T)
    others = [one for one in critics if not isinstance(one, Critic)]
    critics = [one for one in critics if isinstance(one, Critic)]
    ends, asked = torch.cat([x.flatten(0, 2), y]), []  # all finished sequences
    for other in others:
        asked.append(torch.cat([other(part) for part in ends.split(4096)]))
    more = torch.stack(asked, dim=-1) if others else ends.new_empty(len(ends), 0)
    scores = _quick(critics, x, y) if critics else []  # of each prefix (N, B, C), of y
    steps = []
    for t, own in enumerate(more.split([rollouts * len(y)] * len(x) + [len(y)])):
        own = own.view(len(own) // len(y), len(y), len(others))  # of y itself N is 1
        own = torch.cat([scores[t], own], dim=-1) if critics else own
        steps.append(combine(own).mean(0))
    return torch.stack(steps, dim=1)


def _quick(critics, x, y):
    """Scores of the continuations of every prefix, (N, B, C) each, and of `y`, (1, B, C);
    see `rewards`.
    """
    rollouts, batch = x.shape[1:3]
    tables = zip(*(critic.tables() for critic in critics))
    banks = [torch.cat(alike, dim=1) for alike in tables]  # (size * V, C * number)
    own = _windows(y, banks, critics[0])  # answers to y itself, (B, S, C * number) a bank
    running = [answers.cummax(1).values for answers in own]  # the strongest so far
    steps = []
    for t in range(1, y.shape[1]):
        # the rollouts' windows that reach beyond the prefix of t tokens
        fresh = _strongest(x[t - 1].flatten(0, 1), banks, critics[0], t)
        whole = []
        for size, best, seen in zip(critics[0].sizes, fresh, running):
            best = best.view(rollouts, batch, -1)  # (N, B, C * number)
            if t >= size:  # some windows lie inside the prefix
                best = torch.maximum(best, seen[:, t - size])
            whole.append(best)
        steps.append(_heads(critics, whole))
    return [*steps, _heads(critics, [seen[:, -1] for seen in running])[None]]


@torch.no_grad()
def continuations(
    generator: Generator, y: torch.Tensor, rollouts: int, u: torch.Tensor | None = None
) -> torch.Tensor:
    """Every prefix of `y` continued to full length, all side by side: (B, T) -> (T - 1, N,
    B, T), where row l - 1 has the prefixes of l tokens. Parameters as in `rewards_plain`.
    """
    batch, length = y.shape
    x = y.expand(length - 1, rollouts, batch, length).clone()
    h, c = generator.states(y)  # each (T, B, H)
    state = None
    for t in range(1, length):
        # the prefix of t tokens sets out now; the shorter ones are under way: t * N * B
        # rows take this step together
        start = [s[t - 1].repeat(rollouts, 1)[None] for s in (h, c)]
        if state is None:
            state = start
        else:
            last = x[: t - 1, ..., t - 1].reshape(-1, 1)
            _, state = generator.lstm(generator.embedding(last), tuple(state))
            state = [torch.cat([old, new], dim=1) for old, new in zip(state, start)]
        logits = generator.output(state[0][0])  # (t * N * B, V)
        token = draw(logits, None if u is None else u[t, :t].flatten())
        x[:t, ..., t] = token.view(t, rollouts, batch)
    return x


def _windows(x, banks, critic, begin=0):
    """Each bank's answers to the windows of `x` that reach beyond its first `begin` tokens:
    (R, S, C * number).
    """
    answers = []
    for size, bank in zip(critic.sizes, banks):
        windows = x[:, max(begin - size + 1, 0) :].unfold(1, size, 1)  # (R, S, size)
        rows = windows + critic.tokens * torch.arange(size, device=x.device)
        summed = F.embedding_bag(rows.reshape(-1, size), bank, mode="sum")
        answers.append(summed.view(*rows.shape[:2], -1))
    return answers


def _strongest(x, banks, critic, begin, most=2**20):
    """The strongest answer among those windows, for each bank (R, C * number); on a CPU in
    slices, so that memory stays small.
    """
    on_cpu = x.device.type == "cpu"
    rows = max(most // (x.shape[1] * banks[0].shape[1]), 1) if on_cpu else len(x)
    parts = []
    for part in x.split(rows):
        parts.append([own.amax(1) for own in _windows(part, banks, critic, begin)])
    return [torch.cat(bank) for bank in zip(*parts)]


def _heads(critics, strongest):
    """Scores from the strongest answers, for each bank (..., C * number) -> (..., C)."""
    # each critic's own part of every bank
    banks = [bank.unflatten(-1, (len(critics), -1)).unbind(-2) for bank in strongest]
    scores = []
    for critic, own in zip(critics, zip(*banks)):
        scores.append(critic.head(torch.cat(own, dim=-1).flatten(0, -2)))
    return torch.stack(scores, dim=-1).view(*strongest[0].shape[:-1], len(critics))

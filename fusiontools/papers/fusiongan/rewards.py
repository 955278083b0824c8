"""What a token is worth before its sequence is finished: SeqGAN's Monte-Carlo rollouts,
plain and fast.

A critic scores whole sequences. So each prefix is continued several times, the finished
sequences are scored, and the mean is what the prefix's last token gets::

    Q(y_t | y_1 ... y_{t-1}) = 1/N sum_n D(y_1 ... y_t, continuation_n)   for t < T
                             = D(y)                                       for t = T

`rewards_plain` is that sentence as code. `rewards` draws from the same distribution, and
given the same random numbers it computes the same values; it only never does anything
twice. It trains nothing.

References
----------
FusionGAN, Algorithm 1, lines 8 to 10 ("derive Q value as rewards"); the rollouts are
SeqGAN's (Yu and others, AAAI 2017), section 3.
"""

import torch
from torch.nn import functional as F

from fusiontools.papers.fusiongan.networks import draw

__all__ = ["continuations", "rewards", "rewards_plain", "score_tables"]


@torch.no_grad()
def rewards_plain(generator, critics, y, rollouts, combine=None, u=None):
    """The textbook's way: for every prefix and every rollout, write the sequence to its
    end, and ask every critic.

    Parameters
    ----------
    generator : Generator
        The policy that continues.
    critics : sequence of Critic
        C of them; dropout must be off (``critic.eval()``).
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
    combine = combine or (lambda scores: scores)
    steps = []
    for length in range(1, y.shape[1]):
        total = 0
        for n in range(rollouts):
            x, state = [token for token in y[:, :length].T], None
            logits, state = generator.step(torch.full_like(y[:, 0], generator.tokens))
            for token in x:
                logits, state = generator.step(token, state)
            for t in range(length, y.shape[1]):
                x.append(
                    draw(
                        logits,
                        torch.rand(len(y), device=y.device)
                        if u is None
                        else u[t, length - 1, n],
                    )
                )
                logits, state = generator.step(x[-1], state)
            x = torch.stack(x, dim=1)  # (B, T)
            total = total + combine(
                torch.stack([critic(x) for critic in critics], dim=-1)
            )  # (B, C)
        steps.append(total / rollouts)
    steps.append(combine(torch.stack([critic(y) for critic in critics], dim=-1)))
    return torch.stack(steps, dim=1)


@torch.no_grad()
def rewards(generator, critics, y, rollouts, combine=None, u=None):
    """`rewards_plain`, fast.

    Four things are done once instead of often. All prefixes are continued side by side, one
    LSTM step for all of them, and each starts from the state that reading `y` once left
    behind. All critics score one set of rollouts. A convolution of embedded tokens is a sum
    of table rows, one for each token of the window (`Critic.tables`), so nothing is
    multiplied. And windows that lie inside a prefix are the same in all its rollouts, and
    in all longer prefixes: their maximum is read off a running maximum over `y`.

    Parameters and returns as in `rewards_plain`. The critics must share their vocabulary
    and their filter sizes.
    """
    combine = combine or (lambda scores: scores)
    batch, length = y.shape
    x = continuations(generator, y, rollouts, u)
    banks = [
        torch.cat(tables, dim=1) for tables in zip(*(critic.tables() for critic in critics))
    ]  # (size * V, C * number)
    own = _windows(
        y, banks, critics[0]
    )  # answers to y itself, for each bank (B, S, C * number)
    running = [answers.cummax(1).values for answers in own]  # the strongest so far
    steps = []
    for last in range(1, length):
        fresh = _strongest(
            x[last - 1].flatten(0, 1), banks, critics[0], last
        )  # rollouts, windows that reach beyond the prefix
        whole = []
        for size, best, seen in zip(critics[0].sizes, fresh, running):
            best = best.view(rollouts, batch, -1)
            whole.append(
                torch.maximum(best, seen[:, last - size]) if last >= size else best
            )  # (N, B, C * number)
        steps.append(combine(_heads(critics, whole)).mean(0))
    steps.append(combine(_heads(critics, [seen[:, -1] for seen in running])))
    return torch.stack(steps, dim=1)


@torch.no_grad()
def continuations(generator, y, rollouts, u=None):
    """Every prefix of `y` continued to full length, all side by side.

    Parameters
    ----------
    generator : Generator
    y : Tensor of int64, shape (B, T)
    rollouts : int
        ``N``.
    u : Tensor, shape (T, T - 1, N, B), optional
        As in `rewards_plain`.

    Returns
    -------
    Tensor of int64, shape (T - 1, N, B, T)
        Row l - 1 has the prefixes of l tokens.
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
            _, state = generator.lstm(
                generator.embedding(x[: t - 1, ..., t - 1].reshape(-1, 1)), tuple(state)
            )
            state = [torch.cat([old, new], dim=1) for old, new in zip(state, start)]
        logits = generator.output(state[0][0])  # (t * N * B, V)
        noise = (
            torch.rand(len(logits), device=y.device) if u is None else u[t, :t].reshape(-1)
        )
        x[:t, ..., t] = draw(logits, noise).view(t, rollouts, batch)
    return x


def _windows(x, banks, critic, begin=0):
    """Each bank's answers to the windows of `x` from place `begin` on: for each bank (R, S,
    C * number).
    """
    answers = []
    for size, bank in zip(critic.sizes, banks):
        first = max(
            begin - size + 1, 0
        )  # the first window that reaches beyond `begin` tokens
        rows = x[:, first:].unfold(1, size, 1) + critic.tokens * torch.arange(
            size, device=x.device
        )  # (R, S, size)
        answers.append(
            F.embedding_bag(rows.reshape(-1, size), bank, mode="sum").view(
                *rows.shape[:2], -1
            )
        )
    return answers


def _strongest(x, banks, critic, begin, most=2**20):
    """The strongest answer among those windows, for each bank (R, C * number); in slices,
    so that memory stays small.
    """
    rows = (
        max(most // (x.shape[1] * banks[0].shape[1]), 1)
        if x.device.type == "cpu"
        else len(x)
    )
    parts = [
        [a.amax(1) for a in _windows(part, banks, critic, begin)] for part in x.split(rows)
    ]
    return [torch.cat(bank) for bank in zip(*parts)]


def _heads(critics, strongest):
    """Scores from the strongest answers of all critics: for each bank (..., C * number) ->
    (..., C).
    """
    split = zip(
        *(bank.unflatten(-1, (len(critics), -1)).unbind(-2) for bank in strongest)
    )  # for each critic, its banks
    scores = [
        critic.head(torch.cat(own, dim=-1).flatten(0, -2))
        for critic, own in zip(critics, split)
    ]
    return torch.stack(scores, dim=-1).view(*strongest[0].shape[:-1], len(critics))


@torch.no_grad()
def score_tables(critics, x):
    """Scores of whole sequences by the tables: (B, T) -> (B, C). Many at once on a CPU,
    this is quicker than the convolutions.
    """
    banks = [
        torch.cat(tables, dim=1) for tables in zip(*(critic.tables() for critic in critics))
    ]
    return _heads(critics, _strongest(x, banks, critics[0], 0))

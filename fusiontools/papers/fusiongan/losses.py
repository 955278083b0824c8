"""FusionGAN's objective (sections III-B to III-E, Algorithm 1), equation by equation, as
printed and corrected, as functions of the critics' scores.

A table of scores is a dict: ``scores["A", "XB"]`` is what critic D_A says to a batch of
real melodies of B, shape (n,). Critics are "A", "B", "F"; sources are the real melodies
"XA", "XB" and the generators' "GA", "GB", "GF". Nothing here runs a network. Chapter 3,
FusionGAN: `notebooks/03_fusiongan_1_from_scratch` goes through the paper's equations, and
`notebooks/03_fusiongan_2_full_size` through what we add.

Most equations are sums of means with weights: these stand in `WEIGHTS`, and `objective`
adds up. Where a critic ascends an objective in which its own weights do not sum to zero,
adding a constant to it raises the objective without end: printed, D_F's sum to +3, and
those of D_A and D_B to -3. *Corrected*, a critic's positive terms are averaged, and so are
its negative ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch.nn import functional as F

if TYPE_CHECKING:
    import torch

    from fusiontools.papers.fusiongan.networks import Critic


__all__ = ["SOURCES", "WEIGHTS", "balance_a", "balance_f", "constant_gain"]
__all__ += ["critic_objective", "farthest", "generator_reward", "objective", "order_hinge"]
__all__ += ["policy_loss", "reward_ours", "two_way", "weights"]

SOURCES = ("XA", "XB", "GA", "GB", "GF")

_D_A = {("A", "XA"): 1, ("A", "XB"): -1, ("A", "GA"): -1, ("A", "GB"): -1, ("A", "GF"): -1}
_D_B = {("B", "XA"): -1, ("B", "XB"): 1, ("B", "GA"): -1, ("B", "GB"): -1, ("B", "GF"): -1}
_D_F = {("F", "XA"): 1, ("F", "XB"): 1, ("F", "GA"): 1, ("F", "GB"): 1, ("F", "GF"): -1}
# equation: {(critic, source): weight}, as printed; "11B" and "14B" are D_B's and G_B's,
# left to symmetry by the paper
WEIGHTS = {
    "1": _D_A | _D_B | _D_F,
    "2": _D_F | {("A", "GF"): -1, ("B", "GF"): -1},
    "4": {("A", "GF"): -1, ("B", "GF"): -1, ("F", "GF"): -1},
    "8": _D_F,
    "10": _D_A | {("B", "GA"): -1, ("F", "GA"): 1},
    "11": _D_A,
    "14": {("A", "GA"): -1, ("B", "GA"): -1, ("F", "GA"): 1},
    "11B": _D_B,
    "14B": {("B", "GB"): -1, ("A", "GB"): -1, ("F", "GB"): 1},
}
# The critics that ascend each; by the others only a generator learns.
_LEARNS = {"1": "ABF", "2": "F", "8": "F", "10": "A", "11": "A", "11B": "B"}


def weights(equation: str, form: str = "corrected") -> dict[tuple[str, str], float]:
    """The weight of each mean in an equation of `WEIGHTS`: {(critic, source): float}.

    Corrected, the terms of a critic that learns by this equation are averaged, positives
    and negatives apart. Terms by which only a generator learns stay: to it, a constant
    makes no difference.

    Examples
    --------
    >>> weights("8", "printed")["F", "GA"], weights("8")["F", "GA"]
    (1.0, 0.25)
    """
    if equation not in WEIGHTS or form not in ("printed", "corrected"):
        known = f"{', '.join(WEIGHTS)}, printed or corrected"
        raise ValueError(f"no equation {equation!r} as {form!r}: choose one of {known}")
    printed = {key: float(w) for key, w in WEIGHTS[equation].items()}
    if form == "printed":
        return printed
    corrected = dict(printed)
    for (critic, source), w in printed.items():
        if critic in _LEARNS.get(equation, ""):
            # w / (sum of this critic's weights of the same sign)
            alike = [v for (c, _), v in printed.items() if c == critic and v * w > 0]
            corrected[critic, source] = w / abs(sum(alike))
    return corrected


def constant_gain(equation: str, critic: str, form: str = "corrected") -> float:
    """What adding 1 to a critic everywhere adds to an equation: anything but 0 makes its
    supremum infinite (Theorem III.1 then fails).

    Examples
    --------
    >>> constant_gain("8", "F", "printed"), constant_gain("8", "F")
    (3.0, 0.0)
    """
    return sum(w for (c, _), w in weights(equation, form).items() if c == critic)


def objective(
    equation: str, scores: dict[tuple[str, str], torch.Tensor], form: str = "corrected"
) -> torch.Tensor:
    """One of Eqs. 1, 2, 4, 8, 10, 11, 14 as a number, from a table of scores."""
    # L = sum over critics D and sources S of w(D, S) E_{x ~ S} [D(x)]
    return sum(w * scores[key].mean() for key, w in weights(equation, form).items())


def balance_f(scores: dict[tuple[str, str], torch.Tensor]) -> torch.Tensor:
    """How unequal D_F finds the two genres. It is to be subtracted; Algorithm 1, line 23,
    adds it, which rewards the imbalance.
    """
    # Eq. 9: L_F-bal = |E[D_F(G_A)] - E[D_F(G_B)]| + |E[D_F(X_A)] - E[D_F(X_B)]|
    generated = scores["F", "GA"].mean() - scores["F", "GB"].mean()
    real = scores["F", "XA"].mean() - scores["F", "XB"].mean()
    return generated.abs() + real.abs()


def balance_a(
    scores: dict[tuple[str, str], torch.Tensor], domain: str = "A"
) -> torch.Tensor:
    """Eq. 13, meant to keep the order of Eq. 12. It cannot: a norm has no sign."""
    own, mid, other = _three(scores, domain)
    # Eq. 13: L_A-bal = |D_A(X_A) - D_A(G_F)| + |D_A(G_F) - D_A(X_B)|
    return (own - mid).abs() + (mid - other).abs()


def order_hinge(
    scores: dict[tuple[str, str], torch.Tensor], domain: str = "A"
) -> torch.Tensor:
    """How far the order of Eq. 12 is broken: what we subtract in place of Eq. 13."""
    own, mid, other = _three(scores, domain)
    # Eq. 12: D_A(X_A) >= D_A(G_F) >= D_A(X_B), so the hinge is
    # max(0, D_A(G_F) - D_A(X_A)) + max(0, D_A(X_B) - D_A(G_F))
    return F.relu(mid - own) + F.relu(other - mid)


def _three(scores, domain):
    """A critic's mean scores of its own genre, of G_F, and of the other genre."""
    other = {"A": "B", "B": "A"}[domain]
    return [scores[domain, s].mean() for s in (f"X{domain}", "GF", f"X{other}")]


def critic_objective(
    critic: str,
    scores: dict[tuple[str, str], torch.Tensor],
    form: str = "corrected",
    balance: float = 1.0,
) -> torch.Tensor:
    """What a critic ascends in the fusion phase, from its scores on all five sources:
    Algorithm 1, lines 23 and 28. Printed: Eq. 8 + Eq. 9, or Eq. 11 + Eq. 13. Corrected: the
    balance is subtracted, and Eq. 12's hinge stands in for Eq. 13.
    """
    total = objective({"A": "11", "B": "11B", "F": "8"}[critic], scores, form)
    if not balance:
        return total
    if form == "printed":
        unequal = balance_f(scores) if critic == "F" else balance_a(scores, critic)
        return total + balance * unequal
    unequal = balance_f(scores) if critic == "F" else order_hinge(scores, critic)
    return total - balance * unequal


def two_way(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """What a critic ascends in the pre-training, Algorithm 1, lines 5 and 14: the
    Wasserstein distance between two sources.
    """
    # W(P_r, P_theta) = sup_{|f|_L <= 1} E_{x ~ P_r}[f(x)] - E_{x ~ P_theta}[f(x)]
    return real.mean() - fake.mean()


def generator_reward(
    generator: str, scores: torch.Tensor, form: str = "corrected"
) -> torch.Tensor:
    """What the policy gradient of a generator rewards, for every sequence on its own:
    scores of D_A, D_B, D_F, (..., 3) -> (...). L is a distance, so a generator must descend
    it: its reward is -L. Printed, Algorithm 1 ascends it in lines 24 and 29.
    """
    terms = WEIGHTS[{"A": "14", "B": "14B", "F": "4"}[generator]]
    w = [terms[critic, f"G{generator}"] for critic in "ABF"]
    # Eq. 4: L_GF = -sum_i D_i(G_F);   Eq. 14: L_GA = -D_A(G_A) - D_B(G_A) + D_F(G_A)
    loss = sum(weight * score for weight, score in zip(w, scores.unbind(-1)))
    return loss if form == "printed" else -loss


def reward_ours(
    scores: torch.Tensor, logit: torch.Tensor, weight: float = 1.0
) -> torch.Tensor:
    """Our own reward of G_F: Eq. 4's, and the balance *inside* the expectation.

    In Eq. 4, what D_A gives for A and what D_B gives for B cancel; Eqs. 9, 12 and 13
    compare means over a batch. None of it prefers melodies between the genres to a 50/50
    mixture of pure ones. Here each melody has to lie between them by itself.

    Parameters
    ----------
    scores : Tensor, shape (..., 3)
        Of D_A, D_B, D_F, each in units of its own spread.
    logit : Tensor, shape (...)
        The log-odds of A against B that the guide gives to each sequence.
    weight : float
        lambda_in.
    """
    # rho(x) = 1/3 sum_i D_i(x) / sigma_i - lambda_in |logit(x)|
    # (in the mean E[|logit(x)|]; a balance of means is |E[logit(x)]|)
    return scores.mean(-1) - weight * logit.abs()


def farthest(genre: Callable | Critic, x: torch.Tensor, stretch: int = 0) -> torch.Tensor:
    """How sure the guide `genre` is of a melody's genre, (B, T) -> (B,): the largest
    absolute log-odds that it gives to any segment of `stretch` tokens; or, with 0 or in a
    melody no longer than that, to the whole.
    """
    if not 0 < stretch < x.shape[1]:
        return genre(x).abs()
    # max_t |logit(x_t ... x_{t + stretch - 1})|, t every third of a segment
    segments = x.unfold(1, stretch, max(stretch // 3, 1))  # (B, n, stretch)
    logit = genre(segments.reshape(-1, stretch)).view(segments.shape[:2])
    return logit.abs().amax(1)


def policy_loss(
    log_prob: torch.Tensor, reward: torch.Tensor, baseline: bool = True
) -> torch.Tensor:
    """The loss whose gradient is the policy gradient of a generator (REINFORCE), from the
    log-probability and the reward of each token, (B, T). Without a `baseline`, a constant
    reward has no direction, E[grad log p] being 0: what is left is a walk at random.
    """
    if baseline:
        # Less the batch's mean at the same place, which saves most of the noise; over the
        # spread of all rewards, as a critic's have no unit, and a KL weight needs one.
        reward = (reward - reward.mean(0)) / (reward.std() + 1e-6)
    # grad J = E[sum_t grad log p(y_t | y_1 ... y_{t-1}) Q_t]
    return -(log_prob * reward).mean()

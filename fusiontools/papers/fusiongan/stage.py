"""What all phases of FusionGAN's training work with: the networks, the real melodies, one
step of an optimizer. It decides nothing.

The phases themselves, with their loops, are in `fusiontools.papers.fusiongan.algorithm`.
"""

import copy

import torch

from fusiontools.papers.fusiongan import losses
from fusiontools.papers.fusiongan.networks import Critic, Generator
from fusiontools.score import euclidean, ratio, shares
from fusiontools.training import Batches, descend, steps

__all__ = ["DEPENDS", "NAMES", "Measure", "Networks", "Stage", "follow", "token_histograms"]

NAMES = ("A", "B", "F")
_NETWORK = ("embedding", "hidden", "batch", "mle_epochs", "mle_rate", "clip")
_CRITIC = ("critic_embedding", "filters", "keep", "bound", "d_rate", "d_start")
_GAME = ("g_rate", "rollouts", "update_rate", "gan_rounds", "g_steps", "d_steps")
# what a phase's end depends on: settings that two runs must share, if one is to take the
# phase over from the other
DEPENDS = {
    "mle": _NETWORK,
    "critics": _NETWORK + _CRITIC,
    "game": _NETWORK + _CRITIC + _GAME,
    "genre": ("genre_steps",),
}


class Networks:
    """All networks of a training, by name: generators ``g["A"]``, ``g["B"]``, ``g["F"]``,
    critics ``d["A"]`` and so on.

    ``genre`` tells A from B; only our own method trains it. ``prior`` is G_F as maximum
    likelihood left it.
    """

    def __init__(self, config, tokens, device="cpu"):
        self.g = {
            name: Generator(tokens, config.embedding, config.hidden).to(device)
            for name in NAMES
        }
        self.d = {name: _critic(config, tokens, config.bound).to(device) for name in NAMES}
        self.genre = _critic(config, tokens, "none").to(device)
        for critic in (*self.d.values(), self.genre):
            critic.eval()  # dropout only while it learns
        self.prior = copy.deepcopy(self.g["F"])
        self.rolling = copy.deepcopy(self.g)  # the slower selves that write the rollouts
        for g in (self.prior, *self.rolling.values()):
            g.lstm.flatten_parameters()  # a copy lies scattered in a GPU's memory

    def state(self, critics=True):
        """All of them by name, for a checkpoint; without the critics, where they are still
        as they were made.
        """
        generators = (
            {f"g_{n}": self.g[n] for n in NAMES}
            | {f"rolling_{n}": self.rolling[n] for n in NAMES}
            | {"prior": self.prior}
        )
        return generators | (
            {f"d_{n}": self.d[n] for n in NAMES} | {"genre": self.genre} if critics else {}
        )


def _critic(config, tokens, bound):
    return Critic(tokens, config.critic_embedding, config.filters, config.keep, bound)


class Stage:
    """What every phase works with: settings, networks, real melodies, the run. It decides
    nothing.
    """

    def __init__(self, config, data, networks, run, device):
        self.config, self.data, self.networks, self.run, self.device = (
            config,
            data,
            networks,
            run,
            device,
        )
        self.rank = 0 if run.fabric is None else run.fabric.global_rank
        self.share = config.batch // run.processes  # of a batch, this process's part
        self.windows = {
            n: torch.from_numpy(data.windows(n, "train")).to(device) for n in "AB"
        }
        self.length = self.windows["A"].shape[1]
        self.batches = self.streams()

    def streams(self):
        """Endless shuffled indices of each genre's melodies, from the start."""
        own = dict(seed=self.run.seed, rank=self.rank, processes=self.run.processes)
        return {
            n: Batches(len(x), self.config.batch, **own) for n, x in self.windows.items()
        }

    def real(self, n):
        """A batch of real melodies of "A" or "B"; of "F", half of each, so that the larger
        corpus does not outweigh the other. (B, T)
        """
        if n == "F":
            a, b = self.real("A"), self.real("B")
            return torch.cat([a[: len(a) // 2], b[len(a) // 2 :]])
        return self.windows[n][torch.from_numpy(next(self.batches[n])).to(self.device)]

    @torch.no_grad()
    def held_out(self, most=512):
        """Minus the log-likelihood of a token of the validation songs, for each generator:
        where it rises, a generator learns by heart.
        """
        x = {
            n: torch.from_numpy(self.data.windows(n, "validation")[:most]).to(self.device)
            for n in "AB"
        }
        x["F"] = torch.cat([x["A"][: most // 2], x["B"][: most // 2]])
        return {f"held_out_{n}": -self.networks.g[n].log_prob(x[n]).mean() for n in NAMES}

    def written(self, n, batches=1):
        """A batch of melodies by a generator, (B, T); several at once are quicker."""
        return self.networks.g[n].sample(batches * self.share, self.length)

    def steps(self, phase, total, curves, **optimizers):
        """The steps of a phase, which can be killed at any of them. Optimizers come as one
        dict a kind.
        """
        named = {
            f"adam_{kind}_{n}": optimizer
            for kind, own in optimizers.items()
            for n, optimizer in own.items()
        }
        state = (
            self.networks.state(critics=phase != "mle")
            | {f"batches_{n}": b for n, b in self.batches.items()}
            | named
        )
        return steps(self.run, state, total, phase=phase, curves=curves)

    def update(self, loss, model, optimizer, clip=None):
        """One step of an optimizer downhill, the same in every process."""
        descend(self.run, loss, model, optimizer, clip)

    def ascend(self, d, value, optimizer, x, y):
        """One step of a critic uphill; `x` and `y` are the two sides that it tells apart,
        for a gradient penalty.
        """
        loss = -value
        if d.bound == "penalty":
            loss = loss + 10.0 * losses.gradient_penalty(d, x, y)
        self.update(loss, d, optimizer)
        if d.bound == "clip":
            losses.clip_weights(d)
        d.eval()

    def sources(self, batches=1):
        """Real melodies of A and B, and melodies of all three generators: for each the
        tokens, (batches * B, T).
        """
        real = {f"X{n}": torch.cat([self.real(n) for _ in range(batches)]) for n in "AB"}
        return real | {f"G{n}": self.written(n, batches) for n in NAMES}

    def scores(self, names, sources):
        """The table of scores that `losses` works on: {(critic, source): (B,)}. A critic in
        training keeps its dropout.
        """
        x, sizes = torch.cat(list(sources.values())), [len(s) for s in sources.values()]
        return {
            (n, s): part
            for n in names
            for s, part in zip(sources, self.networks.d[n](x).split(sizes))
        }


@torch.no_grad()
def follow(slow, quick, keep):
    """Move a rollout policy towards its generator: it keeps `keep` of its old self, as in
    SeqGAN.
    """
    for p, q in zip(slow.parameters(), quick.parameters()):
        p.lerp_(q, 1 - keep)


def token_histograms(x, vocabulary):
    """Notes of each duration and of each pitch class in windows of tokens, (..., T): a
    quick stand-in for DD and NPD while training.

    Returns
    -------
    durations : ndarray, shape (len(vocabulary.durations),)
    pitch_classes : ndarray, shape (12,)
    """
    k = len(vocabulary.durations)
    x = x.flatten()
    x = x[x < vocabulary.pitches * k]  # no rests
    pitch = (x // k + vocabulary.low) % 12
    return torch.bincount(x % k, minlength=k).cpu().numpy(), torch.bincount(
        pitch, minlength=12
    ).cpu().numpy()


class Measure:
    """What a round of the fusion looks like from outside: the objective, what each critic
    says to each source, and measured distances.

    The paper claims that the objective shows how far the fusion has come. So both stand in
    each row of the history: Eq. 1, corrected, and the Ratios of durations and of pitch
    classes among the melodies of G_F that this round has written.
    """

    def __init__(self, stage):
        self.stage = stage
        vocabulary = stage.data.vocabulary
        self.real = [token_histograms(stage.windows[n], vocabulary) for n in "AB"]

    @torch.no_grad()
    def __call__(self, sources):
        scores = self.stage.scores(NAMES, sources)
        row = {f"D_{c}_{s}": v.mean() for (c, s), v in scores.items()}
        row["objective"] = losses.objective("1", scores, "corrected")
        mine = token_histograms(sources["GF"], self.stage.data.vocabulary)
        for name, f, a, b in zip(("dd", "npd"), mine, *self.real):
            row[f"ratio_{name}"] = ratio(shares(f + 1e-9), shares(a), shares(b), euclidean)
        if "genre" in self.stage.config.phases:
            verdict = self.stage.networks.genre(sources["GF"])
            row["between"] = (
                (verdict.abs() < 1.0986).float().mean()
            )  # log 3: p(A|x) from 1/4 to 3/4
        return row

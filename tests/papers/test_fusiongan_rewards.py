"""The fast rollouts compute what the textbook's do."""

import pytest
import torch

from fusiontools.papers.fusiongan.networks import Critic, Generator, bounded_norm, draw
from fusiontools.papers.fusiongan.rewards import continuations, rewards, rewards_plain

FILTERS = ((1, 4), (2, 5), (5, 3))


@pytest.fixture
def networks():
    torch.manual_seed(0)
    generator = Generator(13, 8, 16)
    bounds = ("spectral", "none", "spectral")
    return generator, [Critic(13, 6, FILTERS, bound=bound).eval() for bound in bounds]


@pytest.mark.parametrize(
    "combine", [None, lambda s: s[..., 0] - (s[..., 1] - s[..., 2]).abs()]
)
def test_fast_and_plain_agree_given_the_same_dice(networks, combine):
    generator, critics = networks
    y, u = generator.sample(4, 9), torch.rand(9, 8, 3, 4)
    plain, fast = (
        rewards_plain(generator, critics, y, 3, combine, u),
        rewards(generator, critics, y, 3, combine, u),
    )
    assert plain.shape == fast.shape == ((4, 9, 3) if combine is None else (4, 9))
    torch.testing.assert_close(plain, fast, atol=1e-5, rtol=1e-5)


def test_fast_and_plain_agree_in_distribution_with_dice_of_their_own(networks):
    generator, critics = networks
    y, n = generator.sample(1, 6), 150
    plain, fast = (
        rewards_plain(generator, critics[:1], y, n),
        rewards(generator, critics[:1], y, n),
    )
    rows = torch.cat(
        [critics[0](x[:, 0])[:, None] for x in continuations(generator, y, n)], dim=1
    )  # (n, T - 1)
    error = (2 * rows.var(0) / n).sqrt()
    assert ((plain - fast)[0, :-1, 0].abs() < 4.5 * error + 1e-6).all()
    torch.testing.assert_close(plain[:, -1], fast[:, -1])


def test_a_rollout_keeps_its_prefix(networks):
    generator, _ = networks
    y = generator.sample(3, 7)
    x = continuations(generator, y, 2)  # (T - 1, N, B, T)
    assert x.shape == (6, 2, 3, 7)
    for length in range(1, 7):
        assert (x[length - 1, ..., :length] == y[:, :length]).all()


def test_tables_are_convolutions(networks):
    generator, critics = networks
    y = generator.sample(5, 8)
    whole = rewards(generator, critics, y, 1)[:, -1]  # of finished sequences, by tables
    torch.testing.assert_close(whole, torch.stack([c(y) for c in critics], dim=-1))


def test_sampling_step_by_step_is_the_distribution_that_training_sees(networks):
    generator, _ = networks
    y = generator.sample(2, 6)
    logits, state = generator.step(torch.full((2,), 13))
    for t in range(6):
        torch.testing.assert_close(logits, generator(y)[:, t])
        logits, state = generator.step(y[:, t], state)
    assert generator.log_prob(y).shape == (2, 6) and (generator.log_prob(y) < 0).all()


def test_draw_is_the_inverse_of_the_distribution():
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(4, 3)
    assert draw(logits, torch.tensor([0.1, 0.3, 0.69, 0.71])).tolist() == [0, 1, 1, 2]
    impossible = torch.tensor([[0.0, 0.5, 0.5, 0.0]]).log()  # its ends are never drawn
    assert [draw(impossible, torch.tensor([u])).item() for u in (0.0, 1 - 2**-24)] == [1, 2]
    counts = torch.bincount(
        draw(
            logits[:1].expand(4000, 3),
            torch.rand(4000, generator=torch.Generator().manual_seed(0)),
        )
    )
    assert (counts / 4000 - torch.tensor([0.2, 0.5, 0.3])).abs().max() < 0.04


def test_a_bounded_critic_never_moves_further_than_its_bound():
    torch.manual_seed(0)
    critic = Critic(13, 6, FILTERS)
    for p in critic.parameters():  # however wild its weights are
        p.data.mul_(50)
    for _ in range(60):
        critic(
            torch.randint(13, (2, 9))
        )  # the power iteration finds the largest singular values
    critic.eval()
    x = torch.randint(13, (200, 9))
    y = x.clone()
    y[:, 4] = torch.randint(13, (200,))
    assert (critic(x) - critic(y)).abs().max() <= bounded_norm(FILTERS)

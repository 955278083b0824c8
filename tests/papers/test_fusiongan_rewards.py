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


def beginnings(x):
    """How often the first token comes, a function of finished sequences."""
    return (x == x[:, :1]).float().mean(1)


def ends_high(x):
    return (x[:, -1] > 6).float() - 2 * (x[:, 1] < 3).float()


@pytest.mark.parametrize("combine", [None, lambda s: s[..., 0] * s[..., -1] - s[..., 1]])
@pytest.mark.parametrize("many", [0, 1, 3])
def test_other_functions_beside_critics_and_alone(networks, many, combine):
    generator, critics = networks
    asked = [*critics[:many], beginnings, ends_high]
    y, u = generator.sample(4, 9), torch.rand(9, 8, 3, 4)
    plain = rewards_plain(generator, asked, y, 3, combine, u)
    fast = rewards(generator, asked, y, 3, combine, u)
    assert plain.shape == fast.shape == (4, 9, *([] if combine else [many + 2]))
    torch.testing.assert_close(plain, fast, atol=1e-5, rtol=1e-5)
    if combine is None:  # what is finished is only asked
        torch.testing.assert_close(fast[:, -1, many], beginnings(y))


def test_functions_are_asked_in_parts_and_nothing_changes_places(networks):
    generator, sizes = networks[0], []

    def noted(x):
        sizes.append(len(x))
        return ends_high(x)

    y, u = generator.sample(2, 4), torch.rand(4, 3, 800, 2)
    found = rewards(generator, [noted], y, 800, u=u)[..., 0]
    assert sizes == [4096, 706]  # 3 prefixes, 800 continuations of each of 2, and y
    for length, x in enumerate(continuations(generator, y, 800, u), 1):
        wanted = ends_high(x.flatten(0, 1)).view(800, 2).mean(0)
        torch.testing.assert_close(found[:, length - 1], wanted)
    torch.testing.assert_close(found[:, -1], ends_high(y))


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


def test_a_critic_hears_what_is_alike_as_one_and_keeps_no_word_of_it(networks):
    torch.manual_seed(1)
    alike = torch.tensor([0, 0, 2, 2, 2, *range(5, 13)])
    deaf = Critic(13, 6, FILTERS, bound="none", alike=alike).eval()
    plain = Critic(13, 6, FILTERS, bound="none").eval()
    plain.load_state_dict(deaf.state_dict())  # the same weights, under the same names
    x = torch.randint(13, (30, 9))
    assert torch.equal(deaf(x), plain(alike[x]))
    assert torch.equal(deaf(x), deaf(alike[x])) and not torch.equal(deaf(x), plain(x))

"""Eqs. 1 to 8 against values worked out by hand, and what is wrong with them as printed."""

import math

import numpy as np
import pytest
import torch

from fusiontools.papers.connective_fusion import losses
from fusiontools.papers.connective_fusion.networks import Discriminator
from fusiontools.score.latent import z_distance as reported


def odds(d):
    return torch.tensor([math.log(d / (1 - d))], dtype=torch.float64)


@pytest.mark.parametrize("d", [0.01, 0.2, 0.5, 0.9])
def test_the_terms_of_the_discriminator(d):
    assert float(losses.positive(odds(d))) == pytest.approx(-math.log(d))
    assert float(losses.negative(odds(d))) == pytest.approx(-math.log(1 - d))
    assert float(losses.negative(odds(d), "printed")) == pytest.approx(-(1 - math.log(d)))


def test_as_printed_one_pair_is_enough_to_win_without_end():
    surer = torch.tensor([-10.0, -100.0, -1000.0])
    assert losses.negative(surer, "printed").tolist() == pytest.approx(
        [-11, -101, -1001], abs=1e-3
    )
    assert losses.negative(surer).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    # the slope does not fade for a pair that is already found out, so all others count for
    # less and less
    pair = torch.tensor([-1000.0], requires_grad=True)
    losses.negative(pair, "printed").sum().backward()
    assert float(pair.grad) == 1.0


def test_eqs_2_to_4_and_8_add_up():
    fakes = [odds(d) for d in (0.1, 0.2, 0.3, 0.4)]
    by_hand = -math.log(0.8) - sum(math.log(1 - d) for d in (0.1, 0.2, 0.3, 0.4))
    assert float(losses.discriminator_loss(odds(0.8), fakes)) == pytest.approx(by_hand)
    weighted = -math.log(0.8) - 0.25 * sum(math.log(1 - d) for d in (0.1, 0.2, 0.3, 0.4))
    assert float(losses.discriminator_loss(odds(0.8), fakes, 0.25)) == pytest.approx(
        weighted
    )
    found = losses.generator_loss(
        [odds(0.5), odds(0.25)], [torch.tensor([1.0]), torch.tensor([3.0])], 0.3
    )
    assert float(found) == pytest.approx(-math.log(0.5) - math.log(0.25) + 0.3 * 4)


@pytest.mark.parametrize("weight, agreed", [(1.0, 0.2), (0.25, 0.5)])
def test_the_best_discriminator_descends_no_further(weight, agreed):
    """D's optimum from the densities is where the loss has no slope, and the prior of a
    real pair where all densities agree.
    """
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6), size=4)
    d = losses.optimal_discriminator(p, q, weight)
    a = torch.tensor(np.log(d / (1 - d)), requires_grad=True)
    p, q = torch.tensor(p), torch.tensor(q)
    loss = (p * losses.positive(a)).sum() + weight * sum(
        (row * losses.negative(a)).sum() for row in q
    )
    loss.backward()
    assert a.grad.abs().max() < 1e-12
    assert losses.optimal_discriminator(0.3, [0.3] * 4, weight) == pytest.approx(agreed)


def test_the_first_equation():
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]]))
    assert float(losses.reconstruction(logits, torch.tensor([[0, 2]]))) == pytest.approx(
        -math.log(0.5) - math.log(0.7)
    )
    mean, log_var = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert float(losses.divergence(mean, log_var)) == pytest.approx(
        0.5 + 0.5 * (4 - 1 - math.log(4))
    )
    assert float(losses.divergence(mean, log_var, free_bits=0.6)) == pytest.approx(
        0.5 * (4 - 1 - math.log(4))
    )
    assert float(losses.divergence(mean, log_var, free_bits=1.0)) == 0


def test_distances_by_hand_and_as_reported():
    z = torch.zeros(1, 2, 2)
    moved = torch.tensor([[[1.0, 0.0], [3.0, 2.0]]])
    sigma = torch.tensor([0.5, 2.0])
    left, right = math.log(2) / 0.25 / 2, (math.log(10) / 0.25 + math.log(5) / 4) / 2
    assert float(losses.similarity(z, moved, sigma)) == pytest.approx(left + right)
    assert losses.z_distance(z, moved, sigma).tolist() == [
        [pytest.approx(2.0), pytest.approx(18.5)]
    ]
    assert np.allclose(
        reported(moved.numpy(), z.numpy(), sigma.numpy()),
        losses.z_distance(z, moved, sigma).numpy(),
    )


def test_styles_are_asked_to_stand_apart_and_then_left_alone():
    sigma = torch.tensor([0.5, 2.0])
    one = torch.zeros(3, 2, 2, requires_grad=True)
    other = torch.zeros(3, 2, 2)
    other[1, :, 0] = math.sqrt(
        0.5
    )  # (1/2) (0.5 / 0.25) = 1 for each half: as far as the goal
    other[2, 0] = torch.tensor(
        [1.0, 2.0]
    )  # (1/2) (4 + 1) for one half, 0 for the other: 1.25 on average
    found = losses.spread(one, other, sigma, 2.0)
    assert found.tolist() == pytest.approx([2.0, 1.0, 0.75])
    assert losses.spread(one, other, sigma, 1.25).tolist() == pytest.approx(
        [1.25, 0.25, 0.0]
    )
    assert torch.equal(
        losses.spread(one, other, sigma, 2.0), losses.spread(other, one, sigma, 2.0)
    )
    losses.spread(one, other, sigma, 1.1).sum().backward()
    assert (one.grad[1, :, 0] > 0).all()  # away from what the other style made
    assert not one.grad[2].any()  # far enough
    # in the same place no way leads apart, so a generator has to hear the style a little
    # from the start
    assert not one.grad[0].any()


def test_the_penalty_asks_for_a_slope_of_one():
    class Slope(torch.nn.Module):
        def forward(self, z):
            return 3 * z[:, 0, 0] + 4 * z[:, 1, 0]

    pairs = torch.randn(5, 2, 3)
    assert float(
        losses.gradient_penalty(Slope(), pairs, torch.randn(5, 2, 3))
    ) == pytest.approx(16.0)
    torch.manual_seed(0)
    d = Discriminator(3, 16)
    losses.gradient_penalty(d, pairs, pairs + 1).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in d.parameters())

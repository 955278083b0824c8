"""The equations of FusionGAN as tables of weights: what is printed, what is corrected, and
what a constant does to each.
"""

import pytest
import torch

from fusiontools.papers.fusiongan import losses
from fusiontools.papers.fusiongan.losses import SOURCES


def table(**offset):
    """Scores of all critics on all sources, each critic moved by its offset."""
    dice = torch.Generator().manual_seed(0)
    return {
        (c, s): torch.randn(8, generator=dice) + offset.get(c, 0.0)
        for c in "ABF"
        for s in SOURCES
    }


@pytest.mark.parametrize(
    "equation, critic, printed",
    [
        ("1", "A", -3),
        ("1", "B", -3),
        ("1", "F", 3),
        ("2", "F", 3),
        ("8", "F", 3),
        ("10", "A", -3),
        ("11", "A", -3),
        ("11B", "B", -3),
    ],
)
def test_printed_weights_do_not_sum_to_zero_and_corrected_ones_do(
    equation, critic, printed
):
    assert losses.constant_gain(equation, critic, "printed") == printed
    assert losses.constant_gain(equation, critic) == 0
    for form, gain in (("printed", printed), ("corrected", 0)):
        moved = losses.objective(equation, table(**{critic: 5.0}), form) - losses.objective(
            equation, table(), form
        )
        assert float(moved) == pytest.approx(5.0 * gain, abs=1e-5)


def test_the_signs_are_the_papers():
    """Eq. 1 term by term: which source each critic calls its own."""
    positive = {key for key, w in losses.WEIGHTS["1"].items() if w > 0}
    assert positive == {
        ("A", "XA"),
        ("B", "XB"),
        ("F", "XA"),
        ("F", "XB"),
        ("F", "GA"),
        ("F", "GB"),
    }
    assert len(losses.WEIGHTS["1"]) == 15 and set(
        map(abs, losses.WEIGHTS["1"].values())
    ) == {1}


def test_a_part_of_eq_1_has_its_weights():
    for equation in ("2", "8", "10", "11", "11B"):
        assert losses.WEIGHTS[equation].items() <= losses.WEIGHTS["1"].items()


def test_eqs_4_and_14_are_the_generators_terms_of_eqs_2_and_10():
    assert losses.WEIGHTS["4"] == {
        k: w for k, w in losses.WEIGHTS["2"].items() if k[1] == "GF"
    }
    assert losses.WEIGHTS["14"] == {
        k: w for k, w in losses.WEIGHTS["10"].items() if k[1] == "GA" and k[0] in "ABF"
    }


def test_corrected_weights_are_averages_of_each_side():
    w = losses.weights("11")
    assert w["A", "XA"] == 1 and {w["A", s] for s in SOURCES if s != "XA"} == {-0.25}


@pytest.mark.parametrize(
    "own, mid, other, holds",
    [(3, 2, 1, True), (1, 2, 3, False), (3, 1, 2, False), (2, 2, 2, True)],
)
def test_the_hinge_knows_the_order_and_the_norms_do_not(own, mid, other, holds):
    scores = {
        ("A", "XA"): torch.tensor([float(own)]),
        ("A", "GF"): torch.tensor([float(mid)]),
        ("A", "XB"): torch.tensor([float(other)]),
    }
    assert (float(losses.order_hinge(scores)) == 0) == holds
    mirrored = {
        ("A", "XA"): scores["A", "XB"],
        ("A", "GF"): scores["A", "GF"],
        ("A", "XB"): scores["A", "XA"],
    }
    assert losses.balance_a(scores) == losses.balance_a(
        mirrored
    )  # Eq. 13 takes the wrong order for the right one


def test_the_balance_is_added_as_printed_and_subtracted_corrected():
    scores = table()
    for critic, equation, balance in (
        ("F", "8", losses.balance_f(scores)),
        ("A", "11", losses.balance_a(scores)),
    ):
        printed = losses.critic_objective(critic, scores, "printed") - losses.objective(
            equation, scores, "printed"
        )
        assert float(printed) == pytest.approx(float(balance), abs=1e-5)
    corrected = losses.critic_objective("F", scores) - losses.objective("8", scores)
    assert float(corrected) == pytest.approx(-float(losses.balance_f(scores)), abs=1e-5)
    assert losses.critic_objective("B", scores, balance=0.0) == losses.objective(
        "11B", scores
    )


def test_a_generator_that_descends_is_rewarded_for_pleasing_its_critics():
    scores = torch.eye(
        3
    )  # a sequence that pleases D_A, one that pleases D_B, one that pleases D_F
    assert losses.generator_reward("F", scores).tolist() == [1, 1, 1]
    assert losses.generator_reward("A", scores).tolist() == [1, 1, -1]
    assert losses.generator_reward("B", scores).tolist() == [1, 1, -1]
    assert torch.equal(
        losses.generator_reward("F", scores, "printed"),
        -losses.generator_reward("F", scores),
    )


def test_only_our_reward_tells_a_mixture_from_a_fusion():
    """Half sure of A and half sure of B, against all undecided: the same mean verdict."""
    scores, mixed, fused = torch.zeros(4, 3), torch.tensor([5.0, 5, -5, -5]), torch.zeros(4)
    assert mixed.mean() == fused.mean()
    ours = losses.reward_ours
    assert ours(scores, fused).mean() > ours(scores, mixed).mean()
    assert losses.generator_reward("F", scores).mean() == 0


def test_the_policy_gradient_makes_the_better_token_likelier():
    logits = torch.zeros(1, 2, requires_grad=True)
    log_p = logits.log_softmax(-1)
    losses.policy_loss(
        log_p[:, [0, 1]].T.reshape(2, 1), torch.tensor([[1.0], [0.0]])
    ).backward()
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1]  # descent raises the first
    constant = losses.policy_loss(log_p.detach().T.reshape(2, 1), torch.ones(2, 1))
    assert float(constant) == 0  # with a baseline, a constant teaches nothing


def test_the_policy_gradient_does_not_hang_on_a_critics_units():
    dice = torch.Generator().manual_seed(0)
    log_p, reward = (torch.randn(8, 5, generator=dice) for _ in range(2))
    once, other = (losses.policy_loss(log_p, x) for x in (reward, 10 * reward + 3))
    torch.testing.assert_close(once, other)
    place = torch.arange(5.0)  # worth the same to all sequences, so it teaches nothing
    spread = ((reward + place).std() / reward.std()).item()
    shifted = losses.policy_loss(log_p, reward + place)
    torch.testing.assert_close(shifted * spread, once, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stretch", [0, 3, 4, 7, 9, 10, 12])
def test_the_farthest_is_the_largest_of_all_stretches(stretch):
    """Where a genre is heard in so many tokens: windows every third of a stretch."""
    x = torch.randint(9, (6, 10), generator=torch.Generator().manual_seed(0))

    def genre(part):
        return (part.float() - 4).sum(1) + part[:, 0]

    found = losses.farthest(genre, x, stretch)
    if 0 < stretch < 10:
        starts = range(0, 10 - stretch + 1, max(stretch // 3, 1))
        parts = [x[:, k : k + stretch] for k in starts]
    else:
        parts = [x]
    assert all(part.shape[1] == (stretch if 0 < stretch < 10 else 10) for part in parts)
    wanted = [max(abs(float(genre(p[i : i + 1]))) for p in parts) for i in range(6)]
    assert found.tolist() == wanted
    assert found.shape == (6,) and (found >= 0).all()

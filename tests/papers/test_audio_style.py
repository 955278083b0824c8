"""Random features, the Gram matrix and its fast forms, and the closed form."""

import pytest
import torch
from torch import nn

from fusiontools.papers.audio_style import closed_form, features, gram
from fusiontools.papers.audio_style.features import FEATURES

WAYS = [(name, way) for name in FEATURES for way in ("frequency", "time")]


def pictures(rows=7, frames=11, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return torch.rand(2, rows, frames, generator=dice, dtype=torch.float64)


def network(name, along, rows=7, frames=11):
    net = features.random_network(name, rows, frames, along, channels=300)
    if name == "cnn":
        return net._replace(last=net.last.double())
    inside = net.inside
    return features.Random(lambda x: inside(x.float()).double(), net.last.double())


@pytest.mark.parametrize(("name", "along"), WAYS)
def test_fast_losses_are_the_direct_one(name, along):
    x, style = pictures()
    net = network(name, along)
    for fast in (gram.by_frames, gram.by_moments, gram.style_loss):
        values, slopes = [], []
        for loss in (gram.direct(net, style), fast(net, style)):
            at = x.clone().requires_grad_()
            values.append(loss(at))
            slopes.append(torch.autograd.grad(values[-1], at)[0])
        assert torch.isclose(*values, rtol=1e-6)
        assert torch.allclose(*slopes, rtol=1e-4, atol=1e-7)
        assert abs(fast(net, style)(style)) < 1e-9
        assert torch.isclose(loss(x), values[0])


def test_the_convolution_is_pytorchs():
    torch.manual_seed(0)
    layer = nn.Conv1d(7, 300, 3, padding=1)
    net = features.random_network("cnn", 7, 11, channels=300, seed=0)
    x = torch.rand(7, 11)
    assert torch.allclose(net(x), layer(x[None])[0], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "along", "steps"), [("rnn", "frequency", 7), ("rnn", "time", 11)]
)
def test_a_recurrence_runs_along_what_is_asked(name, along, steps):
    net, x = network(name, along), pictures()[0]
    assert net(x).shape == (300, steps)
    changed = x.clone()
    if along == "time":
        changed[:, -1] += 1  # the last frame
    else:
        changed[-1] += 1  # the last frequency
    differs = (net(changed) != net(x)).any(0)
    assert differs.tolist() == [False] * (steps - 1) + [True]


def test_a_seed_gives_the_same_weights_and_leaves_the_dice_alone():
    before = torch.random.get_rng_state()
    one, two, other = (features.random_network("rnn", 5, 6, seed=s).last for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_gram_forgets_when():
    f = torch.rand(6, 20)
    assert torch.allclose(gram.gram(f), gram.gram(f[:, torch.randperm(20)]), atol=1e-5)


def test_the_closed_form_takes_the_style_and_keeps_what_it_can():
    content, style = pictures(rows=40, frames=24, seed=3)
    net = network("cnn", "time", 40, 24)
    loss = gram.direct(net, style)
    start, made = loss(content), closed_form.match_style(content, style)
    assert loss(made) < 0.05 * start
    shuffled = style[:, torch.randperm(24, generator=torch.Generator().manual_seed(0))]
    assert (made - content).norm() < (shuffled - content).norm()
    bounded = closed_form.match_style(content, style, least=0.0)
    assert bounded.min() >= 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        closed_form.match_style(torch.rand(3, 4), torch.rand(3, 5))
    with pytest.raises(ValueError, match="choose cnn"):
        features.random_network("vgg", 3, 4)

"""Audio style transfer: a step with the Gram matrices as they are defined and by their fast
forms, at the paper's sizes; and the closed form beside the descent that it replaces.
"""

import time

from benchmarks.measure import Row, one_thread, seconds, slow

ROWS, FRAMES, STEPS = 1025, 430, 2500  # of a spectrogram of ten seconds; of the paper
LEAST = {"cnn": 8, "rnn": 12, "bilstm": 12}  # as promised
CLOSED, BOUNDED = 500, 200


def _pair(dtype="float32"):
    import torch

    dice = torch.Generator().manual_seed(0)
    return torch.rand(2, ROWS, FRAMES, generator=dice, dtype=getattr(torch, dtype))


def _step(loss, x):
    import torch

    x = x.clone().requires_grad_()
    value = loss(x)
    return value.detach(), torch.autograd.grad(value, x)[0]


@slow
def benchmark_gram():
    """A step of each random network, 4,096 features, one thread: equal losses, checked in
    double precision.
    """
    import torch

    from fusiontools.papers.audio_style import direct, random_network, style_loss

    with one_thread():
        content, style = _pair()
        for name, least in LEAST.items():
            net = random_network(name, ROWS, FRAMES)
            slowly, fast = direct(net, style), style_loss(net, style)
            _step(fast, content)  # what is loaded once is no part of it
            took, (value, slope) = seconds(lambda f=slowly: _step(f, content))
            less, (other, same) = _fewest(lambda f=fast: _step(f, content))
            assert torch.isclose(value, other, rtol=1e-4)
            assert torch.allclose(slope, same, rtol=1e-2, atol=1e-3 * slope.abs().max())
            said = f"{less:.3g} s, {took / less:.1f} x faster"
            yield Row(f"a step of {name} by the definition", "", f"{took:.3g} s")
            reached = took / less >= least
            yield Row("the same by the fast form", f"at least {least} x", said, reached)


def _fewest(function, times=3):
    made = [seconds(function) for _ in range(times)]
    return min(made, key=lambda pair: pair[0])


@slow
def benchmark_closed_form():
    """The closed form, free and bounded, beside 2,500 steps by the definition."""
    from fusiontools.papers.audio_style import (
        direct,
        match_bounded,
        match_style,
        random_network,
    )

    with one_thread():
        content, style = _pair()
        loss = direct(random_network("cnn", ROWS, FRAMES), style)
        began = time.process_time()
        _step(loss, content)
        all_steps = STEPS * (time.process_time() - began)
        for way, least in ((match_style, CLOSED), (match_bounded, BOUNDED)):
            took, made = seconds(lambda f=way: f(content, style))
            assert loss(made) < 0.01 * loss(content)
            said = f"{took:.2g} s, a {all_steps / took:,.0f}th of {STEPS:,} steps"
            reached = all_steps / took >= least
            yield Row(f"{way.__name__}: 15 rounds", f"at most a {least}th", said, reached)

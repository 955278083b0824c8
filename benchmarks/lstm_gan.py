"""LSTM and convolutional GANs: a training step with `nn.LSTM` and as a textbook writes an
LSTM; how long 2,000 bars take to make and to measure.
"""

import copy
from dataclasses import replace

from benchmarks.measure import Row, one_thread, seconds, slow, under

BARS, BATCH, UNITS = 2000, 16, 512  # UNITS: as printed
MEASURED, SAMPLED = 1, 20  # seconds, as promised


@slow
def benchmark_step():
    """A step of the many-hot bi-LSTM GAN at its printed widths, both networks, one thread:
    gates apart and a loop over time, and the package's; equal weights, equal outputs.
    """
    import torch

    from fusiontools.papers.lstm_gan.config import Config, method
    from fusiontools.papers.lstm_gan.networks import Networks

    config = replace(method("bilstm", Config.paper()), width=UNITS, batch=BATCH, dropout=0)
    with one_thread():
        torch.manual_seed(0)
        networks = Networks(config)
        plain = copy.deepcopy(networks)
        for model in (plain.g, plain.d):
            for name, layer in list(model.named_children()):
                if isinstance(layer, torch.nn.LSTM):
                    setattr(model, name, _separate_gates(layer))
        z = torch.randn(BATCH, networks.noise)
        real = (torch.rand(BATCH, config.grid, 84) < 0.03).float()
        with torch.no_grad():
            assert torch.allclose(networks.g(z), plain.g(z), atol=1e-4)
            assert torch.allclose(networks.d(real), plain.d(real), atol=1e-4)
        slowly, losses = seconds(lambda: _step(plain, z, real))
        fast, others = seconds(lambda: _step(networks, z, real))
        assert torch.allclose(losses, others, atol=1e-3)
    what = f"batch {BATCH}, {UNITS} units, {config.grid} cells"
    yield Row(f"a step of bi-LSTM GAN, gates apart: {what}", "", f"{slowly:.3g} s")
    said = f"{fast:.3g} s, {slowly / fast:.2f} x faster"
    yield Row("the same with nn.LSTM", "a ratio", said)


def _step(networks, z, real):
    """One update of D and one of G, as in a training; their losses."""
    import torch

    from fusiontools.papers.lstm_gan import losses

    g, d = networks.g, networks.d
    with torch.no_grad():
        fake = networks.make(z)
    told = []
    for model in (d, g):
        if model is d:
            loss = losses.discriminator(d(real), d(fake))
        else:
            loss = losses.generator(d(networks.make(z)))
        sgd = torch.optim.SGD(model.parameters(), lr=0.01)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        told.append(loss.detach())
    return torch.stack(told)


def _separate_gates(lstm):
    """An LSTM written as in Keras: for each step and each of four gates one product with
    the input and one with the state. It has the weights of an `nn.LSTM`.
    """
    import torch
    from torch import nn

    class SeparateGates(nn.Module):
        def __init__(self):
            super().__init__()
            ends = ("", "_reverse") if lstm.bidirectional else ("",)
            kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            names = [f"{kind}_l0{end}" for end in ends for kind in kinds]
            whole = (getattr(lstm, name).detach() for name in names)
            quarters = (quarter for weights in whole for quarter in weights.chunk(4))
            self.weights = nn.ParameterList(nn.Parameter(q.clone()) for q in quarters)

        def one_way(self, x, weights):
            w, u, b, c = (weights[4 * i : 4 * i + 4] for i in range(4))
            h = cell = x.new_zeros(len(x), lstm.hidden_size)
            made = []
            for x_t in x.unbind(1):
                i, f, new, o = (x_t @ w[k].T + b[k] + h @ u[k].T + c[k] for k in range(4))
                # c_t = f c_{t-1} + i tanh(new),  h_t = o tanh(c_t)
                cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(new)
                h = torch.sigmoid(o) * torch.tanh(cell)
                made.append(h)
            return torch.stack(made, 1), h

        def forward(self, x):
            made, last = self.one_way(x, self.weights[:16])
            if not lstm.bidirectional:
                return made, (last[None], None)
            back, first = self.one_way(x.flip(1), self.weights[16:])
            return torch.cat([made, back.flip(1)], 2), (torch.stack([last, first]), None)

    return SeparateGates()


def benchmark_bars():
    """2,000 bars on one core, with the weights that ship: making them, measuring them."""
    from types import SimpleNamespace

    import numpy as np

    from fusiontools.papers.lstm_gan.evidence.metrics import measure_bars
    from fusiontools.papers.lstm_gan.sampling import load_weights, sample_bars
    from fusiontools.score import rolls

    with one_thread():
        networks, _ = load_weights()
        took, bars = seconds(lambda: sample_bars(networks, BARS))
        yield under(f"sampling {BARS:,} bars on one core, after loading", took, SAMPLED)
        groups, each = np.arange(BARS) // 4, rolls.each(bars[::-1])
        known = SimpleNamespace(training=each, validation=each, heldout=each, known=set())
        took, _ = seconds(lambda: measure_bars(bars, groups, known))
        yield under(f"all metrics of {BARS:,} bars, with ranges", took, MEASURED)

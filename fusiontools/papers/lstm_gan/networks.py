"""Generators and discriminators of bars. Chapter 6, LSTM and convolutional GANs.

No loss, no training. Shapes: B bars, T cells of time, P = 84 pitches; z is noise, (B, Z).
A generator gives the log-odds that a cell is on, (B, T, P); a discriminator the log-odds
that a bar is real, (B,).

The printed layer tables (the paper's second Figures 4 and 5) end in ``(100, 1)``: one
number a step, and no many-hot piano roll. `PrintedGenerator` and `PrintedDiscriminator`
follow them to the last weight, and what their numbers mean is a choice of ours: the
highest pitch that sounds. `RecurrentGenerator` is the network that the text describes.
"""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ConvolutionalDiscriminator", "ConvolutionalGenerator", "DenseDiscriminator"]
__all__ += ["DenseGenerator", "Networks", "PrintedDiscriminator", "PrintedGenerator"]
__all__ += ["RecurrentDiscriminator", "RecurrentGenerator", "StridedGenerator", "binarise"]
__all__ += ["keras_parameters", "rolls", "scalars"]

PITCHES = 84
SLOPE = 0.2  # of leaky ReLUs
AT_ONCE = 250  # bars that go through a generator together


class Networks:
    """Both networks of a training; what samples needs no discriminator.

    Parameters
    ----------
    config : Config
    density : array_like, shape (84,), optional
        How often each pitch sounds in real bars: where the last bias starts, so that a
        fresh generator does not begin with all cells on or off.
    device : str or torch.device
    """

    def __init__(self, config, density=None, device="cpu"):
        self.config = config
        density = torch.full((PITCHES,), 0.03) if density is None else density
        p = torch.as_tensor(density, dtype=torch.float32).clamp(1e-4, 0.5)
        self.g = GENERATORS[config.generator](config, torch.log(p / (1 - p)))
        self.d = DISCRIMINATORS[config.discriminator](config)
        if config.init == "constant":
            for p in self.g.parameters():
                nn.init.constant_(p, 0.01)
        self.g.to(device), self.d.to(device)

    @property
    def device(self):
        """Where they compute."""
        return next(self.g.parameters()).device

    @property
    def noise(self):
        """The length of z."""
        return self.g.noise

    @property
    def single(self):
        """Whether bars are one number a step, of one voice."""
        return isinstance(self.g, PrintedGenerator)

    def make(self, z):
        """Bars as D is shown them, with a slope for G: (B, Z) -> (B, T, P)."""
        made = self.g(z)
        return made if self.single else binarise(made, self.config.binary)

    def shown(self, bars):
        """Real bars, (B, T, P) of 0 and 1, as D is shown them."""
        return scalars(bars) if self.single else bars

    @torch.no_grad()
    def bars(self, z):
        """Bars that are heard, (B, Z) -> ndarray of bool, (B, T, P)."""
        training = self.g.training
        self.g.eval()
        made = []
        for some in z.split(AT_ONCE):
            own = self.g(some.to(self.device))
            own = rolls(own) if self.single else binarise(own, self.config.binary)
            made.append(own.cpu() > 0.5)
        self.g.train(training)
        return torch.cat(made).numpy()


def binarise(logits, how="threshold"):
    """Cells as 0 or 1 whose slope is that of the probability: a straight-through estimate.

    Examples
    --------
    >>> binarise(torch.tensor([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    p = torch.sigmoid(logits)
    on = p > 0.5 if how == "threshold" else torch.rand_like(p) < p
    # b = 1[p > 1/2] forwards, db = dp backwards
    return on.float() + p - p.detach()


class ConvolutionalGenerator(nn.Module):
    """The paper's CNN: dense, reshape, two units of upsampling and deconvolution, batch
    normalisation after the first, leaky ReLUs, and another deconvolution (section 3).

    Its shapes are lost with Figure 6. Ours enlarge time alone: each pitch has numbers of
    its own from the first layer on, as a chord is no pattern that may stand anywhere.
    """

    def __init__(self, config, bias):
        super().__init__()
        self.noise, w = config.noise, config.width
        self.dense = nn.Linear(self.noise, w * 4 * PITCHES)
        self.second_unit = config.grid // 16  # upsampled so many times, after 4 times
        self.first = nn.ConvTranspose2d(w, w // 2, (5, 3), padding=(2, 1))
        self.norm = nn.BatchNorm2d(w // 2)
        self.second = nn.ConvTranspose2d(w // 2, w // 4, (7, 3), padding=(3, 1))
        self.last = nn.ConvTranspose2d(w // 4, 1, (5, 1), padding=(2, 0))
        self.bias = nn.Parameter(bias.clone())
        begin(self)

    def raw(self, z):
        # channels last in memory, which convolutions on a CPU are several times faster with
        h = self.dense(z).view(len(z), 4, PITCHES, -1).permute(0, 3, 1, 2)
        h = F.interpolate(F.leaky_relu(h, SLOPE), scale_factor=(4, 1))  # (B, W, 16, 84)
        h = F.leaky_relu(self.norm(self.first(h)), SLOPE)
        h = F.interpolate(h, scale_factor=(self.second_unit, 1))  # (B, W/2, T, 84)
        h = F.leaky_relu(self.second(h), SLOPE)
        return self.last(h)[:, 0]

    def forward(self, z):
        return self.raw(z) + self.bias  # (B, T, 84)


class StridedGenerator(nn.Module):
    """A small generator like MuseGAN's: transposed convolutions whose strides enlarge time,
    each with batch normalisation.
    """

    def __init__(self, config, bias):
        super().__init__()
        self.noise, w, long = config.noise, config.width, config.grid // 16
        self.dense = nn.Linear(self.noise, w * 4 * PITCHES)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (w, w // 2, w // 4))
        self.first = nn.ConvTranspose2d(w, w // 2, (4, 1), (4, 1))
        self.second = nn.ConvTranspose2d(w // 2, w // 4, (long, 3), (long, 1), (0, 1))
        self.last = nn.ConvTranspose2d(w // 4, 1, (3, 1), padding=(1, 0))
        self.bias = nn.Parameter(bias.clone())
        begin(self)

    def raw(self, z):
        h = self.dense(z).view(len(z), 4, PITCHES, -1).permute(0, 3, 1, 2)
        h = F.leaky_relu(self.norms[0](h), SLOPE)  # (B, W, 4, 84)
        h = F.leaky_relu(self.norms[1](self.first(h)), SLOPE)  # (B, W/2, 16, 84)
        h = F.leaky_relu(self.norms[2](self.second(h)), SLOPE)  # (B, W/4, T, 84)
        return self.last(h)[:, 0]

    def forward(self, z):
        return self.raw(z) + self.bias  # (B, T, 84)


def begin(g, spread=1.7):
    """Random weights such that the log-odds of a fresh generator differ by `spread`: with
    less, no cell is ever on, and no slope tells G which to try.
    """
    nn.init.normal_(g.dense.weight, 0, 0.1)
    for layer in (g.first, g.second, g.last):
        nn.init.kaiming_normal_(layer.weight, a=SLOPE, mode="fan_out")
        nn.init.zeros_(layer.bias)
    with torch.no_grad():
        g.last.weight *= spread / g.raw(torch.randn(64, g.noise)).std()
        for layer in g.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.reset_running_stats()


class RecurrentGenerator(nn.Module):
    """The bi-LSTM generator that the text describes, with a piano roll at its end.

    Noise is read as the printed table reads it: one number a step.
    """

    def __init__(self, config, bias):
        super().__init__()
        w, drop = config.width, config.dropout
        self.noise = config.grid
        self.first = nn.LSTM(1, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.third = nn.LSTM(2 * w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w, 2 * w)
        self.last = nn.Linear(2 * w, PITCHES)
        self.drop = nn.Dropout(drop)
        with torch.no_grad():
            self.last.bias.copy_(bias)

    def forward(self, z):
        h = z[:, :, None]  # (B, T, 1)
        for layer in (self.first, self.second, self.third):
            h = self.drop(layer(h)[0])  # (B, T, W), then (B, T, 2W)
        return self.last(F.leaky_relu(self.dense(h), SLOPE))  # (B, T, 84)


def onsets(x):
    """Where a cell is on and the one before is off: (B, T, P) -> (B, T, P)."""
    return F.relu(torch.diff(x, dim=1, prepend=torch.zeros_like(x[:, :1])))


def summary(x):
    """What a bar holds in all: how long each pitch and each pitch class sounds, how often
    each pitch is struck, and how many notes there are. (B, T, P) -> (B, 181).
    """
    sounds, struck = x.mean(1), onsets(x).sum(1)
    classes = sounds.unflatten(1, (7, 12)).sum(1)
    return torch.cat(
        [8 * sounds, 4 * classes, struck / 2, struck.sum(1, keepdim=True) / 10], 1
    )


SUMMARY = 2 * PITCHES + 12 + 1  # numbers of `summary`


class RecurrentDiscriminator(nn.Module):
    """LSTM, bi-LSTM, and three dense layers (section 3), over a few cells of time at once.

    With 512 units and one number a step it is the printed one. With `config.hears`, ours,
    it is also given what a sum over a bar tells at once and an LSTM learns slowly: onsets,
    the pitches so far, the `summary` of the bar, and how much the bars of a batch differ,
    which G cannot hide once it makes one bar of all noise.
    """

    def __init__(self, config, features=PITCHES):
        super().__init__()
        w, self.fold, self.hears = config.d_width, config.fold, config.hears
        given = features * self.fold * (1 + self.hears) + self.hears * (PITCHES + 12)
        self.first = nn.LSTM(given, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w + self.hears * SUMMARY, w)
        self.middle = nn.Linear(w + self.hears, w // 2)
        self.last = nn.Linear(w // 2, 1)

    def forward(self, x):
        steps = [x.reshape(len(x), x.shape[1] // self.fold, -1)]  # (B, T/fold, fold P)
        if self.hears:
            steps.append(onsets(x).reshape(steps[0].shape))
            sounds = x.unflatten(1, (-1, self.fold)).mean(2)
            # a smooth "has it sounded yet": 1 - product of (1 - 0.9 sound)
            so_far = 1 - torch.cumprod(1 - 0.9 * sounds, 1)
            classes = 1 - (1 - so_far).unflatten(2, (7, 12)).prod(2)
            steps += [so_far, classes]
        _, (last, _) = self.second(self.first(torch.cat(steps, 2))[0])
        h = [*last, summary(x)] if self.hears else [*last]  # of both directions, (B, W)
        h = F.leaky_relu(self.dense(torch.cat(h, 1)), SLOPE)
        if self.hears:
            h = torch.cat([h, h.std(0, correction=0).mean().expand(len(h), 1)], 1)
        return self.last(F.leaky_relu(self.middle(h), SLOPE))[:, 0]


class ConvolutionalDiscriminator(nn.Module):
    """A small critic like MuseGAN's: one look at octaves first and then at half beats, one
    the other way round, one at chords in time, and the `summary` of the bar.
    """

    def __init__(self, config):
        super().__init__()
        w, half = config.d_width, config.grid // 8
        third = config.grid // 16

        def look(*layers):
            pairs = ((layer, nn.LeakyReLU(SLOPE)) for layer in layers)
            return nn.Sequential(*(part for pair in pairs for part in pair))

        octave, beat = ((1, 12), (1, 12)), ((half, 1), (half, 1))
        self.octaves = look(nn.Conv2d(1, w // 2, *octave), nn.Conv2d(w // 2, w, *beat))
        self.beats = look(nn.Conv2d(1, w // 2, *beat), nn.Conv2d(w // 2, w, *octave))
        both = (
            nn.Conv2d(2 * w, 2 * w, (2, 1), (2, 1)),
            nn.Conv2d(2 * w, 2 * w, (2, 3), (2, 1)),
        )
        self.both = look(*both)
        chords = nn.Conv1d(PITCHES, 2 * w, third, third), nn.Conv1d(2 * w, 2 * w, 4, 4)
        self.chords = look(*chords)
        self.dense = nn.Linear(2 * w * 2 * 5 + 2 * w * 4 + SUMMARY, 2 * w)
        self.last = nn.Linear(2 * w, 1)

    def forward(self, x):
        picture = x[:, None]
        h = self.both(torch.cat([self.octaves(picture), self.beats(picture)], 1))
        h = [h.flatten(1), self.chords(x.transpose(1, 2)).flatten(1), summary(x)]
        return self.last(F.leaky_relu(self.dense(torch.cat(h, 1)), SLOPE))[:, 0]


class DenseGenerator(nn.Module):
    """One hidden layer: our reading of the naive model, which the paper does not define."""

    def __init__(self, config, bias):
        super().__init__()
        self.noise, self.grid = config.noise, config.grid
        self.hidden = nn.Linear(self.noise, 4 * config.width)
        self.last = nn.Linear(4 * config.width, self.grid * PITCHES)
        with torch.no_grad():
            self.last.bias.copy_(bias.repeat(self.grid))

    def forward(self, z):
        h = F.leaky_relu(self.hidden(z), SLOPE)
        return self.last(h).view(-1, self.grid, PITCHES)


class DenseDiscriminator(nn.Module):
    """One hidden layer over all cells of a bar."""

    def __init__(self, config):
        super().__init__()
        self.hidden = nn.Linear(config.grid * PITCHES, 2 * config.d_width)
        self.last = nn.Linear(2 * config.d_width, 1)

    def forward(self, x):
        return self.last(F.leaky_relu(self.hidden(x.flatten(1)), SLOPE))[:, 0]


class PrintedGenerator(nn.Module):
    """The generator of the printed table: (B, 100) noise -> (B, 100, 1), 100 numbers."""

    noise = LENGTH = 100

    def __init__(self, config=None, bias=None, units=512):
        super().__init__()
        w = units
        self.first = nn.LSTM(1, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.third = nn.LSTM(2 * w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w, 2 * w)
        self.norm = nn.BatchNorm1d(2 * w)
        self.last = nn.Linear(2 * w, self.LENGTH)
        self.drop = nn.Dropout(0.2 if config is None else config.dropout)

    def forward(self, z):
        h = self.drop(self.first(z[:, :, None])[0])  # (B, 100, 512)
        h = self.drop(self.second(h)[0])  # (B, 100, 1024)
        _, (last, _) = self.third(h)  # "(None, 1024)": only the last of both directions
        h = self.norm(F.leaky_relu(self.dense(torch.cat([*last], 1)), SLOPE))
        return torch.tanh(self.last(h))[:, :, None]  # (B, 100, 1)


class PrintedDiscriminator(RecurrentDiscriminator):
    """The discriminator of the printed table: (B, 100, 1) -> (B,)."""

    def __init__(self, config=None, units=512):
        super().__init__(SimpleNamespace(d_width=units, fold=1, hears=False), features=1)


def scalars(bars):
    """Bars as one number a step, the highest pitch that sounds, between -1 (a rest) and 1;
    padded by rests to the printed 100 steps: (B, 96, P) -> (B, 100, 1).
    """
    numbers = torch.arange(1, bars.shape[2] + 1, device=bars.device)
    highest = (bars * numbers).amax(2)  # (B, T), 0 where nothing sounds
    highest = F.pad(highest, (0, PrintedGenerator.LENGTH - highest.shape[1]))
    return (2 * highest / PITCHES - 1)[:, :, None]


def rolls(numbers, steps=96):
    """The inverse of `scalars` for one voice: (B, 100, 1) -> (B, 96, P) of 0 and 1."""
    highest = ((numbers[:, :steps, 0] + 1) / 2 * PITCHES).round().long()
    return F.one_hot(highest.clamp(0, PITCHES), PITCHES + 1)[:, :, 1:].float()


def keras_parameters(module):
    """How many weights Keras counts in a module: PyTorch's LSTM has a second bias, which
    adds to the first; Keras counts the running means and variances of a normalisation.

    Examples
    --------
    >>> keras_parameters(PrintedGenerator()), keras_parameters(PrintedDiscriminator())
    (12702820, 5907457)
    """
    second = sum(p.numel() for name, p in module.named_parameters() if "bias_hh" in name)
    running = sum(b.numel() for n, b in module.named_buffers() if "running" in n)
    return sum(p.numel() for p in module.parameters()) - second + running


GENERATORS = {
    "cnn": ConvolutionalGenerator,
    "strided": StridedGenerator,
    "bilstm": RecurrentGenerator,
    "printed": PrintedGenerator,
    "dense": DenseGenerator,
}
DISCRIMINATORS = {
    "bilstm": RecurrentDiscriminator,
    "conv": ConvolutionalDiscriminator,
    "printed": PrintedDiscriminator,
    "dense": DenseDiscriminator,
}

"""A generator and a discriminator together, as a training and a listener need them. Chapter
6, LSTM and convolutional GANs.

The printed layer tables (the paper's second Figures 4 and 5) end in ``(100, 1)``: one
number a step, and no many-hot piano roll. `PrintedGenerator` and `PrintedDiscriminator`
follow them to the last weight, and what their numbers mean is a choice of ours, `scalars`:
the highest pitch that sounds. `RecurrentGenerator` is the network that the text describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.papers.lstm_gan import discriminators, generators
from fusiontools.papers.lstm_gan.generators import PITCHES, PrintedGenerator

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fusiontools.papers.lstm_gan.config import Config


__all__ = ["Networks", "binarise", "from_scalars", "keras_parameters", "scalars"]

AT_ONCE = 250  # bars that go through a generator together
GENERATORS: dict[str, Any] = {
    "cnn": generators.ConvolutionalGenerator,
    "strided": generators.StridedGenerator,
    "bilstm": generators.RecurrentGenerator,
    "printed": generators.PrintedGenerator,
    "dense": generators.DenseGenerator,
}
DISCRIMINATORS: dict[str, Any] = {
    "bilstm": discriminators.RecurrentDiscriminator,
    "conv": discriminators.ConvolutionalDiscriminator,
    "printed": discriminators.PrintedDiscriminator,
    "dense": discriminators.DenseDiscriminator,
}


class Networks:
    """Both networks of a training; sampling uses the generator alone.

    Parameters
    ----------
    config : Config
    density : array_like, shape (84,), optional
        How often each pitch sounds in real bars: where the last bias starts, so that a
        fresh generator does not begin with all cells on or off.
    device : str or torch.device
    """

    def __init__(
        self,
        config: Config,
        density: npt.ArrayLike | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.config = config
        density = torch.full((PITCHES,), 0.03) if density is None else density
        p = torch.as_tensor(density, dtype=torch.float32).clamp(1e-4, 0.5)
        self.g: Any = GENERATORS[config.generator](config, torch.log(p / (1 - p)))
        self.d: Any = DISCRIMINATORS[config.discriminator](config)
        if config.init == "constant":
            for p in self.g.parameters():
                nn.init.constant_(p, 0.01)
        self.g.to(device)
        self.d.to(device)

    @property
    def device(self) -> torch.device:
        """Where they compute."""
        return next(self.g.parameters()).device

    @property
    def noise(self) -> int:
        """The length of z."""
        return self.g.noise

    @property
    def single(self) -> bool:
        """Whether bars are one number a step, of one voice."""
        return isinstance(self.g, PrintedGenerator)

    def make(self, z: torch.Tensor) -> torch.Tensor:
        """Bars as D is shown them, with a slope for G: (B, Z) -> (B, T, P)."""
        made = self.g(z)
        return made if self.single else binarise(made, self.config.binary)

    def shown(self, bars: torch.Tensor) -> torch.Tensor:
        """Real bars, (B, T, P) of 0 and 1, as D is shown them."""
        return scalars(bars) if self.single else bars

    @torch.no_grad()
    def bars(self, z: torch.Tensor, dice: torch.Generator | None = None) -> np.ndarray:
        """Bars that are heard, (B, Z) -> ndarray of bool, (B, T, P). `dice`, a
        torch.Generator, is what cells that come by chance are drawn with.
        """
        training, how, made = self.g.training, self.config.binary, []
        self.g.eval()
        for some in z.split(AT_ONCE):
            own = self.g(some.to(self.device)).cpu()
            own = from_scalars(own) if self.single else binarise(own, how, dice)
            made.append(own > 0.5)
        self.g.train(training)
        return torch.cat(made).numpy()


def binarise(
    logits: torch.Tensor, how: str = "threshold", dice: torch.Generator | None = None
) -> torch.Tensor:
    """Cells as 0 or 1 whose slope is that of the probability: a straight-through estimate.

    Examples
    --------
    >>> binarise(torch.tensor([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    p = torch.sigmoid(logits)
    if how == "threshold":
        on = p > 0.5
    else:
        on = torch.rand(p.shape, generator=dice, device=p.device) < p
    # b = 1[p > 1/2] forwards, db = dp backwards
    return on.float() + (p - p.detach())


def scalars(bars: torch.Tensor) -> torch.Tensor:
    """Bars as one number a step, the highest pitch that sounds, between -1 (a rest) and 1;
    padded by rests to the printed 100 steps: (B, 96, P) -> (B, 100, 1).
    """
    numbers = torch.arange(1, bars.shape[2] + 1, device=bars.device)
    highest = (bars * numbers).amax(2)  # (B, T), 0 where nothing sounds
    highest = F.pad(highest, (0, PrintedGenerator.LENGTH - highest.shape[1]))
    return (2 * highest / PITCHES - 1)[:, :, None]


def from_scalars(numbers: torch.Tensor, steps: int = 96) -> torch.Tensor:
    """The inverse of `scalars` for one voice: (B, 100, 1) -> (B, 96, P) of 0 and 1."""
    highest = ((numbers[:, :steps, 0] + 1) / 2 * PITCHES).round().long()
    return F.one_hot(highest.clamp(0, PITCHES), PITCHES + 1)[:, :, 1:].float()


def keras_parameters(module: discriminators.PrintedDiscriminator | PrintedGenerator) -> int:
    """How many weights Keras counts in a module: PyTorch's LSTM has a second bias, which
    adds to the first; Keras counts the running means and variances of a normalisation.

    Examples
    --------
    >>> keras_parameters(PrintedGenerator())
    12702820
    """
    second = sum(p.numel() for name, p in module.named_parameters() if "bias_hh" in name)
    running = sum(b.numel() for n, b in module.named_buffers() if "running" in n)
    return sum(p.numel() for p in module.parameters()) - second + running

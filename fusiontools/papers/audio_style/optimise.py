"""Style transfer by descent: the spectrogram itself is what is optimised, from the content
towards the style (sections 3.1 and 3.2). Chapter 7, Audio style transfer.

The paper's loss is that of style alone: the content is only where the descent starts. Ours
can hold on to it. Shapes: log magnitudes X, content C and style S, all (K, T).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from fusiontools.papers.audio_style.closed_form import match_style
from fusiontools.papers.audio_style.features import random_network
from fusiontools.papers.audio_style.gram import printed_scale, style_loss

if TYPE_CHECKING:
    from fusiontools.papers.audio_style.config import Config
    from fusiontools.papers.audio_style.features import Random


__all__ = ["content_loss", "descent", "network_of", "transfer"]

SMALLEST = 1e-3  # of Y where X = Y^2: at 0 it would have no gradient


def network_of(config: Config, rows: int, frames: int, seed: int = 0) -> Random:
    """The random network of a config, see `features.random_network`."""
    given = (config.along, config.channels, seed, config.depth)
    return random_network(config.model, rows, frames, *given)


def content_loss(x: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """How far from the content: 0 for the content itself, 1 for silence.

    >>> content_loss(torch.zeros(2, 3), torch.ones(2, 3)).item()
    1.0
    """
    # L_content = ||X - C||^2 / ||C||^2
    return (x - content).square().sum() / content.square().sum()


def descent(
    content: torch.Tensor, style: torch.Tensor, config: Any, seed: int = 0
) -> Iterator[tuple[int, float, torch.Tensor]]:
    """Descend step by step: yields ``(step, style_loss, x)``, first of the content itself.

    Parameters
    ----------
    content, style : Tensor, shape (K, T)
        Log magnitudes of equal shape, neither of them silence.
    config : Config
    seed : int
        Of the random weights.

    Yields
    ------
    step : int
    style_loss : float
        Relative, of this network's features; of the spectrogram before the step.
    x : Tensor, shape (K, T)

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if content.shape != style.shape:
        found = f"{tuple(content.shape)} and {tuple(style.shape)}"
        raise ValueError(f"content and style differ in shape: {found}")
    net = network_of(config, *content.shape, seed)
    of_style = style_loss(net, style)
    # Adam divides by the gradient's size plus 1e-8: no entry's gradient may be that small
    scale = float(content.numel())
    if config.scaling == "printed":
        scale = printed_scale(net, style, config.weight)
    # X = Y^2 is never negative, as no magnitude is
    free = content.clamp(min=SMALLEST**2).sqrt() if config.positive else content.clone()
    free.requires_grad_()
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
    optimizer = kind([free], lr=config.rate)

    def spectrogram():
        return free.square() if config.positive else free

    heard = {}

    def closure():
        optimizer.zero_grad()
        x = spectrogram()
        own = of_style(x)
        # L = s L_style + (1 - s) L_content
        loss = config.strength * own
        if config.strength < 1:
            loss = loss + (1 - config.strength) * content_loss(x, content)
        loss = scale * loss
        loss.backward()
        heard["style"] = own.item()
        return loss

    with torch.no_grad():
        yield 0, of_style(content).item(), content
    for step in range(1, config.steps + 1):
        optimizer.step(closure)
        yield step, heard["style"], spectrogram().detach()


def transfer(
    content: torch.Tensor,
    style: torch.Tensor,
    config: Config,
    seed: int = 0,
    look: Callable | None = None,
) -> torch.Tensor:
    """The content in the style: where a `descent` ends, or the closed form.

    Parameters
    ----------
    content, style, config, seed
        See `descent`. With infinitely many filters and a strength of 1 there is a closed
        form, see `closed_form`, which is taken.
    look : callable, optional
        Called with each step, style loss and spectrogram.

    Returns
    -------
    Tensor, shape (K, T)

    Examples
    --------
    >>> from fusiontools.papers.audio_style.config import Config
    >>> x, s = torch.rand(6, 9), torch.rand(6, 9)
    >>> made = transfer(x, s, Config(channels=None, strength=0.0))
    >>> torch.allclose(made, x, atol=1e-2)
    True
    """
    if config.channels is None and config.strength == 1:
        return match_style(content, style, least=0.0 if config.positive else None)
    x = content
    for step, loss, x in descent(content, style, config, seed):
        if look:
            look(step, loss, x)
    return x

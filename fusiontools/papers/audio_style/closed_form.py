"""The least change of a spectrogram that gives it another one's style, without descent.
Chapter 7, Audio style transfer.

If the rows of random weights are many, B'B is nearly a multiple of the unit matrix. Then
two Gram matrices agree if A A' = S S', A and S the stacked frames of both: A = S Q with any
orthogonal Q. The Q that keeps A nearest to the content C is Procrustes' (Schönemann, 1966):
with the singular value decomposition S'C = U W V', it is U V'. A holds each frame three
times, at three lags; their mean is a spectrogram again, and a few rounds settle it.
"""

import numpy as np
import torch

from fusiontools.papers.audio_style.features import neighbours
from fusiontools.papers.audio_style.gram import by_lags

__all__ = ["match_bounded", "match_style"]


def match_style(
    content: torch.Tensor, style: torch.Tensor, rounds: int = 15, least: float | None = None
) -> torch.Tensor:
    """A spectrogram with the style of one and, as near as that allows, the frames of
    another.

    Parameters
    ----------
    content, style : Tensor, shape (K, T)
        Of equal length.
    rounds : int
    least : float, optional
        Values below it are raised to it after each round, such as 0 for magnitudes.

    Returns
    -------
    Tensor, shape (K, T)

    Examples
    --------
    >>> x = torch.rand(5, 8)
    >>> torch.allclose(match_style(x, x, rounds=1), x, atol=1e-4)
    True
    """
    if content.shape != style.shape:
        found = f"{tuple(content.shape)} and {tuple(style.shape)}"
        raise ValueError(f"content and style differ in shape: {found}")
    s, x = neighbours(style)[:-1], content
    for _ in range(rounds):
        a = neighbours(x)[:-1]
        u, _, v = torch.linalg.svd(s.T @ a)
        # A <- S Q,  Q = U V'
        before, here, after = (s @ (u @ v)).chunk(3)
        # each frame stands three times: as the one after, itself, and as the one before
        x = here.clone()
        x[:, :-1] += before[:, 1:]
        x[:, 1:] += after[:, :-1]
        count = torch.full((x.shape[1],), 3.0, dtype=x.dtype)
        count[[0, -1]] = 2.0
        x = x / count
        x = x if least is None else x.clamp(min=least)
    return x


def match_bounded(
    content: torch.Tensor, style: torch.Tensor, rounds: int = 15, steps: int = 40
) -> torch.Tensor:
    """The same with no value below 0, as magnitudes are: `match_style`, clamped, and then
    so many steps of L-BFGS-B, which keeps to a bound (Byrd and others, 1995).

    Returns
    -------
    Tensor, shape (K, T)
    """
    from scipy.optimize import minimize

    loss = by_lags(None, style)

    def value_and_slope(flat):
        x = torch.tensor(flat, dtype=content.dtype).view_as(content).requires_grad_()
        value = content.numel() * loss(x)
        value.backward()
        return value.item(), x.grad.double().numpy().ravel()

    start = match_style(content, style, rounds, least=0.0).double().numpy().ravel()
    how = dict(method="L-BFGS-B", bounds=[(0, None)] * len(start), jac=True)
    how["options"] = dict(maxiter=steps, ftol=0, gtol=0)
    found = minimize(value_and_slope, start, **how).x
    return torch.from_numpy(np.asarray(found)).to(content.dtype).view_as(content)

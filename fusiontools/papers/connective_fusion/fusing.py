"""What a trained Connective Fusion can do: hear halves, fuse them, once or again and again,
in a style, by an amount. No training here.

A melody of eight bars is a row of 128 tokens of the grid, a half one of 64: see
`fusiontools.music.grid`.
"""

from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from fusiontools.errors import RecordError
from fusiontools.papers.connective_fusion.config import Config
from fusiontools.papers.connective_fusion.config import method as settings_of
from fusiontools.papers.connective_fusion.data import HALF, join_halves
from fusiontools.papers.connective_fusion.losses import z_distance
from fusiontools.papers.connective_fusion.networks import as_tokens
from fusiontools.papers.connective_fusion.stage import Networks
from fusiontools.training import read_weights, save_weights

__all__ = [
    "Fused",
    "along",
    "decode",
    "encode",
    "fuse",
    "load_weights",
    "save_networks",
    "shipped_weights",
    "style_corners",
    "style_plane",
    "trajectory",
]

SHIPPED = "fiddle_pop909"  # what the weights that come with the package are trained on


class Fused(NamedTuple):
    """What came of B pairs."""

    tokens: np.ndarray  # (B, 128) uint8: the melodies
    z: torch.Tensor  # (B, 2, Z): where they stand in latent space
    distance: (
        np.ndarray
    )  # (B,): how far from their inputs, as the mean z-distance of both halves


@torch.no_grad()
def encode(networks, halves):
    """Where halves stand in latent space: (..., 64) tokens -> (..., Z).

    Parameters
    ----------
    networks : Networks
    halves : array_like of int, shape (..., 64)
        Tokens of the grid. A half may begin with a hold.
    """
    x = as_tokens(halves, networks.device)
    mean, _ = networks.vae.encode(x.flatten(0, -2) if x.ndim > 1 else x[None])
    # argmax_z q(z|x) is the mean, section 2.5
    return mean.view(*x.shape[:-1], -1)


def decode(networks, z):
    """What pairs sound like: (..., 2, Z) -> (..., 128) tokens, legal."""
    halves = networks.vae.decode(z)
    return join_halves(halves[..., 0, :], halves[..., 1, :])


@torch.no_grad()
def trajectory(networks, z, style, iterations=1):
    """Iterated transformation, section 2.2.3: G applied to its own result again and again.

    Parameters
    ----------
    networks : Networks
    z : Tensor, shape (B, 2, Z)
    style : Tensor, shape (B, S)
    iterations : int

    Returns
    -------
    Tensor, shape (iterations + 1, B, 2, Z)
        It starts with `z` itself.
    """
    path = [z]
    for _ in range(iterations):
        # (z'_L, z'_R) = G(z_L, z_R, s)
        path.append(networks.generator(path[-1], style))
    return torch.stack(path)


def along(path, amount, sigma):
    """Go some of the way from the inputs to the strongest transformation: a dial that is
    even in z-distance.

    The way goes straight from each iteration to the next. The strongest is the iteration
    farthest from the inputs. At amount a you stand where the z-distance from the inputs,
    averaged over both halves, first is a times the strongest one's. So more is always
    farther, 0 is where you began, and a single iteration's 1 is its result.

    Parameters
    ----------
    path : Tensor, shape (K + 1, B, 2, Z)
        See `trajectory`.
    amount : float or Tensor of shape (B,)
        0 to 1.
    sigma : Tensor, shape (Z,)

    Returns
    -------
    Tensor, shape (B, 2, Z)
    """
    amount = torch.as_tensor(amount, dtype=path.dtype, device=path.device).expand(
        path.shape[1]
    )
    if not ((amount >= 0) & (amount <= 1)).all():
        raise ValueError(
            f"amounts lie between 0 and 1, found {amount.min():g} to {amount.max():g}"
        )
    if len(path) == 1:
        return path[0]
    far = z_distance(path[:1], path, sigma).mean(-1)  # (K + 1, B)
    goal = amount * far.amax(0)
    end = (
        (far >= goal).float().argmax(0).clamp(min=1)
    )  # the first iteration that is far enough: the goal lies on the way to it
    one = torch.arange(path.shape[1], device=path.device)
    start, step = path[end - 1, one], path[end, one] - path[end - 1, one]
    # d(t) = |u + t v|^2 = a t^2 + 2 b t + c, with lengths in units of sigma, and d(t) =
    # goal
    u, v = (start - path[0]) / sigma, step / sigma
    a, b, c = (v * v).mean((1, 2)), (u * v).mean((1, 2)), (u * u).mean((1, 2))
    t = (-b + (b * b + a * (goal - c)).clamp(min=0).sqrt()) / a.clamp(min=1e-30)
    t = torch.where(
        far[end, one] <= goal, 1.0, t.clamp(0, 1)
    )  # at the end itself there is nothing to round
    t = torch.where(goal <= 0, 0.0, t)
    return start + t[:, None, None] * step


def fuse(networks, left, right, style=None, iterations=1, amount=1.0, seed=0):
    """Fuse pairs of melodies of four bars into melodies of eight.

    Parameters
    ----------
    networks : Networks
    left, right : array_like of int, shape (B, 64) or (64,)
        Tokens of the grid, pitches 55 to 84.
    style : array_like of float, shape (S,) or (B, S), optional
        In [0, 1]; by default drawn from `seed`, one for each pair.
    iterations : int
        How often the transformation is applied.
    amount : float
        0 gives the inputs back as the VAE hears them, 1 the strongest of the iterations;
        between them the z-distance grows evenly. See `along`.
    seed : int

    Returns
    -------
    Fused

    Raises
    ------
    ValueError
        If a shape, a token, the style or the amount is not as described.

    References
    ----------
    Connective Fusion, section 2.2.3.
    """
    left, right = np.atleast_2d(left), np.atleast_2d(right)
    if left.shape != right.shape or left.shape[1:] != (HALF,):
        raise ValueError(
            f"two halves of {HALF} tokens are fused, found shapes {left.shape} and {right.shape}"
        )
    z = encode(networks, np.stack([left, right], axis=1))  # (B, 2, Z)
    if style is None:
        style = torch.rand(
            len(z), networks.config.style, generator=torch.Generator().manual_seed(seed)
        )
    style = torch.as_tensor(style, dtype=torch.float32)
    if (
        style.shape[-1] != networks.config.style
        or style.numel()
        and not 0 <= style.min() <= style.max() <= 1
    ):
        raise ValueError(
            f"a style is {networks.config.style} numbers from 0 to 1, found shape {tuple(style.shape)}"
        )
    path = trajectory(networks, z, style.expand(len(z), -1).to(z.device), iterations)
    moved = along(path, amount, networks.vae.sigma)
    return Fused(
        decode(networks, moved),
        moved,
        z_distance(z, moved, networks.vae.sigma).mean(1).cpu().numpy(),
    )


def style_corners(style, seed=0):
    """Four styles drawn from {0, 1}^d_s, no two alike, section 3.3: (4, S).

    Parameters
    ----------
    style : int
        ``d_s``, 2 at least.
    seed : int
    """
    dice = torch.Generator().manual_seed(seed)
    while True:
        corners = torch.randint(2, (4, style), generator=dice).float()
        if len(corners.unique(dim=0)) == 4 or style < 2:
            return corners


def style_plane(corners, n=5):
    """Styles on a plane between four corners: (4, S) -> (n, n, S), with the corners top
    left, top right, bottom left, bottom right.

    Examples
    --------
    >>> style_plane(torch.tensor([[0.0], [1.0], [2.0], [3.0]]), 3)[..., 0].tolist()
    [[0.0, 0.5, 1.0], [1.0, 1.5, 2.0], [2.0, 2.5, 3.0]]
    """
    share = torch.linspace(0, 1, n)
    # s(x, y) = (1 - y) ((1 - x) s_1 + x s_2) + y ((1 - x) s_3 + x s_4)
    top, bottom = (torch.lerp(corners[i], corners[i + 1], share[:, None]) for i in (0, 2))
    return torch.lerp(top[None], bottom[None], share[:, None, None])


def save_networks(networks, path, corpora, terms, method="ours", **about):
    """Write what `fuse` needs as one file of weights that says how to build it: a VAE, and
    one generator or several.

    Parameters
    ----------
    networks : Networks, or sequence of Networks
        Several share one VAE: that of the first is written.
    path : path-like
        ``.safetensors``
    corpora, terms
        See ``fusiontools.training.save_weights``.
    method : str, or sequence of str
        How each generator was trained. An untrained one, of settings without the phase
        "fusion", is not written: then the VAE stands alone.
    """
    networks = [networks] if isinstance(networks, Networks) else list(networks)
    how = [method] * len(networks) if isinstance(method, str) else list(method)
    able = [
        (name, p)
        for name, p in zip(how, networks, strict=True)
        if "fusion" in p.config.phases
    ]
    models = {"vae": networks[0].vae} | {
        f"generator_{i}": p.generator for i, (_, p) in enumerate(able)
    }
    about |= {"paper": "connective_fusion", "config": asdict(networks[0].config)}
    about["generators"] = [
        {"method": name, "similarity": p.config.similarity} for name, p in able
    ]
    save_weights(models, path, corpora=corpora, terms=terms, **about)


def shipped_weights(data=SHIPPED):
    """Where the weights lie that come with the package, trained on some data."""
    return Path(
        str(
            resources.files("fusiontools").joinpath(
                "pretrained", f"connective_fusion_{data}.safetensors"
            )
        )
    )


def load_weights(data=SHIPPED, similarity=None, path=None, method=None):
    """Networks from weights that come with the package or from a file of your own; their
    discriminator is new.

    Parameters
    ----------
    data : str
        One of ``fusiontools.papers.connective_fusion.data.SOURCES``.
    similarity : float, optional
        ``lambda`` of the generator, one of
        ``fusiontools.papers.connective_fusion.config.LAMBDAS``. By default 0.3 where there
        is one, else the first one.
    path : path-like, optional
    method : str, optional
        One of ``fusiontools.papers.connective_fusion.config.METHODS``; by default "ours"
        where there is one.

    Returns
    -------
    networks : Networks
    about : dict
        ``generators`` has those that there are, ``generator`` the one that is taken: each
        its ``method`` and ``similarity``.

    Raises
    ------
    RecordError
        If there are none, or none of this kind, or the file is damaged or of something
        else.
    """
    path = path if path is not None else shipped_weights(data)
    tensors, about = read_weights(path)
    try:
        there = [(one["method"], float(one["similarity"])) for one in about["generators"]]
        if not there:
            raise RecordError(
                "a VAE alone: no generator was trained",
                path,
                'train one, by a method such as "ours"',
            )
        fits = [
            one
            for one in there
            if method in (None, one[0]) and similarity in (None, one[1])
        ]
        if not fits:
            asked = ([] if method is None else [f"of the method {method!r}"]) + (
                [] if similarity is None else [f"with lambda {similarity:g}"]
            )
            choice = ", ".join(f"{name} with {value:g}" for name, value in there)
            raise RecordError(
                f"no generator {' '.join(asked)}", path, f"choose one of {choice}"
            )
        best = min(fits, key=lambda one: (one[0] != "ours", one[1] != 0.3))
        networks = Networks(settings_of(best[0], Config(**about["config"]), best[1]))
        for name, own in {
            "vae": "vae",
            "generator": f"generator_{there.index(best)}",
        }.items():
            state = {
                key[len(own) + 1 :]: t
                for key, t in tensors.items()
                if key.startswith(f"{own}.")
            }
            getattr(networks, name).load_state_dict(state)
    except RecordError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0][:200]
        raise RecordError(
            f"no weights of Connective Fusion ({why})",
            path,
            "get the file again, or train them",
        ) from None
    networks.vae.eval()
    return networks, about | {"generator": {"method": best[0], "similarity": best[1]}}

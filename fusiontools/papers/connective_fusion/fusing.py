"""What a trained Connective Fusion can do: fuse melodies, once or again and again, in a
style, by an amount; fuse two files; make melodies from nothing; be written and read. No
training here. Chapter 4, Connective Fusion, plays with it
(``notebooks/04_connective_fusion_2_full_size``), and measures it (``..._3_measured``).

A melody of eight bars is a row of 128 tokens of the grid, a half one of 64: see
`fusiontools.music.grid`. In latent space B pairs of halves are z, shape (B, 2, Z), and
their styles have shape (B, S). The first argument is always `Networks`.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from fusiontools.errors import RecordError
from fusiontools.music.excerpts import Excerpt, read_excerpt
from fusiontools.music.grid import HALF, HOLD
from fusiontools.papers.connective_fusion.config import Config
from fusiontools.papers.connective_fusion.config import method as settings_of
from fusiontools.papers.connective_fusion.losses import z_distance
from fusiontools.papers.connective_fusion.networks import Networks, as_tokens, join_halves
from fusiontools.training import (
    building,
    config_from,
    finished_weights,
    read_weights,
    save_weights,
)

__all__ = ["Fused", "Joined", "along", "decode", "encode", "from_prior", "fuse"]
__all__ += ["fuse_files", "load_weights", "save_networks", "shipped_weights"]
__all__ += ["style_corners", "style_plane", "trajectory"]

SHIPPED = "fiddle_pop909"  # what the weights that come with the package are trained on


class Fused(NamedTuple):
    """What came of B pairs."""

    tokens: np.ndarray  # (B, 128) uint8: the melodies
    z: torch.Tensor  # (B, 2, Z): where they stand in latent space
    distance: np.ndarray  # (B,): from their inputs, the mean z-distance of both halves


class Joined(NamedTuple):
    """Two excerpts, and what came of them in K styles."""

    left: Excerpt
    right: Excerpt
    plain: np.ndarray  # (128,) uint8: the excerpts as they are, one after the other
    heard: np.ndarray  # (128,) uint8: their reconstruction by the VAE, which is amount 0
    tokens: np.ndarray  # (K, 128) uint8: the melodies
    distance: np.ndarray  # (K,): from the excerpts, the mean z-distance of both


@torch.no_grad()
def encode(networks: Networks, halves: np.ndarray) -> torch.Tensor:
    """Where halves stand in latent space: (..., 64) tokens -> (..., Z)."""
    x = as_tokens(halves, networks.device)
    mean, _ = networks.vae.encode(x.reshape(-1, x.shape[-1]))
    # argmax_z q(z|x) is the mean, section 2.5
    return mean.view(*x.shape[:-1], -1)


def decode(networks: Networks, z: torch.Tensor) -> np.ndarray:
    """What pairs sound like: (..., 2, Z) -> (..., 128) tokens, legal."""
    halves = networks.vae.decode(z)
    return join_halves(halves[..., 0, :], halves[..., 1, :])


@torch.no_grad()
def trajectory(
    networks: Networks, z: torch.Tensor, style: torch.Tensor, iterations: int = 1
) -> torch.Tensor:
    """G applied to its own result again and again, section 2.2.3: (B, 2, Z), (B, S) ->
    (iterations + 1, B, 2, Z), which starts with `z` itself.
    """
    path = [z]
    for _ in range(iterations):
        # (z'_L, z'_R) = G(z_L, z_R, s)
        path.append(networks.generator(path[-1], style))
    return torch.stack(path)


def along(path: torch.Tensor, amount: npt.ArrayLike, sigma: torch.Tensor) -> torch.Tensor:
    """Go some of the way from the inputs to the strongest transformation, a dial that is
    even in z-distance: a `trajectory` (K + 1, B, 2, Z), an amount from 0 to 1 (else a
    ValueError) or (B,), and sigma (Z,) -> (B, 2, Z).

    The way goes straight from each iteration to the next. The strongest is the iteration
    farthest from the inputs. At amount a you stand where the z-distance from the inputs,
    averaged over both halves, first is a times the strongest one's. So more is always
    farther, 0 is where you began, and a single iteration's 1 is its result.
    """
    amount = torch.as_tensor(amount, dtype=path.dtype, device=path.device)
    if not ((amount >= 0) & (amount <= 1)).all():
        found = f"{amount.min():g} to {amount.max():g}"
        raise ValueError(f"amounts lie between 0 and 1, found {found}")
    if len(path) == 1:
        return path[0]
    far = z_distance(path[:1], path, sigma).mean(-1)  # (K + 1, B)
    goal = amount * far.amax(0)
    # the first iteration that is far enough: the goal lies on the way to it
    end = (far >= goal).float().argmax(0).clamp(min=1)
    one = torch.arange(path.shape[1], device=path.device)
    start, step = path[end - 1, one], path[end, one] - path[end - 1, one]
    # d(t) = |u + t v|^2 = a t^2 + 2 b t + c = goal, with lengths in units of sigma
    u, v = (start - path[0]) / sigma, step / sigma
    a, b, c = (v * v).mean((1, 2)), (u * v).mean((1, 2)), (u * u).mean((1, 2))
    t = (-b + (b * b + a * (goal - c)).clamp(min=0).sqrt()) / a.clamp(min=1e-30)
    # at either end there is nothing to round
    t = torch.where(far[end, one] <= goal, 1.0, t.clamp(0, 1))
    t = torch.where(goal <= 0, 0.0, t)
    return start + t[:, None, None] * step


def fuse(
    networks: Networks,
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    style: npt.ArrayLike | None = None,
    iterations: int = 1,
    amount: float = 1.0,
    seed: int = 0,
) -> Fused:
    """Fuse pairs of melodies of four bars into melodies of eight, as `Fused`; section
    2.2.3. A ValueError says what is not as described here.

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
        0 is the inputs as the VAE reconstructs them, 1 the strongest of the iterations;
        between them the z-distance grows evenly. See `along`.
    seed : int
    """
    left, right = np.atleast_2d(left), np.atleast_2d(right)
    if left.shape != right.shape or left.shape[1:] != (HALF,):
        found = f"found shapes {left.shape} and {right.shape}"
        raise ValueError(f"two halves of {HALF} tokens are fused, {found}")
    z, size = encode(networks, np.stack([left, right], axis=1)), networks.config.style
    if style is None:
        style = torch.rand(len(z), size, generator=torch.Generator().manual_seed(seed))
    style = torch.as_tensor(style, dtype=torch.float32)
    if style.shape[-1] != size or not ((style >= 0) & (style <= 1)).all():
        found = f"found shape {tuple(style.shape)}"
        raise ValueError(f"a style is {size} numbers from 0 to 1, {found}")
    style = style.expand(len(z), -1).to(z.device)
    path, sigma = trajectory(networks, z, style, iterations), networks.vae.sigma
    moved = along(path, amount, sigma)
    distance = z_distance(z, moved, sigma).mean(1).cpu().numpy()
    return Fused(decode(networks, moved), moved, distance)


def fuse_files(
    networks: Networks,
    left: Any,
    right: Any,
    style: npt.ArrayLike | None = None,
    styles: int = 1,
    **options: Any,
) -> Joined:
    """Fuse two pieces of music into melodies of eight bars, as `Joined`. A MusicFileError
    says why a piece cannot be read, or gives no excerpt.

    Parameters
    ----------
    networks : Networks
    left, right : path-like, Piece, Notes or Excerpt
        See `fusiontools.music.read_excerpt`, which also takes the number of a bar.
    style : array_like of float, shape (S,) or (K, S), optional
        In [0, 1]; by default `styles` many are drawn.
    styles : int
        ``K``.
    **options
        ``iterations``, ``amount`` and ``seed``, see `fuse`.
    """
    left = left if isinstance(left, Excerpt) else read_excerpt(left)
    right = right if isinstance(right, Excerpt) else read_excerpt(right)
    heard = fuse(networks, left.tokens, right.tokens, amount=0.0).tokens[0]
    many = styles if style is None else len(np.atleast_2d(style))
    rows = [np.tile(excerpt.tokens, (many, 1)) for excerpt in (left, right)]
    fused = fuse(networks, rows[0], rows[1], style, **options)
    plain = join_halves(left.tokens, right.tokens)
    return Joined(left, right, plain, heard, fused.tokens, fused.distance)


def from_prior(
    networks: Networks, n: int, seed: int = 0, temperature: float = 1.0
) -> np.ndarray:
    """Melodies from nothing, shape (n, 128): both halves "sampled from the prior
    distribution", section 2.2.3, and transformed once, in a style of their own.

    `temperature` is the standard deviation. Each melody has a note; where nearly all that
    is drawn has none there are fewer.
    """
    dice, rows, config = torch.Generator().manual_seed(seed), [], networks.config
    for _ in range(100):
        # z_L, z_R ~ N(0, 1), s ~ U(0, 1); (z'_L, z'_R) = G(z_L, z_R, s)
        z = temperature * torch.randn(n, 2, config.latent, generator=dice)
        style = torch.rand(n, config.style, generator=dice)
        path = trajectory(networks, z.to(networks.device), style.to(networks.device))
        rows += [row for row in decode(networks, path[-1]) if (row > HOLD).any()]
        if len(rows) >= n:
            break
    return np.array(rows[:n], np.uint8).reshape(-1, 2 * HALF)


def style_corners(style: int, seed: int = 0) -> torch.Tensor:
    """Four styles drawn from {0, 1}^d_s, no two alike, section 3.3: (4, S)."""
    dice = torch.Generator().manual_seed(seed)
    while True:
        corners = torch.randint(2, (4, style), generator=dice).float()
        if len(corners.unique(dim=0)) == 4 or style < 2:
            return corners


def style_plane(corners: torch.Tensor, n: int = 5) -> torch.Tensor:
    """Styles on a plane between four corners: (4, S) -> (n, n, S), with the corners top
    left, top right, bottom left, bottom right.

    Examples
    --------
    >>> style_plane(torch.tensor([[0.0], [1.0], [2.0], [3.0]]), 3)[..., 0].tolist()
    [[0.0, 0.5, 1.0], [1.0, 1.5, 2.0], [2.0, 2.5, 3.0]]
    """
    share = torch.linspace(0, 1, n)[:, None]
    # s(x, y) = (1 - y) ((1 - x) s_1 + x s_2) + y ((1 - x) s_3 + x s_4)
    top = torch.lerp(corners[0], corners[1], share)
    bottom = torch.lerp(corners[2], corners[3], share)
    return torch.lerp(top[None], bottom[None], share[:, None])


def save_networks(
    networks: Networks | Sequence[Networks],
    path: str | os.PathLike,
    corpora: Sequence[str],
    terms: str,
    method: str | Sequence[str] = "ours",
    **about: Any,
) -> None:
    """Write what `fuse` needs as one file of weights: a VAE, and one generator or several.
    Networks may be several, each of a method: they share one VAE, and that of the first is
    written. Untrained generators, of settings without the phase "fusion", are not. The rest
    of the arguments: see `fusiontools.training.save_weights`.
    """
    networks = [networks] if isinstance(networks, Networks) else list(networks)
    methods = [method] * len(networks) if isinstance(method, str) else list(method)
    models: dict[str, torch.nn.Module] = {"vae": networks[0].vae}
    generators: list[dict] = []
    for name, one in zip(methods, networks, strict=True):
        if "fusion" in one.config.phases:
            models[f"generator_{len(generators)}"] = one.generator
            generators.append({"method": name, "similarity": one.config.similarity})
    about |= {"paper": "connective_fusion", "config": asdict(networks[0].config)}
    about["generators"] = generators
    save_weights(models, path, corpora=corpora, terms=terms, **about)


def shipped_weights(data: str = SHIPPED) -> Path:
    """Where the weights lie that come with the package, trained on some data."""
    folder = Path(str(resources.files("fusiontools"))) / "pretrained"
    return folder / f"connective_fusion_{data}.safetensors"


def load_weights(
    data: str = SHIPPED,
    similarity: float | None = None,
    path: str | os.PathLike | None = None,
    method: str | None = None,
    rather: str = "ours",
) -> tuple[Networks, dict]:
    """Networks from weights that come with the package, or from your own, and what the file
    says: ``generators`` has those that there are, ``generator`` the one that is taken. The
    discriminator is new. A RecordError says why there are none, or none of this kind.

    Parameters
    ----------
    data : str
        What those were trained on that come with the package.
    similarity : float, optional
        ``lambda`` of the generator. By default 0.3 where there is one, else the first one.
    path : path-like, optional
        A file of your own, or the folder of a finished run.
    method : str, optional
        How the generator was trained. By default `rather` where there is one, else "ours".
    """
    path = _file(path, data)
    tensors, about = read_weights(path, "connective_fusion")
    with building(path, tensors, "weights of Connective Fusion"):
        there = [(one["method"], float(one["similarity"])) for one in about["generators"]]
        taken = _choose(there, method, similarity, rather, path)
        config = config_from(Config, about["config"])
        networks = Networks(settings_of(taken[0], config, taken[1]))
        networks.vae.load_state_dict(_part(tensors, "vae."))
        own = _part(tensors, f"generator_{there.index(taken)}.")
        networks.generator.load_state_dict(own)
    networks.vae.eval()  # nothing is forgotten any more
    return networks, about | {"generator": {"method": taken[0], "similarity": taken[1]}}


def _file(path, data):
    """The file of weights that is meant: one's own, a run's, or the package's."""
    if path is not None:
        return finished_weights(path) if Path(path).is_dir() else Path(path)
    path = shipped_weights(data)
    if not path.is_file():
        found = "no weights of Connective Fusion come with the package"
        do = "train your own: python -m fusiontools train connective_fusion --run DIR"
        raise RecordError(found, data, do)
    return path


def _choose(there, method, similarity, rather, path):
    """One of the generators that there are, each its method and its lambda."""
    if not there:
        do = 'train one, by a method such as "ours"'
        raise RecordError("a VAE alone: no generator was trained", path, do)
    fits = [one for one in there if method in (None, one[0])]
    fits = [one for one in fits if similarity in (None, one[1])]
    if not fits:
        asked = "" if method is None else f" of the method {method!r}"
        asked += "" if similarity is None else f" with lambda {similarity:g}"
        choice = ", ".join(f"{name} with {value:g}" for name, value in there)
        raise RecordError(f"no generator{asked}", path, f"choose one of {choice}")
    wanted = rather if rather in [name for name, _ in fits] else "ours"
    fits = [one for one in fits if one[0] == wanted] or fits
    fits = [one for one in fits if one[1] == 0.3] or fits
    return fits[0]


def _part(tensors, name):
    """The tensors of one network, by their names in it."""
    return {key[len(name) :]: t for key, t in tensors.items() if key.startswith(name)}

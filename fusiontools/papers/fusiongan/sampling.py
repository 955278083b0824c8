"""What comes out of a trained FusionGAN: melodies as tokens, as notes, as MIDI files; and
its weights as a file. Chapter 3, FusionGAN: `notebooks/03_fusiongan_2_full_size` lets you
hear the melodies, `notebooks/03_fusiongan_3_measured` measures them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from fusiontools import training
from fusiontools.errors import FusionError
from fusiontools.music.midi import write_midi
from fusiontools.music.tokens import EVENTS, Vocabulary, decode_tokens
from fusiontools.papers.fusiongan.config import Config
from fusiontools.papers.fusiongan.data import plain_tokens
from fusiontools.papers.fusiongan.losses import farthest
from fusiontools.papers.fusiongan.networks import Critic, Generator, draw

if TYPE_CHECKING:
    import numpy as np

    from fusiontools.music.notes import Notes
    from fusiontools.papers.fusiongan.networks import Networks


__all__ = ["Writer", "joint_logits", "load_weights", "sample", "sample_midi"]
__all__ += ["sample_tokens", "save_writers", "shipped_weights", "to_notes", "write"]
__all__ += ["writer_of"]

BPM = 110.0
TRIES = 1000  # of a writer in a file; the most that ships has 24


class Writer(NamedTuple):
    """What generates a method's melodies, and how: see
    `fusiontools.papers.fusiongan.Config` for all but the first and the last.
    """

    voices: list  # of Generator
    joint: str = "apart"
    share: float = 0.5
    temperature: float = 1.0
    tries: int = 1
    stretch: int = 0
    genre: Any = None  # the guide, where there is more than one try


HOW = ("joint", "share", "temperature", "tries", "stretch")  # what a Config says of it


def writer_of(networks: Networks, config: Config) -> Writer:
    """What generates the melodies of a training's method."""
    how = {name: getattr(config, name) for name in HOW}
    genre = networks.genre if config.tries > 1 else None
    return Writer([networks.g[n] for n in config.voices], **how, genre=genre)


def sample_tokens(
    writer: Generator | Writer | Sequence[Generator],
    n: int,
    seed: int = 0,
    temperature: float = 1.0,
) -> np.ndarray:
    """Melodies as rows of tokens, ndarray of int64, shape (n, 36), by a `Writer`, or by one
    Generator or several, which then write apart.

    Voices that write apart write as many rows each, give or take one, and the rows are
    shuffled. The same seed gives the same melodies on the same kind of device; global
    random numbers stay untouched. `temperature` multiplies the writer's own: 1 is what was
    learned; less is safer, and above 0.
    """
    by, dice = _writer(writer), torch.Generator().manual_seed(seed)
    by = by._replace(temperature=by.temperature * temperature)
    teams = [[g] for g in by.voices] if by.joint == "apart" else [by.voices]
    rows = []
    for i, voices in enumerate(teams):
        many = (n + len(teams) - 1 - i) // len(teams)
        rows.append(write(voices, many, by, dice).cpu())
    return torch.cat(rows)[torch.randperm(n, generator=dice)].numpy()


def _writer(writer):
    if isinstance(writer, Generator):
        return Writer([writer])
    return writer if isinstance(writer, Writer) else Writer(list(writer))


def joint_logits(
    logits: Sequence[torch.Tensor], joint: str = "product", share: float = 0.5
) -> torch.Tensor:
    """The next token's logits where two experts write together, (R, V) twice -> (R, V)."""
    if len(logits) == 1:
        return logits[0]
    a, b = logits
    if joint == "product":
        # p(x_t) ~ p_A(x_t)^alpha p_B(x_t)^(1 - alpha)
        return share * a + (1 - share) * b
    # p(x_t) = alpha p_A(x_t) + (1 - alpha) p_B(x_t)
    return (share * a.softmax(-1) + (1 - share) * b.softmax(-1)).log()


@torch.no_grad()
def write(
    voices: Sequence[Generator],
    n: int,
    by: Writer,
    dice: torch.Generator,
    length: int = EVENTS,
) -> torch.Tensor:
    """`n` sequences, (n, length), that one voice, or two together, write in segments, with
    the rest of what a `Writer` says. After each segment the best of its `tries` is kept.
    """
    if not by.temperature > 0:
        raise ValueError(f"temperature is {by.temperature}; it must be above 0")
    device, rows = voices[0].output.weight.device, n * by.tries
    # on the CPU, so that a GPU draws with the same numbers
    u = torch.rand(rows, length, generator=dice).to(device)
    previous = torch.full((rows,), voices[0].tokens, device=device)
    states, x = [None] * len(voices), torch.empty(rows, 0, dtype=torch.int64, device=device)
    for t in range(length):
        steps = [g.step(previous, state) for g, state in zip(voices, states)]
        states = [state for _, state in steps]
        logits = joint_logits([own for own, _ in steps], by.joint, by.share)
        previous = draw(logits / by.temperature, u[:, t])
        x = torch.cat([x, previous[:, None]], dim=1)
        ended = t + 1 == length or (bool(by.stretch) and (t + 1) % by.stretch == 0)
        if by.tries > 1 and ended:
            # of each sequence's tries, the one with no segment whose genre is sure
            sure = farthest(by.genre, x, by.stretch).view(n, by.tries)
            best = sure.argmin(1) + by.tries * torch.arange(n, device=device)
            best = best.repeat_interleave(by.tries)  # all tries go on from it
            x, previous = x[best], previous[best]
            states = [(h[:, best], c[:, best]) for h, c in states]
    return x[:: by.tries]


def to_notes(tokens: np.ndarray, vocabulary: Vocabulary) -> list[Notes]:
    """Rows of tokens as a list of `Notes` in beats; a row of rests alone has no notes."""
    return [decode_tokens(row, vocabulary) for row in tokens]


def sample(
    writer: Generator | Writer | Sequence[Generator],
    vocabulary: Vocabulary,
    n: int,
    seed: int = 0,
    temperature: float = 1.0,
) -> list[Notes]:
    """Melodies as a list of `Notes` in beats; see `sample_tokens`."""
    return to_notes(sample_tokens(writer, n, seed, temperature), vocabulary)


def sample_midi(
    writer: Generator | Writer | Sequence[Generator],
    vocabulary: Vocabulary,
    n: int,
    folder: str | os.PathLike,
    seed: int = 0,
    temperature: float = 1.0,
    name: str = "melody",
) -> list[Path]:
    """Write `n` MIDI files, each with at least one note, and return their paths; see
    `sample_tokens`. FusionError if it writes hardly anything but rests.
    """
    folder, written, again = Path(folder), [], 0
    folder.mkdir(parents=True, exist_ok=True)
    # A melody of rests alone is possible, and is no file: then more are written.
    while len(written) < n and again < 100:
        missing, other = n - len(written), seed + 7919 * again
        for notes in sample(writer, vocabulary, missing, other, temperature):
            if len(notes):
                written.append(folder / f"{name}_{len(written) + 1:03d}.mid")
                write_midi(notes, written[-1], bpm=BPM)
        again += 1
    if len(written) < n:
        says = f"only {len(written)} of {n} melodies have a note"
        raise FusionError(says, folder, "train the generator longer")
    return written


def save_writers(
    writers: dict[str, Any],
    path: str | os.PathLike,
    config: Config,
    vocabulary: Vocabulary,
    corpora: Sequence[str],
    terms: str,
    **about: Any,
) -> None:
    """Write what writes, a `Writer` or generators for each method, as one file of weights
    that says what it needs to be read. What several share is stored once. Corpora and
    terms: see `fusiontools.training.save_weights`.
    """
    models, told = {}, {}
    for method, by in ((method, _writer(by)) for method, by in writers.items()):
        named = [_name(models, f"{method}-{i}", g) for i, g in enumerate(by.voices)]
        own = {"voices": named, **{name: getattr(by, name) for name in HOW}}
        own["genre"] = by.genre and _name(models, f"{method}-genre", by.genre)
        told[method] = own
    sizes = dict(embedding=config.embedding, hidden=config.hidden)
    critic = dict(embedding=config.critic_embedding, filters=config.filters)
    about |= dict(paper="fusiongan", sizes={"tokens": vocabulary.size} | sizes)
    about |= dict(critic={"tokens": vocabulary.size, "bound": "none"} | critic)
    about |= dict(vocabulary=asdict(vocabulary), writers=told)
    training.save_weights(models, path, corpora=corpora, terms=terms, **about)


def _name(models, name, model):
    """The name of a model among `models`, where it is put if no equal one is there."""
    state = model.state_dict()
    for known, other in models.items():
        there = other.state_dict()
        if there.keys() == state.keys() and all(
            there[k].shape == v.shape and torch.equal(there[k], v) for k, v in state.items()
        ):
            return known
    models[name] = model
    return name


def shipped_weights(pair: str) -> Any:
    """Where the weights of a pair lie that come with the package."""
    file = f"fusiongan_{pair}.safetensors"
    return Path(str(resources.files("fusiontools").joinpath("pretrained", file)))


def load_weights(
    pair: str = "essen_ryan", path: str | os.PathLike | None = None
) -> tuple[dict[str, Writer], Vocabulary, dict[str, list | str]]:
    """A `Writer` for each method, the `Vocabulary` that its tokens are of, and what else
    the file says: the one that comes with the package for a pair, or one of your own.
    RecordError if there is none, or it is damaged.
    """
    path = shipped_weights(pair) if path is None else path
    tensors, about = training.read_weights(path, "fusiongan")
    models, writers = {}, {}
    with training.building(path, tensors, "weights of FusionGAN"):
        vocabulary = Vocabulary(**about["vocabulary"])
        if about["sizes"]["tokens"] != vocabulary.size:
            raise ValueError("tokens of another vocabulary")
        for own in about["writers"].values():
            how = training.config_from(Config, {name: own[name] for name in HOW})
            alone = how.joint == "apart" and own["voices"]
            if not (alone or len(own["voices"]) == 2) or not 0 < how.temperature < 100:
                raise ValueError("a writer that cannot write")
            if (how.tries > 1 and not own["genre"]) or how.tries > TRIES or how.stretch < 0:
                raise ValueError(f"{how.tries} tries of {how.stretch} notes")
            for name in own["voices"]:
                models[name] = Generator(**about["sizes"]).eval()
            if own["genre"]:
                alike = plain_tokens(vocabulary)
                models[own["genre"]] = Critic(**about["critic"], alike=alike).eval()
        training.load_weights(path, models)
        for method, own in about["writers"].items():
            parts = {"voices": [models[name] for name in own["voices"]]}
            parts["genre"] = own["genre"] and models[own["genre"]]
            writers[method] = Writer(**own | parts)
    return writers, vocabulary, about

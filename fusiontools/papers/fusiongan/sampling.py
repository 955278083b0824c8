"""What comes out of a trained FusionGAN: melodies as tokens, as notes, as MIDI files. No
training here.
"""

from dataclasses import asdict
from importlib import resources
from pathlib import Path

import torch

from fusiontools.errors import FusionError
from fusiontools.music.midi import write_midi
from fusiontools.music.tokens import EVENTS, Vocabulary, decode_tokens
from fusiontools.papers.fusiongan.networks import Generator
from fusiontools.training import read_weights, save_weights

__all__ = [
    "load_weights",
    "sample",
    "sample_midi",
    "sample_tokens",
    "save_generators",
    "shipped_weights",
    "to_notes",
]

BPM = 110.0


@torch.no_grad()
def sample_tokens(generators, n, seed=0, temperature=1.0, length=EVENTS):
    """Melodies as rows of tokens.

    Parameters
    ----------
    generators : Generator or sequence of Generator
        Of several, each writes an equal part, give or take one melody; the rows are
        shuffled.
    n : int
    seed : int
        The same seed gives the same melodies on the same kind of device; the global
        generator stays untouched.
    temperature : float
        1 is what was learned; less is safer.
    length : int
        Tokens in each.

    Returns
    -------
    ndarray of int64, shape (n, length)
    """
    generators = [generators] if isinstance(generators, Generator) else list(generators)
    dice, rows = torch.Generator().manual_seed(seed), []
    for i, g in enumerate(generators):
        many = (n + len(generators) - 1 - i) // len(generators)
        u = torch.rand(
            many, length, generator=dice
        )  # on the CPU, so that a GPU draws with the same numbers
        rows.append(g.sample(many, length, temperature, u.to(g.output.weight.device)).cpu())
    return torch.cat(rows)[torch.randperm(n, generator=dice)].numpy()


def to_notes(tokens, vocabulary):
    """Rows of tokens as a list of `Notes` in beats. A row of nothing but rests becomes an
    empty `Notes`.
    """
    return [decode_tokens(row, vocabulary) for row in tokens]


def sample(generators, vocabulary, n, seed=0, temperature=1.0):
    """Melodies as a list of `Notes` in beats; see `sample_tokens`."""
    return to_notes(sample_tokens(generators, n, seed, temperature), vocabulary)


def sample_midi(
    generators, vocabulary, n, folder, seed=0, temperature=1.0, name="melody", bpm=BPM
):
    """Write `n` MIDI files, each with at least one note.

    Returns
    -------
    list of pathlib.Path
    """
    folder, written, again = Path(folder), [], 0
    folder.mkdir(parents=True, exist_ok=True)
    while (
        len(written) < n and again < 100
    ):  # a melody of rests alone is possible, and no file
        for notes in sample(
            generators, vocabulary, n - len(written), seed + 7919 * again, temperature
        ):
            if len(notes):
                written.append(folder / f"{name}_{len(written) + 1:03d}.mid")
                write_midi(notes, written[-1], bpm=bpm)
        again += 1
    if len(written) < n:
        raise FusionError(
            f"only {len(written)} of {n} melodies have a note",
            folder,
            "train the generator longer",
        )
    return written


def save_generators(generators, path, config, vocabulary, corpora, terms, **about):
    """Write generators, by method, as one file of weights that says what it needs to be
    read.

    Parameters
    ----------
    generators : dict of str to (Generator or sequence of Generator)
        By method.
    path : path-like
        ``.safetensors``
    config : Config
    vocabulary : Vocabulary
    corpora, terms
        See ``fusiontools.training.save_weights``.
    """
    models, voices = {}, {}
    for method, own in generators.items():
        own = [own] if isinstance(own, Generator) else list(own)
        voices[method] = len(own)
        models |= {f"{method}-{i}": g for i, g in enumerate(own)}
    sizes = {
        "tokens": vocabulary.size,
        "embedding": config.embedding,
        "hidden": config.hidden,
    }
    about |= dict(
        paper="fusiongan", sizes=sizes, vocabulary=asdict(vocabulary), voices=voices
    )
    save_weights(models, path, corpora=corpora, terms=terms, **about)


def shipped_weights(pair):
    """Where the weights of a pair lie that come with the package."""
    return Path(
        str(
            resources.files("fusiontools").joinpath(
                "pretrained", f"fusiongan_{pair}.safetensors"
            )
        )
    )


def load_weights(pair="essen_ryan", path=None):
    """Generators by method, and what their tokens mean, from weights that come with the
    package or from a file of your own.

    Parameters
    ----------
    pair : str
        As in ``fusiontools.papers.fusiongan.data.PAIRS``.
    path : path-like, optional

    Returns
    -------
    generators : dict of str to list of Generator
    vocabulary : Vocabulary
    about : dict

    Raises
    ------
    RecordError
        If there are none, or the file is damaged.
    """
    tensors, about = read_weights(path if path is not None else shipped_weights(pair))
    generators = {}
    for method, count in about["voices"].items():
        generators[method] = []
        for i in range(count):
            g, start = Generator(**about["sizes"]), f"{method}-{i}."
            g.load_state_dict(
                {
                    name[len(start) :]: t
                    for name, t in tensors.items()
                    if name.startswith(start)
                }
            )
            generators[method].append(g.eval())
    return generators, Vocabulary(**about["vocabulary"]), about

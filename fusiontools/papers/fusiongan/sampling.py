"""What comes out of a trained FusionGAN: melodies as tokens, as notes, as MIDI files; and
its weights as a file. Chapter 3, FusionGAN: `notebooks/03_fusiongan_2_full_size` lets you
hear the melodies, `notebooks/03_fusiongan_3_measured` measures them.
"""

from dataclasses import asdict
from importlib import resources
from pathlib import Path

import torch

from fusiontools import training
from fusiontools.errors import FusionError
from fusiontools.music.midi import write_midi
from fusiontools.music.tokens import EVENTS, Vocabulary, decode_tokens
from fusiontools.papers.fusiongan.networks import Generator

__all__ = ["load_weights", "sample", "sample_midi", "sample_tokens", "save_generators"]
__all__ += ["shipped_weights", "to_notes"]

BPM = 110.0


@torch.no_grad()
def sample_tokens(generators, n, seed=0, temperature=1.0):
    """Melodies as rows of tokens, ndarray of int64, shape (n, 36), by one Generator or
    several: then each writes an equal part, give or take one, and the rows are shuffled.

    The same seed gives the same melodies on the same kind of device; global random numbers
    stay untouched. A temperature of 1 is what was learned; less is safer, and above 0.
    """
    generators = _listed(generators)
    dice, rows = torch.Generator().manual_seed(seed), []
    for i, g in enumerate(generators):
        many = (n + len(generators) - 1 - i) // len(generators)
        # on the CPU, so that a GPU draws with the same numbers
        u = torch.rand(many, EVENTS, generator=dice).to(g.output.weight.device)
        rows.append(g.sample(many, EVENTS, temperature, u).cpu())
    return torch.cat(rows)[torch.randperm(n, generator=dice)].numpy()


def _listed(generators):
    return [generators] if isinstance(generators, Generator) else list(generators)


def to_notes(tokens, vocabulary):
    """Rows of tokens as a list of `Notes` in beats; a row of rests alone has no notes."""
    return [decode_tokens(row, vocabulary) for row in tokens]


def sample(generators, vocabulary, n, seed=0, temperature=1.0):
    """Melodies as a list of `Notes` in beats; see `sample_tokens`."""
    return to_notes(sample_tokens(generators, n, seed, temperature), vocabulary)


def sample_midi(generators, vocabulary, n, folder, seed=0, temperature=1.0, name="melody"):
    """Write `n` MIDI files, each with at least one note, and return their paths; see
    `sample_tokens`. FusionError if the generators write hardly anything but rests.
    """
    folder, written, again = Path(folder), [], 0
    folder.mkdir(parents=True, exist_ok=True)
    # A melody of rests alone is possible, and is no file: then more are written.
    while len(written) < n and again < 100:
        missing, other = n - len(written), seed + 7919 * again
        for notes in sample(generators, vocabulary, missing, other, temperature):
            if len(notes):
                written.append(folder / f"{name}_{len(written) + 1:03d}.mid")
                write_midi(notes, written[-1], bpm=BPM)
        again += 1
    if len(written) < n:
        says = f"only {len(written)} of {n} melodies have a note"
        raise FusionError(says, folder, "train the generator longer")
    return written


def save_generators(generators, path, config, vocabulary, corpora, terms, **about):
    """Write generators by method, one or several for each, as one file of weights that says
    what it needs to be read. Corpora and terms: see `fusiontools.training.save_weights`.
    """
    generators = {method: _listed(own) for method, own in generators.items()}
    sizes = dict(embedding=config.embedding, hidden=config.hidden)
    about |= dict(paper="fusiongan", sizes={"tokens": vocabulary.size} | sizes)
    about["vocabulary"] = asdict(vocabulary)
    about["voices"] = {method: len(own) for method, own in generators.items()}
    models = _named(generators)
    training.save_weights(models, path, corpora=corpora, terms=terms, **about)


def _named(generators):
    """Every generator by its name in a file of weights."""
    return {f"{m}-{i}": g for m, own in generators.items() for i, g in enumerate(own)}


def shipped_weights(pair):
    """Where the weights of a pair lie that come with the package."""
    file = f"fusiongan_{pair}.safetensors"
    return Path(str(resources.files("fusiontools").joinpath("pretrained", file)))


def load_weights(pair="essen_ryan", path=None):
    """Lists of generators by method, the `Vocabulary` that their tokens are of, and what
    else the file says: the one that comes with the package for a pair, or one of your own.
    RecordError if there is none, or it is damaged.
    """
    path = shipped_weights(pair) if path is None else path
    about = training.read_weights(path)[1]
    generators = {}
    for method, many in about["voices"].items():
        generators[method] = [Generator(**about["sizes"]).eval() for _ in range(many)]
    training.load_weights(path, _named(generators))
    return generators, Vocabulary(**about["vocabulary"]), about

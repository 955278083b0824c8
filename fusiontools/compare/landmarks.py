"""Where the five papers stand: what networks have made of music since 2016, in which view,
by which kind of model. Used in chapter 8, "Side by side".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LANDMARKS", "MODELS", "OURS", "TASKS", "Landmark", "landmarks_figure"]

TASKS = {"write": "o", "fill in": "s", "transfer": "D"}  # and the marker of each
MODELS = {  # and the colour of each
    "recurrent": "chorale",
    "GAN": "metal",
    "autoencoder": "fiddle",
    "transformer": "folk",
    "diffusion": "fused",
    "convolution": "jazz",
}
OURS = {"chen2017fusiongan": 3, "akama2020connective": 4, "crossgenre_images": 5}
OURS |= {"liu_convlstmgan": 6, "gupta2020styletransfer": 7}  # the papers, by chapter
UNDATED = 2025.5  # where works stand that bear no year


class Landmark(NamedTuple):
    """A work."""

    name: str
    key: str  # of its entry in the book's references.bib
    year: int | None  # None: it bears none
    task: str  # one of `TASKS`
    model: str  # one of `MODELS`: what most of it is


# From notes to sound: the book's five views, and the wave itself
LANDMARKS = {
    "tokens": (
        Landmark("C-RNN-GAN", "mogren2016crnngan", 2016, "write", "GAN"),
        Landmark("FusionGAN", "chen2017fusiongan", 2017, "transfer", "GAN"),
        Landmark("Music Transformer", "huang2019music", 2019, "write", "transformer"),
        Landmark("Groove2Groove", "cifka2020groove2groove", 2020, "transfer", "recurrent"),
        Landmark("MuseMorphose", "wu2021musemorphose", 2021, "transfer", "transformer"),
        Landmark(
            "Anticipatory", "thickstun2024anticipatory", 2024, "fill in", "transformer"
        ),
    ),
    "grid": (
        Landmark("Melody RNN", "waite2016lookback", 2016, "write", "recurrent"),
        Landmark("DeepBach", "hadjeres2017deepbach", 2017, "fill in", "recurrent"),
        Landmark("MusicVAE", "roberts2018musicvae", 2018, "fill in", "autoencoder"),
        Landmark("Connective F.", "akama2020connective", 2020, "fill in", "autoencoder"),
        Landmark("Mittal et al.", "mittal2021symbolic", 2021, "write", "diffusion"),
        Landmark("Plasser et al.", "plasser2023discrete", 2023, "fill in", "diffusion"),
    ),
    "roll": (
        Landmark("MidiNet", "yang2017midinet", 2017, "write", "GAN"),
        Landmark("Coconet", "huang2017coconet", 2017, "fill in", "convolution"),
        Landmark("MuseGAN", "dong2018musegan", 2018, "write", "GAN"),
        Landmark("Brunner et al.", "brunner2018symbolic", 2018, "transfer", "GAN"),
        Landmark("Polyffusion", "min2023polyffusion", 2023, "fill in", "diffusion"),
        Landmark("Whole songs", "wang2024wholesong", 2024, "write", "diffusion"),
        Landmark("CNN-LSTM GAN", "liu_convlstmgan", None, "write", "GAN"),
    ),
    "image": (Landmark("Domain transfer", "crossgenre_images", None, "transfer", "GAN"),),
    "spectrogram": (
        Landmark("Random CNN", "ulyanov2016audio", 2016, "transfer", "convolution"),
        Landmark("TimbreTron", "huang2018timbretron", 2018, "transfer", "GAN"),
        Landmark("Audio style", "gupta2020styletransfer", 2020, "transfer", "convolution"),
    ),
    "wave or\nits codes": (
        Landmark("WaveNet", "vandenoord2016wavenet", 2016, "write", "convolution"),
        Landmark("NSynth", "engel2017nsynth", 2017, "write", "autoencoder"),
        Landmark("Mor et al.", "mor2018universal", 2018, "transfer", "autoencoder"),
        Landmark("DDSP", "engel2020ddsp", 2020, "transfer", "autoencoder"),
        Landmark("Jukebox", "dhariwal2020jukebox", 2020, "write", "transformer"),
        Landmark("RAVE", "caillon2021rave", 2021, "transfer", "autoencoder"),
        Landmark("MusicLM", "agostinelli2023musiclm", 2023, "write", "transformer"),
        Landmark("MusicGen", "copet2023musicgen", 2023, "write", "transformer"),
    ),
}


def landmarks_figure() -> Figure:
    """The works as a map: years to the right, views from sound up to notes; a colour for
    each kind of model, a marker for each task, and a ring around the papers of this book.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 6.8))
    base, ticks = 0, []
    for view, works in reversed(LANDMARKS.items()):
        works = sorted(works, key=lambda work: work.year or UNDATED)
        rows = _rows(works)
        for work, row in zip(works, rows):
            at, shade = work.year or UNDATED, colour(MODELS[work.model])
            ax.scatter(at, base + row, s=46, color=shade, marker=TASKS[work.task], zorder=3)
            if work.key in OURS:
                ring = dict(s=190, facecolor="none", edgecolor=shade, linewidth=1.4)
                ax.scatter(at, base + row, **ring, zorder=3)
            weight = "bold" if work.key in OURS else "normal"
            place = dict(xytext=(0, -13), textcoords="offset points", ha="center")
            ax.annotate(work.name, (at, base + row), size=7.5, weight=weight, **place)
        high = max(rows) + 1
        ticks.append((base + (high - 1) / 2, view))
        base += high
        ax.axhline(base - 0.45, color="0.85", lw=0.8)
    ax.set_yticks(*zip(*ticks))
    years = range(2016, 2025)
    ax.set_xticks([*years, UNDATED], [*map(str, years), "undated"])
    ax.set(xlim=(2015.3, UNDATED + 0.7), ylim=(-0.9, base - 0.4))
    ax.grid(axis="y", visible=False)
    for word, shade in MODELS.items():
        ax.scatter([], [], color=colour(shade), label=word)
    for word, marker in TASKS.items():
        ax.scatter([], [], color="0.4", marker=marker, label=word)
    below = dict(loc="upper center", bbox_to_anchor=(0.45, -0.06))
    ax.legend(ncols=5, frameon=False, fontsize=8, **below)
    return figure


def _rows(works):
    """For each of some works a row, so that no two of one row have names that touch."""
    last: list[float] = []  # year of each row
    rows = []
    for work in works:
        at = work.year or UNDATED
        row = next((i for i, year in enumerate(last) if at - year >= 2), len(last))
        last[row : row + 1] = [at]
        rows.append(row)
    return rows

"""Figures. Every plotter takes ``ax=None``, draws on it (or on a new one) and returns it.

Colours are the book's own. Plotters take notes and lists of notes, never corpora: what is
counted is counted in full view of the reader. Used in every chapter.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fusiontools.music.notes import NAMES, Notes, _need, note_name
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "bars",
    "duration_shares",
    "interval_shares",
    "piano_roll",
    "pitch_class_shares",
    "use_book_style",
]

# in beats: the note values that folk tunes are made of, and how a musician calls them
DURATIONS = {
    1 / 8: "32nd",
    1 / 6: "16th\ntriplet",
    1 / 4: "16th",
    1 / 3: "8th\ntriplet",
    3 / 8: "dotted\n16th",
    1 / 2: "8th",
    2 / 3: "quarter\ntriplet",
    3 / 4: "dotted\n8th",
    1.0: "quarter",
    1.5: "dotted\nquarter",
    2.0: "half",
    3.0: "dotted\nhalf",
    4.0: "whole",
}


def use_book_style() -> None:
    """Set matplotlib to the book's looks: call it once, in the setup cell."""
    import matplotlib

    matplotlib.rcParams.update(
        {
            "figure.figsize": (8, 3.2),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "grid.color": "#00000018",
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "font.size": 10,
            "legend.frameon": False,
        }
    )


def _axes(ax):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def piano_roll(
    notes: Notes,
    ax: "Axes | None" = None,
    domain: str | None = None,
    bar_lines: npt.ArrayLike | None = None,
    label: str | None = None,
) -> "Axes":
    """Draw notes as bars: time to the right, pitch upwards, loudness as strength of colour.

    Parameters
    ----------
    notes : Notes
        In beats or seconds; the axis says which.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    domain : str, optional
        Whose colour (see `fusiontools.show.colours`).
    bar_lines : array_like of float, optional
        Times of bar lines, in the notes' unit.
    label : str, optional
        For the legend.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> piano_roll(Notes.of([(0, 1, 60), (1, 1, 64)])).get_ylabel()
    'pitch'
    """
    from matplotlib.colors import to_rgba

    ax = _axes(ax)
    shades = [to_rgba(colour(domain), 0.45 + 0.5 * v / 127) for v in notes.velocity]
    edges = {"edgecolor": "white", "linewidth": 0.8}  # they keep repeated notes apart
    place = {"left": notes.onset, "height": 0.8}
    ax.barh(notes.pitch, notes.duration, color=shades, label=label, **place, **edges)
    for x in np.asarray(() if bar_lines is None else bar_lines, float):
        ax.axvline(x, color="#00000030", linewidth=0.8, zorder=0)
    if len(notes):
        low, high = int(notes.pitch.min()), int(notes.pitch.max())
        ax.set_ylim(low - 1.5, high + 1.5)
        named = [p for p in range(low - 1, high + 2) if p % 12 in (0, 4, 7)]
        ax.set_yticks(named, [note_name(p) for p in named])
    ax.set(xlabel=f"time in {notes.unit}", ylabel="pitch")
    return ax


def bars(
    shares: Mapping[str, npt.ArrayLike],
    names: Sequence[str],
    ax: "Axes | None" = None,
    domains: Mapping[str, str] | None = None,
) -> "Axes":
    """Bars side by side, one group a name, one colour a set: how two corpora compare.

    Parameters
    ----------
    shares : dict of str to array_like, shape (K,)
        Label of each set, and its share of each name, 0 to 1.
    names : sequence of str, length K
        What the groups are.
    domains : dict of str to str, optional
        Whose colour each set wears; by default its label's.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    width = 0.8 / len(shares)
    for i, (label, values) in enumerate(shares.items()):
        domain = (domains or {}).get(label, label)
        x = np.arange(len(names)) + (i - (len(shares) - 1) / 2) * width
        ax.bar(x, 100 * np.asarray(values), width * 0.94, color=colour(domain), label=label)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylabel("% of notes")
    ax.legend()
    return ax


def duration_shares(tunes: Iterable[Notes]) -> dict[float, float]:
    """Share of notes of each common note value.

    Parameters
    ----------
    tunes : iterable of Notes
        In beats.

    Returns
    -------
    dict of float to float
        From each length of `DURATIONS`, in beats, to its share of all notes; what is none
        of them counts in the total only.

    Raises
    ------
    UnitError
        If notes are in seconds.
    ValueError
        If there is no note; so in `pitch_class_shares` and `interval_shares`.

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> duration_shares([Notes.of([(0, 1, 60), (1, 0.5, 60)])])[0.5]
    0.5
    """
    tunes = list(tunes)
    for tune in tunes:
        _need(tune, "beats", "duration_shares")
    durations = _counted([t.duration for t in tunes])
    near = {length: np.abs(durations - length) < 1 / 64 for length in DURATIONS}
    return {length: float(np.mean(those)) for length, those in near.items()}


def pitch_class_shares(tunes: Iterable[Notes]) -> np.ndarray:
    """Share of notes on each of the twelve pitch classes, C first, shape (12,).

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> tune = Notes.of([(0, 1, 60), (1, 1, 72), (2, 1, 62), (3, 1, 60)])
    >>> pitch_class_shares([tune])[:3].tolist()
    [0.75, 0.0, 0.25]
    """
    classes = _counted([t.pitch for t in tunes]) % 12
    return np.bincount(classes, minlength=12) / len(classes)


def interval_shares(tunes: Iterable[Notes], reach: int = 12) -> np.ndarray:
    """Share of steps from note to note that are so many semitones.

    From ``-reach`` to ``reach``, shape (2 * reach + 1,).

    Wider leaps count in the total only.

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> interval_shares([Notes.of([(0, 1, 60), (1, 1, 62), (2, 1, 60)])], reach=2).tolist()
    [0.5, 0.0, 0.0, 0.0, 0.5]
    """
    tunes = list(tunes)
    _counted([t.pitch for t in tunes])
    steps = np.concatenate([np.diff(t.pitch) for t in tunes])
    inside = steps[np.abs(steps) <= reach]
    return np.bincount(inside + reach, minlength=2 * reach + 1) / max(len(steps), 1)


def _counted(columns):
    """All tunes' values in one array; shares of nothing are a mistake."""
    if not sum(map(len, columns)):
        raise ValueError(
            f"{len(columns)} tunes without a single note have no shares: "
            "give notes to count"
        )
    return np.concatenate(columns)


def pitch_class_names() -> list[str]:
    """C to B, as axis labels."""
    return [n.replace("#", "♯") for n in NAMES]

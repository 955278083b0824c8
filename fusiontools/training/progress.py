"""How far a training is, and for how much longer.

One display in a notebook, one bar on a terminal, a line now and then elsewhere.

It only shows. Nothing that is learned or saved depends on it, and where nobody looks it
does next to nothing. Used in chapters 3, 4, 5, 6 and 7.
"""

import html
import math
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusiontools.training.history import History

__all__ = ["curve_svg", "in_notebook", "spoken_time", "time_left", "watch"]

CURVES = 4  # shown at once, unless some were asked for
POINTS = 120  # of one curve: more cannot be told apart at this width
WIDTH, HEIGHT = 210, 56  # of one curve, in pixels


def in_notebook() -> bool:
    """Whether this code runs in a notebook, where a display can be updated in place."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def spoken_time(seconds: float) -> str:
    """A length of time as people say it.

    Examples
    --------
    >>> spoken_time(4.4), spoken_time(75), spoken_time(7260)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def time_left(marks: Sequence[tuple[float, int]], total: int) -> float | None:
    """Seconds until step `total`, at the pace of the marks.

    Parameters
    ----------
    marks : sequence of (seconds, steps done)
        From older to newer.
    total : int

    Returns
    -------
    float or None
        None as long as there is no pace.

    Examples
    --------
    >>> time_left([(0.0, 0), (10.0, 20)], 100)
    40.0
    """
    if len(marks) < 2 or marks[-1][1] <= marks[0][1]:
        return None
    (first, before), (last, done) = marks[0], marks[-1]
    return (total - done) * (last - first) / (done - before)


def thin_out(
    steps: Sequence[float], values: Sequence[float], points: int = POINTS
) -> list[tuple[float, float]]:
    """A curve of at most `points` points: means over equal stretches of what is finite."""
    pairs = [(s, v) for s, v in zip(steps, values) if math.isfinite(v)]
    width = max(math.ceil(len(pairs) / points), 1)
    stretches = [pairs[i : i + width] for i in range(0, len(pairs), width)]
    return [
        (sum(s for s, _ in part) / len(part), sum(v for _, v in part) / len(part))
        for part in stretches
    ]


def curve_svg(name: str, steps: Sequence[float], values: Sequence[float]) -> str:
    """One small curve with its name and its last value, as an SVG that needs no other file.

    Parameters
    ----------
    name : str
    steps, values : sequence of numbers, shape (N,)

    Returns
    -------
    str
        Empty if there is no finite value.
    """
    points = thin_out(steps, values)
    if not points:
        return ""
    steps, values = zip(*points)
    left, low, high = steps[0], min(values), max(values)
    across = (WIDTH - 4) / ((steps[-1] - left) or 1)
    up = (HEIGHT - 22) / ((high - low) or 1)
    ground = HEIGHT - 4 if high > low else HEIGHT / 2 + 6
    line = " ".join(
        f"{2 + (s - left) * across:.1f},{ground - (v - low) * up:.1f}" for s, v in points
    )
    says = html.escape(f"{name} {values[-1]:.4g}")
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{says}, from {low:.4g} to {high:.4g}">'
        f'<text x="2" y="11" font-size="11" fill="currentColor">{says}</text>'
        f'<text x="{WIDTH - 2}" y="11" font-size="9" fill="currentColor" opacity="0.6" '
        f'text-anchor="end">{low:.3g} to {high:.3g}</text>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" '
        'stroke-width="1.3"/></svg>'
    )


def watch(
    total: int,
    start: int = 0,
    title: str = "training",
    curves: Sequence[str] | None = None,
    quiet: bool = False,
) -> "Watch":
    """A display of progress for this place, to be used in a ``with`` statement.

    Parameters
    ----------
    total : int
        Steps in all.
    start : int
        Steps done already, in an earlier session.
    title : str
    curves : list of str, optional
        Columns of the history to draw. By default the first four.
    quiet : bool
        Show nothing: of several processes one does.

    Returns
    -------
    Watch
        Call its ``update(done, history)`` after each step; how often it draws is its own
        business.

    Examples
    --------
    >>> with watch(3, quiet=True) as shown:
    ...     for step in range(3):
    ...         shown.update(step + 1)
    """
    if quiet:
        kind = Watch
    elif in_notebook():
        kind = _Notebook
    else:
        kind = _Terminal if sys.stderr.isatty() else _Lines
    return kind(total, start, title, curves)


class Watch:
    """Knows how far things are and says nothing; those below say it, each in its way."""

    pause = math.inf  # seconds between two drawings

    def __init__(
        self, total: int, start: int, title: str, curves: Sequence[str] | None
    ) -> None:
        self.total, self.done, self.title, self.curves = total, start, title, curves
        self.start, self.stopped = start, False
        self.history: History | None = None

    def __enter__(self) -> "Watch":
        self.began = self.drawn = time.monotonic()
        # the pace is that of the last thirty drawings
        self.marks = deque([(self.began, self.done)], maxlen=30)
        self.open()
        return self

    def update(self, done: int, history: "History | None" = None) -> None:
        """Note that `done` steps are done, and draw if it is time."""
        self.done, self.history = done, history
        now = time.monotonic()
        if now - self.drawn >= self.pause:
            self.marks.append((now, done))
            self.draw()
            self.drawn = time.monotonic()
            # drawing may cost two per cent of the time, never more
            self.pause = max(type(self).pause, 50 * (self.drawn - now))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stopped = kind is not None
        self.close()

    def state(self) -> str:
        """Where things stand, in words."""
        if self.start >= self.total:
            return f"all {self.total:,} steps were done before"
        if self.done >= self.total:
            took = spoken_time(time.monotonic() - self.began)
            now = f", {self.total - self.start:,} of them now" if self.start else ""
            return f"{self.total:,} steps{now}, in {took}"
        if self.stopped:
            return f"stopped at step {self.done:,} of {self.total:,}"
        left = time_left(self.marks, self.total)
        told = "" if left is None else f", {spoken_time(left)} left"
        return f"step {self.done:,} of {self.total:,}{told}"

    def chosen(self) -> list[str]:
        """The columns to show that the history has by now."""
        columns = self.history.columns if self.history is not None else []
        if self.curves is None:
            return columns[:CURVES]
        return [c for c in self.curves if c in columns]

    def last_values(self) -> str:
        """The newest value of each chosen column, in words."""
        newest: dict = {}
        for row in self.history.rows[-100:] if self.history is not None else []:
            newest |= row
        return ", ".join(f"{c} {newest[c]:.4g}" for c in self.chosen() if c in newest)

    def line(self) -> str:
        """State and newest values."""
        return ", ".join(filter(None, [self.state(), self.last_values()]))

    def open(self) -> None:
        """Begin to show."""

    def draw(self) -> None:
        """Show the present state."""

    def close(self) -> None:
        """Show the last state, which stays."""


class _Lines(Watch):
    pause = 60.0

    def draw(self) -> None:
        print(f"{self.title}: {self.line()}", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.drawn != self.began:  # what took less than one pause leaves no trace
            self.draw()


class _Terminal(Watch):
    pause = 0.2

    def open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        title = TextColumn("{task.description}", markup=False)
        words = TextColumn("{task.fields[words]}", markup=False)
        console = Console(stderr=True)
        # Drawn by hand and not by a thread of rich's own: a training may be forked or
        # killed at any moment.
        self.bar = Progress(title, BarColumn(), words, console=console, auto_refresh=False)
        self.bar.start()
        begun = (self.title, True, self.total, self.done)
        self.task = self.bar.add_task(*begun, words=self.state())
        self.bar.refresh()

    def draw(self) -> None:
        self.bar.update(self.task, completed=self.done, refresh=True, words=self.line())

    def close(self) -> None:
        self.draw()
        self.bar.stop()


class _Notebook(Watch):
    pause = 1.0

    def open(self) -> None:
        from IPython.display import HTML, display

        self.html = HTML
        self.shown = display(HTML(self.page()), display_id=True)

    def draw(self) -> None:
        self.shown.update(self.html(self.page()))

    def close(self) -> None:
        self.draw()

    def page(self) -> str:
        """The whole display, replaced as a whole: a line of words, a bar, the curves."""
        found = self.history
        drawn = [curve_svg(c, *found.column(c)) for c in self.chosen()] if found else []
        words = html.escape(f"{self.title}: {self.state()}")
        return (
            f'<div style="font:13px system-ui,sans-serif;max-width:56em"><div>{words}</div>'
            f'<progress value="{self.done}" max="{max(self.total, 1)}" style="width:100%" '
            f'aria-label="{words}"></progress>'
            f'<div style="display:flex;flex-wrap:wrap;gap:6px">{"".join(drawn)}</div></div>'
        )

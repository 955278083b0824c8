"""The order in which what an ABC tune writes once is played: repeats, endings, parts.

What an item of a tune is, `fusiontools.music.abc_voice` says; here only bar lines and the
labels of parts count. Used in chapter 1, Music as numbers.
"""

import re
from dataclasses import dataclass

from fusiontools.errors import MusicFileError

__all__ = ["Bar", "Part", "order", "part_order", "too_long"]

MOST = 200_000  # items that are played or passed over; a long voice has ten thousand
MOST_PARTS = 1000  # of an order such as P:A2(BC)3
MOST_PLAYS = 99  # of one section


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar line, the beginning of an ending, or both (``:|2``).

    `ends` and `starts` count the dots before and after it, `endings` are the passes on
    which the music after it is played; `line` is False where only an ending stands.
    """

    ends: int = 0
    starts: int = 0
    double: bool = False
    endings: tuple[int, ...] = ()
    line: bool = True

    @property
    def heavy(self) -> bool:
        """Whether it is more than the line between two bars."""
        return bool(self.ends or self.starts or self.double)

    def __add__(self, other: "Bar") -> "Bar":
        """Two that stand side by side, as one."""
        ends, starts = max(self.ends, other.ends), max(self.starts, other.starts)
        double, line = self.double or other.double, self.line or other.line
        return Bar(ends, starts, double, other.endings or self.endings, line)


@dataclass(frozen=True, slots=True)
class Part:
    """Where the part of that letter begins (``P:A``)."""

    letter: str


def too_long() -> MusicFileError:
    """What is said of numbers that no music has."""
    found = "a note, a rest or a repeat longer than any music"
    return MusicFileError(found, do="check the numbers after its letters")


def order(items: list, parts: str = "") -> list[int]:
    """The numbers of the items that sound, and of bar lines, in playing order.

    Repeats are played out, each ending on its passes. ``:|`` goes back to the last ``|:``,
    or else to where the last repeat or the last double bar ended (ABC 2.1, section 4.8).

    Parameters
    ----------
    items : list
        `Bar`, `Part`, and what else there is.
    parts : str
        The letters of the parts as they are played, see `part_order`; those that the tune
        does not have are passed over. What stands before the first label comes first.

    Raises
    ------
    MusicFileError
        If that is more than any music has.

    Examples
    --------
    >>> order([Bar(starts=1), "c", Bar(ends=1), "d"])
    [0, 1, 2, 1, 2, 3]
    """
    labels = [i for i, item in enumerate(items) if isinstance(item, Part)]
    sections: dict[str, tuple[int, int]] = {}
    for start, stop in zip(labels, [*labels[1:], len(items)]):
        sections.setdefault(items[start].letter, (start, stop))
    played: list[int] = []
    asked = [sections[letter] for letter in parts if letter in sections]
    if asked:
        asked = [(0, labels[0]), *asked]
    for start, stop in asked or [(0, len(items))]:
        _play(items, start, stop, played)
    return played


def _play(items, first, end, played):
    """Append the numbers of the items from `first` up to `end` as they are played."""
    i, steps = first, len(played)
    start, opened, plays = first, False, 2  # of the section: where, by |: or not, how often
    passed, numbers = 1, []  # which pass this is; the numbers that its endings name
    ending = 0  # which of these is played now
    while i < end:
        steps += 1
        if steps > MOST:
            raise too_long()
        bar = items[i]
        if not isinstance(bar, Bar):
            played.append(i)
            i += 1
            continue
        if bar.line:
            played.append(i)
        # another ending begins where one stops: |1 C |2 D means |1 C :|2 D
        again = bar.ends or (ending and bar.endings and ending not in bar.endings)
        if again and passed < (len(numbers) or max(plays, bar.ends + 1)):
            passed, i, ending = passed + 1, start, 0
            continue
        if bar.endings:
            numbers = numbers or _endings(items, i, end)
            # if one is missing, the next counts
            ending = numbers[min(passed, len(numbers)) - 1]
            while bar.endings and ending not in bar.endings:
                close = _next_close(items, i + 1, end)
                steps, i = steps + close - i, close
                at_a_bar = i < end and isinstance(items[i], Bar)
                bar = items[i] if at_a_bar else Bar(double=True)
        i += 1
        if bar.endings:
            continue
        if bar.starts:
            start, opened, plays, passed, ending = i, True, bar.starts + 1, 1, 0
            numbers = []
        elif bar.ends or (bar.double and (numbers or not opened)):
            start, opened, plays, passed, ending = i, False, 2, 1, 0
            numbers = []


def _next_close(items, i, end):
    """Where the ending before item `i` stops."""
    while i < end and not isinstance(items[i], Part):
        if isinstance(items[i], Bar) and (items[i].heavy or items[i].endings):
            return i
        i += 1
    return i


def _endings(items, i, end):
    """The numbers of the endings of a section, the first of which is item `i`, in order."""
    numbers = set()
    while i < end and isinstance(items[i], Bar) and items[i].endings:
        numbers.update(items[i].endings)
        i = _next_close(items, i + 1, end)
    return sorted(numbers)


def part_order(text: str) -> str:
    """The parts of a tune as a ``P:`` line of its head lists them.

    Raises
    ------
    MusicFileError
        If they are more than any music has.

    Examples
    --------
    >>> part_order("A2.(BC)2"), part_order("((AB)2.C)2")
    ('AABCBC', 'ABABCABABC')
    """
    lists: list[list[str]] = [[]]
    for token in re.findall(r"[A-Za-z()]|\d+", text):
        if token == "(":
            lists.append([])
        elif token == ")":
            if len(lists) > 1:
                inner = "".join(lists.pop())
                lists[-1].append(inner)
        elif token.isdigit():
            times = int(token) if len(token) < 5 else MOST_PARTS + 1
            if times * len("".join(lists[-1][-1:])) > MOST_PARTS:
                raise too_long()
            lists[-1][-1:] = [part * times for part in lists[-1][-1:]]
        else:
            lists[-1].append(token)
    parts = "".join("".join(parts) for parts in lists)
    if len(parts) > MOST_PARTS:
        raise too_long()
    return parts

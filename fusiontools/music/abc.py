"""ABC, the plain-text notation in which folk tunes travel.

A tune is a few header lines (``T:`` title, ``M:`` meter, ``K:`` key) and letters for notes.
This module cuts books into tunes and makes of each what is sung: `abc_voice` reads its
letters, `abc_order` plays out its repeats. Used in chapter 1, Music as numbers.
"""

import itertools
import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.abc_order import Bar, order, part_order, too_long
from fusiontools.music.abc_voice import Sound, Voice, key_of
from fusiontools.music.notes import Notes, Tempo, legato
from fusiontools.music.pieces import Meter, Piece, Track

__all__ = ["AbcTune", "read_abc", "split_abc"]

LARGEST = 200_000  # letters of one tune; a long one takes five thousand
LONGEST = 1_000_000  # beats: a week of music
# No moment has a larger denominator: counting on would take forever.
FINEST = 10**9
FLUTE = 73  # plays tunes that name no instrument
BPM = 120  # of a tune that names no tempo
_FIELD = re.compile(r"[A-Za-z]:(?![|:])")  # not music that starts like one, such as G:|
_VOICE = re.compile(r"(\[V:[^\[\]]*\])")
# of a book's head: what holds for all its tunes, and is no title, text or word
_FOR_ALL = re.compile(r"[A-JL-OQRSUZmr]:|%%")
_BLOCK = re.compile(r"%%(begin|end)(\w+)")
_REMARK = re.compile(r"(?<!\\)%")
MOST_VOICES = 64  # that are looked through for notes


@dataclass(frozen=True)
class AbcTune:
    """One tune of an ABC book: its header fields as written, and its notes in beats.

    `key` is the tonic and what follows it: nothing for major, "m" for minor, "dor", "phr",
    "lyd", "mix" or "loc" ("Bb", "F#m", "Ador"). A key of another kind stands there as its
    first word (such as "Hp", for bagpipes), and none as "". `meter.beat` is where its bars
    count from: below zero where the tune starts with an upbeat (anacrusis). `meters` has
    those that follow, too, and `bars` the beats on which bars start, as written; None if
    there is no bar line. `program` is the General MIDI instrument, None if it names none.
    `said` has a sentence for what it does not name, or is left out.
    """

    number: str
    title: str
    key: str
    fields: dict[str, str]
    notes: Notes
    meters: tuple[Meter, ...]
    tempo: Tempo
    bars: tuple[float, ...] | None
    program: int | None
    said: tuple[str, ...] = ()

    @property
    def meter(self) -> Meter:
        """The first meter."""
        return self.meters[0]

    @property
    def piece(self) -> Piece:
        """The tune as a piece of one track; a flute plays it if it names no instrument."""
        program = FLUTE if self.program is None else self.program
        track = Track(self.notes, program, name=self.title)
        return Piece((track,), self.tempo, self.meters, self.title, self.bars)


def split_abc(text: str) -> list[str]:
    r"""Cut an ABC book into the texts of its tunes: each starts at an ``X:`` line.

    The fields and ``%%`` lines before the first one hold for all tunes, and stand before
    the ``X:`` of each.

    Examples
    --------
    >>> [t.split()[0] for t in split_abc("X:1\nK:C\nCDE\n\nX:2\nK:G\nGAB\n")]
    ['X:1', 'X:2']
    >>> split_abc("A book\nM:3/4\n\nX:1\nK:C\nCDE\n")
    ['M:3/4\nX:1\nK:C\nCDE\n']
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)
    prose = _prose(lines)
    starts = [i for i, line in enumerate(lines) if line.startswith("X:") and i not in prose]
    head = filter(_FOR_ALL.match, _lines("".join(lines[: min(starts, default=0)])))
    common = "".join(f"{line}\n" for line in head)
    stops = [*starts[1:], len(lines)]
    return [common + "".join(lines[i:j]) for i, j in zip(starts, stops)]


def read_abc(text: str, where: object = "ABC text") -> AbcTune:
    r"""Read one tune written in ABC.

    Parameters
    ----------
    text : str
        One tune, from its ``X:`` line on (see `split_abc` for books), perhaps with fields
        of its book before it.
    where : object
        Names the source in messages.

    Returns
    -------
    AbcTune
        Its notes are a melody in beats: repeats and the order of parts are played out, of a
        chord the highest note stays, ornaments and grace notes do not count. Of several
        voices (``V:``) it is the first that has notes, without what another sings in the
        same bar (``&``). A meter that is missing, free or none for MIDI either, such as
        4/6, counts as 4/4. The tune ends at the first empty line after its head.

    Raises
    ------
    MusicFileError
        If this is not ABC, more than one tune, or longer than any tune is: 200,000 letters,
        a note or rest of five digits, or 10,000 bars of rest.
    NoNotesError
        If there is no note in it.

    Examples
    --------
    >>> tune = read_abc("X:1\nT:Scale\nM:3/4\nL:1/4\nK:G\nGAB | c2 f |]\n")
    >>> tune.title, str(tune.meter), tune.notes.pitch.tolist(), tune.notes.duration.tolist()
    ('Scale', '3/4', [67, 69, 71, 72, 78], [1.0, 1.0, 1.0, 2.0, 1.0])
    """
    if len(text) > LARGEST:
        found = f"{len(text):,} letters, and a tune has {LARGEST:,} at most"
        raise MusicFileError(found, where, "cut it with split_abc(text) first")
    lines = _lines(text.strip("\n\r\ufeff "))
    first = next((i for i, line in enumerate(lines) if line.startswith("X:")), len(lines))
    book, lines = [*filter(_FOR_ALL.match, lines[:first])], lines[first:]
    keys = [i for i, line in enumerate(lines) if line.startswith("K:")]
    if not keys:
        found = "not an ABC tune: it needs a line X: (number) and a line K: (key)"
        do = "write its key, such as K:C, on a line before its notes"
        if not lines:
            do = "write a line X:1 at its top, if it is one"
        raise MusicFileError(found, where, do)
    if (tunes := sum(line.startswith("X:") for line in lines)) > 1:
        found = f"{tunes} tunes, where one is read at a time"
        raise MusicFileError(found, where, "cut them apart with split_abc(text)")
    head, body = [*book, *lines[: keys[0] + 1]], _body(lines, keys[0] + 1)
    try:
        items, program, said = _sung(head, body)
        parts = next((line[2:] for line in head if line.startswith("P:")), "")
        tune = _performed(items, order(items, part_order(parts)))
    except MusicFileError as error:
        raise type(error)(error.found, where, error.do) from None
    fields: dict[str, str] = {}
    for line in [*head[len(book) :], *filter(_FIELD.match, body), *book]:
        if line[1:2] == ":" and line[0].isalpha():
            fields.setdefault(line[0], line[2:].strip())
    number, title, key = fields["X"], fields.get("T", ""), key_of(fields["K"])[0]
    if not any(isinstance(item, Sound) and item.bpm for item in items):
        said.append(f"It names no tempo: {BPM} is taken.")
    return AbcTune(number, title, key, fields, *tune, program, tuple(said))


def _prose(lines):
    """The numbers of the lines from each ``%%begintext`` (or ``ps``, ``svg``) to its end.

    One that nothing ends begins no block.
    """
    edges = [0] * (len(lines) + 1)  # how many blocks begin at a line, less those that end
    opened: dict[str, int] = {}
    for i, line in enumerate(lines):
        if not (found := _BLOCK.match(line)):
            continue
        if found[1] == "begin":
            opened[found[2]] = i
        elif found[2] in opened:
            edges[opened.pop(found[2])] += 1
            edges[i + 1] -= 1
    return {i for i, blocks in enumerate(itertools.accumulate(edges)) if blocks}


def _lines(text):
    """The lines of a text without remarks, and without blocks of prose.

    A line that begins with ``+:`` goes on with the field before it.
    """
    lines, kept = text.splitlines(), []
    prose = _prose(lines)
    for i, line in enumerate(lines):
        if i in prose:
            continue
        whole = line.removeprefix("%%")
        whole = _REMARK.split(whole, maxsplit=1)[0]
        if line.startswith("+:") and kept:
            kept[-1] += " " + whole[2:].strip()
        elif line.startswith("%%"):
            kept.append("%%" + whole)
        elif not line.startswith("%"):
            kept.append(whole)
    return kept


def _body(lines, start):
    """The lines of music, which an empty line ends: not so if its head has one, too."""
    body = itertools.dropwhile(lambda line: not line.strip(), lines[start:])
    if all(line.strip() for line in lines[:start]):
        return list(itertools.takewhile(str.strip, body))
    return [line for line in body if line.strip()]


def _sung(head, body):
    """What the first voice writes that has notes (all if none is named), its program, and
    what to say of the others.
    """
    base, named, tempos = Voice(), {}, []
    for line in head:
        if line.startswith("%%"):
            base.directive(line[2:])
        elif line.startswith("V:") and line[2:].split():
            named[line[2:].split()[0]] = line[2:]
        elif line.startswith("Q:"):  # it may count in letters, whose length comes later
            tempos.append(line[2:])
        elif line[1:2] == ":" and line[0] != "P":
            base.field(line[0], line[2:])
    for text in tempos:
        base.field("Q", text)
    lines = _by_voice(body, next(iter(named), "1"))
    names = list(dict.fromkeys(name for name, _ in lines if name))
    for name in names[:MOST_VOICES]:
        voice = base.begin()
        voice.place(named.get(name, ""))
        for other, line in lines:
            if other not in (name, ""):
                continue
            if line.startswith("%%"):
                voice.directive(line[2:])
            elif line.startswith(("V:", "[V:")):
                voice.place(line)
            elif _FIELD.match(line):
                voice.field(line[0], line[2:])
            else:
                voice.music(line)
        if any(isinstance(item, Sound) and item.tones for item in voice.items):
            return voice.items, voice.program, _others(name, names, [*head, *body])
    raise _silent()


def _others(name, names, lines):
    """What to say of a voice that is taken, if there are others."""
    if len(names) < 2:
        return []
    own = [line for line in lines if re.match(rf"\[?V:\s*{re.escape(name)}(\s|\]|$)", line)]
    told = re.search(r"\b(?:name|nm)\s*=\s*(?:\"([^\"]*)\"|([^\s\]]+))", " ".join(own))
    called = (told[1] or told[2] or "").strip() if told else ""
    called = called or ("" if name.isdecimal() else name)
    which = " that has notes" if name != names[0] else ""
    ends = f": {called[:40]}." if called else "."
    return [f"The first of {len(names)} voices{which} is taken{ends}"]


def _silent():
    found = "an ABC tune without a single note"
    return NoNotesError(found, do="check that notes, letters A to G, follow its line K:")


def _by_voice(body, voice):
    """The lines of a tune, each with the name of its voice; "" if it holds for all.

    Music before any ``V:`` belongs to the first voice, as most programs have it.
    """
    lines = []
    for line in body:
        if _FIELD.match(line) and line[0] in "PQ":
            lines.append(("", line))
            continue
        is_music = not _FIELD.match(line) and not line.startswith("%%")
        for piece in _VOICE.split(line) if is_music else [line]:
            if found := re.match(r"\[?V:\s*([^\s\]]*)", piece):
                voice = found[1] or "1"
            lines.append((voice, piece))
    return lines


def _performed(items, played):
    """The items as they are played: notes, meters, tempo, and where bars start."""
    rows, meters, tempos = [], [], {}
    lines = {}  # of each bar line its beat, and whether it may stand within a bar
    held, now, following = {}, Fraction(0), 0
    bpm = None
    for item in map(items.__getitem__, played):
        if isinstance(item, Bar):
            lines[now] = item.heavy or lines.get(now, False)
        if not isinstance(item, Sound):
            continue
        if not meters or item.meter != meters[-1][1]:
            meters.append((now, item.meter))
        if not tempos or item.bpm != bpm:
            bpm = tempos[now] = item.bpm
        # a tie holds between what is written and played side by side
        before, held = held if item.number == following else {}, {}
        following = item.number + 1
        for tone in item.tones:
            row = before.pop(tone.pitch, None)
            if row is None:
                rows.append(row := [now, now, tone.pitch])
            row[1] = now + tone.length
            if tone.tied:
                held[tone.pitch] = row
        now = (now + item.length).limit_denominator(FINEST)
        if now > LONGEST:
            raise too_long()
    if not rows:  # the parts that its head asks for have none
        raise _silent()
    onset = np.array([float(row[0]) for row in rows])
    duration = np.array([float(row[1] - row[0]) for row in rows])
    notes = legato(Notes(onset, duration, [row[2] for row in rows]))
    bars = _bars(lines, meters, now)
    if bars and bars[0] < 0:
        meters[0] = (bars[0], meters[0][1])
    timed = tuple(replace(meter, beat=float(beat)) for beat, meter in meters)
    return notes, timed, _tempo(tempos), bars and tuple(map(float, bars))


def _bars(lines, meters, end):
    """The beats on which bars start, from the first on; None if there is no bar line.

    A first bar that is short is the end of a whole one. A repeat sign or a double bar
    within a bar parts it on paper only.
    """
    if not lines:
        return None
    starts, changes = [Fraction(0)], [*meters[1:], (end + 1, None)]
    length, change = _length(meters[0][1]), 0
    beats = [beat for beat in lines if beat > 0]
    for beat, after in zip(beats, [*beats[1:], end]):
        before, after = beat - starts[-1], max(after, beat) - beat
        first = len(starts) == 1
        if first and before < length:
            starts[0] = beat - length
        if beat < end and (first or not lines[beat] or before + after != length):
            starts.append(beat)
        while changes[change][0] <= beat:
            length, change = _length(changes[change][1]), change + 1
    return starts


def _length(meter):
    return Fraction(4 * meter.numerator, meter.denominator)


def _tempo(tempos):
    """The clock of ``(beat, quarter notes a minute)``; the last tempo goes on."""
    pace = [60.0 / float(bpm or BPM) for bpm in tempos.values()]
    return Tempo.of([float(beat) for beat in tempos], pace)

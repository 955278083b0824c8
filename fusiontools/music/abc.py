"""ABC, the plain-text notation in which folk tunes travel.

A tune is a few header lines (``T:`` title, ``M:`` meter, ``K:`` key) and letters for notes.
symusic turns the letters into notes, with repeats played out and ties joined; this module
cuts books into tunes, takes out what is not melody (chord names, fingerings, grace notes,
ornaments) and undoes the habits of a converter made for listening: swung hornpipes, broken
chords, notes that start one tick late. Used in chapter 1, Music as numbers.
"""

import contextlib
import os
import re
import sys
import threading
from dataclasses import dataclass, replace

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, legato

__all__ = ["AbcTune", "read_abc", "split_abc"]

LARGEST = 200_000  # letters of one tune; a long one takes five thousand
_FIELD = re.compile(r"^[A-Za-z]:(?![|:])")  # not music that starts like one, such as G:|
# chord names and fingerings, decorations, grace notes
_NOT_MELODY = re.compile(r'"[^"\n]*"|![^!\n]*!|\{[^}\n]*\}')
# one-letter signs before a note
_ORNAMENT = re.compile(r"[.~HLMOPSTuv](?=[.~HLMOPSTuv]*[\^_=]*[A-Ga-g\[(])")
_OVERLAY = re.compile(r"&(?:\[[A-Za-z]:[^\]\n]*\]|[^|:\n])*")  # a second voice within a bar
_KEY = re.compile(
    r"([A-G][#b]?)(?:\s*((?i:maj|min|mix|dor|phr|lyd|loc|ion|aeo)[A-Za-z]*|m|M))?"
    r"(?![A-Za-z#])"
)
_MODES = {"maj": "", "ion": "", "min": "m", "aeo": "m", "m": "m", "M": ""}
_METERS = {"C": (4, 4), "C|": (2, 2)}


@dataclass(frozen=True)
class AbcTune:
    """One tune of an ABC book: its header fields as written, and its notes in beats.

    `key` is the tonic and what follows it: nothing for major, "m" for minor, "dor", "phr",
    "lyd", "mix" or "loc" ("Bb", "F#m", "Ador"). A key of another kind stands there as its
    first word (such as "Hp", for bagpipes), and none as "". `meter.beat` is where its bars
    count from: below zero where the tune starts with an upbeat (anacrusis).
    """

    number: str
    title: str
    meter: Meter
    key: str
    fields: dict
    notes: Notes


def split_abc(text):
    """Cut an ABC book into the texts of its tunes: each starts at an ``X:`` line.

    Examples
    --------
    >>> [t.split()[0] for t in split_abc("X:1\\nK:C\\nCDE\\n\\nX:2\\nK:G\\nGAB\\n")]
    ['X:1', 'X:2']
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [t for t in re.split(r"(?m)^(?=X:)", text) if t.startswith("X:")]


def read_abc(text, where="ABC text"):
    """Read one tune written in ABC.

    Parameters
    ----------
    text : str
        One tune, from its ``X:`` line on (see `split_abc` for books).
    where : object
        Names the source in messages.

    Returns
    -------
    AbcTune
        Its notes are a melody in beats: repeats are played out, of a chord the highest note
        stays. Of several voices (``V:``) it is the first that has notes, without what
        another sings in the same bar (``&``). A meter that is missing, free or none for
        MIDI either, such as 4/6, counts as 4/4.

    Raises
    ------
    MusicFileError
        If this is not ABC, more than one tune, or longer than any tune is: 200,000 letters,
        a note or rest of five digits, or 10,000 bars of rest.
    NoNotesError
        If there is no note in it.

    Examples
    --------
    >>> tune = read_abc("X:1\\nT:Scale\\nM:3/4\\nL:1/4\\nK:G\\nGAB | c2 f |]\\n")
    >>> tune.title, str(tune.meter), tune.notes.pitch.tolist(), tune.notes.duration.tolist()
    ('Scale', '3/4', [67, 69, 71, 72, 78], [1.0, 1.0, 1.0, 2.0, 1.0])
    """
    from symusic import Score

    if len(text) > LARGEST:
        found = f"{len(text):,} letters, and a tune has {LARGEST:,} at most"
        raise MusicFileError(found, where, "cut it with split_abc(text) first")
    lines = text.strip("\n\r\ufeff ").splitlines()
    head = next((i for i, line in enumerate(lines) if line.startswith("K:")), len(lines))
    # before K: there is no music: N:: is a field
    lines[:head] = [re.sub(r"^([A-Za-z]:)(?=[|:])", r"\1 ", line) for line in lines[:head]]
    fields = {}
    for line in lines:
        if _FIELD.match(line):
            fields.setdefault(line[0], line[2:].split("%")[0].strip())
    if "X" not in fields or "K" not in fields:
        found = "not an ABC tune: it needs a line X: (number) and a line K: (key)"
        raise MusicFileError(found, where, "check the file, or convert it to MIDI")
    if (tunes := sum(line.startswith("X:") for line in lines)) > 1:
        found = f"{tunes} tunes, where one is read at a time"
        raise MusicFileError(found, where, "cut them apart with split_abc(text)")
    lines = _first_voice(lines)
    written = _as_written(lines)
    _check_lengths(written, where)
    with _quiet(), _drafts_in_memory():
        try:
            score = Score.from_abc(written)
        except Exception as error:  # RuntimeError of the converter, UnicodeError of a pipe
            found = f"not readable as ABC ({type(error).__name__})"
            do = "check the notation in an ABC editor"
            raise MusicFileError(found, where, do) from None
    parts = [t.notes.numpy() for t in score.tracks if len(t.notes)]
    if not parts:
        found = "an ABC tune without a single note"
        raise NoNotesError(found, where, "choose another tune")
    columns = [[p[k] for p in parts] for k in ("time", "duration", "pitch")]
    time, duration, pitch = (np.concatenate(c).astype(np.int64) for c in columns)
    # The converter writes a note of ticks [a, b) as [a + 1, b): take the tick back.
    late = time > 0
    notes = legato(Notes((time - late) / score.tpq, (duration + late) / score.tpq, pitch))
    sung = [line.split("%")[0] for line in lines if not _FIELD.match(line)]
    music = " ".join(_melody_only(line) for line in sung)
    meter = _with_upbeat(_meter(fields.get("M", "")), music, fields.get("L", ""))
    title, key = fields.get("T", ""), _key(fields["K"])
    return AbcTune(fields["X"], title, meter, key, fields, notes)


def _first_voice(lines):
    """The header, and what the first voice sings that has notes; all if none is named."""
    head = next(i for i, line in enumerate(lines) if line.startswith("K:")) + 1
    named = [line[2:].split()[0] for line in lines[:head] if re.match(r"V:\s*\S", line)]
    # music before any V: belongs to the first voice, as most programs have it
    sung, voice = [], (named or ["1"])[0]
    for line in lines[head:]:
        if line.startswith("V:"):
            voice = (line[2:].split() or ["1"])[0]
            sung.append((voice, line))
            continue
        for piece in re.split(r"(\[V:[^\]]*\])", line) if _is_music(line) else [line]:
            if piece.startswith("[V:"):
                voice = (piece[3:-1].split() or ["1"])[0]
            elif piece or not line:
                sung.append((voice, piece))
    music = [(v, _melody_only(line)) for v, line in sung if _is_music(line)]
    first = next((v for v, line in music if re.search(r"[A-Ga-g]", line)), voice)
    defined = [
        line
        for line in lines[:head]
        if not line.startswith("V:") or line[2:].split()[:1] == [first]
    ]
    return defined + [line for v, line in sung if v == first]


def _is_music(line):
    return not _FIELD.match(line) and not line.startswith("%")


def _check_lengths(text, where):
    """Refuse numbers that would keep the converter for minutes: nothing can stop it."""
    lines = [line for line in text.splitlines() if line[:2] not in ("X:", "T:")]
    lines = [line.split("%")[0] for line in lines]
    bars = sum(int(n) for line in lines for n in re.findall(r"[ZX](\d{1,9})", line))
    order = " ".join(line for line in lines if line.startswith("P:"))
    parts = np.prod([float(n) for n in re.findall(r"\d{1,9}", order)])
    if bars > 10_000 or parts > 1000 or any(re.search(r"\d{5}", line) for line in lines):
        found = "a note, a rest or a repeat longer than any music"
        raise MusicFileError(found, where, "check the numbers after its letters")


def _key(text):
    """A key in short: its tonic, and its mode if that is not major."""
    found = _KEY.match(text)
    if not found:
        return text.split()[0] if text else ""
    mode = found[2] or "maj"
    if mode not in ("m", "M"):
        mode = mode[:3].lower()
    return found[1] + _MODES.get(mode, mode)


def _as_written(lines):
    """The tune as the converter shall read it: it performs, and we want what is written.

    It swings hornpipes (R:hornpipe), breaks chords and obeys playback directives. So only
    the fields that say what the notes are go in, and chords are told to start together.
    """
    kept = []
    for line in lines:
        if _is_music(line):
            kept.append(_melody_only(line))
        elif line[0] in "XTMLKPV":
            kept.append(_summed(line))
    text = "\n".join(kept)
    return re.sub(r"(?m)^K:", "%%MIDI chordattack 0\nK:", text, count=1) + "\n"


def _melody_only(line):
    return _ORNAMENT.sub("", _OVERLAY.sub("", _NOT_MELODY.sub("", line)))


# 2+3/8, (2+2+3)/8, 3/4
_SUM = re.compile(r"\s*\(?\s*(\d+(?:\s*\+\s*\d+)*)\s*\)?\s*/\s*(\d+)")


def _summed(line):
    """A meter of several groups as the sum of them: converters differ about the rest."""
    summed = line.startswith("M:") and "+" in line.split("%")[0]
    return f"M:{_meter(line[2:])}" if summed else line


def _meter(text):
    """The meter of an ``M:`` line; 4/4 if that is free, missing or no `Meter`."""
    numerator, denominator = _METERS.get(text.strip(), (4, 4))
    if found := _SUM.match(text):
        numerator, denominator = sum(map(int, found[1].split("+"))), int(found[2])
    try:
        return Meter(0.0, numerator, denominator)
    except ValueError:
        return Meter(0.0)


_LENGTHS = re.compile(
    r"\((?P<tuplet>\d)|[\^_=]*[A-Ga-gxz][,']*(?P<times>\d*)(?P<slashes>/*)(?P<divisor>\d*)"
)
_CHORD = re.compile(r"\[([\^_=]*[A-Ga-g][,']*[\d/]*)[^\]]*\]")
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # so many notes in the time of so many


def _with_upbeat(meter, music, unit):
    """Let bars count from the first bar line, if less than a bar stands before it."""
    step = 0.25 if meter.bar < 3 else 0.5  # ABC's own rule where L: says nothing
    found = re.match(r"(\d+)/(\d+)", unit)
    if found and int(found[2]):
        step = 4 * int(found[1]) / int(found[2])
    # of a chord one note counts, of a field in brackets none
    music = _CHORD.sub(r"\1", re.sub(r"\[[A-Za-z]:[^\]]*\]", "", music))
    beats, in_tuplet, factor = 0.0, 0, 1.0
    for part in _LENGTHS.finditer(re.split(r"[|:]", music.lstrip("|: \\"))[0]):
        if part["tuplet"]:
            in_tuplet = int(part["tuplet"])
            factor = _TUPLET_TIME.get(in_tuplet, in_tuplet) / max(in_tuplet, 1)
            continue
        divisor = int(part["divisor"] or 2) if part["slashes"] else 1
        halvings = max(len(part["slashes"]) - 1, 0)
        written = step * int(part["times"] or 1) / max(divisor, 1) / 2**halvings
        beats += written * factor if in_tuplet else written
        in_tuplet = max(in_tuplet - 1, 0)
    upbeat = 0 < beats < meter.bar - 1e-9
    return replace(meter, beat=beats - meter.bar if upbeat else 0.0)


_lock = threading.Lock()


@contextlib.contextmanager
def _quiet():
    """Silence the converter, which prints bar warnings below Python's own streams."""
    with _lock:
        for stream in (sys.stdout, sys.stderr):  # either may be missing, closed or broken
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()
        closed = [fd for fd in (1, 2) if _fill(fd)]
        saved = os.dup(1), os.dup(2)
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            yield
        finally:
            for kept, fd in zip(saved, (1, 2)):
                os.dup2(kept, fd)
                os.close(kept)
            for fd in (nothing, *closed):
                os.close(fd)


@contextlib.contextmanager
def _drafts_in_memory():
    """Keep the converter's small files in memory where Linux has room: 25 % less time."""
    memory = "/dev/shm"
    # a folder that somebody chose stays chosen
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        yield
        return
    os.environ["TMPDIR"] = memory
    try:
        yield
    finally:
        os.environ.pop("TMPDIR", None)


def _fill(fd):
    """Open a closed descriptor, so that no file takes its number; tells whether it was."""
    try:
        os.fstat(fd)
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        if nothing != fd:
            os.dup2(nothing, fd)
            os.close(nothing)
        return True
    return False

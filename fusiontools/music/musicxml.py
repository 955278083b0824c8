"""MusicXML scores, read for what sounds: notes, instruments, tempo, bar lines, key, meter.

Layout, lyrics and repeats are left out. It imports no score library; its XML comes from
`fusiontools.music.musicxml_file`. Places are counted in
fractions, not in floats: three thirds of a beat are one beat, in every part. Used in
chapter 4, Connective Fusion.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from operator import itemgetter
from xml.etree import ElementTree

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi_bytes import MICROSECONDS
from fusiontools.music.musicxml_file import AGAIN, parsed, unpacked
from fusiontools.music.notes import Notes, Tempo
from fusiontools.music.pieces import Meter, Piece, Track
from fusiontools.music.programs import program_named

__all__ = ["read_musicxml"]

BPM = 100.0  # of a score that does not say; most chorales do not
PIANO, SNARE = 0, 38  # what an instrument is, or a drum, that nothing is said of
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LONGEST = 1_000_000  # beats: a week of music; what promises more is damaged
# No place in a measure has a larger denominator: counting on would take forever.
FINEST = 10**9
ROUNDED = Fraction(1, 8)  # beats: so far rounded durations may lead back past a bar line
# by fifths, from seven flats to seven sharps
MAJOR = "Cb Gb Db Ab Eb Bb F C G D A E B F# C#".split()
MINOR = "Ab Eb Bb F C G D A E B F# C# G# D# A#".split()
# beats, by the names of note values
VALUES = dict(maxima=32, long=16, breve=8, whole=4, half=2, quarter=1, eighth=0.5)
VALUES |= {f"{2**k}{'nd' if k == 5 else 'th'}": 4 / 2**k for k in range(4, 11)}
# where it says that bars are played more than once
AGAIN_SIGNS = (".//repeat", ".//ending", ".//sound[@dacapo='yes']", ".//sound[@dalsegno]")
AGAIN_WORDS = re.compile(r"\bd\. ?[cs]\.|da capo|dal segno", re.IGNORECASE)
# what a damaged score makes of itself
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


def read_musicxml(
    data: bytes | bytearray | memoryview | str, where: object = "MusicXML data"
) -> tuple[Piece, str]:
    """Read a score from the bytes of an ``.xml`` or a compressed ``.mxl`` file.

    Parameters
    ----------
    data : bytes or str
        The file's content, or the text of an ``.xml`` file.
    where : object
        Names it in messages.

    Returns
    -------
    piece : Piece
        Onsets and durations in beats, ties joined, measures as the file has them; repeats
        are not played out. One track a part, or one for each of its MIDI programs; drums
        apart. A part without a program has the one of its sound or its name, or else 0, a
        piano. The tempo follows metronome marks and what is said for playback; what it is
        in the first measure holds from the start, and a score that does not say has 100
        bpm; that, and repeats that are not played, stand in `said`. Transposing instruments
        are given as they sound. Of cue notes, which another part plays, only the time
        counts, and grace notes take none.
    key : str
        The first key signature as it sounds, such as "Gm" or "Bb"; "" if there is none.

    Raises
    ------
    MusicFileError
        If this is no MusicXML score, lasts more than a million beats, or has a meter that
        is none for MIDI either, such as 4/6.
    NoNotesError
        If nothing sounds in it.
    """
    if not isinstance(data, (bytes, bytearray, memoryview, str)):
        raise TypeError(
            "read_musicxml takes a file's content, bytes or text, "
            f"not {type(data).__name__}: say path.read_bytes()"
        )
    root = parsed(data if isinstance(data, str) else unpacked(bytes(data), where), where)
    if root.tag not in ("score-partwise", "score-timewise"):
        found = f"XML, but not a MusicXML score: its root is <{root.tag[:40]}>"
        raise MusicFileError(found, where, AGAIN)
    try:
        piece, key = _piece(root)
    except _DAMAGE as error:
        found = f"damaged MusicXML ({type(error).__name__}: {error})"
        raise MusicFileError(found, where, AGAIN) from None
    if not piece.tracks:
        raise NoNotesError("a score without a single note", where, "choose another file")
    return piece, key


def _piece(root):
    """The music of a score, and its key; a piece without tracks if nothing sounds."""
    about = {p.get("id"): p for p in root.iter("score-part")}
    named = _measures(root)
    parts = [_Part(about.get(name)) for name, _ in named]
    start, bar, bars, meters = Fraction(0), Fraction(4), [], []
    for row in zip_longest(*(measures for _, measures in named), fillvalue=()):
        # Parts meet on each bar line. The longest measure counts, but only sound makes it
        # longer than the meter says: a rest of a whole measure may be of any length.
        ends = [part.read(measure, start) for part, measure in zip(parts, row)]
        meters = next((part.meters for part in parts if part.meters), [])
        bar = Fraction(meters[-1].bar) if meters else bar
        most = start + bar if meters and not any(part.free for part in parts) else LONGEST
        heard = [both for both in ends if both[0] > start] or ends
        end = max(max(sound, min(silence, most)) for sound, silence in heard)
        if not bars and meters and start < end < bar:  # an upbeat ends the bar before
            meters[0] = replace(meters[0], beat=float(end - bar))
            bars.append(end - bar)
        else:
            bars.append(start)
        # a measure with nothing in it is a bar of silence
        start = end if end > start else start + bar
    if bars and start - bars[-1] > bar:  # or else bars would go on within the last
        bars.append(start)
    tracks = tuple(track for part in parts for track in part.tracks())
    tempo = _tempo([mark for part in parts for mark in part.tempos], bars[1:2])
    title = root.findtext("work/work-title") or root.findtext("movement-title") or ""
    key = next((part.key for part in parts if part.key), "")
    lines = tuple(float(beat) for beat in bars)
    meters = tuple(meters) or (Meter(0.0),)
    return Piece(tracks, tempo, meters, title, lines, tuple(_said(root, parts))), key


def _said(root, parts):
    """What is not as the score has it, or is not in it."""
    repeats = any(root.find(sign) is not None for sign in AGAIN_SIGNS)
    if repeats or any(AGAIN_WORDS.search(e.text or "") for e in root.iter("words")):
        yield "Its repeats are not played: bars count as they are written."
    if all(bpm is None for part in parts for _, _, bpm in part.tempos):
        yield f"It names no tempo: {BPM:g} is taken."


def _measures(root):
    """Of each part its name and its measures, whichever of them the score goes by."""
    if root.tag == "score-partwise":
        return [(p.get("id"), p.findall("measure")) for p in root.findall("part")]
    found = defaultdict(dict)
    for number, measure in enumerate(root.findall("measure")):
        for part in measure.findall("part"):
            found[part.get("id")][number] = part
    return [(n, [p.get(k, ()) for k in range(max(p) + 1)]) for n, p in found.items()]


class _Part:
    """A part while it is read: a cursor walks through one measure after the other.

    Notes push it, `backup` pulls it, a bar line ends it.
    """

    def __init__(self, about):
        about = ElementTree.Element("score-part") if about is None else about
        self.name = about.findtext("part-name", "")
        self.rows, self.ties, self.moved, self.divisions = [], {}, {}, 1
        self.key, self.meters, self.tempos, self.free = "", [], [], False
        self.drums, self.played = {}, {}  # by instrument: its pitch, and what it is when
        told = defaultdict(dict)
        for element in about:
            if element.tag in ("score-instrument", "midi-instrument"):
                told[element.get("id")] |= {e.tag: e.text or "" for e in element}
        for name, said in (told or {None: {}}).items():
            words = (said.get("instrument-sound"), said.get("instrument-name"), self.name)
            drum = said.get("midi-channel", "").strip() == "10"
            self.played[name] = [(Fraction(0), _program(said, *words), drum)]
            self.drums[name] = _midi(said.get("midi-unpitched"))
        self.usual = next(iter(self.played))

    def read(self, measure, start):
        """Read the next measure, from a beat on; the beats on which its last note and its
        last rest end.
        """
        sound = cursor = furthest = previous = start
        for item in measure:
            if item.tag == "attributes":
                self._attributes(item, start)
            elif item.tag in ("backup", "forward"):
                cursor += (1 if item.tag == "forward" else -1) * self._length(item)
                if cursor < start - ROUNDED:
                    raise ValueError("a backup goes past the beginning of its measure")
                cursor = max(cursor, start)
            elif item.tag in ("direction", "sound"):
                self._direction(item, cursor)
            elif item.tag == "note" and item.find("grace") is None:
                length = self._length(item)
                onset = previous if item.find("chord") is not None else cursor
                if item.find("cue") is None and self._note(item, onset, length):
                    sound = max(sound, onset + length)
                if item.find("chord") is None:
                    previous, cursor = cursor, cursor + length
            cursor = cursor.limit_denominator(FINEST)
            furthest = max(furthest, cursor)
            if furthest > LONGEST:
                raise ValueError(f"its music goes on beyond beat {LONGEST:,}")
        return sound, furthest

    def _length(self, item):
        """The duration of an element, in beats."""
        if self.divisions <= 0:
            raise ValueError(f"{self.divisions} divisions to the beat")
        return _number(item.findtext("duration")) / self.divisions

    def _attributes(self, item, start):
        self.divisions = _number(item.findtext("divisions") or self.divisions)
        for t in item.findall("transpose"):  # of one staff, or of all
            octaves = int(_number(t.findtext("octave-change") or 0))
            semitones = int(_number(t.findtext("chromatic") or 0))
            self.moved[t.get("number")] = semitones + 12 * octaves
        time = item.find("time")
        if time is not None:
            self.free = time.find("senza-misura") is not None
            if time.find("beats") is not None:
                self.meters.append(_meter(start, time))
        if item.find("key/fifths") is not None and not self.key:
            fifths = int(item.findtext("key/fifths"))
            minor = item.findtext("key/mode") == "minor"
            self.key = _key(fifths, minor, self.moved.get(None, self.moved.get("1", 0)))

    def _direction(self, item, beat):
        """What is said for playback counts before what is printed, and both before one."""
        sound = item if item.tag == "sound" else item.find("sound")
        marks = item.findall("direction-type/metronome")
        for mark in marks:
            self.tempos.append((beat, 2, _metronome(mark)))
        if sound is None:
            return
        shift = sound.find("offset")
        if shift is None:  # that of a direction is only where it is printed, mostly
            shift = item.find("offset[@sound='yes']")
        if shift is not None and self.divisions > 0:
            beat = max(beat + _number(shift.text) / self.divisions, Fraction(0))
        self.tempos.append((beat, 0 if marks else 1, _per_minute(sound.get("tempo"))))
        for change in sound:
            before = self.played.get(change.get("id"))
            if before and change.tag in ("midi-instrument", "instrument-change"):
                _, program, drum = before[-1]
                said = {e.tag: e.text or "" for e in change}
                now = _program(said, said.get("instrument-sound"))
                channel = said.get("midi-channel", "10" if drum else "").strip()
                before.append((beat, program if now is None else now, channel == "10"))

    def _note(self, item, onset, length):
        """Add a note, or lengthen the one that it is tied to; False for a rest."""
        named, pitch = item.find("instrument"), item.find("pitch")
        name = self.usual if named is None else named.get("id")
        name = name if name in self.played else self.usual
        if pitch is not None:
            octave = int(_number(pitch.findtext("octave")))
            alter = int(_number(pitch.findtext("alter") or 0))
            key = 12 * (octave + 1) + STEPS[pitch.findtext("step")] + alter
            key += self.moved.get(item.findtext("staff"), self.moved.get(None, 0))
        elif item.find("unpitched") is not None:
            key = SNARE if self.drums[name] is None else self.drums[name]
        else:
            return False
        kinds = {t.get("type") for t in item.findall("tie")}
        # two voices may hold one pitch, each with a tie of its own
        held = (key, name, item.findtext("voice"))
        row = self.ties.get(held)
        # some say only where a tie starts: it goes to the next note, if that comes at once
        if row is not None and ("stop" in kinds or onset == sum(self.rows[row][:2])):
            self.rows[row][1] = onset + length - self.rows[row][0]
        else:
            row = len(self.rows)
            self.rows.append([onset, length, key, name, pitch is None])
        if "start" in kinds:
            self.ties[held] = row
        else:
            self.ties.pop(held, None)
        return True

    def tracks(self):
        """One track for each program that is played, drums apart."""
        for changes in self.played.values():
            changes.sort(key=itemgetter(0))
        found = defaultdict(list)
        for onset, length, pitch, name, drum in self.rows:
            changes = self.played[name]
            now = bisect_right(changes, onset, key=itemgetter(0)) - 1
            _, program, channel_10 = changes[max(now, 0)]
            drum = drum or channel_10
            program = program if program is not None else PIANO
            found[program, drum].append((float(onset), float(length), pitch))
        return [Track(Notes.of(r), *about, self.name) for about, r in found.items()]


def _tempo(marks, second):
    """The tempo map of ``(beat, order, bpm)``, of which those on one beat are in order.

    What stands on the `second` bar line, or before, holds from the beginning.
    """
    at = {}
    for beat, _, bpm in sorted(marks, key=itemgetter(0, 1)):
        if bpm is not None and MICROSECONDS[0] <= 60e6 / bpm <= MICROSECONDS[1]:
            at.setdefault(float(beat), float(bpm))
    early = at and (not second or min(at) <= second[0])
    at = {0.0: at[min(at)] if early else BPM} | at
    changes = np.append(True, np.diff(list(at.values())) != 0)
    beats, bpm = np.array(list(at.items()))[changes].T
    return Tempo.of(beats, 60.0 / bpm)


def _per_minute(text):
    """A number of beats from what is printed: "120", "c. 60", "60-66", of which the middle
    counts; None if there is none.
    """
    number = r"(?<![\d.,-])(\d{1,4}(?:[.,]\d{1,9})?)(?![\d.,]*\d)"
    found = re.search(rf"{number}(?:\s*[-–—]\s*(\d{{1,4}})(?!\d))?", text or "")
    if not found or not float(found[1].replace(",", ".")):
        return None
    low = float(found[1].replace(",", "."))
    return (low + float(found[2] or low)) / 2


def _metronome(mark):
    """Quarter notes a minute, of a metronome mark; None of one that gives no number, as in
    a change of the note that counts.
    """
    beats, last, per_minute = 0.0, 0.0, _per_minute(mark.findtext("per-minute"))
    for element in mark.iter():  # values that are tied stand one inside the other
        if element.tag == "beat-unit":
            last = VALUES.get((element.text or "").strip(), 0)
            beats += last
        elif element.tag == "beat-unit-dot":
            last /= 2
            beats += last
    return per_minute * (beats or 1) if per_minute else None


def _program(said, *words):
    """A General MIDI program, 0 to 127, as MusicXML counts it (from 1, or from 0); or that
    of the first word which names an instrument; None if nothing does.
    """
    program = _midi(said.get("midi-program"))
    named = (program_named(word.strip().lower()) for word in words if word)
    found = (number for number in named if number is not None)
    return next(found, None) if program is None else program


def _midi(text):
    """A number from 1 to 128 as 0 to 127, and 0 as 0; None if it is none."""
    number = re.fullmatch(r"\s*(\d{1,3})\s*", text or "")
    return max(int(number[1]) - 1, 0) if number and int(number[1]) <= 128 else None


@lru_cache(maxsize=10_000)  # a score says the same few numbers over and over
def _number(text):
    """A number as MusicXML writes it: no exponent, nor more digits than any music has."""
    if not re.fullmatch(r"\s*[+-]?\d{1,12}(\.\d{0,12})?\s*", str(text)):
        raise ValueError(f"{str(text)[:40]!r} where a number is needed")
    return Fraction(str(text).strip())


def _key(fifths, minor, semitones):
    """The name of a key signature as an instrument sounds, so many semitones off."""
    if not -7 <= fifths <= 7:
        raise ValueError(f"a key signature of {fifths} fifths")
    if semitones % 12:
        # a semitone up is seven fifths up, or five down
        # f' = f + 7 s mod 12, from five flats to six sharps
        fifths = (fifths + 7 * semitones + 5) % 12 - 5
    return MINOR[fifths + 7] + "m" if minor else MAJOR[fifths + 7]


def _meter(beat, time):
    """A meter; "3+2" counts as five, and 3/4 + 2/8 as eight eighths, as they sound."""
    counts = [
        sum(int(_number(n)) for n in e.text.split("+")) for e in time.iterfind("beats")
    ]
    kinds = [int(_number(e.text)) for e in time.iterfind("beat-type")]
    finest = max(kinds)
    counted = sum(count * finest // kind for count, kind in zip(counts, kinds, strict=True))
    return Meter(float(beat), counted, finest)

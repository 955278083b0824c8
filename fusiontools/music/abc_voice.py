"""One voice of an ABC tune, from letters to what it writes: sounds, rests and bar lines.

It follows the ABC standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1), chapters 3
and 4, and knows nothing of books, titles and repeats (see `fusiontools.music.abc` and
`fusiontools.music.abc_order`). Lengths are fractions of a beat, so that three thirds are
one. Used in chapter 1, Music as numbers.
"""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from fusiontools.errors import MusicFileError
from fusiontools.music.abc_order import MOST_PLAYS, Bar, Part, too_long
from fusiontools.music.midi_bytes import MICROSECONDS
from fusiontools.music.pieces import Meter

__all__ = ["Sound", "Voice", "key_of", "meter_of", "tempo_of"]

MOST_BARS_OF_REST = 10_000
MOST_HALVINGS = 8  # of a length: a 2,048th of a whole note is the shortest in print
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# of a major key, by its letter, how many sharps; of a mode, how many more
SHARPS = {letter: i - 1 for i, letter in enumerate("FCGDAEB")}
MODES = {"maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "phr": -4, "loc": -5}
MODES |= {"m": -3, "min": -3, "aeo": -3}
SHORT = {"maj": "", "ion": "", "min": "m", "aeo": "m"}  # the other modes keep their names

_KEY = re.compile(
    r"([A-Ga-g])([#b♯♭]?)(?:[\s-]*((?i:maj|min|mix|dor|phr|lyd|loc|ion|aeo)[A-Za-z]*|m|M))?"
    r"(?![A-Za-z#])"
)
_ALTERED = re.compile(r"(?<![^\s,^_=])(\^\^?|__?|=)([A-Ga-g])")  # K:D =c ^g
_SUM = re.compile(r"\s*\(?\s*(\d+(?:\s*\+\s*\d+)*)\s*\)?\s*/\s*(\d+)")  # 3/4, (2+2+3)/8
_METERS = {"C": "4/4", "C|": "2/2"}
_MOVED = re.compile(r"\b(octave|transpose|t)=([+-]?\d{1,2})\b")
_CLEF = re.compile(r"\b(?:treble|bass|alto|tenor|baritone)\d?([+-]8)?(?![\w+-])")
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # so many notes in the time of so many

_LENGTH = r"\d*/*\d*"
# Whatever is none of these is not music: spaces, slurs, ornaments of one letter.
_TOKEN = re.compile(
    rf"""
      (?P<skipped> "[^"]*"? | ![^!\s|]{{1,40}}! | \+[^+\s|]{{1,40}}\+ | \{{[^{{}}]*\}} )
    | (?P<note> (?P<mark>(?:[\^_=]{{1,2}}(?:\d?/\d?)?)?) (?P<letter>[A-Ga-gzx])
        (?P<octave>[,']*) (?P<length>{_LENGTH}) )
    | (?P<bar> (?:(?P<ends>:*)(?P<line>\[?\|[|\]]*)(?P<starts>(?:(?<!\]):+)?)
                | (?P<dots>::+))
        (?P<ending>(?:[ \t]*\[ | (?<=:\|)[ \t]+ )?\d[\d,-]*)? )
    | (?P<broken> >+ | <+ )
    | (?P<tie> - )
    | \[(?P<field> [A-Za-z]:[^\[\]]* )\]
    | \[(?P<variant> \d[\d,-]* )
    | (?P<chord> \[(?P<inside>[^\[\]|]*)\](?P<times>{_LENGTH}) )
    | \((?P<tuplet> \d(?::\d*){{0,2}} )
    | [ZX](?P<rests> \d* )
    | (?P<overlay> \(& | &\) | & )
    """,
    re.VERBOSE,
)


class Tone(NamedTuple):
    """One note of a `Sound`. `place` is where it stands on the staff."""

    pitch: int  # MIDI
    length: Fraction  # in beats
    place: tuple[str, int]
    tied: bool = False  # to the next sound


@dataclass(slots=True)
class Sound:
    """What a voice sings at once: a note, a chord, or nothing.

    `length`, in beats, is how much later the next sound starts.
    """

    number: int  # among the sounds of its voice
    length: Fraction
    tones: list[Tone]
    meter: Meter
    bpm: Fraction | None

    def stretch(self, by: Fraction) -> None:
        """Make it longer or shorter."""
        self.length *= by
        self.tones = [tone._replace(length=tone.length * by) for tone in self.tones]


@dataclass
class Voice:
    """What is known of a voice at one place of its text, and what was written before it.

    Examples
    --------
    >>> voice = Voice(unit=Fraction(1, 2))
    >>> voice.field("K", "G")
    >>> voice.music("|: F2 (3GAB")
    >>> [float(item.length) for item in voice.items[1:]]
    [1.0, 0.3333333333333333, 0.3333333333333333, 0.3333333333333333]
    """

    unit: Fraction | None = None  # beats; of a letter without a number
    meter: Meter = field(default_factory=lambda: Meter(0.0))
    bpm: Fraction | None = None
    program: int | None = None
    signature: dict[str, int] = field(default_factory=dict)
    spread: str = "pitch"  # to which notes of its bar an accidental applies
    moved: dict[str, int] = field(default_factory=dict)  # semitones, and who says so
    items: list[Sound | Bar | Part] = field(default_factory=list)
    sounds: int = 0
    bars_of_rest: int = 0
    altered: dict = field(default_factory=dict)  # accidentals of this bar
    tied: dict = field(default_factory=dict)  # pitch of what is tied, by place on the staff
    last: Sound | None = None
    broken: int = 0  # how many dots the last note gave to the next (<), or took from it (>)
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # its factor, and how many notes more
    wide: bool = False  # within an overlay of several bars: (& ... && ... &)
    skipping: bool = False  # what another sings at the same time

    def begin(self) -> "Voice":
        """A voice that starts from here, with nothing written."""
        return replace(self, items=[], altered={}, tied={}, moved=dict(self.moved))

    def field(self, letter: str, text: str) -> None:
        """Obey a field such as ``M:3/4``; those that say nothing about notes do nothing."""
        if letter == "K":
            _, signature, explicit = key_of(text)
            if signature is not None:
                self.signature = signature
            self.signature = self.signature | explicit
            self.altered = {}
            self.place(text)
        elif letter == "L":
            if found := re.match(r"\s*(\d+)(?:\s*/\s*(\d+))?", text):
                count, parts = _number(found[1]), _number(found[2] or "1")
                self.unit = Fraction(4 * count, parts) if count and parts else self.unit
        elif letter == "M":
            self.meter = meter_of(text)
        elif letter == "Q":
            self.bpm = tempo_of(text, self.unit_or_default(), self.meter) or self.bpm
        elif letter == "I":
            self.directive(text)
        elif letter == "P" and text.strip()[:1].isalpha():
            self.items.append(Part(text.strip()[0]))

    def place(self, text: str) -> None:
        """Obey what ``K:`` and ``V:`` say of octaves and transposition."""
        for name, number in _MOVED.findall(text):
            times = 12 if name == "octave" else 1
            self.moved["octave" if name == "octave" else "transpose"] = times * int(number)
        if clef := _CLEF.search(text):
            self.moved["clef"] = {"+8": 12, "-8": -12}.get(clef[1], 0)

    def directive(self, text: str) -> None:
        """Obey a line that begins with ``%%``, or an ``I:`` field."""
        words = re.split(r"[\s=]+", text.strip())
        if words[0] == "propagate-accidentals" and len(words) > 1:
            self.spread = words[1]
        numbers = [int(w) for w in words[2:4] if re.fullmatch(r"[+-]?\d{1,3}", w)]
        if words[0] != "MIDI" or not numbers:
            return
        if words[1] == "transpose":
            self.moved["MIDI"] = numbers[0]
        # of a program with a channel, the first channel is this voice's
        mine = words[1] == "program" and (len(numbers) == 1 or numbers[0] == 1)
        if mine and not self.sounds and 0 <= numbers[-1] < 128:
            self.program = numbers[-1]

    def unit_or_default(self) -> Fraction:
        """The length of a letter, in beats: an eighth, a sixteenth in short bars."""
        return self.unit or Fraction(1, 4 if self.meter.bar < 3 else 2)

    def music(self, line: str) -> None:
        """Read a line of music."""
        self.unit = self.unit_or_default()
        for token in _TOKEN.finditer(line):
            kind = token.lastgroup
            if kind == "skipped" or (self.skipping and kind not in ("overlay", "bar")):
                continue
            if kind == "note":
                length = self.unit * _times(token["length"])
                self._sound(length, self._tones(token, length))
            elif kind in ("bar", "variant"):
                self._bar(token)
            elif kind == "broken":
                self.broken = len(token[0]) if token[0][0] == ">" else -len(token[0])
            elif kind == "tie":
                self._tie()
            elif kind == "field":
                self.field(token["field"][0], token["field"][2:])
            elif kind == "chord":
                self._chord(token["inside"], _times(token["times"]))
            elif kind == "tuplet":
                self._tuplet(token["tuplet"])
            elif kind == "rests":
                self._rests(_number(token["rests"] or "1"))
            elif kind == "overlay":
                self._overlay(token[0])

    def _sound(self, length, tones):
        factor, left = self.tuplet
        sound = Sound(self.sounds, length, tones, self.meter, self.bpm)
        if left:
            sound.stretch(factor)
            self.tuplet = factor, left - 1
        if self.broken:
            # between notes of two lengths it means nothing (section 4.4)
            if self.last and self.last.length == sound.length:
                if abs(self.broken) > MOST_HALVINGS:
                    raise too_long()
                short = Fraction(1, 2 ** abs(self.broken))
                both = (2 - short, short) if self.broken > 0 else (short, 2 - short)
                self.last.stretch(both[0])
                sound.stretch(both[1])
            self.broken = 0
        self.tied = {tone.place: tone.pitch for tone in tones if tone.tied}
        self.last = sound
        self.items.append(sound)
        self.sounds += 1

    def _tones(self, token, length):
        """The note of a token, in a list; none for a rest."""
        letter, octaves, mark = token["letter"], token["octave"], token["mark"]
        if letter in "zx":
            return []
        octave = letter.islower() + octaves.count("'") - octaves.count(",")
        letter = letter.upper()
        place = letter, octave
        heard = {"octave": place, "not": None}.get(self.spread, letter)
        alter = self.altered.get(heard, self.signature.get(letter, 0))
        if mark:
            alter = _semitones(mark)
            if heard:
                self.altered[heard] = alter
        pitch = 60 + STEPS[letter] + 12 * octave + alter + sum(self.moved.values())
        if not mark and place in self.tied:
            pitch = self.tied[place]
        if not 0 <= pitch <= 127:
            found = f"a note of pitch {pitch}, and MIDI knows 0 to 127"
            raise MusicFileError(found, do="correct the commas or apostrophes behind it")
        return [Tone(pitch, length, place)]

    def _chord(self, inside, times):
        tones, length = [], None
        for token in _TOKEN.finditer(inside):
            if token.lastgroup == "note":
                # a chord is as long as its first note (section 4.17)
                length = length or self.unit * times * _times(token["length"])
                tones += self._tones(token, length)
            elif token.lastgroup == "tie" and tones:
                tones[-1] = tones[-1]._replace(tied=True)
        if length:
            self._sound(length, tones)

    def _tie(self):
        if self.last:
            self.last.tones = [tone._replace(tied=True) for tone in self.last.tones]
            self.tied = {tone.place: tone.pitch for tone in self.last.tones}

    def _tuplet(self, text):
        # (p:q:r: p notes in the time of q, for r notes (section 4.13)
        p, q, r = ([_number(n or "0") for n in text.split(":")] + [0, 0])[:3]
        compound = self.meter.numerator % 3 == 0
        q = q or _TUPLET_TIME.get(p, 3 if compound else 2)
        if p > 1:
            self.tuplet = Fraction(q, p), r or p

    def _rests(self, bars):
        self.bars_of_rest += bars
        if self.bars_of_rest > MOST_BARS_OF_REST:
            raise too_long()
        bar = Fraction(4 * self.meter.numerator, self.meter.denominator)
        for i in range(bars):
            if i:
                self._append(Bar())
            self._sound(bar, [])

    def _bar(self, token):
        if token.lastgroup == "variant":
            self._append(Bar(endings=_endings(token["variant"]), line=False))
            return
        if self.skipping and self.wide:
            return
        self.skipping = False
        dots = token["dots"]
        ends, starts = (len(token[k] or (dots or "")[1::2]) for k in ("ends", "starts"))
        if max(ends, starts) >= MOST_PLAYS:
            raise too_long()
        double = len((token["line"] or "").replace("[|]", "")) > 1  # that one is invisible
        endings = _endings(token["ending"] or "")
        self._append(Bar(ends, starts, double, endings))
        self.altered = {}

    def _append(self, bar):
        if self.items and isinstance(self.items[-1], Bar):
            self.items[-1] += bar
        else:
            self.items.append(bar)

    def _overlay(self, sign):
        # C D & E F |, or over several bars: (& C D | C D && E F | E F &)
        self.skipping = sign == "&"
        if sign != "&":
            self.wide = sign == "(&"


def _number(digits):
    if len(digits) > 4:
        raise too_long()
    return int(digits)


@lru_cache(1024)
def _times(length):
    """What a letter's length is multiplied with: "3/2", "/", "//", "2", ""."""
    times, slashes, divisor = re.fullmatch(r"(\d*)(/*)(\d*)", length).groups()
    if len(slashes) > MOST_HALVINGS:
        raise too_long()
    by = (_number(divisor or "0") or 2) if slashes else 1
    return Fraction(_number(times or "0") or 1, by * 2 ** max(len(slashes) - 1, 0))


def _semitones(mark):
    """How far an accidental moves a note; a quarter tone moves it not at all."""
    sign = mark.rstrip("/0123456789")
    steps = sign.count("^") - sign.count("_")
    if mark == sign:
        return steps
    count, parts = re.fullmatch(r"(\d?)/(\d?)", mark[len(sign) :]).groups()
    return int(steps * Fraction(int(count or 1), int(parts or 2) or 2))


def _endings(text):
    """The passes of an ending: "1", "1,3", "1-3"."""
    passes = []
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        low, high = _number(first), _number(last or first)
        if high > MOST_PLAYS:
            raise too_long()
        passes += range(low, high + 1)
    return tuple(passes[:MOST_PLAYS])


def meter_of(text: str) -> Meter:
    """The meter of an ``M:`` field; 4/4 if that is free, missing or no `Meter`.

    Examples
    --------
    >>> [str(meter_of(text)) for text in ("6/8", "C|", "(2+2+3)/8", "none", "4/6")]
    ['6/8', '2/2', '7/8', '4/4', '4/4']
    """
    found = _SUM.match(_METERS.get(text.strip(), text))
    if not found:
        return Meter(0.0)
    try:
        return Meter(0.0, sum(map(_number, found[1].split("+"))), _number(found[2]))
    except MusicFileError:
        raise
    except ValueError:
        return Meter(0.0)


def tempo_of(text: str, unit: Fraction, meter: Meter) -> Fraction | None:
    """The quarter notes a minute of a ``Q:`` field; None if it says no number.

    Parameters
    ----------
    text : str
        "1/4=60", "3/8=40" or "1/4 1/8=60"; "C3=40", in letters; or words. A number alone
        counts what the meter's bars are beaten in, as most programs have it: in letters, as
        it once was, tunes in print come out at 20 quarter notes a minute.
    unit : Fraction
        The length of a letter, in beats.
    meter : Meter

    Raises
    ------
    MusicFileError
        If MIDI cannot say it: below 3.5763 or above 3,000.

    Examples
    --------
    >>> told = "3/8=40", "C3=40", '"Fast" 1/4 = 150', "80"
    >>> [int(tempo_of(text, Fraction(1, 2), Meter(0.0, 6, 8))) for text in told]
    [60, 60, 150, 120]
    """
    text = re.sub(r'"[^"]*"?', " ", text)
    beat, _, count = text.rpartition("=")
    found = re.search(r"\d{1,4}(?:\.\d{1,3})?(?!\d)", count)
    if not found:
        return None
    three = meter.numerator % 3 == 0 and meter.numerator > 3 and meter.denominator > 4
    beats = Fraction(12 if three else 4, meter.denominator)
    if fractions := re.findall(r"(\d{1,4})\s*/\s*(\d{1,4})", beat):
        beats = sum(Fraction(4 * int(n), int(d) or 1) for n, d in fractions)
    elif units := re.search(r"C\s*(\d{0,4})", beat):
        beats = unit * int(units[1] or 1)
    elif "=" in text:
        beats = Fraction(1)
    bpm = beats * Fraction(found[0])
    if not MICROSECONDS[0] <= 60e6 / max(float(bpm), 1e-9) <= MICROSECONDS[1]:
        found = f"a tempo of {float(bpm):g} quarter notes a minute"
        raise MusicFileError(found, do="correct its line Q:")
    return bpm


def key_of(text: str) -> tuple[str, dict[str, int] | None, dict[str, int]]:
    """What a ``K:`` field says.

    Returns
    -------
    name : str
        The tonic and what follows it, see `AbcTune`.
    signature : dict of str to int, or None
        By how many semitones it moves which letters; None if it names no key.
    explicit : dict of str to int
        Accidentals that it adds.

    Examples
    --------
    >>> key_of("Bb"), key_of("D phrygian ^f"), key_of("clef=bass")[1]
    (('Bb', {'B': -1, 'E': -1}, {}), ('Dphr', {'B': -1, 'E': -1}, {'F': 1}), None)
    """
    text = text.strip()
    explicit = {letter.upper(): _semitones(mark) for mark, letter in _ALTERED.findall(text)}
    found = _KEY.match(text)
    unknown = None if found else re.match("([A-G])([#b]?)()", text)  # of an unknown mode
    found = found or unknown
    word = text.split()[0] if text else ""
    if not found:
        if word.lower() in ("", "none", "exp", "hp"):
            pipes = {"F": 1, "C": 1} if word.lower() == "hp" else {}
            return word, pipes, explicit
        if not explicit and not _CLEF.search(text) and "=" not in text:
            raise MusicFileError(f"a key {word[:20]!r}", do="write it as in K:Bb or K:F#m")
        return "", None, explicit
    mode = found[3] or ""
    mode = mode.lower()[:3]  # M is m: capitals do not count (section 3.1.14)
    accidental = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(found[2], 0)
    name = found[1].upper() + {1: "#", -1: "b", 0: ""}[accidental] + SHORT.get(mode, mode)
    if re.search(r"\bexp\b", text):
        return name, {}, explicit
    name = word if unknown else name
    sharps = SHARPS[found[1].upper()] + 7 * accidental + MODES.get(mode, 0)
    letters = "FCGDAEB" if sharps > 0 else "BEADGCF"
    sign = 1 if sharps > 0 else -1
    signature = {}
    for i in range(abs(sharps)):
        signature[letters[i % 7]] = signature.get(letters[i % 7], 0) + sign
    return name, signature, explicit

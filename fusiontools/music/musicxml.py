"""MusicXML scores, read for their notes: pitch, place, length, part, key and meter.

Layout, lyrics and repeats are left out. Made for the chorales that come with music21
(written out, without repeats); it imports no score library. Places are counted in
fractions, not in floats: three thirds of a beat are one beat, in every part. Used in
chapter 4, Connective Fusion.
"""

import io
import re
import zipfile
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import Notes, Tempo

__all__ = ["read_musicxml"]

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LARGEST = 50_000_000  # bytes of XML; a symphony takes ten million
LONGEST = 1_000_000  # beats: a week of music; what promises more is damaged
# No place in a measure has a larger denominator: counting on would take forever.
FINEST = 10**9
AGAIN = "export the score again as MusicXML or as MIDI"
# by fifths, from seven flats to seven sharps
MAJOR = "Cb Gb Db Ab Eb Bb F C G D A E B F# C#".split()
MINOR = "Ab Eb Bb F C G D A E B F# C# G# D# A#".split()
# what a damaged score makes of itself
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


def read_musicxml(data, where="MusicXML data"):
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
        One track a part, onsets and durations in beats, ties joined. The tempo is 100 bpm:
        scores seldom say. Transposing instruments are given as they sound. Of cue notes,
        which another part plays, only the time counts.
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
    if isinstance(data, str):
        declared = r"(<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']"
        data = re.sub(declared, r"\1", data, count=1).encode("utf-8", "replace")
    elif not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(
            "read_musicxml takes a file's content, bytes or text, "
            f"not {type(data).__name__}: say path.read_bytes()"
        )
    root = _parse(_uncompressed(bytes(data), where), where)
    try:
        names = {p.get("id"): p.findtext("part-name", "") for p in root.iter("score-part")}
        parts = [_part(part) for part in root.findall("part")]
        tracks = tuple(
            Track(notes, program=52, name=names.get(part.get("id"), ""))  # 52: choir
            for part, (notes, _, _) in zip(root.findall("part"), parts)
            if len(notes)
        )
    except _DAMAGE as error:
        found = f"damaged MusicXML ({type(error).__name__}: {error})"
        raise MusicFileError(found, where, AGAIN) from None
    if not tracks:
        raise NoNotesError("a score without a single note", where, "choose another file")
    meters = next((m for _, m, _ in parts if m), (Meter(0.0),))
    key = next((k for _, _, k in parts if k), "")
    title = root.findtext("work/work-title") or ""
    return Piece(tracks, Tempo.constant(100.0), meters, title), key


def _uncompressed(data, where):
    if data[:2] != b"PK":
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            scores = [
                i
                for i in archive.infolist()
                if i.filename.endswith((".xml", ".musicxml"))
                and not i.filename.startswith("META-INF")
            ]
            if not scores:
                found = "a compressed file without a score in it"
                raise MusicFileError(found, where, AGAIN)
            if scores[0].file_size > LARGEST:
                found = f"a score of {scores[0].file_size:,} bytes"
                raise MusicFileError(found, where, AGAIN)
            return archive.read(scores[0])
    except (zipfile.BadZipFile, EOFError, RuntimeError, OSError, zipfile.zlib.error):
        raise MusicFileError("a damaged compressed file", where, AGAIN) from None


def _parse(text, where):
    if len(text) > LARGEST:
        raise MusicFileError(f"a score of {len(text):,} bytes", where, AGAIN)
    # UTF-16 has zeros between its letters
    if b"<!ENTITY" in text.replace(b"\0", b""):
        found = "XML that defines entities of its own, which a score never needs"
        raise MusicFileError(found, where, AGAIN)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MusicFileError(f"not well-formed XML ({error})", where, AGAIN) from None
    if root.tag != "score-partwise":
        found = f"XML, but not a part-wise MusicXML score: its root is <{root.tag[:40]}>"
        raise MusicFileError(found, where, AGAIN)
    return root


def _part(part):
    """Walk one part with a cursor: notes push it, ``backup`` pulls it, a bar ends it."""
    rows, ties, meters, moved, key = [], {}, [], {}, ""
    start = Fraction(0)
    divisions = 1
    measures = part.findall("measure")
    for measure in measures:
        cursor = furthest = previous = start
        for item in measure:
            if item.tag == "attributes":
                divisions = _number(item.findtext("divisions") or divisions)
                for t in item.findall("transpose"):  # of one staff, or of all
                    octaves = int(_number(t.findtext("octave-change") or 0))
                    semitones = int(_number(t.findtext("chromatic") or 0))
                    moved[t.get("number")] = semitones + 12 * octaves
                if item.find("time/beats") is not None:
                    beats = item.findtext("time/beats")
                    meters.append(_meter(start, beats, item.findtext("time/beat-type")))
                if item.find("key/fifths") is not None and not key:
                    fifths = int(item.findtext("key/fifths"))
                    minor = item.findtext("key/mode") == "minor"
                    key = _key(fifths, minor, moved.get(None, moved.get("1", 0)))
            elif item.tag in ("backup", "forward"):
                cursor += (1 if item.tag == "forward" else -1) * _length(item, divisions)
                if cursor < start:
                    raise ValueError("a backup goes past the beginning of its measure")
            elif item.tag == "note" and item.find("grace") is None:
                length = _length(item, divisions)
                onset = previous if item.find("chord") is not None else cursor
                if item.find("pitch") is not None and item.find("cue") is None:
                    semitones = moved.get(item.findtext("staff"), moved.get(None, 0))
                    _sound(rows, ties, onset, length, item, semitones)
                if item.find("chord") is None:
                    previous, cursor = cursor, cursor + length
            cursor = cursor.limit_denominator(FINEST)
            furthest = max(furthest, cursor)
            if furthest > LONGEST:
                raise ValueError(f"its music goes on beyond beat {LONGEST:,}")
        # an upbeat: bars count from the first full one
        if measure is measures[0] and meters and 0 < furthest < meters[0].bar:
            meters[0] = replace(meters[0], beat=float(furthest) - meters[0].bar)
        start = furthest
    notes = Notes.of((float(onset), float(length), pitch) for onset, length, pitch in rows)
    return notes, tuple(meters), key


def _number(text):
    """A number as MusicXML writes it: no exponent, nor more digits than any music has."""
    if not re.fullmatch(r"\s*[+-]?\d{1,12}(\.\d{0,12})?\s*", str(text)):
        raise ValueError(f"{str(text)[:40]!r} where a number is needed")
    return Fraction(str(text).strip())


def _length(item, divisions):
    """The duration of an element, in beats."""
    if divisions <= 0:
        raise ValueError(f"{divisions} divisions to the beat")
    return _number(item.findtext("duration")) / divisions


def _key(fifths, minor, semitones):
    """The name of a key signature as an instrument sounds, so many semitones off."""
    if not -7 <= fifths <= 7:
        raise ValueError(f"a key signature of {fifths} fifths")
    if semitones % 12:
        # a semitone up is seven fifths up, or five down
        # f' = f + 7 s mod 12, from five flats to six sharps
        fifths = (fifths + 7 * semitones + 5) % 12 - 5
    return MINOR[fifths + 7] + "m" if minor else MAJOR[fifths + 7]


def _meter(beat, beats, kind):
    """A meter; "3+2" counts as five, as it sounds."""
    numerator = sum(int(_number(n)) for n in beats.split("+"))
    return Meter(float(beat), numerator, int(_number(kind)))


def _sound(rows, ties, onset, length, item, semitones):
    """Add a note, or lengthen the one that it is tied to."""
    octave = int(_number(item.findtext("pitch/octave")))
    alter = int(_number(item.findtext("pitch/alter") or 0))
    pitch = 12 * (octave + 1) + STEPS[item.findtext("pitch/step")] + alter + semitones
    kinds = {t.get("type") for t in item.findall("tie")}
    # two voices may hold one pitch, each with a tie of its own
    held = (pitch, item.findtext("voice"))
    if "stop" in kinds and held in ties:
        row = ties[held]
        rows[row] = (rows[row][0], onset + length - rows[row][0], pitch)
    else:
        rows.append((onset, length, pitch))
        row = len(rows) - 1
    if "start" in kinds:
        ties[held] = row
    else:
        ties.pop(held, None)

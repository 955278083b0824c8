"""MusicXML scores, read for their notes: pitch, place, length, part, key and meter. Layout, lyrics and repeats are left out.

Made for the chorales that come with music21 (written out, without repeats); it imports no score library.
"""

import io
import re
import zipfile
from xml.etree import ElementTree

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import Notes, Tempo

__all__ = ["read_musicxml"]

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LARGEST = 50_000_000  # bytes of XML; a symphony takes ten million
AGAIN = "export the score again as MusicXML or as MIDI"
MAJOR = "Cb Gb Db Ab Eb Bb F C G D A E B F# C#".split()  # by fifths, from seven flats to seven sharps
MINOR = "Ab Eb Bb F C G D A E B F# C# G# D# A#".split()


def read_musicxml(data, where="MusicXML data"):
    """Read a score from the bytes of an ``.xml`` or a compressed ``.mxl`` file.

    Parameters
    ----------
    data : bytes
        The file's content.
    where : object
        Names it in messages.

    Returns
    -------
    piece : Piece
        One track a part, onsets and durations in beats, ties joined. The tempo is 100 bpm: scores seldom say.
    key : str
        The first key signature, such as "Gm" or "Bb"; "" if there is none.

    Raises
    ------
    MusicFileError
        If this is no MusicXML score.
    NoNotesError
        If nothing sounds in it.
    """
    root = _parse(_uncompressed(data, where), where)
    try:
        names = {p.get("id"): p.findtext("part-name", "") for p in root.iter("score-part")}
        parts = [_part(part) for part in root.findall("part")]
        tracks = tuple(
            Track(notes, program=52, name=names.get(part.get("id"), ""))  # 52: choir
            for part, (notes, _, _) in zip(root.findall("part"), parts)
            if len(notes)
        )
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise MusicFileError(f"damaged MusicXML ({type(error).__name__}: {error})", where, AGAIN) from None
    if not tracks:
        raise NoNotesError("a score without a single note", where, "choose another file")
    meters = next((m for _, m, _ in parts if m), (Meter(0.0),))
    return Piece(tracks, Tempo.constant(100.0), meters, root.findtext("work/work-title") or ""), next((k for _, _, k in parts if k), "")


def _uncompressed(data, where):
    if data[:2] != b"PK":
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            scores = [i for i in archive.infolist() if i.filename.endswith((".xml", ".musicxml")) and not i.filename.startswith("META-INF")]
            if not scores:
                raise MusicFileError("a compressed file without a score in it", where, AGAIN)
            if scores[0].file_size > LARGEST:
                raise MusicFileError(f"a score of {scores[0].file_size:,} bytes", where, AGAIN)
            return archive.read(scores[0])
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError, zipfile.zlib.error):
        raise MusicFileError("a damaged compressed file", where, AGAIN) from None


def _parse(text, where):
    if re.search(rb"<!ENTITY", text.replace(b"\0", b"")):  # the zeros between the letters of UTF-16
        raise MusicFileError("XML that defines entities of its own, which a score never needs", where, AGAIN)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MusicFileError(f"not well-formed XML ({error})", where, AGAIN) from None
    if root.tag != "score-partwise":
        raise MusicFileError(f"XML, but not a part-wise MusicXML score: its root is <{root.tag[:40]}>", where, AGAIN)
    return root


def _part(part):
    """Walk one part: a cursor that notes push on, ``backup`` pulls back, and every measure line puts at its end."""
    rows, ties, meters, key = [], {}, [], ""
    start = cursor = 0.0
    divisions = 1
    measures = part.findall("measure")
    for measure in measures:
        cursor = furthest = start
        previous = start
        for item in measure:
            if item.tag == "attributes":
                divisions = int(item.findtext("divisions") or divisions)
                if item.find("time/beats") is not None:
                    meters.append(_meter(start, item.findtext("time/beats"), item.findtext("time/beat-type")))
                if item.find("key/fifths") is not None and not key:
                    fifths, minor = int(item.findtext("key/fifths")), item.findtext("key/mode") == "minor"
                    key = MINOR[_of_fifteen(fifths)] + "m" if minor else MAJOR[_of_fifteen(fifths)]
            elif item.tag in ("backup", "forward"):
                cursor += (1 if item.tag == "forward" else -1) * float(item.findtext("duration")) / divisions
                if cursor < start - 1e-9:
                    raise ValueError("a backup goes past the beginning of its measure")
            elif item.tag == "note" and item.find("grace") is None and item.find("cue") is None:
                length = float(item.findtext("duration")) / divisions
                onset = previous if item.find("chord") is not None else cursor
                if item.find("pitch") is not None:
                    _sound(rows, ties, onset, length, item)
                if item.find("chord") is None:
                    previous, cursor = cursor, cursor + length
            furthest = max(furthest, cursor)
        if measure is measures[0] and meters and 0 < furthest < meters[0].bar:  # an upbeat: bars count from the first full one
            meters[0] = Meter(furthest - meters[0].bar, meters[0].numerator, meters[0].denominator)
        start = furthest
    return Notes.of(rows), tuple(meters), key


def _meter(beat, beats, kind):
    """A meter; "3+2" counts as five, as it sounds."""
    numerator, denominator = sum(int(n) for n in beats.split("+")), int(kind)
    if numerator < 1 or denominator < 1:
        raise ValueError(f"a meter of {numerator}/{denominator}")
    return Meter(beat, numerator, denominator)


def _of_fifteen(fifths):
    """The place of a key signature in the two lists of keys."""
    if not -7 <= fifths <= 7:
        raise ValueError(f"a key signature of {fifths} fifths")
    return fifths + 7


def _sound(rows, ties, onset, length, item):
    """Add a note, or lengthen the one that it is tied to."""
    pitch = 12 * (int(item.findtext("pitch/octave")) + 1) + STEPS[item.findtext("pitch/step")] + int(float(item.findtext("pitch/alter") or 0))
    kinds = {t.get("type") for t in item.findall("tie")}
    held = pitch, item.findtext("voice")  # two voices may hold one pitch, each with a tie of its own
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

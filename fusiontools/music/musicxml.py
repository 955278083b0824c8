"""MusicXML scores, read for their notes: pitch, place, length, part, key and meter. Layout,
lyrics and repeats are left out.

Made for the chorales that come with music21 (written out, without repeats); it imports no
score library. Places are counted in fractions, not in floats: three thirds of a beat are
one beat, in every part.
"""

import io
import re
import zipfile
from fractions import Fraction
from xml.etree import ElementTree

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import Notes, Tempo

__all__ = ["read_musicxml"]

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LARGEST = 50_000_000  # bytes of XML; a symphony takes ten million
LONGEST = 1_000_000  # beats: a week of music; what promises more is damaged
FINEST = (
    10**9
)  # no place in a measure has a larger denominator; a file that asks for one would make us count forever
AGAIN = "export the score again as MusicXML or as MIDI"
MAJOR = (
    "Cb Gb Db Ab Eb Bb F C G D A E B F# C#".split()
)  # by fifths, from seven flats to seven sharps
MINOR = "Ab Eb Bb F C G D A E B F# C# G# D# A#".split()


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
        data = re.sub(
            r"(<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']", r"\1", data, count=1
        ).encode("utf-8", "replace")
    elif not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"read_musicxml takes a file's content, bytes or text, not {type(data).__name__}: say path.read_bytes()"
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
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ZeroDivisionError,
        OverflowError,
    ) as error:
        raise MusicFileError(
            f"damaged MusicXML ({type(error).__name__}: {error})", where, AGAIN
        ) from None
    if not tracks:
        raise NoNotesError("a score without a single note", where, "choose another file")
    meters = next((m for _, m, _ in parts if m), (Meter(0.0),))
    return Piece(
        tracks, Tempo.constant(100.0), meters, root.findtext("work/work-title") or ""
    ), next((k for _, _, k in parts if k), "")


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
                raise MusicFileError(
                    "a compressed file without a score in it", where, AGAIN
                )
            if scores[0].file_size > LARGEST:
                raise MusicFileError(
                    f"a score of {scores[0].file_size:,} bytes", where, AGAIN
                )
            return archive.read(scores[0])
    except (zipfile.BadZipFile, EOFError, RuntimeError, OSError, zipfile.zlib.error):
        raise MusicFileError("a damaged compressed file", where, AGAIN) from None


def _parse(text, where):
    if len(text) > LARGEST:
        raise MusicFileError(f"a score of {len(text):,} bytes", where, AGAIN)
    if re.search(
        rb"<!ENTITY", text.replace(b"\0", b"")
    ):  # the zeros between the letters of UTF-16
        raise MusicFileError(
            "XML that defines entities of its own, which a score never needs", where, AGAIN
        )
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MusicFileError(f"not well-formed XML ({error})", where, AGAIN) from None
    if root.tag != "score-partwise":
        raise MusicFileError(
            f"XML, but not a part-wise MusicXML score: its root is <{root.tag[:40]}>",
            where,
            AGAIN,
        )
    return root


def _part(part):
    """Walk one part: a cursor that notes push on, ``backup`` pulls back, and every measure
    line puts at its end.
    """
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
                    moved[t.get("number")] = int(
                        _number(t.findtext("chromatic") or 0)
                    ) + 12 * int(_number(t.findtext("octave-change") or 0))
                if item.find("time/beats") is not None:
                    meters.append(
                        _meter(
                            start,
                            item.findtext("time/beats"),
                            item.findtext("time/beat-type"),
                        )
                    )
                if item.find("key/fifths") is not None and not key:
                    fifths, minor = (
                        int(item.findtext("key/fifths")),
                        item.findtext("key/mode") == "minor",
                    )
                    key = _key(fifths, minor, moved.get(None, moved.get("1", 0)))
            elif item.tag in ("backup", "forward"):
                cursor += (1 if item.tag == "forward" else -1) * _length(item, divisions)
                if cursor < start:
                    raise ValueError("a backup goes past the beginning of its measure")
            elif item.tag == "note" and item.find("grace") is None:
                length = _length(item, divisions)
                onset = previous if item.find("chord") is not None else cursor
                if item.find("pitch") is not None and item.find("cue") is None:
                    _sound(
                        rows,
                        ties,
                        onset,
                        length,
                        item,
                        moved.get(item.findtext("staff"), moved.get(None, 0)),
                    )
                if item.find("chord") is None:
                    previous, cursor = cursor, cursor + length
            cursor = cursor.limit_denominator(FINEST)
            furthest = max(furthest, cursor)
            if furthest > LONGEST:
                raise ValueError(f"its music goes on beyond beat {LONGEST:,}")
        if (
            measure is measures[0] and meters and 0 < furthest < meters[0].bar
        ):  # an upbeat: bars count from the first full one
            meters[0] = Meter(
                float(furthest) - meters[0].bar, meters[0].numerator, meters[0].denominator
            )
        start = furthest
    return (
        Notes.of((float(onset), float(length), pitch) for onset, length, pitch in rows),
        tuple(meters),
        key,
    )


def _number(text):
    """A number as MusicXML writes it: no exponent, and not so many digits that they are no
    music.
    """
    if not re.fullmatch(r"\s*[+-]?\d{1,12}(\.\d{0,12})?\s*", str(text)):
        raise ValueError(f"{str(text)[:40]!r} where a number is needed")
    return Fraction(str(text).strip())


def _length(item, divisions):
    """The duration of an element, in beats."""
    if divisions <= 0:
        raise ValueError(f"{divisions} divisions to the beat")
    return _number(item.findtext("duration")) / divisions


def _key(fifths, minor, semitones):
    """The name of a key signature, as an instrument sounds that plays so many semitones
    off.
    """
    if not -7 <= fifths <= 7:
        raise ValueError(f"a key signature of {fifths} fifths")
    if semitones % 12:
        # a semitone up is seven fifths up, or five down: f' = f + 7 s mod 12, from five
        # flats to six sharps
        fifths = (fifths + 7 * semitones + 5) % 12 - 5
    return MINOR[fifths + 7] + "m" if minor else MAJOR[fifths + 7]


def _meter(beat, beats, kind):
    """A meter; "3+2" counts as five, as it sounds."""
    return Meter(
        float(beat), sum(int(_number(n)) for n in beats.split("+")), int(_number(kind))
    )


def _sound(rows, ties, onset, length, item, semitones):
    """Add a note, or lengthen the one that it is tied to."""
    pitch = (
        12 * (int(_number(item.findtext("pitch/octave"))) + 1)
        + STEPS[item.findtext("pitch/step")]
    )
    pitch += int(_number(item.findtext("pitch/alter") or 0)) + semitones
    kinds = {t.get("type") for t in item.findall("tie")}
    held = (
        pitch,
        item.findtext("voice"),
    )  # two voices may hold one pitch, each with a tie of its own
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

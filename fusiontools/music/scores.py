"""A file of music, read by what is in it: MIDI, MusicXML or ABC; a zip with one of them.

What is none of these is named, where its first bytes or its name say what it is, with what
can be done. Used in chapters 4 and 5.
"""

import os
import re
from pathlib import Path

from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.files import open_regular, read_limited
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.midi import piece_from_bytes
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.pieces import Piece
from fusiontools.music.zips import open_zip, readable

__all__ = ["chosen", "plain", "read_score", "text_of"]

LARGEST = 64_000_000  # bytes of a file, and of what a zip unpacks to
ZIPPED = (LARGEST, 1000, 10_000)  # see `open_zip`
HEAD = 2000  # bytes in which a file says what it is
SHOWN = 20  # of a long list, in messages
MARK = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"  # what may stand before the first letter of a text
XML = (".xml", ".musicxml")
MUSIC = (*XML, ".mxl", ".mid", ".midi", ".kar", ".rmi", ".abc")
# by which a zip that is a score of another program shows itself
INSIDE = (".mscx", ".gpif", "notationmetadata.xml", "word/document.xml")

_EXPORT = "open it in {0} and export it as MusicXML or MIDI"
_NOTES = (
    "take a MIDI, MusicXML or ABC file; recordings are what fusiontools restyle takes, and "
    "a transcription program makes MIDI of them"
)
_SEEN = "let a program that reads sheet music (Audiveris is one) make MusicXML of it"
_UNPACK = "unpack it, and name a file of it"
_SOUND = (
    rb"ID3|\xff[\xe2\xe3\xf1-\xf7\xf9-\xfd]|RF64|RIFF....WAVE|FORM....AIF|fLaC|OggS|#!AMR"
    rb"|....ftyp|caff|\.snd|wvpk|MAC |\x30\x26\xb2\x75|\x1aE\xdf\xa3"
)
# What a file is, how it begins, how its name or those in a zip end, what to do.
_FOREIGN = (
    (
        "a recording",
        _SOUND,
        ".mp3 .wav .flac .ogg .opus .m4a .aac .aif .aiff .caf .wma .mp4 .mov .webm",
        _NOTES,
    ),
    ("a score of MuseScore", rb".*<museScore", ".mscx .mscz", _EXPORT.format("MuseScore")),
    (
        "a tablature of Guitar Pro",
        rb"\x18?FICHIER GUITAR PRO|BCF[SZ]",
        ".gp .gp3 .gp4 .gp5 .gpx .gpif .gtp",
        _EXPORT.format("Guitar Pro, TuxGuitar or MuseScore"),
    ),
    ("a score of Sibelius", rb"\x0fSIBELIUS", ".sib", _EXPORT.format("Sibelius")),
    (
        "a score of Finale",
        rb"ENIGMA BINARY FILE",
        ".mus .musx notationmetadata.xml",
        _EXPORT.format("Finale"),
    ),
    ("a score of Dorico", None, ".dorico", _EXPORT.format("Dorico")),
    ("a score of Capella", None, ".cap .capx", _EXPORT.format("Capella")),
    (
        "a score of NoteWorthy Composer",
        rb"\[N(oteWorthy|WZ\])",
        ".nwc .nwctxt",
        _EXPORT.format("NoteWorthy Composer"),
    ),
    ("a score of Encore", rb"SCO[W5]", ".enc", _EXPORT.format("Encore")),
    ("a tablature of Power Tab", rb"ptab", ".ptb", _EXPORT.format("TuxGuitar")),
    ("a tablature of TuxGuitar", rb"\x12TuxGuitar", ".tg", _EXPORT.format("TuxGuitar")),
    (
        "a score in Humdrum's kern",
        rb"\s*(\*\*(kern|text|dynam|rec|fb)|!!)",
        ".krn .kern",
        "convert it to MIDI: hum2mid does it, and music21",
    ),
    ("a score in MEI", rb".*<mei[\s>]", ".mei", "convert it to MIDI: Verovio does it"),
    (
        "a score in LilyPond",
        rb"\s*(%[^\n]*\n\s*)*\\(version|relative|header|score)\b",
        ".ly",
        r"add \midi { } to its \score, and let LilyPond make MIDI of it",
    ),
    (
        "a project of a sequencer",
        rb"FLhd|<REAPER_PROJECT|RIFF....NUND",
        ".logicx .band .cpr .als .flp .rpp .ptx .aup3 .song .bwproject",
        "open it in its program and export its notes as MIDI",
    ),
    (
        "a module of a tracker",
        rb"Extended Module:|IMPM",
        ".mod .xm .s3m .it",
        "convert it to MIDI with OpenMPT",
    ),
    (
        "a picture, or a document",
        rb"%PDF|\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|\{\\rtf",
        ".pdf .png .jpg .jpeg .tif .tiff .docx .pages word/document.xml",
        _SEEN,
    ),
    (
        "a packed file",
        rb"\x1f\x8b|\xfd7zXZ|7z\xbc\xaf|Rar!|BZh|(?s:.{257})ustar",
        ".gz .xz .7z .rar .bz2 .tar .tgz",
        _UNPACK,
    ),
)


def read_score(
    path: str | os.PathLike, tune: str | int | None = None
) -> tuple[Piece, list[str]]:
    """Read a file by what is in it: MIDI, MusicXML (compressed or not), or ABC.

    Parameters
    ----------
    path : path-like
        A zip that holds one such file will do, too.
    tune : str or int, optional
        Of an ABC book: the number of a tune (its ``X:``), or a part of its title. By
        default its first.

    Returns
    -------
    piece : Piece
    said : list of str
        What was mended or left out.

    Raises
    ------
    MusicFileError
        If it is missing, damaged or something else, or has no such tune.
    """
    path = Path(path)
    if path.is_dir():  # as which some programs save
        _refuse_foreign(b"", path, path.name)
    else:
        with open_regular(
            path
        ) as file:  # before its size is looked at: recordings are large
            head = file.read(HEAD)
        if head:
            _refuse_foreign(head, path, path.name)
    piece, said = _read(read_limited(path, LARGEST), path, path.name, tune)
    return piece, [*said, *piece.said]


def _read(data, where, name, tune, zipped=False):
    """A piece out of the content of a file of that name, and what to say of it."""
    if data[:2] == b"PK" and not zipped and (found := _unzipped(data, where)):
        name, data = found
        _refuse_foreign(data[:HEAD], where, name)
        piece, said = _read(data, where, name, tune, zipped=True)
        return piece, [f"Of the zip, {name[-80:]!a} is read.", *said]
    if data[:2] == b"PK" or data[:200].lstrip(MARK).startswith(b"<"):
        piece = read_musicxml(data, where)[0]
    elif data[:4] in (b"", b"MThd", b"RIFF"):
        piece = piece_from_bytes(data, where)
    else:
        text = text_of(data)
        if name.lower().endswith(".abc") or re.search(r"(?m)^(X:\s*\d|K:)", text):
            return _of_book(text, where, tune)
        kind = "a text in which no tune in ABC begins (with a line X:1)"
        if any(not (c.isprintable() or c.isspace()) for c in text[:HEAD]):
            kind = f"no file of music: it starts with the bytes {data[:4].hex(' ')}"
        do = "take a MIDI, MusicXML or ABC file"
        raise MusicFileError(f"this is {kind}", where, do)
    if tune is not None:
        found = "it has no tunes to choose from: only books in ABC have"
        raise MusicFileError(found, where, "leave the tune out, or choose a track")
    return piece, []


def _refuse_foreign(head, where, name):
    """Say what a file is that is no score for us, by its first bytes, or by its name."""
    ours = head[:4] in (b"MThd", b"RIFF") or head.lstrip(MARK).startswith(b"<")
    ours = ours or re.search(rb"(?m)^X:\s*\d", head.replace(b"\0", b""))
    for what, begins, endings, do in _FOREIGN:
        named = not ours and name.lower().endswith(tuple(endings.split()))
        if named or (begins and re.match(begins, head, re.DOTALL)):
            raise MusicFileError(f"this is {what}, and notes are needed", where, do)


def _unzipped(data, where):
    """Of a zip its one file of music, name and content; None where the zip is a score."""
    try:
        with readable(where), open_zip(data, where, ZIPPED) as archive:
            names = [i.filename for i in archive.infolist() if not i.is_dir()]
            own = [n for n in names if not n.lower().startswith(("meta-inf/", "__macosx/"))]
            others = [n for n in own if n.lower().endswith(INSIDE)]
            music = [n for n in own if n.lower().endswith(MUSIC) and n not in others]
            scores = [n for n in music if n.lower().endswith(XML)]
            if others and len(scores) == len(music):
                _refuse_foreign(b"", where, others[0])
            if scores and len(scores) == len(music):
                return None  # MusicXML knows which of them is the score
            if len(music) == 1:
                return music[0], archive.read(music[0])
    except CorpusError as error:
        found = f"a damaged compressed file: {error.found}"
        raise MusicFileError(found, where, _UNPACK) from None
    found = "a zip without a file of music in it"
    if music:
        found = f"a zip with {len(music)} files of music in it: {_listed(music)}"
    raise MusicFileError(found, where, _UNPACK)


def text_of(data: bytes) -> str:
    """The letters of a text in UTF-8 or UTF-16, or else in Latin-1.

    Examples
    --------
    >>> text_of("für".encode()), text_of("für".encode("latin-1"))
    ('für', 'für')
    """
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(code)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _of_book(text, where, tune):
    """One tune of a book in ABC, as a piece, and what to say of it."""
    tunes, said, at = split_abc(text) or [text], [], 0
    there = [_number_and_title(one) for one in tunes]
    if tune is not None:
        at = chosen(tune, there, "tune", where)
    elif len(tunes) > 1:
        first = _listed(there[:1])
        said = [
            f"The file holds {len(tunes)} tunes, and the first of them is taken: {first}."
        ]
    taken = read_abc(tunes[at], where)
    return taken.piece, [*said, *taken.said]


def _number_and_title(tune):
    number = re.search(r"(?m)^X:\s*(\d{1,9})", tune)
    titles = re.findall(r"(?m)^T:\s*(\S[^\n%]*)", tune)
    return int(number[1]) if number else 1, " / ".join(t.strip() for t in titles)


def chosen(
    wanted: str | int, there: list[tuple[int, str]], what: str, where: object
) -> int:
    """The place of the one that is meant by a number, by a name, or by a part of one.

    Parameters
    ----------
    wanted : str or int
    there : list of (int, str)
        Numbers and names.
    what, where : object
        What messages call each, and all of them.

    Raises
    ------
    MusicFileError
        If none is meant, or more than one; it lists what is there.

    Examples
    --------
    >>> chosen("flute", [(1, "Violin"), (2, "Flute I")], "track", "trio.mid")
    1
    """
    asked = str(wanted).strip()
    name = asked.casefold()
    number = int(asked) if re.fullmatch("[0-9]{1,9}", asked) else None
    found = [i for i, (n, _) in enumerate(there) if n == number]
    found = found or [i for i, (_, own) in enumerate(there) if own.casefold() == name]
    found = found or [i for i, (_, own) in enumerate(there) if name in own.casefold()]
    if len(found) == 1:
        return found[0]
    many = (
        f"{len(found)} {what}s are meant by {asked!r}" if found else f"no {what} {asked!r}"
    )
    listed = _listed([there[i] for i in found] or there)
    raise MusicFileError(many, where, f"choose from {listed}")


def _listed(items):
    """Numbers and names in one line; of many, the first."""
    named = [i if isinstance(i, tuple) else (i, "") for i in items[:SHOWN]]
    names = [f'{n} "{plain(name)}"' if name else f"{n}" for n, name in named]
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(names) + more


def plain(name: str) -> str:
    r"""A name on one line, at most 40 characters.

    Examples
    --------
    >>> plain("Air\n  in\tG")
    'Air in G'
    """
    shown = "".join(c for c in name if c.isprintable() or c.isspace())
    return " ".join(shown.split())[:40]

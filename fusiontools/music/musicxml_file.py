"""The XML of a score, out of an ``.xml`` or a compressed ``.mxl`` file, from whomever.

It is unpacked with limits, and read in whatever encoding it is. What it means,
`fusiontools.music.musicxml` knows. Used in chapter 4, Connective Fusion.
"""

import codecs
import re
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile, ZipInfo

from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music.zips import open_zip, readable

__all__ = ["parsed", "unpacked"]

LARGEST = 50_000_000  # bytes of XML; a symphony takes ten million
MOST = 3_000_000  # tags, or attributes: each takes a hundred bytes of memory or more
LONG_TAG = re.compile("<[^<>]{1000000}")  # with more attributes than can be told apart
LIMITS = (4 * LARGEST, 200, 10_000)  # of a compressed score, which may hold pictures too
AGAIN = "export the score again as MusicXML or as MIDI"
# encodings that spell letters; others might hide what stands there from who looks for it
TEXT = r"(us-)?ascii|utf-?8|iso-?8859|latin|windows-|cp-?\d|koi8|mac|gb|big5|shift|euc"


def unpacked(data: bytes, where: object) -> str:
    """The text of a score; of a compressed file, the score that its container names.

    Raises
    ------
    MusicFileError
        If the compressed file is damaged, too large, or without a score.

    Examples
    --------
    >>> unpacked(b"<score-partwise/>", "a.xml")
    '<score-partwise/>'
    """
    if data[:2] != b"PK":
        return _text(data)
    try:
        with readable(where), open_zip(data, where, LIMITS) as archive:
            text = first = None
            for info in _candidates(archive):
                if info.file_size > LARGEST:
                    found = f"a score of {info.file_size:,} bytes"
                    raise MusicFileError(found, where, AGAIN)
                text = _text(archive.read(info))
                first = text if first is None else first
                if re.search(r"<score-(part|time)wise\b", text):
                    return text
    except CorpusError as error:
        found = f"a damaged compressed file: {error.found}"
        raise MusicFileError(found, where, AGAIN) from None
    if first is None:
        raise MusicFileError("a compressed file without a score in it", where, AGAIN)
    return first


def _candidates(archive: ZipFile) -> Iterator[ZipInfo]:
    """What may be the score, the most likely first; the rest is music of single parts,
    settings, pictures.
    """

    def plain(name):
        return unquote(name).replace("\\", "/").lstrip("./").lower()

    files = {plain(i.filename): i for i in archive.infolist() if not i.is_dir()}
    if "meta-inf/container.xml" in files:
        container = files["meta-inf/container.xml"]
        text = _text(archive.read(container)) if container.file_size < LARGEST else ""
        try:
            named = parsed(text, "").iterfind(".//{*}rootfile")
            names = [plain(rootfile.get("full-path", "")) for rootfile in named]
        except MusicFileError:
            names = []
        yield from (files[name] for name in names if name in files)
    own = [n for n in files if not re.match(r"meta-inf/|(.*/)?\._", n)]
    scores = [n for n in own if n.endswith((".xml", ".musicxml"))]
    # parts lie in folders, and are smaller than the score
    scores.sort(key=lambda n: (n.count("/"), -files[n].file_size))
    yield from (files[name] for name in scores)


def _text(data):
    """XML as text: by its byte order mark, its zeros, what it declares, or what fits."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16"}
    marks |= {codecs.BOM_UTF16_BE: "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
    known = [name for mark, name in marks.items() if data.startswith(mark)]
    declared = re.match(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w.:-]+)", data)
    if declared and not known and re.match(TEXT, name := declared[1].decode().lower()):
        known = [name]
    for name in (*known, "utf-8", "cp1252"):
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def parsed(text: str, where: object) -> ElementTree.Element:
    """The root of a text in XML.

    Raises
    ------
    MusicFileError
        If it is too large, is not well-formed, or defines entities.

    Examples
    --------
    >>> parsed("<score-partwise/>", "a.xml").tag
    'score-partwise'
    """
    if len(text) > LARGEST:
        raise MusicFileError(f"a score of {len(text):,} bytes", where, AGAIN)
    if max(text.count("<"), text.count("=")) > MOST or LONG_TAG.search(text):
        raise MusicFileError(f"more than {MOST:,} tags or attributes", where, AGAIN)
    if "<!ENTITY" in text:
        found = "XML that defines entities of its own, which a score never needs"
        raise MusicFileError(found, where, AGAIN)
    try:
        # what it declares has been dealt with, or never held for a text
        parser = ElementTree.XMLParser(encoding="utf-8")
        return ElementTree.fromstring(text.encode("utf-8", "replace"), parser)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MusicFileError(f"not well-formed XML ({error})", where, AGAIN) from None

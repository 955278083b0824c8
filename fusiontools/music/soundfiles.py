"""Sound files opened: what a file really is, and headers that do not tell the truth.

A recorder that crashed leaves a WAV whose header promises nothing, and MP3s of variable
rate may not say how long they are. Here they get a header that is right, in memory alone.
`fusiontools.music.audio` reads and writes with this. Used in chapter 7, Audio style
transfer.
"""

import contextlib
import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from fusiontools.errors import FusionError, MusicFileError

if TYPE_CHECKING:
    from soundfile import SoundFile

__all__ = ["AGAIN", "Source", "blocks", "opened"]

Source = str | os.PathLike | bytes | BinaryIO  # sound, wherever it is

RATES = (2_000, 400_000)  # sample rates outside are damage
BLOCK = 4096  # frames read at once
AGAIN = "convert it again, to WAV or FLAC, or leave it out"
UNCLOSED = 0x7FFFF000  # bytes that a header promises, from here on, are a placeholder
# What begins a file: sound of these names may be tried, and the others are refused.
SOUNDS = {"WAV": "wav wave", "FLAC": "flac", "OGG": "ogg oga opus", "MP3": "mp3 mp2 mpga"}
SOUNDS |= {"AIFF": "aif aiff aifc", "AU": "au snd", "CAF": "caf", "W64": "w64"}
GIVE = "download or export it again, or give another sound file"
FILM = "take its sound out first, as in: ffmpeg -i film.mp4 sound.wav"
VIDEO = ("a video, not a sound file", FILM)
AAC = ("AAC sound, which is not read here", "convert it first: ffmpeg -i it.m4a it.wav")
KINDS = {
    rb"(RIFF|RF64|BW64|RIFX)....WAVE": "WAV",
    rb"fLaC": "FLAC",
    rb"OggS.{24,300}\x80theora": VIDEO,
    rb"OggS": "OGG",
    rb"ID3|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][^\xf0-\xff]": "MP3",
    rb"FORM....AIF[FC]": "AIFF",
    rb"\.snd": "AU",
    rb"caff": "CAF",
    rb"riff\x2e\x91\xcf\x11": "W64",
    rb"\xff[\xf0\xf1\xf8\xf9]|....ftypM4[AB]": AAC,
    rb"\x30\x26\xb2\x75": ("Windows Media (WMA or WMV)", AAC[1].replace("m4a", "wma")),
    rb"....(ftyp|moov|mdat)|\x1a\x45\xdf\xa3|RIFF....AVI|FLV\x01|\0\0\x01[\xba\xb3]": VIDEO,
    rb"MThd|RIFF....RMID": ("MIDI: notes, not sound", "play it into a sound file first"),
    rb"PK[\x03\x05]|Rar!|7z\xbc|\x1f\x8b|BZh|\xfd7zXZ": (
        "an archive (such as ZIP), not sound",
        "unpack it, and give a sound file that is in it",
    ),
    rb"%PDF": ("a PDF, not sound", GIVE),
    rb"\x89PNG|\xff\xd8\xff|GIF8": ("a picture, not sound", GIVE),
    rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)": ("a web page (HTML), not sound", GIVE),
    rb"\xff\xfe|\xfe\xff|[^\x00-\x08\x0e-\x1f\x7f]+\Z": ("text, not sound", GIVE),
}


@contextlib.contextmanager
def opened(source: Source, where: object) -> Iterator[tuple["SoundFile", Any, list[str]]]:
    """A SoundFile that is ready, what to call it, and a list for what is said."""
    import soundfile

    said, path = [], None
    with contextlib.ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            path = Path(source)
            where = path if where is None else where
            raw = stack.enter_context(_file(path, where))
        else:
            raw = io.BytesIO(source) if isinstance(source, bytes) else source
        where = "the sound" if where is None else where
        try:
            if not raw.seekable():
                raw = io.BytesIO(raw.read())
            raw.seek(0)
            head = raw.read(4096)
            kind = _kind(head, where)
            view = {"WAV": _wav, "MP3": _mp3}.get(kind, _View)(raw)
            said += view.said
        except (OSError, ValueError) as error:
            if isinstance(error, FusionError):
                raise
            raise MusicFileError(f"cannot be read ({error})", where, AGAIN) from None
        try:
            file = stack.enter_context(soundfile.SoundFile(view))
        except Exception as error:  # libsndfile's own, or its callbacks'
            why = re.sub("^Error opening <.*?>:? *", "", str(error)).strip() or "no sound"
            found = f"not readable as sound ({why.splitlines()[0][:120]})"
            if kind:
                found = f"not readable as sound: it begins like {kind}, and is damaged"
            raise MusicFileError(found, where, AGAIN) from None
        if not RATES[0] <= file.samplerate <= RATES[1] or file.channels > 64:
            found = f"{file.samplerate} samples a second, {file.channels} channels"
            raise MusicFileError(f"an absurd format: {found}", where, AGAIN)
        if not file.frames:
            raise MusicFileError("no sound in it", where, "export or download it again")
        ending = path.suffix[1:].lower() if path else ""
        known = kind and ending in " ".join(SOUNDS.values()).split()
        if known and ending not in SOUNDS[kind].split():
            said.append(f"It is named .{ending}, and was read as what it is: {kind}.")
        yield file, where, said


def blocks(
    file: "SoundFile", skip: int, where: object, said: list[str]
) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels) from there on, to the end or to where it is damaged."""
    promised, at, seeks = file.frames, 0, file.format not in ("MP3", "MPEG")
    if skip and seeks:  # in an MP3 of variable rate, seeking misses by a frame or two
        try:
            at = file.seek(min(skip, promised))
        except Exception:
            return
    ended = False
    while not ended:
        block = np.full((BLOCK, file.channels), np.nan, np.float32)
        try:
            n = len(file.read(out=block))
            ended = not n
        except Exception:
            # what stands before the damage has been written nevertheless
            n, ended = np.argmax(np.append(np.isnan(block).all(axis=1), True)), True
        at += n
        if at > skip and n:
            yield block[max(n - (at - skip), 0) : n]
    # a count of MP3 frames may be off by those that only prepare others
    if at + (0 if seeks else 2304) < promised < 2**62:
        ends, all = at / file.samplerate, promised / file.samplerate
        said.append(f"It is cut off or damaged: {ends:.3g} s of {all:.3g} s can be read.")


def _file(path, where):
    """A path as an open file."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            found = "this is a folder, not a file"
            raise MusicFileError(found, where, "name one sound file in it")
        if not stat.S_ISREG(mode):
            found = "this is a pipe or a device, not a file"
            raise MusicFileError(found, where, "save what it gives to a file first")
        return path.open("rb")
    except FileNotFoundError:
        raise MusicFileError("no such file", where, "check the path") from None
    except (OSError, ValueError) as error:
        if isinstance(error, FusionError):
            raise
        found = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise MusicFileError(found, where, "check its name and its permissions") from None


def _kind(head, where):
    """The name of the kind of sound that a file begins like; "" if it is not known."""
    if not head:
        raise MusicFileError("the file is empty", where, "export or download it again")
    for magic, kind in KINDS.items():
        if re.match(magic, head, re.DOTALL | re.IGNORECASE):
            if isinstance(kind, str):
                return kind
            raise MusicFileError(kind[0], where, kind[1])
    return ""


class _View:
    """`head`, then a file from `skip` on, as a file that never refuses.

    It is asked from C, where nobody could catch its error.
    """

    def __init__(self, file, head=b"", skip=0, said=()):
        self._file, self._head, self._skip, self._at, self.said = file, head, skip, 0, said
        self._size = len(head) + max(file.seek(0, io.SEEK_END) - skip, 0)

    def seek(self, offset, whence=io.SEEK_SET):
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self):
        return self._at

    def read(self, size):
        data = self._head[self._at : self._at + size]
        if len(data) < size:
            beyond = self._at + len(data) - len(self._head)
            try:
                self._file.seek(self._skip + beyond)
                data += self._file.read(size - len(data))
            except Exception:  # whatever a disk or an archive says
                pass
        self._at += len(data)
        return data

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _wav(file):
    """A WAV; its data go on to the end of the file where the header does not say."""
    size, at = file.seek(0, io.SEEK_END), 12
    name, promised = b"", 0
    while name != b"data":
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8 or at > 1 << 20:
            return _View(file)
        name, promised = struct.unpack("<4sI", chunk)
        at += 8 if name == b"data" else 8 + promised + promised % 2
    file.seek(0)
    head, left = bytearray(file.read(at)), size - at
    little = head[:4] == b"RIFF"
    if not little or left <= 0 or 0 < promised < UNCLOSED:
        said = []
        if little and left + 8 < promised < UNCLOSED:
            share = 100 * max(left, 0) / promised
            said = [f"It is cut off: {share:.3g} % of what its header promises is there."]
        return _View(file, said=said)
    if not promised and _is_chunks(file, at, size):
        return _View(file)
    head[4:8] = struct.pack("<I", min(size - 8, 2**32 - 1))
    head[-4:] = struct.pack("<I", min(left, 2**32 - 1))
    said = "Its header does not say how long it is, as if the recorder had crashed or "
    return _View(file, bytes(head), at, [said + "written to a pipe: all was read."])


def _is_chunks(file, at, size):
    """Whether chunks stand there, one after the other, to the end."""
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if not re.fullmatch(rb"[ -~]{4}", name):
            return False
        at += 8 + length + length % 2
    return at in (size, size + 1)


def _mp3(file):
    """An MP3; its frames are counted where no header, or a wrong one, says how many."""
    size, at = file.seek(0, io.SEEK_END), 0
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3" and len(tag) == 10:
        at = 10 + sum(byte << 7 * k for k, byte in enumerate(reversed(tag[6:10])))
    file.seek(at)
    first = file.read(4096)
    if not (length := _frame(first[:4])):
        return _View(file)
    new, mono = first[1] & 8, first[3] >> 6 == 3
    info = 4 + ((17 if mono else 32) if new else (9 if mono else 17))
    said = first[info : info + 4] in (b"Xing", b"Info") and len(first) >= info + 16
    if said:
        flags, frames, whole = struct.unpack(">III", first[info + 4 : info + 16])
        # tags may follow, but hardly as much as another piece
        if flags & 3 == 3 and frames and at + whole + 4096 >= size:
            return _View(file)
    start = at + length if said or first[36:40] == b"VBRI" else at
    if size - start > 1 << 30:
        return _View(file)
    file.seek(start)
    frames = _count(file.read(), first)
    # A silent frame of 100 bytes or more, in which the count is what players look for
    header = bytes([255, first[1] | 1, (9 << 4) | (first[2] & 0x0C), first[3]])
    told = b"Xing" + struct.pack(">III", 3, frames, size - start + _frame(header))
    return _View(
        file, (header + bytes(info - 4) + told).ljust(_frame(header), b"\0"), start
    )


BITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0]
BITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0]


def _frame(header):
    """Bytes of the MP3 frame (layer 3) that begins so; 0 if none does."""
    if len(header) < 4 or header[0] != 255 or header[1] & 0xE6 != 0xE2:
        return 0
    version, rate = header[1] >> 3 & 3, header[2] >> 2 & 3
    bits = (BITS if version == 3 else BITS_2)[header[2] >> 4]
    if version == 1 or rate == 3 or not bits:
        return 0
    rate = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return (144_000 if version == 3 else 72_000) * bits // rate + (header[2] >> 1 & 1)


def _count(data, first):
    """How many MP3 frames like the first there are, over gaps too."""
    at = frames = 0
    known = {}
    while at >= 0 and at + 4 <= len(data):
        header = data[at : at + 4]
        if header not in known:
            differs = (header[1] ^ first[1]) & 0xFE | (header[2] ^ first[2]) & 0x0C
            known[header] = 0 if differs else _frame(header)
        if length := known[header]:
            frames += 1
            at += length
        else:
            at = data.find(b"\xff", at + 1)
    return frames

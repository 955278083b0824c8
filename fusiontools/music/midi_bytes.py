"""The bytes of a Standard MIDI File, in and out: chunks, events, lengths.

A file is read whole or refused with its reason, never half. What is mended on the way, such
as a volume of 255, is said. It knows neither notes nor tempo: those are for
`fusiontools.music.midi`. Used in chapters 1, 3, 4, 5 and 6.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fusiontools.errors import MusicFileError

__all__ = ["Events", "Meta", "meta_event", "midi_file", "read_events", "track_chunk"]

AGAIN = "export the file again from the program that made it, or leave it out"
LARGEST = 10_000_000  # bytes; a long symphony takes one million
MOST_METAS = 200_000  # a tempo for each beat of six hours at 555 bpm
MOST_TRACKS = 1_920  # 128 ports of 15 channels, the drums' aside
DRUMS = 9  # their channel, on every port
# a beat, 3,000 to 3.5763 bpm: below lies a damaged event, above what MIDI cannot say
MICROSECONDS = (20_000, 0xFFFFFF)
NAME, PORT, END, TEMPO, METER = 0x03, 0x21, 0x2F, 0x51, 0x58
# data bytes of a channel event, by its status
SIZES = np.array([0] * 0x80 + [2] * 0x40 + [1] * 0x20 + [2] * 0x10 + [0] * 0x10)


class Meta(NamedTuple):
    """What stands beside the music: a `NAME`, a `TEMPO`, a `METER`."""

    track: int
    tick: int
    kind: int
    data: bytes


class Events(NamedTuple):
    """What a file says, in its own order.

    The arrays have shape (E,), one entry for each event of a channel: the chunk that it
    stands in, its time, its status (what, and on which channel), and its data.
    """

    division: int  # ticks of a beat
    track: np.ndarray
    tick: np.ndarray
    status: np.ndarray
    first: np.ndarray
    second: np.ndarray  # of events with one data byte, nothing
    metas: list[Meta]
    said: tuple[str, ...]


def read_events(data: bytes, where: object = "MIDI data") -> Events:
    """Read all events of a file.

    Parameters
    ----------
    data : bytes
        A Standard MIDI File, perhaps in a RIFF container (``.rmi``).
    where : object
        What messages call it.

    Raises
    ------
    MusicFileError
        If it is no MIDI file of format 0 or 1 that counts in ticks of a beat, is larger
        than 10 MB, or if anything in it is cut off or no event.

    Examples
    --------
    >>> name = meta_event(NAME, b"Air")
    >>> data = midi_file(480, [track_chunk([(0, name), (9, bytes([0x90, 60, 80]))])])
    >>> events = read_events(data)
    >>> events.tick.tolist(), events.first.tolist(), events.metas[0].data
    ([9], [60], b'Air')
    """
    if len(data) > LARGEST:
        found = f"{len(data):,} bytes, and {LARGEST:,} are the most that is read"
        raise MusicFileError(found, where, "choose another file")
    data = _unwrap_riff(data)
    division, chunks, said = _chunks(data, where)
    # zeros behind the end: what is cut off there is noticed after it, once for each track
    data += bytes(8)
    starts, counts, marks, left = [], [], [], 0
    for at, end in chunks:
        before = len(starts)
        at = _walk(data, at, end, starts, marks, where)
        if at > end:
            found = "truncated: the last event of a track is cut off"
            raise MusicFileError(found, where, AGAIN)
        if len(marks) > MOST_METAS:
            found = f"over {MOST_METAS:,} names and changes of tempo and meter"
            raise MusicFileError(found, where, "leave it out: no music has so many")
        left += len(data[at:end].rstrip(b"\0"))
        counts.append(len(starts) - before)
    if left:
        said.append(f"Bytes after the end of a track: {left}, passed over.")
    return _meanings(data, division, np.array(starts, np.int64), counts, marks, said, where)


def _unwrap_riff(data):
    """Out of a RIFF container, what its chunk "data" holds."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        if data[at : at + 4] == b"data":
            return data[at + 8 :]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return data


def check_start(data: bytes, where: object) -> None:
    """Refuse what does not begin as a MIDI file does.

    Raises
    ------
    MusicFileError
        With what it begins with.
    """
    if not data:
        raise MusicFileError("the file is empty", where, AGAIN)
    if data[:4] != b"MThd":
        seen = repr(data[:12].decode("latin-1"))
        if "\\x" in seen:
            seen = f"the bytes {data[:4].hex(' ')}"
        found = f"not a MIDI file: it starts with {seen} where MIDI says 'MThd'"
        raise MusicFileError(found, where, "take one that a music program exports as MIDI")


def _chunks(data, where):
    """Ticks of a beat, where each track's events begin and end, and what is passed over."""
    check_start(data, where)
    if len(data) < 14:
        found = f"truncated: {len(data)} bytes, and the header alone takes 14"
        raise MusicFileError(found, where, AGAIN)
    length, kind, promised, division = struct.unpack(">IHHH", data[4:14])
    if length < 6 or kind > 2:
        found = f"its header is damaged (length {length}, format {kind})"
        raise MusicFileError(found, where, AGAIN)
    if kind == 2:
        found = "format 2: patterns that do not sound together"
        raise MusicFileError(found, where, "export it as format 0 or 1")
    if division & 0x8000 or division == 0:
        found = "its clock counts film frames or nothing, not fractions of a beat"
        raise MusicFileError(found, where, "export it with ticks per quarter note")
    at, tracks = 8 + length, []
    # what stands after the last track is harmless, and common
    while len(tracks) < promised and len(data) - at >= 8:
        name, size = struct.unpack(">4sI", data[at : at + 8])
        at += 8
        if at + size > len(data):
            missing = at + size - len(data)
            found = f"truncated: {missing} bytes of a track are missing"
            raise MusicFileError(found, where, AGAIN)
        if name == b"MTrk":
            tracks.append((at, at + size))
        at += size
    if len(tracks) < promised:
        missing = promised - len(tracks)
        found = f"truncated: {missing} of {promised} tracks are missing"
        raise MusicFileError(found, where, AGAIN)
    more = data[at : at + 4] == b"MTrk"
    said = ["Tracks beyond those that its header counts: passed over."] if more else []
    return division, tracks, said


def _walk(data, at, end, starts, marks, where):
    """Add where each event begins to `starts`, and what stands beside the music to `marks`;
    return where the last event ends.

    The only loop over events, so it does little: what they say is for `_meanings`.
    """
    sizes, add = SIZES.tolist(), starts.append
    size = 0  # of an event without a status of its own: it takes the one before it
    while at < end:
        add(at)
        while data[at] > 0x7F:  # the time, of which the last byte is below 128
            at += 1
        status = data[at + 1]
        if status < 0x80:
            if not size:
                found = f"an event without a status at byte {at + 1}"
                raise MusicFileError(found, where, AGAIN)
            at += 1 + size
        elif status < 0xF0:
            size = sizes[status]
            at += 2 + size
        elif status in (0xF0, 0xF7, 0xFF):  # an instrument's own, or beside the music
            at += 2
            kind = data[at] if status == 0xFF else None
            length, at = _number(data, at + (status == 0xFF), where)
            if kind in (NAME, TEMPO, METER):
                marks.append((len(starts) - 1, kind, data[at : at + length]))
            at += length
            if kind == END:
                break
        else:
            found = f"an event of status {status:02X} at byte {at + 1}: files know none"
            raise MusicFileError(found, where, AGAIN)
    return at


def _number(data, at, where):
    """A number of variable length, and where it ends."""
    value = 0
    for i in range(at, at + 4):
        value = value << 7 | data[i] & 0x7F
        if data[i] < 0x80:
            return value, i + 1
    raise MusicFileError(f"a length of over four bytes at byte {at}", where, AGAIN)


def _meanings(data, division, starts, counts, marks, said, where):
    """What the events say that begin at `starts`, `counts` of them in each track."""
    byte = np.frombuffer(data, np.uint8)
    body, going = starts, np.ones(len(starts), bool)
    wait = np.zeros(len(starts), np.int64)
    for _ in range(4):  # the time, as in `_number`
        here = byte[body]
        wait = np.where(going, wait << 7 | here & 0x7F, wait)
        body, going = body + going, going & (here > 0x7F)
        if not going.any():
            break
    else:
        found = f"a time of over four bytes at byte {starts[going.argmax()]}"
        raise MusicFileError(found, where, AGAIN)
    begin = np.cumsum([0, *counts])
    track = np.repeat(np.arange(len(counts)), counts)
    clock = np.append(0, np.cumsum(wait))
    tick = clock[1:] - clock[begin[track]]
    metas = [Meta(int(track[i]), int(tick[i]), kind, said) for i, kind, said in marks]
    # without a status of its own, an event takes that of the channel event before it
    own = byte[body]
    event = np.arange(len(own))
    last = np.maximum.accumulate(np.where((own >= 0x80) & (own < 0xF0), event, -1))
    of_channel = own < 0xF0
    status, at = own[last][of_channel], (body + (own >= 0x80))[of_channel]
    first, second, two = byte[at], byte[at + 1], SIZES[status] == 2
    none = two & (first > 0x7F)
    if none.any():
        found = f"a key or a controller of number {first[none][0]}, where 127 is the last,"
        found += f" at byte {at[none][0]}"
        raise MusicFileError(found, where, AGAIN)
    over = np.count_nonzero(np.where(two, second, first) > 0x7F)
    if over:
        said.append(f"Values over 127, the most that MIDI can say: {over}, taken as 127.")
    first, second = np.minimum(first, 0x7F), np.minimum(second, 0x7F)
    track, tick = track[of_channel], tick[of_channel]
    return Events(division, track, tick, status, first, second, metas, tuple(said))


def meta_event(kind: int, data: bytes) -> bytes:
    """What stands beside the music, such as a name, as bytes.

    Examples
    --------
    >>> meta_event(NAME, b"Air").hex(" ")
    'ff 03 03 41 69 72'
    """
    return bytes([0xFF, kind]) + _variable(len(data)) + data


def track_chunk(events: Iterable[tuple[int, bytes]]) -> bytes:
    """A track of a file, from ticks and events in order; its end is added.

    Examples
    --------
    >>> track_chunk([(200, bytes([0x90, 60, 80]))])[8:].hex(" ")
    '81 48 90 3c 50 00 ff 2f 00'
    """
    body, before = [], 0
    for tick, event in events:
        body += _variable(tick - before), event
        before = tick
    whole = b"".join(body) + b"\0" + meta_event(END, b"")
    return b"MTrk" + struct.pack(">I", len(whole)) + whole


def midi_file(division: int, tracks: list[bytes]) -> bytes:
    """A file of format 1, from ticks of a beat and tracks as `track_chunk` gives them.

    Examples
    --------
    >>> midi_file(480, []).hex(" ")
    '4d 54 68 64 00 00 00 06 00 01 00 00 01 e0'
    """
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division) + b"".join(tracks)


def _variable(value):
    """A number of variable length: seven bits a byte, all but the last with the eighth."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | value & 0x7F)
    return bytes(reversed(parts))

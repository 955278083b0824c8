"""What is true of the bytes of MIDI files: events are read whole or refused, and what is
mended is said.
"""

import io
import struct

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import MusicFileError
from fusiontools.music import midi_bytes
from fusiontools.music.midi import piece_from_bytes
from fusiontools.music.midi_bytes import (
    METER,
    NAME,
    TEMPO,
    meta_event,
    midi_file,
    read_events,
    track_chunk,
)

ON, OFF = b"\x00\x90\x3c\x50", b"\x83\x60\x80\x3c\x00"  # middle C for 480 ticks
END = b"\x00\xff\x2f\x00"
C = [(0.0, 1.0, 60, 80)]


def chunk(body, name=b"MTrk"):
    return name + struct.pack(">I", len(body)) + body


def midi(*bodies, more=b"", promised=None, after=b""):
    """A file of tracks, byte by byte; `more` is what its header says beyond."""
    count = len(bodies) if promised is None else promised
    head = struct.pack(">IHHH", 6 + len(more), 1, count, 480)
    return b"MThd" + head + more + b"".join(map(chunk, bodies)) + after


def rows(data):
    return [tuple(note) for note in piece_from_bytes(data).notes()]


# Events as another library writes them

waits = st.sampled_from([0, 1, 127, 128, 480, 16383, 16384])
channels, values = st.integers(0, 15), st.integers(0, 127)
messages = st.one_of(
    st.builds(
        lambda kind, c, a, b: bytes([kind << 4 | c, a, b]),
        st.sampled_from([0x8, 0x9, 0xA, 0xB, 0xE]),
        channels,
        values,
        values,
    ),
    st.builds(
        lambda kind, c, a: bytes([kind << 4 | c, a]),
        st.sampled_from([12, 13]),
        channels,
        values,
    ),
    st.builds(
        meta_event, st.sampled_from([1, NAME, 5, 0x21, 0x59, 0x7F]), st.binary(max_size=200)
    ),
    st.binary(max_size=20).map(lambda b: b"\xf0" + bytes([len(b) + 1]) + b + b"\xf7"),
    st.binary(max_size=20).map(lambda b: b"\xf7" + bytes([len(b)]) + b),
)
bodies = st.lists(st.tuples(waits, messages), max_size=30)


@settings(derandomize=True)
@given(tracks=st.lists(bodies, min_size=1, max_size=3), running=st.booleans())
def test_what_is_written_is_read_event_by_event(tracks, running):
    written, chunks = [], []
    for i, events in enumerate(tracks):
        tick, timed, status = 0, [], None
        for wait, event in events:
            tick += wait
            if event[0] < 0xF0:
                written.append((i, tick, event[0], *event[1:], *[0] * (3 - len(event))))
            # a status that is the same as before may be left out
            again = running and event[0] == status
            timed.append((tick, event[1:] if again else event))
            status = event[0] if event[0] < 0xF0 else status
        chunks.append(track_chunk(timed))
    found = read_events(midi_file(480, chunks))
    two = midi_bytes.SIZES[found.status] == 2
    seconds = found.second * two
    columns = (found.track, found.tick, found.status, found.first, seconds)
    assert [tuple(map(int, row)) for row in zip(*columns)] == written
    # from 128 bytes on, a length takes two
    names = [e[3 + (len(e) > 130) :] for t in tracks for _, e in t if e[:2] == b"\xff\x03"]
    assert [m.data for m in found.metas] == names and found.said == ()


@settings(derandomize=True)
@given(bodies)
def test_another_library_reads_the_same_times(events):
    events = [(w, e) for w, e in events if e[0] < 0xF0]
    ticks = [sum(w for w, _ in events[: i + 1]) for i in range(len(events))]
    data = midi_file(96, [track_chunk(list(zip(ticks, (e for _, e in events))))])
    theirs, now = [], 0
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        now += message.time
        if not message.is_meta:
            theirs.append((now, *message.bytes()))
    found = read_events(data)
    sizes = midi_bytes.SIZES[found.status]
    ours = zip(found.tick, found.status, found.first, found.second, sizes)
    assert [tuple(map(int, row[: row[-1] + 2])) for row in ours] == theirs


# Whole, although odd

SYSEX = b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7"
TEXT = b"\x00\xff\x01\x02%+"
UNKNOWN = b"\x00\xff\x60\x01\x00"
SECOND = b"\x00\x3e\x50\x60\x3e\x00"  # D by running status
D = (1.0, 0.2, 62, 80)


@pytest.mark.parametrize(
    "between",
    [b"", SYSEX, TEXT, UNKNOWN, SYSEX + TEXT, b"\x00\xf7\x01\xf8", b"\x00\xf0\x00"],
    ids=["nothing", "sysex", "text", "unknown", "both", "escape", "empty sysex"],
)
def test_a_status_runs_on_after_what_stands_beside_the_music(between):
    body = ON + b"\x83\x60\x3c\x00" + between + SECOND + END
    assert rows(midi(body)) == [*C, D]


@pytest.mark.parametrize("ending", [END, b"", END + bytes(9), b"\x00\xff\x2f\x01\x00"])
def test_a_track_may_end_as_its_chunk_does(ending):
    data = midi(ON + OFF + ending, ON + OFF + END)
    assert rows(data) == C * 2 and piece_from_bytes(data).said == ()


def test_what_stands_after_an_end_is_said():
    piece = piece_from_bytes(midi(ON + OFF + END + ON + OFF))
    assert len(piece.notes()) == 1
    assert piece.said == ("Bytes after the end of a track: 8, passed over.",)


@pytest.mark.parametrize(
    "after, said", [(b"", 0), (bytes(20), 0), (b"abcd", 0), (b"MTrk", 1)]
)
def test_tracks_beyond_the_promised_are_said(after, said):
    data = midi(ON + OFF + END, after=after and after + chunk(ON + OFF + END)[4:])
    assert len(piece_from_bytes(data).said) == said and rows(data) == C


@pytest.mark.parametrize("more", [b"", b"\0", b"\0\0\0\0", bytes(300), b"MTrk\0\0\0\1"])
def test_a_longer_header_is_passed_by_its_length(more):
    assert rows(midi(ON + OFF + END, more=more)) == C


@pytest.mark.parametrize("where", [0, 1, 2])
def test_chunks_of_others_are_passed_over(where):
    whole = midi(ON + OFF + END, ON + OFF + END)
    places = [14, 14 + len(chunk(ON + OFF + END)), len(whole)]
    at = places[where]
    assert rows(whole[:at] + chunk(b"MTrk odd!", b"XFIH") + whole[at:]) == C * 2


# RIFF


def riff(*chunks, kind=b"RMID", size=None):
    body = kind + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def part(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


WHOLE = midi(ON + OFF + END)
INFO = part(b"LIST", b"INFO" + part(b"INAM", b"abc"))
SAYS = part(b"LIST", b"INFO" + part(b"ICMT", b"MThd etc"))


@pytest.mark.parametrize(
    "chunks",
    [
        (part(b"data", WHOLE),),
        (part(b"data", WHOLE), INFO),
        (INFO, part(b"data", WHOLE)),
        (part(b"DISP", b"odd"), part(b"data", WHOLE)),
        (SAYS, part(b"data", WHOLE)),
        (part(b"LIST", bytes(5001)), INFO, part(b"data", WHOLE)),
        (part(b"LIST", b""), part(b"data", WHOLE)),
    ],
)
@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_the_chunks_of_a_riff_file_are_walked(chunks, size):
    assert rows(riff(*chunks, size=size)) == C


@pytest.mark.parametrize(
    "data",
    [
        riff(INFO),
        riff(),
        riff(part(b"data", b"")),
        riff(part(b"data", WHOLE), kind=b"WAVE"),
        riff(b"LIST\xff\xff\xff\xff" + WHOLE),
        b"RIFF",
        riff(part(b"data", riff(part(b"data", WHOLE)))),
    ],
)
def test_a_riff_file_without_midi_is_refused(data):
    with pytest.raises(MusicFileError, match="What to do"):
        read_events(data)


# Values over 127


VALUES = {
    "release": b"\x00\x80\x01\x82",
    "volume": b"\x00\xb0\x07\xff",
    "program of the drums": b"\x00\xc9\x82",
    "program": b"\x00\xc3\xff",
    "pressure": b"\x00\xd0\x80",
    "bend": b"\x00\xe0\x00\xc0",
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_over_127_costs_no_song(name):
    piece = piece_from_bytes(midi(VALUES[name] + ON + OFF + END))
    assert [tuple(n) for n in piece.notes()] == C
    assert piece.said == ("Values over 127, the most that MIDI can say: 1, taken as 127.",)


@pytest.mark.parametrize("velocity", [128, 200, 255])
def test_what_is_too_loud_is_as_loud_as_can_be(velocity):
    piece = piece_from_bytes(midi(bytes([0, 0x90, 60, velocity]) + OFF + END))
    assert [tuple(n) for n in piece.notes()] == [(0.0, 1.0, 60, 127)] and piece.said


def test_a_program_over_127_is_the_last():
    assert piece_from_bytes(midi(b"\x00\xc0\x90" + ON + OFF + END)).tracks[0].program == 127


# Refused, with where


REFUSED = {
    "no status": (b"\x00\x3c\x50", "an event without a status at byte 23"),
    "no status after a text": (TEXT + b"\x00\x3c\x50", "an event without a status"),
    "a time of five bytes": (b"\x80\x80\x80\x80\x00" + ON[1:], "a time of over four bytes"),
    "a length of five bytes": (
        b"\x00\xff\x01\x80\x80\x80\x80\x00",
        "a length of over four bytes",
    ),
    "a key of 128": (b"\x00\x90\x80\x50", "a key or a controller of number 128"),
    "a status twice": (
        b"\x00\x90\x90\x3c\x00\x50\x00",
        "a key or a controller of number 144",
    ),
    "a controller of 200": (b"\x00\xb0\xc8\x00", "a key or a controller of number 200"),
    "half a note": (b"\x00\x90", "truncated: the last event of a track is cut off"),
    "a note but for a byte": (b"\x00\x90\x3c", "the last event of a track is cut off"),
    "half a text": (
        b"\x00\xff\x01\x7fla",
        "truncated: the last event of a track is cut off",
    ),
    "half a sysex": (
        b"\x00\xf0\x7f\x01",
        "truncated: the last event of a track is cut off",
    ),
    "a time alone": (b"\x00", "truncated: the last event|without a status"),
    "tempo of two bytes": (b"\x00\xff\x51\x02\x07\xa1", "a tempo of 2 bytes"),
    "tempo of none": (b"\x00\xff\x51\x00", "a tempo of 0 bytes"),
    **{
        f"status {s:02X}": (bytes([0, s, 0, 0]), f"an event of status {s:02X} at byte 32")
        for s in (*range(0xF1, 0xF7), *range(0xF8, 0xFF))
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_event_is_refused_and_nothing_is_half_read(name):
    event, found = REFUSED[name]
    # at the end of a track, so that nothing can be borrowed but from the next
    before = b"" if "no status" in name else ON + OFF
    for rest in ((), (ON + OFF + END,)):
        with pytest.raises(MusicFileError, match=f"song: .*{found}.*What to do"):
            piece_from_bytes(midi(before + event, *rest), "song")


@pytest.mark.parametrize("data, passed", [(b"", 1), (b"\x03", 1), (b"\x03\x02", 0)])
def test_a_short_time_signature_borrows_nothing(data, passed):
    """What would follow says 3/4, too."""
    piece = piece_from_bytes(
        midi(b"\x00" + meta_event(METER, data) + b"\x03\xb2\x07\x60" + ON + OFF + END)
    )
    assert len(piece.said) == passed and str(piece.meters[0]) == (
        "4/4" if passed else "3/4"
    )


@pytest.mark.parametrize("power", [*range(7, 20), 31, 32, 34, 64, 66, 128, 255])
def test_the_powers_of_a_meter_never_wrap(power):
    piece = piece_from_bytes(
        midi(b"\x00" + meta_event(METER, bytes([3, power, 24, 8])) + ON + OFF + END)
    )
    assert str(piece.meters[0]) == "4/4"
    assert piece.said == ("Time signatures that make no bar: 1, passed over.",)


def test_longer_tempi_and_meters_are_read_by_their_first_bytes():
    longer = meta_event(TEMPO, b"\x0f\x42\x40\x99") + b"\x00"
    longer += meta_event(METER, bytes([3, 2, 24, 8, 99]))
    piece = piece_from_bytes(midi(b"\x00" + longer + ON + OFF + END))
    assert piece.tempo.bpm.tolist() == [60.0] and str(piece.meters[0]) == "3/4"


# Names


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "shift_jis", "cp1251", "gbk"])
@pytest.mark.parametrize("text", ["Lead", "Für Elise", "千本桜", "Калинка", "", "a\0b"])
def test_a_name_is_utf_8_or_else_nothing_of_it_is_lost(text, encoding):
    raw = text.encode(encoding, "ignore")
    name = piece_from_bytes(midi(b"\x00" + meta_event(NAME, raw) + ON + OFF + END)).title
    if encoding == "utf-8":
        assert name == text
    else:
        assert raw in (name.encode("latin-1", "replace"), name.encode())


# Bounds


def test_the_largest_file_is_named_before_it_is_read(monkeypatch):
    monkeypatch.setattr(midi_bytes, "LARGEST", len(WHOLE))
    assert rows(WHOLE) == C
    with pytest.raises(
        MusicFileError, match=f"{len(WHOLE) + 1:,} bytes, and {len(WHOLE):,} "
    ):
        piece_from_bytes(WHOLE + b"\0")


def test_more_names_and_tempi_than_any_music_has_are_refused(monkeypatch):
    monkeypatch.setattr(midi_bytes, "MOST_METAS", 3)
    name = b"\x00" + meta_event(NAME, b"")
    assert rows(midi(name * 3 + ON + OFF + END)) == C
    with pytest.raises(MusicFileError, match="over 3 names and changes"):
        piece_from_bytes(midi(name * 3 + ON + OFF + END, name + END))

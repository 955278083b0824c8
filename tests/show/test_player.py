"""What is true of the player's HTML: it holds all it needs, it says what is so, and nothing
breaks out of it.
"""

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fusiontools.corpora.entries import Entry
from fusiontools.errors import NoNotesError
from fusiontools.music.midi import Meter, Piece, Track, bar_lines, piece_from_bytes
from fusiontools.music.notes import Notes, Tempo, shift, to_beats, to_seconds, transpose
from fusiontools.show import synth
from fusiontools.show.colours import colour
from fusiontools.show.player import Player, Take, as_piece, player, roll_png

SR = 22050
# in beats; at 120 bpm it lasts 2 s
TUNE = Notes.of([(0, 1, 60, 70), (1, 0.5, 64, 90), (1.5, 1.5, 67, 110), (2, 2, 55, 50)])
HEARD = to_seconds(TUNE, 120)
DRUMS = Track(Notes.of([(i, 0.5, 36) for i in range(8)]), is_drum=True)


class Page(HTMLParser):
    """All start tags with their attributes, and all text outside of style and script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self._open = [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def data(self):
        return json.loads(self.all("figure")[0]["data-ft"])


def page(shown):
    parsed = Page(shown._repr_html_())
    assert not parsed._open, f"never closed: {parsed._open}"
    return parsed


def decoded(address, kind):
    head, data = address.split(",", 1)
    assert head == f"data:{kind};base64"
    return base64.b64decode(data, validate=True)


def sound(take):
    return soundfile.read(io.BytesIO(take.mp3), dtype="float32")


@pytest.fixture(scope="module")
def pair():
    return player(
        {"First": TUNE, "Second": transpose(TUNE, 5)},
        title="Two takes",
        domain={"First": "folk", "Second": "jazz"},
    )


# One page, all in it


def test_nothing_is_fetched_from_anywhere(pair):
    for tag, attrs in page(pair).tags:
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            assert attrs.get(name, "data:").startswith("data:"), (
                f"{tag} loads {attrs[name][:80]}"
            )
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", pair._repr_html_())
    assert not re.search(
        r"https?:|//[a-z]+\.[a-z]|@import|url\(|fetch\(|XMLHttpRequest|\bimport\b", text
    )


def test_each_take_has_one_sound_one_picture_and_one_file(pair):
    seen = page(pair)
    assert [
        len(seen.all(tag)) for tag in ("figure", "audio", "img", "a", "script", "style")
    ] == [1, 2, 2, 2, 1, 1]
    assert [a["aria-label"] for a in seen.all("audio")] == ["First", "Second"]
    for take, audio, picture, link in zip(
        pair.takes, seen.all("audio"), seen.all("img"), seen.all("a")
    ):
        assert "controls" in audio and decoded(audio["src"], "audio/mpeg") == take.mp3
        assert (
            decoded(picture["src"], "image/png") == take.png
            and picture["alt"] == take.described
        )
        assert (
            decoded(link["href"], "audio/midi") == take.midi
            and link["download"] == f"{take.label.lower()}.mid"
        )


def test_the_notes_in_the_page_are_the_notes(pair):
    data = page(pair).data
    assert data["title"] == "Two takes"
    for take, said in zip(pair.takes, data["takes"], strict=True):
        assert (said["label"], said["colour"], said["seconds"]) == (
            take.label,
            take.colour,
            pytest.approx(take.seconds, abs=1e-3),
        )
        assert [tuple(n[2:]) for n in said["notes"]] == [
            (n.pitch, n.velocity) for n in take.notes
        ]
        np.testing.assert_allclose(
            [n[:2] for n in said["notes"]], [n[:2] for n in take.notes], atol=6e-4
        )
        np.testing.assert_allclose(said["bars"], take.bars, atol=6e-4)


@pytest.mark.parametrize("engine", ["numpy", "tinysoundfont", "fluidsynth"])
def test_ten_seconds_take_a_hundred_kilobytes_at_most(engine, monkeypatch):
    if engine not in synth.synthesizers():
        pytest.skip(f"{engine} does not work on this machine")
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", engine)
    chords = [
        (i / 4, 0.25, p + (i * 5) % 17, 60 + i) for i in range(40) for p in (48, 60, 67)
    ]
    assert len(player(Notes.of(chords, unit="seconds"))._repr_html_().encode()) <= 100_000


def test_ten_seconds_of_a_recording_too():
    noise = np.clip(0.1 * np.random.default_rng(0).standard_normal(10 * SR), -1, 1)
    assert len(player(noise)._repr_html_().encode()) <= 100_000


# Sound, picture and file are those of the notes


@pytest.mark.parametrize(
    "music",
    [
        TUNE,
        HEARD,
        Piece((Track(TUNE, 40), DRUMS)),
        Piece((DRUMS,)),
        0.4 * np.sin(np.arange(2 * SR) * 0.1),
    ],
    ids=["beats", "seconds", "with drums", "drums", "samples"],
)
def test_the_sound_is_there_and_as_long_as_it_is_said_to_be(music):
    (take,) = player(music).takes
    samples, sample_rate = sound(take)
    assert sample_rate == SR and samples.ndim == 1
    assert take.seconds <= len(samples) / SR <= take.seconds + 1  # notes ring on a little
    assert np.sqrt(np.mean(samples**2)) > 0.01


def test_the_file_holds_what_is_heard(pair):
    for take in pair.takes:
        piece = piece_from_bytes(take.midi)
        back = to_seconds(piece.notes(), piece.tempo)
        assert back.pitch.tolist() == take.notes.pitch.tolist()
        np.testing.assert_allclose(back.onset, take.notes.onset, atol=2e-3)


def test_a_picture_shows_each_note_where_it_is():
    notes = Notes.of([(0, 1, 60), (1, 1, 72), (3, 1, 48)], unit="seconds")
    image = Image.open(
        io.BytesIO(roll_png(notes, "#0072b2", width=400, height=116))
    ).convert("RGB")
    ink = (np.asarray(image) == (0, 0x72, 0xB2)).all(axis=2)
    assert image.size == (400, 116)
    columns = ink.any(axis=0)
    assert (
        columns[:95].all()
        and columns[100:195].all()
        and not columns[200:300].any()
        and columns[300:395].all()
    )
    centre = [np.flatnonzero(ink[:, x]).mean() for x in (50, 150, 350)]
    assert centre[1] < centre[0] < centre[2]  # higher is higher
    assert np.diff(np.flatnonzero(ink[:, 50])).max() == 1


def test_black_keys_lie_behind_the_notes_in_grey():
    notes = Notes.of([(0, 1, 60), (1, 1, 71)], unit="seconds")  # C4 to B4: rows 58 to 73
    png = roll_png(notes, "#0072b2", width=400, height=160)
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[:, 300, 0]
    rows = [grey[10 * row + 5] for row in range(16)]  # 73 on top; where no note is
    shade = dict(zip(range(73, 57, -1), rows))
    black = {pitch for pitch, value in shade.items() if value == 240}
    assert black == {73, 70, 68, 66, 63, 61, 58}
    assert shade[60] == 255 and shade[71] == 0  # the second note: B, all red gone


def test_the_pictures_of_a_page_are_no_blank_sheets():
    for music in (TUNE, 0.4 * np.sin(np.arange(2 * SR) * 0.1)):
        image = Image.open(io.BytesIO(player(music).takes[0].png)).convert("L")
        assert np.ptp(np.asarray(image)) > 80


def test_bar_lines_are_seconds():
    piece = Piece((Track(TUNE),), Tempo([0, 2, 3], [0, 2, 2.5]), (Meter(-2.0, 3, 4),))
    assert (
        player(piece).takes[0].bars
        == tuple(piece.tempo.seconds_at(bar_lines(piece)).tolist())
        == (1.0,)
    )


def test_what_a_screen_reader_says():
    seen = page(player(TUNE, label="A tune"))
    assert seen.all("img")[0]["alt"] == "Piano roll: 4 notes from G3 to G4, 2 seconds"
    assert seen.all("figure")[0]["aria-label"] == "Player: A tune"


# Whatever music is brought


ENTRY = Entry(
    "book/1",
    "rose",
    "folk",
    "The Rose",
    "G",
    Piece((Track(TUNE, 73),), Tempo.constant(120)),
)


@pytest.mark.parametrize(
    "music",
    [TUNE, HEARD, Piece((Track(TUNE),)), ENTRY, {"only": TUNE}],
    ids=["beats", "seconds", "piece", "entry", "dict"],
)
def test_every_kind_of_music_is_the_same_music(music):
    (take,) = player(music).takes
    assert take.seconds == pytest.approx(2.0) and take.notes.unit == "seconds"
    assert list(take.notes.pitch) == list(HEARD.pitch) and list(
        take.notes.velocity
    ) == list(HEARD.velocity)
    np.testing.assert_allclose(take.notes.onset, HEARD.onset, atol=1e-9)
    np.testing.assert_allclose(take.notes.duration, HEARD.duration, atol=1e-9)


def test_samples_are_a_recording():
    (take,) = player(
        0.4 * np.sin(np.arange(3 * 44100) * 0.05), sample_rate=44100, label="Tone"
    ).takes
    assert (sound(take)[1], take.seconds, len(take.notes), take.midi) == (
        44100,
        3.0,
        0,
        b"",
    )
    seen = page(Player((take,)))
    assert (
        not seen.all("a")
        and seen.data["takes"][0]["notes"] == []
        and len(seen.all("audio")) == 1
    )


def test_kinds_may_stand_side_by_side():
    shown = player(
        {"notes": TUNE, "entry": ENTRY, "samples": np.zeros(SR)}, domain={"notes": "jazz"}
    )
    assert [t.label for t in shown.takes] == ["notes", "entry", "samples"]
    assert [t.colour for t in shown.takes] == [colour("jazz"), colour("folk"), colour(None)]
    assert len(page(shown).all("audio")) == 3


AIR = Piece((Track(TUNE),), title="Air")


@pytest.mark.parametrize(
    "music, options, label",
    [
        (TUNE, {}, "Listen"),
        (ENTRY, {}, "The Rose"),
        (AIR, {}, "Air"),
        (ENTRY, {"label": "Mine"}, "Mine"),
        ({"x": TUNE}, {"label": "y"}, "x"),
    ],
)
def test_labels(music, options, label):
    assert player(music, **options).takes[0].label == label


def test_a_tempo_holds_for_all_that_is_counted_in_beats():
    for music in (TUNE, ENTRY, Piece((Track(TUNE),), Tempo.constant(90))):
        assert player(music, tempo=60).takes[0].seconds == pytest.approx(4.0)
    assert player(TUNE, tempo=Tempo([0, 2, 3], [0, 4, 5])).takes[
        0
    ].seconds == pytest.approx(6.0)
    assert player(Piece((Track(TUNE),), Tempo.constant(60))).takes[
        0
    ].seconds == pytest.approx(4.0)


def test_seconds_are_seconds_whatever_the_tempo():
    np.testing.assert_allclose(player(HEARD, tempo=60).takes[0].notes.onset, HEARD.onset)


def test_an_instrument_is_for_all_tracks_but_the_drums():
    piece = Piece((Track(TUNE, 40), Track(TUNE, 41), DRUMS))
    assert [(t.program, t.is_drum) for t in as_piece(piece, program=12).tracks] == [
        (12, False),
        (12, False),
        (0, True),
    ]
    assert [t.program for t in as_piece(piece).tracks] == [40, 41, 0]
    assert as_piece(TUNE, program=12).tracks[0].program == 12


# Parts of longer music


LONG = Notes.of([(i, 1, 60 + i % 12) for i in range(50)], unit="seconds")


@pytest.mark.parametrize(
    "music, options, note",
    [
        (LONG, {}, "0 to 30 s of 50 s"),
        (LONG, {"seconds": 2}, "0 to 2 s of 50 s"),
        (LONG, {"start": 10, "seconds": 5}, "10 to 15 s of 50 s"),
        (LONG, {"start": 45, "seconds": 30}, "45 to 50 s of 50 s"),
        (LONG, {"seconds": 50}, ""),
        (LONG, {"seconds": 49.8}, ""),
        (HEARD, {}, ""),
        (to_beats(LONG, 90), {"tempo": 90, "seconds": 3}, "0 to 3 s of 50 s"),
        (np.zeros(4 * SR), {"seconds": 1}, "0 to 1 s of 4 s"),
        ({"short": HEARD, "long": LONG}, {"seconds": 3}, "0 to 3 s of 50 s"),
    ],
)
def test_a_player_says_which_part_it_plays(music, options, note):
    shown = player(music, **options)
    assert shown.note == note and page(shown).text.count(note) >= 1


@pytest.mark.parametrize(
    "start, seconds", [(0, 30), (0, 2.5), (7, 3), (10.5, 4.25), (48, 30)]
)
def test_a_take_holds_the_notes_of_its_part_and_no_others(start, seconds):
    (take,) = player(LONG, start=start, seconds=seconds).takes
    inside = (LONG.onset >= start) & (LONG.onset < start + seconds)
    assert take.notes.pitch.tolist() == LONG.pitch[inside].tolist()
    assert (
        take.notes.onset.min() >= 0
        and take.notes.end <= take.seconds + 1e-9 <= seconds + 2e-9
    )
    np.testing.assert_allclose(take.notes.onset, LONG.onset[inside] - start, atol=1e-9)
    assert len(sound(take)[0]) / SR <= seconds + 1


@pytest.mark.parametrize(
    "music, options",
    [
        (Notes.of([]), {}),
        (Notes.of([], unit="seconds"), {}),
        (Piece(), {}),
        (Piece((Track(Notes.of([])),)), {}),
        (Entry("a/1", "", "folk", "", "", Piece()), {}),
        (np.zeros(0), {}),
        (np.zeros((2, 100)), {}),
        (HEARD, {"start": 10}),
        (np.zeros(SR), {"start": 2}),
        (shift(HEARD, 60), {}),
        ({"fine": TUNE, "empty": Notes.of([])}, {}),
    ],
)
def test_silence_is_refused(music, options):
    with pytest.raises(NoNotesError, match="What to do"):
        player(music, **options)


# Nothing breaks out


NASTY = [
    '"><script>alert(1)</script>',
    "</figure></script></style>",
    'it\'s "quoted" & <b>bold</b>',
    "'>",
    "&quot;&amp;&#34;",
    "-->",
    "]]>",
]
NASTY += ["ÄÖ ♯♭ 𝄞 \u2028", "a\nb\tc", "\\u003c\\"]


def plain_take(**changed):
    made = {
        "label": "a",
        "colour": "#0072b2",
        "seconds": 1.0,
        "notes": HEARD,
        "mp3": b"sound",
        "png": b"picture",
        "midi": b"file",
    }
    return Take(**made | changed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    *[
        st.sampled_from(NASTY)
        | st.text(
            st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]),
            max_size=20,
        )
    ]
    * 4
)
def test_no_text_breaks_out_of_its_place(label, title, note, described):
    shown = Player(
        (plain_take(label=label, described=described), plain_take()), title, note
    )
    seen = page(shown)
    plain = page(Player((plain_take(described="d"), plain_take()), "t", "n"))
    assert [tag for tag, _ in seen.tags if tag not in ("figcaption", "span")] == [
        tag for tag, _ in plain.tags if tag not in ("figcaption", "span")
    ]
    assert (
        seen.all("img")[0]["alt"] == described
        and seen.all("audio")[0]["aria-label"] == label
    )
    assert seen.all("figure")[0]["aria-label"] == f"Player: {title or label}"
    assert (
        seen.data["title"] == (title or label) and seen.data["takes"][0]["label"] == label
    )
    assert seen.text.startswith(title + f" {note}" * bool(note) + label)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.mid", seen.all("a")[0]["download"])


@pytest.mark.parametrize("text", NASTY)
def test_no_title_from_a_corpus_breaks_out_of_its_place(text):
    entry = Entry(
        "book/1",
        "",
        text,
        text,
        text,
        Piece((Track(Notes.of([(0, 0.5, 60)]), name=text),), title=text),
    )
    seen = page(player(entry, title=text))
    assert [len(seen.all(tag)) for tag in ("figure", "audio", "img", "script", "b")] == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert seen.data["title"] == text


def test_a_player_says_what_it_holds_where_there_is_no_page():
    assert repr(player({"A": TUNE, "B": LONG}, seconds=10)) == "Player(A: 2.0 s, B: 10.0 s)"


# The door


@pytest.mark.parametrize(
    "first, then", [("Player", "player"), ("Explorer", "explore"), ("Source", "source")]
)
def test_a_function_is_found_under_its_name_whatever_was_used_before(first, then):
    code = f"from fusiontools import show; show.{first}; print(callable(show.{then}))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "True"
    )


def test_the_picture_of_a_recording_is_as_dark_as_it_is_loud_in_decibels():
    tone = 0.4 * np.sin(2 * np.pi * 400 * np.arange(SR) / SR)
    softer = np.concatenate([tone, tone * 10 ** (-26 / 20)])  # 26 of the 65 dB to white
    png = player(softer).takes[0].png
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[:, :, 0].astype(float)
    dark = ((255 - grey) / (255 - 20)).max(axis=0)  # of each moment, black being 1
    assert dark[60:180].min() > 0.95 and len(dark) == 480
    assert dark[300:420] == pytest.approx(1 - 26 / 65, abs=0.03)

"""What is true of the pad's HTML: it holds all it needs, and each cell is the take that was
handed over. In a page: see test_pad_page.py.
"""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fusiontools.errors import FusionError, NoNotesError, UnitError
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, to_seconds, transpose
from fusiontools.show.pad import pad as pad_of

SR = 22050
LOW = Notes.of([(0, 1, 60), (1, 0.5, 64), (2, 1, 67)])
HIGH = Notes.of([(0, 1, 72), (1.5, 0.5, 71), (2, 2, 67)])
LATE = Notes.of([(2, 1, 65)])
NONE = Notes.of([])
SQUARE = [[LOW, LOW, HIGH], [LOW, LATE, HIGH], [NONE, LATE, transpose(HIGH, -5)]]
NASTY = [
    '"><script>alert(1)</script>',
    "</figure></script></style>",
    '\'> & "b"',
    "]]>-->",
    "ÄÖ ♯ 𝄞 \u2028",
    "a\nb",
]


class Page(HTMLParser):
    """All start tags with their attributes."""

    def __init__(self, shown):
        super().__init__(convert_charrefs=True)
        self.tags, self._open = [], []
        self.feed(shown._repr_html_())
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def file_in(address):
    return base64.b64decode(address.split(",", 1)[1], validate=True)


@pytest.fixture(scope="module")
def square():
    values = np.arange(9).reshape(3, 3) / 4
    return pad_of(
        SQUARE,
        title="A square",
        inputs={"Idea": LOW},
        values=values,
        value_name="distance",
        meter=Meter(0.0),
        domain="folk",
        program=11,
    )


# One page, all in it


def test_nothing_is_fetched_from_anywhere(square):
    for tag, attrs in Page(square).tags:
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            assert attrs.get(name, "data:").startswith("data:"), (
                f"{tag} loads {attrs[name][:80]}"
            )
    text = re.sub(r"(base64,|data-ft-sound=\")[A-Za-z0-9+/=]+", "", square._repr_html_())
    assert not re.search(
        r"https?:|//[a-z]+\.[a-z]|@import|url\(|fetch\(|XMLHttpRequest|\bimport\b", text
    )


def test_without_scripts_the_corners_and_the_centre_are_seen_and_heard(square):
    seen = Page(square)
    # C is silent, and said to be
    assert [a["aria-label"] for a in seen.all("audio")] == ["A", "B", "Centre", "D"]
    assert "C: silence" in square._repr_html_()
    for audio, take in zip(seen.all("audio"), (LOW, HIGH, LATE, SQUARE[2][2])):
        samples, rate = soundfile.read(io.BytesIO(file_in(audio["src"])))
        assert (
            "controls" in audio
            and np.sqrt(np.mean(samples**2)) > 0.01
            and take.end / 2 <= len(samples) / rate <= take.end / 2 + 1
        )
    plane, *rolls = (Image.open(io.BytesIO(file_in(i["src"]))) for i in seen.all("img"))
    assert len(rolls) == 4 and all(i["alt"] for i in seen.all("img"))
    assert (
        "5 different melodies, coloured by distance, 0 (pale) to 2"
        in seen.all("img")[0]["alt"]
    )
    grey = np.asarray(plane.convert("L"))
    centres = grey[12::24, 12::24]
    # the greater, the darker
    assert centres.shape == (3, 3) and (np.diff(centres.ravel().astype(int)) < 0).all()
    lines = np.asarray(plane) == 64
    assert [bool(lines[12, x]) for x in (24, 48)] == [False, True] and [
        bool(lines[y, 12]) for y in (24, 48)
    ] == [False, True]


def test_two_by_two_has_no_centre():
    shown = pad_of([[LOW, HIGH], [LATE, LOW]])
    assert [t.label for t in shown.still] == ["A", "B", "C", "D"]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 4), min_size=9, max_size=9))
def test_each_cell_is_the_take_that_was_handed_over(which):
    takes = [LOW, HIGH, LATE, NONE, transpose(LOW, 2)]
    if set(which) == {3}:
        which = [0] * 9
    data = numbers_only([[takes[which[3 * i + j]] for j in range(3)] for i in range(3)])
    cells = data["cells"][0]
    for a in range(9):
        flat = np.reshape(data["takes"][cells[a]], (-1, data["stride"]))
        assert (
            Notes.of([(on / 480, length / 480, int(p)) for on, length, p in flat])
            == takes[which[a]]
        )
        assert [cells[a] == cells[b] for b in range(9)] == [
            which[a] == which[b] for b in range(9)
        ]


def numbers_only(takes, **options):
    """A pad's data, without the seconds that its sound takes to make."""
    from importlib import import_module
    from unittest.mock import patch

    module = import_module("fusiontools.show.pad")
    with (
        patch.object(module, "_sprite", lambda *a: (b"", {})),
        patch.object(module, "_still", lambda *a: None),
    ):
        return json.loads(json.dumps(module.pad(takes, **options).data))


def test_loudness_is_kept_where_it_differs():
    soft = Notes([0, 1], [1, 1], [60, 62], [40, 90])
    data = numbers_only([[soft, LOW], [LOW, LOW]])
    assert (
        data["stride"] == 4
        and data["takes"][0][3::4] == [40, 90]
        and data["velocity"] == 80
    )


@pytest.mark.parametrize(
    "meter, beats, bars",
    [
        (None, 4, []),
        (Meter(0.0), 4, [0]),
        (Meter(0.0, 3, 4), 6, [0, 3]),
        (Meter(-1.0, 3, 4), 5, [2]),
        (Meter(0.0, 6, 8), 6, [0, 3]),
    ],
)
def test_takes_last_to_the_end_of_a_bar_or_a_beat(meter, beats, bars):
    data = numbers_only(SQUARE, meter=meter)
    assert data["length"] == 480 * beats and data["bars"] == [480 * b for b in bars]


def test_every_pitch_is_recorded_once_and_where_it_is_said_to_be(monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", "numpy")
    shown = pad_of([[LOW, HIGH], [LATE, LOW]], tempo=60)
    samples, rate = soundfile.read(io.BytesIO(shown.sound))
    slices = shown.data["sprite"]["slices"]
    # seconds, at one beat a second
    longest = {60: 1, 64: 0.5, 65: 1, 67: 2, 71: 0.5, 72: 1}
    assert {int(p): s for p, (_, s) in slices.items()} == pytest.approx(
        longest
    ) and rate == SR
    for pitch, (start, seconds) in slices.items():
        part = samples[int(start * rate) : int((start + min(seconds, 0.5)) * rate)]
        peak = (
            np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17)).argmax()
            * rate
            / (1 << 17)
        )
        multiple = peak / (440 * 2 ** ((int(pitch) - 69) / 12))
        assert round(multiple) in (1, 2, 3) and abs(multiple / round(multiple) - 1) < 0.01
        assert (
            np.abs(samples[int((start - 0.03) * rate) : int((start - 0.01) * rate)]).max()
            < 0.1 * np.abs(part).max()
        )
    head = np.abs(samples[: int(0.17 * rate)])
    assert head.argmax() / rate == pytest.approx(0.05, abs=1e-3)  # the click


def test_eighty_one_takes_weigh_a_megabyte_and_a_half_at_most():
    dice = np.random.default_rng(0)
    takes = [
        [
            Notes.of(
                [(i / 2, 0.5, int(p)) for i, p in enumerate(dice.integers(55, 85, 64))]
            )
            for _ in range(9)
        ]
        for _ in range(9)
    ]
    shown = pad_of(takes, tempo=100)
    assert repr(shown) == "Pad(A plane of styles: 81 takes, 81 of them different)"
    assert len(shown._repr_html_().encode()) < 1_500_000


# What is no plane


@pytest.mark.parametrize(
    "takes, options, error, says",
    [
        ([[NONE, NONE], [NONE, NONE]], {}, NoNotesError, "no take"),
        ([[LOW]], {}, ValueError, "n at least 2"),
        ([[LOW, LOW], [LOW]], {}, ValueError, "lengths"),
        ([[LOW, LOW]], {}, ValueError, "n rows"),
        ([SQUARE, [[LOW] * 2] * 2], {"slider": "k"}, ValueError, "the same everywhere"),
        ([], {"slider": "k"}, ValueError, "one plane"),
        (SQUARE, {"labels": ["a"]}, ValueError, "slider"),
        ([SQUARE], {"slider": "k", "labels": ["a", "b"]}, ValueError, "2 labels for 1"),
        (SQUARE, {"corners": "ABC"}, ValueError, "four corners"),
        (SQUARE, {"program": 128}, ValueError, "0 to 127"),
        (SQUARE, {"values": np.zeros((2, 3))}, ValueError, r"\(2, 3\)"),
        (SQUARE, {"values": np.full((3, 3), np.nan)}, ValueError, "9 values"),
        (SQUARE, {"tempo": 0}, FusionError, "tempo"),
        ([[LOW, 60], [LOW, LOW]], {}, TypeError, "int, not Notes"),
        ([[LOW, to_seconds(LOW, 120)], [LOW, LOW]], {}, UnitError, "beats"),
        (SQUARE, {"inputs": {"x": Notes.of([(-1, 1, 60)])}}, FusionError, "before beat 0"),
    ],
)
def test_what_is_no_plane_is_refused(takes, options, error, says):
    with pytest.raises(error, match=says):
        pad_of(takes, **options)


def test_values_that_are_all_one_have_a_colour_too():
    assert numbers_only(SQUARE, values=np.ones((3, 3)))["range"] == [1, 1]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_out_of_its_place(text):
    shown = pad_of(
        [[[LOW, HIGH], [LOW, LATE]]],
        title=text,
        corners=[text] * 4,
        inputs={text: LOW},
        values=np.eye(2),
        value_name=text,
        slider=text,
        labels=[text],
    )
    seen = Page(shown)
    assert [len(seen.all(tag)) for tag in ("figure", "script", "style", "audio", "b")] == [
        1,
        1,
        1,
        4,
        0,
    ]
    data = json.loads(seen.all("figure")[0]["data-ft"])
    assert [
        data["title"],
        data["corners"][0],
        data["inputs"][0]["label"],
        data["slider"],
        data["labels"][0],
        data["value_name"],
    ] == [text] * 6

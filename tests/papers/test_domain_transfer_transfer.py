"""Lines and files are transferred whole: nothing changes that the network leaves alone, no
seam is heard, notes come back to their place, weights to their networks.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError, RecordError
from fusiontools.music import pictures
from fusiontools.music.extract import skyline
from fusiontools.music.grid import HOLD, decode_grid, repair_grid
from fusiontools.music.lines import BAR, HIGH, LOW, STEPS, line_tokens, to_middle, windows
from fusiontools.music.midi import Meter, Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo, crop, merge, shift, transpose
from fusiontools.papers.domain_transfer.config import Config, method
from fusiontools.papers.domain_transfer.networks import Networks
from fusiontools.papers.domain_transfer.transfer import (
    HOP,
    TARGETS,
    cross_fade,
    load_weights,
    save_networks,
    seams,
    shipped_weights,
    transfer_file,
    transfer_line,
    transfer_windows,
)

DATA = SimpleNamespace(
    name="toy",
    labels=("plain", "heavy"),
    about={
        "corpora": [{"name": "mine", "licence": "CC0", "credit": ""}] * 2
        + [{"name": "yours", "licence": "", "credit": ""}]
    },
)


def fake(layout, change=lambda x: x, legal=False):
    """Networks that make of pictures what a function makes of them."""
    config = SimpleNamespace(layout=layout, legal=legal)
    return SimpleNamespace(config=config, transfer=change)


def toy(name="ours", width=4, seed=0):
    torch.manual_seed(seed)
    return Networks(replace(method(name, Config.smoke()), width=width))


def line_of(length, seed=0, low=LOW, high=HIGH):
    """A legal line of eighths and 16ths, with rests and repeated notes."""
    rng = np.random.default_rng(seed)
    tokens = np.ones(length, np.uint8)
    onset = np.sort(rng.choice(length, max(length // 3, 1), replace=False))
    tokens[onset] = rng.integers(low, high + 1, len(onset))
    tokens[rng.choice(length, length // 10, replace=False)] = 0
    return repair_grid(tokens)


def kept(line, layout):
    """What a layout can hold of a line."""
    return pictures.merged(line[None])[0] if layout == "unrolled" else line


# Windows and lines


@pytest.mark.parametrize("layout", pictures.LAYOUTS)
@settings(max_examples=15)
@given(st.integers(1, 4000), st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 1.0]))
def test_what_the_network_leaves_alone_stays_as_it_is(layout, length, seed, amount):
    line = line_of(length, seed)
    made = transfer_line(fake(layout), line, amount)
    assert made.dtype == np.uint8 and np.array_equal(made, kept(line, layout))


@pytest.mark.parametrize("name", ["ours", "full", "pianoroll", "recurrent", "plain"])
def test_amount_0_is_the_line_and_amount_1_is_what_g_makes_of_it(name):
    networks, rows = toy(name), np.stack([line_of(STEPS, seed) for seed in range(3)])
    layout = networks.config.layout
    # "ours" knows nothing but lines as they are heard
    seen = pictures.heard(rows, rows) if name == "ours" else rows
    own = networks.transfer(pictures.encode(seen, layout))
    assert np.array_equal(
        transfer_windows(networks, rows, 0.0), np.stack([kept(row, layout) for row in rows])
    )
    assert np.array_equal(transfer_windows(networks, rows), pictures.decode(own, layout))
    alone = np.stack([transfer_line(networks, row) for row in rows])
    assert np.mean(alone == transfer_windows(networks, rows)) > 0.99


def test_between_both_pictures_are_mixed():
    networks = fake("channels", lambda x: np.zeros_like(x) + [[[[0.5]], [[1]], [[1]]]])
    row = np.repeat([[60, 1]], [1, STEPS - 1], axis=1)
    found = [transfer_windows(networks, row, a)[0, [0, 1]].tolist() for a in (0.25, 0.5, 1)]
    # 60 + 18 * 0.5 a; the onsets that are +1 in one and -1 in the other win from 0.5 on
    assert found == [[62, 1], [64, 1], [69, 69]]


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_lies_between_0_and_1(amount):
    with pytest.raises(ValueError, match="between 0 and 1"):
        transfer_line(fake("channels"), line_of(50), amount)


def test_triangles_add_up_to_one_and_the_nearest_middle_counts_most():
    starts = [0, 512, 1024, 1100]
    parts = np.broadcast_to(np.arange(4.0)[:, None, None], (4, 2, 1024))
    assert np.allclose(cross_fade(np.ones((4, 2, 1024)), starts), 1)
    faded = cross_fade(parts, starts)
    assert faded.shape == (2, 2124) and np.array_equal(*faded)
    assert np.allclose(faded[0, [0, 511, 2123]], [0, 0, 3])
    assert np.allclose(
        faded[0, 512 + np.array([0, 255, 511])], [1 / 513, 256 / 513, 512 / 513]
    )
    slow = np.zeros(2124)
    for t in range(2124):
        own = [(i, t - s) for i, s in enumerate(starts) if 0 <= t - s < 1024]
        weight = {i: min(place + 1, 1024 - place) for i, place in own}
        slow[t] = sum(w * i for i, w in weight.items()) / sum(weight.values())
    assert np.allclose(faded[0], slow)


@pytest.mark.parametrize("length", [1, 100, 512, 1000])
def test_a_short_line_is_played_again_as_in_the_training(length):
    networks, line = toy(), line_of(length)
    again = windows(line)
    assert again.shape == (1, STEPS)
    made = transfer_line(networks, line)
    whole = transfer_windows(networks, again)[0]
    assert len(made) == length and np.array_equal(made, repair_grid(whole[:length]))


@pytest.mark.parametrize("name", ["ours", "full", "pianoroll"])
def test_moved_by_windows_a_line_becomes_the_same(name):
    networks, line = toy(name), line_of(6 * HOP)
    later = np.concatenate([line_of(2 * HOP, 1), line])
    one, two = transfer_line(networks, line), transfer_line(networks, later)[2 * HOP :]
    # up to the first border its neighbours are others
    assert np.mean(one[HOP:] == two[HOP:]) > 0.99


@pytest.mark.parametrize("name", ["ours", "full"])
def test_no_seam_is_left_by_a_network(name):
    """At borders of windows no more changes than elsewhere; counted over many lines."""
    networks, found = toy(name), []
    for seed in range(12):
        line = line_of(13 * HOP, seed, 55, 65)
        found.append(list(seams(line, transfer_line(networks, line)).values()))
    at, elsewhere = np.mean(found, axis=0).T
    assert (at <= elsewhere + 0.12).all() and (elsewhere > 0).all()


def test_the_seam_that_cutting_leaves_is_gone():
    """A network that puts every window elsewhere, higher and higher along it."""
    ramp = np.linspace(-0.5, 0.5, STEPS, dtype=np.float32).reshape(32, 32)

    def change(x):
        return x + np.stack([ramp, 0 * ramp, 0 * ramp])

    line = np.ones(5 * STEPS, np.uint8)
    line[::4] = 60
    networks, borders = fake("channels", change), np.arange(STEPS, 5 * STEPS, STEPS)
    cut = transfer_windows(networks, line.reshape(-1, STEPS)).reshape(-1)
    assert seams(line, cut, borders)["pitch_jumps"] == (1.0, 0.0)
    whole = transfer_line(networks, line)
    assert seams(line, whole)["pitch_jumps"] == (0.0, 0.0)
    assert set(seams(line, whole)["onset_changes"]) == {0.0}


def test_seams_are_counted_at_borders_and_at_the_other_bar_lines():
    line = np.ones(4 * STEPS, np.uint8)
    line[::8] = 60
    tokens = line.copy()
    tokens[HOP], tokens[STEPS + BAR] = 70, 1
    found = seams(line, tokens)
    # windows begin and end at 7 places, and are read on in the next at 6 more
    assert found["pitch_jumps"] == (1 / 13, 0.0)
    assert found["onset_changes"] == (0.0, pytest.approx(1 / 114))  # other bar lines
    tokens[STEPS - HOP // 2] = 70  # in the middle of an overlap
    assert seams(line, tokens)["pitch_jumps"] == (2 / 13, 0.0)
    assert seams(line, tokens, leap=10)["pitch_jumps"] == (0.0, 0.0)
    assert np.isnan(seams(line[:HOP], line[:HOP])["pitch_jumps"][0])


def test_as_heard_it_lies_on_16ths_and_on_the_scale_around():
    rng = np.random.default_rng(0)
    scale, other = np.array([60, 62, 64, 65, 67, 69, 71]), np.array([61, 63, 66, 68, 70])
    line = np.ones(8 * STEPS, np.uint8)
    line[::8] = np.concatenate(
        [rng.choice(scale, 4 * STEPS // 8), rng.choice(other, 4 * STEPS // 8)]
    )
    made = transfer_line(toy(), line, as_heard=True)
    loose = transfer_line(toy(), line)
    assert (loose[1::2] > HOLD).any() and not (made[1::2] > HOLD).any()
    # each half has a key of its own, and is left in it
    for part, own in ((made[: 4 * STEPS - HOP], scale), (made[4 * STEPS + HOP :], other)):
        assert set(part[part > HOLD] % 12) <= set(own % 12)


def test_as_heard_bars_that_are_alike_stay_alike():
    """A network paints noise; what repeats in the line repeats in what is heard of it."""
    rng = np.random.default_rng(0)
    bars = rng.choice([60, 62, 64, 65], (3, 32)).astype(np.uint8)
    bars[:, 1::2] = 1
    order = np.resize([0, 1, 0, 2], 32)
    line = bars[order].reshape(-1)
    soft = rng.uniform(-1, 1, (1, 3, 32, 32)).astype(np.float32)
    networks = fake("channels", lambda x: np.repeat(soft, len(x), axis=0))
    loose, made = (
        transfer_line(networks, line, as_heard=own).reshape(32, 32) for own in (False, True)
    )
    assert len(np.unique(loose, axis=0)) == 32
    for row, kind in zip(made, order):
        first = made[np.argmax(order == kind)]
        assert np.array_equal(row[1:], first[1:])  # a note held over the bar line starts
    alone = transfer_windows(networks, line[None])
    assert np.array_equal(made.reshape(-1), pictures.heard(alone, line[None])[0])


# Files

TUNE = Notes.of([(0.5 * k, 0.5, p) for k, p in enumerate([72, 74, 76, 77, 79, 76] * 40)])
LINED_UP = "bars that are alike stay alike"
OTHERS = "the network works in bars of four beats: "
BASS = Notes.of([(2.0 * k, 2.0, 40) for k in range(60)])


def piece_of(*notes, tempo=None, meters=(Meter(0.0),), drums=()):
    tracks = [Track(n, 5 + i, name=f"t{i}") for i, n in enumerate(notes)]
    tracks += [Track(n, 0, is_drum=True) for n in drums]
    return Piece(tuple(tracks), tempo or Tempo.constant(96), meters)


def test_a_file_comes_back_in_its_place_at_its_pitch_and_tempo(tmp_path):
    tempo = Tempo([0, 40, 80], [0, 20, 60])
    piece = piece_of(shift(TUNE, 9), shift(BASS, 9), tempo=tempo, meters=(Meter(0, 3, 4),))
    write_midi(piece, tmp_path / "a.mid")
    made = transfer_file(fake("channels"), tmp_path / "a.mid", program=29, as_heard=False)
    assert made.notes == made.piece.tracks[0].notes == shift(TUNE, 9)
    assert made.shift == 60 - 76 and np.array_equal(made.line, made.tokens)
    assert made.notes == shift(transpose(decode_grid(made.tokens, 8), -made.shift), 8)
    assert made.plain.tracks[0].notes == made.notes and made.said == [
        "The first 3 bars are silent.",
        f"It is in 3/4, and {OTHERS}its bars do not line up with yours.",
        "All moved by -16 semitones, and back: the median becomes middle C.",
    ]
    assert made.taken == (
        "the highest voice of all tracks, 240 of 300 notes, in 31 bars of four beats"
    )
    write_midi(made.piece, tmp_path / "b.mid")
    again = read_midi(tmp_path / "b.mid")
    assert again.tracks[0].program == 29 and again.meters == (Meter(0.0, 3, 4),)
    assert np.allclose(again.tempo.seconds_at([0, 40, 80]), [0, 20, 60], atol=0.01)


def test_what_was_adapted_is_said():
    far = Notes.of([(0.06 + k, 1, p) for k, p in enumerate([84] * 38 + [105, 60])])
    made = transfer_file(fake("channels"), piece_of(far), ceiling=64)
    grids = "The line is put on 32nds (40 notes, by up to 0.06 beats), what comes of it on "
    grids += f"16ths and on the line's scale; {LINED_UP}."
    assert made.said == [
        grids,
        "All moved by -24 semitones, and back: the median becomes middle C.",
        "Moved by octaves, to within 18 semitones of that: 2 notes.",
        "It is played 2 octaves lower than the line.",
    ]
    assert made.notes.pitch[-3:].tolist() == [60, 60, 60]  # the last bar is nearly another
    loose = transfer_file(fake("channels"), piece_of(far), ceiling=64, as_heard=False)
    assert loose.said[0] == "Put on the 32nds, by up to 0.06 beats: 40 notes."
    assert loose.said[1:] == made.said[1:]
    assert loose.notes.pitch[-3:].tolist() == [60, 69, 48]
    assert made.plain.tracks[0].notes.pitch[-3:].tolist() == [60, 81, 36]


@pytest.mark.parametrize("pitch", [0, 1, 2, 5, 64, 120, 127])
def test_every_register_can_be_written(tmp_path, pitch):
    notes = Notes.of([(k, 1, p) for k, p in enumerate([pitch] * 9 + [0, 127])])
    for ceiling in (64, 108):
        made = transfer_file(toy(), piece_of(notes), ceiling=ceiling)
        write_midi(made.piece, tmp_path / "a.mid")
        assert np.median(made.notes.pitch) <= ceiling


def test_one_track_can_be_taken():
    piece = piece_of(TUNE, BASS, drums=[BASS])
    made = transfer_file(fake("roll"), piece, track=2)
    assert set(made.notes.pitch) == {40} and 'track 2 "t1", 60 of 60' in made.taken
    assert transfer_file(fake("roll"), piece, track="T1").notes == made.notes
    with pytest.raises(NoNotesError, match="track 3 is drums"):
        transfer_file(fake("roll"), piece, track=3)
    for track in (9, -1, "oboe"):
        with pytest.raises(MusicFileError, match=f'no track.*{track}.*1 "t0", 2 "t1"'):
            transfer_file(fake("roll"), piece, track=track)
    with pytest.raises(MusicFileError, match="only a book in ABC"):
        transfer_file(fake("roll"), piece, tune=1)
    with pytest.raises(NoNotesError, match="no pitched note.*more than drums"):
        transfer_file(fake("roll"), piece_of(drums=[BASS]))


def test_bar_lines_of_the_source_stay():
    bars = tuple(float(b) for b in range(-3, 200, 5))
    made = transfer_file(fake("channels"), replace(piece_of(TUNE), bars=bars))
    assert made.piece.bars == made.plain.bars == bars


@pytest.mark.parametrize(
    ("meters", "bars", "says"),
    [
        ([(0, 4, 4)], None, ""),
        ([(0, 2, 2)], None, ""),
        ([(0, 4, 2)], None, ""),
        ([(0, 1, 4), (1, 4, 4)], None, ""),
        ([(0, 5, 8), (2.5, 2, 2)], None, ""),
        ([(-3, 4, 4)], range(-3, 120, 4), ""),
        ([(0, 3, 4)], None, "It is in 3/4, and {}its bars do not line up"),
        ([(0, 6, 8)], None, "It is in 6/8, and {}its bars do not line up"),
        ([(0, 12, 8)], None, "It is in 12/8, and {}its bars do not line up"),
        ([(0, 5, 4)], None, "It is in 5/4, and {}its bars do not line up"),
        ([(0, 7, 8)], None, "It is in 7/8, and {}its bars do not line up"),
        ([(0, 1, 4), (1, 3, 4)], None, "It is in 3/4, and {}its bars do not line up"),
        ([(0, 4, 4), (32, 3, 4)], None, "It is in 4/4 and 3/4, and {}its bars do not"),
        (
            [(0, 4, 4), (8, 3, 4), (20, 5, 4), (40, 7, 8)],
            None,
            "It is in 4 meters, and {}its bars do not line up",
        ),
        ([(0, 2, 4)], None, "It is in 2/4, and {}two of yours are one of them."),
        ([(0, 2, 4), (40, 4, 4)], None, "It is in 2/4 and 4/4, and {}its bars do not"),
        (
            [(0, 4, 4)],
            [0, 4, 7, 11, 15],
            "Some of its bars are not whole ones of 4/4, and {}its bars do not line up",
        ),
    ],
)
def test_bars_that_are_not_the_networks_are_said(meters, bars, says):
    bars = bars and tuple(float(b) for b in bars)
    piece = replace(piece_of(TUNE), meters=tuple(Meter(*m) for m in meters), bars=bars)
    said = " ".join(transfer_file(fake("channels"), piece).said)
    assert (says.format(OTHERS) in said) and (LINED_UP in said) == (not says), said
    assert (OTHERS in said) == bool(says)


@pytest.mark.parametrize(
    ("meters", "bars"),
    [
        ([(0, 1, 4), (1, 4, 4)], None),
        ([(0, 3, 8), (1.5, 4, 4)], None),
        ([(0, 3, 4), (3, 4, 4)], None),
        ([(-3, 4, 4)], range(-3, 60, 4)),
        ([(-1, 4, 4)], range(-1, 60, 4)),
    ],
)
def test_after_an_upbeat_bars_stand_on_the_first_whole_bar(meters, bars):
    meters = tuple(Meter(*m) for m in meters)
    bars = bars and tuple(float(b) for b in bars)
    upbeat = meters[1].beat if len(meters) > 1 else meters[0].beat + 4
    bar = Notes.of([(0, 1, 60), (1, 0.5, 62), (1.5, 1.5, 64), (3, 1, 65)])
    whole = [shift(bar, upbeat + 4 * k) for k in range(12)]
    piece = piece_of(merge(Notes.of([(0, upbeat, 67)]), *whole))
    piece = replace(piece, meters=meters, bars=bars)
    # a network that fills each row, a bar of four beats, with the same loud noise
    noise = np.random.default_rng(1).uniform(-1, 1, (1, 3, 1, 32)).astype(np.float32)

    def painted(x):
        return np.broadcast_to(noise, x.shape)

    for as_heard in (True, False):
        made = transfer_file(fake("channels", painted), piece, as_heard=as_heard)
        assert made.plain.tracks[0].notes == piece.notes()
        assert made.notes.onset.min() >= 0 and made.notes.end <= upbeat + 48
        bars_of_it = [
            crop(made.notes, upbeat + 4 * k, upbeat + 4 * k + 4) for k in range(1, 12)
        ]
        assert len(bars_of_it[0]) and all(own == bars_of_it[0] for own in bars_of_it)


@settings(max_examples=30)
@given(
    st.sampled_from([(4, 4), (2, 2), (3, 4), (6, 8), (7, 8), (5, 4), (2, 4)]),
    st.integers(0, 31),
    st.integers(1, 300),
)
def test_nothing_sounds_before_the_start_or_after_the_end(meter, upbeat, eighths):
    upbeat = upbeat % (8 * meter[0] // meter[1]) / 2  # of half a beat each
    bar = 4 * meter[0] / meter[1]
    upbeat = upbeat % bar
    bars = None if not upbeat else tuple(np.arange(upbeat - bar, 400, bar).tolist())
    notes = Notes.of([(0.5 * k, 0.5, 60 + k % 5) for k in range(eighths)])
    piece = piece_of(notes, meters=(Meter(upbeat - bar if upbeat else 0.0, *meter),))
    made = transfer_file(toy(), replace(piece, bars=bars))
    end, plain = notes.end, made.plain.tracks[0].notes
    if not upbeat and bar == 4 and notes.end % 4 in (3, 3.5):
        # a rest of a beat at most is filled, as it always was in whole bars of four beats
        end = 4 * np.ceil(notes.end / 4)
        last = notes[-1]._replace(duration=end - notes[-1].onset)
        notes = merge(notes[:-1], Notes.of([last]))
    elif not upbeat and bar == 4:
        end = 4 * np.ceil(notes.end / 4)
    assert plain == notes
    assert not len(made.notes) or (made.notes.onset.min() >= 0 and made.notes.end <= end)


@settings(max_examples=20)
@given(st.integers(0, 9), st.integers(1, 200), st.integers(0, 99))
def test_in_4_4_without_an_upbeat_bars_count_from_beat_0(late, many, seed):
    """All is as the tokens say: nothing is moved, and nothing is cut."""
    rng = np.random.default_rng(seed)
    onset = 4 * late + np.cumsum(rng.choice([0.25, 0.5, 0.75, 1.3], many))
    rows = zip(onset, rng.choice([0.25, 0.5, 2.0], many), rng.integers(40, 90, many))
    notes = Notes.of(list(rows))
    made = transfer_file(toy(), piece_of(notes))
    line, by = to_middle(line_tokens(skyline(notes)))
    tokens = transfer_line(toy(), line, as_heard=True)
    start = int(np.floor(notes.onset[0] * 8 + 0.5)) // 32 * 4
    heard = transpose(shift(decode_grid(tokens, 8), start), -by)
    assert np.array_equal(made.line, line) and np.array_equal(made.tokens, tokens)
    assert np.array_equal(made.notes.onset, heard.onset)
    assert np.array_equal(made.notes.duration, heard.duration)
    assert np.array_equal(made.notes.pitch % 12, heard.pitch % 12)


@pytest.mark.parametrize(
    ("beats", "meter", "says"),
    [
        (0, (4, 4), None),
        (3, (4, 4), None),
        (4, (4, 4), "The first bar is silent."),
        (80, (4, 4), "The first 20 bars are silent."),
        (83, (4, 4), "The first 20 bars are silent."),
        (12, (3, 4), "The first 4 bars are silent."),
    ],
)
def test_silent_bars_at_the_start_are_said(beats, meter, says):
    piece = piece_of(shift(TUNE, beats), meters=(Meter(0.0, *meter),))
    made = transfer_file(fake("channels"), piece)
    assert [s for s in made.said if "silent" in s] == ([says] if says else [])
    assert made.notes.onset[0] == beats  # they are kept


@pytest.mark.parametrize("beats", [20_000, 150_000])
def test_a_line_that_lasts_for_hours_is_refused(beats):
    far = Notes.of([(0, 1, 60), (beats, 1, 62)])
    with pytest.raises(MusicFileError, match="bars of four beats. What to do: crop it"):
        transfer_file(fake("roll"), piece_of(far))


def test_a_file_that_is_no_music_is_named(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"no")
    with pytest.raises(MusicFileError, match="a.mid"):
        transfer_file(fake("roll"), tmp_path / "a.mid")


# Weights


def test_weights_come_back_to_their_networks(tmp_path):
    path, made = (
        tmp_path / "w.safetensors",
        {n: toy(n) for n in ("full", "ours", "recurrent")},
    )
    save_networks(made, path, DATA, seed=3)
    x = np.stack([line_of(STEPS, seed) for seed in range(2)])
    for name, own in made.items():
        networks, about = load_weights(method=name, path=path)
        assert networks.config == own.config and about["method"] == name
        for key, tensor in networks.both.state_dict().items():
            assert torch.equal(tensor, own.both.state_dict()[key].half().float())
        assert np.mean(transfer_windows(networks, x) == transfer_windows(own, x)) > 0.95
    _, about = load_weights(path=path)
    assert (about["method"], about["data"], about["labels"], about["seed"]) == (
        "full",
        "toy",
        ["plain", "heavy"],
        3,
    )
    assert about["corpora"] == ["mine", "yours"]
    assert about["terms"] == "mine: CC0; yours: those of that music"
    save_networks({"ours": made["ours"]}, tmp_path / "again.safetensors", DATA)
    assert load_weights(path=tmp_path / "again.safetensors")[1]["method"] == "ours"
    with pytest.raises(RecordError, match="method 'plain'.*choose one of full, ours, rec"):
        load_weights(method="plain", path=path)


def test_the_same_weights_make_the_same_bytes_and_two_methods_ship(tmp_path):
    made = {n: Networks(method(n, Config.shipped())) for n in ("ours", "full")}
    for name in "ab":
        save_networks(made, tmp_path / name, DATA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    wide = {"full": Networks(replace(Config.shipped(), width=32))}
    with pytest.raises(FusionError, match="8.0 are allowed"):
        save_networks(wide, tmp_path / "c", DATA)
    save_networks(wide, tmp_path / "c", DATA, half=False, limit=None)


def test_what_cannot_be_read_says_so(tmp_path):
    with pytest.raises(RecordError, match="no weights of domain transfer come"):
        load_weights("nothing")
    with pytest.raises(RecordError, match="no such weights"):
        load_weights(path=tmp_path / "none")
    with pytest.raises(RecordError, match="no run's folder"):
        load_weights(path=tmp_path)
    own = toy()
    own.config = replace(own.config, width=8)
    save_networks({"ours": own}, tmp_path / "w", DATA)
    with pytest.raises(RecordError, match="no weights of domain transfer that can be used"):
        load_weights(path=tmp_path / "w")
    from fusiontools.training import save_weights

    save_weights(own.both, tmp_path / "other", corpora="mine", terms="")
    with pytest.raises(RecordError, match="choose another file"):
        load_weights(path=tmp_path / "other")


@pytest.mark.parametrize("data", [own[0] for own in TARGETS.values()])
def test_weights_that_come_along_transfer(data):
    if not shipped_weights(data).is_file():
        pytest.skip(f"no weights of domain transfer come with the package yet for {data}")
    for name in load_weights(data)[1]["methods"]:
        networks, about = load_weights(data, name)
        line = line_of(3 * HOP)
        assert about["data"] == data and len(transfer_line(networks, line)) == len(line)

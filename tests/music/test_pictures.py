"""Pictures of lines: each layout there and back, what will be heard, what a unit sees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.music.grid import HOLD, is_legal_grid, repair_grid
from fusiontools.music.image import place_of, span, step_of
from fusiontools.music.lines import BAR, HIGH, LOW, STEPS, sounding
from fusiontools.music.pictures import (
    CHANNELS,
    LAYOUTS,
    decode,
    encode,
    form,
    heard,
    legal,
    merged,
    on_scale,
    riffs,
    snap,
)
from fusiontools.papers.domain_transfer.evidence.metrics import receptive_pixels

torch = pytest.importorskip("torch")
nn = torch.nn


@st.composite
def lines(draw, step=1, pitches=st.integers(LOW, HIGH), most=4):
    """Legal windows, (N, 1024), whose notes and rests are multiples of `step`."""
    kinds = st.tuples(st.integers(0, 3), pitches, st.integers(1, 60))
    rows = draw(st.lists(st.lists(kinds, max_size=40), min_size=1, max_size=most))
    tokens = np.zeros((len(rows), STEPS), np.uint8)
    for row, kinds in zip(tokens, rows):
        at = 0
        for kind, pitch, many in kinds:
            end = at + many * step
            if kind:  # one in four is a rest
                row[at:end] = 1
                row[at : at + 1] = pitch
            at = end
    return tokens


def pictures(rng, layout, many=3):
    """Anything that a network may paint, and worse."""
    shape = (many, CHANNELS[layout], 32, 32)
    x = rng.normal(0, rng.choice([0.1, 1, 1e30]), shape)
    x[rng.random(shape) < 0.02] = rng.choice([np.nan, np.inf, -np.inf, 0])
    return x


layouts = st.sampled_from(LAYOUTS)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=60)
@given(lines(), layouts)
def test_there_and_back(tokens, layout):
    tokens = merged(tokens) if layout == "unrolled" else tokens
    x = encode(tokens, layout)
    assert x.shape == (len(tokens), CHANNELS[layout], 32, 32) and x.dtype == np.float32
    assert x.min() >= -1 and x.max() <= 1
    assert np.array_equal(decode(x, layout), tokens)
    assert legal(x, layout).all()
    nudged = x + np.random.default_rng(0).uniform(-0.012, 0.012, x.shape)
    assert np.array_equal(decode(nudged, layout), tokens)  # nearest, not only equal
    assert not legal(nudged, layout).any()


@settings(max_examples=40)
@given(seeds, layouts)
def test_any_picture_is_read_as_a_legal_line(rng, layout):
    tokens = decode(pictures(rng, layout), layout)
    assert tokens.shape == (3, STEPS) and tokens.dtype == np.uint8
    assert all(is_legal_grid(row, LOW, HIGH) for row in tokens)
    again = encode(tokens, layout)
    assert legal(again, layout).all() and np.array_equal(decode(again, layout), tokens)


@settings(max_examples=60)
@given(lines())
def test_merging_keeps_what_sounds_and_nothing_else(tokens):
    found = merged(tokens)
    assert np.array_equal(sounding(found), sounding(tokens))
    assert all(is_legal_grid(row, LOW, HIGH) for row in found)
    assert ((found > 1) <= (tokens > 1)).all() and np.array_equal(merged(found), found)
    # the paper's picture is blind to the difference
    assert np.array_equal(encode(found, "unrolled"), encode(tokens, "unrolled"))


def line(*runs):
    """A window of (token, length): the token, and what goes on after it."""
    parts = [np.r_[token, np.full(n - 1, min(token, 1))] for token, n in runs]
    whole = np.concatenate(parts)
    return np.pad(whole, (0, STEPS - len(whole)))[None].astype(np.uint8)


def test_what_the_unrolled_picture_holds():
    x = encode(line((LOW, 2), (0, 30), (HIGH, 4)), "unrolled")[0]
    assert np.allclose(x[:, 0, :3], [[2 / 37 - 1, 2 / 37 - 1, -1]] * 3)
    assert np.allclose(x[:, 1, :4], 1) and np.allclose(x[:, 1, 4:], -1)
    # time runs through the voxels as in the module image, three to a step
    line_of_voxels = x.transpose(1, 2, 0)[place_of(np.arange(3 * STEPS))]
    assert np.array_equal(line_of_voxels, x[0].ravel().repeat(3))
    assert step_of(1, 0, 2) == 3 * 32 + 2
    odd = x.copy()
    odd[1, 0, 5] = 1  # one voxel of three is outvoted, and is no legal picture
    assert np.array_equal(decode(odd[None], "unrolled"), decode(x[None], "unrolled"))
    assert not legal(odd[None], "unrolled")[0]


def test_what_the_picture_of_channels_holds():
    tokens = line((0, 2), (78, 2), (60, 1), (60, 1), (0, 1), (42, 1))
    pitch, onset, sound = encode(tokens, "channels")[0, :, 0, :9]
    # a rest keeps the pitch before it, and takes the one after it where there is none
    assert pitch.tolist() == [1, 1, 1, 1, 0, 0, 0, -1, -1]
    assert (onset > 0).tolist() == [
        False,
        False,
        True,
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert (sound > 0).tolist() == [False] * 2 + [True] * 4 + [False, True, False]
    assert encode(np.zeros((1, STEPS)), "channels")[0, 0].max() == 0
    x = encode(tokens, "channels")
    x[0, 0, 0, 3] = -1  # a pitch counts where its note starts
    x[0, 2, 0, 4] = -1  # an onset sounds
    x[0, 2, 0, 8] = 1  # what sounds after a rest, or goes on, needs no onset
    x[0, 2, 0, 0] = 1
    assert decode(x, "channels")[0, :9].tolist() == [78, 0, 78, 1, 60, 60, 0, 42, 1]


def test_what_the_piano_roll_holds():
    tokens = line((62, 2), (62, 2), (0, 1), (HIGH, 1))
    x = encode(tokens, "roll")
    assert x[0, 62 - LOW, 0, :6].tolist() == [1, 1, 1, 1, -1, -1]
    assert x[0, -1, 0, :6].tolist() == [1, -1, 1, -1, -1, 1]
    assert (x[0, :-1] > 0).sum() == 5 and set(np.unique(x)) == {-1, 1}
    x[0, 0, 0, 1] = 0.5  # the brightest sounds
    x[0, -1, 0, 4] = 1  # an onset without a pitch does not
    x[0, -1, 0, 5] = -1  # what sounds after a rest starts
    assert np.array_equal(decode(x, "roll"), tokens)
    x[0, 0, 0, 1] = 2
    assert decode(x, "roll")[0, :4].tolist() == [62, LOW, 62, 1]


def test_what_cannot_be_painted_or_read():
    with pytest.raises(ValueError, match="move them with to_middle"):
        encode(line((HIGH + 1, 4)), "channels")
    with pytest.raises(ValueError, match="layout is 'cubist'"):
        encode(line((60, 4)), "cubist")
    with pytest.raises(ValueError, match="layout is 'cubist'"):
        decode(np.zeros((1, 3, 32, 32)), "cubist")
    with pytest.raises(ValueError, match="'roll' has"):
        decode(np.zeros((1, 3, 32, 32)), "roll")
    tail = line((60, 4))
    tail[0, 8:10] = 1  # a hold that holds nothing is silent
    assert np.array_equal(encode(tail, "channels"), encode(line((60, 4)), "channels"))
    for layout in LAYOUTS:
        none = encode(np.zeros((0, STEPS), np.uint8), layout)
        assert none.shape == (0, CHANNELS[layout], 32, 32)
        assert decode(none, layout).shape == (0, STEPS)


def slow_snap(tokens, source):
    """The same one step after the other."""
    made = np.zeros_like(tokens)
    for row, own, new in zip(tokens, source, made):
        heard = (own[own > 1] % 12).tolist()
        classes = sorted(set(heard), key=lambda c: (-heard.count(c), heard.index(c)))[:7]
        allowed = [p for p in range(LOW, HIGH + 1) if not heard or p % 12 in classes]
        for t in range(0, len(row), 2):
            onsets = [int(p) for p in row[t : t + 2] if p > 1]
            if row[t : t + 2].any():
                new[t : t + 2] = 1
            if onsets:
                new[t] = min(allowed, key=lambda p: (abs(p - onsets[0]), p))
    return made


@settings(max_examples=60)
@given(lines(most=1), lines(most=1))
def test_snapping(tokens, source):
    found = snap(tokens, source)
    assert np.array_equal(found, slow_snap(tokens, source))
    assert np.array_equal(snap(found, source), found)
    assert is_legal_grid(found[0], LOW, HIGH)
    assert ((found == 0) <= (tokens == 0)).all()  # no new rest
    assert not (found[:, 1::2] > 1).any()


@settings(max_examples=40)
@given(lines(step=2, pitches=st.sampled_from([48, 50, 52, 53, 55, 57, 59, 60, 62, 64])))
def test_snapping_leaves_a_source_on_the_grid_and_in_one_scale(source):
    assert np.array_equal(snap(source, source), source)


def test_snapping_in_words():
    scale = line(
        *[(p, 2) for p in (60, 62, 64, 65, 67, 69, 71, 60, 62, 64, 65, 67, 69, 71)]
    )
    made = line((61, 1), (70, 2), (66, 1), (63, 3))
    # C sharp is as near to D as to C, and the lower wins; A sharp is a second onset in its
    # 16th; F sharp moves to the start of its own; the last 16th sounds by half, so wholly
    assert snap(made, scale)[0, :9].tolist() == [60, 1, 65, 1, 62, 1, 1, 1, 0]
    # eight classes: the eighth, heard last, is left out
    eight = line(*[(p, 2) for p in (60, 62, 64, 65, 67, 69, 71, 66)])
    assert snap(eight, eight)[0, 14] == 65
    # and not by its name: in another key the same happens
    assert np.array_equal(
        snap(shifted(eight, 5), shifted(eight, 5)), shifted(snap(eight, eight), 5)
    )
    # at the ends of the range it goes to where there is a place
    assert snap(line((HIGH, 2)), line((67, 2)))[0, 0] == 67
    # a silent source has no scale
    assert snap(line((61, 2)), line((0, 2)))[0, 0] == 61


def shifted(tokens, by):
    return np.where(tokens > 1, tokens + by, tokens).astype(np.uint8)


@st.composite
def songs(draw, most=8):
    """Windows, (N, 1024), in bars of few kinds, on 16ths, some of them a little changed;
    where notes hold over bar lines and bars rest, too.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = []
    for kinds in draw(st.lists(st.integers(1, most), min_size=1, max_size=3)):
        own = rng.choice([0, 1, 1, 1, 60, 62, 64, 65, 67], (kinds, 16))
        bars = own[rng.integers(0, kinds, 32)]
        change = rng.random(bars.shape) < draw(st.sampled_from([0, 0.05, 0.3]))
        bars = np.where(change, rng.choice([60, 62, 64, 1], bars.shape), bars)
        row = np.ones((512, 2), np.uint8)
        row[:, 0], row[:, 1] = bars.reshape(-1), np.minimum(bars.reshape(-1), 1)
        rows.append(row.reshape(-1))
    return repair_grid(np.stack(rows))


def at_bars(tokens):
    """The same with a note where each bar begins: nothing holds over a bar line."""
    tokens = tokens.copy()
    tokens[:, ::BAR] = np.maximum(sounding(tokens)[:, ::BAR], 60)
    return repair_grid(tokens)


@settings(max_examples=40)
@given(songs())
def test_the_form_is_the_first_bar_that_is_the_same(source):
    found = form(source)
    heard = 2 * sounding(source).astype(int) + (
        source > HOLD
    )  # what, and whether it starts
    for row, own in zip(heard.reshape(-1, 32, BAR).tolist(), found.tolist()):
        assert own == [row.index(bar) for bar in row]


def slow_riffs(row, alike=0.5):
    """Which bar each becomes: of one line, one step after the other."""
    sound = sounding(row[None])[0]
    steps = [(int(p), bool(t > 1)) for p, t in zip(sound, row)]
    bars = [steps[i : i + BAR] for i in range(0, len(row), BAR)]
    which = []
    for i, bar in enumerate(bars):
        agree = [sum(a == b for a, b in zip(bar, other)) / BAR for other in bars[:i]]
        which.append(which[agree.index(max(agree))] if i and max(agree) >= alike else i)
        bars[i] = bars[which[i]]
    return bars, which


@settings(max_examples=40)
@given(songs())
def test_riffs_merge_what_nearly_agrees(tokens):
    found = riffs(tokens)
    assert all(is_legal_grid(row, LOW, HIGH) for row in found)
    for row, own in zip(at_bars(tokens), riffs(at_bars(tokens))):
        bars, _ = slow_riffs(row)
        steps = list(zip(sounding(own[None])[0].tolist(), (own > 1).tolist()))
        assert steps == [step for bar in bars for step in bar]
    assert np.array_equal(riffs(tokens, alike=1.01), tokens)


def test_riffs_in_words():
    bar, near, far = line((60, 32)), line((60, 16), (62, 16)), line((60, 15), (62, 17))
    made = np.concatenate([x[:, :BAR] for x in (bar, near, far)], axis=1)
    # half of the steps agree, the onset among them, and then one fewer; the third is as
    # near to the first, which the second has become
    assert riffs(made)[0, [16, 32, 47, 48, 79]].tolist() == [1, 60, 1, 1, 62]
    assert riffs(made, alike=0.4)[0, BAR:].tolist() == 2 * made[0, :BAR].tolist()
    held = np.concatenate([bar[:, :BAR], np.ones((1, 2 * BAR), np.uint8)], axis=1)
    assert riffs(held)[0, [32, 64]].tolist() == [60, 60]  # bars that are held start anew


@settings(max_examples=40)
@given(songs(), songs())
def test_what_is_heard_has_the_form_of_its_source(tokens, source):
    many = min(len(tokens), len(source))
    tokens, source = tokens[:many], source[:many]
    found = heard(tokens, source)
    assert all(is_legal_grid(row, LOW, HIGH) for row in found)
    assert not (found[:, 1::2] > 1).any()
    scale = on_scale(source)
    for row, own in zip(found, scale):
        assert set(row[row > 1].tolist()) <= set(own.tolist())
    clear = at_bars(tokens)  # nothing holds over a bar line, where a copy would start anew
    plain = in_form(snap(clear, source), form(snap(source, source)))
    assert np.array_equal(heard(clear, source), riffs(plain))


def in_form(tokens, which):
    """Bars for bars, where nothing holds over a bar line."""
    bars = tokens.reshape(len(tokens), -1, BAR)
    return np.stack([own[i] for own, i in zip(bars, which)]).reshape(tokens.shape)


@settings(max_examples=40)
@given(songs(), st.integers(0, 2**32 - 1))
def test_what_was_heard_is_heard_again_as_it_is(tokens, seed):
    """Where the source has no two bars alike; and of a line as its own source."""
    rng = np.random.default_rng(seed)
    rows = np.ones((len(tokens), 512, 2), np.uint8)
    rows[..., 0] = rng.choice([60, 62, 64, 65], rows.shape[:2])
    source, made = rows.reshape(tokens.shape), at_bars(tokens)
    once = heard(made, source)
    assert np.array_equal(heard(once, source), once)
    alone = heard(made, made)
    assert np.array_equal(heard(alone, alone), alone)


def test_a_line_that_repeats_itself_and_nothing_else_is_left_alone():
    rng = np.random.default_rng(0)
    for kinds in (1, 2, 4):
        own = np.ones((kinds, 16, 2), np.uint8)
        own[..., 0] = rng.choice([60, 62, 64, 65, 67], own.shape[:2])
        own = own.reshape(kinds, BAR)
        source = own[np.arange(32) % kinds].reshape(1, -1)
        far = [(a != b).sum() for i, a in enumerate(own) for b in own[:i]]
        assert not far or min(far) > 8
        assert np.array_equal(heard(source, source), source)
        assert len(np.unique(form(source))) == kinds


def stack(*layers):
    """Feature maps of layers one after the other."""
    net = nn.Sequential(*layers)
    nn.init.zeros_(net[0].bias)

    def maps(x):
        found = []
        for layer in net:
            x = torch.relu(layer(x))
            found.append(x)
        return found

    return maps


def conv(inputs, stride=1):
    return nn.Conv2d(inputs, 8, 3, stride, padding=1)


def test_what_a_unit_sees():
    torch.manual_seed(0)
    seen, steps = receptive_pixels(stack(conv(3), conv(8), conv(8, 2), conv(8), conv(8)))
    # r = 1 + sum of 2 * (strides before it): 3, 5, 7, 11, 15 rows and columns
    for own, many, steps_seen in zip(seen, (3, 5, 7, 11, 15), steps):
        rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
        assert len(rows) == len(columns) == many and own.sum() == many**2
        assert steps_seen == (many - 1) * 32 + many
        assert rows[0] + many // 2 == columns[0] + many // 2 == 16
    assert steps[0] == 67 and 3 * steps[0] == span()  # 201 voxels of the paper's picture
    assert np.flatnonzero(seen[0]).tolist() == [
        r * 32 + c for r in (15, 16, 17) for c in (15, 16, 17)
    ]


def test_the_papers_seventeen():
    """Of figure 3: one channel, seven pixels wide."""
    torch.manual_seed(0)
    seen, steps = receptive_pixels(stack(conv(1)), size=7, channels=1)
    assert seen.shape == (1, 7, 7) and steps[0] == 17 == span(shape=(7, 7, 1))


def test_a_map_that_sees_nothing():
    seen, steps = receptive_pixels(lambda x: [x * 0])
    assert not seen.any() and steps.tolist() == [0]


def test_what_the_extractor_sees():
    """It sees the whole line at its third map; the causal one never looks ahead."""
    from fusiontools.papers.domain_transfer.config import Config
    from fusiontools.papers.domain_transfer.networks import Extractor

    torch.manual_seed(0)
    seen, steps = receptive_pixels(Extractor(3, Config(width=8)).layers)
    assert seen.sum((1, 2)).tolist() == [9, 13**2, 1024, 1024]
    assert steps.tolist() == [67, 12 * 32 + 13, 1024, 1024]
    causal, _ = receptive_pixels(Extractor(3, Config(width=8, causal=True)).layers)
    assert [np.flatnonzero(own)[-1] for own in causal] == [16 * 33] * 4


def test_bars_that_sound_the_same_are_the_same_and_others_are_not():
    # tied over: the holds of the second and the fourth bar are of different notes
    tied = np.repeat([[60, HOLD, 62, HOLD]], BAR, axis=1)
    tied[:, 1:BAR], tied[:, 2 * BAR + 1 : 3 * BAR] = HOLD, HOLD
    assert form(tied).tolist() == [[0, 1, 2, 3]]

"""Audio style transfer: descents, musaicing, sound of any length and rate, and data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora.recordings import Recording, Recordings
from fusiontools.errors import CorpusError, FusionError
from fusiontools.papers.audio_style import config as sizes
from fusiontools.papers.audio_style import data, musaicing, optimise, restyling
from fusiontools.papers.audio_style.closed_form import match_bounded, match_style
from fusiontools.papers.audio_style.config import METHODS, PHASES, SET, Config, method
from fusiontools.papers.audio_style.gram import by_lags, direct, printed_scale

RATE = 8000


def pictures(rows=9, frames=14, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return torch.rand(2, rows, frames, generator=dice)


def tone(hertz=300.0, seconds=1.0, rate=RATE, channels=None):
    t = np.arange(round(seconds * rate)) / rate
    y = (0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)
    return y if channels is None else np.stack([y] * channels)


def noise(seconds=1.0, rate=RATE, seed=0):
    dice = np.random.default_rng(seed)
    return (0.1 * dice.normal(size=round(seconds * rate))).astype(np.float32)


# Settings


def test_every_method_has_settings_or_needs_none():
    for name in SET:
        assert method(name, Config.smoke()).steps <= 5
        assert isinstance(method(name, Config.shipped()), Config)
    with pytest.raises(FusionError, match="needs no training"):
        method("noise", Config())
    with pytest.raises(FusionError, match="there is no method"):
        method("vgg", Config())
    assert set(SET) < set(METHODS) and set(sizes.TRAINED) <= set(SET)


def test_the_papers_settings_are_the_papers():
    cnn, rnn, bilstm = (method(f"{m}_long", Config()) for m in ("cnn", "rnn", "bilstm"))
    assert (cnn.rate, cnn.weight, cnn.steps, cnn.channels) == (0.005, 500, 2500, 4096)
    assert (rnn.rate, rnn.steps, rnn.along) == (0.005, 10_000, "frequency")
    assert (bilstm.rate, bilstm.weight, bilstm.steps) == (0.00005, 2500, 10_000)
    assert {c.strength for c in (cnn, rnn, bilstm)} == {1.0}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "vgg"}, "model 'vgg'"),
        ({"strength": 1.5}, "strength of 1.5"),
        ({"model": "rnn", "channels": None}, "infinitely many"),
    ],
)
def test_what_cannot_be_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        Config(**changes)


# Descent


@pytest.mark.parametrize("name", ["cnn", "cnn_frequency", "rnn", "rnn_time", "bilstm_time"])
def test_a_descent_begins_with_the_content_and_loses_style_loss(name):
    content, style = pictures()
    config = replace(method(name, Config()), channels=200, steps=60, rate=0.01)
    steps = list(optimise.descent(content, style, config))
    assert [s for s, _, _ in steps] == list(range(61))
    assert torch.equal(steps[0][2], content)
    assert steps[-1][1] < 0.8 * steps[0][1]
    again = list(optimise.descent(content, style, config))[-1][2]
    assert torch.equal(steps[-1][2], again)


def test_strength_goes_from_content_to_style():
    content, style = pictures()
    loss, made = by_lags(None, style), []
    for strength in (0.0, 0.3, 0.9, 0.999):
        config = Config(channels=None, strength=strength, steps=200)
        made.append(optimise.transfer(content, style, config))
    assert torch.allclose(made[0], content, atol=0.02)
    styles = [loss(x).item() for x in made]
    contents = [optimise.content_loss(x, content).item() for x in made]
    assert styles == sorted(styles, reverse=True) and styles[-1] < 0.1 * styles[0]
    assert contents == sorted(contents)
    assert min(x.min().item() for x in made) >= 0


def test_the_printed_scale_makes_the_mean_squared_error_of_normalised_gram_matrices():
    content, style = (x.double() for x in pictures())
    net = optimise.network_of(Config(channels=30), *content.shape)
    net = net._replace(last=net.last.double())
    f, s = net(content), net(style)
    n = f.numel()
    plain = 7.0 * ((f @ f.T / n - s @ s.T / n) ** 2).mean()
    scaled = printed_scale(net, style, 7.0) * direct(net, style)(content)
    assert torch.isclose(plain, scaled, rtol=1e-6, atol=0)


def test_as_printed_the_gradient_is_too_small_for_adam():
    dice = torch.Generator().manual_seed(0)
    content, style = torch.rand(2, 200, 60, generator=dice)
    moved = {}
    for scaling in ("printed", "relative"):
        config = replace(method("cnn", Config()), channels=2000, steps=20, scaling=scaling)
        made = optimise.transfer(content, style, config)
        moved[scaling] = (made - content).abs().median().item()
    assert moved["printed"] < 0.1 * moved["relative"]


def test_depth_is_more_convolutions():
    content, _ = pictures()
    for depth in (1, 2, 3):
        net = optimise.network_of(Config(channels=20, depth=depth), *content.shape)
        assert net(content).shape == (20, content.shape[1])
        assert net.last.shape[1] == 1 + 3 * (len(content) if depth == 1 else 20)


def test_what_infinitely_many_filters_see_is_what_many_see():
    content, style = (x.double() for x in pictures(seed=4))
    limit = by_lags(None, style)(content).item()
    off = []
    for channels in (30, 8_000):
        net = optimise.network_of(Config(channels=channels), *content.shape)
        net = net._replace(last=net.last.double())
        off.append(abs(direct(net, style)(content).item() - limit) / limit)
    assert off[1] < 0.1 and off[1] < off[0]


def test_the_bounded_closed_form_keeps_its_bound_and_is_better_than_clamping():
    content, style = pictures(rows=30, frames=20, seed=3)
    style = (style - 0.5).clamp(min=0)  # much of it at the bound
    loss = by_lags(None, style)
    clamped, made = match_style(content, style, least=0.0), match_bounded(content, style)
    assert made.min() >= 0 and loss(made) < 0.5 * loss(clamped)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        next(optimise.descent(torch.rand(3, 4), torch.rand(3, 5), Config()))


# Musaicing


def test_each_frame_of_the_content_is_found_in_the_style():
    w = np.abs(np.random.default_rng(0).normal(size=(40, 12)))
    order = [3, 3, 7, 1, 11, 0]
    h = musaicing.activations(w[:, order], w, rounds=60, repeat=0, voices=1, run=0)
    assert h.argmax(0).tolist() == order
    assert (h > 1e-6).sum(0).tolist() == [1] * len(order)


def test_without_constraints_the_factorisation_gets_nearer_round_by_round():
    dice = np.random.default_rng(1)
    v, w = np.abs(dice.normal(size=(2, 30, 20)))
    off = []
    for rounds in (1, 5, 20, 80):
        h = musaicing.activations(v, w, rounds, repeat=0, voices=0, run=0)
        q = w / w.sum(0) @ h
        off.append(np.sum(v * np.log(v / q) - v + q))
    assert off == sorted(off, reverse=True)


def test_musaicing_takes_the_content_s_course_and_the_style_s_sound():
    content = np.concatenate([tone(300), tone(600)])
    style = np.concatenate([tone(600, 0.5), noise(0.5), tone(300, 0.5)])
    made = musaicing.musaic(content, style, n_fft=512, hop=128)
    assert made.shape == content.shape
    for part, hertz in ((made[1000:7000], 300), (made[9000:15000], 600)):
        spectrum = np.abs(np.fft.rfft(part))
        assert abs(np.fft.rfftfreq(len(part), 1 / RATE)[spectrum.argmax()] - hertz) < 30


# Sound of any length


def test_strength_0_gives_the_content_back():
    content = tone(440) + noise(seed=2)
    made = restyling.restyle(content, noise(), RATE, strength=0.0, phase="content", steps=2)
    gain = made @ content / (content @ content)
    assert gain == pytest.approx(1, abs=0.05)
    assert np.linalg.norm(made - gain * content) < 0.05 * np.linalg.norm(content)


@pytest.mark.parametrize("model", ["cnn", "rnn", "bilstm", "musaic"])
@pytest.mark.parametrize("phase", PHASES)
def test_every_model_gives_as_much_sound_as_it_got(model, phase):
    if model == "musaic" and phase != "refined":
        return
    content = np.stack([tone(440), 0.2 * tone(440)])
    given = dict(model=model, phase=phase, steps=2)
    made = restyling.restyle(content, noise(0.6), RATE, **given)
    assert made.shape == content.shape and made.dtype == np.float32
    level = [np.sqrt(np.mean(x**2)) for x in (made, content)]
    assert level[0] == pytest.approx(level[1], rel=0.01)


def test_a_channel_keeps_its_place():
    content = np.stack([tone(440), np.zeros(RATE, np.float32)])
    made = restyling.restyle(content, noise(), RATE, steps=10)
    assert np.abs(made[1]).max() < 1e-3 * np.abs(made[0]).max()
    opposite = np.stack([tone(440), -tone(440)])  # their mean is silence
    made = restyling.restyle(opposite, noise(), RATE, steps=10, phase="content")
    assert np.allclose(made[0], -made[1], atol=1e-4) and np.abs(made).max() > 0.05


@given(st.integers(0, 60), st.sampled_from([1, 2]))
@settings(max_examples=15, deadline=None)
def test_pieces_are_as_long_as_the_content_and_have_no_seams(tenths, channels):
    n = round((2 + tenths / 2) * 2000)
    content = np.atleast_2d(tone(100, n / 2000, 2000, channels))
    asked = []

    def read(start, many):
        asked.append(many)
        return content[:, start : start + many]

    how = dict(strength=0.0, phase="content", steps=1)
    made = list(restyling.pieces(read, n, noise(rate=2000)[None], 2000, **how))
    whole = np.concatenate(made, axis=1)
    assert whole.shape == content.shape
    assert max(asked) <= 2000 * 12.1  # bounded, however long it is
    inner = slice(600, -600)
    assert np.abs(whole - content)[:, inner].max() < 0.05


def test_silence_between_sounds_stays_silent():
    content = np.concatenate([tone(200, 10, 2000), np.zeros(40_000), tone(200, 10, 2000)])
    read = lambda start, n: content[None, start : start + n].astype(np.float32)  # noqa: E731
    made = restyling.pieces(read, len(content), noise(rate=2000)[None], 2000, steps=1)
    whole = np.concatenate(list(made), axis=1)[0]
    quiet, loud = (
        np.abs(whole[part]).max() for part in (slice(26_000, 36_000), slice(9000))
    )
    assert quiet < 1e-3 and loud > 0.1


@pytest.mark.parametrize(
    ("content", "style", "how", "says"),
    [
        (np.zeros(RATE), noise(), {}, "content: nothing sounds"),
        (tone(), np.zeros(RATE), {}, "style: nothing sounds"),
        (tone(seconds=0.01), noise(), {}, "shorter than one window"),
        (tone(), noise(), {"model": "vgg"}, "no model 'vgg'"),
        (tone(), noise(), {"phase": "none"}, "no phase 'none'"),
    ],
)
def test_what_cannot_be_restyled_is_said(content, style, how, says):
    with pytest.raises(FusionError, match=says):
        restyling.restyle(content, style, RATE, **how)


def test_a_style_shorter_than_the_content_is_repeated():
    made = restyling.restyle(tone(seconds=2), noise(0.3), RATE, steps=2)
    assert made.shape == (2 * RATE,)


# Data


class Played:
    """A recording that needs no file."""

    def __init__(self, id, label, samples, song=None):
        self.id, self.label, self.song, self._samples = id, label, song or id, samples

    def samples(self, sample_rate=22050, start=0.0, seconds=None):
        first = round(start * sample_rate)
        many = len(self._samples) if seconds is None else round(seconds * sample_rate)
        return self._samples[first : first + many]


def corpus(labels="aaabbb"):
    return [
        Played(f"{x}{i}", x, tone(100 + 50 * i, 2, 22050)) for i, x in enumerate(labels)
    ]


def test_clips_are_gathered_kept_and_read_again(tmp_path):
    recordings = corpus()
    clips = data.gather("toy", recordings, ("a", "b"), [(recordings[0], recordings[3])])
    assert {k: v.shape for k, v in clips.arrays.items()} == {
        "pairs": (1, 2, 220_500),
        "a": (2, 661_500),
        "b": (2, 661_500),
    }
    content, style = clips.pair()
    for sound in (content, style, *clips.sounds("a")):
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(data.LEVEL, rel=1e-3)
    assert clips.about["pairs"] == [["a0", "b3"]] and clips.labels == ("a", "b")
    data.save_clips(clips, tmp_path / "clips.npz")
    again = data.open_clips(tmp_path / "clips.npz")
    assert again.hash == clips.hash and again.about == clips.about
    changed = replace(clips, arrays=clips.arrays | {"a": clips.arrays["b"]})
    assert changed.hash != clips.hash
    assert data.logs_of(content).shape == (1025, 430)


def test_a_pair_s_song_is_no_training_data():
    recordings = corpus("aab") + [Played("b9", "b", tone(seconds=2, rate=22050))]
    recordings[1].song = recordings[0].song  # the same recording, cut elsewhere
    with pytest.raises(CorpusError, match="no recording of 'a' is left"):
        data.gather("toy", recordings, ("a", "b"), [(recordings[0], recordings[2])])


def test_silence_and_unknown_names_are_refused():
    with pytest.raises(CorpusError, match="nothing sounds"):
        data.excerpt(Played("x", "a", np.zeros(22050, np.float32)))
    with pytest.raises(CorpusError, match="no data is called 'vinyl'"):
        data.clips_of("vinyl")


def test_two_folders_of_ones_own(tmp_path):
    import soundfile

    for name, hertz in (("blues", 200), ("hymns", 400)):
        (tmp_path / name).mkdir()
        for i in range(2):
            path = tmp_path / name / f"{i}.wav"
            soundfile.write(path, tone(hertz + i, 2, 22050), 22050)
    clips = data.from_folders((tmp_path / "blues", tmp_path / "hymns"))
    assert clips.labels == ("blues", "hymns") and len(clips.arrays["a"]) == 1
    with pytest.raises(CorpusError, match="one name"):
        data.from_folders((tmp_path / "blues", tmp_path / "blues"))


def test_recordings_is_what_gather_takes():
    samples = tone(seconds=1, rate=22050)
    assert hasattr(Recording, "samples") and hasattr(Recordings, "find")
    assert data.excerpt(Played("x", "a", samples), 3.0).shape == (66_150,)


def test_a_cut_is_no_click_and_loudness_follows_the_content_in_time():
    steady = tone(300, 3)
    made = restyling.restyle(steady, noise(3) * tone(5, 3), RATE, strength=0.75)
    inside = np.abs(made[RATE : 2 * RATE]).max()
    assert np.abs(made).max() < 2 * inside
    swell = np.concatenate([0.1 * tone(300, 3), tone(300, 3), 0.1 * tone(300, 3)])
    made = restyling.restyle(swell, noise(9), RATE, strength=0.9)
    seconds = np.sqrt(np.square(made).reshape(9, RATE).mean(1))
    quiet, loud = seconds[[0, 1, 7, 8]], seconds[[4]]
    assert loud.min() > 4 * quiet.max()


def test_a_cyclegan_needs_its_networks():
    with pytest.raises(FusionError, match="needs its networks"):
        restyling.restyle(tone(), noise(), RATE, model="cyclegan")

"""The CycleGAN of audio style transfer: shapes close where the printed tables do not, who
learns from whom, a stopped training goes on bit by bit, weights come back, long recordings.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.papers.audio_style import cyclegan
from fusiontools.papers.audio_style.config import Config
from fusiontools.training import Run, save_weights

TINY = replace(Config.smoke(), model="cyclegan", steps=4)
ROWS = 33


def toy_clips(rows=ROWS, many=3, frames=40, loud=2.0):
    """Noise: style a is low, style b is high."""
    rng = np.random.default_rng(0)
    slope = np.linspace(1, 0, rows)[:, None]
    shapes = {"a": slope, "b": 1 - slope}

    def logs(n):
        sound = [shapes[n] * rng.random((rows, frames + i)) for i in range(many)]
        return [(loud * x).astype(np.float32) for x in sound]

    made = {n: logs(n) for n in "ab"}
    about = {"corpora": [{"name": "toy", "licence": "free", "credit": ""}]}
    return SimpleNamespace(
        name="toy", hash="0" * 64, labels=("low", "high"), about=about, logs=made.get
    )


def trained(folder, config, clips):
    torch.set_num_threads(1)
    about = {"paper": "audio_style", "method": "cyclegan", "scale": "smoke", "seed": 3}
    told = {"name": clips.name, "sha256": clips.hash}
    with Run.open(folder, config=config, data=told, **about) as run:
        return cyclegan.train(config, clips, run), run.history.rows


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return cyclegan.CycleGAN(TINY, ROWS, 2.0, ("low", "high"))


def equal(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# --- the tables ---


def layers_of(module, kinds):
    return [m for m in module.modules() if isinstance(m, kinds)]


def printed_generator():
    """The first table as printed; only stride 0 becomes 1, and its residual blocks lack."""
    return nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(1, 4, 7)),
        nn.Conv2d(4, 8, 3, stride=2, padding=1),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1),
        nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1),
        *(nn.ReflectionPad2d(3), nn.Conv2d(4, 1, 7), nn.Tanh()),
    )


def test_printed_tables_do_not_close():
    for frames, back in ((17, 17), (18, 17), (19, 17), (20, 17), (430, 429)):
        assert printed_generator()(torch.zeros(1, 1, 9, frames)).shape[3] == back
    with pytest.raises(RuntimeError, match="stride"):
        nn.Conv2d(1, 4, 7, stride=0)(torch.zeros(1, 1, 9, 9))
    with pytest.raises(RuntimeError, match="channels"):
        nn.Conv2d(8, 8, 3)(torch.zeros(1, 16, 9, 9))  # what a residual block is given


def test_the_generator_is_the_table_but_for_its_mends():
    kinds = nn.Conv2d | nn.ConvTranspose2d
    ours, printed = cyclegan.Generator(), printed_generator()
    inside = layers_of(nn.ModuleList(layers_of(ours, cyclegan.Residual)), kinds)
    assert [tuple(m.weight.shape) for m in inside] == [(16, 16, 3, 3)] * 6  # printed: 8
    outside = [m for m in layers_of(ours, kinds) if not any(m is r for r in inside)]
    for own, other in zip(outside, layers_of(printed, kinds), strict=True):
        assert type(own) is type(other) and own.weight.shape == other.weight.shape
        assert (own.stride, own.padding) == (other.stride, other.padding)
        up = isinstance(own, nn.ConvTranspose2d)
        assert (own.output_padding != other.output_padding) is up
    assert len(layers_of(ours, nn.InstanceNorm2d)) == 5 + 6


def test_the_printed_linear_layer_of_d_tells_how_long_its_clips_are():
    assert cyclegan.printed_frames() == (620, 683)
    for frames, fits in ((430, False), (619, False), (620, True), (683, True)):
        first = layers_of(cyclegan.Discriminator(1025, frames), nn.Linear)[0]
        assert (first.weight.shape == (512, 32 * 10 * 16)) is fits
    d = cyclegan.Discriminator(1025, 620)
    sizes = [tuple(m.weight.shape) for m in layers_of(d, nn.Conv2d)]
    assert sizes == [(8, 1, 4, 4), (16, 8, 3, 3), (32, 16, 3, 3)]
    assert len(layers_of(d, nn.MaxPool2d)) == 3 == len(layers_of(d, nn.ReLU))
    assert d(torch.zeros(1, 1, 1025, 620)).shape == (1,)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 3))
def test_shapes_close_whatever_the_size(rows, frames, width):
    x = torch.rand(2, 1, rows, frames) * 2 - 1
    with torch.no_grad():
        made = cyclegan.Generator(width)(x)
        score = cyclegan.Discriminator(rows, frames, width)(made)
    assert made.shape == x.shape and score.shape == (2,)
    assert made.isfinite().all() and made.abs().max() <= 1


@given(st.floats(0.1, 20), st.lists(st.floats(0, 1), min_size=1))
def test_a_spectrogram_comes_back_from_its_scale(top, shares):
    x = top * np.array(shares)
    y = cyclegan.normalise(x, top)
    assert np.abs(y).max() <= 1 + 1e-9 and np.allclose(cyclegan.restore(y, top), x)


# --- losses ---


def test_identities_lose_nothing_in_a_cycle():
    own = cyclegan.CycleGAN(TINY, ROWS, 2.0)
    a, b = torch.rand(2, 2, 1, ROWS, 16)
    assert cyclegan.generator_loss(own, a, b)[1]["cycle"] > 0
    own.g_ab = own.g_ba = nn.Identity()
    fake, terms = cyclegan.generator_loss(own, a, b)
    assert terms["cycle"] == 0 and fake[0] is b and fake[1] is a
    own.g_ba = lambda x: x + 0.25
    assert cyclegan.generator_loss(own, a, b)[1]["cycle"].item() == pytest.approx(0.5)


def test_the_game_is_cross_entropy(networks):
    a, b = torch.rand(2, 2, 1, ROWS, 16)
    fake, terms = cyclegan.generator_loss(networks, a, b)
    p = [torch.sigmoid(d(x)) for d, x in zip((networks.d_a, networks.d_b), fake)]
    ones, zeros = torch.ones(2), torch.zeros(2)
    assert terms["game"].item() == pytest.approx(
        sum(nn.functional.binary_cross_entropy(q, ones).item() for q in p), rel=1e-4
    )
    real = [torch.sigmoid(d(x)) for d, x in zip((networks.d_a, networks.d_b), (a, b))]
    plain = sum(nn.functional.binary_cross_entropy(q, ones) for q in real)
    plain += sum(nn.functional.binary_cross_entropy(q, zeros) for q in p)
    found = cyclegan.discriminator_loss(networks, (a, b), fake)
    assert found.item() == pytest.approx(plain.item(), rel=1e-4)


def test_d_learns_from_g_and_g_nothing_from_that(networks):
    a, b = torch.rand(2, 2, 1, ROWS, 16)
    fake, _ = cyclegan.generator_loss(networks, a, b)
    networks.g.zero_grad(), networks.d.zero_grad()
    cyclegan.discriminator_loss(networks, (a, b), fake).backward()
    assert all(p.grad is None for p in networks.g.parameters())
    assert any(p.grad.abs().sum() > 0 for p in networks.d.parameters())


# --- training ---


def test_a_training_moves_all_four_and_logs_its_curves(tmp_path):
    made, rows = trained(tmp_path, TINY, toy_clips())
    torch.manual_seed(3)
    fresh = cyclegan.CycleGAN(TINY, ROWS, made.top)
    for name in ("g_ab", "g_ba", "d_a", "d_b"):
        assert not equal(getattr(made, name), getattr(fresh, name))
    assert len(rows) == 4 and {*cyclegan.CURVES, "spread_a", "spread_b"} <= set(rows[0])
    assert all(np.isfinite(row[k]) for row in rows for k in cyclegan.CURVES)
    assert made.labels == ("low", "high") and 1.9 < made.top <= 2


def test_a_stopped_training_goes_on_bit_by_bit(tmp_path, monkeypatch):
    clips, real, calls = toy_clips(), cyclegan.training.descend, []
    whole, history = trained(tmp_path / "whole", TINY, clips)

    def stops(*given):
        calls.append(1)
        if len(calls) == 4:  # D of the second step
            raise KeyboardInterrupt
        return real(*given)

    def saves(*given, **options):
        return steps(*given, every=1, **options)

    steps = cyclegan.training.steps
    monkeypatch.setattr(cyclegan.training, "steps", saves)
    monkeypatch.setattr(cyclegan.training, "descend", stops)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", TINY, clips)
    monkeypatch.setattr(cyclegan.training, "descend", real)
    cut, again = trained(tmp_path / "cut", TINY, clips)
    assert equal(whole.g, cut.g) and equal(whole.d, cut.d)
    curves = [[row[k] for k in cyclegan.CURVES] for row in history]
    assert curves == [[row[k] for k in cyclegan.CURVES] for row in again]


def test_a_finished_training_is_taken_over(tmp_path):
    clips = toy_clips()
    whole, _ = trained(tmp_path / "one", TINY, clips)
    about = {"paper": "audio_style", "method": "cyclegan", "scale": "smoke", "seed": 3}
    told = {"name": "toy", "sha256": clips.hash}
    with Run.open(tmp_path / "two", config=TINY, data=told, **about) as run:
        made = cyclegan.train(TINY, clips, run, tmp_path / "one")
        assert equal(made.g, whole.g) and not run.history.rows


@pytest.mark.parametrize(
    "clips, says",
    [
        (toy_clips(frames=15), "16 frames; the shortest has 15"),
        (toy_clips(many=0), "16 frames"),
        (toy_clips(loud=0.0), "some sound"),
        (toy_clips(loud=float("nan")), "some sound"),
    ],
)
def test_clips_that_cannot_be_used_are_refused(clips, says, tmp_path):
    with pytest.raises(CorpusError, match=says):
        trained(tmp_path, TINY, clips)


def test_crops_lie_within_their_recordings():
    logs = [np.arange(20, dtype=np.float32)[None] for _ in range(200)]
    made = cyclegan._crops(logs, 16)
    assert made.shape == (200, 1, 1, 16)
    starts = made[:, 0, 0, 0]
    assert set(starts.tolist()) == {0, 1, 2, 3, 4}
    assert torch.equal(made[:, 0, 0], starts[:, None] + torch.arange(16))


# --- weights ---


def test_weights_come_back(networks, tmp_path):
    file = tmp_path / "weights.safetensors"
    cyclegan.save_generators(networks, file, toy_clips(), half=False, seed=3)
    before = torch.random.get_rng_state()
    for path in (file, tmp_path):
        again, about = cyclegan.load_generators(path=path)
        assert equal(again.g, networks.g) and again.config == TINY
        assert (again.top, again.labels) == (2.0, ("low", "high"))
    assert torch.equal(before, torch.random.get_rng_state())
    assert about["corpora"] == ["toy"] and about["terms"] == "toy: free"
    assert (about["data"], about["seed"], about["method"]) == ("toy", 3, "cyclegan")
    x = toy_clips().logs("a")[0]
    ours, theirs = (cyclegan.convert(own, x) for own in (networks, again))
    assert (ours == theirs).all()
    with pytest.raises(FusionError, match="narrower"):
        cyclegan.save_generators(networks, file, toy_clips(), limit=1000)


def test_halved_weights_are_nearly_the_same(networks, tmp_path):
    file = tmp_path / "weights.safetensors"
    cyclegan.save_generators(networks, file, toy_clips())
    again, _ = cyclegan.load_generators(path=file)
    x = toy_clips().logs("a")[0]
    ours, theirs = (cyclegan.convert(own, x) for own in (networks, again))
    assert np.abs(ours - theirs).max() < 0.05


def test_what_is_no_cyclegan_is_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    save_weights(nn.Linear(1, 1), file, corpora="toy", terms="free")
    with pytest.raises(RecordError, match="no weights of a CycleGAN"):
        cyclegan.load_generators(path=file)
    with pytest.raises(RecordError, match="come with the package"):
        cyclegan.load_generators("polka")
    with pytest.raises(RecordError, match="no such weights"):
        cyclegan.load_generators(path=tmp_path / "nothing")


def test_what_ships_converts():
    for name in cyclegan.shipped_weights():
        own, about = cyclegan.load_generators(name)
        assert about["data"] == name and about["terms"] and own.rows == 1025
        x = np.random.default_rng(0).random((1025, 40)) * own.top
        assert cyclegan.convert(own, x).std() > 0


# --- converting ---


@given(st.integers(1, 80), st.sampled_from("ab"))
def test_what_is_converted_is_a_log_magnitude(networks, frames, to):
    x = np.random.default_rng(frames).random((ROWS, frames)) * 3  # louder than the data
    made = cyclegan.convert(networks, x, to)
    assert made.shape == x.shape and made.dtype == np.float32
    assert made.min() >= 0 and made.max() <= 2.0 + 1e-6


@given(st.integers(1025, 5000))
def test_pieces_cover_a_recording_of_any_length(networks, frames):
    class Same(nn.Module):
        def forward(self, x):
            assert x.shape[3] <= cyclegan.PIECE
            return x

    own = SimpleNamespace(g_ab=Same(), top=2.0, device="cpu")
    x = np.random.default_rng(0).random((2, frames), np.float32)
    assert np.allclose(cyclegan.convert(own, x), x, atol=1e-6)


def test_a_long_recording_is_its_pieces_away_from_seams(networks):
    x = np.random.default_rng(0).random((ROWS, 2500), np.float32)
    made = cyclegan.convert(networks, x)
    first, last = cyclegan.convert(networks, x[:, :1024]), x[:, 2500 - 1024 :]
    assert np.allclose(made[:, :730], first[:, :730], atol=1e-5)
    last = cyclegan.convert(networks, last)
    assert np.allclose(made[:, -730:], last[:, -730:], atol=1e-5)
    seams = np.abs(np.diff(made, axis=1)).mean(0)
    assert seams.max() < 3 * np.median(seams)  # none is heard


@pytest.mark.parametrize("x, to", [(np.zeros(5), "b"), (np.zeros((5, 0)), "b"),
                                   (np.zeros((5, 5)), "jazz")])  # fmt: skip
def test_what_cannot_be_converted_is_refused(networks, x, to):
    with pytest.raises(ValueError, match="needs"):
        cyclegan.convert(networks, x, to)

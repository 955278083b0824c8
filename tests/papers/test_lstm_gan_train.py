"""Networks, losses and the training: the printed tables to the last weight, who learns from
whom, losses against plain versions, and a stopped training that goes on bit by bit.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.errors import FusionError
from fusiontools.papers.lstm_gan import (
    discriminators,
    generators,
    losses,
    networks,
    training,
)
from fusiontools.papers.lstm_gan.config import METHODS, TRAINED, UNTRAINED, Config, method
from fusiontools.papers.lstm_gan.data import PARTS, PITCHES, STEPS, Bars
from fusiontools.papers.lstm_gan.evidence.paper import PRINTED, SHORT
from fusiontools.papers.lstm_gan.networks import Networks, keras_parameters
from fusiontools.training import Run

TINY = replace(Config.smoke(), steps=3)


def toy_bars(each=12, seed=0):
    """Broken chords, each part with songs of its own; every third bar is empty."""
    rng, arrays = np.random.default_rng(seed), {}
    for number, part in enumerate(PARTS):
        bars = np.zeros((each, STEPS, PITCHES), np.uint8)
        for i in range(each):
            if i % 3:
                for beat in range(4):
                    pitch = 36 + rng.integers(12) + 4 * rng.integers(3)
                    bars[i, 24 * beat : 24 * beat + 20, pitch] = 1
        arrays[part] = np.packbits(bars.reshape(each, -1), axis=1)
        arrays[f"{part}_song"] = (np.arange(each) // 6 + 2 * number).astype(np.int32)
    return Bars("toy", arrays, {"corpora": []})


def opened(folder, config, data):
    torch.set_num_threads(1)
    about = {"paper": "lstm_gan", "method": "toy", "scale": "smoke", "seed": 3}
    told = {"name": data.name, "sha256": data.hash}
    return Run.open(folder, config=config, data=told, **about)


def trained(folder, config, data):
    with opened(folder, config, data) as run:
        made = training.train(config, data, run)
        return made, run.history.rows


def test_the_printed_tables_to_the_last_weight():
    g, d = generators.PrintedGenerator(), discriminators.PrintedDiscriminator()
    assert keras_parameters(g) == sum(PRINTED["G"].values()) == 12_702_820
    assert keras_parameters(d) == sum(PRINTED["D"].values()) == 5_907_457
    layers = (g.first, g.second, g.third, g.dense, g.norm, g.last)
    assert [keras_parameters(m) for m in layers] == list(PRINTED["G"].values())
    layers = (d.first, d.second, d.dense, d.middle, d.last)
    assert [keras_parameters(m) for m in layers] == list(PRINTED["D"].values())


def test_the_printed_generator_makes_one_number_a_step_and_no_piano_roll():
    g = generators.PrintedGenerator(units=8)
    made = g(torch.randn(2, 100))
    assert made.shape == (2, 100, 1)
    assert (networks.from_scalars(made).sum(2) <= 1).all()  # one voice at most


@given(st.lists(st.integers(-1, PITCHES - 1), min_size=96, max_size=96))
def test_one_voice_comes_back_from_scalars(pitches):
    bars = torch.zeros(1, 96, PITCHES)
    for t, pitch in enumerate(pitches):
        if pitch >= 0:
            bars[0, t, pitch] = 1
    assert torch.equal(networks.from_scalars(networks.scalars(bars)), bars)


@pytest.mark.parametrize("name", TRAINED)
def test_every_method_makes_bars_and_judges_them(name):
    own = Networks(method(name, TINY))
    z = torch.randn(5, own.noise)
    made, real = own.make(z), (torch.rand(5, own.config.grid, PITCHES) < 0.1).float()
    assert own.d(made).shape == own.d(own.shown(real)).shape == (5,)
    bars = own.bars(z)
    assert bars.dtype == bool and bars.shape == (5, own.config.grid, PITCHES)
    losses.generator(own.d(own.make(z)), own.config.loss).backward()
    assert any(p.grad.abs().sum() > 0 for p in own.g.parameters() if p.grad is not None)


def test_methods_have_names_and_words():
    assert set(METHODS) == {*TRAINED, *UNTRAINED} == set(SHORT)
    with pytest.raises(FusionError, match="needs no training"):
        method("permuted", TINY)
    with pytest.raises(FusionError, match="no method"):
        method("nothing", TINY)
    with pytest.raises(ValueError, match="hinge"):
        replace(TINY, loss="mse")


def test_cells_are_on_or_off_and_the_slope_is_that_of_the_probability():
    logits = torch.linspace(-4, 4, 9, requires_grad=True)
    cells = networks.binarise(logits)
    assert cells.detach().round(decimals=4).tolist() == [0.0] * 5 + [1.0] * 4
    cells.sum().backward()
    p = torch.sigmoid(logits.detach())
    assert torch.allclose(logits.grad, p * (1 - p))
    torch.manual_seed(0)
    chance = networks.binarise(torch.zeros(4000), "bernoulli")
    assert 0.45 < chance.mean() < 0.55


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6))
def test_losses_are_their_equations(scores):
    x = torch.tensor(scores, dtype=torch.float64)
    p = torch.sigmoid(x)
    plain = -(torch.log(p).mean() + torch.log(1 - p).mean())
    assert torch.allclose(losses.discriminator(x, x, "bce"), plain)
    assert torch.allclose(losses.generator(x, "bce"), -torch.log(p).mean())
    hinge = sum(max(0, 1 - s) + max(0, 1 + s) for s in scores) / len(scores)
    assert abs(losses.discriminator(x, x, "hinge").item() - hinge) < 1e-9
    assert losses.discriminator(x, x + 2, "wgan").item() == pytest.approx(2)


def test_penalties_of_a_plane():
    def d(x):  # slope 2 in one cell
        return 2 * x[:, 0, 0]

    real, fake = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    assert losses.gradient_penalty(d, real, fake).item() == pytest.approx(1)  # (2 - 1)^2
    assert losses.zero_centred_penalty(d, real, fake).item() == pytest.approx(4)


def test_a_summary_counts_what_it_says():
    x = torch.zeros(1, 48, PITCHES)
    x[0, :24, 0], x[0, 12:24, 12], x[0, 36:, 12] = 1, 1, 1  # two octaves of one class
    told = discriminators.summary(x)[0]
    assert told[0] == 8 * 0.5 and told[PITCHES] == 4 * (0.5 + 0.5)
    assert told[PITCHES + 12 + 12] == 1  # the second pitch is struck twice, halved
    assert told[-1] == pytest.approx(0.3)  # three notes in all


def test_a_bar_with_no_variety_shows_in_a_batch():
    torch.manual_seed(0)
    d = Networks(TINY).d
    one = (torch.rand(1, 48, PITCHES) < 0.1).float()
    others = (torch.rand(3, 48, PITCHES) < 0.1).float()
    alone, beside = d(one.repeat(4, 1, 1))[0], d(torch.cat([one, others]))[0]
    assert alone != beside


@given(st.sampled_from([4, 8, 12, 24, 48, 96]))
def test_coarse_bars_come_back(grid):
    bars = np.random.default_rng(grid).random((2, grid, 5)) < 0.3
    assert (training.coarse(training.fine(bars), grid) == bars).all()


def test_d_learns_from_g_and_g_nothing_from_that(tmp_path, monkeypatch):
    config, data = replace(TINY, rate=0.0, average=0.0), toy_bars()
    before = {}

    def keep(self, *given):
        Networks.__init__(self, *given)
        state = self.g.state_dict() | {f"d.{k}": v for k, v in self.d.state_dict().items()}
        before.update({k: v.clone() for k, v in state.items()})

    kept = type("Kept", (Networks,), {"__init__": keep})
    monkeypatch.setattr(training, "Networks", kept)
    made, _ = trained(tmp_path, config, data)
    weights = dict(made.g.named_parameters())
    assert all(torch.equal(before[k], w) for k, w in weights.items())
    assert any(not torch.equal(before[f"d.{k}"], w) for k, w in made.d.named_parameters())


@pytest.mark.parametrize("name", ["cnn_lstm", "musegan", "bilstm_pretrained"])
def test_a_stopped_training_goes_on_bit_by_bit(name, tmp_path, monkeypatch):
    config, data = method(name, TINY), toy_bars()
    config = replace(config, pretrain=min(config.pretrain, 2))
    whole, history = trained(tmp_path / "whole", config, data)
    real, calls = training.descend, []

    def stops(*given):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(training, "descend", stops)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", config, data)
    monkeypatch.setattr(training, "descend", real)
    cut, again = trained(tmp_path / "cut", config, data)
    for one, other in ((whole.g, cut.g), (whole.d, cut.d)):
        a, b = one.state_dict(), other.state_dict()
        assert all(torch.equal(a[k], b[k]) for k in a)
    assert len(history) == len(again)


def test_rates_fall_as_the_config_says(tmp_path, monkeypatch):
    seen, real = [], training.descend

    def watch(run, loss, model, optimizer, *given):
        seen.append(optimizer.param_groups[0]["lr"])
        return real(run, loss, model, optimizer, *given)

    monkeypatch.setattr(training, "descend", watch)
    trained(tmp_path, replace(TINY, steps=4, rate=1.0, d_rate=1.0, final=0.5), toy_bars())
    assert seen[::2] == pytest.approx([1, 1, 1, 0.75])  # whole until half of the steps


def test_a_look_sees_one_note_for_ever():
    own = Networks(TINY)

    class Held(torch.nn.Module):
        noise = 100

        def forward(self, z):
            made = torch.full((len(z), 48, PITCHES), -1.0)
            made[:, :, 40] = 1.0
            return made

    own.g = Held()
    own.bars = lambda z, dice: (own.g(z) > 0).numpy()
    told = training.look(own)
    assert told["held"] == 1 and told["distinct"] == 1 / 128 and told["upc"] == 1


@pytest.mark.parametrize("name", ["cnn_lstm", "musegan", "bilstm_reach"])
def test_a_fresh_generator_hears_its_noise(name):
    torch.manual_seed(0)
    density = np.full(PITCHES, 0.1)
    g = Networks(method(name, Config.smoke()), density).g
    if name == "bilstm_reach":
        g.eval()  # without dropout, as it is heard
    with torch.no_grad():
        logits = g(torch.randn(200, g.noise))  # (200, T, 84)
    assert 1.2 < logits.std(0).mean() < 2.4
    assert abs(logits.mean() - np.log(0.1 / 0.9)) < 0.3


def test_without_reach_a_fresh_recurrent_generator_hears_hardly_any():
    torch.manual_seed(0)
    g = Networks(method("collapsed", Config.smoke())).g.eval()
    with torch.no_grad():
        assert g(torch.randn(64, g.noise)).std(0).mean() < 0.05


def test_pretraining_is_taken_over_from_another_run(tmp_path):
    data, asked = toy_bars(), replace(method("bilstm_pretrained", TINY), steps=3)
    trained(tmp_path / "one", asked, data)
    longer, made = replace(asked, d_steps=2), {}
    for name, adopted in (("alone", None), ("adopting", tmp_path / "one")):
        with opened(tmp_path / name, longer, data) as run:
            made[name] = training.train(longer, data, run, adopted).g.state_dict()
        first = [row["phase"] for row in run.history.rows]
        assert ("pretraining" in first) is (adopted is None)
    for name, values in made["alone"].items():
        assert torch.equal(values, made["adopting"][name])


@pytest.mark.parametrize(
    "change",
    [{"grid": 24}, {"grid": 12}, {"generator": "printed"}, {"discriminator": "printed"}],
)
def test_networks_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="grid"):
        replace(Config(), **change)


def test_printed_networks_take_no_pretraining():
    printed = method("bilstm_printed", Config.smoke())
    with pytest.raises(ValueError, match="pair"):
        replace(printed, pretrain=3)


def test_twice_the_steps_at_every_size():
    for size in (Config.smoke(), Config.laptop(), Config.shipped(), Config.paper()):
        assert method("cnn_lstm_long", size).steps == 2 * size.steps


def test_cells_are_exactly_on_or_off():
    logits = torch.randn(1000)
    assert set(networks.binarise(logits).tolist()) == {0.0, 1.0}


def test_looking_changes_nothing_and_chance_has_a_seed():
    torch.manual_seed(0)
    own = Networks(method("cnn_lstm_bernoulli", Config.smoke()))
    before = torch.random.get_rng_state()
    one, two = (training.look(own) for _ in range(2))
    assert one == two and torch.equal(before, torch.random.get_rng_state())

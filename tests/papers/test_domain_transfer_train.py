"""Networks, losses and the training: each equation against a slow plain version, who learns
from whom, what a layer can see, and a killed training that goes on bit by bit.
"""

import inspect
import math
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fusiontools.errors import FusionError
from fusiontools.music import pictures
from fusiontools.music.lines import STEPS
from fusiontools.papers.domain_transfer import losses, training
from fusiontools.papers.domain_transfer.config import (
    METHODS,
    TRAINED,
    UNTRAINED,
    Config,
    method,
)
from fusiontools.papers.domain_transfer.data import PARTS, Domains
from fusiontools.papers.domain_transfer.evidence.metrics import receptive_pixels
from fusiontools.papers.domain_transfer.networks import SIZES, Networks, rounded
from fusiontools.training import Run

TINY = replace(Config.smoke(), width=2, features=8, batch=4, steps=3, every=2)


def networks(name="full", **changes):
    torch.manual_seed(0)
    return Networks(replace(method(name, TINY), **changes))


def pictures_of(n, layout="unrolled", seed=0):
    size = (n, pictures.CHANNELS[layout], 32, 32)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(seed)) - 1


def toy_domains(each=6):
    """Tunes in eighths against repeated 16ths, each part with songs of its own."""
    rng, arrays = np.random.default_rng(0), {}
    for domain, gap in (("S", 4), ("T", 2), ("L", 8)):
        for song, part in enumerate(PARTS):
            tokens = np.ones((each, STEPS), np.uint8)
            steps = rng.integers(-2, 3, (each, STEPS // gap)) * (domain != "T")
            tokens[:, ::gap] = np.clip(60 + np.cumsum(steps, axis=1), 45, 75)
            arrays[f"{domain}_{part}"] = tokens
            arrays[f"{domain}_{part}_song"] = np.arange(each, dtype=np.int32) + each * song
    return Domains("toy", ("tune", "riff"), arrays, {"corpora": []})


def opened(folder, data, config, name="ours"):
    torch.set_num_threads(1)
    about = {"paper": "domain_transfer", "method": name, "scale": "smoke", "seed": 3}
    told = {"name": data.name, "sha256": data.hash}
    return Run.open(folder, config=config, data=told, **about)


def run(folder, data, config, name="ours"):
    with opened(folder, data, config, name) as own:
        made = training.train(config, data, own)
        return made, own.history.rows


def weights(made):
    state = made.both.state_dict() | {f"d.{k}": t for k, t in made.d.state_dict().items()}
    return {name: tensor.clone() for name, tensor in state.items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.fixture(scope="module")
def data():
    return toy_domains()


# The losses


def probabilities(logits):
    return [1 / (1 + math.exp(-x)) for x in logits]


def test_eqs_1_and_2_by_hand():
    fake, real = [-1.5, 0.0, 2.0], [0.5, -3.0]
    a, b = probabilities(fake), probabilities(real)
    by_hand = -sum(math.log(1 - p) for p in a) / 3 - sum(map(math.log, b)) / 2
    found = losses.discriminator(torch.tensor(fake), torch.tensor(real))
    assert float(found) == pytest.approx(by_hand, rel=1e-5)
    by_hand = -sum(map(math.log, a)) / 3 - sum(map(math.log, b)) / 2
    found = losses.gang(torch.tensor(fake), torch.tensor(real))
    assert float(found) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("right", [-30.0, 30.0])
def test_d_and_g_want_the_opposite_of_each_other(right):
    a, b = torch.tensor([right]), torch.tensor([-right])
    good = right < 0  # D is right where the fake has low odds and the real has high ones
    assert (float(losses.discriminator(a, b)) < 1e-6) == good
    assert (float(losses.gang(a, a)) < 1e-6) != good
    assert torch.isfinite(losses.discriminator(1e4 * a, 1e4 * b))  # no log of nothing


def test_eq_3_by_hand_and_its_guard():
    rng = np.random.default_rng(0)
    f, again = rng.normal(size=(2, 5, 4)).astype(np.float32)
    moved = sum((f[b, i] - again[b, i]) ** 2 for b in range(5) for i in range(4)) / 20
    variance = [
        sum((f[b, i] - f[:, i].mean()) ** 2 for b in range(5)) / 4 for i in range(4)
    ]
    f, again = torch.tensor(f), torch.tensor(again)
    assert float(losses.const(f, again, False)) == pytest.approx(moved, rel=1e-4)
    assert float(losses.spread(f)) == pytest.approx(np.mean(variance), rel=1e-4)
    guarded = moved / (np.mean(variance) + losses.TINY)
    assert float(losses.const(f, again)) == pytest.approx(guarded, rel=1e-4)
    # an f that says nothing: as printed nothing is lost, and the guard does not reward it
    shrunk = [float(losses.const(0.01 * f, 0.01 * again, guard)) for guard in (False, True)]
    assert shrunk[0] < 1e-3 * moved and shrunk[1] > 0.3 * guarded


def test_eqs_4_and_5_by_hand():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-1, 1, (2, 2, 3, 4, 5)).astype(np.float32)
    by_hand = sum((a - b) ** 2 for a, b in zip(x.flat, y.flat)) / x.size
    assert float(losses.tid(torch.tensor(x), torch.tensor(y))) == pytest.approx(
        by_hand, 1e-4
    )
    for power in (1.0, 2.0, 3.0):
        total, count = 0.0, 0
        for b, c, i, j in np.ndindex(2, 3, 3, 4):  # all but the last row and column
            right = (x[b, c, i, j + 1] - x[b, c, i, j]) ** 2
            below = (x[b, c, i + 1, j] - x[b, c, i, j]) ** 2
            total, count = total + (right + below) ** (power / 2), count + 1
        found = float(losses.tv(torch.tensor(x), power))
        assert found == pytest.approx(total / count, rel=1e-3)


def test_the_total_variation_of_a_flat_picture_is_nothing_and_has_a_slope():
    for power in (1.0, 2.0, 3.0):
        z = torch.zeros(1, 3, 8, 8, requires_grad=True)
        loss = losses.tv(z, power)
        loss.backward()
        assert float(loss.detach()) < 2e-4 and z.grad.isfinite().all()


@pytest.mark.parametrize("term", ["gang", "const", "tid", "tv"])
def test_eq_6_weighs_each_term(term):
    terms = dict(gang=torch.tensor(2.0), const=torch.tensor(3.0))
    terms |= dict(tid=torch.tensor(5.0), tv=torch.tensor(7.0))
    config = replace(TINY, adversary=0.5, alpha=0.25, beta=2.0, gamma=0.1)
    weight = dict(gang=0.5, const=0.25, tid=2.0, tv=0.1)
    whole = float(losses.total(terms, config))
    assert whole == pytest.approx(sum(weight[k] * float(t) for k, t in terms.items()))
    more = float(losses.total(terms | {term: terms[term] + 1}, config))
    assert more - whole == pytest.approx(weight[term], rel=1e-4)


@pytest.mark.parametrize("name", ["full", "ours", "no_gan", "no_guard", "pianoroll"])
def test_the_terms_of_a_batch_are_those_of_the_paper(name, data):
    """L_GANG of both domains, L_CONST and L_TV of sources, L_TID of targets."""
    made = networks(name)
    config = made.config
    s, t = (training.Painted.of(data.windows(n)[:4], config) for n in "ST")
    terms = training.generator_terms(config, made, s, t)
    with torch.no_grad():
        x, y = made.generate(s.x)[1], made.generate(t.x)[1]
        shown_x, shown_y = made.shown(x, *s[1:]), made.shown(y, *t[1:])
        moved = losses.const(made.f(s.x)[0], made.f(shown_x)[0], config.guard)
        expected = {
            "const": moved,
            "gang": losses.gang(*map(made.score, (shown_x, shown_y))),
        }
        expected |= {"tid": losses.tid(t.x, y), "tv": losses.tv(x, config.power)}
    expected["gang"] *= name != "no_gan"
    assert terms.keys() == expected.keys()
    for key, value in expected.items():
        assert float(terms[key].detach()) == pytest.approx(float(value), rel=1e-4), key


# Networks


@pytest.mark.parametrize("name", TRAINED)
def test_shapes_and_ranges(name):
    made = networks(name)
    x = pictures_of(3, made.config.layout)
    features, y = made.generate(x)
    assert features.shape == (3, 8) and y.shape == x.shape and made.score(x).shape == (3,)
    assert features.abs().max() <= 1 and y.abs().max() <= 1
    assert np.allclose(made.transfer(x.numpy()), y.detach(), atol=1e-5)
    assert np.allclose(made.extract(x.numpy()), features.detach(), atol=1e-5)


def test_the_paper_has_its_filters_and_its_start():
    made = Networks(Config())
    convolutions = [m for m in made.both.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {m.kernel_size for m in convolutions} == {(3, 3), (4, 4)}
    assert [m.kernel_size for m in (made.f.waist, made.g.waist)] == [(4, 4), (4, 4)]
    assert made.f(pictures_of(2))[0].shape == (2, 128)
    for m in convolutions:  # Xavier: sqrt(6 / (fans in + fans out)) at most
        fans = sum(m.weight.shape[:2]) * m.kernel_size[0] ** 2
        assert m.weight.abs().max() <= math.sqrt(6 / fans) and not m.bias.any()
    config = Config.paper()
    assert (config.rate, config.batch, config.features) == (3e-4, 128, 128)


@pytest.mark.parametrize("changes", [{}, {"residual": False}, {"causal": True}])
def test_without_skips_the_content_goes_through_the_features_alone(changes):
    x, other = pictures_of(2), pictures_of(2, seed=1)
    for skip in (True, False):
        made = networks(skip=skip, **changes)
        (features, maps), (_, others) = made.f(x), made.f(other)
        alike = torch.equal(made.g(features, maps), made.g(features, others))
        assert alike != skip
    made = networks("recurrent", skip=False)
    assert torch.equal(made.g(features, made.f(x)[1]), made.g(features, made.f(other)[1]))


def test_a_residual_connection_is_the_identity_where_its_filters_are_shut():
    for residual in (True, False):
        block = networks(residual=residual).f.blocks[0]
        for p in block.parameters():
            torch.nn.init.zeros_(p)
        x = torch.rand(1, block.first.in_channels, 8, 8)
        assert torch.equal(block(x), x if residual else 0 * x)


def test_causal_filters_see_no_future():
    """Of a unit of any map, and of g where the features stand still, no slope reaches a
    pixel that comes after it, row by row; without the mask it does.
    """
    for causal in (True, False):
        made, future = networks(causal=causal, width=4), []
        x = pictures_of(4).requires_grad_()
        maps = made.f.layers(x)
        y = made.g(torch.zeros(4, 8), maps)
        for h, size in [*zip(maps, SIZES), (y, 32)]:
            for i, j in ((0, size - 1), (size // 2, size // 2), (size - 2, 1)):
                (slope,) = torch.autograd.grad(h[:, :, i, j].sum(), x, retain_graph=True)
                seen = np.flatnonzero((slope != 0).any(0).any(0).numpy())
                now = (32 * i + j) * 32 // size  # the first pixel of this unit
                assert len(seen)
                future.append(seen.max() > now)
        assert any(future) != causal


def test_deep_units_see_more_than_shallow_ones():
    _, span = receptive_pixels(networks(width=8).f.layers)
    assert span[0] == 2 * 32 + 3 and span[0] < span[1] < span[2] == span[3] == 1024


@pytest.mark.parametrize("scale", ["laptop", "shipped"])
def test_the_recurrent_twin_is_of_equal_size(scale):
    sizes = []
    for name in ("full", "recurrent"):
        made = Networks(method(name, getattr(Config, scale)()))
        sizes.append(sum(p.numel() for p in made.both.parameters()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)


def test_the_recurrent_twin_hears_the_order_of_time():
    made = networks("recurrent")
    x = pictures_of(2).requires_grad_()
    features, states = made.f(x)
    with torch.no_grad():
        features, states = features.detach(), states.detach()
    states.requires_grad_()
    y = made.g(features, states).flatten(2)
    (slope,) = torch.autograd.grad(y[:, :, 500].sum(), states)
    heard = (slope != 0).any(2).any(0)
    assert heard[500] and not heard[501:].any()  # g goes one way; f hears both


def test_what_is_shown_is_legal_and_its_slope_is_that_of_the_picture():
    made = networks("ours")
    y = (1.2 * pictures_of(3, "channels")).requires_grad_()
    rows = toy_domains().windows("S")[:3]
    scale, no_form = torch.from_numpy(pictures.on_scale(rows)), torch.arange(32).tile(3, 1)
    shown = made.shown(y, scale, no_form)
    weight = torch.rand(shown.shape)
    (shown * weight).sum().backward()
    assert torch.equal(y.grad, weight)  # the identity
    found, y = shown.detach(), y.detach()
    assert torch.isin(found[:, 1:].round(decimals=5), torch.tensor([-1.0, 1.0])).all()
    assert (found[:, 1].flatten(1)[:, 1::2] < 0).all()  # onsets on 16ths
    pitch, own = 18 * found[:, 0].flatten(1), 18 * y[:, 0].clamp(-1, 1).flatten(1)
    for row, p, q in zip(rows, pitch, own):
        allowed = np.unique(pictures.on_scale(row[None])[0]) - 60
        assert np.isin(np.round(p.numpy(), 3), allowed).all()
        away = np.abs(q.numpy()[:, None] - allowed).min(1)
        # the nearest, of what it is rounded to; no two bars of noise are alike
        assert (np.abs(p.numpy() - q.numpy()) <= away + 1.01).all()
    x = training.Painted.of(rows, made.config)
    assert torch.allclose(made.shown(*x), x.x, atol=1e-5)
    soft = pictures_of(3)
    assert networks("full").shown(soft) is soft


def bars_of_16ths(rng, kinds, bars=32):
    """A line whose bars are of some kinds, each with a note at its start and no rest."""
    own = np.ones((kinds, 32), np.uint8)
    own[:, ::2] = np.where(
        rng.random((kinds, 16)) < 0.5, rng.integers(42, 79, (kinds, 16)), 1
    )
    own[:, 0] = rng.integers(42, 79, kinds)
    return own[rng.integers(0, kinds, bars)].reshape(-1)


@pytest.mark.parametrize("seed", range(8))
def test_pictures_are_rounded_to_what_will_be_heard(seed):
    """On 16ths, with a note at each bar and no rest, `rounded` is `pictures.heard`."""
    rng, config = np.random.default_rng(seed), method("ours", TINY)
    sources = np.stack([bars_of_16ths(rng, kinds) for kinds in (2, 5, 12, 32)])
    _, scale, form = training.Painted.of(sources, config)
    sources = pictures.heard(sources, sources)
    made = np.stack([bars_of_16ths(rng, kinds) for kinds in (32, 3, 8, 20)])
    near = np.where(rng.random(sources.shape) < 0.05, 60, sources) * (sources > 1)
    made = np.concatenate([made, np.where(near > 1, near, sources)])  # riffs, nearly
    sources = np.concatenate([sources, sources])
    scale, form = (torch.cat([part, part]) for part in (scale, form))
    soft = pictures.encode(made, "channels") * rng.uniform(0.2, 1, (8, 3, 32, 32))
    soft[:, 0] = pictures.encode(made, "channels")[:, 0]  # the pitch is no switch
    y = torch.from_numpy(soft.astype(np.float32))
    found = rounded(y, scale, form).numpy()
    assert np.array_equal(pictures.decode(soft, "channels"), made)
    expected = pictures.heard(made, sources)
    assert np.allclose(found, pictures.encode(expected, "channels"), atol=1e-6)
    assert np.array_equal(pictures.decode(found, "channels"), expected)
    assert (expected != made).any()


def test_rounded_pictures_stay_as_they_are():
    rng, config = np.random.default_rng(0), method("ours", TINY)
    rows = np.stack([bars_of_16ths(rng, kinds) for kinds in (1, 4, 16)])
    x, scale, form = training.Painted.of(rows, config)
    assert torch.allclose(rounded(x, scale, form), x, atol=1e-6)
    noise = rounded(pictures_of(3, "channels"), scale, form)
    for row, first in zip(noise, form):
        for bar, same in enumerate(first):  # what is alike in the source is alike
            assert torch.equal(row[:, bar], row[:, same])


def test_the_parameters_keep_their_names():
    """Weights that ship have them."""
    made = networks()
    names = {k.rsplit(".", 1)[0] for k in made.both.state_dict()}
    f = ["inlet", "waist", *(f"halve.{i}" for i in range(3))]
    g = ["waist", "outlet", *(f"mix.{i}" for i in range(4))]
    g += [f"enlarge.{i}" for i in range(3)]
    blocks = [f"blocks.{i}.{one}" for i in range(3) for one in ("first", "second")]
    assert names == {f"f.{n}" for n in f + blocks} | {f"g.{n}" for n in g + blocks}
    names = set(networks("recurrent").both.state_dict())
    ends = [f"{a}_{b}_l0" for a in ("weight", "bias") for b in ("ih", "hh")]
    assert {f"f.gru.{e}" for e in ends} | {f"g.gru.{e}" for e in ends} <= names
    assert set(asdict(Config())) >= set(
        "layout width features residual skip causal".split()
    )


# The training


@pytest.mark.parametrize("name", ["full", "ours", "schedule"])
def test_d_and_g_learn_in_turn_and_each_alone(tmp_path, data, name, monkeypatch):
    """The step of D sends nothing into f and g, and feels nothing of the step before."""
    seen, real = [], training.descend

    def watched(run, loss, model, optimizer, **options):
        own = [*model.parameters()]
        trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
        assert trained == {id(p) for p in own}
        others = [p for m in models if m is not model for p in m.parameters()]
        before = [p.detach().clone() for p in others]
        grads = torch.autograd.grad(loss, own, retain_graph=True, allow_unused=True)
        sent = torch.autograd.grad(loss, others, retain_graph=True, allow_unused=True)
        real(run, loss, model, optimizer, **options)
        for p, g in zip(own, grads):
            assert torch.equal(p.grad, g)
        assert all(torch.equal(p, q) for p, q in zip(others, before))
        is_d = model is models[1]
        seen.append("d" if is_d else "g")
        assert all(g is None for g in sent) == is_d  # G hears D, D hears nothing of G

    models, make = [], training.Networks

    def noted(*arguments):
        made = make(*arguments)
        models.extend([made.both, made.d])
        return made

    monkeypatch.setattr(training, "Networks", noted)
    monkeypatch.setattr(training, "descend", watched)
    run(tmp_path / "run", data, replace(method(name, TINY), steps=2), name)
    assert "".join(seen) == {"schedule": "dddgggggggggg"}.get(name, "dg") * 2


def test_without_a_discriminator_d_is_never_touched(tmp_path, data):
    config = method("no_gan", TINY)
    made, rows = run(tmp_path / "run", data, config)
    torch.manual_seed(0)
    assert not any(p.grad is not None for p in made.d.parameters())
    assert all(row["gang"] == 0 for row in rows) and all("d" not in row for row in rows)


@pytest.mark.parametrize("name", TRAINED)
def test_every_method_trains(tmp_path, data, name):
    config = replace(method(name, TINY), steps=2)
    made, rows = run(tmp_path / "run", data, config, name)
    assert all(t.isfinite().all() for t in weights(made).values())
    assert len(rows) == 2 and {"const", "tid", "tv", "held_out"} <= set(rows[-1])
    torch.manual_seed(3)
    assert not same(weights(made), weights(Networks(config)))
    with opened(tmp_path / "run", data, config, name) as own:  # it is finished: the same
        assert same(weights(training.train(config, data, own)), weights(made))


def test_the_average_lags_behind(tmp_path, data):
    """theta'_t = a theta'_(t-1) + (1 - a) theta_t, from the first weights on."""
    config = replace(method("ours", TINY), average=0.9, adversary=0.0, steps=1)
    torch.manual_seed(3)
    start = weights(Networks(config))
    last = weights(run(tmp_path / "last", data, replace(config, average=0.0))[0])
    kept = weights(run(tmp_path / "kept", data, config)[0])
    moved = 0
    for name in (n for n in kept if not n.startswith("d.")):
        assert torch.allclose(kept[name], 0.9 * start[name] + 0.1 * last[name], atol=1e-6)
        moved += int(not torch.equal(start[name], last[name]))
    assert moved > 10


def test_the_average_is_what_the_training_gives_back(tmp_path, data, monkeypatch):
    """Over all steps of G, those of a killed training included; D is never averaged."""
    config, real = replace(method("ours", TINY), steps=4, average=0.8), training.descend
    torch.manual_seed(3)
    kept = [p.detach().clone() for p in Networks(config).both.parameters()]
    last = {}

    def watched(run, loss, model, optimizer, **options):
        real(run, loss, model, optimizer, **options)
        own = [p.detach().clone() for p in model.parameters()]
        if isinstance(model, torch.nn.ModuleDict):
            kept[:] = [0.8 * a + 0.2 * b for a, b in zip(kept, own)]
        last[isinstance(model, torch.nn.ModuleDict)] = own

    monkeypatch.setattr(training, "descend", watched)
    made, _ = run(tmp_path / "run", data, config)
    for p, average, end in zip(made.both.parameters(), kept, last[True]):
        assert torch.allclose(p, average, atol=1e-6)
        assert not torch.equal(p, end)
    assert all(torch.equal(*pair) for pair in zip(made.d.parameters(), last[False]))


def test_it_learns_to_leave_the_target_alone(tmp_path, data):
    config = replace(TINY, width=4, steps=60, rate=3e-3, every=20)
    _, rows = run(tmp_path / "run", data, config)
    tid = [row["tid"] for row in rows]
    assert tid[-1] < 0.3 * tid[0]
    assert [i for i, row in enumerate(rows) if "copied" in row] == [0, 20, 40, 59]


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", ["full", "ours", "schedule"])
def test_a_killed_training_goes_on_bit_by_bit(tmp_path, data, name, monkeypatch):
    config, real = replace(method(name, TINY), steps=4), training.steps
    whole, rows = run(tmp_path / "whole", data, config, name)

    def dying(*arguments, **options):
        for i, step in enumerate(real(*arguments, **options, every=1)):
            if i == 2:
                raise Killed
            yield step

    monkeypatch.setattr(training, "steps", dying)
    with pytest.raises(Killed):
        run(tmp_path / "killed", data, config, name)
    monkeypatch.undo()
    again, others = run(tmp_path / "killed", data, config, name)
    assert same(weights(whole), weights(again)) and rows == others


MORTAL = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import test_domain_transfer_train as here
from fusiontools.papers.domain_transfer import training
real = training.steps
def mortal(*arguments, **options):
    for i, step in enumerate(real(*arguments, **options, every=1)):
        left = [300]
        def count(frame, event, argument):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
        if i == 2:
            sys.setprofile(count)
        yield step
training.steps = mortal
here.run({folder!r}, here.toy_domains(), here.SURVIVOR)
"""
SURVIVOR = replace(method("ours", TINY), steps=4)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_by_the_system_it_goes_on_bit_by_bit(tmp_path, data):
    whole, rows = run(tmp_path / "whole", data, SURVIVOR)
    here = Path(__file__).parent
    paths = [str(here.parents[1]), os.environ.get("PYTHONPATH")]
    code = MORTAL.format(here=str(here), folder=str(tmp_path / "killed"))
    own = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert (tmp_path / "killed" / "config.json").is_file()
    again, others = run(tmp_path / "killed", data, SURVIVOR)
    assert same(weights(whole), weights(again)) and rows == others


# The settings


def test_a_method_changes_what_it_is_named_for_and_nothing_else():
    base, changed = asdict(Config.shipped()), {}
    for name in TRAINED:
        own = asdict(method(name, Config.shipped()))
        changed[name] = {setting for setting in base if own[setting] != base[setting]}
    ours = changed.pop("ours")
    assert {"layout", "legal", "steps_between"} <= ours
    assert changed.pop("ours_no_gan") == ours | {"adversary"}
    assert changed == {
        "full": set(),
        "plain": {"residual", "skip"},
        "no_residual": {"residual"},
        "no_skip": {"skip"},
        "no_tv": {"gamma"},
        "no_const": {"alpha"},
        "no_gan": {"adversary"},
        "no_guard": {"guard"},
        "causal": {"causal"},
        "recurrent": {"recurrent"},
        "schedule": {"d_steps", "g_steps"},
        "pianoroll": {"layout"},
    }
    assert {*TRAINED, *UNTRAINED} == set(METHODS) and not {*TRAINED} & {*UNTRAINED}
    for name, says in (
        ("copy", "needs no training"),
        ("hope", "there is no method 'hope'"),
    ):
        with pytest.raises(FusionError, match=says):
            method(name, Config())
    with pytest.raises(ValueError, match="no layout 'hope'"):
        Config(layout="hope")


def test_every_setting_is_explained():
    source = inspect.getsource(Config)
    assert all(f"{name}:" in source for name in asdict(Config()))
    assert source.count("#:") >= len(asdict(Config()))

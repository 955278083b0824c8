"""The masked transformer: what its loss bounds, how masks are filled, what its four verbs
keep, and a stopped training that goes on bit by bit.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.compare import masked
from fusiontools.compare.masked import MASK, NONE, TOKENS, Config, Transformer
from fusiontools.compare.tunes import STEPS, Tunes
from fusiontools.music.grid import repair_grid
from fusiontools.training import Run

TINY = Config.smoke()


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def melodies(n, seed=0):
    """Legal melodies: a note, some holds, now and then a rest."""
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random((n, STEPS)) < 0.4, rng.integers(55, 80, (n, STEPS)), 1)
    return repair_grid(np.where(rng.random((n, STEPS)) < 0.05, 0, rows).astype(np.uint8))


def toy():
    arrays = {}
    for number, genre in enumerate("AB"):
        for part in ("train", "validation", "test"):
            arrays[f"{genre}_{part}"] = melodies(12, number)
            arrays[f"{genre}_{part}_song"] = np.array(["one", "two"] * 6)
    return Tunes("toy", ("a", "b"), arrays, {"corpora": []})


class Fixed(torch.nn.Module):
    """A network that says the same of every place: one row of log-odds for each genre."""

    def __init__(self, rows):
        super().__init__()
        self.rows = torch.tensor(rows, dtype=torch.float32)

    def forward(self, x, genre):
        return self.rows[genre][:, None].expand(-1, x.shape[1], -1)


def test_the_bound_is_exact_where_no_token_tells_of_another():
    # then -log p(x) is a sum over tokens, and the expectation over masks is that sum
    rows = torch.randn(3, TOKENS, generator=dice(1)).tolist()
    net, x = Fixed(rows), masked.as_classes(melodies(1)).repeat(4000, 1)
    genre = torch.ones(len(x), dtype=torch.int64)
    exact = -torch.log_softmax(net.rows[1], 0)[x[0]].mean()
    found = masked.loss_of(net, x, genre, dice()).mean()
    assert found == pytest.approx(exact.item(), rel=0.02)


def test_the_loss_sees_nothing_behind_a_mask_and_counts_nothing_else(monkeypatch):
    seen = []

    class Spy(Fixed):
        def forward(self, x, genre):
            seen.append(x)
            return super().forward(x, genre)

    x = masked.as_classes(melodies(8))
    net = Spy([[0.0] * TOKENS] * 3)
    found = masked.loss_of(net, x, torch.zeros(8, dtype=torch.int64), dice(3))
    hidden = seen[0] == MASK
    assert torch.equal(seen[0][~hidden], x[~hidden])
    share = hidden.float().mean(1)
    assert share.min() < 0.25 and share.max() > 0.75  # spread over the batch
    # each masked token costs log V, weighted by 1/t: near log V in all
    assert found.mean() == pytest.approx(np.log(TOKENS), rel=0.3)


@given(st.integers(0, 2**31), st.floats(0, 1), st.integers(1, 70))
def test_filling_leaves_no_mask_and_keeps_the_rest(seed, hidden, rounds):
    torch.manual_seed(0)
    net, x = Transformer(TINY).eval(), masked.as_classes(melodies(2, seed % 1000))
    mask = torch.rand(x.shape, generator=dice(seed)) < hidden
    given_ = torch.where(mask, MASK, x)
    made = masked.fill(net, given_, (0.5, 0.5), rounds=rounds, seed=seed)
    assert (made < MASK).all() and torch.equal(made[~mask], x[~mask])


@settings(max_examples=10)
@given(st.integers(0, 2**31), st.integers(1, 70))
def test_a_filling_depends_on_its_seed_and_on_nothing_else(seed, rounds):
    net, seen = Transformer(TINY).eval(), torch.full((2, STEPS), MASK)
    ways = dict(mix=(0.5, 0.5), rounds=rounds)
    made, again = (masked.fill(net, seen, seed=seed, **ways) for _ in range(2))
    assert torch.equal(made, again)
    assert not torch.equal(made, masked.fill(net, seen, seed=seed + 1, **ways))


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        ((1.0, 0.0), [8, 1, 1]),
        ((0.0, 1.0), [1, 8, 1]),
        ((0.0, 0.0), [1, 1, 1]),
        ((0.5, 0.5), [8**0.5, 8**0.5, 1]),
        ((2.0, 0.0), [64, 1, 1]),
    ],
)
def test_a_mix_of_genres_is_a_product_of_their_odds(mix, expected):
    off = [-50.0] * (TOKENS - 3)
    log8 = float(np.log(8))
    net = Fixed([[log8, 0, 0, *off], [0, log8, 0, *off], [0, 0, 0, *off]])
    x = torch.full((200, STEPS), MASK)
    made = masked.fill(net, x, mix, rounds=4)
    found = torch.bincount(made.flatten(), minlength=3)[:3] / made.numel()
    assert found.numpy() == pytest.approx(np.array(expected) / sum(expected), abs=0.01)


@pytest.mark.parametrize(
    ("mix", "asked"),
    [((0.0, 0.0), {2}), ((0.0, 1.0), {1}), ((0.5, 0.5), {0, 1}), ((0.3, 0.9), {0, 1, 2})],
)
def test_only_those_who_weigh_something_are_asked(mix, asked):
    heard = set()

    def counted(x, genre):
        heard.update(genre.tolist())
        return torch.zeros(*x.shape, TOKENS)

    masked.fill(counted, torch.full((2, STEPS), MASK), mix, rounds=3)
    assert heard == asked


def test_cold_is_the_likeliest():
    net = Fixed([[0.0, 1.0, 2.0, *[-9.0] * (TOKENS - 3)]] * 3)
    x = torch.full((4, STEPS), MASK)
    assert (masked.fill(net, x, (1.0, 0.0), 3, temperature=0.01) == 2).all()


def test_verbs_keep_what_they_do_not_mask():
    torch.manual_seed(1)
    net, rows = Transformer(TINY).eval(), melodies(3)
    made = masked.join(net, rows[:, :64], rows[:, 64:], bars=1, rounds=4)
    assert np.array_equal(made[:, :48], rows[:, :48])
    # a hold that follows what became a rest is one, too
    kept = (made[:, 80:] == rows[:, 80:]) | (rows[:, 80:] == 1)
    assert kept.all() and not np.array_equal(made[:, 48:80], rows[:, 48:80])
    made = masked.transfer(net, rows, "B", every=8, rounds=4)
    stays = (np.arange(STEPS) % 8 == 0) & (rows > 1)
    assert np.array_equal(made[stays], rows[stays]) and not np.array_equal(made, rows)
    other = np.where(stays, rows, np.where(melodies(3, 9) > 1, melodies(3, 9), 0))
    other = np.where((np.arange(STEPS) % 8 == 0) & ~stays, 0, other).astype(np.uint8)
    again = masked.transfer(net, other, "B", every=8, rounds=4)
    assert np.array_equal(made, again)  # nothing else of the source is seen
    for made in (masked.generate(net, 3, "A", rounds=4), masked.fuse(net, 3, rounds=4)):
        assert made.shape == (3, STEPS) and np.array_equal(made, repair_grid(made))


def test_attention_reaches_every_place_and_knows_how_far_it_is():
    torch.manual_seed(0)
    net = Transformer(replace(TINY, dropout=0.0)).eval()
    x, genre = masked.as_classes(melodies(1)), torch.tensor([NONE])
    far = x.clone()
    far[0, -1] = (far[0, -1] + 1) % TOKENS
    assert (net(far, genre) != net(x, genre)).any(-1).all()
    block = net.blocks[0]
    before = net(x, genre)
    with torch.no_grad():
        block.distance[:, STEPS - 1 + 1] = 5.0  # what stands one token before
    assert not torch.allclose(before, net(x, genre))


def opened(folder, config, data):
    torch.set_num_threads(1)
    about = {"paper": "masked", "method": "masked", "scale": "smoke", "seed": 3}
    told = {"name": data.name, "sha256": data.hash}
    return Run.open(folder, config=config, data=told, **about)


def trained(folder, config, data):
    with opened(folder, config, data) as run:
        return masked.train(config, data, run).state_dict(), run.history.rows


def test_a_stopped_training_goes_on_bit_by_bit(tmp_path, monkeypatch):
    data, real, calls = toy(), masked.descend, []
    whole, history = trained(tmp_path / "whole", TINY, data)

    def stops(*given, **how):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*given, **how)

    monkeypatch.setattr(masked, "descend", stops)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", TINY, data)
    monkeypatch.setattr(masked, "descend", real)
    again, told = trained(tmp_path / "cut", TINY, data)
    assert all(torch.equal(whole[k], again[k]) for k in whole)
    assert len(history) == len(told) == TINY.steps


def test_it_learns_what_there_is_to_learn(tmp_path):
    # all melodies of a genre are alike: the bound falls from log V towards nothing
    data = toy()
    for genre, pitch in (("A", 60), ("B", 72)):
        for part in ("train", "validation"):
            row = np.tile(np.array([pitch, 1, 1, 1], np.uint8), STEPS // 4)
            data.arrays[f"{genre}_{part}"] = np.tile(row, (12, 1))
    config = replace(TINY, steps=60, every=59, warmup=5, rate=1e-2, dropout=0.0, batch=16)
    state, history = trained(tmp_path, config, data)
    assert history[-1]["unseen"] < 0.3 < history[0]["unseen"]
    net = Transformer(config)
    net.load_state_dict(state)
    net.eval()
    a, b = (masked.generate(net, 4, genre, temperature=0.1) for genre in "AB")
    assert (a == 60).mean() > 0.2 and (b == 72).mean() > 0.2
    assert not (a == 72).any() and not (b == 60).any()

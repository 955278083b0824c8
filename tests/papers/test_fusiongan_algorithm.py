"""Algorithm 1 at the size of a toy: it learns, it can be taken over and continued bit by
bit, and every method comes out.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan import algorithm, losses
from fusiontools.papers.fusiongan.algorithm import Training, train
from fusiontools.papers.fusiongan.config import METHODS, TRAINED, UNTRAINED, Config, method
from fusiontools.papers.fusiongan.data import Pair, token_histograms
from fusiontools.papers.fusiongan.sampling import sample_tokens, to_notes, writer_of
from fusiontools.training import Run

TINY = replace(
    Config.smoke(),
    batch=8,
    hidden=8,
    filters=((1, 4), (3, 4)),
    d_start=2,
    genre_steps=2,
    fusion_rounds=2,
)


@pytest.fixture(scope="module")
def pair():
    """Two domains that differ in pitch and in length."""
    rng, arrays = np.random.default_rng(0), {}
    for domain, scale, lengths in (
        ("A", range(12), (0, 1)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (1, 2)),
    ):
        for part, many in (("train", 24), ("validation", 8), ("test", 8)):
            arrays[f"{domain}_{part}"] = (
                3 * rng.choice(list(scale), (many, 10)) + rng.choice(lengths, (many, 10))
            ).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    return Pair(
        "toy",
        ("jazz", "folk"),
        Vocabulary("notes", 60, 71, 4, (1, 2, 4)),
        arrays,
        {"corpora": []},
    )


def run(folder, pair, name, config, adopted=None):
    torch.set_num_threads(1)
    asked = dict(
        paper="fusiongan",
        method=name,
        scale="smoke",
        config=config,
        data={"name": pair.name, "sha256": pair.hash},
        seed=3,
    )
    with Run.open(folder, **asked) as opened:
        return train(config, pair, opened, adopted), opened.history


def weights(networks):
    return {
        f"{name}.{key}": t.clone()
        for name, model in networks.state().items()
        for key, t in model.state_dict().items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("name", TRAINED)
def test_every_method_trains_and_writes_melodies(tmp_path, pair, name):
    config = replace(method(name, TINY), genre_steps=2)
    networks, history = run(tmp_path / "run", pair, name, config)
    assert [row["phase"] for row in history.rows if row["step"] == 0] == ["mle"]
    assert {row["phase"] for row in history.rows} == set(config.phases)
    tokens = sample_tokens(writer_of(networks, config), 7)
    assert (
        tokens.shape == (7, 36)
        and tokens.min() >= 0
        and tokens.max() < pair.vocabulary.size
    )
    assert all(t.isfinite().all() for t in weights(networks).values())


def test_a_phase_taken_over_from_another_run_changes_nothing(tmp_path, pair):
    config = method("fusion", TINY)
    run(
        tmp_path / "first",
        pair,
        "pretraining",
        replace(config, phases=("mle", "critics", "game")),
    )
    alone, _ = run(tmp_path / "alone", pair, "fusion", config)
    sharing, history = run(
        tmp_path / "sharing", pair, "fusion", config, adopted=tmp_path / "first"
    )
    assert same(weights(alone), weights(sharing))
    assert {row["phase"] for row in history.rows} == {"fusion"}  # nothing was done twice
    _, history = run(
        tmp_path / "other",
        pair,
        "fusion",
        replace(config, bound="none"),
        adopted=tmp_path / "first",
    )
    assert {row["phase"] for row in history.rows} == {
        "critics",
        "game",
        "fusion",
    }  # what differs is trained anew


class Killed(Exception):
    pass


def kill(monkeypatch, at):
    """From now on a training dies in its so-manyth step; every step is saved."""
    taken, real = [0], algorithm.steps

    def dying(*arguments, **options):
        for step in real(*arguments, **options, every=1):
            taken[0] += 1
            if taken[0] == at:
                raise Killed
            yield step

    monkeypatch.setattr(algorithm, "steps", dying)


@pytest.mark.parametrize("at", [2, 5, 8])
def test_a_killed_training_goes_on_bit_by_bit(tmp_path, pair, at, monkeypatch):
    config = method("fusion_ours", TINY)
    whole, _ = run(tmp_path / "whole", pair, "fusion_ours", config)
    kill(monkeypatch, at)
    with pytest.raises(Killed):
        run(tmp_path / "killed", pair, "fusion_ours", config)
    monkeypatch.undo()
    again, _ = run(tmp_path / "killed", pair, "fusion_ours", config)
    assert same(weights(whole), weights(again))


def test_maximum_likelihood_learns(tmp_path, pair):
    _, history = run(
        tmp_path / "run",
        pair,
        "mle",
        replace(method("mle", TINY), mle_epochs=20, mle_rate=2e-2),
    )
    _, loss = history.column("nll_B")
    assert np.mean(loss[-5:]) < 0.85 * loss[0]
    assert len(history.column("held_out_F")[1]) == 20


# Overfitting: what is kept is the best epoch


@pytest.fixture(scope="module")
def hard(pair):
    """A pair with little to learn and less to judge by: it is soon learned by heart."""
    rng, arrays = np.random.default_rng(1), dict(pair.arrays)
    for domain in "AB":
        for part, many in (("train", 8), ("validation", 4)):
            rows = 3 * rng.integers(0, 12, (many, 10)) + rng.integers(0, 2, (many, 10))
            arrays[f"{domain}_{part}"] = rows.astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    return replace(pair, name="hard", arrays=arrays)


BY_HEART = replace(method("mle", TINY), mle_epochs=70, mle_rate=3e-2)


def test_maximum_likelihood_keeps_each_generator_as_it_was_at_its_best(
    tmp_path, hard, monkeypatch
):
    seen, real = {n: [] for n in "ABF"}, Training.held_out

    def noted(training, generators, **asked):
        found = real(training, generators, **asked)
        if generators is training.networks.g:
            for n in "ABF":
                state = generators[n].state_dict()
                seen[n].append((found[n], {k: t.clone() for k, t in state.items()}))
        return found

    torch.manual_seed(3)  # what an untrained one would say
    monkeypatch.setattr(Training, "held_out", noted)
    networks, history = run(tmp_path / "run", hard, "mle", BY_HEART)
    for n in "ABF":
        losses_, states = zip(*seen[n])
        assert list(losses_) == history.column(f"held_out_{n}")[1]
        best = int(np.argmin(losses_))
        assert best < 60 and losses_[-1] > losses_[best] + 0.2  # it learned by heart
        assert all(torch.equal(networks.g[n].state_dict()[k], states[best][k])
                   for k in states[best])  # fmt: skip
        for other in (networks.rolling[n], *([networks.prior] if n == "F" else [])):
            assert same(other.state_dict(), networks.g[n].state_dict())
    assert len({int(np.argmin([loss for loss, _ in seen[n]])) for n in "ABF"}) > 1


@pytest.mark.parametrize("at", [1, 16, 30, 70])
def test_the_best_epoch_is_kept_by_who_was_killed_and_went_on(
    tmp_path, hard, at, monkeypatch
):
    whole, _ = run(tmp_path / "whole", hard, "mle", BY_HEART)
    kill(monkeypatch, at)
    with pytest.raises(Killed):
        run(tmp_path / "killed", hard, "mle", BY_HEART)
    monkeypatch.undo()
    again, history = run(tmp_path / "killed", hard, "mle", BY_HEART)
    assert same(weights(whole), weights(again))
    assert len(history.column("held_out_A")[1]) == 70


def test_the_best_epoch_is_what_another_run_takes_over(tmp_path, hard):
    first, _ = run(tmp_path / "first", hard, "mle", BY_HEART)
    config = replace(BY_HEART, phases=("mle", "genre"), tries=2)
    other, history = run(tmp_path / "other", hard, "rejection", config, tmp_path / "first")
    assert {row["phase"] for row in history.rows} == {"genre"}
    for n in "ABF":
        assert same(first.g[n].state_dict(), other.g[n].state_dict())


# One step, or a few: which way do they go?


def beginning(pair, **changes):
    """A training before its first step, and what it logs."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    told = {}
    known = dict(seed=0, rank=0, processes=1, fabric=None)
    run = SimpleNamespace(log=lambda **row: told.update(row), **known)
    training = Training(replace(TINY, **changes), pair, run)
    training.begin("fusion")
    return training, told


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def test_a_critic_learns_to_tell_real_melodies_from_its_generators(pair):
    training, _ = beginning(pair)
    for n in "ABF":
        x, y, d = training.real(n), training.written(n), training.networks.d[n]
        before, optimizer = losses.two_way(d(x), d(y)), adam(d)
        for _ in range(20):
            algorithm.critic_step(training, n, optimizer)
        assert losses.two_way(d(x), d(y)) > before + 0.2


def test_a_critic_ascends_its_part_of_the_objective_in_the_fusion(pair):
    training, told = beginning(pair)
    for n in "ABF":
        batch, optimizer = training.sources(1), adam(training.networks.d[n])

        def value(n=n, batch=batch):
            return losses.critic_objective(n, training.scores([n], batch))

        before = value()
        for _ in range(20):
            algorithm.fusion_critic_step(training, n, batch, optimizer)
        assert value() > before + 0.05
        assert f"ascends_{n}" in told


def test_the_kl_penalty_draws_the_generator_back_to_its_prior(pair):
    training, told = beginning(pair)
    g, y = training.networks.g["F"], training.written("F")
    with torch.no_grad():
        g.output.bias.add_(torch.randn(len(g.output.bias)))  # away from the prior
    constant, optimizer, found = torch.ones(y.shape), adam(g), []
    for _ in range(20):
        algorithm.policy_step(training, "F", y, constant, optimizer, kl=10.0)
        found.append(told["kl"].item())
    assert found[0] > 0.1 and found[-1] < 0.8 * found[0]
    with torch.no_grad():  # KL(p || q) = sum p log(p / q), of what moved to what did not
        p, q = (m(y).softmax(-1) for m in (g, training.networks.prior))
    expected = (p * (p / q).log()).sum(-1).mean()
    algorithm.policy_step(training, "F", y, constant, optimizer, kl=10.0)
    assert told["kl"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_policy_step_makes_rewarded_tokens_likelier(pair):
    training, _ = beginning(pair)
    g, y = training.networks.g["A"], training.written("A", 8)
    reward = (y < pair.vocabulary.size // 2).float()
    optimizer = adam(g)

    def share():
        with torch.no_grad():
            p = g(y).softmax(-1)
        return float(p[..., : pair.vocabulary.size // 2].sum(-1).mean())

    before = share()
    for _ in range(20):
        algorithm.policy_step(training, "A", y, reward, optimizer)
    assert share() > before + 0.1


def test_the_genre_critic_tells_a_from_b(tmp_path, pair):
    config = replace(TINY, phases=("genre",), genre_steps=60, d_rate=1e-2)
    networks, _ = run(tmp_path / "run", pair, "fusion_ours", config)
    windows = (torch.from_numpy(pair.windows(n, "validation")) for n in "AB")
    a, b = (networks.genre(x) for x in windows)
    assert (a > 0).float().mean() > 0.8 and (b < 0).float().mean() > 0.8


def test_a_batch_of_both_genres_is_half_of_each(pair):
    training, _ = beginning(pair)
    for value, n in enumerate("AB"):
        training.windows[n] = torch.full_like(training.windows[n], value)
        assert training.real(n).unique().tolist() == [value]
    assert training.real("F")[:, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def constant_critics(training):
    """D_A, D_B and D_F say 1, 2 and 4 to everything."""
    for says, d in zip((1.0, 2.0, 4.0), training.networks.d.values()):
        for p in d.parameters():
            torch.nn.init.zeros_(p)
        torch.nn.init.constant_(d.output.bias, says)


@pytest.mark.parametrize(
    "game, expected",
    [("game", {"A": 1, "B": 2}), ("exchange", {"A": 2, "B": 1}), ("game_f", {"F": 4})],
)
def test_each_game_rewards_a_generator_by_its_critic(pair, game, expected, monkeypatch):
    training, told = beginning(pair, bound="none")
    constant_critics(training)
    training.begin(game)
    monkeypatch.setattr(algorithm, "steps", lambda run, state, total, **o: range(1))
    algorithm.PHASES[game](training)
    assert {n: told[f"reward_{n}"] for n in expected} == expected
    # critics that were exchanged do not learn
    learned = {key[-1] for key in told if key.startswith("distance_")}
    assert learned == (set() if game == "exchange" else set(expected))


def test_all_three_critics_reward_a_generator_in_the_fusion(pair):
    training, _ = beginning(pair, bound="none")
    constant_critics(training)
    # Eqs. 4 and 14, descended: D_A + D_B + D_F, and D_A + D_B - D_F
    for n, expected in {"F": 7.0, "A": -1.0, "B": -1.0}.items():
        y = training.written(n)
        found = algorithm.fusion_rewards(training, n, y, training.sources(1))
        assert found.shape == y.shape and found.unique().tolist() == [expected]


def test_our_reward_measures_critics_in_their_spreads_and_asks_the_genre_critic(pair):
    training, _ = beginning(pair, inside=0.5)
    sources, y, networks = training.sources(1), training.written("F"), training.networks
    found = algorithm.fusion_rewards(training, "F", y, sources)[:, -1]  # finished
    everything = torch.cat(list(sources.values()))
    own = [networks.d[n](y) / networks.d[n](everything).std() for n in "ABF"]
    expected = sum(own) / 3 - 0.5 * networks.genre(y).abs()
    torch.testing.assert_close(found, expected.detach())


def test_a_rollout_policy_follows_slowly(pair):
    networks = beginning(pair)[0].networks
    for p in networks.g["A"].parameters():
        torch.nn.init.ones_(p)
    for p in networks.rolling["A"].parameters():
        torch.nn.init.zeros_(p)
    other = [p.clone() for p in networks.rolling["B"].parameters()]
    for expected in (0.2, 0.36):  # 1 - 0.8, 1 - 0.8^2
        networks.follow("A", keep=0.8)
        moved = torch.cat([p.flatten() for p in networks.rolling["A"].parameters()])
        torch.testing.assert_close(moved, torch.full_like(moved, expected))
    assert all(map(torch.equal, other, networks.rolling["B"].parameters()))


def test_constant_rewards_and_no_phase_two_leave_alone_what_they_should(tmp_path, pair):
    config = method("fusion_no_phase_two", TINY)
    before, _ = run(
        tmp_path / "before",
        pair,
        "pretraining",
        replace(config, phases=("mle", "critics", "game")),
    )
    after, _ = run(tmp_path / "after", pair, "fusion_no_phase_two", config)
    one, other = weights(before), weights(after)
    moved = {
        name.partition(".")[0] for name in one if not torch.equal(one[name], other[name])
    }
    assert moved == {"g_F", "rolling_F", "d_F"}
    _, history = run(
        tmp_path / "constant",
        pair,
        "fusion_constant_rewards",
        method("fusion_constant_rewards", TINY),
    )
    assert set(history.column("reward_F")[1]) == {1.0}


def test_genres_at_distance_0_are_refused_with_what_to_do(pair):
    arrays = {key: pair.arrays[f"A{key[1:]}"] for key in pair.arrays}
    training, _ = beginning(replace(pair, arrays=arrays))
    with pytest.raises(CorpusError, match=r"distance 0.* What to do: bring more pieces"):
        algorithm.measure(training, training.sources(1))


def test_histograms_of_tokens_are_those_of_notes(pair):
    x = pair.windows("A")
    x[0, 0] = 12 * 3  # a rest
    durations, classes = token_histograms(x, pair.vocabulary)
    melodies = to_notes(x, pair.vocabulary)
    pitch = np.concatenate([m.pitch for m in melodies]) % 12
    assert classes.tolist() == np.bincount(pitch, minlength=12).tolist()
    length = np.concatenate([m.duration for m in melodies]) * 4
    assert durations.tolist() == [(length == d).sum() for d in pair.vocabulary.durations]


def test_methods_and_scales_are_complete():
    assert set(TRAINED) | set(UNTRAINED) == set(METHODS)
    for scale in ("smoke", "laptop", "shipped", "paper"):
        assert isinstance(getattr(Config, scale)(), Config)
    assert sum(number for _, number in Config.paper().filters) == 1720
    with pytest.raises(FusionError, match="needs no training"):
        method("rm", Config())
    for name in ("bound", "objective", "rewards", "joint"):
        with pytest.raises(ValueError, match=f"{name} is 'hope'"):
            Config(**{name: "hope"})


@pytest.mark.parametrize("scale", ["smoke", "laptop", "shipped", "paper"])
@pytest.mark.parametrize("name", TRAINED)
def test_every_critic_can_hear_what_it_is_given(name, scale):
    config = method(name, getattr(Config, scale)())
    longest = max(size for size, _ in config.filters)
    assert longest <= (config.stretch or 36)
    assert config.stretch or config.filters == getattr(Config, scale)().filters
    assert config.tries == 1 or "genre" in config.phases  # who else should choose?
    assert not config.inside or "genre" in config.phases
    assert config.phases[0] == "mle" and config.stretch % 3 == 0
    assert len(config.voices) == 2 or config.joint == "apart"


def test_the_weight_of_the_penalty_hangs_on_the_pair():
    for name in TRAINED:
        kl = [method(name, TINY, pair).kl for pair in (None, "essen_ryan", "weimar_essen")]
        held = name in ("fusion_kl", "fusion_ours", "fusion_stretches", "no_critics")
        assert kl == ([0.1, 0.1, 0.2] if held else [0.0] * 3)

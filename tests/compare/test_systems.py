"""Systems on common ground: what each gives, what it looks at, and what it keeps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.compare import masked, systems
from fusiontools.compare.systems import SYSTEMS, make, parameters
from fusiontools.compare.trivial import TRIVIAL, in_reach
from fusiontools.compare.tunes import HIGH, LOW, STEPS
from fusiontools.errors import FusionError
from fusiontools.music.grid import HOLD, REST, repair_grid

HERE = [name for name, system in SYSTEMS.items() if system.make]


def melodies(n, seed=0, low=55, high=80):
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random((n, STEPS)) < 0.4, rng.integers(low, high, (n, STEPS)), 1)
    rows[:, 0] = low
    return repair_grid(np.where(rng.random((n, STEPS)) < 0.05, 0, rows).astype(np.uint8))


A, B = melodies(3), melodies(3, 1, 60, 86)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """No weights of a masked transformer are needed, nor many rounds."""
    torch.manual_seed(0)
    net = masked.Transformer(masked.Config.smoke()).eval()
    monkeypatch.setattr(systems, "_net", lambda weights: net)
    monkeypatch.setattr(systems, "ROUNDS", 3)
    return net


@pytest.mark.parametrize("name", HERE)
def test_every_system_gives_a_legal_melody_for_each_pair_and_draws_if_it_says_so(name):
    made = make(name, A, B)
    assert made.shape == A.shape and made.dtype == np.uint8
    assert np.array_equal(made, repair_grid(made))
    pitches = made[made > HOLD]
    assert len(pitches) and LOW <= pitches.min() and pitches.max() <= HIGH
    assert np.array_equal(made, make(name, A, B))
    assert np.array_equal(made, make(name, A, B, seed=1)) != SYSTEMS[name].draws


@pytest.mark.parametrize("name", HERE)
def test_a_system_looks_at_what_it_says_and_at_nothing_else(name):
    uses, made = SYSTEMS[name].uses, make(name, A, B)
    same = {
        "A": np.array_equal(made, make(name, A, melodies(3, 7))),
        "B": np.array_equal(made, make(name, melodies(3, 8), B)),
    }
    other = {"A": "B", "B": "A"}
    assert all(same[genre] == (other[genre] not in uses) for genre in "AB")


@pytest.mark.parametrize("name", HERE)
def test_what_learned_has_networks_and_records_and_what_did_not_has_none(name):
    learned = SYSTEMS[name].paper != "trivial"
    assert (parameters(name) > 0) == learned == bool(SYSTEMS[name].training)


@pytest.mark.parametrize("name", [n for n in SYSTEMS if n not in HERE])
def test_what_cannot_stand_here_says_why(name):
    with pytest.raises(FusionError) as error:
        make(name, A, B)
    assert SYSTEMS[name].why and SYSTEMS[name].why in str(error.value)


def test_what_is_no_system_or_no_pair_is_refused():
    with pytest.raises(FusionError, match="splice"):
        make("polka", A, B)
    with pytest.raises(ValueError, match="pairs"):
        make("splice", A, B[:2])


def test_trivial_rows_are_what_they_are_called():
    made = {name: make(name, A, B) for name in TRIVIAL}
    assert np.array_equal(made["copy_a"], A) and np.array_equal(made["copy_b"], B)
    assert np.array_equal(made["mixture"][[0, 2]], A[[0, 2]])
    assert np.array_equal(made["mixture"][1], B[1])
    for name, bars in (("splice", [0, 1, 2, 3]), ("bars_in_turn", [0, 2, 4, 6])):
        own = made[name].reshape(3, 8, 16)
        source = A.reshape(3, 8, 16)[:, :4]
        same = (own[:, bars] == source) | (source == HOLD)  # a hold may lose its note
        assert same.all()
    steps = made["transpose"].astype(int) - A
    assert ((steps[A > HOLD] - 7) % 12 == 0).all()
    assert (made["transpose"][A <= HOLD] == A[A <= HOLD]).all()
    assert np.array_equal(made["rhythm"] > HOLD, A > HOLD)
    for row, other in zip(made["rhythm"], B):
        own, theirs = row[row > HOLD], other[other > HOLD]
        many = min(len(own), len(theirs))
        assert np.array_equal(own[:many], theirs[:many])
    for name in ("shuffle", "noise"):
        assert np.array_equal((made[name] > HOLD).sum(1), (A > HOLD).sum(1))
    assert np.array_equal(np.sort(made["shuffle"][made["shuffle"] > HOLD]), _sorted(A))


def _sorted(rows):
    return np.sort(rows[rows > HOLD])


@given(st.integers(0, 2**31), st.integers(20, 60), st.integers(61, 110))
def test_in_reach_moves_by_octaves_and_no_more_than_it_must(seed, low, high):
    rows = melodies(2, seed, low, high)
    moved = in_reach(rows)
    pitches, sounds = moved[moved > HOLD], rows > HOLD
    assert pitches.min() >= 55 and pitches.max() <= 84
    assert ((moved.astype(int) - rows)[sounds] % 12 == 0).all()
    assert np.array_equal(moved[~sounds], rows[~sounds])
    assert np.array_equal(in_reach(moved), moved)


def test_a_fusion_keeps_the_first_idea_before_the_second():
    # what Connective Fusion is given is four bars of A and the last four of B
    a = np.full((1, STEPS), REST, np.uint8)
    a[0, :64:4] = 60
    b = np.full((1, STEPS), REST, np.uint8)
    b[0, 64::8] = 72
    made = make("connective", a, b) > HOLD
    assert made[0, :64].sum() > made[0, 64:].sum() > 0


def test_a_transfer_starts_where_its_melody_starts():
    late = A.copy()
    late[:, :32] = REST
    made = make("domain_transfer", repair_grid(late), B)
    assert not (made[:, :32] > HOLD).any() and (made[:, 32:] > HOLD).any(axis=1).all()

"""Features of a melody: names, shares, events and planes, by hand and by what must
not change.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.judges.melody_features import (
    FEATURES,
    KINDS,
    PLANES,
    events,
    features,
    planes,
    thirds,
)
from fusiontools.music import Notes, transpose

LENGTHS = np.array([1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48]) / 12  # of music
# What each is heard as: sixteenths, eighths, quarters, halves, wholes
HEARD = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4])


def walks(n, seed, notes=20):
    """Random walks with rests, of all lengths that the features know."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(n):
        taken = rng.choice(LENGTHS, notes)
        rest = rng.choice([0, 0, 0, 0.5], notes)
        onset = np.cumsum(taken + rest) - taken - rest
        pitch = np.clip(66 + np.cumsum(rng.integers(-6, 7, notes)), 40, 90)
        made.append(Notes(onset, taken, pitch))
    return made


def one(tune):
    return dict(zip(FEATURES, features([tune])[0].tolist()))


def test_features_have_names_and_are_shares():
    x = features(walks(5, 3))
    assert x.shape == (5, len(FEATURES)) and np.isfinite(x).all()
    assert len(set(FEATURES)) == len(FEATURES)
    for first, count in ((0, 5), (5, 9), (14, 25), (39, 49), (88, 12)):
        np.testing.assert_allclose(x[:, first : first + count].sum(axis=1), 1)
    assert features([]).shape == (0, len(FEATURES))


def test_a_melody_by_hand():
    # C D E, a beat of rest, a fifth up, an octave and a third down, the same again
    rows = [(0, 1, 60), (1, 0.5, 62), (1.5, 0.5, 64), (3, 1, 71), (4, 2, 55), (6, 2, 55)]
    found = one(Notes.of(rows))
    assert found["length 1"] == found["length 1/2"] == found["length 2"] == 1 / 3
    changes = ["shorter", "same", "longer", "longer", "same"]
    for before, after in zip(changes, changes[1:]):
        assert found[f"then {after}, after {before}"] == 1 / 4
    assert found["interval +2"] == 2 / 5 and found["interval +7"] == 1 / 5
    assert found["interval -12"] == 1 / 5  # 16 semitones: as much as an octave
    assert found["interval +0"] == 1 / 5
    pairs = ["step up, step up", "step up, leap up", "leap up, leap down"]
    assert [found[pair] for pair in [*pairs, "leap down, repeat"]] == [1 / 4] * 4
    assert found["pitch class 7"] == 1 / 3 and found["pitch class 0"] == 1 / 6
    assert found["rests"] == pytest.approx(1 / 8)
    assert found["mean length"] == pytest.approx(2)  # quarters, by their place
    assert found["spread of lengths"] == pytest.approx(np.std([2, 1, 1, 2, 3, 3]))
    assert found["range"] == 16 / 12
    assert found["turns"] == pytest.approx(1 / 3)  # up up up down
    assert found["longest run of one length"] == 2 / 6


def test_no_feature_but_pitch_classes_hears_the_key():
    tune = walks(1, 4)[0]
    here, there = features([tune, transpose(tune, 3)])
    classes = np.array([name.startswith("pitch class") for name in FEATURES])
    np.testing.assert_allclose(here[~classes], there[~classes])
    np.testing.assert_allclose(np.roll(here[classes], 3), there[classes])


def test_triplets_and_dots_are_heard_as_the_plain_length_beside_them():
    """Nobody shall tell jazz from folk by how it was written down."""
    plain = np.array([0.25, 0.5, 1, 2, 4])
    tune = walks(1, 8, notes=60)[0]
    heard = HEARD[np.abs(tune.duration[:, None] - LENGTHS).argmin(axis=1)]
    assert set(heard.tolist()) == {0, 1, 2, 3, 4}
    tunes = []
    for length in (tune.duration, plain[heard]):  # without rests: these take time
        tunes.append(Notes(np.cumsum(length) - length, length, tune.pitch))
    one, other = features(tunes)
    np.testing.assert_array_equal(one, other)
    (_, events_), x = events(tunes), planes(tunes)
    assert events_[:59].tolist() == events_[59:].tolist() and (x[0] == x[1]).all()


def test_time_does_not_matter():
    tunes = [walks(1, 4)[0]]
    tunes.append(Notes(tunes[0].onset + 7, tunes[0].duration, tunes[0].pitch))
    np.testing.assert_allclose(*features(tunes))


def test_too_short_is_told():
    with pytest.raises(ValueError, match="of 3 notes is too short"):
        features([Notes.of([(i, 1, 60) for i in range(3)])])


@given(st.integers(0, 40))
def test_thirds_are_all_notes_in_their_order(many):
    tune = Notes.of([(i, 1, 40 + i) for i in range(many)])
    parts = thirds(tune)
    assert len(parts) == 3 and sum([list(part) for part in parts], []) == list(tune)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_events_by_hand():
    tune = Notes.of([(0, 1, 60), (1, 0.5, 62), (2, 4, 40), (6, 1 / 12, 90)])
    row, event = events([tune, Notes.of([(0, 1, 60)]), transpose(tune, -5)])
    assert row.tolist() == [0, 0, 0, 2, 2, 2]  # a note alone has no interval
    # an interval from -12 to 12, then which of the 5 lengths the note has
    wanted = [14 * 5 + 1, 0 * 5 + 4, 24 * 5 + 0]
    assert event.tolist() == wanted * 2 and max(wanted) < KINDS == 125
    assert [len(x) for x in events([])] == [0, 0]


def test_planes_say_what_was_played():
    tunes = [*walks(3, 5), walks(1, 6, notes=7)[0]]
    x = planes(tunes).numpy()
    assert x.shape == (4, PLANES, 20)
    for own, tune in zip(x, tunes):
        n = len(tune)
        assert own[43].tolist() == [1] * n + [0] * (20 - n) and not own[:, n:].any()
        assert (
            own[:25, :n].argmax(0)[1:].tolist()
            == (np.clip(np.diff(tune.pitch.astype(int)), -12, 12) + 12).tolist()
        )
        at = np.abs(tune.duration[:, None] - LENGTHS).argmin(axis=1)
        assert own[25:30, :n].argmax(0).tolist() == HEARD[at].tolist()
        assert own[30:42, :n].argmax(0).tolist() == (tune.pitch % 12).tolist()
        rests = tune.onset[1:] - tune.offset[:-1] > 0.1
        assert own[42, 1:n].astype(bool).tolist() == rests.tolist()
        # one interval into each note but the first, one length and one class for each
        assert own[:25, :n].sum(0).tolist() == [0] + [1] * (n - 1)
        assert (own[25:30, :n].sum(0) == 1).all() and (own[30:42, :n].sum(0) == 1).all()
        alone = planes([tune]).numpy()[0]
        assert (alone == own[:, :n]).all()  # whoever stands beside
    assert planes([]).shape == (0, PLANES, 1)

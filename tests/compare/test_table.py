"""The common table: which pairs all systems get, what is measured of their melodies, and
the way to records.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools import score
from fusiontools.compare import ground as pairs
from fusiontools.compare import table
from fusiontools.compare.ground import canonical, events, make_ground
from fusiontools.compare.systems import SYSTEMS, make
from fusiontools.compare.table import Instruments
from fusiontools.compare.tunes import STEPS, Tunes, save_tunes
from fusiontools.errors import CorpusError
from fusiontools.judges.genre import load_judges
from fusiontools.music.grid import HOLD, repair_grid, transpose_grid
from fusiontools.records import read_records
from fusiontools.report.experiment import collected
from fusiontools.score import markov

HERE = [name for name, system in SYSTEMS.items() if system.make]


def melodies(n, seed=0, share=0.5):
    """Walks on the scale of C, as long as 36 events and more where `share` is large."""
    rng = np.random.default_rng(seed)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79])
    walk = np.cumsum(rng.integers(-2, 3, (n, STEPS)), axis=1) + rng.integers(0, 12, (n, 1))
    pitch = scale[np.abs(walk % 22 - 11) % 12]
    rows = np.where(rng.random((n, STEPS)) < share, pitch, HOLD)
    rows[:, [0, 64]] = 60
    return repair_grid(rows.astype(np.uint8))


def toy(n=12):
    arrays = {}
    for k, genre in enumerate("AB"):
        for part in ("train", "validation", "test"):
            arrays[f"{genre}_{part}"] = melodies(n, k, 0.5 + 0.2 * k)
            arrays[f"{genre}_{part}_song"] = np.array(["one", "two", "three"] * (n // 3))
    return Tunes("essen_ryan", ("a", "b"), arrays, {"corpora": []})


def folds(data, known=3):
    numbers = {"one": 0, "two": 1, "three": known}
    return {g: np.array([numbers[song] for song in data.songs(g, "test")]) for g in "AB"}


def instruments_of(ground):
    """The judges of genre that ship, and references without a corpus."""
    genre = load_judges("essen_ryan")
    p = [table._p(genre, [*map(events, own)], ground.folds) for own in ground[:2]]
    a, b = ([*map(events, own)] for own in ground[:2])
    known = {"known": np.unique(score.ngrams(a)), "held_out_8gram": 0.25}
    reality = {"": lambda rows: np.full(len(rows), 0.75)}
    ends = p[0].mean(), p[1].mean()
    seams = markov.states(np.concatenate(ground[:2]))
    return Instruments(SimpleNamespace(a=a, b=b, **known), genre, reality, ends, seams)


@pytest.fixture(scope="module")
def ground():
    data = toy()
    return make_ground(data, folds(data), n=9)


@pytest.fixture(scope="module")
def by(ground):
    return instruments_of(ground)


def test_a_half_is_the_same_in_every_key_and_octave():
    rows = melodies(4)
    for by in (-12, -5, 7):
        assert np.array_equal(canonical(transpose_grid(rows, by)), canonical(rows))
    other = rows.copy()
    other[:, 0] += 1
    assert (canonical(other)[:, 0] != canonical(rows)[:, 0]).any(axis=1).all()
    assert np.array_equal(canonical(other)[:, 1], canonical(rows)[:, 1])


def test_pairs_are_of_held_out_songs_that_one_judge_has_not_heard(ground):
    data = toy()
    own = folds(data)
    for genre, rows, songs in zip("AB", ground[:2], ground[2:4]):
        there = data.windows(genre, "test")
        where = [np.flatnonzero((there == row).all(axis=1))[0] for row in rows]
        assert np.array_equal(own[genre][where], ground.folds)
        assert np.array_equal(data.songs(genre, "test")[where], songs)
    # each song comes again only when all have come
    assert all(len(set(ground.songs_a[k : k + 3])) == 3 for k in (0, 3, 6))
    assert ground.told["songs_A"] == 3 and ground.told["pairs"] == 9


def test_what_is_short_or_known_is_left_out_and_counted():
    data = toy()
    short = melodies(1, 9, 0.1)[0]
    data.arrays["A_test"][0] = short
    known = canonical(transpose_grid(data.windows("B", "test")[3:4], 2))[0, 1]
    made = make_ground(data, folds(data), {known.tobytes()}, n=30)
    assert made.told["short_A"] == 1 == made.told["known_B"]
    assert not (made.a == short).all(axis=1).any()
    left_out = data.windows("B", "test")[3]
    assert not (made.b == left_out).all(axis=1).any()


def test_without_two_songs_in_one_fold_there_is_no_pair():
    data = toy()
    apart = {"A": np.zeros(12, int), "B": np.ones(12, int)}
    with pytest.raises(CorpusError, match="no pair"):
        make_ground(data, apart)


def test_pairs_are_written_and_read(ground, tmp_path):
    path = tmp_path / "ground.npz"
    pairs.save_ground(ground, path)
    read = pairs.open_ground(path)
    assert read.told == ground.told
    assert all(np.array_equal(x, y) for x, y in zip(read[:-1], ground[:-1]))
    pairs.save_ground(ground._replace(a=ground.a[:2]), path)
    with pytest.raises(CorpusError, match="job ground"):
        pairs.open_ground(path)


def test_events_are_at_most_36_and_a_melody_of_fewer_keeps_what_it_has():
    rows = melodies(2, share=0.8)
    assert len(events(rows[0])) == 36
    few = np.full(STEPS, HOLD, np.uint8)
    few[::16] = 60
    assert len(events(few)) == 8


def test_copies_are_their_sources_and_nothing_of_the_others(ground, by):
    a, b = (
        table.measure(make(f"copy_{g}", *ground[:2]), g.upper(), ground, by) for g in "ab"
    )
    for own, other, found in (("a", "b", a), ("b", "a", b)):
        assert found[f"content_{own}"]["value"] == 1 > found[f"content_{other}"]["value"]
        assert found["copied_inputs"]["value"] == 1
        assert found["balance_dd"]["value"] == pytest.approx(1)
        assert found["short"]["value"] == 0
    assert a["style_gained"]["value"] == pytest.approx(0, abs=1e-3)
    assert b["style_gained"]["value"] == pytest.approx(1, abs=1e-3)
    assert a["copied_8gram"]["value"] == 1 > b["copied_8gram"]["value"]
    assert a["one_melody"]["value"] == 0.75
    real = table.measure(make("mixture", *ground[:2]), "AB", ground, by)
    assert real["dd_eud_ratio"]["value"] < 1.3 and real["balance_dd"]["value"] < 0.5
    noise = table.measure(make("noise", *ground[:2]), "A", ground, by)
    assert noise["copied_inputs"]["value"] == 0
    assert noise["neither"]["value"] >= a["neither"]["value"]


def test_every_range_holds_its_value_and_is_short_to_write(ground, by):
    found = table.measure(make("splice", *ground[:2]), "AB", ground, by)
    for name, x in found.items():
        if isinstance(x, dict) and "eud" not in name and "markov" not in name:
            assert x["low"] <= x["value"] <= x["high"], name
        values = x.values() if isinstance(x, dict) else [x]
        assert all(v == round(v, table.DIGITS) for v in values)


def test_what_falls_silent_is_no_whole_melody_and_no_judge_of_seams_hears_it(ground, by):
    data = toy()
    more = make_ground(data, folds(data), n=12)
    heard = []

    def judge(rows):
        heard.append(rows)
        return np.full(len(rows), 0.75)

    by = by._replace(reality={"": judge})
    made = more.a.copy()
    made[:3, 64:] = 0
    made[3] = 0
    found = table.measure(made, "", more, by)
    assert found["whole"]["value"] == pytest.approx(8 / 12, abs=1e-3)
    assert found["one_melody"]["value"] == 0.75 and len(heard[0]) == 8
    assert np.array_equal(heard[0], made[4:])
    made[4, :64] = 0
    assert "one_melody" not in table.measure(made, "", more, by)  # of too few


def test_every_system_is_measured_once_a_seed(tmp_path):
    jobs = table.jobs("data.npz", tmp_path, "smoke", "cpu")
    after = {job.name: job.after for job in jobs}
    assert len(after) == len(jobs) and after.pop("ground") == ()
    papers = {SYSTEMS[name].paper for name in HERE}
    wanted = {f"trivial-{seed}": ("ground",) for seed in range(3)}
    for paper in papers - {"trivial"}:  # the weights of the first seed ship
        wanted[f"{paper}-0"] = ("ground",)
        for seed in range(1, table.TRAININGS[paper]):
            wanted[f"train-{paper}-{seed}"] = ("ground",)
            wanted[f"{paper}-{seed}"] = ("ground", f"train-{paper}-{seed}")
    assert after == wanted


@pytest.mark.parametrize("paper", table.TRAININGS)
def test_another_seed_is_measured_by_the_training_of_that_seed(
    paper, tmp_path, monkeypatch
):
    from fusiontools.papers.fusiongan.evidence import experiment as fusiongan
    from fusiontools.report import experiment

    made = []
    monkeypatch.setattr(fusiongan, "pretrain", lambda *asked: None)
    monkeypatch.setattr(experiment, "store_measured", lambda *asked: None)
    monkeypatch.setattr(
        experiment,
        "train_in_folder",
        lambda paper, folder, *asked, **how: made.append(folder),
    )
    table.train_again(tmp_path, "smoke", "cpu", paper, 2)
    systems = [SYSTEMS[name] for name in HERE if SYSTEMS[name].paper == paper]
    assert {table._trained(tmp_path, system, 2) for system in systems} <= {*made}
    assert all(table._trained(tmp_path, system, 0) is None for system in systems)


def test_the_way_from_pairs_to_records(ground, by, tmp_path, monkeypatch):
    from fusiontools.papers.fusiongan import data as of_fusiongan

    monkeypatch.setattr(table, "instruments", lambda *asked: by)
    monkeypatch.setattr(of_fusiongan, "open_pair", lambda path: None)
    save_tunes(toy(), tmp_path / "toy.npz")
    pairs.save_ground(ground, tmp_path / "ground.npz")
    for seed in (0, 1):
        table.measure_systems(tmp_path / "toy.npz", tmp_path, "smoke", "trivial", seed)
    records = collected(tmp_path / "measured")
    trivial = [name for name in HERE if SYSTEMS[name].paper == "trivial"]
    assert [r.method for r in records if r.seed == 0] == trivial
    again = [name for name in trivial if SYSTEMS[name].draws]
    assert [r.method for r in records if r.seed == 1] == again
    for record in records:
        assert record.metrics["parameters"] == record.metrics["training_minutes"] == 0
        assert len(record.samples) == (0 if record.seed else table.KEPT)
    first = next(r for r in records if r.method == "copy_b")
    assert np.array_equal(first.samples, ground.b[: table.KEPT])


@pytest.mark.parametrize("name", [name for name in HERE if SYSTEMS[name].training])
def test_the_training_of_every_system_has_a_record(name):
    for told in SYSTEMS[name].training:
        if not read_records(told["paper"]):
            pytest.skip(f"no records of {told['paper']} ship")
        assert table._minutes(told) > 0
    with pytest.raises(CorpusError, match="record"):
        table._minutes(told | {"method": "polka"})


def test_the_records_that_ship_are_rows_of_the_table():
    records = read_records("compare")
    assert {r.method for r in records} <= set(HERE)
    seeds = {name: [r.seed for r in records if r.method == name] for name in HERE}
    for name, own in seeds.items():
        assert sorted(own) in ([], [*range(table.seeds(SYSTEMS[name]))])
    grounds = [r.config["ground"] for r in records]
    assert all(told == grounds[0] for told in grounds)

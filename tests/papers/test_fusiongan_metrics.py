"""From melodies to the numbers of FusionGAN's records: what judges say becomes shares,
drawn by song; baselines and controls are of the songs that they name.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools.errors import MissingDataError
from fusiontools.judges import genre
from fusiontools.judges.genre import Heard, deal
from fusiontools.music import Notes
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.config import UNTRAINED
from fusiontools.papers.fusiongan.data import Pair
from fusiontools.papers.fusiongan.evidence import metrics
from fusiontools.papers.fusiongan.evidence.metrics import (
    CONTROLS,
    HISTOGRAMS,
    Melodies,
    References,
    baseline,
    control,
    measure_melodies,
    shares_of,
)
from fusiontools.report.rows import printed
from fusiontools.score.intervals import means_of_groups

LENGTHS = (1, 2, 3, 4, 6, 8, 12)  # twelfths of a beat
VOCABULARY = Vocabulary("notes", 60, 71, 12, LENGTHS)
REST = 12 * len(LENGTHS)


def toy(windows=40, name="toy"):
    """Two domains over an octave: all pitches in short notes, and a major scale in long
    ones; two windows of each song, and now and then a rest.
    """
    rng, arrays = np.random.default_rng(0), {}
    for domain, pitches, lengths in (
        ("A", range(12), (1, 2, 3)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (4, 5, 6)),
    ):
        first = 0
        for part, many in (("train", windows), ("validation", 8), ("test", 12)):
            length = rng.choice(lengths, (many, 24))
            rows = len(LENGTHS) * rng.choice(list(pitches), (many, 24)) + length
            rows[rng.random((many, 24)) < 0.05] = REST + 4
            arrays[f"{domain}_{part}"] = rows.astype(np.int16)
            songs = first + np.arange(many, dtype=np.int32) // 2
            arrays[f"{domain}_{part}_song"] = songs
            first = songs.max() + 1
    about = {"corpora": [{"name": "mine", "licence": "CC0"}] * 2}
    return Pair(name, ("jazz", "folk"), VOCABULARY, arrays, about)


PAIR = toy()


def rhythm(notes):
    return tuple(notes.onset.round(6)), tuple(notes.duration.round(6))


def windows(domain, *parts):
    """A domain's melodies with their songs."""
    made = []
    for part in parts:
        made += zip(PAIR.notes(domain, part), PAIR.songs(domain, part).tolist())
    return made


# Baselines


@pytest.mark.parametrize("name", UNTRAINED)
def test_every_baseline_writes_melodies_of_the_domains(name):
    made = baseline(name, PAIR, 6)
    assert len(made.notes) == len(made.songs) == 6
    assert all(len(m) >= 4 for m in made.notes)
    assert all(60 <= m.pitch.min() and m.pitch.max() <= 71 for m in made.notes)
    assert baseline(name, PAIR, 6).notes == made.notes != baseline(name, PAIR, 6, 1).notes
    with pytest.raises(ValueError, match="mle"):
        baseline("mle", PAIR)


@pytest.mark.parametrize("domain", "AB")
def test_real_melodies_are_of_the_test_part_and_have_the_folds_of_their_songs(domain):
    made = baseline(f"real_{domain.lower()}", PAIR, 12)
    known = {rhythm(m) + tuple(m.pitch): song for m, song in windows(domain, "test")}
    assert [known[rhythm(m) + tuple(m.pitch)] for m in made.notes] == made.songs.tolist()
    assert made.folds.tolist() == deal(made.songs).tolist() and made.others is None
    assert len(set(made.songs.tolist())) == 6  # two windows each


def test_a_splice_is_of_two_songs_that_no_judge_has_heard():
    made = baseline("splice", PAIR, 20)
    assert made.folds is None and len(made.others) == 20
    for melody, *songs in zip(made.notes, made.songs.tolist(), made.others.tolist()):
        beats = {d: starts(melody) for d in "AB"}
        own = []
        for domain, song in zip("AB", songs):
            of_song = [m for m, s in windows(domain, "train") if s == song]
            own.append(max(len(beats[domain] & starts(m)) for m in of_song))
        assert min(own) > 0 and sum(own) >= len(melody)


def starts(notes):
    return {*zip(notes.onset.round(6).tolist(), notes.pitch.tolist())}


def test_halves_are_drawn_by_their_songs_and_songs_of_two_domains_are_two():
    made, known = baseline("half_and_half", PAIR, 20), {}
    for melody, group in zip(made.notes, made.songs):
        (found,) = {
            (domain, song)
            for domain in "AB"
            for m, song in windows(domain, "train")
            if m == melody
        }
        assert known.setdefault(found, group) == group
    assert len(set(known.values())) == len(known) < 20
    assert {domain for domain, _ in known} == {"A", "B"}
    assert made.folds is None and made.others is None


def test_what_nobody_wrote_stands_for_itself():
    for name in ("rm", "mc", "noise", "shuffle"):
        assert baseline(name, PAIR, 5).songs.tolist() == [0, 1, 2, 3, 4]


# Controls


@pytest.fixture
def corpora(monkeypatch):
    """Three corpora of ten tunes, one of which names no key; which was asked for."""
    asked, rng = [], np.random.default_rng(0)
    tunes = []
    for i in range(10):
        notes = Notes(np.arange(60) / 2, np.full(60, 0.5), rng.integers(60, 72, 60))
        tunes.append(SimpleNamespace(notes=notes, key="" if i == 3 else "D"))

    def load(name):
        asked.append(name)
        return tunes

    monkeypatch.setattr(metrics, "load", load)
    return asked


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_gives_melodies_of_songs(name, corpora):
    made = control(name, PAIR, 12)
    assert len(made.notes) == len(made.songs) == 12 and made.folds is None
    assert all(len(m) >= 4 for m in made.notes)
    assert (made.others is None) == (not name.endswith("_rhythm"))
    assert control(name, PAIR, 12).notes == made.notes != control(name, PAIR, 12, 1).notes


def intervals(notes):
    return tuple(np.diff(notes.pitch.astype(int)).tolist())


def of_whom(melody, song, domains, alike):
    """The real window of that song that is like a melody, and the song's group."""
    (found,) = {
        (domain, own): m
        for domain in domains
        for m, own in windows(domain, "train")
        if alike(m) == alike(melody)
    }.items()
    return found


def test_another_key_keeps_intervals_and_rhythm():
    made, moves, groups = control("other_key", PAIR, 12), set(), {}
    for melody, group in zip(made.notes, made.songs):
        whose, real = of_whom(melody, group, "AB", lambda m: (intervals(m), rhythm(m)))
        moved = set((melody.pitch.astype(int) - real.pitch.astype(int)).tolist())
        assert len(moved) == 1 and moved <= {*range(-6, 7)} - {0}
        assert groups.setdefault(whose, group) == group
        moves |= moved
    assert len(moves) > 3 and {domain for domain, _ in groups} == {"A", "B"}
    assert len(set(groups.values())) == len(groups)


def test_upside_down_keeps_rhythm_and_turns_every_interval():
    made, groups = control("inverted", PAIR, 12), {}
    for melody, group in zip(made.notes, made.songs):
        whose, real = of_whom(melody, group, "AB", rhythm)
        assert melody.pitch[0] == real.pitch[0]
        assert intervals(melody) == tuple(-i for i in intervals(real))
        assert groups.setdefault(whose, group) == group
    assert {domain for domain, _ in groups} == {"A", "B"}


@pytest.mark.parametrize("name, one, other", [("a_rhythm", *"AB"), ("b_rhythm", *"BA")])
def test_the_rhythm_of_one_goes_with_the_pitches_of_another(name, one, other):
    made = control(name, PAIR, 12)
    for melody, *songs in zip(made.notes, made.songs.tolist(), made.others.tolist()):
        k = len(melody)
        rhythms = {s for m, s in windows(one, "train") if rhythm(m[:k]) == rhythm(melody)}
        pitches = {
            s
            for m, s in windows(other, "train")
            if m.pitch[:k].tolist() == melody.pitch.tolist()
        }
        assert [*rhythms, *pitches] == songs


def on_a_grid(notes):
    """Sixteenths, of which each holds the last note that falls on it."""
    starts = {round(4 * n.onset): n for n in notes}
    first, made = sorted(starts), []
    for at, end in zip(first, [*first[1:], 10**6]):
        off = max(round(4 * (starts[at].onset + starts[at].duration)), at + 1)
        made.append((at / 4, (min(off, end) - at) / 4, int(starts[at].pitch)))
    return made


def test_written_out_is_on_a_grid_of_sixteenths():
    made, changed = control("written_out", PAIR, 12), 0
    for melody, song in zip(made.notes, made.songs.tolist()):
        rows = [(n.onset, n.duration, int(n.pitch)) for n in melody]
        assert all((4 * x).is_integer() for row in rows for x in row[:2])
        own = [m for m, s in windows("A", "train") if s == song]
        assert rows in [on_a_grid(m) for m in own]
        changed += all(rhythm(m) != rhythm(melody) for m in own)
    assert changed == 12 and made.others is None
    assert min(map(len, made.notes)) < 22  # some notes fell together


def test_other_corpora_are_prepared_as_those_of_a_pair(corpora):
    assert set(control("irish", PAIR, 12).songs.tolist()) <= {*range(10)} - {3}
    for melody in control("airs", PAIR, 30).notes:
        assert 45 <= melody.pitch.min() and melody.pitch.max() <= 86
        assert len(melody) == 36  # a window
    for pair in ("essen_ryan", "weimar_essen"):
        control("third_genre", toy(name=pair), 5)
    assert corpora == ["oneill", "aird", "weimar", "ryan"]
    real = [np.bincount(m.pitch % 12, minlength=12) for m in control("irish", PAIR).notes]
    # ten tunes in D, of all pitch classes: moved to C
    assert len(real) == 18 and np.sum(real, axis=0).min() > 0


def test_a_control_whose_corpus_is_missing_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(tmp_path))
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingDataError, match="weimar"):
        control("third_genre", toy(name="essen_ryan"), 5)


# What is measured


def tune(seed, notes=12):
    rng = np.random.default_rng(seed)
    return Notes(np.arange(notes) / 2, np.full(notes, 0.5), rng.integers(60, 72, notes))


def says(kind, score, temperatures, gap, typical, throughout, turns):
    """A judge that says so (x is yes), and what it was asked."""
    score, asked = np.array(score, float), []
    own = [np.array([x == "x" for x in x]) for x in (gap, typical, throughout, turns)]
    said = Heard(score, 1 / (1 + np.exp(-score / temperatures[0])), *own)

    def hear(melodies, folds=None):
        asked.append((melodies, folds))
        return said

    about = {"temperature": temperatures}
    return SimpleNamespace(kind=kind, hear=hear, asked=asked, about=about)


def two_judges(temperatures=(2.0, 2.0, 2.0)):
    """Of five melodies, by the first of which three are between: 1/4 to 3/4 is a score of
    up to 2.2 at a temperature of 2.
    """
    score = [-14.0, -2.0, 0.4, 2.1, 14.0]
    network = says("network", score, temperatures, ".xxx.", "xx.xx", ".xx.x", "..xxx")
    score = [0.0, 0.0, 0.5, -5.0, 5.0]
    other = says("features", score, [1.0] * 3, "xxxxx", ".xx..", "..x..", "x....")
    return network, other


def test_shares_follow_from_what_the_judges_say():
    judges = two_judges()
    notes = [tune(0), tune(1), tune(9, notes=3), tune(2), tune(3), tune(4)]
    folds = np.array([0, 1, 2, 3, 4, -1])
    asked = Melodies(notes, np.arange(6), None, folds)
    found = measure_melodies(asked, References(PAIR, n=20), judges, repeats=5)
    for judge in judges:  # of three notes: left out, and its fold with it
        ((melodies, own),) = judge.asked
        assert melodies == notes[:2] + notes[3:] and own.tolist() == [0, 1, 3, 4, -1]
    assert found["too_short"] == 1
    wanted = {"fused_share": 3 / 5, "gap_share": 3 / 5, "typical": 4 / 5}
    wanted |= {"middle_typical": 2 / 5, "judged_a": 3 / 5}  # the middle: 2nd and 4th
    wanted |= {"throughout": 1 / 2, "by_turns": 1 / 2}  # of these two
    wanted |= {"fused_share_features": 3 / 5, "gap_share_features": 1.0}
    wanted |= {"typical_features": 2 / 5, "middle_typical_features": 2 / 5}
    wanted |= {"judged_a_features": 2 / 5, "by_turns_features": 0.0}
    wanted |= {"throughout_features": 1 / 2, "middle_typical_both": 1 / 5}
    assert {k: found[k]["value"] for k in wanted} == pytest.approx(wanted)
    assert all(found[k]["low"] <= found[k]["value"] <= found[k]["high"] for k in wanted)
    shares = {k: v for k, v in found.items() if k.startswith("verdict[") and v}
    assert shares == dict.fromkeys(
        ["verdict[-6.0]", "verdict[-1.0]", "verdict[+1.0]", "verdict[+5.5]"], 0.2
    )  # of typical ones; the ends hold what lies beyond


def test_of_no_melody_in_the_middle_nothing_is_known():
    none = says("network", [9.0] * 5, [1.0] * 3, ".....", "xxxxx", "xxxxx", ".....")
    asked = [tune(i) for i in range(5)]
    found = measure_melodies(asked, References(PAIR, n=20), [none], repeats=5)
    assert found["middle_typical"]["value"] == 0 < found["middle_typical"]["high"] < 1
    for name in ("throughout", "by_turns"):
        assert found[name] == {"value": 0, "low": 0, "high": 1}


def test_without_judges_nothing_is_judged():
    found = measure_melodies([tune(i) for i in range(5)], References(PAIR, n=20), repeats=5)
    assert not any("middle" in k or "typical" in k or "verdict" in k for k in found)
    assert "npd_eud_ratio" in found and found["too_short"] == 0


def test_ranges_are_over_songs_and_over_both_songs_of_a_splice():
    notes, references = [tune(i) for i in range(5)], References(PAIR, n=20)
    songs, others = np.array([0, 0, 1, 1, 2]), np.array([5, 6, 5, 6, 5])
    middle = np.array([False, True, False, True, False])
    through = middle & np.array([False, True, True, False, True])
    for given in (None, others):
        melodies = Melodies(notes, songs, given)
        found = measure_melodies(melodies, references, two_judges(), repeats=5)
        own = means_of_groups({"x": middle}, songs, others=given)["x"]
        assert found["middle_typical"] == own
        own = means_of_groups({"x": through}, songs, middle, given)["x"]
        assert found["throughout"] == own
    one = Melodies(notes, np.zeros(5))  # all of one song: it is drawn as a whole
    found = measure_melodies(one, references, two_judges(), repeats=5)["middle_typical"]
    assert found == {"value": 0.4, "low": 0.4, "high": 0.4}


def test_the_range_of_the_middle_holds_for_every_temperature_of_the_judge():
    """At 4, a score of 4.4 is between; at 0.1, one of 0.1 alone."""
    notes, songs = [tune(i) for i in range(5)], np.array([0, 1, 2, 3, 4])
    network, _ = two_judges((2.0, 0.1, 4.0))
    asked = Melodies(notes, songs)
    found = measure_melodies(asked, References(PAIR, n=20), [network], repeats=5)
    score, typical = network.hear([]).score, network.hear([]).typical
    ranges = []
    for t in (2.0, 0.1, 4.0):
        middle = (np.abs(score) <= t * np.log(3)) & typical
        ranges.append(means_of_groups({"x": middle}, songs)["x"])
    assert found["middle_typical"] == {
        "value": ranges[0]["value"],
        "low": min(x["low"] for x in ranges),
        "high": max(x["high"] for x in ranges),
    }
    assert {x["value"] for x in ranges} == {0.4, 0.0}


def row(found):
    """Metrics as a row, such as a table is made of."""
    bins = {name: value for name, value in found.items() if "[" in name}
    return printed({"it": bins}).one("it")


def test_histograms_are_shares_and_come_back():
    melodies = Melodies([tune(i) for i in range(5)], np.arange(5))
    found = measure_melodies(melodies, References(PAIR, n=20), two_judges(), repeats=5)
    for name, bins in HISTOGRAMS.items():
        shares = shares_of(row(found), name)
        assert shares.shape == (len(bins),) and shares.sum() == pytest.approx(1)
        kept = np.array([found[f"{name}[{label}]"] for label in bins])
        assert np.allclose(shares, kept / kept.sum(), atol=1e-3)
    assert HISTOGRAMS["verdict"][0] == "-6.0" and HISTOGRAMS["verdict"][-1] == "+5.5"


def test_a_histogram_says_which_bin_is_which():
    notes = Notes.of([(0, 0.5, 60), (0.5, 0.5, 60), (1, 0.5, 67), (1.5, 0.5, 72)])
    found = measure_melodies([notes] * 4, References(PAIR, n=20), repeats=2)
    shares = shares_of(row(found), "npd")
    assert shares.tolist() == [0.75, *[0] * 6, 0.25, *[0] * 4]
    assert (found["npd[C]"], found["dd[1/2]"]) == (0.75, 1.0)


def test_copies_are_found_among_the_training_windows():
    references = References(PAIR, n=20)
    for part, share in (("train", 1.0), ("test", 0.0)):
        notes = PAIR.notes("A", part)[:6]
        found = measure_melodies(notes, references, repeats=2)
        assert found["copied_8gram"]["value"] == share
    assert found["held_out_8gram"] == 0
    train = [m.pitch.tolist() for m in PAIR.notes("B", "train")]
    assert all(m.pitch.tolist() in train for m in references.b) and len(references.b) == 20


# Whom the judges learn from


def test_judges_learn_from_songs_that_train_no_generator(monkeypatch):
    seen = {}

    def learn(a, b, songs_a, songs_b, **about):
        seen.update({"A": (a, songs_a), "B": (b, songs_b), "about": about})

    monkeypatch.setattr(genre, "make_judges", learn)
    metrics.make_judges(PAIR)
    for domain in "AB":
        notes, songs = seen[domain]
        known = {tuple(m.pitch): s for m, s in windows(domain, "validation", "test")}
        assert [known[tuple(m.pitch)] for m in notes] == songs.tolist()
        assert len(notes) == len(known) == 20
        assert not set(songs) & set(PAIR.songs(domain, "train").tolist())
    about = seen["about"]
    assert about["data"] == PAIR.hash and about["labels"] == ["jazz", "folk"]
    assert about["pair"] == "toy" and about["corpora"][0] == {
        "name": "mine",
        "licence": "CC0",
    }


def test_judges_of_other_data_are_none(monkeypatch):
    assert metrics.shipped_judges(PAIR) == ()  # none are called so
    known = tuple(SimpleNamespace(about={"data": PAIR.hash}) for _ in range(2))
    monkeypatch.setattr(genre, "load_judges", lambda name: {"toy": known}[name])
    assert metrics.shipped_judges(PAIR) == known
    other = replace(PAIR, arrays=PAIR.arrays | {"A_train": PAIR.arrays["A_train"][:-1]})
    assert metrics.shipped_judges(other) == ()

"""The command that scores a piece against two others: a table, or an object, and reasons
where there is no number.
"""

import json
import sys

import numpy as np
import pytest

from fusiontools.compare import common
from fusiontools.compare.pieces import piece_windows
from fusiontools.music.midi import Piece, Track, write_midi
from fusiontools.music.notes import Notes


def tune(bars, scale, length, seed):
    dice = np.random.default_rng(seed)
    many = int(4 * bars / length)
    return Notes.of([(length * k, length, int(dice.choice(scale))) for k in range(many)])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with three tunes, to work in."""
    monkeypatch.chdir(tmp_path)
    write_midi(tune(80, [60, 62, 64, 65, 67], 1, 0), "a.mid")
    write_midi(tune(12, [66, 68, 70, 73, 75], 0.5, 1), "b.mid")
    write_midi(tune(8, [60, 62, 66, 68, 71], 0.5, 2), "ours.mid")
    return tmp_path


SCORE = ("score", "ours.mid", "--against", "a.mid", "b.mid")


def test_a_table_stands_beside_rows_that_cost_nothing(run):
    code, out, err = run(*SCORE)
    lines = out.splitlines()
    assert (code, err) == (0, "") and not [line for line in lines if len(line) > 92]
    assert lines[:3] == [
        "OUT: ours.mid, eight bars.",
        "A: a.mid, 10 times eight bars.",
        "B: b.mid, 2 times eight bars.",
    ]
    heads = next(line for line in lines if "Metric" in line)
    assert heads.split() == "Metric OUT A B half A, half B".split()
    for title in common.titles(common.load_judges()).values():
        assert any(line.strip().startswith(title) for line in lines)
    content = next(line for line in lines if "Content kept of A" in line)
    assert content.split()[-3] == "1.00"  # A's own
    assert any(line.startswith("(") and "8 melodies" in line for line in lines)


def test_the_object_has_the_numbers_of_the_functions(run):
    code, out, _ = run(*SCORE, "--json")
    facts = json.loads(out)
    grids = [piece_windows(file)[0] for file in ("ours.mid", "a.mid", "b.mid")]
    found = common.rows(*grids, common.load_judges())
    assert code == 0 and list(facts["rows"]) == list(common.ROWS)
    assert [facts["out"]["file"], *(one["file"] for one in facts["against"])] == [
        "ours.mid",
        "a.mid",
        "b.mid",
    ]
    for row, own in facts["rows"].items():
        assert list(own) == list(facts["metrics"]) == list(found[row])
        for name, told in own.items():
            value = found[row][name].value
            assert (told["value"] is None) == bool(told["why"]) == (value is None)
            assert value is None or told["value"] == pytest.approx(value, abs=1e-6)


def test_without_pytorch_the_other_metrics_are_there(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, out, err = run(*SCORE)
    assert code == 0 and "PyTorch is not installed, which judges need." in out, err
    assert "Ratio, durations" in out


def test_what_is_short_or_one_tune_says_why_and_never_crashes(run):
    write_midi(Notes.of([(0, 1, 60)]), "one.mid")
    for words in (("one.mid", "a.mid", "b.mid"), ("ours.mid", "one.mid", "one.mid")):
        code, out, err = run("score", words[0], "--against", *words[1:])
        assert code == 0 and "It has 1 bar: what is left of the 8 is silent." in out, err
        assert ") a judge of genre hears 12 notes at least." in out
    assert ") A and B have the same shares: no way lies between them." in out


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    ("name", "says"),
    [("none.mid", "no such file"), ("drums.mid", "no melody"), ("t.txt", "no tune in ABC")],
)
def test_bad_music_is_one_line_that_names_the_file(run, here, place, name, says):
    write_midi(Piece((Track(Notes.of([(0, 1, 40)]), is_drum=True),)), "drums.mid")
    (here / "t.txt").write_text("la la")
    files = ["ours.mid", "a.mid", "b.mid"]
    files[place] = name
    code, out, err = run("score", files[0], "--against", *files[1:])
    assert code == 1 and err.startswith(f"{name}: ") and says in err and not out
    assert err.count("\n") == 1 and "What to do" in err


@pytest.mark.parametrize("words", [("ours.mid",), ("ours.mid", "--against", "a.mid"), ()])
def test_three_files_have_to_be_named(run, words):
    code, _, err = run("score", *words)
    assert code == 2 and "Traceback" not in err

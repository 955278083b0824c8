"""Every figure, table and claim of the five papers has a row in the table of its paper, and
so on the page of every row, whose cells are run here.
"""

import importlib
import re

import pytest

from fusiontools.report.claims import try_claim
from fusiontools.report.rows import Rows

# What each paper shows and claims. A range is one row: figures that show one thing.
SHOWN = {
    "fusiongan": [
        *(f"FG-F{k}" for k in range(1, 7)),  # five diagrams, and the distributions
        *("FG-T1", "FG-T2", "FG-T2b"),  # distances, and the two halves of Table II
        "FG-THM",  # Theorem III.1
        *(f"FG-C{k}" for k in range(1, 8)),
    ],
    "connective_fusion": [
        *(f"CF-F{k}" for k in range(1, 8)),
        *("CF-R", "CF-C1", "CF-D"),  # the judge, the argument of 2.3, the rules of 3.1
    ],
    "domain_transfer": [
        *(f"DT-F{k}" for k in range(1, 10)),  # the last two: listeners, and pictures
        "DT-T1",
        *(f"DT-C{k}" for k in range(1, 7)),
        "DT-D",  # how many files
    ],
    "lstm_gan": [
        *(f"LG-F{k}" for k in (1, 2, 3, "4a", "5a", "4b", "5b", 6, 7, 8, 9)),
        "LG-T1",  # the paper numbers its Figures 4 to 7 twice
        *(f"LG-C{k}" for k in range(1, 6)),
    ],
    "audio_style": [
        *(f"AS-F{k}" for k in range(1, 22)),
        *(f"AS-C{k}" for k in range(1, 7)),
        "AS-E1",  # the units of the BiLSTM
    ],
}
ABSENT = {}  # from an id to why it has no row


def every(paper):
    """All claims of a paper, and what its diagrams show."""
    claims = importlib.import_module(f"fusiontools.papers.{paper}.evidence.claims")
    return [*claims.CLAIMS, *getattr(claims, "DRAWN", [])]


def spelled_out(id):
    """The single ids of a row, one after the other."""
    paper, own = id.split("-")
    for part in own.split(", "):
        kind, first, last = re.fullmatch(
            r"([A-Z]+)(\w*?)(?:\.\.[A-Z]*(\d+))?", part
        ).groups()
        if last is None:
            yield f"{paper}-{part}"
        else:
            yield from (f"{paper}-{kind}{k}" for k in range(int(first), int(last) + 1))


def test_ids_are_spelled_out():
    assert [*spelled_out("DT-F8, T1")] == ["DT-F8", "DT-T1"]
    assert [*spelled_out("FG-F1..F3")] == ["FG-F1", "FG-F2", "FG-F3"]
    assert [*spelled_out("AS-F9..11")] == ["AS-F9", "AS-F10", "AS-F11"]
    assert [*spelled_out("LG-F4b, F5b")] == ["LG-F4b", "LG-F5b"]
    assert [*spelled_out("FG-T2b")] == ["FG-T2b"] and [*spelled_out("CF-R")] == ["CF-R"]


@pytest.mark.parametrize("paper", SHOWN)
def test_every_row_of_a_paper_has_an_entry(paper):
    found = every(paper)
    ids = [id for claim in found for id in spelled_out(claim.id)]
    assert len(ids) == len(set(ids)), "two rows of one id"
    missing = set(SHOWN[paper]) - set(ids) - set(ABSENT)
    assert not missing, f"no entry for {', '.join(sorted(missing))}"
    assert not set(ABSENT) & set(ids), "no longer absent"
    assert all(claim.where and claim.words for claim in found)


def cells(page):
    """The code cells of a MyST page, in their order."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(
        r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    )
    return [re.sub(r"^:.*\n|^---\n.*?^---\n", "", own, flags=re.MULTILINE) for own in code]


@pytest.mark.parametrize("page", ["every_row", "results"])
def test_every_row_stands_on_its_page(root, monkeypatch, page):
    """Each page's own cells, run in order; what they display is read."""
    import IPython.display

    monkeypatch.syspath_prepend(str(root / "book"))
    shown, names = [], {}
    # at once: a cell further down gives some names another meaning
    monkeypatch.setattr(
        IPython.display, "display", lambda one: shown.append(one._repr_markdown_())
    )
    for cell in cells(root / "book" / f"{page}.md"):
        exec(compile(cell, page, "exec"), names)
    assert all(shown)
    if page == "results":  # the runs
        return
    text = "\n".join(shown).replace("\u2011", "-")
    for paper in SHOWN:
        for claim in every(paper):
            assert re.search(rf"^\| \[{re.escape(claim.id)}\]\(", text, re.MULTILINE), (
                claim.id
            )


def parts(paper, id, found=None):
    """What became of each part of an entry."""
    (claim,) = [claim for claim in every(paper) if claim.id == id]
    return try_claim(claim, Rows() if found is None else found).parts


LOOKED_UP = {  # what is so in the networks that train, whatever was measured
    ("domain_transfer", "DT-F4..F7"): [True, True, True],
    ("lstm_gan", "LG-F1..F3"): [True, True],
    ("lstm_gan", "LG-F4a, F5a"): [True, False],  # Eq. 4's first term has no slope for G
    ("lstm_gan", "LG-F6, F7"): [True, True],
    ("audio_style", "AS-F3..F8"): [True, False, False, False],  # printed sizes
}


@pytest.mark.parametrize("drawn", LOOKED_UP, ids=lambda drawn: drawn[1])
def test_a_diagram_is_looked_up_in_the_networks(drawn):
    assert list(parts(*drawn).values()) == LOOKED_UP[drawn]


def test_other_networks_are_not_those_of_the_diagrams(monkeypatch):
    from fusiontools.papers.domain_transfer.evidence import claims
    from fusiontools.papers.lstm_gan import networks

    settings = {"filter": 5, "waist": 3, "features": 64}
    monkeypatch.setitem(claims.PAPER, "settings", settings)
    assert set(parts("domain_transfer", "DT-F4..F7").values()) == {False}
    dense = networks.GENERATORS["dense"], networks.DISCRIMINATORS["dense"]
    monkeypatch.setitem(networks.GENERATORS, "cnn", dense[0])
    monkeypatch.setitem(networks.DISCRIMINATORS, "bilstm", dense[1])
    assert list(parts("lstm_gan", "LG-F6, F7").values()) == [False, False]


def measured(**metrics):
    return {name: {"mean": x, "low": x, "high": x} for name, x in metrics.items()}


def test_what_each_model_makes_sounds_or_is_silent():
    heard = measured(eb=20.0, density=4.0, alike=0.5)
    made = [{"method": method} | heard for method in ("naive", "bilstm", "cnn_lstm")]
    assert list(parts("lstm_gan", "LG-F9", Rows(made)).values()) == [True] * 3
    made[1] = {"method": "bilstm"} | measured(eb=100.0)  # a silent model has no notes
    assert list(parts("lstm_gan", "LG-F9", Rows(made)).values()) == [True, False, True]


@pytest.mark.parametrize(("f1", "differ"), [(0.7, True), (0.1, False)])
def test_genres_that_are_told_by_chance_do_not_differ(f1, differ):
    row = {"method": "genre_linear"} | measured(f1=f1, labels=10)
    found = Rows(genres=Rows([row]))
    assert parts("audio_style", "AS-F1, F2", found) == {"genres differ": differ}

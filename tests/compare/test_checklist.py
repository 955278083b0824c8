"""Every row of the papers has its place: an entry, a claim, a record, a section that is
there. What lacks one of these ends the build.
"""

import importlib
import json
import re

import pytest

from fusiontools.compare import checklist
from fusiontools.compare.checklist import anchor, check, rows, single_ids, summary, table
from fusiontools.compare.entry import Source, beside
from fusiontools.errors import RecordError
from fusiontools.report.claims import Claim
from fusiontools.report.rows import NotMeasured, Rows, printed
from fusiontools.report.tables import number

IDS = ["FG-F1..F6, T1, T2, T2b, THM, C1..C7", "CF-F1..F7, R, C1, D"]
IDS += ["DT-F1..F9, T1, C1..C6, D", "LG-F1..F3, F4a, F5a, F4b, F5b, F6..F9, T1, C1..C5"]
IDS += ["AS-F1..F21, C1..C6, E1"]
EVERY = {id for own in IDS for id in single_ids(own)}
READERS = {  # where each paper's records are read
    "connective_fusion": "fusiontools.compare.entries_connective_fusion",
    **{
        paper: f"fusiontools.papers.{paper}.evidence.metrics"
        for paper in ("fusiongan", "domain_transfer", "lstm_gan", "audio_style")
    },
}


def source(name):
    (own,) = [source for source in checklist.SOURCES if source.name == name]
    return own


@pytest.fixture(scope="module")
def made():
    """The rows of each paper, on the records that ship."""
    return {own.name: rows(own) for own in checklist.SOURCES}


@pytest.fixture(scope="module")
def every(made):
    return [row for own in made.values() for row in own]


@pytest.fixture(scope="module")
def headings(root):
    """The headings of the notebooks, read without the help of the book's own code."""
    found = {}
    for path in (root / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] != "code")
        text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        found[path.stem] = re.findall(r"^#{1,3} (.+?)\s*$", text, re.M)
    return found


def test_ids_are_spelled_out():
    assert single_ids("LG-F4b, F5b") == ["LG-F4b", "LG-F5b"]
    assert single_ids("AS-F9..11") == single_ids("AS-F9..F11")
    assert single_ids("CF-R") == ["CF-R"]
    assert len(EVERY) == 16 + 1 + 10 + 17 + 17 + 28
    with pytest.raises(RecordError, match="no row"):
        single_ids("FG-f1")


def test_every_id_has_one_row(every):
    ids = [id for row in every for id in single_ids(row["id"])]
    assert len(ids) == len({*ids})
    assert not EVERY - {*ids}
    assert {*ids} - EVERY == {"LG-C6"}  # a remedy that the paper names in passing


def test_the_ids_are_those_of_the_checklist(shared_data):
    path = shared_data.parent / "papers" / "checklist.md"
    if not path.is_file():
        pytest.skip("needs papers/checklist.md, which is not part of the repository")
    ids = re.findall(r"^\| ([A-Z]{2}-[^|]+?) \|", path.read_text(encoding="utf-8"), re.M)
    assert {id for own in ids for id in single_ids(own)} == EVERY


def test_every_row_leads_to_a_section_that_is_there(every, headings):
    check(every, headings)
    row = every[0]
    for wrong in (row | {"heading": "2. What it claims"}, row | {"page": "03_fusion"}):
        with pytest.raises(RecordError, match=f"{row['id']} leads to no heading"):
            check([wrong], headings)
    twice = {row["page"]: [*headings[row["page"]], row["heading"]]}
    with pytest.raises(RecordError, match="one of several"):
        check([row], twice)


def test_a_link_has_the_id_that_docutils_gives_the_heading(headings):
    make_id = pytest.importorskip("docutils.nodes").make_id
    pages = {entry.page for own in checklist.SOURCES for entry in own.entries}
    for heading in [heading for page in pages for heading in headings[page]]:
        assert anchor(heading) == make_id(heading.replace("*", "").replace("`", "")), (
            heading
        )


@pytest.mark.parametrize(
    ("name", "method", "id"),
    [
        ("fusiongan", "rm", "FG-C3"),
        ("connective_fusion", "latent_perturb", "CF-F4"),
        ("connective_fusion", "data", "CF-D"),
        ("domain_transfer", "recurrent", "DT-C4"),
        ("domain_transfer", "real", "DT-D"),  # not testable, and it says how much music
        ("lstm_gan", "cnn_lstm_all", "LG-C4"),
        ("lstm_gan", "cnn_lstm_empty", "LG-T1"),
        ("audio_style", "rates", "AS-C2"),
    ],
)
def test_a_record_that_is_gone_is_said_and_ends_the_build(
    monkeypatch, headings, made, name, method, id
):
    module = importlib.import_module(READERS[name])
    read = module.read_records
    kept = [record for record in read(name) if record.method != method]
    monkeypatch.setattr(module, "read_records", lambda paper: iter(kept))
    now = {row["id"]: row for row in rows(source(name))}
    assert now[id]["verdict"] == "not measured" and now[id]["missing"]
    assert now[id]["ours"].startswith("not measured")
    before = {row["id"]: row for row in made[name]}
    assert not before[id]["missing"]
    for other, row in now.items():  # a row changes only by saying so
        assert row["missing"] or row["ours"] == before[other]["ours"], other
    with pytest.raises(RecordError, match=f"{id} is not measured"):
        check([*now.values()], headings)


def test_the_page_ends_where_a_record_is_gone(monkeypatch, root):
    module = importlib.import_module(READERS["lstm_gan"])
    monkeypatch.setattr(module, "read_records", lambda paper: iter(()))
    monkeypatch.syspath_prepend(str(root / "book"))
    text = (root / "book" / "every_row.md").read_text(encoding="utf-8")
    code = text.split("```{code-cell}")[1].split("```")[0]
    first = code.partition("\n\n")[2]  # after its tags
    with pytest.raises(RecordError, match="LG-T1 is not measured"):
        exec(compile(first, "every_row.md", "exec"), {})


def test_histories_that_are_gone_are_said():
    for name, id in {
        "fusiongan": "FG-C5",
        "lstm_gan": "LG-F8",
        "audio_style": "AS-F14..16",
    }.items():
        found = source(name).shipped()
        found.beside["histories"] = type(found.beside)()  # as where no file ships
        own = {row["id"]: row for row in rows(source(name), found)}
        assert own[id]["verdict"] == "not measured", id


def toy(*entries, **options):
    claim = Claim("XX-C1", "page 1", "one is one", lambda found: [("one", True, "1")])
    return Source("Toy", "toy", [*entries], Rows, [claim], **options)


def test_a_claim_without_a_row_and_a_row_without_a_claim_are_refused():
    entry = checklist.FUSIONGAN.entries[0]
    with pytest.raises(RecordError, match="XX-C1"):
        rows(toy())
    own = entry._replace(id="XX-C1", theirs="1", ours=lambda found: "1")
    (row,) = rows(toy(own))
    assert (row["verdict"], row["printed"], row["why"]) == ("confirmed", None, "")
    with pytest.raises(RecordError, match="XX-C2"):
        rows(toy(own, own._replace(id="XX-C2")))


@pytest.mark.parametrize("told", [0, 1])
def test_a_claim_that_lacks_a_record_lacks_it_whatever_the_value_says(told):
    def parts(found):
        yield from [("one", True, "1")][:told]
        raise NotMeasured("not measured: two")

    claim = Claim("XX-C1", "page 1", "one is one", parts)
    entry = checklist.FUSIONGAN.entries[0]
    entry = entry._replace(id="XX-C1", theirs="1", ours=lambda found: "1")
    (row,) = rows(Source("Toy", "toy", [entry], Rows, [claim]))
    assert row["missing"] and "not measured: two" in row["ours"]
    assert row["verdict"] == "not measured"
    if not told:  # as where listeners are needed
        (row,) = rows(Source("Toy", "toy", [entry._replace(testable=False)], Rows, [claim]))
        assert (row["missing"], row["ours"], row["verdict"]) == (False, "1", "not testable")


def test_the_paper_s_own_numbers_have_a_verdict_of_their_own(made):
    own = {row["id"]: row for row in made["fusiongan"]}
    assert (own["FG-THM"]["verdict"], own["FG-THM"]["printed"]) == ("confirmed", "refuted")
    drawn = {row["id"]: row["printed"] for row in made["lstm_gan"]}
    assert drawn["LG-T1"] == "confirmed" and drawn["LG-F6, F7"] is None
    assert all(row["printed"] is None for row in made["audio_style"])


def test_values_are_those_of_the_papers_and_of_the_records(made):
    own = {row["id"]: row for rows in made.values() for row in rows}
    for method in checklist.FUSIONGAN.printed:
        for column in ("dd_eud", "dd_em", "npd_eud", "npd_em"):
            assert number(method[f"{column}_ratio"]["mean"], 3) in own["FG-T1"]["theirs"]
    from fusiontools.papers.connective_fusion.evidence.paper import REALITY
    from fusiontools.papers.lstm_gan.evidence.paper import PRINTED

    for layers in PRINTED.values():
        assert number(sum(layers.values())) in own["LG-F4b, F5b"]["theirs"]
        assert number(sum(layers.values())) in own["LG-F4b, F5b"]["ours"]
    assert str(REALITY["accuracy"]) in own["CF-R"]["theirs"]
    judge = source("connective_fusion").shipped().one("reality", kind="transformer")
    assert f"{judge['accuracy']['mean']:.3f}" in own["CF-R"]["ours"]
    assert "needs listeners" in own["FG-C4"]["ours"]


def test_every_cell_says_something_short(every):
    for row in every:
        assert row["verdict"] in checklist.VERDICTS, row["id"]
        assert row["why"].endswith("."), row["id"]
        assert row["why"][:1].upper() == row["why"][:1], row["id"]
        for name, most in {"what": 120, "theirs": 240, "ours": 280, "why": 240}.items():
            told = row[name].replace("<br>", " ")
            assert 0 < len(told) <= most, f"{row['id']}: {name} has {len(told)} letters"


def test_the_table_has_five_columns_and_links(made):
    shown = table(made["lstm_gan"])
    assert list(shown.columns) == [
        *("row", "the paper", "ours", "verdict", "why they may differ")
    ]
    text = shown.markdown()
    link = "../notebooks/06_lstm_gan_3_measured.html#table-1"
    assert f"| [LG\N{NON-BREAKING HYPHEN}T1]({link})<br>" in text
    parts = "<details><summary>1 of 4 parts</summary>"
    assert f"**partly**<br>in print: confirmed{parts}holds:" in text
    assert all(line.count(" | ") == 4 for line in text.split("\n"))


def test_every_part_of_a_verdict_is_named(made):
    text = table(made["fusiongan"]).markdown()
    (line,) = [line for line in text.split("\n") if "FG\N{NON-BREAKING HYPHEN}C2" in line]
    folded = line.partition("<details>")[2].partition("</details>")[0]
    assert folded.startswith("<summary>2 of 6 parts</summary>")
    told = folded.replace("\xa0", " ").partition("</summary>")[2].split("<br>")
    rivals = [f"{m} in NPD {d}" for d in ("EUD", "EM") for m in ("RM", "RL", "GAN")]
    states = ["holds", "open", "open"] * 2
    assert told == [f"{s}: below {rival}" for s, rival in zip(states, rivals)]
    alone = {"FG-T2", "FG-C4"}  # nothing was tried: nothing is folded
    for row in made["fusiongan"]:
        assert (len(row["parts"]) > 1) or row["id"] in alone | {"FG-T2b", "FG-C7"}


def test_the_summary_counts(made):
    told = summary(made)
    for name, own in made.items():
        (line,) = [row for row in told if row["paper"] == name]
        assert line["rows"] == len(own) == sum(line[v] for v in checklist.VERDICTS)
        for verdict in checklist.VERDICTS:
            assert line[verdict] == sum(row["verdict"] == verdict for row in own)
    assert told[-1]["rows"] == sum(map(len, made.values()))
    assert [r["paper"] for r in told if "in print" in r["paper"]] == [
        *("fusiongan, in print", "lstm_gan, in print")
    ]


def test_means_stand_beside_each_other():
    found = printed({"a": {"x": 1.25}, "b": {"x": 2.0}})
    assert beside(found, {"b": "B", "a": "A"}, {"x": 2}) == "B 2.00<br>A 1.25"
    with pytest.raises(NotMeasured, match="not measured: c"):
        beside(found, {"c": "C"}, {"x": 2})

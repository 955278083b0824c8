"""What systems cost is read off their records and weights."""

from fusiontools.compare import checklist
from fusiontools.compare.costs import PAPERS, costs, terms_table
from fusiontools.compare.systems import SYSTEMS
from fusiontools.corpora.registry import CORPORA
from fusiontools.records import read_records
from fusiontools.report.rows import printed
from fusiontools.report.tables import NOTHING

METRICS = {"training_minutes": 10.0, "seconds": 0.0123, "parameters": 1000.0}
ON_THE_TABLE = [name for name, _ in PAPERS.values() if SYSTEMS[name].make]
FOUND = printed(dict.fromkeys(ON_THE_TABLE, METRICS))


def test_each_paper_has_a_line_and_what_one_would_do_today_another():
    own = [SYSTEMS[row["system"]].paper for row in costs(FOUND)]
    assert own == [*(source.name for source in checklist.SOURCES), "masked"]


def test_numbers_are_those_of_the_records_or_of_the_weights():
    lines = {row["system"]: row for row in costs(FOUND, {"lstm_gan": 0.5})}
    assert all(lines[name]["minutes"] == 10 for name in ON_THE_TABLE)
    bars = lines["lstm_gan"]
    minutes = [r.minutes for r in read_records("lstm_gan") if r.method == "cnn_lstm"]
    assert min(minutes) <= bars["minutes"] <= max(minutes)
    assert bars["parameters"] > 1_000_000 and bars["seconds"] == 0.5
    assert lines["audio_style"]["seconds"] is None


def test_what_is_free_or_not_measured_is_a_dash():
    text = costs(FOUND).markdown().splitlines()
    sound = next(line for line in text if "Audio" in line)
    assert sound.count(f"| {NOTHING} ") == 3
    assert "| 10 | 0.012 | 1,000 |" in next(line for line in text if "FusionGAN" in line)


def test_a_system_without_a_record_is_not_measured():
    lines = {row["system"]: row for row in costs(printed({"connective": METRICS}))}
    assert lines["connective"]["minutes"] == 10
    assert all(lines["domain_transfer"][k] is None for k in ("minutes", "seconds"))


def test_every_corpus_is_named_once_with_its_terms():
    table = terms_table()
    names = [row["corpus"] for row in table]
    assert len(set(names)) == len(names) and {"ryan", "essen", "bach"} <= set(names)
    for row in table:
        assert row["terms"] == CORPORA[row["corpus"]].licence and row["systems"]

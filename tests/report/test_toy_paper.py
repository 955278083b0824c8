"""A third paper can be added by writing only what is its own."""

import functools
import importlib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from fusiontools.errors import RecordError
from fusiontools.records import read_record
from fusiontools.report import claims, experiment, rows

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def toy():
    """The toy paper, importable by its name in other processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield importlib.import_module("toy_paper")


@pytest.fixture(scope="module")
def made(toy, tmp_path_factory):
    """The folder of its experiment, done in processes of their own."""
    out = tmp_path_factory.mktemp("toy") / "out"
    arguments = ["--out", str(out), "--scale", "smoke", "--device", "cpu", "--workers", "2"]
    assert experiment.main(toy.EXPERIMENT, arguments) == 0
    return out


@pytest.fixture(scope="module")
def found(made):
    return rows.rows(experiment.collected(made / "runs" / "measured"))


def test_it_is_short():
    assert len((HERE / "toy_paper.py").read_text(encoding="utf-8").splitlines()) < 150


def test_record_and_table(toy, found):
    table = toy.table_1(found)
    assert [row["method"] for row in table] == ["uniform", "bigram"]
    assert table[1]["nats"]["mean"] < 0.5 < table[0]["nats"]["mean"]
    assert "paper: 2.485" in table.markdown()


def test_claim_and_goal(toy, found):
    (row,) = claims.claims_table(toy.CLAIMS, found, rows.printed(toy.TABLE_1))
    assert (row["paper"].verdict, row["ours"].verdict) == ("confirmed", "confirmed")
    (goal,) = claims.goals_table(toy.GOALS, found)
    assert goal["reached"] is True
    (row,) = claims.claims_table(toy.CLAIMS, rows.Rows())
    assert (row["verdict"], row["parts"]) == ("not testable", {})
    assert "not measured: bigram" in row["numbers"]
    (goal,) = claims.goals_table(toy.GOALS, rows.Rows())
    assert goal["reached"] is None and "not measured" in goal["numbers"]


def test_diagram_and_curves(toy, made):
    from torch import nn

    from fusiontools.training.history import History

    ax = toy.diagram(nn.Embedding(12, 12))
    assert {"x", "f", "y", "x>f", "f>y"} <= {patch.get_gid() for patch in ax.patches}
    assert {"144 weights", "−1"} <= {text.get_text() for text in ax.texts}
    figure = toy.progress(History(made / "runs" / "bigram" / "history.csv", keep=False))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["nats a step"]
    plt.close("all")


def test_a_finished_experiment_does_nothing_again(toy, made):
    before = {f: f.stat().st_mtime_ns for f in (made / "runs").rglob("*") if f.is_file()}
    said = []
    jobs = toy.jobs(made / "scales.npz", made / "runs", "smoke", "cpu")
    assert experiment.run_jobs(jobs, made / "runs", say=said.append) == [] and not said
    after = {f: f.stat().st_mtime_ns for f in (made / "runs").rglob("*") if f.is_file()}
    assert before == after


def test_records_of_another_scale_are_not_gathered(toy, made, tmp_path):
    where = made / "scales.npz", tmp_path, made / "runs"
    experiment.gather(toy.EXPERIMENT, *where, "smoke")
    with pytest.raises(RecordError, match="of other data or scale: bigram"):
        experiment.gather(toy.EXPERIMENT, *where, "laptop")


def test_jobs_that_must_be_asked_for_are_done_only_then(toy, tmp_path):
    jobs = [experiment.Job("asked", functools.partial(print, "done"), asked=True)]
    asked = toy.EXPERIMENT._replace(jobs=lambda *where: jobs)
    asked = asked._replace(collect=lambda *where: None)
    mark, out = tmp_path / "runs" / "asked.done", ["--out", str(tmp_path)]
    assert experiment.main(asked, out) == 0 and not mark.exists()
    assert experiment.main(asked, [*out, "--only", "asked"]) == 0 and mark.exists()
    with pytest.raises(SystemExit):
        experiment.main(asked, [*out, "--only", "unknown"])


def test_it_ships(toy, made, tmp_path):
    old = tmp_path / "results" / "toy_paper" / "scales-old-0.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"data": {"name": "scales"}}')
    other = old.with_name("scales-minor-0.json")
    other.write_text('{"data": {"name": "scales-minor"}}')
    written = experiment.ship(toy.EXPERIMENT, made, tmp_path)
    names = sorted(path.relative_to(tmp_path).as_posix() for path in written)
    assert names == [
        "pretrained/toy_paper_scales.safetensors",
        "results/toy_paper/scales-bigram-0.json",
        "results/toy_paper/scales-uniform-0.json",
    ]
    assert other.exists() and not old.exists()
    record = read_record(tmp_path / "results" / "toy_paper" / "scales-bigram-0.json")
    assert record.method == "bigram" and record.metrics["nats"]["value"] < 0.5

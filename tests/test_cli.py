"""The command: legible, quick to help, and never a traceback for what a reader did."""

import os
import subprocess
import sys

import pytest

from fusiontools import cli
from fusiontools.corpora import CORPORA, registry
from fusiontools.corpora.cards import CorpusInfo, Source


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in this process; returns its exit code, output and error output."""
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")

    def command(*words):
        with pytest.raises(SystemExit) as exit:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return exit.value.code, out, err

    return command


def test_the_table_names_every_corpus_within_80_columns(run, tmp_path):
    (tmp_path / "wjazzd.db").touch()
    code, out, _ = run("data")
    lines = out.splitlines()
    rows = {
        line.split()[0]: line.split()[1:]
        for line in lines
        if line[1:2].isalnum() and len(line.split()) > 3
    }
    assert code == 0 and set(CORPORA) <= set(rows) and max(map(len, lines[:-2])) <= 80
    assert (
        rows["weimar"][:3] == ["yes", "43", "MB"]
        and rows["pop909"][0] == "no"
        and rows["ryan"][0] == "yes"
    )
    assert rows["lmd_matched"][:5] == ["no", "1.4", "GB", "CC", "BY"] and "…" not in out
    assert str(tmp_path) in out.replace("\n", "")


def test_paths(run, tmp_path):
    assert run("data", "path") == (0, f"{tmp_path}\n", "")
    (tmp_path / "wjazzd.db").touch()
    assert run("data", "path", "weimar") == (0, f"{tmp_path / 'wjazzd.db'}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ("path", "gtzan"),
        ("path", "nope"),
        ("fetch", "ryan"),
        ("fetch", "genre_midi"),
        ("fetch", "nope"),
    ],
)
def test_an_error_of_ours_is_one_line_and_exit_code_1(words, run):
    code, out, err = run("data", *words)
    assert (
        code == 1
        and out == ""
        and err.count("\n") == 1
        and words[1] in err
        and "Traceback" not in err
    )


def test_what_comes_along_needs_no_download(run):
    assert "What to do: nothing: it comes along." in run("data", "fetch", "essen")[2]


def test_a_fetched_corpus_is_named_with_its_terms(run, tmp_path, monkeypatch):
    source = Source("tiny.bin", checksum="md5:" + "0" * 32, url="http://x.invalid/")
    card = CorpusInfo("tiny", "Tiny", "", "CC0", "Ann", "", "", (), sources=(source,))
    monkeypatch.setitem(registry.CORPORA, "tiny", card)
    monkeypatch.setattr(
        "fusiontools.corpora.downloads._is_right", lambda file, source: True
    )
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.bin").touch()
    code, out, err = run("data", "fetch", "tiny")
    assert (
        (code, out) == (0, f"{tmp_path / 'tiny' / 'tiny.bin'}\n")
        and "CC0" in err
        and "Ann" in err
    )


@pytest.mark.parametrize("words", [(), ("data",), ("data", "fetch"), ("data", "path")])
def test_help_shows_an_example(words, run):
    code, out, _ = run(*words, "--help")
    assert code == 0 and "Examples" in out and "python -m fusiontools data" in out


def test_a_word_that_is_no_command_is_a_question_of_use(run):
    code, _, err = run("date")
    assert code == 2 and "date" in err and "Traceback" not in err


def test_it_runs_as_a_module_and_loads_nothing_heavy():
    environment = dict(os.environ, COLUMNS="80")
    done = subprocess.run(
        [sys.executable, "-m", "fusiontools", "data", "path", "nope"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 1 and "no corpus is called 'nope'" in done.stderr
    heavy = ("numpy", "librosa", "torch", "pooch", "symusic")
    code = "import sys, fusiontools.cli; "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )

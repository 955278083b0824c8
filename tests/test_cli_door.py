"""The door of the command: what is missing is said before the work, what a system refuses
is one line, and every name can be printed.
"""

import errno
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fusiontools import cli, cli_door
from fusiontools.cli_door import INSTALL, MODULES, check_folder, check_free, guarded
from fusiontools.errors import FusionError
from fusiontools.music.midi import write_midi
from fusiontools.music.notes import Notes

TUNE = Notes.of([(k, 1, 60 + k % 5) for k in range(16)])
# every command that works with a model, and what it needs
COMMANDS = {
    "fuse": ("fuse", "a.mid", "a.mid", "--out", "c.mid"),
    "transfer": ("transfer", "a.mid", "--to", "metal", "--out", "c.mid"),
    "restyle": ("restyle", "a.wav", "b.wav", "--out", "c.wav"),
    "sample": ("sample", "lstm_gan", "--out", "new/folder"),
    "train": ("train", "fusiongan", "--run", "new/run", "--folders", "x", "y"),
    "notice": ("notice", "w.safetensors"),
}
NEEDS = [(c, m) for c in COMMANDS for m in ("torch", "safetensors")]
NEEDS += [("train", "lightning"), ("restyle", "sound")]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_midi(TUNE, "a.mid")
    return tmp_path


def one_line(code, out, err):
    return code == 1 and not out and err.count("\n") == 1 and "Traceback" not in err


# What is not installed


@pytest.mark.parametrize(("command", "module"), NEEDS)
def test_what_is_not_installed_is_said_before_the_work(
    run, here, monkeypatch, command, module
):
    for name in MODULES[module][1:]:
        monkeypatch.setitem(sys.modules, name, None)
    before = sorted(here.rglob("*"))
    code, out, err = run(*COMMANDS[command])
    assert one_line(code, out, err) and MODULES[module][0] in err and "[train]" in err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_fresh_process_without_torch_ends_in_one_line(here, root, command):
    hide = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in ('torch', 'lightning_fabric', 'lightning'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from fusiontools.cli import main; main(sys.argv[1:])\n"
    )
    words = [sys.executable, "-c", hide, *COMMANDS[command]]
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}
    )
    assert one_line(done.returncode, done.stdout, done.stderr), done.stderr
    assert not Path("new").exists()


def test_either_lightning_will_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    monkeypatch.setattr(
        cli_door.importlib.util, "find_spec", lambda name: name == "lightning"
    )
    cli_door.needs("lightning")


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'soxr'", name="soxr"),
        ImportError("libcudart.so: cannot open shared object file", name="torch._C"),
        ImportError("numpy.core.multiarray failed to import"),
    ],
)
def test_a_library_that_is_broken_is_one_line(capsys, error):
    code, out, err = ended(capsys, error)
    assert one_line(code, out, err) and INSTALL.split('"')[1] in err


# What a system refuses


def ended(capsys, error):
    """Exit code, output and error output of a command that ends so."""
    with pytest.raises(SystemExit) as stop, guarded():
        raise error
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def from_system(number, *names):
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (from_system(errno.ENOSPC), "No space left"),
        (from_system(errno.EACCES, "a/b.mid"), "a/b.mid: cannot be read or written"),
        (from_system(errno.EROFS, b"f\xfcr.mid"), "Read-only"),
        (from_system(errno.ENAMETOOLONG, "x" * 300), "choose a shorter name"),
        (from_system(errno.EMFILE, 7), "Too many open files"),
        (from_system(errno.EISDIR, Path("d")), "Is a directory"),
        (TimeoutError("it took too long"), "it took too long"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), "enough memory"),
        (RuntimeError("[enforce fail] can't allocate memory: you tried"), "enough memory"),
        (RuntimeError("Storage size calculation overflowed"), "enough memory"),
        (FusionError("of\nthree\r\nlines [red]", "x\x1b[2J", "look"), "lines [red]"),
    ],
)
def test_what_the_system_refuses_is_one_line(capsys, error, says):
    code, out, err = ended(capsys, error)
    assert one_line(code, out, err) and says in err and "What to do" in err
    assert "\x1b[2J" not in err


@pytest.mark.parametrize(
    "mistake",
    [
        ValueError("x"),
        KeyError("x"),
        RuntimeError("shapes"),
        ImportError("y", name="fusiontools.z"),
    ],
)
def test_a_mistake_of_ours_stays_a_traceback(mistake):
    with pytest.raises(type(mistake)), guarded():
        raise mistake


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), 130), (SystemExit(2), 2), (SystemExit(0), 0)]
)
def test_an_interrupt_and_an_exit_are_quiet(capsys, stop, code):
    assert ended(capsys, stop) == (code, "", "")


def test_a_reader_who_leaves_is_no_error_to_be_told(capsys):
    assert ended(capsys, BrokenPipeError(errno.EPIPE, "Broken pipe")) == (1, "", "")


def test_a_command_that_is_terminated_cleans_up(capsys):
    before, cleaned = signal.getsignal(signal.SIGTERM), []
    with pytest.raises(SystemExit) as stop, guarded():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(1)
    assert stop.value.code == 143 and cleaned
    assert signal.getsignal(signal.SIGTERM) == before


def process(words, **options):
    """Run the command as a process."""
    words = [sys.executable, "-m", "fusiontools", *words]
    root = Path(cli.__file__).parents[1]
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    env = os.environ | {"PYTHONPATH": paths} | options.pop("env", {})
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(words, check=False, env=env, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is full")
@pytest.mark.parametrize(
    "words", [("data",), ("data", "path"), ("notice",), ("--version",)]
)
def test_output_into_a_full_disk_is_one_line(words):
    with open("/dev/full", "w") as full:
        done = process(words, stdout=full)
    err = done.stderr.decode()
    assert done.returncode == 1 and err.count("\n") == 1 and "No space left" in err


@pytest.mark.skipif(os.name == "nt", reason="needs pipes that break")
@pytest.mark.parametrize("words", [("data",), ("notice",)])
def test_a_pipe_that_nobody_reads_is_quiet(words):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = process(words, stdout=pipe)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
def test_without_any_output_it_ends_well():
    words = f"{sys.executable} -m fusiontools data path >&- 2>&-"
    root = str(Path(cli.__file__).parents[1])
    assert subprocess.run(words, shell=True, cwd=root, check=False).returncode == 0


# Names


NAMES = {
    "umlauts": "für/élan",
    "japanese": "春の歌",
    "no UTF-8": "f\udcfcr",  # as Python has a byte of Latin-1 in a file's name
    "both": "ü\udcfc春",
    "an escape": "a\x1b[31mb",
}
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TERMINALS = {
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "Windows": {"PYTHONIOENCODING": "cp1252"},
    "C": PLAIN,
    "UTF-8": {"PYTHONIOENCODING": "utf-8"},
}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_printed(monkeypatch, name, encoding):
    there = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", there)
    monkeypatch.setenv("FUSIONTOOLS_DATA", NAMES[name])
    with pytest.raises(SystemExit) as stop:
        cli.main(["data", "path"])
    there.flush()
    shown = there.buffer.getvalue()
    assert stop.value.code == 0 and b"\x1b" not in shown and shown.endswith(b"\n")
    if name == "no UTF-8":
        assert shown == b"f\xfcr\n"  # as the shell has it


@pytest.mark.skipif(os.name == "nt", reason="names of bytes are a matter of Unix")
@pytest.mark.parametrize("terminal", TERMINALS)
def test_no_terminal_makes_a_traceback(tmp_path, terminal):
    place = os.fsencode(tmp_path) + b"/f\xfcr/" + "für".encode()
    env = TERMINALS[terminal] | {"FUSIONTOOLS_DATA": os.fsdecode(place)}
    for words, code in ((("data",), 0), (("data", "path", "weimar"), 1)):
        done = process(words, env=env)
        assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr


# What is to be written


LONG = ["x" * 252 + ".mid", "春" * 90 + ".mid", "é" * 130 + ".mid", "d" * 300 + "/c.mid"]


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize(
    "words",
    [
        ("fuse", "a.mid", "a.mid", "--out"),
        ("fuse", "a.mid", "a.mid", "--out", "c.mid", "--plain"),
        ("fuse", "a.mid", "a.mid", "--styles", "2", "--out"),
        ("transfer", "a.mid", "--to", "metal", "--out"),
        ("transfer", "a.mid", "--to", "metal", "--out", "c.mid", "--plain"),
        ("restyle", "a.wav", "a.wav", "--out"),
        ("sample", "lstm_gan", "--out"),
        ("train", "fusiongan", "--data", "nothing", "--run"),
        ("notice",),
        ("fuse", "--out", "c.mid", "a.mid"),
        ("transfer", "--to", "metal", "--out", "c.mid"),
        ("restyle", "--out", "c.wav", "a.mid"),
    ],
)
def test_names_that_no_disk_holds_are_one_line(run, here, words, name):
    name = name.replace(".mid", ".wav") if words[0] == "restyle" else name
    code, out, err = run(*words, name)
    assert one_line(code, out, err.replace("Stopped: no file.\n", "")), err
    assert sorted(f.name for f in here.iterdir()) == ["a.mid"]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("none/c.mid", "no such folder"),
        ("a.mid/c.mid", "no such folder"),
        ("folder.mid", "this is a folder"),
        ("a.mid", "this file is read here"),
        ("same.mid", "this file is read here"),
        ("there.mid", "add --force"),
    ],
)
def test_a_file_that_is_not_to_be_written_is_refused(here, file, says):
    Path("folder.mid").mkdir()
    Path("there.mid").touch()
    os.symlink("a.mid", "same.mid")
    with pytest.raises(FusionError, match=says):
        check_free(Path(file), "--out", (".mid",), False, Path("a.mid"))
    check_free(Path("there.mid"), "--out", (".mid",), True, Path("a.mid"))
    check_free(Path("new.mid"), "--out", (".mid",), False, Path("a.mid"))


def test_folders_that_may_not_be_written_to_are_refused(here, monkeypatch):
    with pytest.raises(FusionError, match="this is a file"):
        check_folder(Path("a.mid/deep/run"))
    check_folder(Path("new/deep/run"))
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may always
    for check in (
        lambda: check_folder(Path("new/deep/run")),
        lambda: check_free(Path("c.mid"), "--out", (".mid",), False),
    ):
        with pytest.raises(FusionError, match="nothing may be written here"):
            check()


# Small things


def test_the_version_is_told(run):
    from fusiontools import __version__

    assert run("--version") == (0, f"fusiontools {__version__}\n", "")


def test_the_terms_of_all_weights_are_told(run):
    code, out, err = run("notice")
    assert code == 0 and "Weimar Jazz Database" in out and "GTZAN" in out and not err


def test_on_a_terminal_the_terms_are_laid_out(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    out = run("notice")[1]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert "Weimar Jazz" in plain and "|---" not in plain and "**" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    folder = Path(cli.__file__).parent / "pretrained"
    for file in (folder / "NOTICE.md").read_text(encoding="utf-8").split("`"):
        assert not file.endswith(".safetensors") or file in plain  # and none is cut


NUMBERS = {
    "a whole number such as 9": [
        ("fuse", "--left-bar", w) for w in ("abc", "1.5", "x9", "")
    ],
    "a number from 0 to 1": [
        ("fuse", "--amount", "half"),
        ("transfer", "--amount", "0,5"),
        ("restyle", "--strength", "all"),
    ],
    "a number such as 1.5": [
        ("restyle", "--seconds", "1:30"),
        ("sample", "--temperature", "x"),
    ],
    "a whole number from 1 to 1000": [
        ("fuse", "--styles", "0"),
        ("sample", "-n", "1001"),
        ("sample", "-n", "two"),
    ],
    "a whole number from 0 to 4294967295": [
        ("train", "--seed", "-1"),
        ("fuse", "--seed", "1e9"),
    ],
    "a whole number from 0 to 127": [("transfer", "--program", "128")],
}


@pytest.mark.parametrize(
    ("says", "words"), [(says, w) for says, many in NUMBERS.items() for w in many]
)
def test_a_number_that_is_none_is_asked_for_in_plain_words(run, monkeypatch, says, words):
    monkeypatch.setenv("COLUMNS", "200")
    command, *given = words
    code, out, err = run(*COMMANDS[command], *given)
    assert code == 2 and not out and f"{given[0]}': {says}" in err


def test_a_notice_that_is_long_says_where_it_can_be_read(capsys):
    short = "Weights trained on mine. Terms: mine: CC0."
    cli_door.notice(short)
    assert capsys.readouterr().err == f"{short}\n"
    cli_door.notice(short + " and more" * 20)
    assert capsys.readouterr().err == (
        "Weights trained on mine. Their terms: python -m fusiontools notice\n"
    )
    cli_door.notice(short + " and more" * 20, Path("my run"))
    assert capsys.readouterr().err.endswith("notice 'my run'\n")

"""One language for all commands: a word means one thing, every example can be typed, and
exit codes are those that the command promises.
"""

import re
import shlex
from collections import defaultdict

import pytest
import typer

from fusiontools import cli
from fusiontools.errors import FusionError

APP = typer.main.get_command(cli.app)
# a sample is many files: its --out is a folder, and says so
OF_ITS_OWN = {("sample", "--out")}
WRITE = {"play", "sample", "fuse", "transfer", "restyle"}  # what may replace a file
MUSIC = {"play", "fuse", "transfer"}  # what takes --out of any ending


def walk(command, name=""):
    """Every command by its words, groups that do something included."""
    for word, own in getattr(command, "commands", {}).items():
        whole = f"{name} {word}".strip()
        yield whole, own
        yield from walk(own, whole)


COMMANDS = dict(walk(APP))


def options(command):
    """Every option of a command, by its longest name."""
    for one in command.params:
        if one.param_type_name == "option" and "--help" not in one.opts:
            yield max(one.opts, key=len), one


def test_the_commands_are_these():
    assert {name.split()[0] for name in COMMANDS} == {
        *("data", "train", "sample", "fuse", "transfer", "restyle"),
        *("play", "score", "notice"),
    }


def test_a_name_has_one_meaning():
    """One help, one word for what it takes, and one kind of it."""
    meanings = defaultdict(dict)
    for name, command in COMMANDS.items():
        for option, one in options(command):
            if (name, option) not in OF_ITS_OWN:
                kind = [getattr(one, k, None) for k in ("nargs", "is_flag", "min", "max")]
                meanings[option][name] = one.metavar, one.help, *kind, *one.opts
    wrong = {k: v for k, v in meanings.items() if len({*v.values()}) > 1}
    assert not wrong, wrong


def test_an_option_says_what_it_is_and_what_it_takes():
    for name, command in COMMANDS.items():
        for option, one in options(command):
            assert one.help and one.help.endswith((".", "...")), (name, option)
            flag = getattr(one, "is_flag", False)
            assert bool(one.metavar) != flag, (name, option)
            assert re.fullmatch(r"--[a-z]+(-[a-z]+)*|-n", option), (name, option)


def test_every_command_has_the_options_that_all_have():
    for name, command in COMMANDS.items():
        there = dict(options(command))
        assert "--json" in there, name
        assert ("--force" in there) == (name in WRITE), name
        assert ("--out" in there) == (name in WRITE), name
        assert all(one.help for one in command.params if hasattr(one, "help")), name


def examples(text):
    start = re.escape(cli.NAME)
    return re.findall(rf"^\s*{start} ?(.*?)(?:\s+#.*)?$", text or "", re.M)


def parsed(words):
    """Read words as the command does, and do nothing."""
    command, context, left = APP, None, shlex.split(words)
    try:
        while True:
            context = command.make_context(command.name or "x", left, parent=context)
            if not hasattr(command, "commands"):
                return command
            left = [*getattr(context, "_protected_args", []), *context.args]
            if not left:
                return command
            _, command, left = command.resolve_command(context, left)
    except typer.Exit as done:  # of --help, and of --version
        assert done.exit_code == 0
        return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_can_be_typed(name):
    said = examples(COMMANDS[name].help)
    assert said, f"{name} has no example"
    for words in said:
        found = parsed(words)
        inside = getattr(COMMANDS[name], "commands", {}).values()
        assert found is COMMANDS[name] or found in inside, words


def test_an_example_that_cannot_be_typed_is_seen():
    for words in ("fuse a.mid b.mid", "fuse a b --out c --loud", "melt a", "play"):
        with pytest.raises(typer.BadParameter.__base__):
            parsed(words)


def test_the_examples_of_all_and_of_the_readme_can_be_typed(root, capsys):
    readme = (root / "README.md").read_text(encoding="utf-8")
    said = examples(APP.help)
    assert {*COMMANDS} - {"data fetch", "data path"} <= {
        *(words.replace(" --help", "") for words in said)
    }
    shown = examples(readme)
    assert {words.split()[0] for words in shown} == {n.split()[0] for n in COMMANDS}
    for words in [*said, *shown]:
        parsed(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_same_by_both_names_within_80_columns(run, name):
    texts = [run(*name.split(), word) for word in ("--help", "-h")]
    code, out, err = texts[0]
    assert texts[0] == texts[1] and code == 0 and not err
    assert "Examples" in out and "--json" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_understood_is_2_and_says_where_help_is(run, name):
    code, out, err = run(*name.split(), "--absurd")
    assert code == 2 and not out and "--absurd" in err and "-h' for help" in err


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(tmp_path))
    return tmp_path


FAILING = {
    "data fetch": ("nothing",),
    "data path": ("nothing",),
    "notice": ("none.safetensors",),
    "train": ("--run", "none"),
    "sample": ("--run", "none", "--out", "new"),
    "fuse": ("none.mid", "none.mid", "--out", "c.mid"),
    "transfer": ("none.mid", "--to", "metal", "--out", "c.mid"),
    "restyle": ("none.wav", "none.wav", "--out", "c.wav"),
    "play": ("none.mid",),
    "score": ("none.mid", "--against", "none.mid", "none.mid"),
}


def test_every_command_that_can_fail_is_tried():
    assert {*FAILING} == {*COMMANDS} - {"data"}


@pytest.mark.parametrize("name", FAILING)
def test_what_cannot_be_done_is_1_in_one_line_that_says_what_to_do(run, here, name):
    code, out, err = run(*name.split(), *FAILING[name])
    told = [line for line in err.splitlines() if not line.startswith("Stopped")]
    assert code == 1 and not out and len(told) == 1, err
    assert "What to do: " in told[0] and told[0].endswith(".")
    assert not list(here.iterdir())


# what each command calls before it tells anything
CALLED = {
    "data fetch": "corpora.downloads.fetch",
    "data path": "corpora.places.path",
    "notice": "training.read_weights",
    "train": "cli_papers._told",
    "sample": "cli_papers._told",
    "fuse": "music.excerpts.read_excerpt",
    "transfer": "papers.domain_transfer.transfer.load_weights",
    "restyle": "music.audio.sound_length",
    "play": "music.audio.sound_length",
    "score": "compare.pieces.piece_windows",
}


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)]
)
@pytest.mark.parametrize("name", FAILING)
def test_what_is_stopped_is_130_or_143(run, here, monkeypatch, name, stop, code):
    def stopped(*given, **options):
        raise stop

    monkeypatch.setattr(f"fusiontools.{CALLED[name]}", stopped)
    found, out, err = run(*name.split(), *FAILING[name])
    assert found == code and not out and "Traceback" not in err
    assert not list(here.iterdir())


def test_files_that_are_there_and_read_are_refused_alike(run, here):
    (here / "a.mid").write_bytes(b"MThd")
    (here / "b.mid").write_bytes(b"MThd")
    said = set()
    for name in sorted(MUSIC):
        words = {"play": (), "fuse": ("b.mid",), "transfer": ("--to", "metal")}[name]
        said.add(run(name, "a.mid", *words, "--out", "a.mid")[2])
    assert len(said) == 1 and "this file is read here" in said.pop()
    endings = set()
    for name in sorted(MUSIC - {"play"}):
        words = {"fuse": ("b.mid",), "transfer": ("--to", "metal")}[name]
        _, _, err = run(name, "a.mid", *words, "--out", "c.txt")
        flat = " ".join(err.replace("│", " ").split())
        endings.add(re.search(r"let its name end in (.*?):", flat)[1])
    assert endings == {".mid or .midi or .wav or .flac or .mp3 or .ogg"}


def test_an_error_of_ours_has_three_parts():
    error = FusionError("the file is empty", "a.mid", "export it again")
    assert (error.found, error.where, error.do) == (
        "the file is empty",
        "a.mid",
        "export it again",
    )

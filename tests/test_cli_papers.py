"""The commands that train and sample: a run goes on with its folder alone, no sample mixes
with another, and what cannot be is one line.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fusiontools import cli
from fusiontools.music import Notes, read_midi, write_midi
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.data import PAIRS, Pair, save_pair
from fusiontools.papers.fusiongan.evidence import experiment
from fusiontools.records import SCALES, read_record


def toy(path, windows=40, name="toy"):
    """A pair of two domains that differ in pitch and in length, as a file."""
    rng, arrays = np.random.default_rng(0), {}
    for domain, pitches, lengths in (
        ("A", range(12), (0, 1)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (1, 2)),
    ):
        for part, many in (("train", windows), ("validation", 8), ("test", 8)):
            arrays[f"{domain}_{part}"] = (
                3 * rng.choice(list(pitches), (many, 12)) + rng.choice(lengths, (many, 12))
            ).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    about = {"corpora": [{"name": "mine", "licence": "CC0"}]}
    save_pair(
        Pair(
            name, ("jazz", "folk"), Vocabulary("notes", 60, 71, 4, (1, 2, 4)), arrays, about
        ),
        path,
    )
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return toy(tmp_path_factory.mktemp("pair") / "toy.npz")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pair):
    """The folder of a finished run of the size smoke."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    with pytest.raises(SystemExit) as exit:
        cli.main(
            ["train", "fusiongan", "--run", str(folder), "--data", str(pair), "--seed", "3"]
        )
    assert not exit.value.code
    return folder


# Training


def test_a_run_says_what_it_does_and_what_came_out(run, pair, tmp_path):
    code, out, err = run(
        "train",
        "fusiongan",
        "--run",
        tmp_path / "r",
        "--data",
        pair,
        "--method",
        "mle",
        "--device",
        "cpu",
    )
    record = read_record(tmp_path / "r" / "record.json")
    assert code == 0 and (
        record.method,
        record.scale,
        record.seed,
        record.data["name"],
    ) == ("mle", "smoke", 0, "toy")
    assert (
        experiment.METHODS["mle"] in out
        and "Data: toy, windows to learn from: 40 of jazz, 40 of folk." in out
        and "Scale smoke, seed 0, on CPU" in out
    )
    assert (
        "No judges come with the package" in out
        and "middle_typical" not in record.metrics
        and not err
    )
    assert f"npd_eud_ratio           {record.metrics['npd_eud_ratio']['value']:.3f}" in out
    assert (
        len(record.samples) == experiment.KEPT and f"sample --run {tmp_path / 'r'}" in out
    )


def test_a_finished_run_needs_its_folder_alone_and_is_left_as_it_is(run, trained):
    before = {f: f.read_bytes() for f in trained.iterdir()}
    code, out, err = run("train", "--run", trained)
    record = read_record(trained / "record.json")
    assert (
        code == 0
        and "finished before" in out
        and "fusion, scale smoke, seed 3, data toy" in out
        and not err
    )
    assert f"balance_npd             {record.metrics['balance_npd']['value']:.3f}" in out
    assert {f: f.read_bytes() for f in trained.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "gan"), 'its method is "fusion", and "gan" is asked'),
        (("--scale", "laptop"), 'its scale is "smoke", and "laptop" is asked'),
        (("--seed", "4"), "its seed is 3, and 4 is asked"),
        (("--data", "OTHER"), "its data.sha256 is"),
        (("--data", "nowhere.npz"), "neither the name of data nor a file"),
        (("--method", "rm"), "no method 'rm'"),
        (("--method", "magic"), "no method 'magic'"),
        (("--scale", "huge"), "no scale 'huge'"),
        (("--device", "tpu"), "no device 'tpu'"),
        (("lstm",), "no paper is called 'lstm'"),
    ],
)
def test_other_settings_than_those_of_the_run_are_refused(
    run, trained, tmp_path, words, says
):
    other = toy(tmp_path / "other.npz", windows=20, name="other")
    code, out, err = run(
        "train", *(other if word == "OTHER" else word for word in words), "--run", trained
    )
    assert (
        code == 1
        and says in err
        and err.count("\n") == 1
        and "What to do" in err
        and not out
    )


def test_a_folder_that_is_no_run_is_refused(run, tmp_path, pair, trained):
    assert (
        "no paper is named" in run("train", "--run", tmp_path / "new")[2]
        and not (tmp_path / "new").exists()
    )
    (tmp_path / "thesis.tex").touch()
    assert "thesis.tex" in run("train", "fusiongan", "--run", tmp_path, "--data", pair)[2]
    about = (trained / "config.json").read_text()
    for text, says in (
        ("{", "config.json"),
        ("{}", "not a run"),
        ('{"paper": "five_views"}', "not a run"),
        (about.replace('"fusiongan"', '"five_views"'), "not a run of a paper"),
        (about.replace('"toy"', '"lost"'), "holds no copy of its data, 'lost'"),
    ):
        (tmp_path / "config.json").write_text(text)
        code, _, err = run("train", "--run", tmp_path)
        assert code == 1 and says in err and err.count("\n") == 1, err


# Folders of one's own


def scores(folder, many, notes=48, length=0.5, seed=0, name="{}.mid", dotted=False):
    """MIDI files of melodies that differ."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for k in range(many):
        pitches = 60 + rng.choice([0, 2, 4, 5, 7, 9, 11, 12], notes)
        late = [length / 2 * (dotted and i % 4 == 1) for i in range(notes)]
        melody = [(i * length + late[i], length, int(p)) for i, p in enumerate(pitches)]
        write_midi(Notes.of(melody), folder / name.format(k))
    return folder


def refused(run, tmp_path, paper, *folders, option="--folders"):
    code, _, err = run("train", paper, "--run", tmp_path / "r", option, *folders)
    assert code == 1 and err.count("\n") == 1 and err.count("What to do") == 1, err
    assert not (tmp_path / "r").exists() and "damaged" not in err.split(": ", 1)[1]
    return err


@pytest.mark.parametrize(("many", "long"), [(1, 1), (2, 2), (6, 2), (9, 0)])
def test_too_few_melodies_are_counted(run, tmp_path, many, long):
    a, b = (scores(tmp_path / d, 4, seed=s) for d, s in (("a", 9), ("b", 8)))
    few = scores(tmp_path / "few", many - long, notes=20, name="short{}.mid")
    for k in range(long):
        os.replace(a / f"{k}.mid", few / f"{k}.mid")
    err = refused(run, tmp_path, "fusiongan", few, b)
    assert f"few: {long} of {many} pieces have a melody of 36 notes, and 3 are" in err


def test_what_cannot_be_read_is_counted_too(run, tmp_path):
    a, b = (scores(tmp_path / d, 2, seed=s) for d, s in (("a", 9), ("b", 8)))
    (a / "bad.mid").write_bytes(b"junk")
    (a / "score.mscz").write_bytes(b"?")
    assert "; 2 more cannot be read, mine_a/bad.mid since: " in refused(
        run, tmp_path, "fusiongan", a, b
    )


JUNK = {"bad.mid": b"junk", "cut.musicxml": b"<score-partwise>", "empty.mid": b""}


@pytest.mark.parametrize("paper", ["fusiongan", "connective_fusion", "domain_transfer"])
@pytest.mark.parametrize("more", [0, 1, 9])
def test_what_is_left_out_of_two_folders_is_said_before_the_training(
    run, tmp_path, paper, more
):
    a, b = (scores(tmp_path / d, 2, seed=s) for d, s in (("a", 9), ("b", 8)))
    junk = JUNK | {f"z{k}.mid": b"?" for k in range(more)}
    for file, data in junk.items():
        (a / file).write_bytes(data)
    _, out, _ = run("train", paper, "--run", tmp_path / "r", "--folders", a, b)
    (line,) = [line for line in out.splitlines() if "left out" in line]
    many = len(junk)
    assert line.startswith(f"{a}: {many + 2} files, 2 read, {many} left out: bad.mid (")
    assert all(f"{file} (" in line for file in JUNK)
    assert (f"and {many - 4} more" in line) == (many > 4)


@pytest.mark.parametrize("paper", ["lstm_gan", "audio_style"])
def test_what_is_left_out_is_said_of_every_kind_of_folder(run, tmp_path, paper):
    from fusiontools.music.audio import write_sound

    a = scores(tmp_path / "a", 2)
    (a / "bad.mid").write_bytes(b"junk")
    (a / "bad.wav").write_bytes(b"junk")
    named = ("--data", a)
    if paper == "audio_style":
        write_sound(np.sin(np.arange(22_050) / 9), a / "x.wav", 22_050)
        named = ("--folders", a, a)
    _, out, _ = run("train", paper, "--run", tmp_path / "r", *named)
    assert "read, 1 left out: " in out and "bad" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("paper", "says"),
    [
        ("fusiongan", "3 are needed"),
        ("domain_transfer", "4 songs are needed"),
        ("connective_fusion", "gets"),
    ],
)
def test_two_folders_of_two_are_too_few_and_numbers_say_so(run, tmp_path, paper, says):
    a, b = (scores(tmp_path / d, 2, 256, seed=s) for d, s in (("a", 9), ("b", 8)))
    err = refused(run, tmp_path, paper, a, b)
    assert says in err and "bring more" in err and any(c.isdigit() for c in err)


def test_one_folder_of_two_is_too_few_and_a_number_says_so(run, tmp_path):
    a = scores(tmp_path / "a", 2)
    err = refused(run, tmp_path, "lstm_gan", a, option="--data")
    assert "of 2 in all" in err and "three songs are needed" in err


@pytest.mark.parametrize("case", ["one rhythm", "one folder", "one file"])
def test_two_folders_without_a_difference_are_refused_before_the_training(
    run, tmp_path, case
):
    a = scores(tmp_path / "a", 3)
    b = a if case == "one folder" else scores(tmp_path / "b", 3, seed=5)
    b = a / "0.mid" if case == "one file" else b
    err = refused(run, tmp_path, "fusiongan", a, b)
    says = {"one file": "this is one file"}.get(case, "cannot be told from those of")
    assert says in err


def test_folders_of_six_tunes_train(run, tmp_path):
    a = scores(tmp_path / "hymns", 3)
    # a name in Latin-1
    b = scores(tmp_path / "f\udcfcr", 3, seed=5, length=0.25, dotted=True)
    code, out, err = run("train", "fusiongan", "--run", tmp_path / "r", "--method", "mle",
                         "--folders", a, b)  # fmt: skip
    assert code == 0 and "hymns" in out and "f\u00fcr" in out and not err
    record = read_record(tmp_path / "r" / "record.json")
    assert record.data["name"] == "mine"


def test_tunes_in_abc_and_musicxml_train_too(run, tmp_path):
    scores(tmp_path / "b", 3, seed=5, length=0.25, dotted=True)
    (tmp_path / "a").mkdir()
    book = "".join(
        f"X:{k}\nT:Tune {k}\nM:4/4\nL:1/8\nK:C\n{'CDEF GABc|' * 5}{'cBAG' * k}|]\n\n"
        for k in range(1, 5)
    )
    (tmp_path / "a" / "book.abc").write_text(book)
    code, _, err = run("train", "fusiongan", "--run", tmp_path / "r", "--method", "mle",
                       "--folders", tmp_path / "a", tmp_path / "b")  # fmt: skip
    assert code == 0, err


# Sampling leaves nothing behind


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        ("--method", "magic"),
        ("--pair", "abba"),
        ("--run", "nowhere"),
        ("--temperature", "0.5"),
    ],
)
def test_a_refused_sample_leaves_no_folder(run, tmp_path, there, words):
    out = tmp_path / "new" / "folder"
    if there:
        out.mkdir(parents=True)
    code, _, err = run("sample", "lstm_gan", "--out", out, *words)
    assert code == 1 and err.count("\n") == 1, err
    assert out.exists() == there == (tmp_path / "new").exists()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sample_leaves_no_folder(run, tmp_path, monkeypatch, heard, stop):
    from fusiontools.papers.lstm_gan.evidence import experiment as own

    def sample_files(draft, *asked):
        Path(draft, "phrase_001.mid").touch()
        signal.raise_signal(stop)

    monkeypatch.setattr(own, "sample_files", sample_files)
    code, out, err = run("sample", "lstm_gan", "--out", tmp_path / "new")
    assert (code, out, err) == (128 + stop, "", "") and not (tmp_path / "new").exists()


def test_more_than_memory_holds_is_a_question_of_use(run, tmp_path):
    for many in ("1001", "1000000000", str(10**40)):
        code, _, err = run("sample", "lstm_gan", "--out", tmp_path / "new", "-n", many)
        assert code == 2 and "1000" in err and not (tmp_path / "new").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on_to_the_same_weights(
    run, trained, pair, tmp_path, monkeypatch, heard, number, code
):
    from fusiontools.papers.fusiongan import algorithm

    real, folder = algorithm.steps, tmp_path / "my run"

    def interrupted(*arguments, **options):
        for step in real(*arguments, **options):
            if options["phase"] == "critics" and step == 1:
                signal.raise_signal(number)
            yield step

    monkeypatch.setattr(algorithm, "steps", interrupted)
    found, _, err = run(
        "train",
        "fusiongan",
        "--run",
        folder,
        "--data",
        pair,
        "--seed",
        3,
        "--device",
        "cpu",
    )
    assert (
        found == code
        and "Stopped after step 2 of 3 (critics)" in err
        and "Traceback" not in err
        and "Aborted" not in err
    )
    assert (
        err.splitlines()[-1]
        == f"Go on with: python -m fusiontools train --run '{folder}' --device cpu"
    )
    assert (
        not (folder / "record.json").exists()
        and "finish it with" in run("sample", "--run", folder, "--out", tmp_path / "x")[2]
    )
    monkeypatch.undo()
    assert run("train", "--run", folder)[0] == 0
    assert (folder / "weights.safetensors").read_bytes() == (
        trained / "weights.safetensors"
    ).read_bytes()


def test_before_the_training_begins_there_is_nothing_to_go_on_with(
    run, tmp_path, pair, monkeypatch
):
    from fusiontools.report import experiment

    monkeypatch.setattr(
        experiment, "data_of", lambda *asked: signal.raise_signal(signal.SIGTERM)
    )
    code, _, err = run("train", "fusiongan", "--run", tmp_path / "r", "--data", pair)
    assert code == 143 and err == "Stopped before the training began.\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_terminated_process_says_how_to_go_on_and_does(tmp_path, root):
    words = [
        "train",
        "fusiongan",
        "--run",
        "r",
        "--data",
        toy(tmp_path / "toy.npz", windows=6000),
        "--method",
        "mle",
    ]
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    here = {
        "cwd": tmp_path,
        "env": os.environ | {"PYTHONPATH": paths},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    begun = subprocess.Popen([sys.executable, "-m", "fusiontools", *words], **here)
    history, rows = tmp_path / "r" / "history.csv", 0
    while rows < 3 and begun.poll() is None:  # header and two steps: it is under way
        time.sleep(0.005)
        rows = history.read_bytes().count(b"\n") if history.is_file() else 0
    begun.terminate()
    _, err = begun.communicate()
    assert begun.returncode == 143, err
    last = err.splitlines()[-1]
    assert last == "Go on with: python -m fusiontools train --run r"
    command = [sys.executable, *shlex.split(last.removeprefix("Go on with: python"))]
    done = subprocess.run(command, check=False, **here)
    assert done.returncode == 0, done.stderr
    steps = [int(line.split(",")[0]) for line in history.read_text().splitlines()[1:]]
    assert (
        steps == list(range(375))
        and read_record(tmp_path / "r" / "record.json").method == "mle"
    )


# Sampling


def melodies(folder):
    return {f.name: f.read_bytes() for f in Path(folder).iterdir()}


def test_a_run_writes_midi_files_the_same_for_a_seed(run, trained, tmp_path):
    code, out, err = run(
        "sample", "--run", trained, "-n", 3, "--out", tmp_path / "one", "--seed", 5
    )
    assert (code, out) == (
        0,
        f"3 melodies by fusion in {tmp_path / 'one'}: melody_001.mid to melody_003.mid\n",
    )
    assert err == "Weights trained on mine. Terms: mine: CC0.\n"
    run(
        "sample",
        "fusiongan",
        "--run",
        trained,
        "-n",
        3,
        "--out",
        tmp_path / "again",
        "--seed",
        5,
    )
    run(
        "sample",
        "--run",
        trained,
        "-n",
        3,
        "--out",
        tmp_path / "other",
        "--temperature",
        0.5,
        "--seed",
        6,
    )
    assert (
        melodies(tmp_path / "one")
        == melodies(tmp_path / "again")
        != melodies(tmp_path / "other")
    )
    assert sorted(melodies(tmp_path / "one")) == [
        "melody_001.mid",
        "melody_002.mid",
        "melody_003.mid",
    ]
    assert all(
        sum(len(track.notes) for track in read_midi(f).tracks)
        for f in (tmp_path / "one").iterdir()
    )


def test_two_samples_never_mix(run, trained, tmp_path):
    (tmp_path / "song.mid").write_bytes(b"mine")
    run("sample", "--run", trained, "-n", 4, "--out", tmp_path)
    before = melodies(tmp_path)
    code, _, err = run("sample", "--run", trained, "-n", 2, "--out", tmp_path, "--seed", 1)
    assert (
        code == 1
        and "4 files, melody_001.mid to melody_004.mid" in err
        and "--force" in err
        and melodies(tmp_path) == before
    )
    assert (
        run("sample", "--run", trained, "--out", tmp_path, "--method", "rl", "--force")[0]
        == 1
    )
    assert melodies(tmp_path) == before  # a sample that fails takes nothing away
    assert (
        run("sample", "--run", trained, "-n", 2, "--out", tmp_path, "--seed", 1, "--force")[
            0
        ]
        == 0
    )
    after = melodies(tmp_path)
    assert (
        sorted(after) == ["melody_001.mid", "melody_002.mid", "song.mid"]
        and after["song.mid"] == b"mine"
    )
    assert after["melody_001.mid"] != before["melody_001.mid"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--run", "RUN", "--method", "rm"), "choose one of fusion"),
        (("--run", "RUN", "--pair", "essen_ryan"), "leave out --pair or --run"),
        (("--run", "nowhere"), "no run is there"),
        (("fusiongan", "--run", "nowhere"), "no run's folder"),
        (
            ("fusiongan", "--pair", "abba_bach"),
            "no weights come with the package for the pair 'abba_bach'",
        ),
        (("lstm",), "no paper is called 'lstm'"),
        ((), "name one of fusiongan, connective_fusion, lstm_gan, masked."),
        (("domain_transfer",), "python -m fusiontools transfer --help"),
        (("audio_style",), "python -m fusiontools restyle --help"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(run, trained, tmp_path, words, says):
    code, out, err = run(
        "sample", *(trained if word == "RUN" else word for word in words), "--out", tmp_path
    )
    assert (
        code == 1
        and says in err
        and err.count("\n") == 1
        and not out
        and not melodies(tmp_path)
    )


@pytest.mark.parametrize(
    "words",
    [
        ("-n", "0"),
        ("-n", "-3"),
        ("-n", "two"),
        ("--temperature", "0"),
        ("--temperature", "nan"),
        ("--seed", "-1"),
    ],
)
def test_absurd_numbers_are_a_question_of_use(run, trained, tmp_path, words):
    code, _, err = run("sample", "--run", trained, "--out", tmp_path, *words)
    assert code == 2 and words[0] in err and "Traceback" not in err
    assert "Input should" not in err and "valid" not in err.replace("Invalid", "")


def test_an_out_that_is_a_file_is_one_line(run, trained, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = run("sample", "--run", trained, "--out", tmp_path / "file")
    assert code == 1 and "cannot be written" in err and err.count("\n") == 1


def test_blend_is_the_default_and_all_are_to_be_had(run, tmp_path, monkeypatch):
    from fusiontools.papers.fusiongan import sampling
    from fusiontools.papers.fusiongan.config import Config
    from fusiontools.papers.fusiongan.networks import Critic, Generator

    vocabulary, c = Vocabulary("notes", 60, 71, 4, (1, 2, 4)), Config.smoke()
    a, b = (Generator(vocabulary.size, c.embedding, c.hidden) for _ in range(2))
    genre = Critic(vocabulary.size, c.critic_embedding, c.filters, bound="none").eval()
    blend = sampling.Writer([a], tries=3, stretch=12, genre=genre)
    for name, own in {
        "essen_ryan": {"mle": a, "blend": blend, "rl": [a, b]},
        "other": {"rl": [a, b], "mle": a},
    }.items():
        about = (["one", "other"], "free")
        sampling.save_writers(own, tmp_path / name, c, vocabulary, *about, pair=name)
    monkeypatch.setattr(sampling, "shipped_weights", lambda pair: tmp_path / pair)

    def said(*words):
        return run("sample", "fusiongan", "-n", 2, "--out", tmp_path / f"{words}", *words)

    assert "2 melodies by blend" in said()[1]
    assert "by rl" in said("--method", "rl")[1]
    assert "by rl" in said("--pair", "other")[1]  # the first of those that are there
    code, _, err = said("--pair", "other", "--method", "blend")
    assert code == 1 and "no weights of the method 'blend'" in err
    assert "choose one of rl, mle" in err
    assert "choose essen_ryan" in said("--pair", "weimar_essen")[2]


def test_weights_that_come_along_write_melodies(run, tmp_path):
    from fusiontools.papers.fusiongan.sampling import load_weights, shipped_weights

    here = [pair for pair in PAIRS if shipped_weights(pair).is_file()]
    if not here:
        pytest.skip("no weights of FusionGAN come with the package yet")
    for pair in here:
        for method in load_weights(pair)[0]:
            code, out, err = run(
                "sample",
                "fusiongan",
                "--pair",
                pair,
                "--method",
                method,
                "-n",
                3,
                "--out",
                tmp_path / pair / method,
            )
            assert (
                code == 0
                and len(melodies(tmp_path / pair / method)) == 3
                and "erms: " in err
                and err.count("\n") == 1
            ), (out, err)


# Help


@pytest.mark.parametrize("words", [("train",), ("sample",)])
def test_help_shows_examples(run, words):
    code, out, _ = run(*words, "--help")
    assert (
        code == 0
        and "Examples" in out
        and f"python -m fusiontools {words[0]} fusiongan" in out
    )
    assert all(pair in out for pair in PAIRS) and max(map(len, out.splitlines())) <= 80


def test_help_names_every_method_and_scale(run):
    said = " ".join(run("train", "--help")[1].replace("│", " ").split())
    assert all(
        f"{name}: {says}" in said for name, says in experiment.METHODS.items()
    ) and all(scale in said for scale in SCALES)


def test_the_folders_of_a_run_of_ones_own_are_named(run, tmp_path):
    from fusiontools.training import weights_notice

    for names in (["mine"], ["mine_a", "mine_b"], ["mine_s", "mine_t"]):
        told = weights_notice({"corpora": names, "labels": ["b", "h"], "terms": ""})
        assert "music of your own (b, h)" in told and "mine" not in told
    other = {"corpora": ["ryan", "mine"], "labels": ["b", "h"], "terms": "free"}
    assert weights_notice(other) == "Weights trained on ryan, mine. Terms: free."


@pytest.mark.parametrize("paper", ["connective_fusion", "lstm_gan"])
def test_a_run_of_another_paper_is_named(run, trained, tmp_path, paper):
    code, _, err = run("sample", paper, "--run", trained, "--out", tmp_path / "x")
    assert code == 1 and "fusiongan" in err and paper in err and "Error" not in err

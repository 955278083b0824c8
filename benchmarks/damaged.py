"""Damaged files of every kind that is read: what our readers say to them.

Of each kind some small whole files are made (our own music), and damaged in ways that are
drawn from a seed: what was damaged once is damaged so again. Half of the damage goes into
what a container holds (a zip, a checksum, a header of JSON), which is then closed again as
it should be. A file has to be read, or refused in our own words.

The reading is done by another process, with two gigabytes of memory more than it takes with
nothing read: a process that dies, hangs or runs out of memory is seen, and its file named.
"""

import hashlib
import io
import json
import os
import queue
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.measure import ROOT, Row, clean_environment

SEEDS = 715  # of each kind: 10,010 files in all
MEMORY = 2_000_000_000  # bytes beyond what the process takes with nothing read
LONGEST = 5.0  # seconds
PATIENCE = 600.0  # seconds without a word after which a process is ended


class Kind(NamedTuple):
    """One kind of file."""

    make: Callable  # () -> whole files, a list of bytes
    read: Callable  # (path) -> anything; raises FusionError
    name: str  # of the file
    open: Callable | None = (
        None  # bytes -> (inner parts, a list of bytes; how to close them)
    )


# --- damage ---

_NUMBERS = (b"0", b"-1", b"1e999", b"999999999999", b"4294967296", b"1/0", b"NaN", b"")
_VALUES = (None, True, -1, 0, 1e300, 10**400, 2**31, "x", "", [], {}, [[]] * 3, "\ud800")


def damaged(kind: Kind, files: list[bytes], seed: int) -> bytes:
    """One of some files, damaged as the seed has it."""
    dice = random.Random(seed)
    data = dice.choice(files)
    if kind.open is None or dice.random() < 0.5:
        return _hurt(data, dice, files)
    parts, close = kind.open(data)
    others = kind.open(dice.choice(files))[0]
    i = dice.randrange(len(parts))
    knowing = {b"{": _hurt_json, b"[": _hurt_json, b"<": _hurt_xml}.get(parts[i][:1])
    hurt = knowing if knowing and dice.random() < 0.8 else _hurt
    parts[i] = hurt(parts[i], dice, [others[min(i, len(others) - 1)]])
    return close(parts)


def _hurt(data, dice, others):
    """Some bytes with one to four kinds of damage; often they stay as many."""
    data, ways = bytearray(data), (_flip, _swap, _extreme)
    if grows := dice.random() < 0.7:
        ways += (_cut, _insert, _double, _number)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.choice((dice.random(), dice.random() ** 4))  # often near the head
        at, many = int(at * len(data)), int(2 ** dice.uniform(0, 8))
        if grows and dice.random() < 0.12:
            other = dice.choice(others)
            data[at:] = other[dice.randrange(len(other) + 1) :]
        else:
            dice.choice(ways)(data, at, many, dice)
    return bytes(data)


def _flip(data, at, many, dice):
    for i in range(at, min(at + dice.choice((1, 1, 4)), len(data))):
        data[i] ^= 1 << dice.randrange(8)


def _cut(data, at, many, dice):
    del data[at : dice.choice((at + many, len(data)))]


def _insert(data, at, many, dice):
    data[at:at] = dice.choice((dice.randbytes(many), bytes(many), b"\xff" * many))


def _double(data, at, many, dice):
    data[at:at] = data[at : at + many] * dice.choice((1, 2, 50))


def _swap(data, at, many, dice):
    to = dice.randrange(len(data) + 1)
    one, two = data[at : at + many], data[to : to + many]
    data[at : at + len(two)] = two
    data[to : to + len(one)] = one


def _extreme(data, at, many, dice):
    size = dice.choice((1, 2, 4, 8))
    number = dice.choice(
        (0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), 2**31 % 2 ** (8 * size))
    )
    data[at : at + size] = number.to_bytes(size, dice.choice(("little", "big")))


def _number(data, at, many, dice):
    """Of a text: a number that stands after this place becomes another."""
    if found := re.search(rb"\d+", bytes(data[at : at + 4096])):
        data[at + found.start() : at + found.end()] = dice.choice(_NUMBERS)


def _hurt_json(data, dice, others):
    """JSON with one value that is another, or missing, or the whole of it too deep."""
    if dice.random() < 0.05:
        return dice.choice((b"[", b'{"a":')) * 10**5
    value = [json.loads(data)]
    holder, key = value, 0
    while holder[key] and isinstance(holder[key], (dict, list)) and dice.random() < 0.85:
        holder = holder[key]
        key = dice.choice([*holder] if isinstance(holder, dict) else range(len(holder)))
    if holder is not value and dice.random() < 0.2:
        del holder[key]
    else:
        holder[key] = dice.choice(_VALUES)
    return json.dumps(value[0]).encode()


def _hurt_xml(data, dice, others):
    """XML of which some elements without others in them are gone, doubled or moved."""
    for _ in range(dice.choice((1, 2, 8))):
        if not (found := [*re.finditer(rb"<([\w-]+)[^<>]*(/>|>[^<]*</\1>)", data)]):
            break
        one, two = dice.choice(found), dice.choice(found)
        told = dice.choice((b"", one[0] * 2, two[0], two[0] * 300))
        told = (
            re.sub(rb"\d+", dice.choice(_NUMBERS), one[0]) if dice.random() < 0.4 else told
        )
        data = data[: one.start()] + told + data[one.end() :]
    return data


# --- containers ---


def _open_midi(data):
    """A MIDI file's tracks, whose lengths are put right."""
    if data[:4] != b"MThd":
        return [data], lambda parts: parts[0]
    parts, at = [], 14
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        parts.append(data[at + 8 : at + 8 + size])
        at += 8 + size

    def close(parts):
        sizes = [struct.pack(">I", len(part)) for part in parts]
        return data[:14] + b"".join(b"MTrk" + s + p for s, p in zip(sizes, parts))

    return parts, close


def _open_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        parts = [archive.read(name) for name in names]

    def close(parts):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in zip(names, parts):
                archive.writestr(name, part)
        return packed.getvalue()

    return parts, close


def _open_npz(data):
    """A zip of arrays, of which one is JSON."""
    parts, close = _open_zip(data)
    texts = [part[part.index(b"\n") + 1 :] for part in parts]
    held = [text[:2] == b'{"' for text in texts]

    def close_npz(parts):
        files = []
        for part, text in zip(parts, held):
            file = io.BytesIO()
            np.save(file, np.frombuffer(part, np.uint8))
            files.append(file.getvalue() if text else part)
        return close(files)

    return [t if text else p for p, t, text in zip(parts, texts, held)], close_npz


def _open_weights(data):
    """A safetensors file: its notice alone is hurt, as its sizes are by other damage."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    told = header.pop("__metadata__")

    def close(parts):
        texts = {k: part.decode("utf-8", "replace") for k, part in zip(told, parts)}
        head = json.dumps({"__metadata__": texts, **header}).encode()
        head += b" " * (-len(head) % 8)
        return struct.pack("<Q", len(head)) + head + data[8 + length :]

    return [text.encode() for text in told.values()], close


def _open_checkpoint(data):
    """A checkpoint: its state, and its tensors, under a checksum that is right."""
    start = data.index(b"\n") + 66
    (length,) = struct.unpack_from("<Q", data, start)
    parts = [data[start + 8 : start + 8 + length], data[start + 8 + length :]]

    def close(parts):
        body = struct.pack("<Q", len(parts[0])) + parts[0] + parts[1]
        digest = hashlib.sha256(body).hexdigest().encode()
        return data[: data.index(b"\n") + 1] + digest + b"\n" + body

    return parts, close


def _open_text(data):
    return [data], lambda parts: parts[0]


# --- music ---


def _piece():
    from fusiontools.music import Meter, Notes, Piece, Tempo, Track

    tune = Notes.of([(i / 2, 0.5, 60 + i * 5 % 13, 50 + i) for i in range(40)])
    bass = Notes.of([(2.0 * i, 2.0, 36 + i * 7 % 12) for i in range(10)])
    drums = Notes.of([(float(i), 0.25, 35 + i % 3) for i in range(20)])
    tracks = Track(tune, 24, name="Laute"), Track(bass, 32), Track(drums, is_drum=True)
    tempo = Tempo([0.0, 8.0, 12.0], [0.0, 4.0, 7.0])
    return Piece(tracks, tempo, (Meter(0.0, 4, 4), Meter(12.0, 3, 4)), title="Übung")


def _midi():
    from fusiontools.music import write_midi

    path = Path(tempfile.mkdtemp()) / "a.mid"
    write_midi(_piece(), path)
    whole = path.read_bytes()
    track = b"\x00\xff\x03\x04Tune\x00\xb0\x07\x64\x00\x90\x3c\x50\x60\x3c\x00"
    track += b"\x00\xf0\x03\x7e\x09\xf7\x00\x90\x3e\x50\x81\x40\x80\x3e\x00\x00\xff\x2f\x00"
    old = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96)
    old += b"MTrk" + struct.pack(">I", len(track)) + track
    riff = b"RMID" + b"data" + struct.pack("<I", len(old)) + old
    return [whole, old, b"RIFF" + struct.pack("<I", len(riff)) + riff]


def _read_midi(path):
    from fusiontools.music import bar_lines, melody, read_midi

    piece = read_midi(path)
    bar_lines(piece)
    melody(piece)


_SCORE = """<score-partwise version="4.0"><work><work-title>Übung</work-title></work>
<part-list><score-part id="P1"><part-name>Oboe</part-name><midi-instrument id="I1">
<midi-program>69</midi-program></midi-instrument></score-part></part-list><part id="P1">
<measure number="0" implicit="yes"><attributes><divisions>4</divisions><key>
<fifths>-2</fifths><mode>minor</mode></key><time><beats>3</beats><beat-type>4</beat-type>
</time></attributes><direction><sound tempo="96"/></direction>{note}</measure>{bars}
</part></score-partwise>"""


def _score():
    def note(i, more=""):
        pitch = f"<step>{'CDEFGAB'[i % 7]}</step><alter>{i % 2}</alter>"
        pitch += f"<octave>{4 + i % 2}</octave>"
        return f"<note><pitch>{pitch}</pitch><duration>4</duration>{more}</note>"

    tie = '<tie type="start"/><notations><tied type="start"/></notations>'
    bars = "".join(
        f'<measure number="{b}">{note(b)}{note(b + 1, tie)}{note(b + 1)}'
        f"<backup><duration>4</duration></backup><forward><duration>4</duration></forward>"
        f'<barline><repeat direction="{"forward" if b % 2 else "backward"}"/></barline>'
        "</measure>"
        for b in range(1, 9)
    )
    return [_SCORE.format(note=note(0), bars=bars).encode()]


def _read_score(path):
    from fusiontools.music import read_musicxml

    read_musicxml(path.read_bytes(), path.name)


def _mxl():
    box = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", box)
        archive.writestr("a.xml", _score()[0])
    return [packed.getvalue()]


def _abc():
    tune = "X:1\nT:Ein Tanz\nM:6/8\nL:1/8\nQ:3/8=90\nK:Dm\n|:D2E F>GA|(3ABc d2 e|1 fz2 a3:|"
    tune += '2 [DFA]4 z2|]\n"Gm"~G3 {fg}a2b|c\'d"text"e f,,g^h|M:3/4\nL:1/4\nA B c|]\n'
    book = (
        "%%begintext\nnothing\n%%endtext\n" + tune + "\nX:2\nT:Zwei\nK:G\nV:1\nGABc|d4|]\n"
    )
    return [tune.encode(), book.encode()]


def _read_abc(path):
    from fusiontools.music import read_abc, split_abc

    for tune in split_abc(path.read_bytes().decode("utf-8", "replace")):
        read_abc(tune)


def _sound(form):
    import soundfile

    t = np.arange(8000) / 8000
    file = io.BytesIO()
    sound = np.stack([np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 330 * t)], 1) / 2
    soundfile.write(file, sound, 8000, format=form)
    return [file.getvalue()]


def _read_sound(path):
    from fusiontools.music import read_sound, sound_length

    sound_length(path)
    read_sound(path)


# --- corpora ---


def _database():
    path = Path(tempfile.mkdtemp()) / "a.db"
    with sqlite3.connect(path) as db:
        solo = "melid, performer, title, titleaddon, solopart, instrument, key, signature"
        db.execute("PRAGMA page_size = 512")
        db.execute(f"CREATE TABLE solo_info({solo})")
        db.execute("CREATE TABLE melody(melid, onset, duration, pitch)")
        db.execute("CREATE TABLE beats(melid, onset, beat, signature)")
        for i in range(3):
            row = (i, "Ann", f"Tune {i}", "", 1, "as", "C-maj", "4/4")
            db.execute("INSERT INTO solo_info VALUES (?,?,?,?,?,?,?,?)", row)
            notes = [(i, 1 + k / 4, 0.2, 60 + k % 12) for k in range(30)]
            db.executemany("INSERT INTO melody VALUES (?,?,?,?)", notes)
            beats = [(i, 1 + k / 2, k % 4 + 1, "4/4" if not k else "") for k in range(20)]
            db.executemany("INSERT INTO beats VALUES (?,?,?,?)", beats)
    db.close()
    return [path.read_bytes()]


def _read_database(path):
    from fusiontools.corpora.weimar import load_weimar

    load_weimar(folder=path)


def _arrays():
    """One file of each kind of data: encoded corpora, and the data of the five papers."""
    from fusiontools.corpora.cache import write_described
    from fusiontools.corpora.encoded import Encoded, save_encoded
    from fusiontools.papers.domain_transfer.data import DOMAINS
    from fusiontools.papers.domain_transfer.data import PARTS as LINES
    from fusiontools.papers.fusiongan.data import VOCABULARY
    from fusiontools.papers.lstm_gan.data import BYTES

    folder = Path(tempfile.mkdtemp())
    rng = np.random.default_rng(0)
    names = [np.array(["ab", "c"])] * 2 + [np.array(["x", "y"]), np.array(["train"] * 2)]
    about = {"corpus": "toy", "view": "v", "key": "0" * 64}
    rows = np.arange(40, dtype=np.int16).reshape(10, 4)
    save_encoded(Encoded(rows, np.array([0, 4, 10]), *names, about), folder / "encoded.npz")

    def keep(name, told, arrays):
        write_described(folder / name, {"name": name, "about": {}} | told, arrays)

    song, parts = np.arange(3, dtype=np.int32), ("train", "validation", "test")
    tokens = rng.integers(0, 400, (3, 36), np.int16)
    pair = {f"{d}_{p}": tokens for d in "AB" for p in parts}
    pair |= {f"{name}_song": song for name in [*pair]}
    told = {"labels": ["a", "b"], "vocabulary": asdict(VOCABULARY)}
    keep("pair.npz", told, pair)
    lines = {
        f"{d}_{p}": rng.integers(0, 90, (3, 1024), np.uint8) for d in DOMAINS for p in LINES
    }
    lines |= {f"{name}_song": song for name in [*lines]}
    keep("domains.npz", {"labels": ["a", "b"]}, lines)
    bars = {p: rng.integers(0, 255, (3, BYTES), np.uint8) for p in parts}
    keep("bars.npz", {}, bars | {f"{p}_song": song for p in parts})
    windows = {}
    for p in ("train-1", "validation-1", "train-2", "validation-2", "test"):
        windows[p] = rng.integers(55, 80, (3, 128), np.uint8)
        windows |= {f"{p}_song": song, f"{p}_shift": np.zeros((3, 2), np.int8)}
    keep("windows.npz", {}, windows)
    clips = {"pairs": np.ones((1, 2, 500), np.int16), "a": np.ones((2, 500), np.int16)}
    keep("clips.npz", {"about": {"labels": ["a", "b"]}}, clips | {"b": clips["a"]})
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def _read_arrays(path):
    from fusiontools.corpora.encoded import open_encoded
    from fusiontools.errors import CorpusError
    from fusiontools.papers.audio_style.data import open_clips
    from fusiontools.papers.connective_fusion.data import open_windows
    from fusiontools.papers.domain_transfer.data import open_domains
    from fusiontools.papers.fusiongan.data import open_pair
    from fusiontools.papers.lstm_gan.data import open_bars

    openers = (open_encoded, open_pair, open_domains, open_bars, open_windows, open_clips)
    refused = 0
    for opener in openers:
        try:
            repr(opener(path)) and opener(path).hash
        except CorpusError as error:
            refused, last = refused + 1, error
    if refused == len(openers):
        raise last


# --- runs ---


def _weights():
    """A small file of weights of each paper."""
    import torch

    from fusiontools.music import Vocabulary
    from fusiontools.papers import audio_style, connective_fusion, domain_transfer, lstm_gan
    from fusiontools.papers.audio_style.cyclegan import CycleGAN
    from fusiontools.papers.connective_fusion.networks import Networks as Fusing
    from fusiontools.papers.domain_transfer.networks import Networks as Transferring
    from fusiontools.papers.fusiongan.networks import Critic, Generator
    from fusiontools.papers.lstm_gan.networks import Networks as Playing
    from fusiontools.training import save_weights

    torch.manual_seed(0)
    folder = Path(tempfile.mkdtemp())

    def keep(name, models, **about):
        save_weights(
            models, folder / name, corpora="own", terms="free", paper=name, **about
        )

    config = lstm_gan.Config.smoke()
    told = {"data": "own", "rests": [0.1, 0.1, 0.5], "rho": {"cnn_lstm": 0.5}}
    keep(
        "lstm_gan",
        {"cnn_lstm": Playing(config).g},
        methods={"cnn_lstm": asdict(config)},
        **told,
    )
    config = domain_transfer.Config.smoke()
    told = {"data": "own", "labels": ["a", "b"], "methods": {"full": asdict(config)}}
    keep("domain_transfer", {"full": Transferring(config).both}, **told)
    config = connective_fusion.Config.smoke()
    networks = Fusing(config)
    models = {"vae": networks.vae, "generator_0": networks.generator}
    told = {"generators": [{"method": "ours", "similarity": 0.3}]}
    keep("connective_fusion", models, config=asdict(config), **told)
    config = audio_style.Config.smoke()
    told = {"labels": ["a", "b"], "config": asdict(config), "rows": 65, "top": 4.5}
    keep("audio_style", CycleGAN(config, 65, 4.5).g, data="own", **told)
    vocabulary = Vocabulary()
    sizes = {"tokens": vocabulary.size, "embedding": 8, "hidden": 16}
    critic = {"tokens": vocabulary.size, "embedding": 8, "filters": [[1, 8], [2, 8]]}
    how = {"joint": "apart", "share": 0.5, "temperature": 1.0, "tries": 2, "stretch": 0}
    writer = {"voices": ["a-0"], "genre": "a-genre", **how}
    models = {"a-0": Generator(**sizes), "a-genre": Critic(**critic)}
    told = {"sizes": sizes, "critic": critic, "vocabulary": asdict(vocabulary)}
    keep("fusiongan", models, writers={"a": writer}, **told)
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def _read_weights(path):
    from fusiontools.errors import RecordError
    from fusiontools.papers import (
        audio_style,
        connective_fusion,
        domain_transfer,
        fusiongan,
        lstm_gan,
    )
    from fusiontools.training import read_weights, weights_notice

    weights_notice(read_weights(path)[1])
    loaders = [fusiongan.load_weights, lstm_gan.load_weights, audio_style.load_generators]
    loaders += [domain_transfer.load_weights, connective_fusion.load_weights]
    refused = 0
    for loader in loaders:
        try:
            loader(path=path)
        except RecordError as error:
            refused, last = refused + 1, error
    if refused == len(loaders):
        raise last


def _judges():
    names = ("audio_genre_instruments", "reality_fiddle_pop909_features")
    names += ("reality_fiddle_pop909_siamese", "genre_essen_ryan", "lines_chorales_fiddle")
    folder = ROOT / "fusiontools" / "pretrained"
    return [(folder / f"{name}.safetensors").read_bytes() for name in names]


def _read_judge(path):
    from fusiontools.errors import RecordError
    from fusiontools.judges import audio_genre, genre, lines, reality

    openers = (audio_genre.load_judge, reality.open_judge, genre.open_judges)
    openers += (lines.open_judges,)
    refused = 0
    for opener in openers:
        try:
            opener(path)
        except RecordError as error:
            refused, last = refused + 1, error
    if refused == len(openers):
        raise last


ASKED: dict = {"paper": "toy", "method": "line", "scale": "smoke", "config": {"width": 2}}
ASKED |= {"seed": 1, "data": {"name": "toy", "sha256": "ab" * 32}}


def _train(folder, total):
    """A few steps of a tiny training in a folder, or what is left of them."""
    import torch

    from fusiontools.training import Batches, Run, descend, seed_everything, steps

    with Run.open(folder, **ASKED) as run:
        if run.finished:
            return run.record
        seed_everything(1)
        model = torch.nn.Linear(2, 1)
        adam = torch.optim.Adam(model.parameters())
        rng, count = np.random.default_rng(0), {"seen": 0, "best": 1.0}
        state = {"model": model, "adam": adam, "rng": rng, "count": count}
        state["batches"] = Batches(8, 2)
        for _ in steps(run, state, total, seconds=None):
            x = torch.randn(2, 2) + float(rng.normal() + np.random.rand() + random.random())
            loss = (model(x) * next(state["batches"]).sum()).pow(2).mean()
            descend(run, loss, model, adam)
            count["seen"] += 1
            run.log(loss=loss, seen=count["seen"])
        return run.finish({"loss": 1.0}, [[1, 2, 3]])


@cache
def _run_folder():
    folder = Path(tempfile.mkdtemp()) / "run"
    _train(folder, 3)
    return folder


def _file_of_run(name):
    return [(_run_folder() / name).read_bytes()]


def _read_run(path, name):
    """The damaged file in the place of a run's, which goes on then."""
    folder = path.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_run_folder(), folder)
    if name != "record.json":
        (folder / "record.json").unlink()
    shutil.copy(path, folder / name)
    _train(folder, 5)


def _read_record(path):
    from fusiontools.records import read_record, table

    table([read_record(path)])
    _read_run(path, "record.json")


def _of_run(name, opened):
    return Kind(partial(_file_of_run, name), partial(_read_run, name=name), name, opened)


KINDS = {
    "midi": Kind(_midi, _read_midi, "a.mid", _open_midi),
    "musicxml": Kind(_score, _read_score, "a.musicxml", _open_text),
    "mxl": Kind(_mxl, _read_score, "a.mxl", _open_zip),
    "abc": Kind(_abc, _read_abc, "a.abc"),
    "wav": Kind(partial(_sound, "WAV"), _read_sound, "a.wav"),
    "flac": Kind(partial(_sound, "FLAC"), _read_sound, "a.flac"),
    "mp3": Kind(partial(_sound, "MP3"), _read_sound, "a.mp3"),
    "sqlite": Kind(_database, _read_database, "wjazzd.db"),
    "npz": Kind(_arrays, _read_arrays, "data.npz", _open_npz),
    "weights": Kind(_weights, _read_weights, "weights.safetensors", _open_weights),
    "judges": Kind(_judges, _read_judge, "judge.safetensors", _open_weights),
    "checkpoint": _of_run("checkpoint-train.bin", _open_checkpoint),
    "config": _of_run("config.json", _open_text),
    "record": Kind(
        partial(_file_of_run, "record.json"), _read_record, "record.json", _open_text
    ),
    "history": _of_run("history.csv", None),
}


# --- reading, in a process of its own ---


def read_in_child(name: str, seeds: range) -> None:
    """Read the damaged files of a kind; one line of JSON before each, and one after."""
    import resource

    from fusiontools.errors import FusionError

    kind, say = KINDS[name], os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    os.fsync = lambda fd: None  # whether it is on the disk is no matter here
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FUSIONTOOLS_CACHE"], path = folder, Path(folder) / kind.name
        files = kind.make()
        for whole in files:  # they can be read, and all is loaded that is needed for it
            path.write_bytes(whole)
            kind.read(path)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        os.dup2(1, 2)  # what libraries in C say of damage
        for seed in seeds:
            path.write_bytes(damaged(kind, files, seed))
            say.write(json.dumps({"seed": seed}) + "\n")
            began, cost = time.perf_counter(), time.process_time()
            try:
                kind.read(path)
                end = "read"
            except FusionError:
                end = "refused"
            except BaseException:
                end = traceback.format_exc()[-3000:]
            took = min(time.perf_counter() - began, time.process_time() - cost)
            say.write(json.dumps({"seed": seed, "end": end, "took": took}) + "\n")


class Found(NamedTuple):
    """What became of the damaged files of a kind."""

    ends: Counter  # "read", "refused"
    faults: dict  # seed -> a traceback, or what became of the process
    longest: float  # seconds
    slowest: int  # its seed


def read_damaged(name: str, seeds: range, patience: float = PATIENCE) -> Found:
    """Damage files of a kind, and read them in other processes."""
    ends: Counter = Counter()
    faults, took = {}, {}
    while seeds:
        last = None
        for told in _lines(name, seeds, patience):
            last, end = told["seed"], told.get("end")
            if end is None:
                continue
            took[last] = told["took"]
            if end in ("read", "refused"):
                ends[end] += 1
            else:
                faults[last] = end
        if last is None:
            raise RuntimeError(f"the whole files of {name} cannot be read")
        if last not in took:
            faults[last] = "the process died, or hung"
        seeds = range(last + 1, seeds.stop)
    slowest = max(took, key=lambda seed: took[seed], default=-1)
    return Found(ends, faults, took.get(slowest, 0.0), slowest)


def _lines(name, seeds, patience):
    """What a process says while it reads; it is ended if it says nothing for so long."""
    code = f"from benchmarks.damaged import *; read_in_child({name!r}, {seeds!r})"
    environment = clean_environment(PYTHONPATH=ROOT, OMP_NUM_THREADS=1)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    ) as child:
        said = queue.Queue()

        def listen():
            for line in child.stdout:
                said.put(line)
            said.put(None)

        threading.Thread(target=listen, daemon=True).start()
        try:
            while (line := said.get(timeout=patience)) is not None:
                yield json.loads(line)
        except queue.Empty:
            pass
        finally:
            child.kill()


def damaged_files() -> Iterator[Row]:
    """Ten thousand damaged files, of all kinds that are read."""
    for name in KINDS:
        found = read_damaged(name, range(SEEDS))
        said = f"{found.ends['read']} read, {found.ends['refused']} refused, "
        said += f"{len(found.faults)} faults, {found.longest:.2f} s at most"
        good = not found.faults and found.longest < LONGEST
        promise = f"no fault, no file over {LONGEST:g} s or 2 GB"
        yield Row(f"{SEEDS} damaged files: {name}", promise, said, good)

"""What is true of files: a stranger's is not waited for, nothing is written through a link,
and what a name points at is whole, and on the disk.
"""

import errno
import os
import secrets
import socket
import stat

import pytest

from fusiontools import files
from fusiontools.errors import MusicFileError, RecordError
from fusiontools.files import (
    drop_drafts,
    no_link,
    open_regular,
    read_limited,
    whole_file,
    write_whole,
)

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


def _pipe(path):
    os.mkfifo(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path)[-100:] if len(str(path)) < 100 else os.path.relpath(path))


def _large(path):
    with open(path, "wb") as file:
        file.truncate(10**12)  # a hole: it takes no room


ODD = {
    "a folder": (lambda path: path.mkdir(), "this is a folder"),
    "a pipe": (_pipe, "a pipe or a device"),
    "a link to a pipe": (
        lambda path: (_pipe(f"{path}-"), path.symlink_to(f"{path}-")),
        "a pipe or a device",
    ),
    "a device without an end": (lambda path: path.symlink_to("/dev/zero"), "or a device"),
    "a terminal": (lambda path: path.symlink_to("/dev/tty"), "a device|cannot be read"),
    "a socket": (_socket, "cannot be read|or a device"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "nothing": (lambda path: None, "no such file"),
    "a terabyte": (_large, "1,000,000,000,000 bytes, and 1,000 are the most"),
}


@posix
@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, odd):
    make, says = ODD[odd]
    make(tmp_path / "a")
    for error in (MusicFileError, RecordError):
        with pytest.raises(error, match=f"(?s)a: .*({says}).*What to do"):
            read_limited(tmp_path / "a", 1000, error=error)


@pytest.mark.parametrize("name", ["a\0b", "\0", "x" * 300, "a/b/c"])
def test_what_is_no_name_of_a_file_is_refused(tmp_path, name):
    with pytest.raises(RecordError, match="What to do"):
        open_regular(f"{tmp_path}/{name}", error=RecordError)


def test_room_is_made_for_what_is_there_and_not_for_what_is_allowed(tmp_path):
    write_whole(tmp_path / "a", b"la")
    assert read_limited(tmp_path / "a", 2**62) == b"la"


@posix
@pytest.mark.parametrize("name", ["a", "a.part", ".a.part", "a.previous"])
def test_nothing_is_written_through_a_link(tmp_path, name):
    secret, folder = tmp_path / "secret", tmp_path / "run"
    secret.write_text("mine")
    folder.mkdir()
    (folder / name).symlink_to(secret)
    write_whole(folder / "a", b"new")
    write_whole(folder / "a", b"newer", folder / "a.previous")
    assert secret.read_text() == "mine" and (folder / "a").read_bytes() == b"newer"
    assert not (folder / "a").is_symlink() and not (folder / "a.previous").is_symlink()


@posix
@pytest.mark.parametrize(
    "there", [lambda p, s: p.symlink_to(s), lambda p, s: os.link(s, p)]
)
def test_a_draft_is_new_even_if_its_name_was_guessed(tmp_path, monkeypatch, there):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    monkeypatch.setattr(secrets, "token_hex", lambda n: "0" * 2 * n)
    there(tmp_path / f".{'0' * 16}.part", secret)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", b"new")
    assert secret.read_text() == "mine" and not (tmp_path / "a").exists()


@posix
def test_a_folder_that_is_exchanged_meanwhile_takes_nothing_elsewhere(tmp_path):
    folder, other = tmp_path / "run", tmp_path / "other"
    folder.mkdir(), other.mkdir()
    with whole_file(folder / "a") as file:
        file.write(b"new")
        folder.rename(tmp_path / "moved")
        folder.symlink_to(other)
    assert not list(other.iterdir()) and (tmp_path / "moved" / "a").read_bytes() == b"new"


@posix
def test_an_opener_takes_no_link_and_waits_for_no_pipe(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError):
            open(tmp_path / name, "ab", opener=no_link).close()
    assert not (tmp_path / "secret").exists()
    with open(tmp_path / "new", "ab", opener=no_link) as file:
        file.write(b"la")
    assert (tmp_path / "new").read_bytes() == b"la"


@posix
def test_a_name_never_points_at_what_is_not_on_the_disk(tmp_path, monkeypatch):
    told, replace = [], os.replace

    def sync(number):
        kind = os.fstat(number).st_mode
        told.append("folder" if stat.S_ISDIR(kind) else "file")

    def named(*names, **folders):
        told.append("named")
        replace(*names, **folders)

    monkeypatch.setattr(files.os, "fsync", sync)
    monkeypatch.setattr(files.os, "replace", named)
    write_whole(tmp_path / "a", [b"one", b"two"])
    assert told == ["file", "named", "folder"]
    write_whole(tmp_path / "a", b"three", tmp_path / "b")
    assert told[3:] == ["file", "named", "named", "folder"]


def test_a_disk_that_cannot_sync_folders_will_do(tmp_path, monkeypatch):
    def sync(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(files.os, "fsync", sync)
    write_whole(tmp_path / "a", b"la")
    assert (tmp_path / "a").read_bytes() == b"la"


OURS = [".0123456789abcdef.part", ".data.npz-a1_bcd23.part", "config.json.part"]
OURS += ["record.json.part", "history.csv.part", "checkpoint-vae.bin.part"]
OURS += ["checkpoint-vae.previous.bin.part"]
YOURS = ["film.part", "a.mid.part", ".part", ".0123.part", "x.json.part", "config.json"]
YOURS += [".0123456789abcdef.part.part", "config.json.part.part"]
YOURS += [".0123456789ABCDEF.part", "0123456789abcdef.part", "checkpoint.part"]


def test_what_killed_writers_left_goes_and_nothing_else(tmp_path):
    for name in OURS + YOURS:
        (tmp_path / name).write_text("half")
    (tmp_path / ".fedcba9876543210.part").mkdir()
    drop_drafts(tmp_path, before=0)  # none is as old as that
    assert {f.name for f in tmp_path.iterdir()} >= {*OURS, *YOURS}
    drop_drafts(tmp_path)
    left = {f.name for f in tmp_path.iterdir()}
    assert left == {*YOURS, ".fedcba9876543210.part"}
    drop_drafts(tmp_path / "nowhere")


def test_a_killed_sample_goes_and_a_folder_with_more_in_it_stays(tmp_path):
    from fusiontools.files import draft_name

    names = {".sample-a1_bcd23": "", ".sample-k1_bcd23": "notes.txt", ".sample-a": ""}
    for name, other in names.items():
        (tmp_path / name).mkdir()
        for file in ("melody_001.mid", "melody_1000.mid", draft_name(), other):
            (tmp_path / name / file).write_text("half") if file else None
    drop_drafts(tmp_path, before=0)
    assert len([*tmp_path.glob("*/*.mid")]) == 6
    drop_drafts(tmp_path)
    left = {f.relative_to(tmp_path).as_posix() for f in tmp_path.rglob("*")}
    kept = {".sample-k1_bcd23", ".sample-k1_bcd23/notes.txt", ".sample-a"}
    assert {f for f in left if not f.startswith(".sample-a/")} == kept
    assert len(left) == len(kept) + 3


@posix
def test_a_folder_of_samples_that_is_a_link_stays_as_it_is(tmp_path):
    (tmp_path / "yours").mkdir()
    (tmp_path / "yours" / "melody_001.mid").write_text("whole")
    (tmp_path / ".sample-a1_bcd23").symlink_to(tmp_path / "yours")
    drop_drafts(tmp_path)
    assert (tmp_path / "yours" / "melody_001.mid").exists()


@posix
def test_a_draft_that_is_a_link_goes_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "secret").write_text("mine")
    (tmp_path / OURS[0]).symlink_to(tmp_path / "secret")
    drop_drafts(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize(
    "name, waited", [("EIO", True), ("ENOSPC", False), ("EROFS", False)]
)
def test_only_what_may_pass_is_waited_for(tmp_path, monkeypatch, name, waited):
    slept, number = [], getattr(errno, name)

    class Clock:
        monotonic = staticmethod(lambda: sum(slept))
        sleep = staticmethod(slept.append)

    def refuse(file):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "time", Clock)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", refuse)
        with pytest.raises(OSError) as error:
            files.write_whole(tmp_path / "a", iter([b"one", b"two"]))
    assert error.value.errno == number and bool(slept) == waited and sum(slept) <= 60
    assert [*tmp_path.iterdir()] == [], "no draft is left"
    files.write_whole(tmp_path / "a", iter([b"one", b"two"]))
    assert (tmp_path / "a").read_bytes() == b"onetwo"

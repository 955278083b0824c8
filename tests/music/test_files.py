"""What is true of files: read with a limit, written whole or not at all, and nobody else's
touched.
"""

import os
import stat

import pytest

from fusiontools.errors import MusicFileError
from fusiontools.files import read_limited, write_whole
from fusiontools.music.midi import LARGEST, read_midi, write_midi
from fusiontools.music.notes import Notes

ONE = Notes.of([(0, 1, 60)])


def test_what_is_written_is_read(tmp_path):
    for data in (b"", b"la", bytes(range(256)) * 100):
        write_whole(tmp_path / "a", data)
        assert read_limited(tmp_path / "a", 25_600) == data
    with pytest.raises(
        MusicFileError, match="25,600 bytes, and 25,599 are the most.*What to do"
    ):
        read_limited(tmp_path / "a", 25_599)


def test_a_draft_takes_no_name_that_a_user_might_have_taken(tmp_path):
    for name in ("k.mid.part", "k.part", ".k.mid.part"):
        (tmp_path / name).write_text("mine")
    write_midi(ONE, tmp_path / "k.mid")
    assert sorted(os.listdir(tmp_path)) == [".k.mid.part", "k.mid", "k.mid.part", "k.part"]
    assert (tmp_path / "k.mid.part").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="files have no such permissions there")
def test_a_file_is_open_to_those_that_other_new_files_are_open_to(tmp_path):
    write_whole(tmp_path / "ours", b"la")
    (tmp_path / "plain").write_bytes(b"la")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


def test_the_longest_name_that_a_folder_takes_can_be_written(tmp_path):
    write_midi(ONE, tmp_path / ("x" * 251 + ".mid"))
    assert len(os.listdir(tmp_path)) == 1


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "huge.mid", "wb") as file:
        file.write(b"MThd")
        file.truncate(LARGEST + 1)  # a hole: it takes no room
    with pytest.raises(MusicFileError, match=f"{LARGEST + 1:,} bytes"):
        read_midi(tmp_path / "huge.mid")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MusicFileError, match="a pipe or a device"):
        read_midi(tmp_path / "pipe.mid")


def test_the_rest_of_a_file_is_not_read_if_its_head_is_wrong(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789abcdefgh")
    seen = []

    def check(head):
        seen.append(head)
        raise MusicFileError("wrong")

    with pytest.raises(MusicFileError, match="wrong"):
        read_limited(tmp_path / "a", 100, check)
    assert seen == [b"0123456789abcd"]

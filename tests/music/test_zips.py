"""A zip gives back what went in, or is refused in our words: whatever a stranger made."""

import io
import struct
import zipfile

import numpy as np
import pytest

from fusiontools.errors import (
    CorpusError,
    FusionError,
    MissingDataError,
    UnsafeArchiveError,
)
from fusiontools.music import zips
from fusiontools.music.zips import Budget, open_zip, readable

FILES = {
    "a.txt": b"alpha",
    "deep/b.bin": bytes(range(256)) * 9,
    "c": b"",
    "ü.txt": b"umlaut",
}


def packed(files, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


WHOLE = packed(FILES)


def read(source, where=None, **limits):
    with readable(where), open_zip(source, where, **limits) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def changed(data, at, value):
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize("method", zips.METHODS)
def test_what_went_in_comes_out(method, tmp_path):
    data = packed(FILES, method)
    (tmp_path / "a.zip").write_bytes(data)
    for source in (data, tmp_path / "a.zip", str(tmp_path / "a.zip")):
        assert read(source) == FILES
    # something before it, as in a program that unpacks itself, or after it
    assert read(b"#!/bin/sh\n" + data) == FILES == read(data + b"\0" * 9)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_in_small_pieces_is_refused_when_it_is_read(method):
    data = packed({"bomb": bytes(1_000_000)}, method)
    with open_zip(data, "a.zip") as archive:
        assert archive.namelist() == ["bomb"]
        with pytest.raises(CorpusError, match="a.zip: 'bomb' in it is packed in a way"):
            archive.read("bomb")


def test_a_locked_member_is_refused_by_name_and_the_others_are_read():
    data = packed({"open": b"1", "locked": b"2"}, zipfile.ZIP_STORED)
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(mark, data.index(mark) + 1)
        data = changed(data, at + flags, b"\1\0")
    with open_zip(data, "a.zip") as archive:
        assert archive.read("open") == b"1"
        for name in ("locked", archive.getinfo("locked")):
            with pytest.raises(
                CorpusError, match="'locked' in it is locked with a password"
            ):
                archive.read(name)


def claiming(size):
    """A zip whose table of contents promises a file of that size."""
    return changed(WHOLE, WHOLE.index(b"PK\1\2") + 24, struct.pack("<I", size))


def test_what_is_promised_is_held_against_the_limits(monkeypatch):
    size = sum(map(len, FILES.values()))
    assert read(WHOLE, limits=(size, 200, 4)) == FILES
    for limits, says in (
        ((size - 1, 200, 4), f"unpack to more than {size - 1:,} bytes, from {len(WHOLE)}"),
        ((size, 200, 3), "more than 3 files"),
    ):
        with pytest.raises(UnsafeArchiveError, match=says):
            open_zip(WHOLE, limits=limits)
    # small ones may have any ratio, others not
    bomb = packed({"a": bytes(1_000_000)})
    assert len(read(bomb)["a"]) == 1_000_000
    monkeypatch.setattr(zips, "SMALL", 1000)
    with pytest.raises(UnsafeArchiveError, match="unpack to more"):
        open_zip(bomb)
    with pytest.raises(UnsafeArchiveError, match="unpack to more"):
        open_zip(claiming(4_000_000_000))


def test_many_entries_are_counted_before_they_are_read(monkeypatch):
    monkeypatch.setattr(zips, "_Zip", lambda file: pytest.fail("it was opened"))
    with pytest.raises(UnsafeArchiveError, match="more than 10 files"):
        open_zip(packed({str(k): b"" for k in range(11)}), limits=(10**9, 200, 10))


def test_a_file_that_says_it_is_smaller_than_it_is_gives_no_more():
    with pytest.raises(CorpusError, match="cannot be read to its end"):
        read(claiming(3))


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\3\4" + bytes(60), b"la" * 99, WHOLE[:60], WHOLE[:-30]],
    ids=["empty", "two letters", "head alone", "words", "cut early", "cut late"],
)
def test_what_is_no_zip_is_refused(data, tmp_path):
    (tmp_path / "a.zip").write_bytes(data)
    for source, where in ((data, "a zip"), (tmp_path / "a.zip", tmp_path / "a.zip")):
        with pytest.raises(CorpusError, match="cannot be read to its end") as caught:
            open_zip(source)
        assert caught.value.where == where and caught.value.do


def test_a_directory_that_begins_before_the_file_is_refused():
    """Its offset is where zipfile looks, and may lead to before the beginning."""
    end = WHOLE.index(b"PK\5\6")
    for field in (12, 16):  # the table's size, and where it starts
        for wrong in (0xFFFFFFF0, 10**6, 0):
            try:
                read(changed(WHOLE, end + field, struct.pack("<I", wrong)))
            except CorpusError as error:
                assert "cannot be read to its end" in str(error)


def test_random_damage_never_surprises(tmp_path):
    refused = 0
    for seed in range(300):
        rng, data = np.random.default_rng(seed), bytearray(WHOLE)
        for at in rng.integers(0, len(data), 1 + seed % 5):
            data[at] = rng.integers(0, 256)
        if seed % 4 == 0:
            del data[rng.integers(0, len(data)) :]
        try:
            read(bytes(data), "stranger.zip")
        except FusionError as error:
            refused += 1
            assert "stranger.zip" in str(error) and error.do
    assert 100 < refused < 300


def test_what_is_wrong_with_the_file_is_not_called_damage(tmp_path):
    with pytest.raises(MissingDataError, match=r"gone.zip: no such file"):
        open_zip(tmp_path / "gone.zip")
    with pytest.raises(CorpusError, match="cannot be read .Is a directory"):
        open_zip(tmp_path)
    for error in (
        ValueError("negative seek value -1"),
        struct.error("x"),
        EOFError(),
        KeyError(),
    ):
        with (
            pytest.raises(
                CorpusError, match="a.zip: this archive cannot be read to its end"
            ),
            readable("a.zip"),
        ):
            raise error
    with pytest.raises(UnsafeArchiveError, match="ours"), readable("a.zip"):
        raise UnsafeArchiveError("ours")


def test_a_budget_counts_files_and_bytes():
    budget = Budget("a.tar", packed=10, most=100, count=3)
    budget.add(60)
    budget.add(40, files=2)
    with pytest.raises(UnsafeArchiveError, match="a.tar: it holds more than 3 files"):
        budget.add(0)

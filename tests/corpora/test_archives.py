"""Archives give back what went in, and none of them writes where it should not."""

import errno
import io
import lzma
import stat
import tarfile
import zipfile

import pytest

from fusiontools.corpora import archives, unpacking
from fusiontools.corpora.archives import Member, is_compressed, listing, members, plain_file
from fusiontools.corpora.unpacking import unpack
from fusiontools.errors import (
    CorpusError,
    FusionError,
    MissingDataError,
    UnsafeArchiveError,
)
from fusiontools.music import zips

FILES = {
    "top/a.txt": b"alpha",
    "top/deep/er/b.bin": bytes(range(256)) * 9,
    "c": b"",
    "top/ü.txt": b"umlaut",
}
KINDS = ["files.tar", "files.tar.gz", "files.tar.bz2", "files.tar.xz", "files.zip", "files"]
PACKED = KINDS[:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_what_went_in(kind, tmp_path, pack_files):
    place = pack_files(tmp_path / kind, FILES)
    assert dict(members(place)) == FILES
    assert dict(members(place, lambda name: name.endswith(".txt"))) == {
        k: v for k, v in FILES.items() if k.endswith(".txt")
    }


@pytest.mark.parametrize("kind", ["files.tar", "files.zip", "files"])
def test_listed_members_are_read_in_any_order(kind, tmp_path, pack_files):
    found = listing(pack_files(tmp_path / kind, FILES))
    assert {m.name: m.read() for m in reversed(found)} == FILES
    long = next(m for m in found if m.size > 1000)
    assert long.read(5) == bytes(range(5))
    with long.open() as file:
        file.seek(-3, io.SEEK_END)
        assert (file.read(), file.tell()) == (bytes((253, 254, 255)), long.size)
    assert kind.split("/")[-1] in str(long)


def test_a_zip_that_was_replaced_is_read_anew(tmp_path, pack_files):
    for content in (b"old", b"newer"):
        assert (
            listing(pack_files(tmp_path / "files.zip", {"a": content}))[0].read() == content
        )


def test_a_compressed_tar_cannot_be_listed(tmp_path, pack_files):
    place = pack_files(tmp_path / "files.tar.gz", FILES)
    assert is_compressed(place)
    with pytest.raises(CorpusError, match="unpack it first"):
        listing(place)


@pytest.mark.parametrize("kind", PACKED)
def test_unpack_writes_what_went_in_and_nothing_else(kind, tmp_path, pack_files):
    place = pack_files(tmp_path / kind, FILES)
    folder = unpack(place, tmp_path / "out" / "here")
    assert {
        f.relative_to(folder).as_posix(): f.read_bytes()
        for f in folder.rglob("*")
        if f.is_file()
    } == FILES
    assert [f.name for f in folder.parent.iterdir()] == ["here"]


def test_unpack_never_overwrites(tmp_path, pack_files):
    place = pack_files(tmp_path / "files.zip", FILES)
    (tmp_path / "empty").mkdir()
    assert (unpack(place, tmp_path / "empty") / "c").is_file()
    with pytest.raises(CorpusError, match="something already"):
        unpack(place, tmp_path / "empty")


CLIMBING = [
    "../out.txt",
    "a/../../out.txt",
    "/tmp/out.txt",
    "C:\\out.txt",
    "..\\out.txt",
    "\\\\server\\out.txt",
]


@pytest.mark.parametrize("name", CLIMBING)
@pytest.mark.parametrize("kind", PACKED)
def test_a_climbing_path_is_refused_before_anything_is_written(
    kind, name, tmp_path, pack_files
):
    place = pack_files(tmp_path / "in" / kind, {"good.txt": b"good", name: b"bad"})
    with pytest.raises(UnsafeArchiveError, match="outside the folder"):
        unpack(place, tmp_path / "out" / "here")
    assert [f.name for f in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("name", ["", "\0", "a\0b.mid", "..\0/a", "a/.\0./b"])
def test_a_file_without_a_name_or_with_a_zero_in_it_is_refused(name, tmp_path, monkeypatch):
    """Where a name ends for the system, another may begin for who reads on."""
    assert unpacking._climbs(name) and not unpacking._climbs("a/b.mid")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "la")
    # zipfile itself cuts names at a zero; the guard is for who would not
    monkeypatch.setattr(unpacking, "_zip_names", lambda *_: [(name, "")])
    with pytest.raises(UnsafeArchiveError, match="outside the folder"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_in_a_tar_are_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("innocent.mid")
        info.type, info.linkname = kind, "../../secret"
        archive.addfile(info)
    with pytest.raises(UnsafeArchiveError, match="link or a device"):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert list(members(tmp_path / "bad.tar.gz")) == []


def test_links_in_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        info = zipfile.ZipInfo("link.mid")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../../secret")
    with pytest.raises(UnsafeArchiveError, match="link or a device"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["bomb.zip", "bomb.tar.xz"])
def test_bombs_are_refused_by_size_by_ratio_and_by_count(
    kind, tmp_path, pack_files, monkeypatch
):
    place = pack_files(tmp_path / kind, {f"{k}.bin": bytes(100_000) for k in range(20)})
    for limits, words in (
        ({"max_bytes": 1_000_000}, "unpack to more"),
        ({"max_members": 19}, "more than 19 files"),
    ):
        with pytest.raises(UnsafeArchiveError, match=words):
            unpack(place, tmp_path / "out", **limits)
    monkeypatch.setattr(zips, "SMALL", 1_000_000)
    with pytest.raises(UnsafeArchiveError, match="unpack to more"):
        unpack(place, tmp_path / "out", max_ratio=10)
    assert not (tmp_path / "out").exists()


def test_a_tar_that_claims_a_huge_name_is_refused(tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10_000_000_000
    (tmp_path / "bad.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(UnsafeArchiveError, match="10,000,000,"):
        list(members(tmp_path / "bad.tar"))


def test_a_large_member_comes_without_its_content(tmp_path, pack_files):
    for kind in KINDS:
        assert dict(
            members(pack_files(tmp_path / kind, {"a": b"12345", "b": b"123"}), largest=4)
        ) == {"a": None, "b": b"123"}


@pytest.mark.parametrize("kind", PACKED)
def test_a_cut_archive_is_an_error_not_a_short_one(kind, tmp_path, pack_files):
    whole = pack_files(
        tmp_path / kind, {f"{k}.bin": bytes((k,)) * 5000 for k in range(8)}
    ).read_bytes()
    # the last tenth of a tar is padding
    for part in (0.3, 0.6, 0.9 if kind != "files.tar" else 0.8):
        (tmp_path / kind).write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(CorpusError):
            list(members(tmp_path / kind))


def test_a_damaged_header_in_the_middle_of_a_tar_is_noticed(tmp_path, pack_files):
    place = pack_files(tmp_path / "files.tar", {f"{k}.bin": bytes(600) for k in range(8)})
    data = bytearray(place.read_bytes())
    data[3 * 1536 + 100 : 3 * 1536 + 300] = b"\xff" * 200
    place.write_bytes(data)
    with pytest.raises(CorpusError, match="damaged"):
        list(members(place))


@pytest.mark.parametrize("kind", PACKED)
def test_random_damage_never_surprises(kind, tmp_path, pack_files, damage):
    whole = pack_files(tmp_path / kind, FILES).read_bytes()
    for seed in range(60):
        (tmp_path / kind).write_bytes(damage(whole, seed))
        try:
            list(members(tmp_path / kind))
            unpack(tmp_path / kind, tmp_path / f"out-{seed}")
        except FusionError:
            assert not (tmp_path / f"out-{seed}").exists()
    # no draft is left behind
    assert not [f for f in tmp_path.iterdir() if f.name.startswith(".")]


def test_plain_file_decompresses_and_cleans_up(tmp_path):
    (tmp_path / "a.db.xz").write_bytes(lzma.compress(b"content" * 1000))
    with plain_file(tmp_path / "a.db.xz") as place:
        assert (place.name, place.read_bytes()) == ("a.db", b"content" * 1000)
    assert not place.exists()
    (tmp_path / "a.db").write_bytes(b"as it is")
    with plain_file(tmp_path / "a.db") as place:
        assert place == tmp_path / "a.db"
    with (
        pytest.raises(UnsafeArchiveError, match="bytes come out"),
        plain_file(tmp_path / "a.db.xz", most=100),
    ):
        pass


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere"):
        list(members(tmp_path / "nowhere.zip"))
    with pytest.raises(FusionError, match="gone"):
        Member("gone", tmp_path / "gone").read()


def test_of_two_who_unpack_at_once_both_have_it(tmp_path, pack_files, monkeypatch):
    place, folder = pack_files(tmp_path / "files.tar.gz", FILES), tmp_path / "out"
    write = unpacking._write_tar

    def slowly(archive, draft, limits):
        write(archive, draft, limits)
        monkeypatch.setattr(unpacking, "_write_tar", write)
        unpack(place, folder)  # another process, which is faster

    monkeypatch.setattr(unpacking, "_write_tar", slowly)
    assert unpack(place, folder) == folder
    assert {
        f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()
    } == set(FILES)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["files.tar.gz", "out"]


def test_what_is_wrong_with_the_disk_is_not_called_damage(
    tmp_path, pack_files, monkeypatch
):
    place = pack_files(tmp_path / "files.zip", FILES)
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="cannot be written"):
        unpack(place, tmp_path / "file" / "out")

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpacking, "open", lambda *_: Full(), raising=False)
    with pytest.raises(CorpusError, match="cannot be written .No space left") as caught:
        unpack(place, tmp_path / "out")
    assert "damaged" not in str(caught.value) and not (tmp_path / "out").exists()

    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(archives, "open", forbidden, raising=False)
    with pytest.raises(CorpusError, match="cannot be read .Permission denied") as caught:
        list(members(place))
    assert "damaged" not in str(caught.value)


def test_a_sparse_file_is_no_plain_file(tmp_path):
    info = tarfile.TarInfo("sparse.bin")
    info.size = 0
    info.pax_headers = {
        "GNU.sparse.map": "0,0",
        "GNU.sparse.size": "1000000",
        "GNU.sparse.numblocks": "1",
    }
    with tarfile.open(tmp_path / "bad.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    with tarfile.open(tmp_path / "bad.tar") as archive:
        assert archive.getmembers()[0].sparse is not None  # else this test tests nothing
    assert list(members(tmp_path / "bad.tar")) == [] == listing(tmp_path / "bad.tar")
    with pytest.raises(UnsafeArchiveError, match="link or a device"):
        unpack(tmp_path / "bad.tar", tmp_path / "out")


@pytest.mark.parametrize(
    "read",
    [lambda p: list(members(p)), lambda p: unpack(p, p.parent / "out")],
    ids=["members", "unpack"],
)
def test_a_bomb_is_refused_by_its_ratio_by_default(read, tmp_path, pack_files, monkeypatch):
    monkeypatch.setattr(zips, "SMALL", 1000)
    with pytest.raises(UnsafeArchiveError, match="unpack to more"):
        # about a thousand to one
        read(pack_files(tmp_path / "bomb.zip", {"a": bytes(1_000_000)}))

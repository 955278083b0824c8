"""What was kept comes back equal; what is damaged or stale is never believed."""

import importlib.metadata
import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fusiontools.corpora.cache import (
    cache_dir,
    cached,
    check_array,
    code_hash,
    content_hash,
    read_described,
    read_npz,
    source_hash,
    user_dir,
    write_described,
    write_npz,
)
from fusiontools.corpora.places import data_dir
from fusiontools.errors import CorpusError, FusionError
from fusiontools.files import whole_file

BUILT = {"a": np.arange(6).reshape(2, 3), "names": ["x", "ü"], "pairs": [[1, "a"]]}


@pytest.fixture
def builds(home):
    """Counts how often it had to build."""
    calls = []

    def build():
        calls.append(1)
        return BUILT

    build.calls = calls
    return build


def same(built):
    return np.array_equal(built["a"], BUILT["a"]) and all(
        built[k] == BUILT[k] for k in ("names", "pairs")
    )


def test_built_once_read_ever_after(builds):
    assert (
        same(cached("x", "key", builds))
        and same(cached("x", "key", builds))
        and len(builds.calls) == 1
    )
    cached("x", "another", builds)
    assert len(builds.calls) == 2


def test_a_damaged_cache_is_built_again(builds, damage):
    cached("x", "key", builds)
    file = next(cache_dir().glob("x-*.npz"))
    whole = file.read_bytes()
    for seed in range(60):
        file.write_bytes(damage(whole, seed))
        assert same(cached("x", "key", builds))
        file.write_bytes(whole)
    file.write_bytes(b"")
    assert same(cached("x", "key", builds))


def test_a_cache_that_cannot_be_written_costs_only_speed(builds, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path / "file" / "folder"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))  # nor anywhere else
    assert (
        same(cached("x", "key", builds))
        and same(cached("x", "key", builds))
        and len(builds.calls) == 2
    )


def test_npz_files_are_written_whole_or_not_at_all_and_never_run_code(tmp_path):
    class Unwritable:
        nbytes = 8

        def __array__(self, *_, **__):
            raise OSError("no")

    write_npz(tmp_path / "a.npz", a=np.arange(3))
    with pytest.raises(OSError):
        write_npz(tmp_path / "a.npz", a=Unwritable())
    assert (
        read_npz(tmp_path / "a.npz")["a"].tolist() == [0, 1, 2]
        and len(list(tmp_path.iterdir())) == 1
    )
    np.savez(tmp_path / "pickled.npz", a=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(CorpusError, match="damaged array file"):
        read_npz(tmp_path / "pickled.npz")
    with pytest.raises(CorpusError, match="no such file"):
        read_npz(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text(json.dumps(BUILT["names"]))
    with pytest.raises(FusionError):
        read_npz(tmp_path / "text.npz")


def _npy(header, data=b""):
    """An array's file whose header says anything."""
    text = repr(header).encode() if not isinstance(header, bytes) else header
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def _header(descr="<i4", shape=(1,), **more):
    return {"descr": descr, "fortran_order": False, "shape": shape} | more


ARRAYS = {
    "no array": ("a.npy", b"text"),
    "no array by its name": ("a.txt", _npy(_header(), b"1234")),
    "nothing": ("a.npy", b""),
    "a terabyte that is not there": ("a.npy", _npy(_header(shape=(10**12,)))),
    "a terabyte in two": ("a.npy", _npy(_header(shape=(10**6, 10**6)), b"1234")),
    "beyond counting": ("a.npy", _npy(_header(shape=(2**62, 2**62)))),
    "rows of nothing without an end": ("a.npy", _npy(_header(shape=(0, 2**60)))),
    "texts of nothing without an end": ("a.npy", _npy(_header("<U0", (10**9,)))),
    "one text without an end": ("a.npy", _npy(_header("<U1000000000", (1,)))),
    "less than nothing": ("a.npy", _npy(_header(shape=(-1,)), b"1234")),
    "less than nothing twice": ("a.npy", _npy(_header(shape=(-1, -1)), b"1234")),
    "more than it says": ("a.npy", _npy(_header(), b"12345678")),
    "less than it says": ("a.npy", _npy(_header(), b"12")),
    "objects": ("a.npy", _npy(_header("|O"), b"12345678")),
    "records": ("a.npy", _npy(_header([("x", "<i4")]), b"1234")),
    "records of objects": ("a.npy", _npy(_header([("x", "|O")]), b"12345678")),
    "bytes of no kind": ("a.npy", _npy(_header("|V4"), b"1234")),
    "dates": ("a.npy", _npy(_header("<M8[s]"), b"12345678")),
    "a kind that there is not": ("a.npy", _npy(_header("<q17"), b"1234")),
    "a shape that is text": ("a.npy", _npy(_header(shape="1"), b"1234")),
    "a header of code": ("a.npy", _npy(b"__import__('os').getcwd()", b"1234")),
    "a header without an end": ("a.npy", _npy(b"(" * 5000)),
    "a version to come": ("a.npy", b"\x93NUMPY\x09\x00" + _npy(_header())[8:]),
}


@pytest.mark.parametrize("member", ARRAYS)
def test_what_is_no_array_of_numbers_or_texts_is_refused(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("good.npy", _npy(_header(), b"1234"))
        archive.writestr(*ARRAYS[member])
    with pytest.raises(CorpusError, match=r"x\.npz: a damaged array file.*What to do"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "kind", ["bool", "int8", "uint64", "float16", "complex64", "U", "S"]
)
@pytest.mark.parametrize("shape", [(), (0,), (0, 128), (3,), (2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_kind_and_shape_come_back(tmp_path, kind, shape, order):
    array = np.ones(shape).astype(kind).copy(order)
    for compress in (False, True):
        write_npz(tmp_path / "x.npz", compress, a=array)
        back = read_npz(tmp_path / "x.npz")["a"]
        assert back.dtype == array.dtype and np.array_equal(back, array)
        assert back.flags.writeable


def test_what_is_squeezed_beyond_reason_is_refused_before_it_is_unpacked(
    tmp_path, monkeypatch
):
    """A header that says more than any file of this size can hold, and agrees with the
    zip's own.
    """
    path = tmp_path / "x.npz"
    write_npz(path, True, a=np.zeros(10**6))  # a thousandth: that is possible
    assert not read_npz(path)["a"].any()
    unpacked = []

    def unpack(stream, **options):
        unpacked.append(1)
        return plain_read(stream, **options)

    plain_read = np.lib.format.read_array
    monkeypatch.setattr(np.lib.format, "read_array", unpack)
    for size in (100, 10**6):  # of this way of packing nothing is known
        with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("a.npy", _npy(_header("|i1", (size,)), bytes(size)))
        with pytest.raises(CorpusError, match="a damaged array file"):
            read_npz(path)
    array = _npy(_header("|i1", (10**9,)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", array)
    small, large = (n.to_bytes(4, "little") for n in (len(array), len(array) + 10**9))
    whole = path.read_bytes().replace(small, large)  # the zip says so, too
    path.write_bytes(whole)
    with pytest.raises(CorpusError, match="a damaged array file"):
        read_npz(path)
    assert not unpacked


def test_more_than_is_allowed_is_refused_before_it_is_unpacked(tmp_path):
    write_npz(tmp_path / "x.npz", True, a=np.zeros(10**6))
    with pytest.raises(CorpusError, match="arrays of 8,000,128 bytes, and 8,000,000"):
        read_npz(tmp_path / "x.npz", 8_000_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, builds):
    os.mkfifo(tmp_path / "x.npz")
    with pytest.raises(CorpusError, match="a pipe or a device"):
        read_npz(tmp_path / "x.npz")
    with pytest.raises(CorpusError, match="this is a folder"):
        read_npz(tmp_path)


TOLD = [b"", b"[1]", b'"x"', b"3", b"null", b"{", b"[" * 10**5, b"\xff", b'{"name": 3}']
TOLD += [b'{"name": ["x"]}', b'{"about": 3}', b'{"about": []}', b"9" * 5000]


@pytest.mark.parametrize("told", TOLD)
def test_what_an_array_file_says_of_itself_is_looked_at(tmp_path, told):
    write_npz(tmp_path / "x.npz", json=np.frombuffer(told, np.uint8), a=np.zeros(3))
    with pytest.raises(CorpusError, match=r"x\.npz: not a thing\. What to do: make it"):
        read_described(tmp_path / "x.npz", lambda told, arrays: told, "a thing", "make it")


@pytest.mark.parametrize(
    "does",
    [
        lambda told, arrays: arrays["b"],
        lambda told, arrays: arrays["a"].columns,
        lambda told, arrays: arrays["a"].reshape(7),
        lambda told, arrays: json.loads("[" * 10**5),
        lambda told, arrays: 1 / 0,
        lambda told, arrays: {[]: 1},
    ],
)
def test_what_does_not_fit_what_is_made_of_it_is_said_in_our_words(tmp_path, does):
    write_described(tmp_path / "x.npz", {}, {"a": np.zeros(3)})
    with pytest.raises(CorpusError, match="not a thing"):
        read_described(tmp_path / "x.npz", does, "a thing", "make it")


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("fusiontools.corpora.cache.DESCRIBED", 100)
    with pytest.raises(CorpusError, match="arrays of 800 bytes, and 100"):
        write_described(tmp_path / "x.npz", {}, {"a": np.zeros(100)})


@pytest.mark.parametrize(
    ("kind", "shape", "low", "high", "good"),
    [
        ("int16", (2, 3), 0, 5, True),
        ("int16", (None, 3), 0, 5, True),
        ("int16", (None, None), 0, 5, True),
        ("int32", (2, 3), 0, 5, False),
        ("uint16", (2, 3), 0, 5, False),
        ("int16", (2,), 0, 5, False),
        ("int16", (None, None, None), 0, 5, False),
        ("int16", (None, 2), 0, 5, False),
        ("int16", (2, 3), 1, 5, False),
        ("int16", (2, 3), 0, 4, False),
    ],
)
def test_an_array_is_of_its_kind_shape_and_range(kind, shape, low, high, good):
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    if good:
        check_array(array, kind, shape, low, high)
        check_array(array[:0], kind, (None, *shape[1:]), 7, 8)  # of nothing, all is true
    else:
        with pytest.raises(ValueError):
            check_array(array, kind, shape, low, high)


def test_drafts_of_killed_writers_leave_the_cache_when_they_are_old(builds):
    cache_dir().mkdir(parents=True, exist_ok=True)
    old, new = (
        cache_dir() / ".0123456789abcdef.part",
        cache_dir() / ".fedcba9876543210.part",
    )
    for draft in (old, new):
        draft.write_bytes(b"half")
    os.utime(old, (1, 1))
    cached("x", "key", builds)
    assert not old.exists() and new.exists()  # of the other somebody may be writing


def test_a_hash_tells_contents_names_and_order_apart(tmp_path):
    (tmp_path / "f").write_bytes(b"ab")
    assert (
        content_hash("ab")
        == content_hash(b"ab")
        == content_hash(tmp_path / "f")
        != content_hash("a", "b")
    )
    assert content_hash("a", "b") != content_hash("b", "a")
    assert code_hash("fusiontools.errors") != code_hash("fusiontools.music.notes")


def test_a_folder_changes_with_what_is_in_it(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"1")
    before = source_hash(tmp_path, {".mid"})
    (tmp_path / "b.txt").write_bytes(b"1")
    assert source_hash(tmp_path, {".mid"}) == before != source_hash(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"2")
    changed = source_hash(tmp_path, {".mid"})
    (tmp_path / "a.mid").rename(tmp_path / "c.mid")
    assert len({before, changed, source_hash(tmp_path, {".mid"})}) == 3


def test_without_a_home_the_cache_is_among_the_temporary_files(monkeypatch):
    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    for name in ("FUSIONTOOLS_CACHE", "FUSIONTOOLS_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(
        Path, "expanduser", lambda path: homeless() if str(path).startswith("~") else path
    )
    assert cache_dir() == user_dir() and Path(tempfile.gettempdir()) in cache_dir().parents
    assert data_dir() == user_dir() / "data"
    monkeypatch.setenv("FUSIONTOOLS_CACHE", "~/ft")
    with pytest.raises(CorpusError, match="no home folder"):
        cache_dir()


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("FUSIONTOOLS_CACHE", "~/ft")
    monkeypatch.setenv("FUSIONTOOLS_DATA", "~/music")
    assert cache_dir() == tmp_path / "ft" and data_dir() == tmp_path / "music"
    monkeypatch.delenv("FUSIONTOOLS_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/caches")
    assert cache_dir() == tmp_path / "caches" / "fusiontools"


def test_other_versions_of_the_libraries_that_read_are_other_code(monkeypatch):
    versions = {"numpy": "1", "symusic": "1"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    hashes = {code_hash("fusiontools.errors")}
    for library in versions:
        versions[library] = "2"
        hashes.add(code_hash("fusiontools.errors"))
    assert len(hashes) == 3


def test_of_each_variant_the_newest_two_editions_stay(home):
    for k, variant in enumerate(["", "", "", "rock", "rock", "rock", "pop"]):
        cached("x", f"key{k}", lambda: BUILT, variant)
        newest = max(cache_dir().iterdir(), key=lambda f: f.name.endswith(f"key{k}.npz"))
        os.utime(newest, ns=(k, k))
    cached("x-y", "key", lambda: BUILT)
    assert sorted(f.stem.split("-key")[1] for f in cache_dir().glob("*-key?.npz")) == [
        "1",
        "2",
        "4",
        "5",
        "6",
    ]


def test_who_reads_while_another_writes_reads_the_old_file_whole(tmp_path):
    write_npz(tmp_path / "a.npz", a=np.arange(3))
    with open(tmp_path / "a.npz", "rb", buffering=0) as reader:
        old = reader.read(10)
        write_npz(tmp_path / "a.npz", a=np.arange(9000))
        old += reader.read()
    assert (
        np.load(io.BytesIO(old))["a"].tolist() == [0, 1, 2]
        and len(read_npz(tmp_path / "a.npz")["a"]) == 9000
    )


def test_two_writers_of_one_file_have_a_draft_each(tmp_path):
    with whole_file(tmp_path / "a") as one, whole_file(tmp_path / "a") as two:
        one.write(b"one")
        two.write(b"two, longer")
        assert not (tmp_path / "a").exists() and len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / "a").read_bytes() == b"one" and len(list(tmp_path.iterdir())) == 1


def test_a_large_source_is_known_by_size_and_date(tmp_path, monkeypatch):
    monkeypatch.setattr("fusiontools.corpora.cache.LARGE", 10)
    (tmp_path / "a.mid").write_bytes(b"0123456789")
    os.utime(tmp_path / "a.mid", ns=(1, 1))
    before = source_hash(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"9876543210")
    os.utime(tmp_path / "a.mid", ns=(1, 1))
    assert source_hash(tmp_path) == before  # its content was not read
    os.utime(tmp_path / "a.mid", ns=(1, 2_000_000_000))
    assert source_hash(tmp_path) != before


def test_arrays_travel_with_what_there_is_to_say_of_them(tmp_path):
    about = {"name": "Größe", "sizes": [1, 2.5, None]}
    write_described(tmp_path / "deep" / "x.npz", about, {"a": BUILT["a"]})
    found = read_npz(tmp_path / "deep" / "x.npz")
    assert json.loads(found.pop("json").tobytes()) == about
    assert list(found) == ["a"] and np.array_equal(found["a"], BUILT["a"])
    write_described(tmp_path / "y.npz", about, {}, name="about")
    assert list(read_npz(tmp_path / "y.npz")) == ["about"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        CorpusError, match="cannot be written.*check that its folder may be written to"
    ):
        write_described(tmp_path / "file" / "x.npz", about, {})


@pytest.mark.parametrize("setting", ["FUSIONTOOLS_CACHE", "XDG_CACHE_HOME", "HOME"])
@pytest.mark.parametrize("place", ["file/folder", "file", "loop/x"])
def test_a_cache_that_cannot_be_written_is_elsewhere_and_that_is_told(
    builds, monkeypatch, tmp_path, capsys, setting, place
):
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("FUSIONTOOLS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(setting, str(tmp_path / place))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for _ in range(3):
        cached("x", "key", builds)
    assert len(builds.calls) == 1 and cache_dir().parent == tmp_path / "tmp"
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and str(cache_dir()) in told


def test_a_temporary_folder_of_somebody_else_is_not_used(monkeypatch, tmp_path):
    if not hasattr(os, "getuid"):
        pytest.skip("needs users with numbers")
    (tmp_path / "file").touch()
    theirs = tmp_path / f"fusiontools-{os.getuid()}"
    theirs.symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = cache_dir()
    assert own != theirs and own.parent == tmp_path and not own.is_symlink()
    assert cache_dir() == own

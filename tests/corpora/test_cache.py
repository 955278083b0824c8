"""What was kept comes back equal; what is damaged or stale is never believed."""

import importlib.metadata
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from fusiontools.corpora.cache import (
    cache_dir,
    cached,
    code_hash,
    content_hash,
    read_npz,
    source_hash,
    user_dir,
    whole_file,
    write_described,
    write_npz,
)
from fusiontools.corpora.places import data_dir
from fusiontools.errors import CorpusError, FusionError

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

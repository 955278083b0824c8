"""What was kept comes back equal; what is damaged or stale is never believed."""

import json

import numpy as np
import pytest

from fusiontools.corpora.cache import cache_dir, cached, code_hash, content_hash, read_npz, source_hash, write_npz
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
    return np.array_equal(built["a"], BUILT["a"]) and all(built[k] == BUILT[k] for k in ("names", "pairs"))


def test_built_once_read_ever_after(builds):
    assert same(cached("x", "key", builds)) and same(cached("x", "key", builds)) and len(builds.calls) == 1
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
    assert same(cached("x", "key", builds)) and same(cached("x", "key", builds)) and len(builds.calls) == 2


def test_npz_files_are_written_whole_or_not_at_all_and_never_run_code(tmp_path):
    class Unwritable:
        nbytes = 8

        def __array__(self, *_, **__):
            raise OSError("no")

    write_npz(tmp_path / "a.npz", a=np.arange(3))
    with pytest.raises(OSError):
        write_npz(tmp_path / "a.npz", a=Unwritable())
    assert read_npz(tmp_path / "a.npz")["a"].tolist() == [0, 1, 2] and len(list(tmp_path.iterdir())) == 1
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
    assert content_hash("ab") == content_hash(b"ab") == content_hash(tmp_path / "f") != content_hash("a", "b")
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

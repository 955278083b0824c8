"""Downloads: right, or not there at all. The server is ours, on this machine."""

import errno
import hashlib
import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fusiontools.corpora import downloads, registry
from fusiontools.corpora.cards import CorpusInfo, Source
from fusiontools.corpora.downloads import STALE, fetch, fetch_file
from fusiontools.errors import CorpusError, DownloadError

GOOD = b"the right content" * 5000


class Answers(BaseHTTPRequestHandler):
    """Serves what `pages` says: content, or a promise of more bytes than come."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path in self.server.silent:
            self.server.left.wait(60)  # a client that waits for ever fails
            return
        promised, content = self.server.pages.get(self.path, (None, None))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(promised or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.pages, server.asked = {"/good.bin": (None, GOOD)}, []
    server.silent, server.left = set(), threading.Event()
    server.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.left.set()
    server.shutdown()
    server.server_close()
    thread.join()


def source(server, path="/good.bin", checksum=None, file="file.bin", size=0):
    return Source(
        file,
        size,
        f"sha256:{hashlib.sha256(GOOD).hexdigest()}" if checksum is None else checksum,
        server.address + path,
    )


def left(folder):
    return sorted(f.name for f in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_what_arrives_right_is_kept_and_not_fetched_twice(kind, server, tmp_path):
    checked = source(server, checksum=f"{kind}:{hashlib.new(kind, GOOD).hexdigest()}")
    for _ in range(2):
        file = fetch_file(checked, tmp_path / "new" / "folder", progress=False)
        assert file.read_bytes() == GOOD and left(file.parent) == ["file.bin"]
    assert server.asked == ["/good.bin"]


def test_a_wrong_checksum_leaves_what_was_good_and_nothing_else(server, tmp_path):
    with pytest.raises(DownloadError, match="another checksum than the published"):
        fetch_file(source(server, checksum="md5:" + "0" * 32), tmp_path, progress=False)
    assert left(tmp_path) == []
    (tmp_path / "file.bin").write_bytes(b"older, and still good for something")
    with pytest.raises(DownloadError):
        fetch_file(source(server, checksum="md5:" + "0" * 32), tmp_path, progress=False)
    assert left(tmp_path) == ["file.bin"] and (
        tmp_path / "file.bin"
    ).read_bytes().startswith(b"older")
    fetch_file(source(server), tmp_path, progress=False)  # and the right one replaces it
    assert (tmp_path / "file.bin").read_bytes() == GOOD


def test_a_download_that_breaks_off_leaves_nothing_and_starts_again(server, tmp_path):
    server.pages["/good.bin"] = (len(GOOD) + 1000, GOOD[:3000])
    with pytest.raises(DownloadError, match="did not arrive"):
        fetch_file(source(server), tmp_path, progress=False)
    assert left(tmp_path) == []
    server.pages["/good.bin"] = (None, GOOD)
    assert fetch_file(source(server), tmp_path, progress=False).read_bytes() == GOOD


def test_the_message_says_what_to_get_from_where_and_where_to_put_it(server, tmp_path):
    for wrong, word in (
        (source(server, "/gone"), "404"),
        (Source("file.bin", url="http://127.0.0.1:9/file.bin"), "ConnectionError"),
    ):
        with pytest.raises(DownloadError) as caught:
            fetch_file(wrong, tmp_path, progress=False)
        message = str(caught.value)
        assert (
            word in message
            and wrong.url in message
            and "file.bin" in message
            and str(tmp_path) in message
        )
    with pytest.raises(DownloadError):
        fetch_file(Source("file.bin", url="nonsense"), tmp_path, progress=False)
    assert left(tmp_path) == []


def test_without_a_checksum_an_archive_must_be_whole(server, tmp_path, pack_files):
    archive = pack_files(tmp_path / "x.zip", {"a.mid": bytes(5000)}).read_bytes()
    server.pages |= {
        "/x.zip": (None, archive),
        "/half.zip": (None, archive[: len(archive) // 2]),
    }
    server.pages["/login"] = (None, b"<html>Please log in</html>")
    for path in ("/login", "/half.zip"):
        with pytest.raises(DownloadError, match="no whole archive"):
            fetch_file(source(server, path, "", "y.zip"), tmp_path / "to", progress=False)
        assert left(tmp_path / "to") == []
    for _ in range(2):
        fetch_file(source(server, "/x.zip", "", "y.zip"), tmp_path / "to", progress=False)
    assert left(tmp_path / "to") == ["y.zip"] and server.asked.count("/x.zip") == 1


def test_a_disk_too_small_or_a_folder_that_is_none_is_said_so(server, tmp_path):
    with pytest.raises(DownloadError, match="do not fit"):
        fetch_file(source(server, size=10**18), tmp_path, progress=False)
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="cannot be saved") as caught:
        fetch_file(source(server), tmp_path / "file", progress=False)
    assert server.asked == [] and "network" not in str(caught.value)
    assert "FUSIONTOOLS_DATA" in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("at", ["os.replace", "pathlib.Path.mkdir", "tempfile.mkdtemp"])
def test_what_the_disk_refuses_is_not_the_network(
    server, tmp_path, monkeypatch, at, number
):
    def refused(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(at, refused)
    with pytest.raises(DownloadError, match="cannot be saved") as caught:
        fetch_file(source(server), tmp_path, progress=False)
    assert os.strerror(number) in str(caught.value) and "network" not in caught.value.do
    assert left(tmp_path) == [] or at == "os.replace"


def test_a_server_that_says_nothing_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.05)
    server.silent.add("/good.bin")
    with pytest.raises(DownloadError, match="ReadTimeout") as caught:
        fetch_file(source(server), tmp_path, progress=False)
    assert "check the network" in str(caught.value) and left(tmp_path) == []


def test_a_bar_hears_of_every_byte(server, tmp_path):
    class Bar:
        total, heard, closed = 0, 0, False

        def update(self, n):
            self.heard += n

        def reset(self):
            self.heard = 0

        def close(self):
            self.closed = True

    bar = Bar()
    fetch_file(source(server), tmp_path, progress=bar)
    assert (bar.total, bar.heard, bar.closed) == (len(GOOD), len(GOOD), True)


def test_the_terminals_bar_speaks_pooch(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch_file(source(server), tmp_path)
    assert "file.bin" in capsys.readouterr().err


def test_a_corpus_is_fetched_with_all_its_files(server, home, monkeypatch):
    card = CorpusInfo(
        "tiny",
        "Tiny",
        "",
        "",
        "",
        "",
        "",
        (),
        sources=(source(server), Source("own", stand_ins=())),
    )
    monkeypatch.setitem(registry.CORPORA, "tiny", card)
    assert fetch("tiny", progress=False) == [home / "tiny" / "file.bin"]


NEVER = [
    ("ryan", "comes with a dependency"),
    ("genre_midi", "cannot be downloaded"),
    ("nope", "no corpus"),
]


@pytest.mark.parametrize("name, words", NEVER)
def test_what_cannot_be_fetched_says_so(name, words, home):
    with pytest.raises(CorpusError, match=words):
        fetch(name)


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_stay(server, tmp_path):
    for name, age in ((".fetch-dead", 2 * STALE), (".fetch-alive", 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    fetch_file(source(server), tmp_path, progress=False)
    assert left(tmp_path) == [".fetch-alive", "file.bin"]


def test_a_draft_that_vanishes_while_it_is_looked_at_is_no_error(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "glob", lambda folder, _: iter([folder / ".fetch-gone"]))
    assert fetch_file(source(server), tmp_path, progress=False).read_bytes() == GOOD


def test_where_the_address_has_no_edition_the_publisher_may_have_changed_it(
    server, tmp_path
):
    wrong = replace(source(server, checksum="md5:" + "0" * 32), moving=True)
    with pytest.raises(DownloadError, match="the publisher may have changed it"):
        fetch_file(wrong, tmp_path, progress=False)
    branches = [
        s
        for card in registry.CORPORA.values()
        for s in card.sources
        if "/refs/heads/" in s.url
    ]
    assert (
        branches
        and all(s.moving for s in branches)
        and "snapshot" in registry.CORPORA["gtzan_mini"].about
    )

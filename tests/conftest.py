"""What all tests share. The environment is set here, before anything is imported or a
kernel started.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# No test may depend on how fast a machine is: what hangs is caught by faulthandler_timeout
# in pyproject.toml, and data may be drawn slowly.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell lets what it starts in the background ignore Ctrl-C, which some tests press.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit it, and share the cache
    _cache = tempfile.TemporaryDirectory(prefix="fusiontools-tests-")
    os.environ["FUSIONTOOLS_SCALE"] = "smoke"  # the notebooks run small
    # never from, or into, the user's own cache
    os.environ["FUSIONTOOLS_CACHE"] = _cache.name
    os.environ.pop("FUSIONTOOLS_DATA", None)
    # threads of torch and numpy would wait for those of the worker beside
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Workers begin with the longest files, so that none is left alone with them."""

    def turn(item):
        if item.get_closest_marker("book") or item.get_closest_marker("network"):
            return 0
        # a file stays with one worker, and this one runs most of every notebook again
        long = item.path.suffix == ".ipynb" or item.path.name == "test_pages.py"
        return 1 if long else 2

    if hasattr(config, "workerinput"):  # of pytest-xdist
        items.sort(key=turn)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real music for development: FUSIONTOOLS_SHARED, or shared/data beside
    the repository.
    """
    folder = Path(os.environ.get("FUSIONTOOLS_SHARED", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            "needs the development data, which is not part of the repository: "
            "set FUSIONTOOLS_SHARED to its folder"
        )
    return folder


@pytest.fixture(scope="session")
def built_book():
    """The built book's folder of pages; built now if it is not there or out of date.

    For test_book.py only: workers beside each other must not build it twice at once.
    FUSIONTOOLS_BOOK names the pages of a book that is built already, to test these.
    """
    if folder := os.environ.get("FUSIONTOOLS_BOOK"):
        return Path(folder).resolve()
    environment = {k: v for k, v in os.environ.items() if k != "FUSIONTOOLS_SCALE"}
    done = subprocess.run(
        [sys.executable, ROOT / "book" / "build.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return ROOT / "book" / "_build" / "html"


@pytest.fixture(scope="session")
def patience():
    """Milliseconds that a page may take for what it does in a second or two."""
    return 300_000


# Not for the session: Playwright's event loop would stand in the way of the notebooks'.
@pytest.fixture(scope="module")
def new_context(patience):
    """A function that opens a window, as it were, of a Chromium without a screen; with
    Playwright's options.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if not chromium:
        pytest.skip("needs a Chromium on the PATH (Debian: apt-get install chromium)")
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--autoplay-policy=no-user-gesture-required",
    ]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=flags, timeout=patience
        )

        def new_context(**options):
            context = browser.new_context(**options)
            context.set_default_timeout(patience)
            return context

        yield new_context
        browser.close()


@pytest.fixture
def heard():
    """Tests that a shell started in the background ignore SIGINT from birth; here it
    counts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command in this process; returns its exit code, output and error output."""
    from fusiontools import cli

    monkeypatch.setenv("COLUMNS", "80")

    def command(*words):
        with pytest.raises(SystemExit) as exit:
            cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return exit.value.code or 0, out, err

    return command

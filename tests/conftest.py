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

ROOT = Path(__file__).resolve().parent.parent
_cache = tempfile.TemporaryDirectory(prefix="fusiontools-tests-")

os.environ["FUSIONTOOLS_SCALE"] = "smoke"  # the notebooks run small
os.environ["FUSIONTOOLS_CACHE"] = (
    _cache.name
)  # and never from, or into, the user's own cache
os.environ.pop("FUSIONTOOLS_DATA", None)


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
            "needs the development data, which is not part of the repository: set FUSIONTOOLS_SHARED to its folder"
        )
    return folder


@pytest.fixture(scope="session")
def built_book():
    """The built book's folder of pages; built now if it is not there or out of date."""
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


@pytest.fixture(
    scope="module"
)  # not for the session: Playwright's event loop would stand in the way of the notebooks'
def browser():
    """A Chromium without a screen, for pages on this machine."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not chromium:
        pytest.skip("needs a Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        flags = [
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
            "--autoplay-policy=no-user-gesture-required",
        ]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def heard():
    """Tests that a shell started in the background ignore SIGINT from birth; here it
    counts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

"""A second engine, Firefox, makes the same melody of "Fuse on the page", and it sounds."""

import json
import shutil
import socket
import subprocess
import time

import pytest

MELODY = "document.querySelector('.ft-fuse').dataset.tokens"


@pytest.fixture
def firefox(tmp_path, patience):
    """Sends commands to a Firefox without a screen, by its own protocol (Marionette)."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        pytest.skip("needs a Firefox on the PATH (Debian: apt-get install firefox-esr)")
    (tmp_path / "user.js").write_text('user_pref("marionette.port", 0);\n')
    words = ["--headless", "--marionette", "--no-remote", "--profile", tmp_path]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen([program, *words], **quiet)
    port, end = tmp_path / "MarionetteActivePort", time.monotonic() + patience / 1000
    while not (port.exists() and port.read_text()):
        assert running.poll() is None and time.monotonic() < end, "Firefox did not start"
    with socket.create_connection(("127.0.0.1", int(port.read_text()))) as wire:
        stream = wire.makefile("rb")

        def answer():
            length = b"".join(iter(lambda: stream.read(1), b":"))
            return json.loads(stream.read(int(length)))

        def send(name, **values):
            data = json.dumps([0, 1, name, values]).encode()
            wire.sendall(b"%d:%b" % (len(data), data))
            _, _, error, result = answer()
            assert not error, error
            return result

        answer()  # its greeting
        send("WebDriver:NewSession")
        send("WebDriver:SetTimeouts", script=patience, pageLoad=patience)
        yield send
        send("Marionette:Quit", flags=["eForceQuit"])
    running.wait()


def test_firefox_makes_the_same_melody_and_sounds(firefox, address, page, heard):
    def run(script, *arguments):
        return firefox("WebDriver:ExecuteScript", script=script, args=arguments)["value"]

    firefox("WebDriver:Navigate", url=address)
    found = firefox("WebDriver:FindElement", using="css selector", value=".ft-fuse-play")
    (button,) = found["value"].values()
    firefox("WebDriver:ElementClick", id=button)
    script = """const [done] = arguments, look = () => {
      const there = document.querySelector(".ft-fuse-done");
      return there ? done(there.dataset.tokens) : setTimeout(look, 50);
    };
    look();"""
    melody = firefox("WebDriver:ExecuteAsyncScript", script=script, args=[])["value"]
    assert melody == page.evaluate(MELODY)
    # it plays: where there is no loudspeaker, its clock waits for one
    assert run("return document.querySelector('.ft-fuse-play').textContent") == "■ Stop"
    assert run("return ftFuse.soundState()") in ("running", "suspended")
    script = f"const [tokens, done] = arguments; ({heard})(tokens).then(done);"
    tokens = [int(t) for t in melody.split()]
    seen = firefox("WebDriver:ExecuteAsyncScript", script=script, args=[tokens])["value"]
    assert seen == pytest.approx(page.evaluate(heard, tokens), rel=0.05)

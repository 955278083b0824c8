"""The command ``restyle``: sound in the style of other sound, and what was taken, what was
adapted and what came of it is told. Chapter 7, Audio style transfer, shows it.

`fusiontools.cli` is its door. What is heavy is imported when the command runs.
"""

import math
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import typer

from fusiontools.cli_door import check_free, needs, notice, option
from fusiontools.cli_options import Force, Json, Out, Weights, file_argument, seed_option
from fusiontools.cli_told import Facts, say, tell, told_of
from fusiontools.errors import FusionError
from fusiontools.papers.audio_style.config import MODELS, PHASES

__all__ = ["restyle"]

STRETCH, TAKEN = 600.0, 10.0  # seconds in memory at once, of the content and the style
HIGHEST = 48_000  # samples a second: more is not heard, and takes time


def restyle(
    content: Annotated[Path, file_argument("CONTENT", "A WAV, FLAC, MP3 or OGG file.")],
    style: Annotated[Path, file_argument("STYLE", "What it is to sound like.")],
    out: Out,
    model: Annotated[str, option("NAME", f"One of {', '.join(MODELS)}.")] = "cnn",
    strength: Annotated[float, option("0..1", "0: the content; 1: no hold on it.")] = 0.9,
    seconds: Annotated[
        float | None, option("N", "So many of the content; by default all.")
    ] = None,
    start: Annotated[float, option("N", "Seconds into the content to begin at.")] = 0.0,
    style_start: Annotated[float, option("N", "Seconds into the style.")] = 0.0,
    phase: Annotated[str, option("NAME", f"One of {', '.join(PHASES)}.")] = "refined",
    seed: Annotated[int, seed_option()] = 0,
    weights: Weights = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    from fusiontools.music.soundwriter import FORMATS

    for good, which, says in (
        (0 <= strength <= 1, "--strength", "a strength lies between 0 and 1"),
        (seconds is None or 0 < seconds < math.inf, "--seconds", "a number above 0"),
        (0 <= start < math.inf, "--start", "0, or seconds into the content"),
        (0 <= style_start < math.inf, "--style-start", "0, or seconds into the style"),
        (model in MODELS, "--model", f"choose one of {', '.join(MODELS)}"),
        (phase in PHASES, "--phase", f"choose one of {', '.join(PHASES)}"),
        (not weights or model == "cyclegan", "--weights", "--model cyclegan alone has any"),
    ):
        if not good:
            raise typer.BadParameter(says, param_hint=which)
    check_free(out, "--out", tuple(FORMATS), force, content, style)
    needs("torch", "safetensors", "sound")
    made, about = SimpleNamespace(writer=None, first=None, seconds=0.0, peak=0.0), None
    with _stoppable(out, made):
        from fusiontools.music.audio import SoundWriter
        from fusiontools.papers.audio_style import load_generators, restyling
        from fusiontools.training import watch, weights_notice

        how = dict(model=model, strength=strength, phase=phase, seed=seed)
        if model == "cyclegan":
            how["networks"], about = load_generators(path=weights)
        source = _Source(content, start, seconds, lambda own: _rate(own, model, out))
        rate, length = source.rate, source.length
        other = _Source(style, style_start, TAKEN, lambda _: (rate, "as the content is"))
        made.writer = SoundWriter(out, rate, len(source.samples))
        with watch(math.ceil(length / rate), title="restyling, a step a second") as shown:
            for piece in restyling.pieces(source.read, length, other.samples, rate, **how):
                made.writer.write(piece)
                made.first = piece if made.first is None else made.first
                made.seconds += piece.shape[1] / rate
                made.peak = max(made.peak, abs(piece).max())
                shown.update(math.ceil(made.seconds))
        made.writer.close()
        facts: Facts = {
            "command": "restyle",
            "content": source.facts(),
            "style": other.facts(),
        }
        facts |= {"model": model, "strength": strength, "seed": seed}
        # this model brings the style's own phase
        facts["phase"] = None if model == "musaic" else phase
        facts["labels"] = list(about["labels"]) if about else []
        full = "It reached full scale: from there on it was turned down to fit."
        adapted = [full] if made.peak > 0.9999 else []
        facts["restyled"] = {"file": out, **_heard(made.first, source, other)}
        facts["restyled"] |= {"seconds": made.seconds, "adapted": adapted}
        facts["terms"] = weights_notice(about) if about else ""
        tell(facts, _lines, as_json)
        if about:
            notice(facts["terms"], weights)


def _lines(facts):
    for name in ("content", "style"):
        one = facts[name]
        sides = {1: "mono", 2: "stereo"}.get(one["channels"], f"{one['channels']} channels")
        of = f"{one['seconds']:.1f} s, {one['rate']:,} samples a second, {sides}"
        yield f"{name.capitalize()}: {one['file']}, {of}."
        yield from told_of(one["adapted"])
    phase = f", phase {facts['phase']}" if facts["phase"] else ""
    learned = f", learned from {' to '.join(facts['labels'])}" if facts["labels"] else ""
    yield f"Model: {facts['model']}, strength {facts['strength']:g}{phase}{learned}."
    made, heard = facts["restyled"], ""
    if made["style_loss_gone"] is not None:
        heard = f" Of the style loss {100 * made['style_loss_gone']:.0f} % is gone"
        heard += f"; correlation with the content {made['correlation']:.2f}."
    yield f"Restyled: {made['file']}.{heard}"
    yield from told_of(made["adapted"])


@contextmanager
def _stoppable(out, made):
    """Ctrl-C and SIGTERM keep what is written, and say how much it is."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if made.seconds:
            made.writer.close()
        kept = f"{out} has the first {made.seconds:.1f} s" if made.seconds else "no file"
        say(f"Stopped: {kept}.", err=True)
        raise typer.Exit(getattr(stop, "code", 130)) from None
    finally:
        if made.writer:
            made.writer.abort()  # what was not closed


def _rate(own, model, out):
    """Samples a second to work at, and why."""
    from fusiontools.music.soundwriter import MP3_RATES

    if model == "cyclegan":
        return 22_050, "the CycleGAN knows no other"
    if out.suffix.lower() == ".mp3" and own < HIGHEST:
        return min(r for r in MP3_RATES if r >= own), "MP3 knows few rates"
    return min(own, HIGHEST), "more is not heard"


def _heard(made, source, other):
    """What is gone of the style loss, at the best level, and left of the content."""
    import numpy as np
    import soxr
    import torch

    from fusiontools.papers.audio_style import as_loud, at_best_level, by_lags, logs_of
    from fusiontools.papers.audio_style.restyling import mono

    n = made.shape[1]
    sounds = mono(made), mono(source.read(0, n)), np.resize(mono(other.samples), n)
    sounds = [as_loud(soxr.resample(x, source.rate, 22_050)) for x in sounds]
    made, x, s = (logs_of(sound, None) for sound in sounds)
    if not all(log.std() > 0 for log in (made, x, s)):
        return {"style_loss_gone": None, "correlation": None}
    loss = by_lags(None, torch.from_numpy(s))
    after, before = (at_best_level(log, loss)[1] for log in (made, x))
    gone = float(max(0, 1 - after / max(before, 1e-9)))
    kept = float(np.corrcoef(made.ravel(), x.ravel())[0, 1])
    return {"style_loss_gone": gone, "correlation": kept}


class _Source:
    """A sound file, a stretch of it in memory. Long ones are looked through first."""

    def __init__(self, path, start, seconds, rate_of):
        import numpy as np

        from fusiontools.music.audio import Sound, check_sounding, sound_length
        from fusiontools.papers.audio_style.restyling import sizes

        whole, *self.own = sound_length(path)
        self.path, self.start, self.said = path, start, []
        self.at, self.samples, self.length, ends = 0, np.zeros((1, 0)), 0, []
        self.rate, why = rate_of(self.own[0])
        if self.rate != self.own[0]:
            self.said += [f"Brought to {self.rate:,} samples a second: {why}."]
        seconds = max(min(seconds or whole, whole - start), 1 / self.own[0])
        self.parts = math.ceil(seconds / STRETCH)
        self.stretch = seconds / self.parts
        for _ in range(self.parts):
            self.read(self.length, 1)
            self.length += self.samples.shape[1]
            ends += [self.samples.min(axis=1), self.samples.max(axis=1)]
            if self.samples.shape[1] < int(self.stretch * self.rate) - 1:
                break  # it is cut off, and that is said
        check_sounding(Sound(np.stack(ends, axis=1), self.rate), path)
        if self.length < sizes(self.rate)[0]:
            found = f"{self.length / self.rate:.2g} s of sound are shorter than one window"
            raise FusionError(found, path, "bring, or take, at least a fifth of a second")

    def read(self, start, n):
        """So many samples from there on, (channels, n), as `restyling.pieces` asks."""
        from fusiontools.music.audio import read_sound

        if not self.at <= start <= start + n <= self.at + self.samples.shape[1]:
            begin, length = self.start + start / self.rate, max(self.stretch, n / self.rate)
            sound = read_sound(self.path, begin, length, self.rate, as_is=self.parts > 1)
            self.at, self.samples = start, sound.samples
            self.said += [said for said in sound.said if said not in self.said]
        return self.samples[:, start - self.at :][:, :n]

    def facts(self):
        rate, channels = self.own
        about = {"file": self.path, "seconds": self.length / self.rate, "rate": rate}
        return about | {"channels": channels, "adapted": list(self.said)}

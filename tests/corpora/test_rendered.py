"""Recordings from a synthesiser: made when asked, kept, and never mixed up."""

import io

import numpy as np
import pytest
import soundfile

from fusiontools.corpora import load
from fusiontools.corpora.cache import cache_dir
from fusiontools.errors import CorpusError

STYLES = {"fiddle": ("nottingham", 40), "flute": ("nottingham", 73)}


class Synthesizer:
    """Plays every note as a sine, and counts how often it was asked for more than its
    probe.
    """

    def __init__(self, level=0.3):
        self.level, self.played = level, []

    def __call__(self, piece, program, sample_rate):
        if len(piece.notes()) > 2:
            self.played.append((program, piece.tracks[0].program, len(piece.notes())))
        time = (
            np.arange(int(piece.tempo.seconds_at(piece.notes().end) * sample_rate))
            / sample_rate
        )
        return self.level * np.sin(2 * np.pi * (200 + program) * time)


def rendered(synthesize, **options):
    return load(
        "rendered",
        synthesize=synthesize,
        styles=STYLES,
        per_style=1,
        sample_rate=8000,
        **options,
    )


def test_each_style_is_an_instrument_and_plays_its_own_pieces(home):
    clips = rendered(Synthesizer(), seconds=2.0)
    assert [r.label for r in clips] == ["fiddle", "flute"] and len(
        {r.song for r in clips}
    ) == 2
    assert all(
        r.id.startswith(f"rendered/{r.label}/nottingham/") and r.label in r.title
        for r in clips
    )
    for clip, program in zip(clips, (40, 73)):
        samples = clip.samples(8000)
        assert samples.shape == (16000,)
        assert np.argmax(np.abs(np.fft.rfft(samples))) / 2 == pytest.approx(
            200 + program, abs=1
        )


def test_nothing_sounds_before_it_is_asked_for_nor_twice(home):
    synthesize = Synthesizer()
    clips = rendered(synthesize, seconds=2.0)
    assert synthesize.played == []
    first = clips[0].samples(8000)
    assert np.array_equal(clips[0].samples(8000), first) and len(synthesize.played) == 1
    again = Synthesizer()
    assert (
        np.array_equal(rendered(again, seconds=2.0)[0].samples(8000), first)
        and again.played == []
    )


def test_another_synthesiser_or_length_is_another_recording(home):
    loud, long = Synthesizer(0.9), Synthesizer()
    quiet = rendered(Synthesizer(), seconds=2.0)[0].samples(8000)
    assert (
        np.abs(rendered(loud, seconds=2.0)[0].samples(8000)).max() > 2 * np.abs(quiet).max()
    )
    # the tune is played again until it is long enough
    assert len(rendered(long, seconds=100.0)[0].samples(8000)) == 800_000
    assert long.played[0][2] > 100


def test_too_few_pieces_or_no_synthesiser_are_errors(home):
    with pytest.raises(ValueError, match="needs a synthesiser"):
        load("rendered")
    with pytest.raises(CorpusError, match="too few"):
        load("rendered", synthesize=Synthesizer(), styles=STYLES, per_style=5)


def shorter(data):
    """A whole file, but of half the length."""
    samples, rate = soundfile.read(io.BytesIO(data))
    file = io.BytesIO()
    soundfile.write(file, samples[: len(samples) // 2], rate, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        shorter,
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"no sound at all",
    ],
)
def test_a_damaged_recording_in_the_cache_is_played_again(spoil, home):
    clip = rendered(Synthesizer(), seconds=2.0)[0]
    first = clip.samples(8000)
    (kept,) = cache_dir().glob("rendered-*.flac")
    kept.write_bytes(spoil(kept.read_bytes()))
    again = Synthesizer()
    assert (
        np.array_equal(rendered(again, seconds=2.0)[0].samples(8000), first)
        and len(again.played) == 1
    )
    assert [f.name for f in cache_dir().iterdir() if "part" in f.name] == []

"""How large a player is on a page, and how quickly its sound is made, with every
synthesiser that works here.
"""

import time

import numpy as np

from benchmarks.measure import Row, setting


def player_size():
    """Bytes of HTML of a player of ten seconds, the largest of four kinds of music."""
    from fusiontools import show

    for engine in show.synthesizers():
        with setting("FUSIONTOOLS_SYNTH", engine):
            sizes = {
                name: len(show.player(piece, seconds=10)._repr_html_().encode())
                for name, piece in _pieces().items()
            }
        worst = max(sizes, key=sizes.get)
        yield Row(
            f"player of 10 s, {engine}",
            "at most 100,000 bytes",
            f"{sizes[worst]:,} bytes ({worst})",
            sizes[worst] <= 100_000,
        )


def synthesis_speed():
    """Seconds of music in a second of computing; the second run, so that a soundfont or a
    module is loaded.
    """
    from fusiontools import show

    for engine in show.synthesizers():
        for name, piece in _pieces().items():
            show.synthesize(piece, engine=engine)
            start = time.perf_counter()
            samples = show.synthesize(piece, engine=engine)
            taken = time.perf_counter() - start
            yield Row(
                f"synthesis, {engine}: {name}",
                "",
                f"{len(samples) / 22050 / taken:.0f} x real time",
            )


def _pieces():
    """A melody, four voices, a full band, and a keyboard with nothing but fast chords: from
    little sound to as much as there is.
    """
    from fusiontools.music import Notes, Piece, Tempo, Track

    rng = np.random.default_rng(0)

    def line(step, low, high, beats=48):
        onset = np.arange(0, beats, step)
        return Notes(
            onset,
            np.full(len(onset), step),
            rng.integers(low, high, len(onset)),
            rng.integers(60, 110, len(onset)),
        )

    def chords(step, beats=48):
        onset = np.arange(0, beats, step)
        pitch = rng.integers(48, 60, len(onset))[:, None] + [0, 4, 7]
        return Notes(np.repeat(onset, 3), np.full(pitch.size, step), pitch.ravel())

    def drums(beat):
        return [36, 42, 49] if beat % 4 == 0 else [38, 42] if beat % 2 == 1 else [42]

    beaten = Notes.of(
        [(beat, 0.2, key) for beat in np.arange(0, 48, 0.5) for key in drums(beat)]
    )
    melody = Track(line(0.5, 60, 80), program=73)
    voices = [Track(line(1.0, low, low + 12), program=52) for low in (43, 50, 57, 64)]
    guitars = [
        Track(line(0.5, 60, 80), program=30),
        Track(chords(1.0), program=27),
        Track(line(0.5, 33, 45), program=33),
    ]
    band = [*guitars, Track(beaten, is_drum=True)]
    named = {
        "a melody": [melody],
        "four voices": voices,
        "a band with drums": band,
        "fast chords": [Track(chords(0.25))],
    }
    return {
        name: Piece(tuple(tracks), Tempo.constant(120)) for name, tracks in named.items()
    }

"""What is true of sound here, whichever engine makes it; and what is true of our own
instruments.
"""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music.midi import Piece, Track
from fusiontools.music.notes import Notes, Tempo
from fusiontools.show import synth, voices
from fusiontools.show.synth import (
    mp3_bytes,
    normalize,
    synthesize,
    synthesizers,
    write_audio,
)

SR = 22050
ORGAN = 19  # held for as long as the note, in every engine


@pytest.fixture(params=["tinysoundfont", "fluidsynth", "numpy"])
def engine(request):
    if request.param not in synthesizers():
        pytest.skip(f"{request.param} does not work on this machine")
    return request.param


def in_seconds(*rows):
    return Notes.of(rows, unit="seconds")


def hz(pitch):
    return 440.0 * 2 ** ((pitch - 69) / 12)


def spectrum(samples, sample_rate=SR, size=1 << 19):
    return np.fft.rfftfreq(size, 1 / sample_rate), np.abs(
        np.fft.rfft(samples * np.hanning(len(samples)), size)
    )


def cents_off(samples, pitch, sample_rate=SR):
    """How far the strongest frequency within a semitone of `pitch` lies from it."""
    f, level = spectrum(samples, sample_rate)
    near = np.abs(12 * np.log2(np.maximum(f, 1) / hz(pitch))) < 1
    return 1200 * np.log2(f[near][level[near].argmax()] / hz(pitch))


def rms(samples):
    return np.sqrt(np.mean(np.square(samples, dtype=float)))


def centroid(samples):
    f, level = spectrum(samples)
    return (f * level**2).sum() / (level**2).sum()


def tune(seconds):
    """A melody over chords, in seconds."""
    melody = [
        (0.5 * i, 0.5, 60 + (7 * i) % 15, 70 + 3 * (i % 9)) for i in range(int(2 * seconds))
    ]
    chords = [
        (2.0 * i, 2.0, p + 5 * (i % 2), 60)
        for i in range(int(seconds / 2))
        for p in (36, 48, 52, 55)
    ]
    return in_seconds(*melody, *chords)


# What holds for every engine, and what is refused


@pytest.mark.parametrize("pitch", [45, 60, 69])
def test_notes_are_in_tune(engine, pitch):
    samples = synthesize(in_seconds((0, 2, pitch)), engine=engine)
    assert abs(cents_off(samples[2000:44100], pitch)) < 3


@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_pitch_and_length_do_not_depend_on_the_sample_rate(engine, sample_rate):
    samples = synthesize(in_seconds((0, 1, 69)), engine=engine, sample_rate=sample_rate)
    assert len(samples) == np.ceil(1.8 * sample_rate)
    assert abs(cents_off(samples[:sample_rate], 69, sample_rate)) < 3


@pytest.mark.parametrize("program", [0, 24, 33, 48, 65])
def test_samples_are_finite_mono_within_range_and_without_a_constant(engine, program):
    samples = synthesize(tune(3), engine=engine, program=program)
    assert samples.dtype == np.float32 and samples.shape == (
        int(np.ceil((tune(3).end + 0.8) * SR)),
    )
    assert np.isfinite(samples).all() and 0.1 < np.abs(samples).max() <= 0.95
    assert abs(samples.mean(dtype=float)) < 1e-3


def test_a_sound_ends_in_silence_without_a_click(engine):
    samples = synthesize(in_seconds((0, 1, 48), (0, 1, 72)), engine=engine, program=48)
    assert abs(samples[-1]) < 1e-6
    assert np.abs(samples[-400:]).max() < 1e-3 < np.abs(samples).max()


def test_the_same_notes_give_the_same_samples(engine):
    piece = Piece(
        (
            Track(Notes.of([(0, 1, 60), (1, 1, 64)])),
            Track(Notes.of([(0, 1, 36), (1, 1, 42)]), is_drum=True),
        )
    )
    assert np.array_equal(
        synthesize(piece, engine=engine), synthesize(piece, engine=engine)
    )


def test_a_rest_is_almost_silent(engine):
    samples = synthesize(in_seconds((0, 0.5, 60), (3, 0.5, 60)), engine=engine)
    assert rms(samples[int(2 * SR) : int(2.9 * SR)]) < 1e-2 * rms(samples[: int(0.5 * SR)])


def test_a_repeated_note_is_struck_again(engine):
    """Two touching quavers of one pitch: the level rises twice, as it does not in one
    crotchet.
    """

    def rises(notes):
        blocks = synthesize(notes, engine=engine)[:SR].reshape(-1, 441)  # 20 ms each
        level = np.sqrt((blocks**2).mean(axis=1))
        return (
            np.flatnonzero(
                (level[1:] > 1.25 * level[:-1]) & (level[1:] > 0.3 * level.max())
            )
            // 5
        )

    assert len(set(rises(in_seconds((0, 0.5, 69), (0.5, 0.5, 69))))) > len(
        set(rises(in_seconds((0, 1.0, 69))))
    )


def test_a_long_note_survives_a_short_one_of_its_pitch(engine):
    samples = synthesize(
        in_seconds((0, 2, 60), (0.5, 0.2, 60)), engine=engine, program=ORGAN
    )
    assert rms(samples[int(1.5 * SR) : int(1.9 * SR)]) > 0.2 * rms(samples[: int(0.4 * SR)])


def test_a_chord_holds_each_of_its_notes(engine):
    chord = (57, 62, 69)
    samples = synthesize(in_seconds(*((0, 1, pitch) for pitch in chord)), engine=engine)
    f, level = spectrum(samples[:SR])
    for pitch in chord:
        assert level[np.abs(f - hz(pitch)) < 3].max() > 0.02 * level.max()


def test_onsets_fall_where_the_notes_say(engine):
    samples = synthesize(in_seconds((0.7, 0.3, 72)), engine=engine)
    start = np.flatnonzero(np.abs(samples) > 0.05)[0] / SR
    assert 0.695 < start < 0.73


def test_beats_become_seconds_at_the_tempo(engine):
    beats = Notes.of([(0, 1, 60), (1, 2, 67)])
    seconds = in_seconds((0, 0.4, 60), (0.4, 0.8, 67))
    for tempo in (150, Tempo.constant(150)):
        assert np.array_equal(
            synthesize(beats, tempo=tempo, engine=engine),
            synthesize(seconds, engine=engine),
        )


def test_a_piece_brings_its_own_tempo_instruments_and_drums(engine):
    melody, beat = Notes.of([(0, 4, 60)]), Notes.of([(0, 1, 38), (2, 1, 38)])
    drums = Track(beat, is_drum=True)
    piece = Piece((Track(melody, ORGAN), drums), Tempo.constant(60))
    samples = synthesize(piece, tempo=999, engine=engine)
    assert len(samples) == np.ceil(4.8 * SR)
    alone = synthesize(Piece((drums,), Tempo.constant(60)), engine=engine)
    flat = (
        np.exp(np.log(spectrum(alone)[1][4000:200000] + 1e-9).mean())
        / spectrum(alone)[1][4000:200000].mean()
    )
    # a snare is noise: its spectrum is far flatter than that of any pitch
    assert flat > 0.1
    other = Piece((Track(melody, 0), drums), Tempo.constant(60))
    assert not np.array_equal(samples, synthesize(other, engine=engine))
    assert np.array_equal(samples, synthesize(other, program=ORGAN, engine=engine))


def test_one_track_or_two_of_one_instrument_sound_the_same(engine):
    low, high = Notes.of([(0, 1, 48)]), Notes.of([(0, 1, 72)])
    both = Notes.of([(0, 1, 48), (0, 1, 72)])
    assert np.array_equal(
        synthesize(Piece((Track(low), Track(high))), engine=engine),
        synthesize(both, engine=engine),
    )


def test_soft_and_loud_music_come_out_equally_loud(engine):
    def played(velocity):
        return synthesize(
            in_seconds(*((0.3 * i, 0.3, 60 + i, velocity) for i in range(6))), engine=engine
        )

    assert 0.8 < rms(played(30)) / rms(played(120)) < 1.25


def test_very_short_notes_are_heard(engine):
    samples = synthesize(in_seconds((0.5, 0.001, 69)), engine=engine)
    assert abs(cents_off(samples, 69)) < 50 and np.abs(samples).max() > 0.1


@pytest.mark.parametrize(
    "music",
    [Notes.of([]), Notes.of([], unit="seconds"), Piece(), Piece((Track(Notes.of([])),))],
)
def test_music_without_a_note_is_refused(music):
    with pytest.raises(NoNotesError, match="no note to play"):
        synthesize(music)


def test_more_than_half_an_hour_is_refused_before_any_memory_is_taken():
    with pytest.raises(FusionError, match=r"360 minutes.*crop"):
        synthesize(in_seconds((0, 1, 60), (21599, 1, 60)))


def test_notes_before_time_zero_are_refused():
    with pytest.raises(FusionError, match=r"0\.5 s before time zero.*shift"):
        synthesize(in_seconds((-0.5, 1, 60)))


@pytest.mark.parametrize(
    "wrong",
    [{"program": 128}, {"program": -1}, {"sample_rate": 100}, {"sample_rate": 22050.5}],
)
def test_impossible_settings_are_programming_mistakes(wrong):
    with pytest.raises(ValueError):
        synthesize(in_seconds((0, 1, 60)), **wrong)


def test_only_music_can_be_played():
    with pytest.raises(TypeError, match="not list"):
        synthesize([(0, 1, 60)])


def test_our_own_engine_is_always_there_and_comes_last():
    assert synthesizers()[-1] == "numpy"
    assert set(synthesizers()) <= {"tinysoundfont", "fluidsynth", "numpy"}


def test_auto_is_the_first_engine_that_works(monkeypatch):
    monkeypatch.delenv("FUSIONTOOLS_SYNTH", raising=False)
    note = in_seconds((0, 0.2, 60))
    assert np.array_equal(synthesize(note), synthesize(note, engine=synthesizers()[0]))


def test_the_environment_decides_for_auto_only(monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", " NumPy ")
    assert synth._choose("auto") == "numpy"
    monkeypatch.setenv("FUSIONTOOLS_SYNTH", "theremin")
    assert synth._choose("numpy") == "numpy"
    with pytest.raises(
        FusionError, match=r"FUSIONTOOLS_SYNTH: there is no synthesiser 'theremin'.*numpy"
    ):
        synthesize(in_seconds((0, 1, 60)))


def test_an_engine_that_is_missing_is_named_with_those_that_are_there(monkeypatch):
    monkeypatch.setattr(synth, "_works", lambda name: name == "numpy")
    assert synthesizers() == ["numpy"]
    with pytest.raises(
        FusionError, match=r"'fluidsynth' does not work here.*choose one of numpy, or auto"
    ):
        synthesize(in_seconds((0, 1, 60)), engine="fluidsynth")


def test_importing_loads_nothing_heavy():
    heavy = (
        "torch",
        "librosa",
        "music21",
        "matplotlib",
        "symusic",
        "scipy",
        "soundfile",
        "pretty_midi",
        "tinysoundfont",
        "fluidsynth",
    )
    code = "import sys, fusiontools.show.synth; "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


# Our own instruments; loudness; files


def slow_tone(voice, pitch, velocity, n, sample_rate):
    """The sum that `voices.tone` computes as a matrix product, one sine at a time."""
    f, a, rate, late = (x.copy() for x in voices._partials(voice, pitch, velocity))
    heard = (f < 0.45 * sample_rate) & (a > 5e-4)
    f, a, rate, late = f[heard], a[heard], rate[heard], late[heard]
    a /= np.sqrt((a**2 * voices._ear(f)).sum())
    t = np.arange(n) / sample_rate
    sound = np.zeros(n)
    for k in range(len(f)):
        number = round(f[k] / f[0]) - 1
        for side, share, turn in (
            (1, 0.58, 0.31 * number**2),
            (-1, 0.42, 0.31 * number**2 + 0.618 * number),
        ):
            phase = 2 * np.pi * (f[k] * 2 ** (side * voice.spread / 2400) * t + turn)
            sound += (
                share
                * a[k]
                * np.exp(-rate[k] * t)
                * (1 - np.exp(-t / (voice.attack * late[k])))
                * np.sin(phase)
            )
    return sound * (1 - voice.sway * np.minimum(t / 0.6, 1) * np.sin(2 * np.pi * 5.1 * t))


@pytest.mark.parametrize("name", voices.VOICES)
def test_the_matrix_product_is_the_plain_sum_of_sines(name):
    fast = voices.tone(voices.VOICES[name], 57, 90, 5000, SR)
    slow = slow_tone(voices.VOICES[name], 57, 90, len(fast), SR)
    assert len(fast) == 5000
    np.testing.assert_allclose(fast, slow, atol=2e-5 * np.abs(slow).max())


def test_a_long_tone_is_made_in_pieces_that_fit(monkeypatch):
    whole = voices.tone(voices.VOICES["organ"], 60, 80, 9000, SR)
    monkeypatch.setattr(voices, "ROWS", 3)
    np.testing.assert_allclose(
        voices.tone(voices.VOICES["organ"], 60, 80, 9000, SR), whole, atol=1e-5
    )


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(voices.VOICES)), st.integers(33, 103))
def test_every_instrument_is_in_tune_everywhere(name, pitch):
    sound = voices.tone(voices.VOICES[name], pitch, 80, 2 * SR, SR)
    assert abs(cents_off(sound, pitch)) < 3


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 127),
    st.integers(0, 127),
    st.integers(1, 127),
    st.sampled_from([8000, 22050, 48000]),
    st.booleans(),
)
def test_any_note_of_any_instrument_is_sound(
    program, pitch, velocity, sample_rate, is_drum
):
    part = (in_seconds((0, 0.2, pitch, velocity)), program, is_drum)
    samples = voices.play([part], sample_rate, sample_rate)
    assert (
        samples.dtype == np.float32
        and samples.shape == (sample_rate,)
        and np.isfinite(samples).all()
    )
    assert is_drum or hz(pitch) > 0.45 * sample_rate or np.abs(samples).max() > 1e-4


@pytest.mark.parametrize("name", voices.VOICES)
def test_nothing_sounds_above_nyquist_or_folds_back(name):
    """All power lies at the partials and chimes: between them, where a folded partial would
    fall, there is none.
    """
    pitch, n = 93, 1 << 15
    sound = voices.tone(voices.VOICES[name], pitch, 127, n, SR)
    level = np.abs(np.fft.rfft(sound * np.blackman(len(sound)), n))
    f = np.fft.rfftfreq(n, 1 / SR)
    expected = voices._partials(voices.VOICES[name], pitch, 127)[0]
    away = np.abs(f[:, None] - expected[expected < 0.45 * SR]).min(axis=1) > 150
    assert level[away].max() < 3e-3 * level.max()


def test_a_whistle_too_high_for_the_sample_rate_is_silence_not_noise():
    assert not synthesize(in_seconds((0, 1, 127)), engine="numpy").any()


@pytest.mark.parametrize("name", ["keys", "pluck", "brass"])
def test_struck_harder_is_brighter(name):
    soft, loud = (
        voices.tone(voices.VOICES[name], 60, velocity, SR, SR) for velocity in (32, 112)
    )
    assert centroid(loud) > 1.1 * centroid(soft)


def test_louder_velocity_is_louder_beside_a_softer_one():
    samples = synthesize(in_seconds((0, 0.5, 60, 40), (2, 0.5, 60, 110)), engine="numpy")
    assert rms(samples[2 * SR : int(2.5 * SR)]) > 2 * rms(samples[: int(0.5 * SR)])


def test_high_strings_ring_shorter():
    def left(pitch):
        sound = voices.tone(voices.VOICES["keys"], pitch, 80, SR, SR)
        return rms(sound[-2000:]) / rms(sound[:2000])

    assert left(36) > 1.2 * left(60) > 2 * left(84)


def test_every_program_has_a_family():
    assert len(voices.FAMILIES) == 128 and set(voices.FAMILIES) == set(voices.VOICES)


def test_drums_sound_by_their_names():
    kick, closed, opened = (voices.stroke(key, SR) for key in (36, 42, 46))
    assert centroid(kick) < 250 and centroid(opened) > 5000
    assert len(opened) > 3 * len(closed)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 100), st.integers(0, 5))
def test_loudness_knows_neither_level_nor_rests(factor, rests):
    sound = np.sin(np.arange(SR) * 0.2) * np.linspace(1, 0.3, SR)
    quiet = np.zeros(rests * int(0.05 * SR))
    once = normalize(sound)
    np.testing.assert_allclose(
        normalize(np.concatenate([factor * sound, quiet]))[:SR], once, atol=1e-4
    )
    np.testing.assert_allclose(normalize(once), once, atol=1e-4)


def test_peaks_are_turned_down_and_the_rest_is_left():
    sound = 0.05 * np.sin(np.arange(SR) * 0.2)
    sound[SR // 2] = 5.0
    out = normalize(sound)
    gain = (np.abs(out[: SR // 4]).max()) / 0.05
    assert np.abs(out).max() <= 0.95
    np.testing.assert_allclose(
        out[: SR // 2 - 300], gain * sound[: SR // 2 - 300], atol=1e-3
    )


@pytest.mark.parametrize("silence", [np.zeros(0), np.zeros(1000), np.full(1000, 1e-7)])
def test_silence_is_never_amplified(silence):
    assert np.array_equal(normalize(silence), silence.astype(np.float32))


@pytest.mark.parametrize(
    "wrong", [np.zeros((10, 2)), np.array([0.0, np.nan]), np.array([np.inf])]
)
def test_what_is_no_mono_sound_is_a_programming_mistake(wrong, tmp_path):
    for use in (normalize, mp3_bytes, lambda x: write_audio(x, tmp_path / "x.wav")):
        with pytest.raises(ValueError):
            use(wrong)


@pytest.mark.parametrize(
    "suffix, off",
    [(".wav", 3e-4), (".flac", 3e-4), (".ogg", 0.1), (".mp3", 0.1), (".WAV", 3e-4)],
)
def test_a_file_holds_the_sound_that_was_written(tmp_path, suffix, off):
    samples = synthesize(tune(4), engine="numpy")
    assert len(samples) > synth.BLOCK
    write_audio(samples, tmp_path / f"tune{suffix}")
    back, sample_rate = soundfile.read(tmp_path / f"tune{suffix}")
    assert sample_rate == SR and len(back) == len(samples)
    assert rms(back - samples) < off * rms(samples) and [
        p.name for p in tmp_path.iterdir()
    ] == [f"tune{suffix}"]


def test_ten_seconds_fit_in_fifty_kilobytes_and_start_where_they_should(engine):
    samples = synthesize(tune(9), engine=engine)
    sound = mp3_bytes(samples)
    assert len(sound) <= 5000 * len(samples) / SR
    back, _ = soundfile.read(io.BytesIO(sound), dtype="float32")
    assert len(back) == len(samples)
    assert rms(back - samples) < 0.1 * rms(samples)


def test_a_full_band_fits_too():
    """Noise is the hardest of sounds to make small."""
    samples = 0.1 * np.random.default_rng(0).standard_normal(10 * SR)
    assert len(mp3_bytes(np.clip(samples, -1, 1))) <= 50_000
    assert len(mp3_bytes(samples * 0.5, kbits=30)) <= 40_000


def test_files_that_cannot_be_written_say_why(tmp_path):
    sound = np.zeros(100)
    with pytest.raises(FusionError, match=r"suffix '.aiff'.*\.wav, \.flac, \.ogg, \.mp3"):
        write_audio(sound, tmp_path / "a.aiff")
    with pytest.raises(MusicFileError, match="check that its folder exists"):
        write_audio(sound, tmp_path / "nowhere" / "a.wav")
    with pytest.raises(FusionError, match=r"reaches 1\.5.*normalize"):
        write_audio(sound + 1.5, tmp_path / "a.wav")
    with pytest.raises(FusionError, match="no samples"):
        mp3_bytes(np.zeros(0))
    with pytest.raises(FusionError, match="no sample rate of 30000"):
        mp3_bytes(sound, 30000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [n for n, v in voices.VOICES.items() if v.cutoff < 1e4])
def test_struck_harder_a_string_lets_high_partials_through(name):
    _f, soft = voices._partials(voices.VOICES[name], 60, 40)[:2]
    hard = voices._partials(voices.VOICES[name], 60, 120)[1]
    k = np.arange(1, voices.PARTIALS + 1)
    # the slope of all partials aside: what the filter lets through, and softly did not
    opened = hard[: len(k)] / soft[: len(k)] / k ** ((120 - 40) / 200)
    assert (np.diff(opened)[np.isfinite(np.diff(opened))] > 0).all()


def test_the_ear_follows_the_a_curve_by_half():
    at = np.array([31.5, 100, 315, 1000, 3150, 10000, 16000])
    published = [-39.4, -19.1, -6.6, 0.0, 1.2, -2.5, -6.6]  # dB, IEC 61672
    power = voices._ear(at) / voices._ear(np.array([1000.0]))
    assert 2 * 10 * np.log10(power) == pytest.approx(published, abs=0.15)

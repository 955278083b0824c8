"""Sound files: what is odd is adapted and said, what is no sound is refused by its name."""

import io
import struct
import zipfile

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.files import drop_drafts
from fusiontools.music import audio, soundwriter
from fusiontools.music.audio import (
    Sound,
    SoundWriter,
    check_sounding,
    read_sound,
    sound_length,
    write_sound,
)

RATE = 22050


def tone(seconds=0.5, rate=RATE, channels=1, level=0.5):
    """A tone of its own for each channel, shape (n, channels)."""
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([level * np.sin(t * 2000 * (k + 1)) for k in range(channels)], axis=1)


def encoded(samples, rate=RATE, format="WAV", **options):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, **options)
    return file.getvalue()


def wav(data, promised, riff=0, after=b""):
    """A WAV of 16-bit mono whose header says what it likes."""
    head = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + head
    return head + b"data" + struct.pack("<I", promised) + data + after


PCM = (tone()[:, 0] * 32767).astype("<i2").tobytes()
N = len(PCM) // 2


def vbr(seconds=6, rate=44100):
    """An MP3 of variable rate, and where its second frame begins."""
    samples = tone(seconds, rate)[:, 0]
    noise = np.random.default_rng(0).standard_normal(len(samples) - rate * 2)
    samples[rate * 2 :] += 0.05 * noise
    options = {"bitrate_mode": "VARIABLE", "compression_level": 0.5}
    data = encoded(samples, rate, "MP3", **options)
    assert b"Xing" in data[:60]
    return data, data.index(data[:2], 4)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "format, subtype, error",
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "PCM_U8", 1e-2),
        ("WAVEX", "FLOAT", 1e-7),
        ("RF64", "PCM_16", 1e-4),
        ("FLAC", "PCM_24", 1e-6),
        ("AIFF", "PCM_16", 1e-4),
        ("AU", "PCM_16", 1e-4),
        ("CAF", "PCM_16", 1e-4),
        ("W64", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.1),
    ],
)
def test_every_kind_is_read_and_nothing_is_said(format, subtype, error, channels):
    wave = tone(channels=channels)
    data = encoded(wave, RATE, format, subtype=subtype)
    sound = read_sound(data)
    assert sound.samples.dtype == np.float32 and sound.rate == RATE and sound.said == ()
    assert sound.samples.shape == wave.T.shape == (channels, N)
    assert np.abs(sound.samples - wave.T).max() < error
    assert sound_length(data) == (0.5, RATE, channels)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_any_rate_comes_out_as_asked(rate):
    sound = read_sound(encoded(tone(rate=rate, channels=2), rate), rate=RATE)
    assert sound.rate == RATE and sound.samples.shape == (2, N)
    inside = slice(1000, -1000)
    assert np.abs(sound.samples - tone(channels=2).T)[:, inside].max() < 2e-3


def test_parts_stand_where_they_belong(tmp_path):
    for format in ("WAV", "FLAC", "OGG", "MP3"):
        data = vbr()[0] if format == "MP3" else encoded(tone(2, 44100), 44100, format)
        whole = read_sound(data).samples
        part = read_sound(data, start=1.25, seconds=0.5).samples
        at = round(1.25 * 44100)
        assert np.abs(part - whole[:, at : at + part.shape[1]]).max() < 1e-5, format
        assert part.shape == (1, 22050)


@pytest.mark.parametrize(
    "samples, left, right",
    [
        (np.eye(6), [0.4142, 0, 0.2929, 0, 0.2929, 0], [0, 0.4142, 0.2929, 0, 0, 0.2929]),
        (np.eye(4), [0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]),
        (np.eye(3), [0.5858, 0, 0.4142], [0, 0.5858, 0.4142]),
    ],
)
def test_many_channels_become_two(samples, left, right):
    sound = read_sound(encoded(samples * 0.5, RATE, subtype="FLOAT"))
    assert np.allclose(sound.samples * 2, [left, right], atol=1e-3)
    assert sound.said == (f"Its {len(samples)} channels were mixed down to two.",)
    assert read_sound(encoded(np.full((9, 6), 0.5))).samples.max() < 0.51


loud = 3 * tone(level=1)
gaps = tone()
gaps[7:17, 0] = np.nan, np.inf, -np.inf, 1e30, np.nan, np.nan, np.inf, 1e38, np.nan, np.nan


@pytest.mark.parametrize(
    "data, n, says",
    [
        (encoded(loud, subtype="FLOAT"), N, "reached 3 times full scale"),
        (encoded(loud.clip(-1, 1)), N, "% of its samples are at full scale: it was"),
        (encoded(gaps, subtype="DOUBLE"), N, "10 of its samples were no numbers"),
        (wav(PCM, 0), N, "does not say how long"),
        (wav(PCM, 0, 4088), N, "does not say how long"),
        (wav(PCM, 0xFFFFFFFF, 0xFFFFFFFF), N, "does not say how long"),
        (wav(PCM, 0x7FFFFFDB), N, "does not say how long"),
        (wav(PCM, 2 * len(PCM)), N, "cut off: 50 %"),
        (wav(PCM, len(PCM), 0), N, None),
        (wav(PCM, len(PCM), 0, b"LIST\4\0\0\0INFO"), N, None),
    ],
)
def test_what_is_odd_is_adapted_and_said(data, n, says):
    sound = read_sound(data)
    assert sound.samples.shape == (1, n) and np.abs(sound.samples).max() <= 1
    assert [says in said for said in sound.said] == [True] if says else not sound.said
    assert sound_length(data)[0] == n / RATE


def test_parts_that_must_fit_together_are_not_scaled():
    sound = read_sound(encoded(loud, subtype="FLOAT"), as_is=True)
    assert sound.samples.max() > 2.99 and not sound.said
    with pytest.raises(MusicFileError, match="no numbers"):
        read_sound(encoded(gaps, subtype="FLOAT"), as_is=True)
    with pytest.raises(MusicFileError, match="no numbers"):
        read_sound(encoded(np.where(np.arange(N) % 50, 0.1, np.nan), subtype="FLOAT"))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.bin"])
@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_wrong_ending_is_said(name, format, tmp_path):
    path = tmp_path / name
    path.write_bytes(encoded(tone(), RATE, format))
    wrong = name != "a.bin" and not name.endswith(format.lower())
    said = f"It is named .{name[2:]}, and was read as what it is: {format}."
    assert read_sound(path).said == ((said,) if wrong else ())


@pytest.mark.parametrize("format", ["FLAC", "MP3", "OGG"])
def test_of_a_file_that_is_cut_off_the_rest_is_kept(format):
    wave = tone(6, 44100) + 0.01 * np.random.default_rng(0).standard_normal((264600, 1))
    data = vbr()[0] if format == "MP3" else encoded(wave, 44100, format)
    whole = read_sound(data, as_is=True).samples
    sound = read_sound(data[: len(data) // 2], as_is=True)
    n = sound.samples.shape[1]
    assert 44100 < n < 264600 - 44100
    same = slice(0, n - 4096)
    assert np.abs(sound.samples[:, same] - whole[:, same]).max() < 1e-3
    if format != "OGG":  # whose header promises nothing
        (said,) = sound.said
        assert "cut off or damaged" in said and "of 6 s can be read" in said
    if format == "FLAC":
        with pytest.raises(MusicFileError, match="no sound after 5.5 s"):
            read_sound(data[: len(data) // 2], start=5.5)


def test_a_flac_from_a_pipe_is_read_to_its_last_sample():
    data = bytearray(encoded(tone(3), RATE, "FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    sound = read_sound(bytes(data))
    assert sound.samples.shape == (1, 3 * RATE) and not sound.said
    assert sound_length(bytes(data)) == (3, RATE, 1)


TAG = b"ID3\3\0\0" + bytes([0, 0, 2, 0]) + bytes(256)


@pytest.mark.parametrize("before", [b"", TAG], ids=["bare", "tagged"])
@pytest.mark.parametrize("after", [b"", b"TAG".ljust(128, b"\0")], ids=["", "and after"])
def test_an_mp3_that_does_not_say_its_length_is_read_to_its_end(before, after):
    data, second = vbr()
    for bare, n in ((data[second:], 264600), (data + data[second:], 2 * 264600)):
        bare = before + bare + after
        sound = read_sound(bare)
        # it no longer says either what an encoder put before and after
        assert abs(sound.samples.shape[1] - n) < 5000 and not sound.said
        assert abs(sound_length(bare)[0] * 44100 - n) < 5000
    with io.BytesIO(data[second:]) as file, soundfile.SoundFile(file) as believed:
        assert believed.frames < 200_000, "libsndfile knows: this can go"


def test_an_mp3_of_low_rate_and_two_channels_too():
    for rate, channels in ((8000, 1), (22050, 2), (44100, 2)):
        data = encoded(tone(4, rate, channels), rate, "MP3")
        second = data.index(data[:2], 4)
        sound = read_sound(data[second:])
        assert sound.samples.shape[0] == channels and sound.rate == rate
        assert abs(sound.samples.shape[1] / rate - 4) < 0.4


def a_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.wav", PCM)
    return file.getvalue()


@pytest.mark.parametrize(
    "data, says",
    [
        (b"", "the file is empty"),
        (b"Dear reader,\nthis is no sound.\n" * 9, "text, not sound"),
        ("Grüße".encode("utf-16") * 20, "text, not sound"),
        (b"\n<!DOCTYPE html><html><body>404", "web page (HTML), not sound"),
        (b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\0", "MIDI: notes, not sound"),
        (a_zip(), "ZIP"),
        (b"\0\0\0\x20ftypisom" + bytes(99), "a video"),
        (b"\x1a\x45\xdf\xa3" + bytes(99), "a video"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(99), "a video"),
        (b"\0\0\0\x20ftypM4A " + bytes(99), "AAC sound"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3" + bytes(99), "a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "a picture"),
        (np.random.default_rng(5).bytes(9000), "not readable as sound"),
        (bytes(9000), "not readable as sound"),
        (wav(b"", 0), "no sound in it"),
        (wav(b"", 0, 36, b"LIST\4\0\0\0INFO"), "no sound in it"),
        (encoded(np.zeros((0, 1))), "no sound in it"),
        (b"RIFF\0\0\0\0WAVE" + bytes(99), "begins like WAV, and is damaged"),
        (encoded(tone(), RATE, "FLAC")[:60], "FLAC|no sound"),
        (encoded(tone(), 1000), "an absurd format: 1000 samples a second"),
        (encoded(np.zeros((9, 65))), "an absurd format"),
    ],
)
def test_what_is_no_sound_is_refused_by_its_name(data, says, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for call in (read_sound, sound_length):
        with pytest.raises(MusicFileError) as error:
            call(path)
        assert any(word in error.value.found for word in says.split("|")), error.value
        assert error.value.where == path and error.value.do
        assert "object at" not in str(error.value)


def test_what_is_no_file_is_refused(tmp_path):
    for path, says in (
        (tmp_path, "folder"),
        (tmp_path / "gone.wav", "no such file"),
        ("/dev/null", "pipe or a device"),
        ("a\0b.wav", "cannot be read"),
        ("a" * 5000, "cannot be read"),
    ):
        with pytest.raises(MusicFileError, match=says):
            read_sound(path)


def test_a_stream_that_cannot_seek_is_read():
    class Stream(io.RawIOBase):
        def __init__(self, data):
            self.data = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.data.readinto(buffer)

    assert read_sound(Stream(encoded(tone()))).samples.shape == (1, N)


def test_too_much_is_refused(monkeypatch):
    data = encoded(tone(2))
    with pytest.raises(MusicFileError, match="more than 1 s.*in parts"):
        read_sound(data, longest=1)
    assert read_sound(data, seconds=1, longest=1).samples.shape == (1, RATE)
    assert read_sound(data, start=1, longest=1).samples.shape == (1, RATE)
    monkeypatch.setattr(audio, "MOST", 30_000)
    with pytest.raises(MusicFileError, match="at a lower rate"):
        read_sound(data)
    assert read_sound(data, rate=8000).samples.shape == (1, 16000)
    for wrong in ({"start": -1}, {"seconds": 0}, {"rate": 0}, {"seconds": -2}):
        with pytest.raises(ValueError, match="must be positive"):
            read_sound(data, **wrong)


def test_silence_is_for_the_caller_to_refuse():
    quiet = read_sound(encoded(np.full((900, 2), 0.3) + 1e-5))
    with pytest.raises(NoNotesError, match="hall.wav: nothing sounds"):
        check_sounding(quiet, "hall.wav")
    check_sounding(Sound(np.stack([np.zeros(900), tone()[:900, 0]]), RATE))


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG", "AIFF"])
def test_random_damage_never_surprises(format, capfd):
    wave = tone(1, channels=2) + 0.02 * np.random.default_rng(0).standard_normal((RATE, 2))
    whole = bytearray(encoded(wave, RATE, format))
    heard = 0
    for seed in range(50):
        rng, data = np.random.default_rng(seed), whole.copy()
        # in the header or anywhere
        for at in rng.integers(0, 200 if seed % 2 else len(data), 2):
            data[at] = rng.integers(0, 256)
        if seed % 3 == 0:
            del data[rng.integers(0, len(data)) :]
        try:
            sound = read_sound(bytes(data), rate=8000, where="clip")
        except MusicFileError as error:
            assert error.where == "clip"
            continue
        heard += 1
        assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 1
        assert sound.samples.shape[0] in (1, 2)
    assert 0 < heard
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@given(data=st.data())
def test_what_is_written_is_read(suffix, data, tmp_path_factory):
    n, channels = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 2))
    seed, rate = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([8000, 44100]))
    wave = np.random.default_rng(seed).uniform(-1, 1, (channels, n))
    path = tmp_path_factory.mktemp("written") / f"a{suffix}"
    assert write_sound(wave, path, rate) == ()
    sound = read_sound(path)
    assert sound.rate == rate and sound.samples.shape == (channels, n)
    assert np.abs(sound.samples - wave).max() < 1.6 / 32768
    # a second time nothing changes but for the last bit
    write_sound(Sound(*sound), path)
    assert np.abs(read_sound(path).samples - sound.samples).max() < 1.1 / 32768


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".MP3", ".ogg"])
def test_a_minute_of_stereo_is_written_and_nothing_else_is_left(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    said = write_sound(2.5 * tone(60, channels=2, level=1).T, path, RATE)
    assert said == ("It reached 2.5 times full scale: it was turned down.",)
    assert sound_length(path)[1:] == (RATE, 2)
    assert sound_length(path)[0] == pytest.approx(60, abs=0.1)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert read_sound(path, seconds=1).samples.max() > 0.9


@pytest.mark.parametrize(
    "samples, name, rate, says",
    [
        (tone().T, "a.mid", RATE, "no audio format"),
        (tone().T, "a", RATE, "no audio format"),
        (np.zeros((1, 0)), "a.wav", RATE, "no samples"),
        (np.zeros((3, 9)), "a.wav", RATE, "3 channels"),
        (np.zeros((2, 2, 9)), "a.wav", RATE, "shape"),
        (np.array([0, np.nan]), "a.wav", RATE, "1 samples are no finite"),
        (tone().T, "a.mp3", 96000, "MP3 knows no sample rate of 96000"),
        (tone().T, "a.ogg", 200_001, "OGG knows no"),
        (tone().T, "a.wav", None, "knows no sample rate"),
        (tone().T, "gone/a.wav", RATE, "cannot be written"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(samples, name, rate, says, tmp_path):
    with pytest.raises(FusionError, match=says):
        write_sound(samples, tmp_path / name, rate)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_that_name_stays(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(MusicFileError, match="cannot be written"):
        write_sound(tone().T, tmp_path / "a.wav", RATE)
    assert [file.is_dir() for file in tmp_path.iterdir()] == [True]


def test_a_long_job_keeps_or_drops_what_it_has(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), SoundWriter(path, RATE, 2) as writer:
        writer.write(tone(channels=2).T)
        raise KeyboardInterrupt
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]
    with pytest.raises(KeyboardInterrupt), SoundWriter(path, RATE, 2) as writer:
        writer.write(tone(channels=2).T)
        assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 2
        writer.close()
        raise KeyboardInterrupt
    assert read_sound(path).samples.shape == (2, N) and len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_writer_left_is_swept(tmp_path):
    writer = SoundWriter(tmp_path / "a.wav", RATE)
    writer.write(tone().T)
    drop_drafts(tmp_path)  # as the next process does
    assert not [*tmp_path.iterdir()]


def test_a_louder_block_turns_down_what_follows(tmp_path):
    with SoundWriter(tmp_path / "a.wav", RATE) as writer:
        for level in (1, 4, 1):
            writer.write(np.full(10, level))
    assert writer.said == ("It reached 4 times full scale: it was turned down.",)
    levels = read_sound(tmp_path / "a.wav").samples[0, ::10]
    assert np.allclose(levels, [1, 1, 0.25], atol=1e-3)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with SoundWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(tone().T)
    before = (tmp_path / "a.wav").read_bytes()
    monkeypatch.setattr(soundwriter.os, "replace", full)
    with pytest.raises(MusicFileError, match="No space left"):
        write_sound(tone(1).T, tmp_path / "a.wav", RATE)
    monkeypatch.undo()
    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(MusicFileError, match="No space left"):
        write_sound(tone(1).T, tmp_path / "a.wav", RATE)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]

"""Recordings: decoded when asked, wherever they lie; damaged ones are named, not played."""

import io
import zipfile

import numpy as np
import pytest

from fusiontools.corpora import load, recordings, split
from fusiontools.corpora.recordings import Recording
from fusiontools.errors import CorpusError, FusionError, MusicFileError


@pytest.fixture
def files(sound):
    return {
        "genres/blues/blues.00000.wav": sound(300),
        "genres/blues/blues.00001.flac": sound(400, kind="FLAC"),
        "genres/jazz/jazz.00000.mp3": sound(500, kind="MP3"),
        "genres/jazz/jazz.00001.wav": sound(300),  # a copy of another clip
        "genres/jazz/jazz.00054.wav": sound(600),
        "genres/jazz/._jazz.00001.wav": b"what macOS leaves",
        "genres/jazz/bad.wav": b"RIFF and nothing",
        "genres/jazz/none.wav": sound(seconds=0),
        "genres/README.md": b"no sound",
    }


@pytest.mark.parametrize("kind", ["gtzan", "genres.tar.gz", "gtzan_mini.zip", "clips.tar"])
def test_clips_are_found_and_decoded_wherever_they_lie(kind, home, files, pack_files):
    clips = load("gtzan", folder=pack_files(home / kind, files))
    assert [r.id for r in clips] == [
        "gtzan/blues.00000",
        "gtzan/blues.00001",
        "gtzan/jazz.00000",
        "gtzan/jazz.00001",
    ]
    assert [r.label for r in clips] == ["blues", "blues", "jazz", "jazz"]
    for clip in clips:
        samples = clip.samples(8000)
        # MP3 pads
        assert (
            samples.dtype == np.float32
            and samples.ndim == 1
            and abs(len(samples) - 4000) < 1200
        )
        assert 0.3 < np.abs(samples).max() < 0.7
    with pytest.raises(KeyError):
        clips.find("gtzan/jazz.00054")


def test_damaged_clips_are_dropped_and_named(home, files, pack_files):
    clips = load("gtzan", folder=pack_files(home / "gtzan", files))
    reasons = dict(clips.skipped)
    assert reasons.keys() == {"gtzan/jazz.00054", "gtzan/jazz/bad", "gtzan/jazz/none"}
    assert (
        "damaged in the published set" in reasons["gtzan/jazz.00054"]
        and "no sound in it" in reasons["gtzan/jazz/none"]
    )
    assert repr(clips) == "Recordings('gtzan', 4 recordings of 2 genres, 3 skipped)"


def test_copies_share_a_song_and_so_a_side(home, files, pack_files):
    clips = load("genre_audio", folder=pack_files(home / "clips", files))
    songs = {r.title: r.song for r in clips}
    assert (
        songs["blues.00000"] == songs["jazz.00001"]
        and len(set(songs.values())) == len(songs) - 1
    )
    assert sum(len(part) for part in split(clips).values()) == len(clips)
    assert [
        r.label for r in load("genre_audio", folder=home / "clips", genres=["blues"])
    ] == ["blues", "blues"]


def test_clips_that_begin_with_silence_are_not_one(home, pack_files):
    import soundfile

    files = {}
    for k in range(2):
        file, wave = io.BytesIO(), np.zeros(60_000)
        wave[50_000:] = np.sin(np.arange(10_000) * (0.1 + k / 10))
        soundfile.write(file, wave, 8000, format="WAV")
        files[f"a/{k}.wav"] = file.getvalue()
    clips = load("genre_audio", folder=pack_files(home / "clips", files))
    assert clips[0].song != clips[1].song


def test_samples_are_cut_mixed_and_resampled(sound):
    left_right = Recording("x", "x", "", "", sound(440, seconds=2, channels=2))
    whole = left_right.samples(8000)
    assert whole.shape == (16000,) and np.allclose(
        whole, 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 8000), atol=1e-3
    )
    assert np.array_equal(
        left_right.samples(8000, start=0.5, seconds=0.25), whole[4000:6000]
    )
    # shorter than asked: there is no more
    assert len(left_right.samples(8000, start=1.75, seconds=9)) == 2000
    faster = left_right.samples(16000)
    assert faster.shape == (32000,) and faster.dtype == np.float32
    peak = np.argmax(np.abs(np.fft.rfft(faster))) * 16000 / 32000
    assert peak == pytest.approx(440, abs=1)


def test_what_cannot_be_played_says_so(sound, tmp_path):
    clip = Recording("x", "x", "", "", sound(seconds=0.5))
    with pytest.raises(MusicFileError, match="no sound after 1 s"):
        clip.samples(start=1.0)
    for wrong in ({"sample_rate": 0}, {"start": -1}, {"seconds": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            clip.samples(**wrong)
    with pytest.raises(MusicFileError, match="No such file"):
        Recording("x", "x", "", "", tmp_path / "gone.wav").samples()
    nan = io.BytesIO()
    import soundfile

    soundfile.write(nan, np.array([0.1, np.nan, 0.2]), 8000, format="WAV", subtype="FLOAT")
    with pytest.raises(MusicFileError, match="no numbers"):
        Recording("x", "x", "", "", nan.getvalue()).samples()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG"])
def test_random_damage_never_surprises(kind, sound, damage):
    whole = sound(seconds=0.3, rate=22050, kind=kind)
    heard = 0
    for seed in range(150):
        try:
            samples = Recording("clip", "", "", "", damage(whole, seed)).samples(22050)
        except FusionError as error:
            assert "clip" in str(error)
            continue
        heard += 1
        assert np.isfinite(samples).all() and samples.dtype == np.float32
    assert heard < 150


def test_a_header_that_promises_a_year_is_read_to_its_end(sound):
    data = bytearray(sound(seconds=0.25))
    data[40:44] = (0x7FFFFFFF).to_bytes(4, "little")
    assert len(Recording("x", "", "", "", bytes(data)).samples(8000)) == 2000
    data[24:28] = (4_000_000_000).to_bytes(4, "little")
    with pytest.raises(MusicFileError):
        Recording("x", "", "", "", bytes(data)).samples(8000)


def test_nothing_readable_is_an_error(home, pack_files):
    with pytest.raises(CorpusError, match="none of 1 recordings"):
        load("genre_audio", folder=pack_files(home / "clips", {"a/x.wav": b"no"}))
    with pytest.raises(CorpusError, match="no recording in it"):
        load("genre_audio", folder=pack_files(home / "more", {"a/x.txt": b"no"}))
    with pytest.raises(CorpusError, match="no such folder"):
        load("gtzan", folder=home / "nowhere")


TRACKS = [
    ["", "artist", "artist", "track", "track", "set"],
    ["", "id", "name", "title", "genre_top", "subset"],
    ["track_id", "", "", "", "", ""],
    ["2", "7", "Ann", "One", "Rock", "small"],
    ["5", "7", "Ann", "Two", "Folk", "small"],
    ["98565", "8", "Ben", "Three", "Folk", "small"],
]


@pytest.fixture
def fma(home, sound, pack_files):
    table = "\n".join(",".join(row) for row in TRACKS).encode()
    pack_files(
        home / "fma_small" / "fma_metadata.zip",
        {"fma_metadata/tracks.csv": table, "fma_metadata/README.txt": b""},
    )
    clips = {
        f"fma_small/{k[:3]}/{k}.mp3": sound(rate=22050, kind="MP3")
        for k in ("000002", "000005", "098565", "000010")
    }
    return pack_files(home / "fma_small" / "fma_small.zip", clips)


def test_the_free_archive_has_genres_titles_and_artists_from_its_table(fma):
    clips = load("fma_small")
    assert [(r.id, r.label, r.title, r.song) for r in clips] == [
        ("fma_small/000002", "Rock", "One", "artist-7"),
        ("fma_small/000005", "Folk", "Two", "artist-7"),
    ]
    assert [id for id, _ in clips.skipped] == ["fma_small/098565"]
    assert len(clips[0].samples(22050, seconds=0.25)) == 5512
    assert [r.label for r in load("fma_small", genres=["Folk"])] == ["Folk"]


def test_a_table_that_is_none_is_refused(fma, home, pack_files):
    for table in (b"", b"a,b\nc,d\n", b"\xff\x00" * 50):
        (home / "fma_small" / "fma_metadata.zip").unlink()
        pack_files(
            home / "fma_small" / "fma_metadata.zip", {"fma_metadata/tracks.csv": table}
        )
        with pytest.raises(CorpusError):
            load("fma_small")
    with zipfile.ZipFile(home / "fma_small" / "fma_metadata.zip", "w") as archive:
        archive.writestr("other.csv", "")
    with pytest.raises(CorpusError, match="tracks.csv"):
        load("fma_small")


def test_the_hundred_clips(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    clips = load("gtzan_mini")
    assert len(clips) == 100 and len({r.label for r in clips}) == 10 and not clips.skipped
    assert len(clips[41].samples(seconds=30)) == 661_500
    assert clips[41].samples(start=29, seconds=0.5).shape == (11025,)


def test_genres_are_whole_names(home, files, pack_files):
    folder = pack_files(home / "clips", files)
    assert {r.label for r in load("genre_audio", folder=folder, genres="blues")} == {
        "blues"
    }
    with pytest.raises(CorpusError, match="no recording"):
        load("genre_audio", folder=folder, genres="blues and jazz")
    for name in ("genre_audio", "fma_small"):
        with pytest.raises(ValueError, match="no genre is asked for"):
            load(name, folder=folder, genres=[])


def test_two_files_of_one_name_and_genre_have_two_ids(home, sound, pack_files):
    files = {
        "train/rock/a.wav": sound(300),
        "test/rock/a.wav": sound(400),
        "test/rock/a.flac": sound(500, kind="FLAC"),
        "test/pop/b.wav": sound(),
    }
    clips = load("genre_audio", folder=pack_files(home / "clips", files))
    assert [r.id for r in clips] == [
        "genre_audio/pop/b",
        "genre_audio/test/rock/a",
        "genre_audio/test/rock/a-2",
        "genre_audio/train/rock/a",
    ]


def test_a_recording_too_long_to_be_read_at_once_says_so(sound, monkeypatch):
    monkeypatch.setattr(recordings, "LONGEST", 1)
    clip = Recording("x", "x", "", "", sound(seconds=1.5))
    for asked in ({}, {"seconds": 2}):
        with pytest.raises(MusicFileError, match="more than 1 s"):
            clip.samples(8000, **asked)
    assert (
        len(clip.samples(8000, start=0.5)) == 8000
        and len(clip.samples(8000, seconds=1)) == 8000
    )


def test_an_archive_that_is_gone_is_said_so(home, files, pack_files):
    for kind in ("clips.zip", "clips.tar"):
        clips = load("genre_audio", folder=pack_files(home / kind, files))
        (home / kind).unlink()
        with pytest.raises(MusicFileError, match="no such file|No such file"):
            clips[0].samples()


WRITTEN = {  # from each ending to what it is written as
    "wav": ("WAV", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "oga": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "au": ("AU", "PCM_16"),
    "snd": ("AU", "PCM_16"),
    "aif": ("AIFF", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "aifc": ("AIFF", "FLOAT"),
    "caf": ("CAF", "PCM_16"),
}
REFUSED = ("m4a", "aac", "wma", "ape", "wv", "amr", "mp2")


@pytest.mark.parametrize("kind", ["clips", "clips.zip", "clips.tar"])
def test_every_sound_file_is_read_or_named(kind, home, pack_files):
    import soundfile

    wave, files = 0.5 * np.sin(np.arange(16000) / 9), {}
    for ending, (form, subtype) in WRITTEN.items():
        file = io.BytesIO()
        soundfile.write(file, wave, 16000, format=form, subtype=subtype)
        files |= {f"a/{ending}.{ending.upper()}": file.getvalue()}
    files |= {f"b/{ending}.{ending}": b"\0\0\0\x20ftypM4A " for ending in REFUSED}
    files |= {"b/cover.jpg": b"?", "b/._x.wav": b"?"}
    clips = load("genre_audio", folder=pack_files(home / kind, files))
    assert {r.title for r in clips} == set(WRITTEN)
    assert all(len(r.samples(16000)) > 15000 for r in clips)
    assert {id.split("/")[-1] for id, _ in clips.skipped} == set(REFUSED)
    with pytest.raises(CorpusError, match=f"none of {len(REFUSED)} recordings"):
        load("genre_audio", folder=home / kind, genres=["b"])


@pytest.mark.parametrize("ending", [*WRITTEN, *REFUSED])
def test_reasons_are_words_for_a_reader(home, pack_files, sound, ending):
    junk = [
        b"",
        b"junk",
        b"<html>404</html>",
        b"RIFF",
        b"ID3",
        b"OggS",
        bytes(999),
        b"%PDF",
    ]
    files = {f"g/{k}.{ending}": data for k, data in enumerate(junk)} | {"g/ok.wav": sound()}
    clips = load("genre_audio", folder=pack_files(home / "clips", files))
    assert len(clips) == 1 and len(clips.skipped) == len(junk)
    for _, why in clips.skipped:
        assert why and " object at 0x" not in why and "\n" not in why
        assert "What to do" not in why and str(home) not in why


def test_genres_that_are_links_and_closed_folders(home, sound, pack_files, monkeypatch):
    import os

    pack_files(home / "away", {"a.wav": sound(300)})
    top = pack_files(home / "clips", {"pop/b.wav": sound(400), "shut/c.wav": sound(500)})
    try:
        (top / "rock").symlink_to(home / "away", target_is_directory=True)
        (top / "rock" / "round").symlink_to(top, target_is_directory=True)
    except OSError:
        pytest.skip("needs a system that lets its users make links")
    plain = os.scandir

    def guarded(place):
        if os.path.basename(place) == "shut":
            raise PermissionError
        return plain(place)

    monkeypatch.setattr(os, "scandir", guarded)
    clips = load("genre_audio", folder=top)
    assert [r.id for r in clips] == ["genre_audio/pop/b", "genre_audio/rock/a"]
    assert clips.skipped == (("genre_audio/shut", recordings.CLOSED),)


def test_copies_are_one_song_whoever_else_is_there(home, files, pack_files):
    names = {r.id: r.song for r in load("gtzan", folder=pack_files(home / "clips", files))}
    jazz = {r.id: r.song for r in load("gtzan", folder=home / "clips", genres="jazz")}
    assert jazz.items() <= names.items()


def test_a_compressed_tar_is_read_where_the_cache_cannot_be_kept(
    home, files, pack_files, monkeypatch, tmp_path
):
    import tempfile

    (tmp_path / "tmp").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path / "file"))
    clips = load("gtzan", folder=pack_files(home / "genres.tar.gz", files))
    assert len(clips) == 4 and len(clips[0].samples(8000)) == 4000

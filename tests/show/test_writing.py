"""What is true of sound files at the edges, and of shares of nothing."""

import os

import numpy as np
import pytest

from fusiontools.errors import UnitError
from fusiontools.music.notes import Notes
from fusiontools.show.plots import duration_shares, interval_shares, pitch_class_shares
from fusiontools.show.synth import mp3_bytes, write_audio

SOUND = 0.1 * np.sin(np.arange(4000) * 0.1)


@pytest.mark.parametrize("sample_rate", [0, -22050, 22050.5, np.nan, np.inf])
def test_a_sample_rate_is_a_whole_number(tmp_path, sample_rate):
    for write in (mp3_bytes, lambda x, rate: write_audio(x, tmp_path / "x.wav", rate)):
        with pytest.raises(ValueError, match="sample rate of .*give a whole number"):
            write(SOUND, sample_rate)
    assert not list(tmp_path.iterdir())


def test_no_file_of_the_users_is_taken_for_a_draft(tmp_path):
    (tmp_path / "x.wav.part").write_text("mine")
    write_audio(SOUND, tmp_path / "x.wav")
    assert (
        sorted(os.listdir(tmp_path)) == ["x.wav", "x.wav.part"]
        and (tmp_path / "x.wav.part").read_text() == "mine"
    )


@pytest.mark.parametrize("shares", [duration_shares, pitch_class_shares, interval_shares])
@pytest.mark.parametrize("tunes", [[], [Notes.of([])]], ids=["no tune", "no note"])
def test_shares_of_nothing_are_a_mistake(shares, tunes):
    with pytest.raises(ValueError, match="have no shares"):
        shares(tunes)


def test_one_note_has_no_interval():
    assert not interval_shares([Notes.of([(0, 1, 60)])]).any()


def test_lengths_in_seconds_are_no_note_values():
    with pytest.raises(UnitError, match="duration_shares needs beats"):
        duration_shares([Notes.of([(0, 1, 60)], unit="seconds")])


@pytest.mark.parametrize("shares", [duration_shares, pitch_class_shares, interval_shares])
def test_tunes_may_come_from_a_generator(shares):
    tunes = [Notes.of([(0, 1, 60), (1, 0.5, 64)]), Notes.of([(0, 2, 62)])]
    assert np.array_equal(
        *(
            [*out.values()] if isinstance(out, dict) else out
            for out in (shares(tunes), shares(t for t in tunes))
        )
    )

"""What is true of spectrograms: exact with phase, close without, and the numbers that
librosa gives.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.music.spectrogram import (
    FRAMES,
    SAMPLE_RATE,
    decode_spectrogram,
    encode_spectrogram,
    griffin_lim,
    istft,
    stft,
)

often = settings(max_examples=40, deadline=None, derandomize=True)


def noise(length, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(0, 0.1, length).astype(dtype)


@often
@given(
    st.integers(1, 4000),
    st.sampled_from([(64, 16), (64, 32), (256, 64), (100, 25)]),
    st.integers(0, 9),
)
def test_with_phase_every_sample_comes_back(length, sizes, seed):
    x = noise(length, seed)
    y = decode_spectrogram(*encode_spectrogram(x, *sizes), hop=sizes[1], length=length)
    assert y.shape == x.shape and np.abs(y - x).max() < 1e-12


@pytest.mark.parametrize("dtype, error", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_ten_seconds_at_the_paper_s_size_come_back_from_430_frames(dtype, error):
    x = noise(10 * SAMPLE_RATE, dtype=dtype)
    log_magnitude, phase = encode_spectrogram(x, frames=FRAMES)
    assert log_magnitude.shape == phase.shape == (1025, 430)
    assert log_magnitude.dtype == phase.dtype == dtype
    y = decode_spectrogram(log_magnitude, phase, length=len(x))
    assert y.dtype == dtype and len(y) == len(x) and np.abs(y - x).max() < error
    assert encode_spectrogram(x)[0].shape == (1025, 431)


def test_the_numbers_are_librosa_s():
    librosa = pytest.importorskip("librosa")
    x = noise(5000)
    ours = stft(x)
    assert np.allclose(ours, librosa.stft(x), atol=1e-12)
    assert np.allclose(
        istft(ours, length=5000), librosa.istft(ours, length=5000), atol=1e-12
    )
    assert np.allclose(istft(ours), librosa.istft(ours), atol=1e-12)


def test_without_phase_the_picture_is_close_the_seed_decides_and_more_rounds_help():
    t = np.arange(8000) / 8000
    x = np.sin(2 * np.pi * (300 + 400 * t) * t) * np.exp(-2 * t)
    log_magnitude, _ = encode_spectrogram(x, 256, 64)
    wanted = np.expm1(log_magnitude)

    def distance(y):
        return np.linalg.norm(np.abs(stft(y, 256, 64)) - wanted) / np.linalg.norm(wanted)

    found = decode_spectrogram(log_magnitude, hop=64, length=8000)
    assert len(found) == 8000 and distance(found) < 0.2
    assert np.array_equal(found, decode_spectrogram(log_magnitude, hop=64, length=8000))
    assert not np.array_equal(
        found, decode_spectrogram(log_magnitude, hop=64, length=8000, seed=1)
    )
    assert distance(
        decode_spectrogram(log_magnitude, hop=64, length=8000, iterations=200)
    ) < distance(found)


def test_silence_is_zero_both_ways():
    log_magnitude, phase = encode_spectrogram(np.zeros(3000))
    assert not log_magnitude.any() and not decode_spectrogram(log_magnitude, phase).any()
    assert not griffin_lim(np.zeros((33, 5)), hop=16).any()


def test_louder_is_never_lower_and_nothing_is_clipped():
    x = noise(3000)
    soft, loud = encode_spectrogram(x)[0], encode_spectrogram(100 * x)[0]
    assert (soft >= 0).all() and (loud >= soft).all() and loud.max() > 1


def test_negative_values_of_a_network_count_as_silence():
    log_magnitude, phase = encode_spectrogram(noise(3000), 64, 16)
    lowered = np.where(log_magnitude < 0.3, -1.0, log_magnitude)
    floored = np.where(log_magnitude < 0.3, 0.0, log_magnitude)
    assert np.array_equal(
        decode_spectrogram(lowered, phase, 16), decode_spectrogram(floored, phase, 16)
    )


def test_a_longer_length_is_filled_with_silence():
    x = noise(1000)
    y = istft(stft(x, 64, 16), hop=16, length=2000)
    assert len(y) == 2000 and not y[1100:].any()


def test_refusals():
    for call in (
        lambda: stft(np.zeros((2, 100))),
        lambda: stft([]),
        lambda: stft([np.nan] * 10),
        lambda: stft(np.zeros(100), n_fft=63),
        lambda: stft(np.zeros(100), n_fft=64, hop=65),
        lambda: istft(np.zeros(33)),
        lambda: encode_spectrogram(np.zeros(1000), frames=9),
        lambda: decode_spectrogram(np.zeros((33, 4)), np.zeros((33, 5)), hop=16),
    ):
        with pytest.raises(ValueError):
            call()

"""Sound as a picture: how loud each frequency is at each moment, and the way back.

The audio style-transfer paper works on spectrograms of ten seconds at 22,050 Hz: windows of
2,048 samples every 512, hence 1,025 frequencies by 430 frames, "train on the magnitude, and
recover with the phase" (section 3.1). So there are two ways back here: with the phase the
samples return exactly; without it a phase is searched that fits (Griffin and Lim), which
sounds close but is another signal.

Magnitudes are stored as log(1 + x), not log(x): silence is 0 instead of minus infinity,
nothing is clipped, loud partials do not drown the soft ones, and exp(y) - 1 undoes it. The
paper does not say which logarithm it takes; the public code that it follows takes this one.

About 430: ten seconds are 220,500 samples and give 431 centred frames; that public code
keeps the first 430. Pass ``frames=430`` to do so: every sample still lies under some kept
frame, so the inverse stays exact.

This is signal processing alone: no file is read, and no feature is computed. Used in
chapters 2 and 7.
"""

import numpy as np
import numpy.typing as npt

__all__ = [
    "FRAMES",
    "HOP",
    "N_FFT",
    "SAMPLE_RATE",
    "decode_spectrogram",
    "encode_spectrogram",
    "griffin_lim",
    "istft",
    "stft",
]

# section 3.1 and the layer tables: 1 + 2048 / 2 = 1,025 channels in
SAMPLE_RATE, N_FFT, HOP = 22_050, 2_048, 512
FRAMES = 430  # input_size of the paper's RNN
# of the fast Griffin-Lim iteration (Perraudin, Balazs and Sondergaard 2013)
MOMENTUM = 0.99


def _window(n_fft, dtype):
    """The periodic Hann window: w[n] = sin^2(pi n / N)."""
    return (np.sin(np.pi * np.arange(n_fft) / n_fft) ** 2).astype(dtype)


def stft(samples: npt.ArrayLike, n_fft: int = N_FFT, hop: int = HOP) -> np.ndarray:
    """Short-time Fourier transform with a Hann window.

    Frames are centred on multiples of `hop`, edges padded with zeros.

    Parameters
    ----------
    samples : array_like of float, shape (L,)
        Mono sound.
    n_fft, hop : int
        Window length (even) and step, in samples.

    Returns
    -------
    ndarray of complex, shape (1 + n_fft // 2, 1 + L // hop)
        complex64 for float32 samples, else complex128. The same numbers as ``librosa.stft``
        gives.

    Raises
    ------
    ValueError
        If there are no samples, more than one channel, or values that are not finite.

    Examples
    --------
    >>> stft(np.zeros(220_500)).shape
    (1025, 431)
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or not len(samples):
        raise ValueError(
            "mono sound of at least one sample is needed, shape (L,); "
            f"found {samples.shape}"
        )
    samples = samples if samples.dtype == np.float32 else samples.astype(np.float64)
    if not np.isfinite(samples).all():
        raise ValueError("some samples are not finite numbers")
    _check_sizes(n_fft, hop)
    padded = np.pad(samples, n_fft // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)
    framed = windows[::hop]  # (frames, n_fft)
    # X[k, m] = sum_n w[n] x[n + m H] exp(-2 pi i k n / N)
    spectrum = np.fft.rfft(framed * _window(n_fft, samples.dtype), axis=1).T
    kind = np.complex64 if samples.dtype == np.float32 else np.complex128
    return np.ascontiguousarray(spectrum, dtype=kind)


def istft(
    spectrum: npt.ArrayLike,
    n_fft: int | None = None,
    hop: int = HOP,
    length: int | None = None,
) -> np.ndarray:
    """The inverse of `stft`: frames laid over one another, divided by the sum of windows.

    Parameters
    ----------
    spectrum : array_like of complex, shape (1 + n_fft // 2, frames)
        Need not be the transform of any sound; then the result is the sound whose transform
        is nearest.
    n_fft : int, optional
        By default read off the shape.
    hop : int
        As at encoding.
    length : int, optional
        Samples to return. The transform does not remember it: by default
        ``hop * (frames - 1)``.

    Returns
    -------
    ndarray of float, shape (length,)

    Examples
    --------
    >>> x = np.sin(np.arange(5000))
    >>> bool(np.allclose(istft(stft(x), length=5000), x, atol=1e-12))
    True
    """
    spectrum = np.asarray(spectrum)
    if spectrum.ndim != 2 or not spectrum.shape[1]:
        found = f"frequencies by frames are needed, shape (F, T); found {spectrum.shape}"
        raise ValueError(found)
    n_fft = 2 * (spectrum.shape[0] - 1) if n_fft is None else n_fft
    _check_sizes(n_fft, hop)
    frames = spectrum.shape[1]
    real = np.float32 if spectrum.dtype == np.complex64 else np.float64
    window = _window(n_fft, real)
    pieces = np.fft.irfft(spectrum.T, n=n_fft, axis=1).astype(real)  # (frames, n_fft)
    pieces = pieces * window
    total = n_fft + hop * (frames - 1)
    sound, weight = np.zeros(total, real), np.zeros(total, real)
    for m in range(frames):
        sound[m * hop : m * hop + n_fft] += pieces[m]
        weight[m * hop : m * hop + n_fft] += window**2
    covered = weight > np.finfo(real).tiny
    # x[n] = sum_m w[n - m H] y_m[n - m H] / sum_m w^2[n - m H]
    sound = np.divide(sound, weight, out=np.zeros_like(sound), where=covered)
    length = hop * (frames - 1) if length is None else length
    sound = sound[n_fft // 2 :][:length]
    return np.pad(sound, (0, length - len(sound)))


def encode_spectrogram(
    samples: npt.ArrayLike, n_fft: int = N_FFT, hop: int = HOP, frames: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn sound into a log-magnitude spectrogram and its phase.

    Parameters
    ----------
    samples : array_like of float, shape (L,)
        Mono sound, usually between -1 and 1.
    n_fft, hop : int
        Window length and step, in samples.
    frames : int, optional
        Keep only so many frames, 430 for the paper's size; 1 + L // hop by default.

    Returns
    -------
    log_magnitude : ndarray of float, shape (1 + n_fft // 2, frames)
        log(1 + magnitude), never negative.
    phase : ndarray of float, shape (1 + n_fft // 2, frames)
        In radians, -pi to pi. Both are float32 for float32 samples, else float64.

    Raises
    ------
    ValueError
        If the samples are not mono and finite, or fewer than `frames` asks for.

    References
    ----------
    Music Generation using Style Transfer, section 3.1 (STFT, magnitude and phase).

    Examples
    --------
    >>> log_magnitude, phase = encode_spectrogram(np.zeros(220_500), frames=430)
    >>> log_magnitude.shape, float(log_magnitude.max())
    ((1025, 430), 0.0)
    """
    samples = np.asarray(samples)
    spectrum = stft(samples, n_fft, hop)
    if frames is not None:
        there = spectrum.shape[1]
        if not 1 <= frames <= there:
            found = f"{frames} frames wanted, and {len(samples)} samples give {there}"
            raise ValueError(found)
        spectrum = spectrum[:, :frames]
    # S = log(1 + |X|)
    return np.log1p(np.abs(spectrum)), np.angle(spectrum)


def decode_spectrogram(
    log_magnitude: npt.ArrayLike,
    phase: npt.ArrayLike | None = None,
    hop: int = HOP,
    length: int | None = None,
    iterations: int = 32,
    seed: int = 0,
) -> np.ndarray:
    """Turn a spectrogram into sound: exactly with its phase, as well as can be without.

    Parameters
    ----------
    log_magnitude : array_like of float, shape (F, T)
        As `encode_spectrogram` gives it. Values below 0, which no sound has, count as 0.
    phase : array_like of float, shape (F, T), optional
        In radians. Without it, `griffin_lim` looks for one.
    hop : int
        As at encoding.
    length : int, optional
        Samples to return: the spectrogram does not remember it. By default
        ``hop * (T - 1)``.
    iterations, seed : int
        For `griffin_lim`: rounds, and the seed of its first guess.

    Returns
    -------
    ndarray of float, shape (length,)

    Raises
    ------
    ValueError
        If the two shapes differ.

    Examples
    --------
    >>> x = np.sin(np.arange(5000))
    >>> back = decode_spectrogram(*encode_spectrogram(x), length=5000)
    >>> bool(np.allclose(back, x, atol=1e-10))
    True
    """
    log_magnitude = np.asarray(log_magnitude)
    # |X| = exp(S) - 1
    magnitude = np.expm1(np.maximum(log_magnitude, 0))
    if phase is None:
        return griffin_lim(magnitude, hop, length, iterations, seed)
    phase = np.asarray(phase)
    if phase.shape != magnitude.shape:
        found = f"magnitude of shape {magnitude.shape} against phase of shape {phase.shape}"
        raise ValueError(found)
    turn = np.exp(1j * phase).astype(np.result_type(magnitude, np.complex64))
    return istft(magnitude * turn, hop=hop, length=length)


def griffin_lim(
    magnitude: npt.ArrayLike,
    hop: int = HOP,
    length: int | None = None,
    iterations: int = 32,
    seed: int = 0,
    phase: npt.ArrayLike | None = None,
) -> np.ndarray:
    """Look for a sound whose spectrogram has these magnitudes.

    A spectrogram's frames overlap, so not every picture is one. Each round goes to the
    nearest sound and back, keeps the phase found there, and puts the wanted magnitudes in
    again; a momentum term makes it fast.

    Parameters
    ----------
    magnitude : array_like of float, shape (F, T)
        Plain, not logarithmic.
    hop : int
    length : int, optional
        Samples to return, ``hop * (T - 1)`` by default.
    iterations : int
        Rounds. 32 is what librosa takes; 100 sounds a little clearer.
    seed : int
        Of the random first phase.
    phase : array_like of float, shape (F, T), optional
        In radians: where to begin instead, such as a phase that fits nearly.

    Returns
    -------
    ndarray of float, shape (length,)

    References
    ----------
    Griffin and Lim 1984; Perraudin, Balazs and Sondergaard 2013 (the momentum, 0.99).

    Examples
    --------
    >>> x = np.sin(0.1 * np.arange(8000))
    >>> wanted = np.abs(stft(x))
    >>> found = np.abs(stft(griffin_lim(wanted, length=8000)))
    >>> bool(np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted))
    True
    """
    magnitude = np.asarray(magnitude)
    magnitude = magnitude if magnitude.dtype == np.float32 else magnitude.astype(np.float64)
    n_fft, frames = 2 * (magnitude.shape[0] - 1), magnitude.shape[1]
    # a shorter sound would lose frames, and none at all has no spectrogram
    inner = max(length or 0, hop * (frames - 1), 1)
    turn = phase
    if phase is None:
        turn = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitude.shape)
    complex_type = np.result_type(magnitude, np.complex64)
    angles = np.exp(1j * np.asarray(turn)).astype(complex_type)
    before = np.zeros(magnitude.shape, complex_type)
    for _ in range(iterations):
        sound = istft(magnitude * angles, n_fft, hop, inner)
        now = stft(sound, n_fft, hop)[:, :frames]
        # c_n = t_n + a (t_n - t_{n-1}), of which only the direction matters:
        # t_n - a / (1 + a) t_{n-1}, put on the unit circle
        angles = now - MOMENTUM / (1 + MOMENTUM) * before
        angles = angles / np.maximum(np.abs(angles), np.finfo(magnitude.dtype).tiny)
        before = now
    return istft(magnitude * angles, n_fft, hop, length)


def _check_sizes(n_fft, hop):
    if n_fft < 2 or n_fft % 2 or not 1 <= hop <= n_fft:
        raise ValueError(
            f"windows of {n_fft} samples every {hop}: "
            "the window must be even, and the step within it"
        )

"""From melodies to the numbers of a record: every method is measured here in the same way,
trained or not; and which songs the judges of a pair are trained on. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_3_measured` shows these numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fusiontools import score
from fusiontools.corpora import load
from fusiontools.errors import CorpusError, FusionError
from fusiontools.judges import genre
from fusiontools.judges.genre import deal, probability
from fusiontools.music.notes import Notes, transpose
from fusiontools.music.tokens import decode_tokens, token_windows
from fusiontools.papers.fusiongan.config import UNTRAINED
from fusiontools.papers.fusiongan.data import DOMAINS, VOCABULARY, tune_tokens
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, SHORT
from fusiontools.records import read_records
from fusiontools.report.rows import choose, histogram, rows, shipped_arrays
from fusiontools.score.intervals import means_of_groups

if TYPE_CHECKING:
    from fusiontools.papers.fusiongan.data import Pair
    from fusiontools.report.rows import Measured, Rows


__all__ = ["CONTROLS", "HISTOGRAMS", "MELODIES", "Melodies", "References", "baseline"]
__all__ += ["control", "make_judges", "measure_melodies", "shares_of", "shipped_judges"]
__all__ += ["shipped_rows"]

MELODIES = 500  # a method, as in section IV-B
LEAST = 4  # notes: with fewer, a melody has no two pairs of steps
HISTOGRAMS = {  # the bins of each histogram of a record
    "dd": score.bin_names("dd"),
    "npd": score.bin_names("npd"),
    "verdict": [f"{k / 2 - 6:+.1f}" for k in range(24)],
}


def shipped_rows(pair: str, seed: int | None = None) -> Rows:
    """The records of a pair that come with the package, as `fusiontools.report.rows.Rows`,
    of all seeds or of one; beside them, as ``histories``, how the trainings of the shipped
    weights went, and the name of the ``pair``.
    """
    records = choose(read_records("fusiongan"), pair)
    records = [r for r in records if seed in (None, r.seed)]
    histories = shipped_arrays("fusiongan", f"histories_{pair}.npz")
    return rows(records, order=SHORT, histories=histories, pair=pair)


def shares_of(row: Measured, name: str) -> np.ndarray:
    """One of `HISTOGRAMS` out of a row, as shares that add up to 1, shape (K,): "dd",
    durations in sixteenths; "npd", pitch classes; "verdict", the log-odds of A that the
    network gives to typical melodies; each bin is named by its low end, and those at both
    ends hold what lies beyond.
    """
    return histogram(row, name, HISTOGRAMS[name])


class Melodies(NamedTuple):
    """Melodies that are measured, and the real songs that they are windows of."""

    notes: list  # of M `Notes`
    songs: np.ndarray  # (M,): what is drawn together, see `measure_melodies`
    others: np.ndarray | None = None  # (M,): a second song of each
    folds: np.ndarray | None = None  # (M,): where a judge has heard the song


def written(notes: Sequence[Notes]) -> Melodies:
    """Melodies that nobody wrote before: each stands for itself."""
    return Melodies(notes, np.arange(len(notes)))


def baseline(name: str, pair: Pair, n: int = MELODIES, seed: int = 0) -> Melodies:
    """`Melodies` of a method that needs no training: made from as many training windows of
    both domains; for ``real_a`` and ``real_b``, real ones of the test part.
    """
    if name not in UNTRAINED:
        raise ValueError(f"{name!r} is none of {', '.join(UNTRAINED)}")
    if name.startswith("real"):
        return _draw(pair, name[-1].upper(), "test", n, seed)
    # Other windows than those that `References` compares with: a mixture of the very same
    # ones would be closer than any music can be.
    a, b = (_draw(pair, d, "train", 4 * n, seed, beyond=MELODIES) for d in DOMAINS)
    if name == "splice":
        notes, place = score.splice(a.notes, b.notes, n, seed, sources=True)
        return Melodies(notes, a.songs[place[:, 0]], b.songs[place[:, 1]])
    notes = score.BASELINES[name](a.notes, b.notes, n, seed)
    if name != "half_and_half":  # notes are drawn anew, or moved about
        return written(notes)
    song = {id(m): (d, s) for d, own in zip(DOMAINS, (a, b)) for m, s in zip(*own[:2])}
    return Melodies(
        notes, np.unique([str(song[id(m)]) for m in notes], return_inverse=True)[1]
    )


def _draw(pair, domain, part, n, seed, beyond=0):
    """`n` melodies in a shuffled order, the first `beyond` of it left out where there are
    enough, as `Melodies`.
    """
    windows, songs = pair.windows(domain, part), pair.songs(domain, part)
    beyond = min(beyond, len(windows) // 2)
    dice = np.random.default_rng([seed, DOMAINS.index(domain)])
    last = None if n is None else beyond + n
    drawn = dice.permutation(len(windows))[beyond:last]
    notes = [decode_tokens(row, pair.vocabulary) for row in windows[drawn]]
    kept = np.array([len(m) >= LEAST for m in notes], bool)
    songs = songs[drawn][kept]
    folds = None if part == "train" else deal(songs)
    return Melodies([m for m, yes in zip(notes, kept) if yes], songs, folds=folds)


CONTROLS = {
    "other_key": "real windows of both genres, moved by 1 to 6 semitones",
    "inverted": "real windows of both genres, upside down about their first note",
    "a_rhythm": "the rhythm of a window of A, with the pitches of one of B",
    "b_rhythm": "the rhythm of a window of B, with the pitches of one of A",
    "written_out": "windows of A, rounded to a grid of sixteenths, as if notated",
    "irish": "O'Neill's Irish tunes",
    "airs": "Aird's Scottish airs",
    "third_genre": "the genre of the other pair: jazz, or fiddle tunes",
}
_CORPORA = {"irish": "oneill", "airs": "aird"}


def control(name: str, pair: Pair, n: int = MELODIES, seed: int = 0) -> Melodies:
    """One of `CONTROLS` as `Melodies`, of songs that no judge has heard; a
    `MissingDataError` where its corpus is not there.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    a, b = (_draw(pair, d, "train", n, seed, beyond=MELODIES) for d in DOMAINS)
    if name in ("irish", "airs", "third_genre"):
        third = "weimar" if "ryan" in pair.name else "ryan"
        return _of_corpus(_CORPORA.get(name, third), n, rng)
    if name == "written_out":
        return Melodies([_rounded(m, 4) for m in a.notes], a.songs)
    if name.endswith("_rhythm"):
        one, other = (a, b) if name == "a_rhythm" else (b, a)
        pairs, notes = zip(one.notes, other.notes), []
        for rhythm, pitch in pairs:
            k = min(len(rhythm), len(pitch))
            notes.append(Notes(rhythm.onset[:k], rhythm.duration[:k], pitch.pitch[:k]))
        return Melodies(notes, one.songs[: len(notes)], other.songs[: len(notes)])
    half = [Melodies(own.notes[: n // 2], own.songs[: n // 2]) for own in (a, b)]
    songs = np.concatenate([half[0].songs, half[1].songs + a.songs.max() + 1])
    if name == "inverted":
        notes = [_upside_down(m) for own in half for m in own.notes]
    else:
        moves = rng.choice([k for k in range(-6, 7) if k], len(songs))
        every = half[0].notes + half[1].notes
        notes = [transpose(m, int(k)) for m, k in zip(every, moves)]
    return Melodies(notes, songs)


def _upside_down(notes):
    pitch = 2 * int(notes.pitch[0]) - notes.pitch.astype(int)
    return Notes(notes.onset, notes.duration, np.clip(pitch, 0, 127))


def _rounded(notes, steps):
    """Notes on a grid of so many `steps` a beat; of two on one step the latter is kept."""
    first = np.round(steps * notes.onset).astype(int)
    keep = np.append(np.diff(first) > 0, True)
    first, last = first[keep], np.round(steps * notes.offset[keep]).astype(int)
    last = np.maximum(last, first + 1)
    last[:-1] = np.minimum(last[:-1], first[1:])
    return Notes(first / steps, (last - first) / steps, notes.pitch[keep])


def _of_corpus(name, n, rng):
    """Windows of a third corpus, prepared as those of a pair are."""
    rows = []
    for song, entry in enumerate(load(name)):
        try:
            windows = token_windows(tune_tokens(entry.notes, entry.key))
        except FusionError:  # without a key, or empty
            continue
        rows += [(row, song) for row in windows]
    rows = [rows[i] for i in rng.permutation(len(rows))[:n]]
    notes = [decode_tokens(row, VOCABULARY) for row, _ in rows]
    return Melodies(notes, np.array([song for _, song in rows]))


class References:
    """What melodies of a pair are measured against, made once for all methods: ``a`` and
    ``b``, as many real melodies of each domain as a method has; ``known``, the runs of
    eight notes of all training windows; ``held_out_8gram``, the share of those of the test
    part that the training part has too.
    """

    def __init__(self, pair: Pair, n: int = MELODIES, seed: int = 0) -> None:
        self.a, self.b = (_draw(pair, d, "train", n, seed).notes for d in DOMAINS)
        trained_on = [m for d in DOMAINS for m in pair.notes(d, "train")]
        self.known = np.unique(score.ngrams(trained_on))
        held_out = [m for d in DOMAINS for m in _draw(pair, d, "test", n // 2, seed).notes]
        copied, runs = score.copied_counts(held_out, self.known).sum(axis=0)
        self.held_out_8gram = float(copied / runs)


def measure_melodies(
    melodies: Melodies | Sequence[Notes],
    references: References,
    judges: Sequence = (),
    repeats: int = 300,
) -> dict[str, dict[str, float]]:
    """The metrics of a record, each with its 95 % interval. Those of what judges say are
    over songs: all windows of a song are drawn together, and what was made of two songs is
    drawn by both. Those of distances are over melodies, a little too narrow.

    Parameters
    ----------
    melodies : Melodies, or list of Notes
        Those with fewer than four notes are left out, and counted.
    references : References
    judges : sequence of judge, see ``fusiontools.judges.genre``
        The network, then the one that weighs features. They must not have been part of any
        training.
    repeats : int
        Bootstrap draws.

    Returns
    -------
    dict of str to dict or number
        ``{dd,npd}_{eud,em}_{ratio,diff}``, ``{ib,db}_eud_ratio``, ``balance_{dd,npd}``, all
        again with ``_raw`` for counts, ``copied_8gram``, ``held_out_8gram``, ``too_short``.
        With judges, for each (the second's names end in ``_features``) the shares
        ``fused_share`` (probability 1/4 to 3/4), ``gap_share``, ``typical``,
        ``middle_typical`` (that probability, and typical), ``judged_a``; and of those in
        the middle ``throughout`` and ``by_turns``; ``middle_typical_both``, by both judges
        at once; ``middle_typical_low_t`` and ``..._high_t``, what the first would be at the
        ends of the interval of the judge's temperature.
        Then the histograms, one number a bin, as in `HISTOGRAMS`.
    """
    melodies = melodies if isinstance(melodies, Melodies) else written(melodies)
    keep = np.array([len(m) >= LEAST for m in melodies.notes], bool)
    kept = [m for m, yes in zip(melodies.notes, keep) if yes]
    scores = score.fusion_scores(kept, references.a, references.b, repeats=repeats)
    found = {name: _interval(value) for name, value in scores.items()}
    copied = score.copied_counts(kept, references.known)
    share = score.bootstrap_counts(_of_all_runs, copied, repeats=repeats)
    found["copied_8gram"] = _interval(share)
    found["held_out_8gram"] = references.held_out_8gram
    found["too_short"] = len(melodies.notes) - len(kept)
    songs, others, folds = (x if x is None else x[keep] for x in melodies[1:])
    heard = [judge.hear(kept, folds) for judge in judges]
    for judge, said in zip(judges, heard):
        each = {"fused_share": score.in_band(said.p), "gap_share": said.gap}
        each |= {"typical": said.typical, "judged_a": said.p > 0.5}
        shares = means_of_groups(each, songs, others=others)
        shares |= _in_the_middle(judge, said, songs, others)
        each = {"throughout": said.throughout, "by_turns": said.turns}
        each = {name: said.middle & yes for name, yes in each.items()}
        shares |= means_of_groups(each, songs, said.middle, others)
        end = "_features" if judge.kind == "features" else ""
        found |= {f"{name}{end}": share for name, share in shares.items()}
    if heard:
        both = np.all([said.middle for said in heard], axis=0)
        found |= means_of_groups({"middle_typical_both": both}, songs, others=others)
        odds = heard[0].score / judges[0].about["temperature"][0]
        typical = np.clip(odds[heard[0].typical], -6, 5.99)
        counted = np.histogram(typical, len(HISTOGRAMS["verdict"]), (-6, 6))[0]
        found |= _bins("verdict", counted / len(kept))
    for name in BLOCKS:
        found |= _bins(name, score.distribution(name, kept))
    return found


def _in_the_middle(judge, said, songs, others):
    """The share in the middle and typical at the judge's temperature, and at the low and
    the high end of that one's own interval.
    """
    each = {}
    for t, end in zip(judge.about["temperature"], ("", "_low_t", "_high_t")):
        between = score.in_band(probability(said.score, t))
        each[f"middle_typical{end}"] = between & said.typical
    return means_of_groups(each, songs, others=others)


def _of_all_runs(counts):
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def _bins(name, shares):
    named = zip(HISTOGRAMS[name], shares, strict=True)
    return {f"{name}[{label}]": round(float(share), 5) for label, share in named}


def _interval(found):
    value, low, high = (float(x) for x in found)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def shipped_judges(pair: Pair) -> tuple:
    """The two judges that come with the package for this pair, or none. Those of other
    songs, or of the same songs dealt in another way, have heard what trained the
    generators: none.
    """
    try:
        judges = genre.load_judges(pair.name)
    except CorpusError:
        return ()
    return judges if judges[0].about["data"] == pair.hash else ()


def make_judges(pair: Pair) -> None:
    """Train the judges of a pair, see `fusiontools.judges.genre.make_judges`, on songs that
    train no generator: those of the validation part, by which maximum likelihood chooses
    its epoch, and of the test part.
    """
    own = []
    for d in DOMAINS:
        parts = [_draw(pair, d, part, None, 0) for part in ("validation", "test")]
        own.append([m for part in parts for m in part.notes])
        own.append(np.concatenate([part.songs for part in parts]))
    corpora = [{"name": c["name"], "licence": c["licence"]} for c in pair.about["corpora"]]
    about = {"pair": pair.name, "data": pair.hash, "corpora": corpora}
    asked = (own[0], own[2], own[1], own[3])
    return genre.make_judges(*asked, **about, labels=list(pair.labels))

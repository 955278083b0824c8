"""How the records of the common table are made: all systems on the same two genres, the
same held-out songs, by the same metrics::

    python -m fusiontools.compare.table --out OUT
    python -m fusiontools.compare.table --out OUT --ship

The jobs: the pairs of windows that all systems get, see `fusiontools.compare.ground`; for
each paper as many trainings as `TRAININGS` has, of which the first ships; then its systems,
once a seed: of that seed's training, and by that seed's chance.
Used in chapter 8, "Side by side".
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fusiontools import score
from fusiontools.compare.common import RUN, content_kept
from fusiontools.compare.experiment import make_data, open_data, save_data
from fusiontools.compare.ground import (
    Ground,
    canonical,
    event_tokens,
    events,
    make_ground,
    open_ground,
    save_ground,
)
from fusiontools.compare.systems import SYSTEMS, make, parameters
from fusiontools.compare.trivial import in_reach
from fusiontools.compare.tunes import GENRES, STEPS
from fusiontools.corpora import load
from fusiontools.errors import CorpusError
from fusiontools.music.grid import decode_grid, grid_windows
from fusiontools.records import read_record, read_records
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job
from fusiontools.score import markov
from fusiontools.score.intervals import means_of_groups

if TYPE_CHECKING:
    from fusiontools.compare.systems import System
    from fusiontools.compare.tunes import Tunes
    from fusiontools.papers.fusiongan.data import Pair

__all__ = ["EXPERIMENT", "FIRST", "PAPER", "SEEDS", "SOURCES", "Instruments", "collect"]
__all__ += ["TRAININGS", "instruments", "jobs", "make_data", "measure"]
__all__ += ["measure_systems", "open_data", "save_data", "seeds", "train_again"]

PAPER, FIRST = "compare", "essen_ryan"
SOURCES = (FIRST,)
SEEDS, KEPT = 3, 4  # of what draws; melodies that a record keeps
# one of the masked transformer takes longer than three of the others
TRAININGS = {"fusiongan": 3, "connective_fusion": 3, "domain_transfer": 3, "masked": 2}
REALITY = "fiddle_pop909"  # what the judges of reality learned from
REAL = 2000  # windows of each genre whose seams all others are compared with
REPEATS = 300  # bootstrap draws
DIGITS = 4
FEWEST = 8  # melodies of which a mean is told
# of `fusiontools.papers.fusiongan.evidence.metrics.measure_melodies`
TAKEN = ["dd_eud_ratio", "npd_eud_ratio", "ib_eud_ratio", "db_eud_ratio", "balance_dd"]
TAKEN += ["balance_npd", "middle_typical", "middle_typical_features", "copied_8gram"]
TAKEN += ["middle_typical_both", "judged_a", "judged_a_features", "held_out_8gram"]
HERE = sys.modules[__name__]


class Instruments(NamedTuple):
    """What melodies are measured by, made once for all systems."""

    references: Any  # `fusiontools.papers.fusiongan.evidence.metrics.References`
    genre: Sequence[Callable]  # judges: a network, then one of features
    reality: Mapping[str, Callable]  # by the ends of their metrics' names
    ends: tuple[float, float]  # P(A) of the pairs' own A and of their B, by both judges
    seams: dict  # `fusiontools.score.markov.states` of real windows


def instruments(data: Tunes, pair: Pair, ground: Ground) -> Instruments:
    """The references and judges that ship, for the pairs of a ground."""
    from fusiontools.judges.reality import load_judge
    from fusiontools.papers.fusiongan.evidence import metrics

    genre = metrics.shipped_judges(pair)
    if not genre:
        do = "train them on these songs: fusiontools.judges.genre"
        raise CorpusError("no judges of genre ship for these songs", pair.name, do)
    kinds = {"": "transformer", "_features": "features"}
    reality = {end: load_judge(REALITY, kind) for end, kind in kinds.items()}
    ends = [_p(genre, [*map(events, own)], ground.folds) for own in (ground.a, ground.b)]
    real = [data.windows(g)[:: max(1, len(data.windows(g)) // REAL)] for g in GENRES]
    seams = markov.states(in_reach(np.concatenate(real)))
    means = float(ends[0].mean()), float(ends[1].mean())
    return Instruments(metrics.References(pair), genre, reality, means, seams)


def _p(judges, notes, folds):
    """The probability of A, mean of both judges, (N,)."""
    return np.mean([judge(notes, folds) for judge in judges], axis=0)


def measure(
    made: np.ndarray, uses: str, ground: Ground, by: Instruments
) -> dict[str, dict[str, float] | float]:
    """The metrics of a record: of N melodies, (N, 128), made of the pairs of a ground.

    Ranges are over songs; where melodies use none (`uses` is ""), over melodies.

    Returns
    -------
    dict of str to dict or number
        Of FusionGAN's metrics `TAKEN`. ``neither``: unlike all real music, by the network;
        again ``_features``. ``style_gained``: how much of the way from A's P(A) to B's,
        mean of both judges. ``content_a``, ``content_b``: how much of the time it has the
        pitch of its own A or B. ``copied_inputs``: runs of eight notes that are in its A or
        B. ``whole``: melodies without a rest of more than a bar; ``one_melody``, and again
        ``_features``: P(both halves are of one melody) of these, moved into 55 to 84.
        ``markov_<state>``: correlation of transitions over the seam with those of real
        windows of both genres. ``short``: melodies of fewer than 36 events, which are
        judged by those that they have. ``notes`` a melody.
    """
    from fusiontools.music.tokens import EVENTS
    from fusiontools.papers.fusiongan.evidence import metrics

    notes, first = [decode_grid(row) for row in made], [events(row) for row in made]
    songs = {"A": ground.songs_a, "B": ground.songs_b, "AB": ground.songs_a}
    own = songs.get(uses, np.arange(len(made)))
    others = ground.songs_b if uses == "AB" else None
    told = metrics.Melodies(first, own, others, ground.folds)
    all_of_it = metrics.measure_melodies(told, by.references, by.genre, REPEATS)
    found: dict[str, Any] = {name: all_of_it[name] for name in TAKEN}
    for end in ("", "_features"):
        found[f"neither{end}"] = _rest(all_of_it[f"typical{end}"])
    each = {"short": np.array([len(event_tokens(row)) < EVENTS for row in made], bool)}
    each |= {"notes": np.array([*map(len, notes)], float)}
    heard = np.array([len(n) >= metrics.LEAST for n in first], bool)
    # g = (p - p_A) / (p_B - p_A)
    p = _p(by.genre, [n for n, yes in zip(first, heard) if yes], ground.folds[heard])
    gained = np.full(len(made), np.nan)
    gained[heard] = (p - by.ends[0]) / (by.ends[1] - by.ends[0])
    each |= {"style_gained": gained}
    for name, source in (("content_a", ground.a), ("content_b", ground.b)):
        pairs = zip(made, source)
        each[name] = np.concatenate([content_kept(x[None], y[None]) for x, y in pairs])
    placed = in_reach(made)
    # the judges of reality have never heard a rest of more than a bar
    whole = np.array([len(grid_windows(row)) for row in placed], bool)
    each["whole"] = whole
    for end, judge in by.reality.items():
        each[f"one_melody{end}"] = np.full(len(made), np.nan)
        each[f"one_melody{end}"][whole] = judge(placed[whole]) if whole.any() else []
    for name, x in each.items():
        known = ~np.isnan(x)
        if known.sum() < FEWEST:
            continue
        x = x if x.dtype == bool else np.nan_to_num(x)
        found |= means_of_groups({name: x}, own, known, others)
    copied, runs = _copied(notes, ground).T
    found |= means_of_groups({"copied_inputs": copied}, own, runs, others)
    seams = markov.markov_correlations(placed, by.seams, repeats=REPEATS)
    found |= {f"markov_{name}": _interval(x) for name, x in seams.items()}
    return {name: _rounded(x) for name, x in found.items()}


def _copied(notes, ground):
    """Of each melody the runs that are in its own A or B, and all, (N, 2)."""
    rows = []
    for own, *both in zip(notes, ground.a, ground.b):
        known = score.ngrams([decode_grid(row) for row in both], RUN)
        rows.append(score.copied_counts([own], known, RUN)[0])
    return np.array(rows)


def _rest(share):
    """What is left of a share."""
    ends = {"low": 1 - share["high"], "high": 1 - share["low"]}
    return {"value": 1 - share["value"], **ends}


def _interval(x):
    value, low, high = map(float, x)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def _rounded(x):
    if isinstance(x, dict):
        return {name: round(float(v), DIGITS) for name, v in x.items()}
    return round(float(x), DIGITS)


# What `fusiontools.report.experiment` asks of a paper, beside the data; and the jobs


def seeds(system: System) -> int:
    """How many seeds a system is measured with: one, if it neither learns nor draws."""
    return TRAININGS.get(system.paper, SEEDS if system.draws else 1)


def jobs(file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str) -> list:
    """The pairs, then each paper's trainings, and its systems once a seed."""
    here = (str(file), str(work), scale)
    made = [Job("ground", partial(_make_ground, *here[:2]))]
    there = [system for system in SYSTEMS.values() if system.make]
    for paper in dict.fromkeys(system.paper for system in there):
        own = [system for system in there if system.paper == paper]
        for seed in range(max(map(seeds, own))):
            before = ("ground",)
            if seed and paper in TRAININGS:
                do = partial(train_again, *here[1:], device, paper, seed)
                made.append(Job(f"train-{paper}-{seed}", do, before))
                before += (made[-1].name,)
            do = partial(measure_systems, *here, paper, seed)
            made.append(Job(f"{paper}-{seed}", do, before))
    return made


def train_again(
    work: str | os.PathLike, scale: str, device: str, paper: str, seed: int
) -> None:
    """Train all that a paper's systems run, by its own experiment, with another seed."""
    from fusiontools.compare import experiment as masked
    from fusiontools.papers.connective_fusion.evidence import experiment as connective
    from fusiontools.papers.domain_transfer.evidence import experiment as domain
    from fusiontools.papers.fusiongan.evidence import experiment as fusiongan

    folder, pair = Path(work) / "trainings" / paper, Path(work) / "pair.npz"
    where = (folder, scale, device)
    ours = [s.training[-1] for s in SYSTEMS.values() if s.paper == paper]
    if paper == "fusiongan":
        fusiongan.pretrain(pair, *where, seed)
        for told in ours:
            fusiongan.train_method(pair, *where, told["method"], seed)
    elif paper == "connective_fusion":
        data = ours[0]["data"]
        connective.train_one(data, *where, "vae", None, seed)
        for told in ours:
            method = told["method"], told["similarity"]
            connective.train_one(data, *where, *method, seed)
    elif paper == "domain_transfer":
        for told in ours:
            domain.train_one(told["data"], *where, told["method"], seed)
    else:
        asked = (folder / f"masked-{seed}", masked.METHOD, scale, seed, FIRST, device)
        experiment.train_in_folder(masked, *asked)


def _trained(work, system, seed):
    """The folder of a system's training; None for seed 0, of which the weights ship."""
    if not seed or not system.training:
        return None
    told = system.training[-1]
    weight = f"-{told['similarity']:g}" if "similarity" in told else ""
    name = f"{told['method']}{weight}-{seed}"
    return Path(work) / "trainings" / system.paper / name


def _make_ground(file, work):
    """The pairs and FusionGAN's own data, in files beside the runs."""
    from fusiontools.judges.genre import deal
    from fusiontools.papers.connective_fusion.data import windows
    from fusiontools.papers.fusiongan.data import PAIRS as CORPORA
    from fusiontools.papers.fusiongan.data import pair, save_pair

    data, work = open_data(file), Path(work)
    both, folds = pair(FIRST), {}
    told = zip(GENRES, CORPORA[FIRST], both.about["corpora"])
    for genre, name, about in told:
        numbers = _numbers(load(name), {id for id, _ in about["skipped"]})
        folds[genre] = deal([numbers[song] for song in data.songs(genre, "test")])
    # of what it learned from, pop songs are in neither genre
    learned = windows("fiddle")
    rows = [learned.tokens(part) for part in ("train-1", "train-2")]
    halves = canonical(np.concatenate(rows)).reshape(-1, STEPS // 2)
    made = make_ground(data, folds, {half.tobytes() for half in halves})
    save_pair(both, work / "pair.npz")
    save_ground(made, work / "ground.npz")
    print(made.told)


def _numbers(corpus, skipped):
    """The number of each song in FusionGAN's data, by which its judges deal folds."""
    numbers: dict[str, int] = {}
    for id, song in zip(corpus.columns["id"], corpus.columns["song"]):
        if id not in skipped:
            numbers.setdefault(song, len(numbers))
    return numbers


def measure_systems(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, paper: str, seed: int
) -> None:
    """The records of a paper's systems, of one seed; see `seeds`."""
    from fusiontools.papers.fusiongan.data import open_pair

    data, work = open_data(file), Path(work)
    ground = open_ground(work / "ground.npz")
    by, made = instruments(data, open_pair(work / "pair.npz"), ground), []
    for name, system in SYSTEMS.items():
        if system.paper != paper or system.make is None or seed >= seeds(system):
            continue
        folder = _trained(work, system, seed)
        weights = folder / WEIGHTS if folder else None
        minutes = [_minutes(told) for told in system.training]
        if folder:  # a record of what was adopted counts its minutes, too
            minutes = [read_record(folder / "record.json").minutes]
        began, cpu = time.monotonic(), time.process_time()
        tokens = make(name, ground.a, ground.b, seed, weights)
        cpu = (time.process_time() - cpu) / len(tokens)
        found = measure(tokens, system.uses, ground, by)
        found |= {"parameters": parameters(name, weights), "seconds": round(cpu, DIGITS)}
        found |= {"training_minutes": round(sum(minutes), 2)}
        if paper == "domain_transfer":
            found["known_b"] = round(_known_share(ground), DIGITS)
        samples = tokens[:KEPT].tolist() if seed == 0 else []
        config = {"system": system.paper, "uses": system.uses, "ground": ground.told}
        config["ends"] = [round(p, DIGITS) for p in by.ends]
        about = PAPER, name, scale, data, began, found, config, samples
        made.append(replace(experiment.measured_record(*about), seed=seed))
        print(name, seed, found, flush=True)
    experiment.store_measured(work, f"{paper}-{seed}", made)


def _minutes(told):
    """How long one training took, by its record, which `told` finds."""
    fields = {"paper", "method", "data"}
    for record in read_records(told["paper"]):
        here = {"method": record.method, "data": record.data["name"]}
        here |= {k: record.config.get(k) for k in told if k not in fields}
        if record.seed == 0 and all(here[k] == told[k] for k in told if k != "paper"):
            return record.minutes
    raise CorpusError("no record of its training", str(told), "let it be measured first")


def _known_share(ground):
    """The share of the runs of all B that domain transfer's own training lines have."""
    from fusiontools.papers.domain_transfer.data import domains

    lines = domains("chorales_fiddle").windows("T")
    known = np.unique(score.ngrams([decode_grid(row, 8) for row in lines], RUN))
    rows = np.unique(ground.b, axis=0)
    copied, runs = score.copied_counts([decode_grid(row) for row in rows], known).sum(0)
    return float(copied / max(runs, 1))


def collect(
    data: Tunes, out: str | os.PathLike, work: str | os.PathLike, scale: str
) -> None:
    """There is nothing to ship but records."""


NAMED = "{0.method}-{0.seed}".format
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, {})

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))

"""From lines to the numbers of a record: what every method makes of the held-out sources is
measured here in the same way. Judges hear all rows alike by `..pictures.heard`; names that
end in ``_raw`` are without that. Ranges are over songs. Chapter 5:
`notebooks/05_domain_transfer_3_measured` shows these numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from fusiontools import score
from fusiontools.corpora.music21_corpus import corpus_path
from fusiontools.errors import CorpusError
from fusiontools.judges.lines import load_judges, open_judges, verdicts
from fusiontools.music import lines, pictures
from fusiontools.music.extract import skyline
from fusiontools.music.grid import HOLD, decode_grid
from fusiontools.music.scores import read_score
from fusiontools.papers.domain_transfer import losses, training
from fusiontools.papers.domain_transfer.data import PARTS
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, SHORT, SHOWN, VOTES
from fusiontools.papers.domain_transfer.networks import Networks
from fusiontools.papers.domain_transfer.transfer import transfer_windows
from fusiontools.records import read_records
from fusiontools.report.boxes import weights_of
from fusiontools.report.curves import means_around
from fusiontools.report.rows import choose, rows, shipped_arrays
from fusiontools.score import transfer as measures
from fusiontools.score.intervals import means_of_groups
from fusiontools.score.verdicts import HIGH, LOW

if TYPE_CHECKING:
    from fusiontools.judges.lines import FeatureLineJudge, NetworkLineJudge
    from fusiontools.papers.domain_transfer.config import Config
    from fusiontools.papers.domain_transfer.data import Domains
    from fusiontools.report.rows import Rows


__all__ = ["AMOUNTS", "TAPS", "THRESHOLDS", "VERDICTS", "amounts", "filter_span"]
__all__ += ["judges_of", "measure_baseline", "measure_networks", "measure_tokens"]
__all__ += ["milliseconds", "precision", "shipped_rows", "shown", "shown_sources", "speeds"]
__all__ += ["taps"]

FOLLOWS = 0.3  # pitch correlation from which on an output follows its source; fixed before
AMOUNTS = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the way from the source to G(x)
TAPS = [f"{y} {x}" for y in ("above", "beside", "below") for x in ("left", "at", "right")]
VERDICTS = {"transfer_rate": "target", "blend_share": "blend", "source_share": "source"}
VERDICTS["neither_share"] = "neither"
FILES, HEARD = (25, 15, 15), 8  # of the survey, section 6; bars that a listener hears
DRAWN = 8  # random pictures that show what a unit sees
THRESHOLDS = range(10, 50, 5)  # of 50 votes


def shipped_rows(data: str) -> Rows:
    """The records of a data set that come with the package, as
    `fusiontools.report.rows.Rows`; beside them ``histories``, how the trainings went, and
    ``judges``, what each judge says about itself.
    """
    beside = {"histories": shipped_arrays("domain_transfer", f"histories_{data}.npz")}
    with suppress(CorpusError):  # what asks for judges is told that they are not there
        beside["judges"] = {judge.kind: judge.about for judge in load_judges(data)}
    return rows(choose(read_records("domain_transfer"), data), order=SHORT, **beside)


def judges_of(
    data: Domains, path: str | os.PathLike | None = None
) -> tuple[NetworkLineJudge, FeatureLineJudge] | None:
    """The judges of this data out of a file, by default those that come with the package;
    None where those are of other songs, which may have trained a network.
    """
    try:
        judges = load_judges(data.name) if path is None else open_judges(path)
    except CorpusError:
        return None
    return judges if judges[0].about.get("sha256") == data.hash else None


def measure_tokens(
    made: np.ndarray,
    source: np.ndarray,
    songs: np.ndarray,
    data: Domains,
    judges: Sequence | None = None,
    follows: bool = True,
) -> dict[str, dict[str, float]]:
    """The metrics of a record: of outputs and their sources, (N, 1024) uint8, and the songs
    that those are of, (N,). Runs of notes may be copied from the target's training lines of
    `data`. Without `judges` no genre is measured; real music `follows` no source.
    """
    each = {"high_frequency": measures.high_frequency(made)}  # of every output, (N,)
    each["repeated_share"] = measures.repeated_share(made)
    each["onsets_a_bar"] = measures.onsets_a_bar(made)
    if follows:
        each["copied_fraction"] = measures.copied_fraction(made, source)
        each["pitch_correlation"] = measures.pitch_correlation(made, source)
    heard = pictures.heard(made, source)
    for which, tokens in {"": heard, "_raw": made}.items() if judges else ():
        follow = not follows or measures.pitch_correlation(tokens, source) >= FOLLOWS
        said = np.stack([verdicts(judge, tokens) for judge in judges])
        for kind, verdict in zip(("", "_features"), said):
            for name, word in VERDICTS.items():
                each[f"{name}{which}{kind}"] = verdict == word
        passes = ((said == "blend") | (said == "target")).all(0)
        each[f"passed{which}"] = follow & passes
        each[f"passed_blend{which}"] = follow & (said == "blend").all(0)
    found = means_of_groups(each, songs)
    found |= {"variety": measures.variety(made)} if len(made) > 1 else {}
    known = np.unique(score.ngrams(_notes(data.windows("T", "train"))))
    # what is heard has the source's form, which may hide a copy: the larger of both counts
    both = [score.copied_counts(_notes(tokens), known) for tokens in (heard, made)]
    copied, runs = max(both, key=lambda n: n[:, 0].sum() / max(n[:, 1].sum(), 1)).T
    found |= means_of_groups({"copied_8gram": copied}, songs, runs)
    held_out = score.copied_counts(_notes(data.windows("T", "test")), known).sum(0)
    return found | {"held_out_8gram": float(held_out[0] / max(held_out[1], 1))}


def _notes(tokens):
    return [decode_grid(row, lines.PER_BEAT) for row in tokens]


def measure_networks(
    networks: Networks,
    data: Domains,
    judges: tuple[NetworkLineJudge, FeatureLineJudge] | None = None,
) -> dict[str, dict[str, float]]:
    """The metrics of a trained method; without `judges`, all that need none."""
    source, songs = data.windows("S", "test"), data.songs("S", "test")
    found = measure_tokens(transfer_windows(networks, source), source, songs, data, judges)
    paint = partial(training.Painted.of, config=networks.config)
    (x, *how), (target, *_) = (paint(data.windows(n, "test")) for n in "ST")
    shown = networks.shown(torch.from_numpy(networks.transfer(x)), *how)
    before, after = (networks.extract(z) for z in (x, shown))
    # L_CONST over the variance of f, and L_TID, of every picture
    spread = float(losses.spread(torch.from_numpy(before))) + losses.TINY
    moved = ((before - after) ** 2).mean(1) / spread
    missed = ((target.numpy() - networks.transfer(target)) ** 2).mean((1, 2, 3))
    found |= means_of_groups({"f_constancy": moved}, songs)
    found |= means_of_groups({"target_identity": missed}, data.songs("T", "test"))
    found |= {"parameters": weights_of(networks.both), "steps": networks.config.steps}
    if not networks.config.recurrent:
        found |= {f"tap[{k}]": float(w) for k, w in zip(TAPS, taps(networks).ravel())}
        fresh = Networks(networks.config).f  # in a trained one a unit may be shut for good
        _, span = receptive_pixels(fresh.layers, channels=x.shape[1])
        found |= {f"span_{i}": int(steps) for i, steps in enumerate(span)}
    return found


def measure_baseline(
    name: str,
    data: Domains,
    judges: tuple[NetworkLineJudge, FeatureLineJudge] | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """The metrics of a method that needs no training; how many windows and songs there are
    of "real", "copy" and "left_hand"; and of "copy" what pictures keep of real lines.
    """
    domain = {"real": "T", "left_hand": "L"}.get(name, "S")
    source, songs = data.windows(domain, "test"), data.songs(domain, "test")
    made = {
        "transpose": lambda: measures.transposed_lines(source, seed),
        "noise": lambda: measures.noise_lines(source, seed),
        "nearest": lambda: measures.nearest_lines(source, data.windows("T")),
        "restrike": lambda: measures.restruck(source),
        "blur": lambda: measures.blurred(source),
    }.get(name, lambda: source)()
    found = measure_tokens(made, source, songs, data, judges, follows=domain == "S")
    if made is source:
        every = np.concatenate([data.songs(domain, part) for part in PARTS])
        found |= {"windows": len(every), "songs": len(np.unique(every))}
    real = np.concatenate([data.windows(n, "test") for n in "ST"])
    for layout in pictures.LAYOUTS if name == "copy" else ():
        read = pictures.decode(pictures.encode(real, layout), layout)
        legal = pictures.merged(real) if layout == "unrolled" else real
        found[f"given_back_{layout}"] = float((read == legal).all(1).mean())
        found[f"notes_kept_{layout}"] = float((read > HOLD).sum() / (real > HOLD).sum())
    return found


def amounts(
    networks: Networks, data: Domains, judges: tuple[NetworkLineJudge, FeatureLineJudge]
) -> dict[str, dict[str, float]]:
    """Some metrics on the way from the source to G(x): ``passed_60`` is `passed` at 0.6."""
    source, songs, found = data.windows("S", "test"), data.songs("S", "test"), {}
    wanted = {k: k for k in ("passed", "passed_blend", "pitch_correlation", "variety")}
    wanted["copied_fraction"] = "copied"
    for amount in AMOUNTS:
        made = transfer_windows(networks, source, amount)
        own = measure_tokens(made, source, songs, data, judges)
        found |= {f"{k}_{round(100 * amount)}": own[name] for name, k in wanted.items()}
    return found


def precision(
    networks: Networks | None, data: Domains, judges: Sequence, seed: int = 0
) -> dict[str, float]:
    """The survey of section 6 with judges: fifty votes on eight bars of each of 25 outputs,
    15 sources and 15 targets, half of them by one judge and half by the other. Gives for
    each class and each of `THRESHOLDS` the precision, ``precision_blend_20``, if there is
    one.
    """
    rng, source = np.random.default_rng(seed), data.windows("S", "test")
    made, target = transfer_windows(networks, source), data.windows("T", "test")
    pairs = (made, source), (source, source), (target, target)
    three = zip([pictures.heard(*pair) for pair in pairs], FILES)
    drawn = [x[rng.choice(len(x), n, replace=len(x) < n)] for x, n in three]
    files, votes = np.concatenate(drawn), np.zeros((sum(FILES), 3), int)
    for judge in judges:
        for bar in rng.integers(0, 32 - HEARD + 1, VOTES["people"] // 2):
            p = judge(files[:, lines.BAR * bar : lines.BAR * (bar + HEARD)])
            said = np.select([p < LOW, p <= HIGH], [1, 0], 2)  # in the order of CLASSES
            votes[range(len(p)), said] += 1
    found, actual = {}, np.repeat(range(3), FILES)
    for t in THRESHOLDS:
        shares = zip(CLASSES, measures.precision_by_votes(votes, actual, t))
        found |= {f"precision_{k}_{t}": float(x) for k, x in shares if x == x}
    return found


def receptive_pixels(
    layers: Callable, size: int = pictures.SIZE, channels: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels the middle unit of each layer sees, found by gradients.

    Parameters
    ----------
    layers : callable
        From pictures, a tensor (B, C, size, size), to a list of feature maps (B, W, H, H),
        such as ``networks.f.layers``.
    size, channels : int
    seed : int
        Of the random pictures: several, so that no shut ReLU hides a pixel.

    Returns
    -------
    seen : ndarray of bool, shape (layers, size, size)
    span : ndarray of int64, shape (layers,)
        Steps from the first to the last, both included; times 3 in the paper's voxels.

    Examples
    --------
    >>> import torch
    >>> seen, span = receptive_pixels(lambda x: [torch.nn.Conv2d(3, 2, 3)(x)])
    >>> int(seen.sum()), int(span[0])  # 3 rows of 3 pixels
    (9, 67)
    """
    import torch

    rng = np.random.default_rng(seed)
    drawn = rng.uniform(-1, 1, (DRAWN, channels, size, size)).astype(np.float32)
    x = torch.from_numpy(drawn).requires_grad_()
    seen = []
    for h in layers(x):
        middle = h[:, :, h.shape[2] // 2, h.shape[3] // 2].sum()
        (slope,) = torch.autograd.grad(middle, x, retain_graph=True)
        seen.append((slope != 0).any(0).any(0).numpy())
    seen = np.stack(seen)
    steps = [np.flatnonzero(s) for s in seen]
    return seen, np.array([s[-1] - s[0] + 1 if len(s) else 0 for s in steps])


def taps(networks: Networks) -> np.ndarray:
    """Mean sizes of the weights of f's and g's 3 x 3 filters, (3, 3), adding up to 1."""
    filters = [p for p in networks.both.parameters() if p.shape[2:] == (3, 3)]
    sizes = [w.detach().abs().mean((0, 1)).cpu() for w in filters]
    return np.mean([w / w.sum() for w in sizes], axis=0)


def filter_span(size: int) -> tuple[int, np.ndarray]:
    """Which pixels a 3 x 3 filter sees in a picture `size` wide, by gradient: how many from
    the first to the last, and which of them, bool.
    """
    one = torch.nn.Conv2d(1, 1, 3, padding=1)
    (seen,), (span,) = receptive_pixels(lambda x: [one(x)], size, channels=1)
    first = np.flatnonzero(seen)[0]
    return int(span), seen.ravel()[first : first + span]


def milliseconds(config: Config, data: Domains, steps: int = 2) -> float:
    """What a step of the training costs one core, in time of this process alone."""
    networks, took = Networks(config), []
    batches = [data.windows(n)[: config.batch] for n in "ST"]
    batches = [training.Painted.of(tokens, config) for tokens in batches]
    for _ in range(steps):
        began = time.process_time()
        for _ in range(config.d_steps if config.adversary else 0):
            training.discriminator_loss(networks, *batches).backward()
        for _ in range(config.g_steps):
            terms = training.generator_terms(config, networks, *batches)
            losses.total(terms, config).backward()
        took.append(time.process_time() - began)
    return 1000 * min(took)


def speeds(
    histories: dict[str, np.ndarray], cost: dict[str, float]
) -> dict[str, dict[str, float]]:
    """How soon trainings reach one level of held-out L_TID + L_CONST: the least demanding
    one that every run of "full" and "plain" reaches, by means over three looks.

    Takes arrays ``full-0/held_out`` and ``full-0/copied``, and the `milliseconds` of each
    run. ``held_out_then`` is the loss at the moment when the recurrent twin's training
    ended; what ends in ``_threshold`` is there for runs that reach the level, as ranges
    over seeds.
    """
    looks, found = {}, {}
    for run, each in cost.items():
        steps, loss = histories[f"{run}/held_out"]
        copied = means_around(histories[f"{run}/copied"][1], 3)
        looks[run] = steps + 1, (steps + 1) * each / 60_000, copied, means_around(loss, 3)
    compared = [own for run, own in looks.items() if run.startswith(("full-", "plain-"))]
    level = max((loss.min() for *_, loss in compared), default=-np.inf)
    end = looks["recurrent-0"][1][-1] if "recurrent-0" in looks else np.inf
    for run, (steps, minutes, copied, loss) in looks.items():
        then = max(int((minutes <= end).sum()) - 1, 0)
        found[run] = {"held_out": float(loss[-1]), "held_out_then": float(loss[then])}
        found[run] |= {"milliseconds_a_step": cost[run], "minutes_in_all": minutes[-1]}
        if loss.min() <= level:
            i = int(np.argmax(loss <= level))
            there = {"steps_to": steps[i], "minutes_to": minutes[i], "copied_at": copied[i]}
            for name, x in there.items():
                ends = dict.fromkeys(("value", "low", "high"), float(x))
                found[run][f"{name}_threshold"] = ends
    return found


def shown_sources() -> dict[str, np.ndarray]:
    """Music that may be shown, of no training: from names, `SHOWN`, to a row (1024,)."""
    found = {}
    for name, file in SHOWN.items():
        tune = skyline(read_score(corpus_path() / file)[0].tracks[0].notes)
        found[name] = lines.to_middle(lines.windows(lines.line_tokens(tune))[0])[0]
    return found


def shown(networks: Networks) -> list[dict[str, list | str]]:
    """What comes of `shown_sources`: dicts of ``name``, ``source`` and ``output``."""
    sources = shown_sources()
    both = zip(sources.items(), transfer_windows(networks, np.stack([*sources.values()])))
    return [{"name": k, "source": x.tolist(), "output": y.tolist()} for (k, x), y in both]

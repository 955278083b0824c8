"""From lines to the numbers of a record: what every method makes of the held-out sources is
measured here in the same way. Judges hear all rows alike by `..pictures.heard`; names that
end in ``_raw`` are without that. Ranges are over songs. Chapter 5:
`notebooks/05_domain_transfer_3_measured` shows these numbers.
"""

import time

import numpy as np

from fusiontools import score
from fusiontools.errors import CorpusError
from fusiontools.judges.lines import load_judges, open_judges, verdicts
from fusiontools.music.grid import HOLD, decode_grid
from fusiontools.papers.domain_transfer import lines, pictures
from fusiontools.papers.domain_transfer.data import PARTS
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, SHORT, SHOWN, VOTES
from fusiontools.records import read_records
from fusiontools.report.curves import means_around
from fusiontools.report.rows import choose, rows, shipped_arrays
from fusiontools.score import transfer as measures
from fusiontools.score.verdicts import HIGH, LOW

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
THRESHOLDS = range(10, 50, 5)  # of 50 votes


def shipped_rows(data):
    """The records of a data set that come with the package, as
    `fusiontools.report.rows.Rows`; beside them ``histories``, how the trainings went, and
    ``judges``, what each judge says about itself.
    """
    beside = {"histories": shipped_arrays("domain_transfer", f"histories_{data}.npz")}
    try:
        beside["judges"] = {judge.kind: judge.about for judge in load_judges(data)}
    except CorpusError:
        pass  # what asks for them is told that they are not there
    return rows(choose(read_records("domain_transfer"), data), order=SHORT, **beside)


def judges_of(data, path=None):
    """The judges of this data out of a file, by default those that come with the package;
    None where those are of other songs, which may have trained a network.
    """
    try:
        judges = load_judges(data.name) if path is None else open_judges(path)
    except CorpusError:
        return None
    return judges if judges[0].about.get("sha256") == data.hash else None


def measure_tokens(made, source, songs, data, judges=None, follows=True):
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
    found = _means(each, songs) | {"variety": measures.variety(made)}
    known = np.unique(score.ngrams(_notes(data.windows("T", "train"))))
    copied, runs = score.copied_counts(_notes(heard), known).T
    found |= _means({"copied_8gram": copied}, songs, runs)
    held_out = score.copied_counts(_notes(data.windows("T", "test")), known).sum(0)
    return found | {"held_out_8gram": float(held_out[0] / max(held_out[1], 1))}


def _notes(tokens):
    return [decode_grid(row, lines.PER_BEAT) for row in tokens]


def _means(each, songs, of=None):
    """Means with 95 % ranges over songs, from the values of every output, (N,) each; or
    their sums over the sums of `of`.
    """
    of = np.ones(len(songs)) if of is None else of
    own = np.unique(songs, return_inverse=True)[1]
    sums = np.stack([np.bincount(own, row) for row in (*each.values(), of)], axis=1)
    found = score.bootstrap_counts(lambda h: h[..., :-1] / np.maximum(h[..., -1:], 1), sums)
    made = {}
    for (name, x), value, low, high in zip(each.items(), *found):
        if x.dtype == bool and value in (0, 1):
            # drawing again cannot make happen what never happened: `wilson`, over songs
            _, low, high = score.wilson(round(value * len(sums)), len(sums))
        made[name] = _range(value, low, high)
    return made


def _range(value, low, high):
    value, low, high = float(value), float(low), float(high)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def measure_networks(networks, data, judges=None):
    """The metrics of a trained method; without `judges`, all that need none."""
    import torch

    from fusiontools.papers.domain_transfer import losses
    from fusiontools.papers.domain_transfer.training import Painted
    from fusiontools.papers.domain_transfer.transfer import transfer_windows
    from fusiontools.report.boxes import weights_of

    source, songs = data.windows("S", "test"), data.songs("S", "test")
    made = transfer_windows(networks, source)
    found = measure_tokens(made, source, songs, data, judges)
    real = {n: Painted.of(data.windows(n, "test"), networks.config) for n in "ST"}
    x, target = (real[n].x.numpy() for n in "ST")
    shown = networks.shown(torch.from_numpy(networks.transfer(x)), *real["S"][1:])
    before, after = (networks.extract(z) for z in (x, shown))
    # L_CONST over the variance of f, and L_TID, of every picture
    spread = float(losses.spread(torch.from_numpy(before))) + losses.TINY
    found |= _means({"f_constancy": ((before - after) ** 2).mean(1) / spread}, songs)
    missed = ((target - networks.transfer(target)) ** 2).mean((1, 2, 3))
    found |= _means({"target_identity": missed}, data.songs("T", "test"))
    found["parameters"] = weights_of(networks.both)
    if not networks.config.recurrent:
        found |= {f"tap[{k}]": float(w) for k, w in zip(TAPS, taps(networks).ravel())}
        _, span = pictures.receptive_pixels(networks.f.layers, channels=x.shape[1])
        found |= {f"span_{i}": int(steps) for i, steps in enumerate(span)}
    return found


def measure_baseline(name, data, judges=None, seed=0):
    """The metrics of a method that needs no training; how many windows and songs there are
    of "real", "copy" and "left_hand"; and of "copy" what pictures keep of real lines.
    """
    domain = {"real": "T", "left_hand": "L"}.get(name, "S")
    source, songs = data.windows(domain, "test"), data.songs(domain, "test")
    made = {
        "transpose": lambda: measures.transposed_lines(source, seed),
        "noise": lambda: measures.noise_lines(source, seed),
        "nearest": lambda: measures.nearest_lines(source, data.windows("T"), _shape),
        "restrike": lambda: measures.restruck(source),
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


def _shape(tokens):
    """Pitches less their mean, of length 1: near in these is high in pitch correlation."""
    pitch = measures.pitch_line(tokens).astype(np.float32)
    pitch = pitch - pitch.mean(1, keepdims=True)
    return pitch / np.maximum(np.linalg.norm(pitch, axis=1, keepdims=True), 1e-6)


def amounts(networks, data, judges):
    """Some metrics on the way from the source to G(x): ``passed_60`` is `passed` at 0.6."""
    from fusiontools.papers.domain_transfer.transfer import transfer_windows

    source, songs, found = data.windows("S", "test"), data.songs("S", "test"), {}
    wanted = {k: k for k in ("passed", "passed_blend", "pitch_correlation", "variety")}
    for amount in AMOUNTS:
        made = transfer_windows(networks, source, amount)
        own = measure_tokens(made, source, songs, data, judges)
        for name, called in (wanted | {"copied_fraction": "copied"}).items():
            found[f"{called}_{round(100 * amount)}"] = own[name]
    return found


def precision(networks, data, judges, seed=0):
    """The survey of section 6 with judges: fifty listeners hear eight bars of each of 25
    outputs, 15 sources and 15 targets, half of them with one judge's ears. Gives for each
    class and each of `THRESHOLDS` the precision, ``precision_blend_20``, if there is one.
    """
    from fusiontools.papers.domain_transfer.transfer import transfer_windows

    rng, source = np.random.default_rng(seed), data.windows("S", "test")
    made = pictures.heard(transfer_windows(networks, source), source)
    three = zip((made, source, data.windows("T", "test")), FILES)
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


def taps(networks):
    """Mean sizes of the weights of f's and g's 3 x 3 filters, (3, 3), adding up to 1."""
    filters = [p for p in networks.both.parameters() if p.shape[2:] == (3, 3)]
    sizes = [w.detach().abs().mean((0, 1)).cpu() for w in filters]
    return np.mean([w / w.sum() for w in sizes], axis=0)


def filter_span(size):
    """Which pixels a 3 x 3 filter sees in a picture `size` wide, by gradient: how many from
    the first to the last, and which of them, bool.
    """
    import torch

    one = torch.nn.Conv2d(1, 1, 3, padding=1)
    seen, span = pictures.receptive_pixels(lambda x: [one(x)], size=size, channels=1)
    first = int(np.flatnonzero(seen[0])[0])
    return int(span[0]), seen[0].ravel()[first : first + int(span[0])]


def milliseconds(config, data, steps=2):
    """What a step of the training costs one core, in time of this process alone."""
    import torch

    from fusiontools.papers.domain_transfer import losses
    from fusiontools.papers.domain_transfer.networks import Networks
    from fusiontools.papers.domain_transfer.training import Painted, generator_terms

    networks, took = Networks(config), []
    s, t = (Painted.of(data.windows(n)[: config.batch], config) for n in "ST")
    for _ in range(steps):
        began = time.process_time()
        for _ in range(config.d_steps if config.adversary else 0):
            with torch.no_grad():
                fake = networks.shown(networks.generate(s.x)[1], *s[1:])
            losses.discriminator(networks.score(fake), networks.score(t.x)).backward()
        for _ in range(config.g_steps):
            losses.total(generator_terms(config, networks, s, t), config).backward()
        took.append(time.process_time() - began)
    return 1000 * min(took)


def speeds(histories, cost):
    """How soon trainings reach one level of held-out L_TID + L_CONST: the least demanding
    one that every run of "full" and "plain" reaches, by means over three looks.

    Takes arrays ``full-0/held_out`` and ``full-0/copied``, see `fusiontools.report.curves`,
    and the `milliseconds` of each run. Gives for each run these, ``minutes_in_all``,
    ``held_out``, the last value, and ``held_out_then``, that of the moment when the
    recurrent twin's training ended. Where it reaches the level, ``steps_to_threshold``,
    ``minutes_to_threshold`` and ``copied_at_threshold`` too, whose ranges are over seeds.
    """
    loss, took, found = {}, {}, {}
    for run, each in cost.items():
        steps, values = histories[f"{run}/held_out"]
        loss[run], took[run] = means_around(values, 3), (steps + 1) * each / 60_000
    compared = [y.min() for run, y in loss.items() if run.startswith(("full-", "plain-"))]
    end = took.get("recurrent-0", [np.inf])[-1]
    for run, y in loss.items():
        then = max(int((took[run] <= end).sum()) - 1, 0)
        found[run] = {"held_out": float(y[-1]), "held_out_then": float(y[then])}
        found[run] |= {"milliseconds_a_step": cost[run], "minutes_in_all": took[run][-1]}
        if compared and y.min() <= max(compared):
            i = int(np.argmax(y <= max(compared)))
            there = {"steps_to": histories[f"{run}/held_out"][0][i] + 1}
            there["minutes_to"] = took[run][i]
            there["copied_at"] = means_around(histories[f"{run}/copied"][1], 3)[i]
            found[run] |= {f"{k}_threshold": _range(v, v, v) for k, v in there.items()}
    return found


def shown_sources():
    """Music that may be shown, of no training: from names, `SHOWN`, to a row (1024,)."""
    from fusiontools.corpora.music21_corpus import corpus_path
    from fusiontools.music.excerpts import read_score
    from fusiontools.music.extract import skyline

    found = {}
    for name, file in SHOWN.items():
        tune = skyline(read_score(corpus_path() / file)[0].tracks[0].notes)
        found[name] = lines.to_middle(lines.windows(lines.line_tokens(tune))[0])[0]
    return found


def shown(networks):
    """What comes of `shown_sources`: dicts of ``name``, ``source`` and ``output``."""
    from fusiontools.papers.domain_transfer.transfer import transfer_windows

    sources = shown_sources()
    made = transfer_windows(networks, np.stack([*sources.values()]))
    both = zip(sources.items(), made)
    return [{"name": k, "source": x.tolist(), "output": y.tolist()} for (k, x), y in both]

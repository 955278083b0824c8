"""How the records of audio style transfer are made::

    python -m fusiontools.papers.audio_style.evidence.experiment --data gtzan_mini --out OUT
    python -m fusiontools.papers.audio_style.evidence.experiment --out OUT --ship

and the same with ``--data rendered``. The jobs: every descent, on five pairs; the direct
Gram matrices, once; learning rates and optimizers; the CycleGAN; and the measurement of all
sound that came of it. To measure anew, delete ``measure-*.done`` in ``OUT/runs``. How the
judges are made that it asks, `genres` says. Torch is loaded when it is used.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusiontools.papers import audio_style
from fusiontools.papers.audio_style import config as sizes
from fusiontools.papers.audio_style import evidence
from fusiontools.papers.audio_style.config import TRAINED, Config
from fusiontools.records import read_record
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job, theirs

if TYPE_CHECKING:
    import torch


__all__ = ["DESCENTS", "EXPERIMENT", "FIRST", "HEAR", "MAIN", "METHOD", "METHODS", "PAPER"]
__all__ += ["SOURCES", "collect", "from_folders", "jobs", "make_data", "measure"]
__all__ += ["open_data", "save", "save_data", "settings", "train"]

PAPER, FIRST = "audio_style", "rendered"
SOURCES = (FIRST, "gtzan_mini", "gtzan")
METHODS, METHOD = {name: sizes.METHODS[name] for name in TRAINED}, "cyclegan"
HEAR = "restyle CONTENT.wav STYLE.wav --model cyclegan --weights {run} --out OUT.wav"
MAIN = {
    "style_gone": "share of the style loss that is gone, on the first pair",
    "correlation": "with the content, of log magnitudes",
    "flatness": "of the spectrum; white noise has about 0.6",
    "cycle": "mean distance of log magnitudes after there and back",
}
RATES = (0.5, 0.05, 0.005, 0.0005, 0.00005)
# Steps where the paper's own would cost too much; those of "..._long" are the paper's
STEPS = {"cnn": 500, "cnn_frequency": 500, "cnn_printed": 300, "cnn_sgd": 300}
STEPS |= {"cnn_512": 200, "cnn_two": 200, "cnn_three": 200, "bilstm_fast": 1000}
STEPS |= {"rnn": 1000, "rnn_time": 1000, "bilstm": 2000, "bilstm_time": 2000}
STEPS |= {"rnn_printed": 1000, "bilstm_printed": 1000}
EVERY_PAIR = ("cnn", "cnn_frequency", "rnn", "rnn_time", "bilstm", "bilstm_time")
LONG = ("cnn_long", "rnn_long", "bilstm_long")
DESCENTS = (*EVERY_PAIR, *LONG, "cnn_printed", "rnn_printed", "bilstm_printed")
DESCENTS += ("bilstm_fast", "cnn_sgd", "cnn_512", "cnn_two", "cnn_three")
FEW = {FIRST: EVERY_PAIR}  # of what is only the default, and there of one pair
QUICK = ("closed_form", "bounded", "content_term", "musaic", "copy_content", "copy_style")
QUICK += ("noise", "swap_spectrum")  # seconds each
# Steps at which a descent is listened to
MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 6000, 8000, 10_000)
POINTS = 200  # of a curve that is kept
PARTS = 2  # that sounds are measured in, side by side
WHOLE = ("content_term",)  # what sounds with the refined phase on the pages


# What `fusiontools.report.experiment` asks of a paper


_NAMES = ("clips_of", "save_clips", "open_clips", "from_folders", "train")
make_data, save_data, open_data, from_folders, train = theirs(audio_style, *_NAMES)


def settings(method: str, scale: str, data_name: str) -> Config:
    """The config of a method; fewer steps where one costs as much as many others."""
    own = sizes.method(method, getattr(Config, scale)())
    if scale == "smoke":
        return own
    return replace(own, steps=STEPS.get(method, own.steps))


def save(
    networks: audio_style.CycleGAN,
    path: str | os.PathLike,
    method: str,
    config: Config,
    data: audio_style.Clips,
    **about: Any,
) -> None:
    """Write the generators of a run, whole: in 32 bits."""
    about |= {"half": False, "limit": None}
    audio_style.save_generators(networks, path, data, method, config, **about)


def measure(
    networks: audio_style.CycleGAN,
    data: audio_style.Clips,
    config: Config,
    seed: int,
    say: Callable = print,
) -> tuple[dict[str, float], list[str]]:
    """The metrics of a trained CycleGAN on the first pair; nothing is kept as a sample."""
    say("Measuring what it makes of the first pair.")
    content, style = data.pair()
    heard = _cyclegan(networks, content)
    found = evidence.Measures(content, style)(heard)
    return found | {"cycle": _there_and_back(networks, content)}, ["transfer"]


def _cyclegan(networks, content):
    """Sound of the content in style b, with the content's phase."""
    from fusiontools.music.spectrogram import encode_spectrogram

    logs, phase = encode_spectrogram(content)
    made = audio_style.convert(networks, logs)
    return audio_style.to_sound(made, phase, "content", length=len(content))


def _there_and_back(networks, content):
    import numpy as np

    logs = audio_style.logs_of(content)
    back = audio_style.convert(networks, audio_style.convert(networks, logs), "a")
    return float(np.abs(back - logs).mean())


# The jobs


def jobs(file: Any, work: Any, scale: str, device: str | torch.device) -> Any:
    """All that there is to do."""
    here, name = (str(file), str(work), scale), Path(file).stem
    descents = FEW.get(name, DESCENTS)
    made = [Job("cyclegan-0", partial(train_one, *here, device))]
    made += [Job(m, partial(make_one, *here, m)) for m in (*descents, *QUICK)]
    if name != FIRST:
        made.append(Job("rates", partial(try_rates, *here)))
        made.append(Job("direct", partial(time_direct, *here)))
    after = tuple(job.name for job in made)
    return [
        *made,
        *(
            Job(f"measure-{k}", partial(measure_some, *here, k), after)
            for k in range(PARTS)
        ),
    ]


def train_one(file: str, work: str, scale: str, device: str) -> None:
    """Train the CycleGAN, or go on with it."""
    folder = Path(work) / "cyclegan-0"
    experiment.train_in_folder(HERE, folder, METHOD, scale, 0, file, device)


def make_one(file: str, work: str, scale: str, method: str) -> None:
    """A method on its pairs: sound; of a descent curves, too, and what noise there is at
    equal style loss.
    """
    import torch

    data, pairs, config = _opened(file), (0,), None
    if method in QUICK or (method in EVERY_PAIR and data.name != FIRST):
        pairs = range(len(data.arrays["pairs"]))
    told = {"config": {}, "steps": 1, "seconds": [], "pairs": []}
    if method in sizes.SET:
        config = settings(method, scale, data.name)
        told["config"] = asdict(config)
        told["steps"] = 1 if method in ("closed_form", "bounded") else config.steps
    for i in pairs:
        content, style = data.pair(i)
        heard = _Heard(content, style)
        logs = [torch.from_numpy(audio_style.logs_of(x)) for x in (content, style)]
        began = time.process_time()
        if config is None:
            sounds = {"content": _trivial(method, content, style)}
        else:
            bounded = method == "bounded"
            way = audio_style.match_bounded if bounded else audio_style.transfer
            x = way(*logs) if bounded else way(*logs, config, look=heard)
        told["seconds"].append(time.process_time() - began - heard.seconds)
        if config is not None:
            sounds = {way: heard.sound(x.numpy(), way) for way in audio_style.PHASES}
        told["pairs"].append(heard.told | {"curve": heard.curve()})
        _keep_sounds(work, method, i, sounds)
    _write(work, method, told)


class _Heard:
    """Listens to a descent at `MARKS`: `told` is what it found, `seconds` what it cost."""

    def __init__(self, content, style):
        from fusiontools.music.spectrogram import encode_spectrogram

        self.content, self.measures = content, evidence.Measures(content, style)
        logs, self.phase = encode_spectrogram(content, frames=430)
        self.top = max(logs.max(), audio_style.logs_of(style).max())
        self.losses, self.told, self.seconds = [], {"marks": []}, 0.0

    def sound(self, x, way="content"):
        x = x.clip(0, self.top)
        return audio_style.to_sound(x, self.phase, way, length=len(self.content))

    def __call__(self, step, loss, x):
        self.losses.append((step, loss))
        if step not in MARKS:
            return
        began = time.process_time()
        heard = self.sound(x.numpy())
        gone = self.measures.style(heard)
        self.told["marks"].append((step, gone))
        if gone >= evidence.metrics.GONE and "equal" not in self.told:
            self.told["equal"] = self.measures.noise(heard) | {"step": step}
        self.seconds += time.process_time() - began

    def curve(self):
        """Some of the losses, more of the first ones."""
        import numpy as np

        if not self.losses:  # no descent
            return []
        last = len(self.losses) - 1
        kept = np.unique(np.round(np.geomspace(1, last + 1, POINTS)).astype(int) - 1)
        return [self.losses[i] for i in kept]


def _trivial(method, content, style):
    """Sound of a row that has no network."""
    import numpy as np

    if method == "musaic":
        return audio_style.musaic(content, style)
    if method == "noise":
        noise = np.random.default_rng(0).normal(size=len(content))
        return audio_style.as_loud(noise)
    if method != "swap_spectrum":
        return content if method == "copy_content" else style
    from fusiontools.music.spectrogram import istft, stft

    c, s = stft(content), stft(style)
    # each frequency as loud, on the mean over time, as in the style
    gain = np.abs(s).mean(1) / np.maximum(np.abs(c).mean(1), 1e-6)
    return istft(c * gain[:, None], length=len(content))


def try_rates(file: Any, work: Any, scale: str) -> None:
    """Learning rates, optimizers and scalings: what is left of the style loss."""
    import torch

    data, arrays, left = _opened(file), {}, {}
    logs = [torch.from_numpy(audio_style.logs_of(x)) for x in data.pair()]
    for model in ("cnn", "rnn", "bilstm"):
        base = sizes.method(model, getattr(Config, scale)())
        for optimizer in ("adam", "sgd"):
            for scaling in ("relative", "printed"):
                for rate in RATES:
                    own = dict(optimizer=optimizer, scaling=scaling, rate=rate)
                    steps = 3 if scale == "smoke" else 30 if model == "cnn" else 100
                    config = replace(base, steps=steps, **own)
                    name, losses = f"{model}-{optimizer}-{scaling}-{rate:g}", []
                    audio_style.transfer(
                        *logs, config, look=lambda s, v, x, to=losses: to.append((s, v))
                    )
                    arrays[name], first = losses, losses[0][1]
                    finite = min(losses[-1][1] / first, 1e6)
                    left[name] = finite if finite == finite else 1e6
    _write(work, "rates", {"left": left, "curves": arrays})


def time_direct(file: str, work: str, scale: str) -> None:
    """The paper's 2,500 steps with the Gram matrices written out, as loud as the clips are:
    40 minutes, done once. Then how long the closed forms take to the same loss, which is
    computed in double precision.
    """
    import torch

    data, config = _opened(file), settings("cnn_long", scale, Path(file).stem)
    pair = data.arrays["pairs"][0] / 32768
    c, s = (torch.from_numpy(audio_style.logs_of(x)) for x in pair)
    kept = Path(work) / "direct.json"
    if not kept.is_file():
        net = audio_style.network_of(config, *c.shape)
        loss, x = audio_style.direct(net, s), c.clone().requires_grad_()
        adam, losses = torch.optim.Adam([x], lr=config.rate), []
        began = time.process_time()
        for step in range(config.steps):
            adam.zero_grad()
            value = loss(x)
            value.backward()
            adam.step()
            losses.append((step, value.item()))
        took = time.process_time() - began
        kept.write_text(json.dumps({"losses": losses, "seconds": [took]}), encoding="utf-8")
    told = json.loads(kept.read_text(encoding="utf-8"))
    net = audio_style.network_of(config, *c.shape)
    exact = audio_style.style_loss(net._replace(last=net.last.double()), s.double())
    target, spent = told["losses"][-1][1], {}
    free, bounded = audio_style.match_style, audio_style.match_bounded
    ways = {"free": [partial(free, rounds=n) for n in (5, 10, 15, 20, 40)]}
    ways["bounded"] = [partial(bounded, steps=n) for n in (10, 20, 30, 40, 60)]
    for name, tries in ways.items():
        for way in tries:
            began = time.process_time()
            made = way(c, s)
            took = time.process_time() - began
            if exact(made.double()).item() <= target:
                spent[f"seconds_{name}"] = took
                break
    told |= spent | {"config": asdict(config), "target": target}
    _write(work, "direct", told)


def measure_some(file: str, work: str, scale: str, part: int = 0) -> None:
    """The records of every `PARTS`-th method: each sound that was made, measured anew."""
    data, work = _opened(file), Path(work)
    judges = evidence.genres.judges_of(data)
    pairs = range(len(data.arrays["pairs"]))
    about = dict(zip(pairs, data.about["genres"]))
    measures = [evidence.Measures(*data.pair(i), about[i], judges) for i in pairs]
    records = []
    for told in sorted((work / "told").glob("*.json"))[part::PARTS]:
        method, told = told.stem, json.loads(told.read_text(encoding="utf-8"))
        if method in ("rates", "direct"):
            records.append(_record(data, scale, method, told, _numbers(method, told)))
            continue
        found = []
        for i, one in enumerate(told["pairs"]):
            found.append(_measured(work, method, i, measures[i], one))
        metrics = evidence.metrics.over_pairs(found)
        metrics["pairs"] = len(found)
        if told["config"]:
            spent = sum(told["seconds"]) / len(found)
            metrics |= {"steps": told["steps"], "seconds_per_step": spent / told["steps"]}
        records.append(_record(data, scale, method, told, metrics))
    if part == 0:
        records += _others(data, work, scale, measures)
    experiment.store_measured(work, str(part), records)


def _others(data, work, scale, measures):
    """The records of the CycleGAN, and of the data."""
    trained = read_record(work / "cyclegan-0" / "record.json")
    networks = audio_style.load_generators(path=work / "cyclegan-0")[0]
    heard = _cyclegan(networks, data.pair()[0])
    _keep_sounds(work, METHOD, 0, {"content": heard})
    found = measures[0](heard) | {"cycle": _there_and_back(networks, data.pair()[0])}
    found |= {"pairs": 1, "steps": trained.config["steps"]}
    found["seconds_per_step"] = 60 * trained.minutes / trained.config["steps"]
    yield replace(trained, metrics=found, samples=["transfer"])
    began, pairs = time.monotonic(), len(data.arrays["pairs"])
    metrics = {"pairs": pairs} | {f"clips_{k}": len(data.arrays[k]) for k in "ab"}
    about = (data, began, metrics)
    yield experiment.measured_record(PAPER, "data", scale, *about, config={})


def _measured(work, method, i, measures, told):
    """The metrics of one sound, with the content's phase as in the paper, and of the two
    other ways to sound what differs.
    """
    sounds = _sounds(work, method, i)
    found = measures(sounds["content"])
    for way, name in (("griffin_lim", "griffin"), ("refined", "refined")):
        if way in sounds:
            whole = method in WHOLE and way == "refined"
            own = (measures if whole else measures.transfer)(sounds[way])
            found |= {f"{k}_{name}": v for k, v in own.items()}
    if "equal" in told:
        found |= {f"{k}_equal": v for k, v in told["equal"].items()}
    return found | {f"gone_{step}": gone for step, gone in told.get("marks", [])}


def _numbers(method, told):
    if method == "rates":
        return {f"left-{name}": value for name, value in told["left"].items()}
    seconds = {k: v for k, v in told.items() if k.startswith("seconds_")}
    steps, spent = len(told["losses"]), told["seconds"][0]
    found = {"seconds_direct": spent, "seconds_per_step": spent / steps}
    return found | seconds | {"target": told["target"], "steps": steps, "pairs": 1}


def _record(data, scale, method, told, metrics):
    minutes = max(sum(told.get("seconds", ())) / 60, 1e-4)
    about = (data, 0.0, metrics, told.get("config", {}))
    return experiment.measured_record(PAPER, method, scale, *about, minutes=minutes)


def _opened(file):
    """The data; one thread, as networks this small only wait for each other on several."""
    import torch

    torch.set_num_threads(1)
    return open_data(file)


def _write(work, method, told):
    path = Path(work) / "told" / f"{method}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told), encoding="utf-8")


def _keep_sounds(work, method, i, sounds):
    import numpy as np

    from fusiontools.corpora.cache import write_npz

    kept = {
        k: np.round(32767 * np.clip(x, -1, 1)).astype(np.int16) for k, x in sounds.items()
    }
    write_npz(Path(work) / "sounds" / f"{method}-{i}.npz", **kept)


def _sounds(work, method, i):
    from fusiontools.corpora.cache import read_npz

    found = read_npz(Path(work) / "sounds" / f"{method}-{i}.npz")
    return {k: x.astype("float32") / 32768 for k, x in found.items()}


def collect(
    data: audio_style.Clips, out: str | os.PathLike, work: str | os.PathLike, scale: str
) -> None:
    """Write what there is to ship beside the records: the CycleGAN's generators in 16 bits;
    curves; the first pair as pictures; of music that may be passed on, its sounds.
    """
    import numpy as np

    from fusiontools.corpora.cache import write_npz
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    networks = audio_style.load_generators(path=work / "cyclegan-0")[0]
    about = {"scale": scale, "seed": 0}
    audio_style.save_generators(networks, out / WEIGHTS, data, METHOD, **about)
    history = History(work / "cyclegan-0" / "history.csv", keep=False)
    arrays = history_arrays(history, METHOD)
    sounds, pictures = {}, {}
    for file in sorted((work / "told").glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        for i, one in enumerate(told.get("pairs", [])):
            if one.get("curve"):
                arrays[f"{file.stem}-{i}/loss"] = np.array(one["curve"], float).T
                arrays[f"{file.stem}-{i}/gone"] = np.array(one["marks"], float).T
        for name, curve in told.get("curves", {}).items():
            arrays[f"rates-{name}/loss"] = np.array(curve, float).T
        if file.stem == "direct":
            arrays["direct-0/loss"] = np.array(told["losses"], float).T[:, ::10]
    for file in sorted((work / "sounds").glob("*-0.npz")):
        name = file.stem.removesuffix("-0")
        own = _sounds(work, name, 0)
        pictures[name] = evidence.metrics.small_picture(own["content"])
        if data.name == FIRST:
            sounds[name] = evidence.metrics.small_sound(own.get("refined", own["content"]))
    arrays = {name: values.astype("float32") for name, values in arrays.items()}
    write_npz(out / "histories.npz", compress=True, **arrays)
    write_npz(out / "pictures.npz", compress=True, **pictures)
    write_npz(out / "sounds.npz", compress=True, **sounds)


HERE = sys.modules[__name__]
FILES = {WEIGHTS: "pretrained/audio_style_{data}.safetensors"}
FILES |= {f"{n}.npz": f"results/audio_style/{n}_{{data}}.npz"
          for n in ("histories", "pictures", "sounds")}  # fmt: skip
NAMED = "{0.method}-{0.seed}".format  # what tells a record from the others of its data
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))

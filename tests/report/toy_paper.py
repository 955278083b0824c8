"""A paper of a few lines on `fusiontools.report`: do learned bigrams predict the next step
of a scale better than a uniform guess? All that a paper must write itself stands here.
"""

import functools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusiontools.corpora.cache import content_hash, read_described, write_described
from fusiontools.files import write_whole
from fusiontools.report import boxes, claims, curves, experiment, rows, tables

PAPER, FIRST, SOURCES = "toy_paper", "scales", ("scales",)
METHODS, METHOD = {"bigram": "a table of what follows what"}, "bigram"
MAIN = {"nats": "surprise at the next step"}
TABLE_1 = {"bigram": {"nats": 0.5}, "uniform": {"nats": 2.485}}
SHORT = {"uniform": "uniform guess", "bigram": "bigrams"}


@dataclass(frozen=True)
class Scales:
    name: str
    steps: np.ndarray  # (N, T) pitch classes

    @property
    def hash(self):
        return content_hash(self.name, self.steps.tobytes())


def make_data(name):
    start = np.random.default_rng(0).integers(0, 12, (64, 1))
    return Scales(name, (start + 2 * np.arange(16)) % 12)


def save_data(data, path):
    write_described(path, {"name": data.name}, {"steps": data.steps})


def open_data(path):
    def made(about, arrays):
        return Scales(about["name"], arrays["steps"])

    return read_described(path, made, "scales", "make them again")


def settings(method, scale, data):
    return {"rate": 0.5, "steps": {"smoke": 20}[scale], "phases": ["learn"]}


def train(config, data, run, adopted=None):
    import torch

    from fusiontools.training import descend, run_phases, seed_everything, steps

    seed_everything(run.seed)
    bigrams = torch.nn.Embedding(12, 12)
    x = torch.from_numpy(data.steps)
    adam = torch.optim.Adam(bigrams.parameters(), lr=config["rate"])

    def learn(phase):
        state = {"bigrams": bigrams, "adam": adam}
        for _ in steps(run, state, config["steps"], phase=phase):
            loss = torch.nn.functional.cross_entropy(
                bigrams(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()
            )
            descend(run, loss, bigrams, adam)
            run.log(nats=loss.detach())

    run_phases(run, config["phases"], learn, adopted=adopted)
    return bigrams


def save(networks, path, method, config, data, **about):
    from fusiontools.training import save_weights

    save_weights({"bigrams": networks}, path, corpora=[], terms="", **about)


def measure(networks, data, config, seed, say):
    table = networks.weight.detach().log_softmax(1).numpy()
    nats = -table[data.steps[:, :-1], data.steps[:, 1:]]
    value = float(nats.mean())
    return {"nats": {"value": value, "low": value - 0.01, "high": value + 0.01}}, []


def measure_uniform(file, work, scale):
    about = PAPER, "uniform", scale, open_data(file), time.monotonic()
    made = experiment.measured_record(*about, {"nats": float(np.log(12))}, {})
    experiment.store_measured(work, "uniform", [made])


def train_one(file, work, scale, device):
    run = sys.modules[__name__], Path(work) / "bigram", METHOD, scale
    made = experiment.train_in_folder(*run, data=file, device=device)
    experiment.store_measured(work, "bigram", [made])


def jobs(file, work, scale, device):
    learn = functools.partial(train_one, file, work, scale, device)
    guess = functools.partial(measure_uniform, file, work, scale)
    return [experiment.Job("bigram", learn), experiment.Job("uniform", guess, ("bigram",))]


def collect(data, out, work, scale):
    weights = (Path(work) / "bigram" / experiment.WEIGHTS).read_bytes()
    write_whole(Path(out) / "weights.safetensors", weights)


def t1(found):
    """Bigrams are less surprised than a uniform guess."""
    x, y = found.one("bigram")["nats"], found.one("uniform")["nats"]
    yield "less surprised", rows.less(x, y), f"{tables.cell(x)} against {tables.cell(y)}"


def nearly_sure(found):
    nats = found.one("bigram")["nats"]
    return nats["mean"] < 0.1, f"{tables.cell(nats)} nats"


CLAIMS = [claims.Claim("TP-C1", "Table 1", "bigrams predict better", t1)]
GOALS = [claims.Goal("less than 0.1 nats a step", nearly_sure)]


def table_1(found):
    return tables.beside_paper(found, {"nats": ("nats", 2)}, TABLE_1, SHORT)


def diagram(networks):
    places = {"x": boxes.Box(0, 0, "$x_t$"), "y": boxes.Box(6, 0, "$x_{t+1}$")}
    places["f"] = boxes.Box(3, 0, "bigrams", networks, filled=True)
    return boxes.boxes(places, [("x", "f"), ("f", "y", -1.0)])


def progress(history):
    panels = {"nats a step": [curves.Curve("run/nats", "bigrams", "C0")]}
    return curves.curves(panels, curves.history_arrays(history))


EXPERIMENT = experiment.Experiment(
    sys.modules[__name__],
    jobs,
    collect,
    lambda record: f"{record.method}-{record.seed}",
    {"weights.safetensors": "pretrained/toy_paper_{data}.safetensors"},
)

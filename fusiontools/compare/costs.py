"""What each system takes, gives, needs and costs, read off its run records and its weights.
Used in chapter 8, "Side by side".
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from fusiontools.compare.systems import SYSTEMS
from fusiontools.records import read_records
from fusiontools.report.tables import NOTHING, SPACE, Table, number

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows

__all__ = ["PAPERS", "costs", "terms_table"]

# The papers in the order of the chapters, then what one would do today: what a system is
# called, one of its rows in `SYSTEMS`, and the weights that come with the package
PAPERS = {
    "FusionGAN": ("fusiongan_ours", "fusiongan_essen_ryan"),
    "Connective Fusion": ("connective", "connective_fusion_fiddle_pop909"),
    "Domain transfer": ("domain_transfer", "domain_transfer_chorales_fiddle"),
    "LSTM, CNN-LSTM GANs": ("lstm_gan", "lstm_gan_chorales"),
    "Audio style transfer": ("audio_style", ""),  # random filters, or a closed form
    "Masked transformer": ("masked_fuse", "masked_essen_ryan"),
}
METRICS = {"minutes": "training_minutes", "seconds": "seconds", "parameters": "parameters"}


def costs(found: Rows, seconds: Mapping[str, float] | None = None) -> Table:
    """A line for each of `PAPERS`.

    Parameters
    ----------
    found : Rows
        Of the records of "compare".
    seconds : dict of str to float, optional
        Of one result, for systems that have no row there, by their names in `SYSTEMS`.

    Returns
    -------
    Table
        Each row has ``title``, ``system``, what it ``takes``, ``gives`` and ``needs``, the
        ``minutes`` of its trainings, the ``seconds`` of one result, and the ``parameters``
        of the networks that it runs. None: not measured.

    Examples
    --------
    >>> from fusiontools.records import read_records
    >>> from fusiontools.report.rows import rows
    >>> first = costs(rows(read_records("compare")))[0]
    >>> first["title"], first["takes"], first["minutes"] > 5
    ('FusionGAN', 'nothing', True)
    """
    made = []
    for title, (name, _) in PAPERS.items():
        system = SYSTEMS[name]
        own = [s.takes for s in SYSTEMS.values() if s.paper == system.paper]
        takes = ", or ".join(dict.fromkeys(own))
        row: dict[str, Any] = {"title": title, "system": name, "takes": takes}
        row |= {"gives": system.gives, "needs": system.needs}
        if system.make is not None:
            measured: Mapping = next(iter(found.every(name)), {})
            told = {word: measured.get(metric) for word, metric in METRICS.items()}
            row |= {word: own and own["mean"] for word, own in told.items()}
        else:
            row |= _bars_of_chorales() if name == "lstm_gan" else dict.fromkeys(METRICS, 0)
            row["seconds"] = (seconds or {}).get(name)
        made.append(row)
    columns = {"": lambda row: row["title"].replace(" ", SPACE)}
    columns |= {word: _text(word) for word in ("takes", "gives", "needs")}
    columns["training, minutes"] = _paid("minutes", number)
    columns["use, seconds"] = _paid("seconds", "{:.2g}".format)
    columns["parameters"] = _paid("parameters", number)
    return Table(made, columns)


def _text(word):
    return lambda row: row[word]


def _paid(word, text):
    """A column of numbers; a dash where there is nothing to pay, or nothing is known."""
    return lambda row: text(row[word]) if row[word] else NOTHING


def _bars_of_chorales():
    """The cost of the bars that ship without a download."""
    from fusiontools.papers.lstm_gan import load_weights
    from fusiontools.report.boxes import weights_of

    own = [r for r in read_records("lstm_gan") if r.data["name"] == "chorales"]
    minutes = fmean(r.minutes for r in own if r.method == "cnn_lstm")
    networks, _ = load_weights("chorales", "cnn_lstm")
    return {"minutes": minutes, "parameters": weights_of(networks.g)}


def terms_table() -> Table:
    """The corpora that shipped weights have learned from: a row for each with ``corpus``,
    its ``terms`` and the ``systems``.

    Examples
    --------
    >>> [row["systems"] for row in terms_table() if row["corpus"] == "oneill"]
    [['Connective Fusion']]
    """
    from fusiontools.corpora.registry import terms

    learned: dict[str, list[str]] = {}
    for title, (_, file) in PAPERS.items():
        for corpus in _notice(file)["corpora"] if file else []:
            learned.setdefault(corpus, []).append(title)
    made: list[dict[str, Any]] = [
        {"corpus": name, "terms": terms(name)["licence"], "systems": own}
        for name, own in learned.items()
    ]
    columns = {"corpus": lambda row: f"`{row['corpus']}`"}
    columns["whose weights"] = lambda row: ", ".join(row["systems"])
    return Table(made, columns | {"its terms": _text("terms")})


def _notice(file):
    """What a file of weights says of itself."""
    from fusiontools.training import read_weights

    folder = Path(str(resources.files("fusiontools"))) / "pretrained"
    return read_weights(folder / f"{file}.safetensors")[1]

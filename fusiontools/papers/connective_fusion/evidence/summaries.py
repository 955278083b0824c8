"""What the tables and figures of the Connective Fusion chapter are made with: records as
rows, arrays beside them, rows shown as Markdown.

It knows no figure, no table and no claim: see `figures`, `tables` and `claims` beside it.
Nothing is measured here.
"""

from importlib import resources
from pathlib import Path
from statistics import fmean

import numpy as np

from fusiontools.corpora.cache import read_npz
from fusiontools.errors import RecordError
from fusiontools.papers.connective_fusion.config import LAMBDAS
from fusiontools.records import Record, table

__all__ = [
    "ABLATIONS",
    "CORRELATIONS",
    "METRICS",
    "MIDDLE",
    "NOTHING",
    "SHORT",
    "TRIVIAL",
    "cell",
    "choose",
    "column",
    "find",
    "histories",
    "measured",
    "name_of",
    "needed",
    "number",
    "per_cent",
    "rows",
    "select",
]

METRICS = {  # of Figures 4 and 7, in their order, and how they are called there
    "reality": "reality",
    "key_corr": "key",
    "mp_corr": "MP",
    "md_corr": "MD",
    "pt_corr": "PT",
    "dt_corr": "DT",
}
CORRELATIONS = {
    f"{name[:-5]}": said for name, said in METRICS.items() if name.endswith("_corr")
}  # "key": "key", "mp": "MP" ...
TRIVIAL = ("concatenate", "reconstruct", "transpose", "half_and_half", "noise", "shuffle")
ABLATIONS = ("styled", "gradient_penalty", "balanced", "as_printed")
SHORT = {  # how the methods are called in tables and figures
    "ours": "ours",
    "iterated": "ours",
    "latent_perturb": "Latent Perturb",
    "concatenate": "side by side",
    "reconstruct": "side by side, decoded",
    "transpose": "moved to one key",
    "half_and_half": "bars in turn",
    "noise": "noise of our size",
    "shuffle": "shuffled notes",
    "real": "real melodies",
    "styled": "ours, styles demanded",
    "gradient_penalty": "gradient penalty",
    "balanced": "fakes weighted down",
    "as_printed": "as printed",
    "vae": "VAE",
    "reality": "judge",
}
KNOBS = (
    "inputs",
    "similarity",
    "sigma",
    "iterations",
    "decoder",
    "kind",
    "part",
)  # all settings that tell rows of one method apart
KNOBS_OF = {
    "ours": ("inputs", "similarity", "iterations"),
    "latent_perturb": ("inputs", "sigma"),
    "vae": ("decoder",),
}
KNOBS_OF |= {"iterated": KNOBS_OF["ours"], "reality": ("kind", "part")} | dict.fromkeys(
    ABLATIONS, ("inputs", "similarity")
)
FIRST = (
    "test",
    "transformer",
    "parallel",
    "train-2",
    "prior",
    "features",
    "lstm",
    "train-1",
)  # of each setting, what comes first
NOTHING = "–"
MIDDLE = LAMBDAS[
    1
]  # 0.3: the lambda of Figure 2, of the ablations, and of what is shown where one lambda must do
TIE = ",\N{NO-BREAK SPACE}"  # an interval is never broken over two lines


def choose(records, data=None, scale=None):
    """The records on one data set and of one scale: a page never mixes them.

    Parameters
    ----------
    records : iterable of Record or dict
    data, scale : str, optional

    Returns
    -------
    list of Record
    """
    records = [r if isinstance(r, Record) else Record(**r) for r in records]
    return [
        r for r in records if data in (None, r.data["name"]) and scale in (None, r.scale)
    ]


def rows(records):
    """Records as rows, one for each method and setting, seeds taken together.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale. Those of the method "data", which count windows, are
        left out.

    Returns
    -------
    list of dict
        In the order of `SHORT`, then of the settings. Each has ``method``, each of
        ``inputs``, ``similarity``, ``sigma``, ``iterations``, ``decoder``, ``kind`` and
        ``part`` (None where the method has no such setting), ``runs``, ``minutes`` (the
        mean), and its metrics as `fusiontools.records.table` sums them up: ``{"mean",
        "low", "high", ...}``.

    Raises
    ------
    RecordError
        If the records are of several data sets or scales, or a setting is missing.
    """
    records, groups = [r for r in choose(records) if r.method != "data"], {}
    for what, found in (
        ("data", {r.data["name"] for r in records}),
        ("scale", {r.scale for r in records}),
    ):
        if len(found) > 1:
            do = f"take one with choose(records, {what}=...)"
            raise RecordError(
                f"records that differ in {what}: {', '.join(sorted(found))}", "records", do
            )
    for r in records:
        knobs = KNOBS_OF.get(r.method, ("inputs",))
        if lacking := [k for k in knobs if k not in r.config and k != "iterations"]:
            do = "let the run that made it write it again"
            raise RecordError(
                f"its config lacks {', '.join(lacking)}", f"a record of {r.method}", do
            )
        key = (
            r.method,
            *(
                r.config.get(k, 1 if k == "iterations" else None) if k in knobs else None
                for k in KNOBS
            ),
        )
        groups.setdefault(key, []).append(r)
    made = []
    for key, group in groups.items():
        own = dict(zip(("method", *KNOBS), key)) | {
            "minutes": fmean(r.minutes for r in group)
        }
        made.append(table(group)[0] | own)
    order = {name: i for i, name in enumerate(SHORT)}
    return sorted(
        made,
        key=lambda row: (
            order.get(row["method"], len(order)),
            row["method"],
            *(_sortable(row[k]) for k in KNOBS),
        ),
    )


def _sortable(value):
    """Test before prior, as in the paper, and so on; numbers by size."""
    return (
        FIRST.index(value)
        if value in FIRST
        else -1.0
        if value is None
        else len(FIRST)
        if isinstance(value, str)
        else value
    )


def select(found, *methods, **settings):
    """The rows of some methods with some settings.

    Parameters
    ----------
    found : list of dict
        See `rows`.
    *methods : str
        All, if none is named.
    **settings
        Such as ``inputs="test"``, ``similarity=0.3``.

    Returns
    -------
    list of dict
    """
    return [
        row
        for row in found
        if row["method"] in (methods or (row["method"],))
        and all(row[k] == v for k, v in settings.items())
    ]


def find(found, *methods, **settings):
    """The first of `select`, or None."""
    return next(iter(select(found, *methods, **settings)), None)


def name_of(row):
    """How a row is called, its setting with it.

    Examples
    --------
    >>> name_of({"method": "ours", "similarity": 0.3, "iterations": 1, "sigma": None})
    'ours, λ 0.3'
    """
    said = SHORT.get(row["method"], row["method"].replace("_", " "))
    if row["method"] in ("ours", "iterated"):
        said += f", λ {row['similarity']:g}" + (
            f", {row['iterations']} times" if row["iterations"] > 1 else ""
        )
    return said + (f", σ {row['sigma']:g}" if row["sigma"] is not None else "")


def cell(found, digits=2):
    r"""A summary as text: the mean and its range; a dash for what there is not.

    Examples
    --------
    >>> (
    ...     cell({"mean": 1.183, "low": 1.1, "high": 1.25}),
    ...     cell({"mean": 0.5, "low": None, "high": None}, 0),
    ...     cell(None),
    ... )
    ('1.18 [1.10,\xa01.25]', '0', '–')
    """
    if found is None:
        return NOTHING
    mean, *ends = (
        _minus(f"{found[key]:.{digits}f}")
        for key in ("mean", "low", "high")
        if found.get(key) is not None
    )
    return mean + (f" [{TIE.join(ends)}]" if ends else "")


def per_cent(found, digits=1):
    r"""A share as text, in per cent.

    Examples
    --------
    >>> per_cent({"mean": 0.25, "low": 0.2, "high": 0.3}), per_cent(0.25), per_cent(None)
    ('25.0 [20.0,\xa030.0]\xa0%', '25.0\xa0%', '–')
    """
    if found is None:
        return NOTHING
    found = found if isinstance(found, dict) else {"mean": found}
    times = {
        key: None if found.get(key) is None else 100 * found[key]
        for key in ("mean", "low", "high")
    }
    return f"{cell(times, digits)}\N{NO-BREAK SPACE}%"


def number(value, digits=0):
    """A number as text, with thousands set apart; a dash for None."""
    return NOTHING if value is None else _minus(f"{value:,.{digits}f}")


def _minus(text):
    return text.replace("-", "−")


def measured(folder=None):
    """The arrays that stand beside the records: what Figures 5 and 6 and the judges'
    learning curves are drawn from.

    Parameters
    ----------
    folder : path-like, optional
        Where ``measured.npz`` lies; by default, with the records that ship.

    Returns
    -------
    dict of str to ndarray
        ``markov_{before,after,real}_{key,mp,md,pt,dt}``, shape (K, K): how many windows go
        from each state to each. ``distance_edges``, (B + 1,), and ``distance_within`` and
        ``distance_between``, (B,): histograms of z-distances. ``distance_below``, (2, 2):
        within and between songs, the shares below 1 and 3. ``distance_pairs``, (4,): pairs
        within and between that were counted, and pairs within and between that were left
        out as identical. ``curve_{transformer,features}``, (n, 4): songs, accuracy, low,
        high. Empty where nothing ships.
    """
    return _arrays("measured.npz", folder)


def needed(arrays, *names):
    """Some of the arrays.

    Parameters
    ----------
    arrays : dict of str to ndarray or None
        None for what ships, see `measured`.
    *names : str

    Returns
    -------
    list of ndarray

    Raises
    ------
    RecordError
        If one is missing.
    """
    arrays = measured() if arrays is None else arrays
    if lacking := [name for name in names if name not in arrays]:
        raise RecordError(
            f"no array {', '.join(lacking)}",
            "measured.npz",
            "let the experiment that makes it run again, to its end",
        )
    return [np.asarray(arrays[name]) for name in names]


def histories(folder=None):
    """How the trainings of the shipped weights went.

    Parameters
    ----------
    folder : path-like, optional
        As in `measured`.

    Returns
    -------
    dict of str to ndarray
        ``"{training}/{column}"``, such as ``"vae-parallel/held_out_token_accuracy"`` and
        ``"ours-0.3/distance"``. See `column`.
    """
    return _arrays("histories.npz", folder)


def _arrays(name, folder):
    home = (
        Path(folder)
        if folder is not None
        else resources.files("fusiontools").joinpath("results", "connective_fusion")
    )
    path = home.joinpath(name)
    if folder is None and not path.is_file():
        return {}
    return read_npz(path)


def column(arrays, name):
    """One curve of a training, with the steps at which it has a value.

    Parameters
    ----------
    arrays : dict of str to ndarray
        See `histories`. A column is its values, shape (N,), with NaN where nothing was
        written; or steps and values, shape (2, N).
    name : str

    Returns
    -------
    pair of ndarray, or None
        Where the training has no such column.

    Examples
    --------
    >>> column(
    ...     {
    ...         "ours-0.3/step": np.array([10, 20, 30]),
    ...         "ours-0.3/distance": np.array([0.5, np.nan, 1.5]),
    ...     },
    ...     "ours-0.3/distance",
    ... )
    (array([10, 30]), array([0.5, 1.5]))
    """
    if name not in arrays:
        return None
    values = np.asarray(arrays[name])
    if values.ndim == 2:
        return tuple(values)
    steps = np.asarray(arrays.get(f"{name.rpartition('/')[0]}/step", ()))
    steps = steps if len(steps) == len(values) else np.arange(1, len(values) + 1)
    return steps[np.isfinite(values)], values[np.isfinite(values)]

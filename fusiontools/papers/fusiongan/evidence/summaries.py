"""What the tables of the FusionGAN chapter are made with: records summed up over seeds, and
rows that a notebook shows as Markdown.

It knows no table and no claim, see ``fusiontools.papers.fusiongan.evidence.tables`` and
``fusiontools.papers.fusiongan.evidence.claims``.
"""

from statistics import fmean

import numpy as np

from fusiontools.errors import RecordError
from fusiontools.records import Record, table
from fusiontools.score import bin_names, distribution, shares

__all__ = [
    "BLOCKS",
    "COLUMNS",
    "DISTANCES",
    "NOTHING",
    "SEEDS",
    "SHORT",
    "are_records",
    "by_method",
    "cell",
    "choose",
    "name_of",
    "number",
    "shares_of",
    "summaries",
]

SHORT = {  # how the methods are called in tables and figures
    "rm": "RM",
    "mle": "MLE",
    "gan": "GAN",
    "rl": "RL",
    "mc": "MC",
    "fusion": "Fusion",
    "fusion_ours": "Fusion, ours",
    "fusion_leashed": "Fusion, leashed",
    "fusion_as_printed": "Fusion, as printed",
    "half_and_half": "half and half",
    "splice": "splice",
    "shuffle": "shuffled notes",
    "noise": "noise",
    "real_a": "real A",
    "real_b": "real B",
    "fusion_no_balance": "Fusion, no balance",
    "fusion_constant_rewards": "Fusion, constant rewards",
    "fusion_no_phase_two": "Fusion, no second phase",
}
BLOCKS = {"dd": "DD", "npd": "NPD"}
DISTANCES = {"eud": "EUD", "em": "EM"}
COLUMNS = tuple(
    (block, distance) for block in BLOCKS for distance in DISTANCES
)  # of Table I, in its order
NOTHING = "–"
SEEDS = "Means over the seeds; in brackets the lowest and the highest end of the seeds' own 95 % intervals."


def choose(records, pair=None, scale=None):
    """The records of one pair and of one scale. A page never mixes pairs: their Ratios
    divide by different distances.

    Parameters
    ----------
    records : iterable of Record or dict
    pair, scale : str, optional

    Returns
    -------
    list of Record
    """
    records = [r if isinstance(r, Record) else Record(**r) for r in records]
    return [
        r for r in records if pair in (None, r.data["name"]) and scale in (None, r.scale)
    ]


def summaries(records):
    """For each method its metrics over the seeds, as ``fusiontools.records.table`` gives
    them, and the mean of its ``minutes``.

    Returns
    -------
    dict of str to dict
        In the order of `SHORT`. A metric is ``{"mean", "low", "high", ...}``, or None where
        no run has it.

    Raises
    ------
    RecordError
        If the records are of several pairs or scales.
    """
    records = choose(records)
    for what, found in (
        ("pairs", {r.data["name"] for r in records}),
        ("scales", {r.scale for r in records}),
    ):
        if len(found) > 1:
            raise RecordError(
                f"records of several {what}: {', '.join(sorted(found))}",
                "records",
                f"take one with choose(records, {what[:-1]}=...)",
            )
    rows = {row["method"]: row for row in table(records)}
    for name, row in rows.items():
        row["minutes"] = fmean(r.minutes for r in records if r.method == name)
    order = [*SHORT, *(name for name in rows if name not in SHORT)]
    return {name: rows[name] for name in order if name in rows}


def cell(found, digits=2, per_cent=False):
    r"""A summary as text: the mean and its range; a dash for what there is not.

    Examples
    --------
    >>> (
    ...     cell({"mean": 1.183, "low": 1.1, "high": 1.25}),
    ...     cell({"mean": 0.5, "low": None, "high": None}, 0, True),
    ...     cell(None),
    ... )
    ('1.18 [1.10,\xa01.25]', '50\xa0%', '–')
    """
    if found is None:
        return NOTHING
    times = 100 if per_cent else 1
    mean, *ends = (
        f"{times * found[key]:.{digits}f}"
        for key in ("mean", "low", "high")
        if found[key] is not None
    )
    tied = ",\N{NO-BREAK SPACE}".join(ends)  # an interval is never broken over two lines
    return (
        mean + (f" [{tied}]" if ends else "") + ("\N{NO-BREAK SPACE}%" if per_cent else "")
    )


def number(value, digits):
    """A number as text, with thousands set apart; a dash for None."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def name_of(row):
    """How a row's method is called."""
    return SHORT.get(row["method"], row["method"])


def by_method(records):
    """The records of each method, in the order of `SHORT`: what figures take, where they do
    not take melodies.

    Returns
    -------
    dict of str to list of Record
    """
    records = choose(records)
    return {name: [r for r in records if r.method == name] for name in summaries(records)}


def shares_of(what, name):
    """The shares of durations or of pitch classes in whatever holds them, shape (K,).

    Parameters
    ----------
    what : list of Notes, Record, list of Record, or ndarray of shape (K,)
        Of several records, the mean. An array is taken as it is.
    name : {"dd", "npd", "verdict"}
        "verdict", what the judge says, is in records only.

    Raises
    ------
    ValueError
        If an array has not as many bins as there are.
    RecordError
        If a record has no such histogram.

    Examples
    --------
    >>> shares_of([([60, 67], [1, 1])], "npd")[[0, 7]].tolist()
    [0.5, 0.5]
    """
    if isinstance(what, np.ndarray):
        bins = len(bin_names(name))
        if what.shape != (bins,):
            raise ValueError(
                f"shares of {name!r} have the shape ({bins},), found {what.shape}"
            )
        return what
    what = [what] if isinstance(what, Record) else what
    if not are_records(what):
        return distribution(name, what)
    from fusiontools.papers.fusiongan.evidence.metrics import histogram_of

    try:
        return shares(
            np.mean([histogram_of(r.metrics, name) for r in what], axis=0)
        )  # records round, so they add up to nearly 1
    except KeyError as error:
        raise RecordError(
            f"no {error}",
            f"record of {what[0].method}",
            "let the training that made it write it again",
        ) from None


def are_records(what):
    return (
        isinstance(what, list) and bool(what) and all(isinstance(r, Record) for r in what)
    )

"""FusionGAN's listening test: the fusion level FL, and rows of Table II that are wrong.

A row is a dict of five percentages::

    {"jazz": ..., "folk": ..., "mixture": ..., "neither": ..., "FL": ...}

that is, four shares of the answers, and the level printed beside them. Two rules hold for a
sound row: the shares add up to 100, and FL follows from them. A row that breaks one comes
with every way to repair it. The paper's own rows live with the paper, not here. Used in
chapter 3, FusionGAN.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "ENTRIES",
    "Repair",
    "answer_counts",
    "consequences",
    "fusion_level",
    "ranking",
    "repairs",
    "row_checks",
]

SHARES = ("jazz", "folk", "mixture", "neither")
ENTRIES = (*SHARES, "FL")
SUM_WITHIN = 0.25  # four shares, each rounded to 0.1: their sum may be off by 0.2
LEVEL_WITHIN = 0.55  # a level printed as a whole number may be off by 0.5


def fusion_level(jazz: float, folk: float, mixture: float, neither: float) -> float:
    """FL, the fusion level of a listening test.

    It is 1 where every listener hears a mixture, or half hear jazz and half folk; 0 where
    all hear one genre, or neither.

    Parameters
    ----------
    jazz, folk, mixture, neither : float
        Counts of the four answers, or their percentages; only their proportions matter.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If a count is negative, or there are no answers.

    References
    ----------
    FusionGAN, section IV-B, the equation before section V.

    Examples
    --------
    >>> round(fusion_level(35.9, 25.0, 20.0, 19.1), 3)
    0.7
    """
    answers = jazz + folk + mixture + neither
    if min(jazz, folk, mixture, neither) < 0 or answers <= 0:
        raise ValueError(
            f"answers {jazz}, {folk}, {mixture}, {neither}: "
            "none may be negative, and there must be some"
        )
    # FL = 1 - (|C_jazz - C_folk| + C_neither) / (C_jazz + C_folk + C_mixture + C_neither)
    return 1 - (abs(jazz - folk) + neither) / answers


def _level(row):
    return 100 * fusion_level(*(row[name] for name in SHARES))


def _known(row):
    if set(row) != set(ENTRIES):
        raise ValueError(
            f"a row has the entries {', '.join(ENTRIES)}, found {', '.join(map(str, row))}"
        )
    return {name: float(row[name]) for name in ENTRIES}


def row_checks(row: Mapping[str, float]) -> dict[str, Any]:
    """The two rules, tried on a row.

    Parameters
    ----------
    row : dict of str to float
        See the top of this module.

    Returns
    -------
    dict
        ``total`` (of the shares), ``level`` (the FL that follows, in per cent), ``sums``
        and ``follows``: whether each rule holds within rounding.

    Examples
    --------
    >>> row_checks({"jazz": 32, "folk": 2, "mixture": 14, "neither": 52, "FL": 16})
    {'total': 100.0, 'level': 18.0, 'sums': True, 'follows': False}
    """
    row = _known(row)
    total, level = round(sum(row[name] for name in SHARES), 6), round(_level(row), 6)
    sums = abs(total - 100) <= SUM_WITHIN
    follows = abs(level - row["FL"]) <= LEVEL_WITHIN
    return {"total": total, "level": level, "sums": sums, "follows": follows}


class Repair(NamedTuple):
    """One entry of a row set to another value, and what holds then."""

    entry: str  # which
    printed: float
    repaired: float
    row: dict  # the whole row after the repair
    level: float  # the FL that follows from its shares, in per cent
    sums: bool  # the shares add up to 100
    follows: bool  # FL follows from the shares
    countable: bool | None  # shares are whole answers of the given number; None: no number

    @property
    def whole(self) -> bool:
        """Whether this one repair mends the row, so that both rules hold after it."""
        return self.sums and self.follows


def repairs(
    row: Mapping[str, float], answers: int | None = None, digits: int = 1
) -> list[Repair]:
    """Every change of a single entry after which a rule holds that did not hold before.

    Parameters
    ----------
    row : dict of str to float
        See the top of this module.
    answers : int, optional
        How many listeners answered, if it is known (`answer_counts` of the musicality row
        tells): then each repair says whether it leaves shares that so many answers can
        give.
    digits : int
        Decimals that shares are printed with.

    Returns
    -------
    list of Repair
        Those that mend the row first. Empty for a sound row.

    References
    ----------
    FusionGAN, Table II: the GAN row adds up to 91, and of MC's row follows an FL of 18, not
    16.

    Examples
    --------
    >>> for r in repairs({"jazz": 34, "folk": 17, "mixture": 26, "neither": 14, "FL": 69}):
    ...     print(r.entry, r.repaired, round(r.level, 1), r.sums, r.follows)
    mixture 35.0 69.0 True True
    jazz 10.2 69.0 False True
    jazz 30.0 69.0 False True
    jazz 43.0 60.0 True False
    folk 19.1 69.0 False True
    folk 26.0 78.0 True False
    folk 62.2 69.0 False True
    neither 10.0 69.0 False True
    neither 23.0 60.0 True False
    FL 65.9 65.9 False True
    """
    row, before = _known(row), row_checks(row)
    found = []
    for name in ENTRIES:
        candidates = set()
        if name == "FL":
            candidates.add(round(before["level"], digits))
        else:
            candidates.add(round(row[name] + 100 - before["total"], digits))
            candidates.update(round(value, digits) for value in _solutions(row, name))
        for value in sorted(c for c in candidates if 0 <= c <= 100 and c != row[name]):
            mended = {**row, name: value}
            after = row_checks(mended)
            if not any(after[rule] and not before[rule] for rule in ("sums", "follows")):
                continue
            countable = None
            if answers is not None:
                shares = [mended[share] for share in SHARES]
                countable = answers in answer_counts(shares, digits, answers)
            holds = (after["level"], after["sums"], after["follows"])
            found.append(Repair(name, row[name], value, mended, *holds, countable))
    return sorted(found, key=lambda r: not r.whole)


def _solutions(row, name):
    """The values of one share for which FL follows from the row exactly."""
    # (1 - FL) (rest + v) = |jazz - folk| + neither is solved for v
    level = row["FL"] / 100
    rest = sum(row[other] for other in SHARES if other != name)
    apart = abs(row["jazz"] - row["folk"])
    if name == "mixture":
        return [(apart + row["neither"]) / (1 - level) - rest] if level < 1 else []
    if name == "neither":
        return [((1 - level) * rest - apart) / level] if level > 0 else []
    other = row["folk" if name == "jazz" else "jazz"]
    above = ((1 - level) * rest + other - row["neither"]) / level if level > 0 else -1
    below = (other + row["neither"] - (1 - level) * rest) / (2 - level)
    return [v for v, fits in ((above, above >= other), (below, below < other)) if fits]


def answer_counts(
    shares: Sequence[float], digits: int = 1, most: int = 100
) -> dict[int, Any]:
    """How many people can have answered, if these are the printed percentages.

    Parameters
    ----------
    shares : sequence of float
        In per cent.
    digits : int
        Decimals that they are printed with.
    most : int
        The largest number of answers to try.

    Returns
    -------
    dict of int to tuple of int
        From each possible number of answers to the count of each answer; the counts add up
        to it.

    Examples
    --------
    >>> answer_counts([43.6, 9.1, 30.9, 16.4])
    {55: (24, 5, 17, 9)}
    """
    possible = {}
    for n in range(1, most + 1):
        counts = tuple(round(share * n / 100) for share in shares)
        off = [abs(100 * c / n - share) for c, share in zip(counts, shares)]
        near = all(x <= 0.5 * 10**-digits + 1e-9 for x in off)
        if near and sum(counts) == n:
            possible[n] = counts
    return possible


def ranking(table: Mapping[str, dict], entry: str) -> list[str]:
    """The methods from the highest to the lowest in one entry; equals keep their order.

    Parameters
    ----------
    table : dict of str to dict
        From each method to its row.
    entry : str
        One of `ENTRIES`.

    Examples
    --------
    >>> ranking({"x": {"FL": 1}, "y": {"FL": 3}, "z": {"FL": 2}}, "FL")
    ['y', 'z', 'x']
    """
    return sorted(table, key=lambda method: -table[method][entry])


def consequences(
    table: Mapping[str, dict], method: str, repair: Repair
) -> dict[str, tuple[list, list]]:
    """What a repair changes in the order of the methods.

    Parameters
    ----------
    table : dict of str to dict
        From each method to its row, as printed.
    method : str
        Whose row is repaired.
    repair : Repair
        One of ``repairs(table[method])``. The repaired row is ranked by the FL that follows
        from it.

    Returns
    -------
    dict of str to pair of list
        For each entry whose ranking changes: the methods from high to low before, and
        after.

    Raises
    ------
    ValueError
        If the repair is not one of that row.

    Examples
    --------
    >>> gan = {"jazz": 34, "folk": 17, "mixture": 26, "neither": 14, "FL": 69}
    >>> mle = {"jazz": 43.6, "folk": 9.1, "mixture": 30.9, "neither": 16.4, "FL": 49.1}
    >>> table = {"GAN": gan, "MLE": mle}
    >>> consequences(table, "GAN", repairs(gan)[0])
    {'mixture': (['MLE', 'GAN'], ['GAN', 'MLE'])}
    """
    if _known({**table[method], repair.entry: repair.repaired}) != repair.row:
        raise ValueError(f"this repair of {repair.entry} is not one of the row of {method}")
    mended = {**table, method: {**repair.row, "FL": repair.level}}
    orders = {entry: (ranking(table, entry), ranking(mended, entry)) for entry in ENTRIES}
    return {entry: order for entry, order in orders.items() if order[0] != order[1]}

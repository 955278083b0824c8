"""One colour per domain, in every figure and player of the book.

The hues are far apart for colour-blind eyes too (after Okabe and Ito), and dark enough for
white text on them. Used in every chapter.
"""

__all__ = ["COLOURS", "colour"]

COLOURS = {
    "folk": "#0072b2",
    "jazz": "#c2410c",
    "fused": "#7b3fa0",
    "fiddle": "#00785a",
    "irish": "#2f855a",
    "airs": "#5b7f2b",
    "reel": "#3f7d5f",
    "chorale": "#8a6d00",
    "classical": "#8a6d00",
    "metal": "#3b3f45",
    "rock": "#a61e4d",
    "pop": "#b0307f",
    "content": "#0072b2",
    "style": "#c2410c",
    "generated": "#7b3fa0",
    "plain": "#41627e",
}


def colour(domain: str | None) -> str:
    """The book's colour for a domain, as a hex string; a calm grey-blue for what has none.

    Examples
    --------
    >>> colour("folk"), colour("anything else")
    ('#0072b2', '#41627e')
    """
    return COLOURS.get(domain or "plain", COLOURS["plain"])

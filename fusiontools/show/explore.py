"""A live control with a static twin.

Knobs redraw and replay where a kernel runs; ready-made views stand where none does.

In JupyterLab and on Colab you see ipywidgets. In the built book, on a page of saved
outputs, or where widgets are stripped, the same cell shows tabs with the views that were
rendered for it, players and all. Used in chapters 1, 3, 4, 5, 6, 7 and 8.
"""

import hashlib
import html
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fusiontools.errors import FusionError

__all__ = ["Explorer", "explore"]

WIDGET = "application/vnd.jupyter.widget-view+json"
# A widget's HTML comes into the page through innerHTML, which runs no script. An image that
# cannot be shown says so to its own handler, and that puts the script of each player and
# pad in again, as a new element: those do run.
WAKE = (
    '<img hidden alt="" src="data:image/gif," onerror="'
    "this.parentNode.querySelectorAll('figure[data-ft] > script').forEach(s => {"
    " const n = document.createElement('script'); n.textContent = s.textContent;"
    " s.replaceWith(n); }); this.remove();"
    '">'
)
_shown: Counter = Counter()


class Explorer:
    """Knobs, the view that they steer, and its static twin. Make one with `explore`.

    Attributes
    ----------
    knobs : dict of str to ipywidgets.Dropdown
        Set ``explorer.knobs["grid"].value`` from code, and the view follows.
    html : str
        What the view shows now.
    """

    def __init__(self, render: Callable, options: Mapping[str, Any], twin: str) -> None:
        import ipywidgets

        self._render, self._options, self._twin = render, options, twin
        self._view = ipywidgets.HTML()
        self.knobs = {}
        for name, choices in options.items():
            knob = ipywidgets.Dropdown(options=list(choices), description=name)
            knob.value = next(iter(choices))
            knob.style = {"description_width": "initial"}
            knob.observe(self._redraw, names="value")
            self.knobs[name] = knob
        knobs = ipywidgets.HBox([*self.knobs.values()], layout={"flex_flow": "row wrap"})
        self._box = ipywidgets.VBox([knobs, self._view])
        self._redraw()

    def _redraw(self, change=None):
        values = {
            name: self._options[name][knob.value] for name, knob in self.knobs.items()
        }
        # What goes wrong is said in the view: an error in a widget's callback is seen
        # nowhere. The knobs stay alive.
        try:
            self.html = _html(self._render(**values))
        except Exception as error:
            kind = "" if isinstance(error, FusionError) else f"{type(error).__name__}: "
            says = html.escape(f"{kind}{error}")
            self.html = f"<p><b>Nothing to show:</b> {says}</p>"
        self._view.value = self.html + WAKE

    def _repr_mimebundle_(self, include=None, exclude=None):
        model = self._box.model_id
        widget = {"version_major": 2, "version_minor": 0, "model_id": model}
        return {"text/plain": repr(self), "text/html": self._twin, WIDGET: widget}

    def __repr__(self):
        set_to = [f"{name}={knob.value!r}" for name, knob in self.knobs.items()]
        return f"Explorer({', '.join(set_to)})"


def explore(
    render: Callable, options: Mapping[str, dict], twin: Mapping[str, dict]
) -> Explorer:
    """Knobs over a function that draws.

    Parameters
    ----------
    render : callable
        Takes one keyword argument a knob and returns something that shows itself as HTML,
        such as a player.
    options : dict of str to dict
        For each knob its choices, from label to value. The first choice is the one at the
        start.
    twin : dict of str to dict
        For each tab of the static page its label and the labels of the choices that it
        shows.

    Returns
    -------
    Explorer
        Whatever error `render` raises for a setting is told in the view. For a view of the
        twin, it is raised.

    Raises
    ------
    ValueError
        If a knob has no choices, or the twin names a knob or a choice that there is not.

    Examples
    --------
    >>> class Word(str):
    ...     def _repr_html_(self):
    ...         return f"<b>{self}</b>"
    >>> options, twin = {"times": {"once": 1, "twice": 2}}, {"Twice": {"times": "twice"}}
    >>> e = explore(lambda times: Word("la " * times), options, twin)
    >>> e.knobs["times"].value = "twice"
    >>> e.html
    '<b>la la </b>'
    """
    if not twin:
        raise ValueError(
            "a live control needs a twin: name at least one view that the static page shows"
        )
    unknown = {name for chosen in twin.values() for name in chosen} - set(options)
    if unknown:
        found = f"the twin turns knobs that there are not: {', '.join(sorted(unknown))}"
        raise ValueError(found)
    for name, choices in options.items():
        if not choices:
            raise ValueError(f"the knob {name!r} has no choices")
        for label, chosen in twin.items():
            if name in chosen and chosen[name] not in choices:
                raise ValueError(
                    f"view {label!r} of the twin sets {name!r} to {chosen[name]!r}; "
                    f"choose one of {', '.join(map(str, choices))}"
                )
    views = {label: render(**_values(options, chosen)) for label, chosen in twin.items()}
    return Explorer(render, options, _tabs(views))


def _values(options, chosen):
    """Of each knob the chosen value, or the first where a tab does not name it."""
    return {
        name: choices[chosen.get(name, next(iter(choices)))]
        for name, choices in options.items()
    }


def _html(shown):
    return shown._repr_html_()


def _tabs(views):
    """Radio buttons and CSS as tabs, with no script; without styles all views follow."""
    content = [(label, _html(view)) for label, view in views.items()]
    digest = hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()
    name = f"ft-tabs-{digest[:8]}"
    # the same once more, perhaps on the same page
    group = f"{name}-{_shown[name]}" if _shown[name] else name
    _shown[name] += 1
    style = (
        f".{group}>input{{position:absolute;opacity:0}}"
        f".{group}>label{{display:inline-block;padding:.25em .8em;margin:0 .3em .4em 0;"
        "border:1px solid #8886;border-radius:6px;cursor:pointer}"
        f".{group}>input:focus-visible+label{{outline:2px solid #e0245e;"
        "outline-offset:2px}"
        f".{group}>div{{display:none}}"
    )
    heads, bodies = "", ""
    for i, (label, view) in enumerate(content):
        tab, checked = f"{group}-{i}", "" if i else " checked"
        style += (
            f".{group}>#{tab}:checked~.{tab}{{display:block}}"
            f".{group}>#{tab}:checked+label{{background:#41627e;color:#fff}}"
        )
        heads += (
            f'<input type="radio" name="{group}" id="{tab}"{checked}>'
            f'<label for="{tab}">{html.escape(label)}</label>'
        )
        bodies += f'<div class="{tab}">{view}</div>'
    return f'<div class="ft-explore {group}"><style>{style}</style>{heads}{bodies}</div>'

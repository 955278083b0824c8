"""What the theme puts into a page and this book does not want there.

No page has a live kernel, so the scripts of thebe, which would fetch one from afar and are
put in twice, stay out. The rocket, which opens a page on Colab, stands on notebooks only: a
prose page is no notebook, even if it runs code. Figures have no numbers: beside a paper's
"Figure 9", one of ours would be mistaken for it. And pages are read two at a time, though
some extensions do not say that this is safe. The rest of what makes pages readable for
everyone is in _static/book.js and _static/book.css.
"""

import zlib
from pathlib import Path

# They do not say it; read so, all pages came out the same.
UNDECLARED = ("sphinx_multitoc_numbering", "sphinx-mathjax-offline")
UNDECLARED += ("sphinx_jupyterbook_latex",)


def is_of_thebe(script):
    body = script.attributes.get("body") or ""
    return "THEBE_JS_URL" in body or "thebe" in str(script.filename)


def setup(app):
    """The book's build calls this. All pages are made anew when this file has changed."""

    def write(app, pagename, templatename, context, doctree):
        scripts = context["script_files"]
        context["script_files"] = [s for s in scripts if not is_of_thebe(s)]
        if not app.env.doc2path(pagename).endswith(".ipynb"):
            buttons = context.get("header_buttons", [])
            kept = [b for b in buttons if b.get("label") != "launch-buttons"]
            context["header_buttons"] = kept

    def settle(app, config):
        config.numfig = False
        for name in UNDECLARED:
            app.extensions[name].parallel_read_safe = True

    app.connect("config-inited", settle, priority=900)  # after sphinx-exercise
    app.connect("html-page-context", write, priority=900)  # after the theme
    version = zlib.crc32(Path(__file__).read_bytes())
    safe = {"parallel_read_safe": True, "parallel_write_safe": True}
    return {"env_version": version, **safe}

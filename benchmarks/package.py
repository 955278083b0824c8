"""How quickly the package's door opens."""

from benchmarks.measure import Row, python, under

HEAVY = ("torch", "librosa", "music21", "matplotlib")
IMPORT = """
import time
start = time.perf_counter()
import fusiontools
{more}
print(time.perf_counter() - start)
"""


def import_time():
    """Best of five fresh interpreters: slower ones tell of the disk and of neighbours."""

    def seconds(more):
        return min(float(python(IMPORT.format(more=more))) for _ in range(5))

    yield under("import fusiontools", seconds("pass"), 0.3)
    imports = "from fusiontools import corpora, errors, music, show"
    yield Row(imports, "", f"{seconds(imports):.3g} s")
    loaded = python(
        f"import sys; {imports}; print(*(m for m in {HEAVY} if m in sys.modules))"
    ).split()
    yield Row(
        "heavy libraries that this loads", "none", ", ".join(loaded) or "none", not loaded
    )

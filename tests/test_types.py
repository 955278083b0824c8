"""Hints: every public function says what it takes and returns, and mypy believes it."""

import ast
import subprocess
import sys

import pytest


def public(body, inside=False):
    """Public functions, public methods of public classes, and what makes these."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body, inside=True)
        made = inside and getattr(node, "name", "") == "__init__"
        if isinstance(node, ast.FunctionDef) and (made or node.name[0] != "_"):
            yield node, inside


def unhinted(function, inside):
    """The names of parameters without a hint, and "return"."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += [one for one in (given.vararg, given.kwarg) if one]
    static = any(ast.unparse(d) == "staticmethod" for d in function.decorator_list)
    missing = [one.arg for one in every[inside and not static :] if not one.annotation]
    return missing + ([] if function.returns else ["return"])


def found_in(source):
    """`function: what it does not say` of each public function of a module's source."""
    for function, inside in public(ast.parse(source).body):
        if missing := unhinted(function, inside):
            yield f"{function.lineno}: {function.name}: {', '.join(missing)}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(x: int) -> str: ...", []),
        ("def f(x) -> str: ...", ["1: f: x"]),
        ("def f(x: int): ...", ["1: f: return"]),
        ("def f(*x, y: int = 2, **z) -> None: ...", ["1: f: x, z"]),
        ("def f(x, /, *, y) -> None: ...", ["1: f: x, y"]),
        ("def _f(x): ...", []),
        ("class _C:\n    def f(self, x): ...", []),
        ("class C:\n    def f(self, x) -> int: ...", ["2: f: x"]),
        ("class C:\n    def __init__(self, x) -> None: ...", ["2: __init__: x"]),
        ("class C:\n    def __init__(self): ...", ["2: __init__: return"]),
        ("class C:\n    def __call__(self, x): ...", []),
        ("class C:\n    @staticmethod\n    def f(x) -> int: ...", ["3: f: x"]),
        ("class C:\n    @classmethod\n    def f(cls) -> int: ...", []),
        ("def f() -> int:\n    def g(x): ...", []),
    ],
)
def test_what_counts(source, said):
    assert list(found_in(source)) == said


def test_every_public_function_says_what_it_takes_and_returns(root):
    missing = []
    for file in sorted((root / "fusiontools").rglob("*.py")):
        name = file.relative_to(root / "fusiontools").as_posix()
        told = found_in(file.read_text(encoding="utf-8"))
        missing += [f"fusiontools/{name}:{one}" for one in told]
    assert not missing, "\n".join(missing)


def test_the_type_checker_finds_nothing(root, tmp_path):
    pytest.importorskip("mypy", reason="needs mypy, which requirements.txt names")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

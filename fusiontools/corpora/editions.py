"""Which edition of a function an array was made with.

It is a hash of all code and settings that the function reaches.

That is its own source, its defaults, the globals that it reads, and the same for every
function and class of yours among them. Libraries count by their version,
`fusiontools.music` by its files. What is neither code nor plain data tells nobody when it
changes: then the caller has to name an edition.
"""

import dataclasses
import dis
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fusiontools.corpora.cache import content_hash

__all__ = ["edition"]

_PLAIN: tuple[type, ...] = (
    type(None),
    type(Ellipsis),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    slice,
)
_PLAIN += (np.generic, np.dtype)
_NATIVE = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    np.ufunc,
)
# they bring entries and show arrays, and make none
_MACHINERY = ("fusiontools.corpora.", "fusiontools.show.", "fusiontools.training.")
_READS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}


def edition(function: Callable) -> str:
    """A hash that changes with all that the function's arrays may depend on, 16 hex digits.

    Parameters
    ----------
    function : callable
        A function without a closure.

    Raises
    ------
    ValueError
        If it depends on something that no hash tells: a closure, or an object that is no
        plain data.

    Examples
    --------
    >>> from fusiontools.music import grid
    >>> edition(grid.encode_grid) == edition(grid.encode_grid)
    True
    """
    if getattr(function, "__closure__", None) or not inspect.isfunction(function):
        raise ValueError(
            f"{function!r} depends on more than its source: "
            "pass settings as options, or give version='...'"
        )
    root = Path(__file__).parents[1]
    always = (*sorted((root / "music").glob("*.py")), root / "corpora" / "entries.py")
    try:
        return content_hash(*_told(function, function.__qualname__, set()), *always)[:16]
    except RecursionError:
        raise ValueError(
            f"{function.__qualname__} reads data that hold themselves: give version='...'"
        ) from None


def _told(value, name, seen):
    """All that tells a value from another, for `content_hash`; `seen` was told already."""
    if isinstance(value, _PLAIN):
        yield f"{type(value).__qualname__} {value!r}"
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"array {value.dtype.descr} {value.shape}"
        yield value.tobytes()
    elif isinstance(value, re.Pattern):
        yield f"pattern {value.pattern!r} {value.flags}"
    elif isinstance(value, (list, tuple)):
        yield f"{type(value).__qualname__} {len(value)}"
        for item in value:
            yield from _told(item, name, seen)
    elif isinstance(value, (set, frozenset)):
        yield f"set {sorted(content_hash(*_told(item, name, set())) for item in value)}"
    elif isinstance(value, (dict, types.MappingProxyType)):
        yield f"dict {len(value)}"
        for key, item in value.items():
            yield from _told(key, name, seen)
            yield from _told(item, name, seen)
    elif isinstance(value, functools.partial):
        yield from _told((value.func, value.args, value.keywords), name, seen)
    elif inspect.isfunction(value):
        yield from _once(value, seen, _function)
    elif isinstance(value, type):
        yield from _once(value, seen, _class)
    elif inspect.ismodule(value):
        yield from _once(value, seen, _module)
    elif inspect.ismethod(value):
        yield from _told((value.__func__, value.__self__), name, seen)
    elif dataclasses.is_dataclass(value):
        yield from _told(type(value), name, seen)
        for field in dataclasses.fields(value):
            yield from _told(getattr(value, field.name), f"{name}.{field.name}", seen)
    elif type(value).__module__ == "typing":
        yield repr(value)
    elif isinstance(value, (*_NATIVE, types.GenericAlias, types.UnionType)):
        yield getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    elif hasattr(value, "__wrapped__"):  # as functools.lru_cache leaves it
        yield from _told(value.__wrapped__, name, seen)
    else:
        found = f"{name} is a {type(value).__qualname__}, and nothing tells when it changes"
        raise ValueError(f"{found}: pass settings as options, or give version='...'")


def _once(thing, seen, tell):
    yield getattr(thing, "__qualname__", None) or thing.__name__
    if id(thing) not in seen:
        seen.add(id(thing))
        yield from tell(thing, seen)


def _function(function, seen):
    # where its code stands: a decorator lends its own code another's name
    home = function.__globals__.get("__name__", "")
    if _is_ours(home) or _is_library(home):
        yield from _once_by_name(home, seen)
        if hasattr(function, "__wrapped__"):
            yield from _told(function.__wrapped__, function.__qualname__, seen)
        return
    yield from _file(home)
    yield _text(function)
    defaults = (function.__defaults__, function.__kwdefaults__)
    yield from _told(defaults, f"a default of {function.__qualname__}", seen)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        yield from _told(value, name, seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name
            yield from _told(function.__globals__[name], name, seen)
    package = function.__globals__.get("__package__") or ""
    for module in sorted(_imports(function.__code__, package)):
        yield from _once_by_name(module, seen)


def _class(cls, seen):
    if _is_ours(cls.__module__) or _is_library(cls.__module__):
        yield from _once_by_name(cls.__module__, seen)
        return
    yield from _file(cls.__module__)
    yield from _told(cls.__bases__, cls.__qualname__, seen)
    for name, value in sorted(vars(cls).items()):
        value = getattr(value, "__func__", value)  # of static and class methods
        for part in (value.fget, value.fset) if isinstance(value, property) else (value,):
            slot = isinstance(part, types.MemberDescriptorType)
            if inspect.isfunction(part) or not (slot or name.startswith("__")):
                yield name
                yield from _told(part, f"{cls.__qualname__}.{name}", seen)


def _module(module, seen):
    """A module by its file, and so all that it imported; a library by its version."""
    name = module.__name__
    if _is_library(name):
        yield str(getattr(sys.modules.get(name.split(".")[0]), "__version__", ""))
        return
    yield from _file(name)
    if f"{name}.".startswith(_MACHINERY):
        return
    inside = {
        v.__name__ if inspect.ismodule(v) else getattr(v, "__module__", None)
        for v in list(vars(module).values())
    }
    for other in sorted(other for other in inside - {name} if isinstance(other, str)):
        yield from _once_by_name(other, seen)


def _once_by_name(name, seen):
    if name in sys.modules:
        yield from _once(sys.modules[name], seen, _module)


def _is_ours(name):
    return name.split(".")[0] == "fusiontools"


def _is_library(name):
    if name == "__main__" or _is_ours(name):
        return False
    file = Path(getattr(sys.modules.get(name), "__file__", None) or "")
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return name.split(".")[0] in sys.stdlib_module_names or bool(installed)


def _file(name):
    """The file of a module; none of a notebook, of whose many cells few matter."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if name != "__main__" and file and Path(file).is_file():
        yield Path(file)


def _text(function):
    try:
        return inspect.getsource(function)
    # typed at a prompt, or made by a library: then what it was compiled to
    except (OSError, TypeError):
        return repr(_compiled(function.__code__))


def _compiled(code):
    constants = [
        _compiled(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts
    ]
    return code.co_code.hex(), code.co_names, constants


def _codes(code):
    """A code object with all inside it: comprehensions, lambdas and inner functions."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)


def _names(code):
    """The globals that code reads, comprehensions in it too, and no attributes."""
    # `inspect.getclosurevars` leaves comprehensions out, and takes attributes for globals
    steps = (step for one in _codes(code) for step in dis.get_instructions(one))
    return {step.argval for step in steps if step.opname in _READS}


def _imports(code, package):
    """The modules that code imports when it runs."""
    found = set()
    for one in _codes(code):
        steps = list(dis.get_instructions(one))
        for i, step in enumerate(steps):
            if step.opname != "IMPORT_NAME":
                continue
            level, wanted = steps[i - 2].argval, steps[i - 1].argval or ()
            name = step.argval
            try:
                if level:
                    name = importlib.util.resolve_name("." * level + name, package)
                module = importlib.import_module(name)
            except ImportError:  # the function will say so itself
                continue
            values = [getattr(module, w, None) for w in wanted]
            found |= {name, *(v.__name__ for v in values if inspect.ismodule(v))}
    return found

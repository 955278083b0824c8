"""Which files a page's cells depend on, told from the code alone: nothing is imported.

A page runs anew when one of these files has changed. So they may be too many, never too
few. Each module that a page names counts, with all that it imports, within functions too.
Of a package, what is named counts: `music.transpose` is the file of `transpose`, and only
a package that is handed on whole counts whole. A string that names a module is an import
of it, as in `import_module("fusiontools.corpora.essen")`; a gap in it stands for any name.
"""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"fusiontools(\.[\w*]+)*")


def modules(root):
    """All modules of the repository that a page can import, by name."""
    found = {path.stem: path for path in (root / "book").glob("*.py")}
    for path in (root / "fusiontools").rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[: -1 if parts[-1] == "__init__" else None])] = path
    return found


class Names(ast.NodeVisitor):
    """What some code binds by importing, what it uses, and the strings in it."""

    def __init__(self, tree, package):
        self.package = package.split(".")
        self.bound, self.imported, self.used, self.strings = {}, set(), set(), set()
        self.tables, self.defined = {}, set()
        self.visit(tree)
        self.defined |= {n.name for n in ast.walk(tree) if hasattr(n, "name") and n.name}

    def bind(self, name, target):
        self.bound.setdefault(name, set()).add(target)

    def visit_Import(self, node):
        for alias in node.names:
            self.imported.add(alias.name)
            top = alias.name.split(".")[0]
            self.bind(alias.asname or top, alias.name if alias.asname else top)

    def visit_ImportFrom(self, node):
        above = self.package[: len(self.package) + 1 - node.level] if node.level else []
        home = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            self.imported.add(f"{home}.{alias.name}")
            self.bind(alias.asname or alias.name, f"{home}.{alias.name}")

    def visit_Attribute(self, node):
        chain, root = [], node
        while isinstance(root, ast.Attribute):
            chain, root = [root.attr, *chain], root.value
        if isinstance(root, ast.Name):
            self.used.add((root.id, ".".join(chain)))
        else:
            self.visit(root)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.used.add((node.id, "*"))  # handed on: whatever is in it may be used
        else:
            self.defined.add(node.id)

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_List(self, node):
        """A command: `[sys.executable, "-m", "fusiontools"]` runs its `__main__`."""
        words = [getattr(item, "value", None) for item in node.elts]
        for flag, name in zip(words, words[1:]):
            if flag == "-m" and isinstance(name, str):
                self.strings.add(f"{name}.__main__")
        self.generic_visit(node)

    def visit_JoinedStr(self, node):
        texts = [v.value if isinstance(v, ast.Constant) else "*" for v in node.values]
        self.strings.add("".join(texts))
        self.generic_visit(node)

    def visit_Dict(self, node):
        """A table of homes, as `lazy_loader.attach` takes it: {module: names}."""
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                inside = [n.value for n in ast.walk(value) if isinstance(n, ast.Constant)]
                words = " ".join(text for text in inside if isinstance(text, str)).split()
                self.tables.setdefault(key.value, set()).update(words)
        self.generic_visit(node)

    def targets(self):
        """The dotted names that are used."""
        for name, rest in self.used:
            for target in self.bound.get(name, ()):
                yield f"{target}.{rest}"
        yield from (text for text in self.strings if NAMED.fullmatch(text))


class Graph:
    """The modules of a repository, and what each of them needs."""

    def __init__(self, root=ROOT):
        self.root, self.modules = root, modules(root)
        self.rooms = {path.parent for path in self.modules.values()} - {root / "book"}
        self.names = cache(self._names)

    def is_package(self, module):
        return self.modules[module].name == "__init__.py"

    def _names(self, module):
        package = module if self.is_package(module) else module.rpartition(".")[0]
        return Names(ast.parse(self.modules[module].read_bytes()), package)

    def within(self, module):
        return {name for name in self.modules if f"{name}.".startswith(f"{module}.")}

    def resolve(self, dotted):
        """The modules that a dotted name leads to: `fusiontools.music.transpose` to the
        package and to the module that has `transpose`.
        """
        if "*" in dotted.removesuffix(".*"):
            fits = re.compile(re.escape(dotted).replace(r"\*", r"[\w.]*"))
            return {name for name in self.modules if fits.fullmatch(name)}
        module, found = "", set()
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            if ".".join(parts[:count]) in self.modules:
                module = ".".join(parts[:count])
                found.add(module)
        rest = parts[len(module.split(".")) :]
        if not module or not rest:
            return found
        name, names = rest[0], self.names(module)
        if name == "*":
            return found | (self.within(module) if self.is_package(module) else set())
        homes = {
            f"{module}.{home}" for home, words in names.tables.items() if name in words
        }
        homes &= set(self.modules)
        for target in names.bound.get(name, ()):
            found |= self.resolve(".".join([target, *rest[1:]]))
        if not homes and name not in names.bound | dict.fromkeys(names.defined):
            return found | self.within(module)  # made in a way that is not understood
        return found | homes

    def needs(self, names, all_imports=True):
        """The modules that some code needs itself."""
        wanted = set(names.targets()) | (names.imported if all_imports else set())
        return set().union(*map(self.resolve, wanted)) if wanted else set()

    def closure(self, code):
        """All modules that a page needs, and the strings in it and in them."""
        page = Names(ast.parse(code), "")
        found, strings, todo = set(), set(page.strings), list(self.needs(page))
        while todo:
            module = todo.pop()
            if module not in found:
                found.add(module)
                names = self.names(module)
                strings |= names.strings
                # a package's door imports all rooms, and only those that are named count
                todo += self.needs(names, all_imports=not self.is_package(module))
        return found, strings

    def files(self, code):
        """The files that a page needs beside its own: modules, and the data they read."""
        found, strings = self.closure(code)
        files = {self.modules[module] for module in found}
        # what lies beside a module, such as a player's script
        for folder in {path.parent for path in files} & set(self.rooms):
            files |= {p for p in folder.iterdir() if p.is_file() and p.suffix != ".py"}
        # the records of the papers that are named
        for folder in (self.root / "fusiontools" / "results").glob("*"):
            if folder.name in strings:
                files |= {p for p in folder.iterdir() if p.is_file()}
        # weights are named after the module that reads them
        rooms = ("fusiontools.judges.", "fusiontools.papers.")
        readers = {m.rpartition(".")[2]: m for m in self.modules if m.startswith(rooms)}
        for path in (self.root / "fusiontools" / "pretrained").glob("*"):
            named = [end for end in readers if path.stem.startswith(f"{end}_")]
            if not named or readers[max(named, key=len)] in found:
                files.add(path)
        if "pages" in found:  # which counts and times the chapters
            files |= {self.root / "book" / "minutes.json", self.root / "_config.yml"}
            files |= set((self.root / "notebooks").glob("*.ipynb"))
        return sorted(files)


def content(path):
    """What counts of a file: of the command's modules the code. No page shows their source,
    so a comment there changes no page.
    """
    data = path.read_bytes()
    if path.suffix == ".py" and path.name.startswith("cli"):
        return ast.dump(ast.parse(data)).encode()
    return data

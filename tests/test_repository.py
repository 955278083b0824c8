"""What stands around the package agrees with it: workflows, forms, hooks, the change log,
the metadata.
"""

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.licenses import canonicalize_license_expression
from packaging.specifiers import SpecifierSet

import fusiontools
from benchmarks.measure import copy_of_the_repository

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
SCRIPTS = [ROOT / ".binder" / "postBuild", ROOT / ".devcontainer" / "devcontainer.json"]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def named(path):
    return path.name


@pytest.fixture(scope="module")
def project():
    return tomllib.loads(text("pyproject.toml"))["project"]


@pytest.fixture(scope="module")
def pins():
    return dict(re.findall(r"^([\w-]+)==(\S+)$", text("constraints.txt"), re.MULTILINE))


# --- workflows ---


def jobs(workflow):
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()


def steps(workflow):
    return [step for job in jobs(workflow) for step in job["steps"]]


def commands(workflow):
    """The lines that a workflow, or a script of an environment, has a shell run."""
    said = workflow.read_text(encoding="utf-8")
    if workflow.suffix == ".yml":
        return [line for s in steps(workflow) for line in s.get("run", "").splitlines()]
    if workflow.suffix == ".json":
        return json.loads(said)["postCreateCommand"].split(" && ")
    return [line.split(" #")[0] for line in said.splitlines() if line[:1] != "#"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_a_workflow_may_do_no_more_than_it_has_to(workflow):
    whole = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert whole["permissions"] == {"contents": "read"}
    assert "concurrency" in whole
    for job in whole["jobs"].values():
        assert job["timeout-minutes"] < 360  # GitHub would wait so long
        writes = {
            key for key, value in job.get("permissions", {}).items() if value != "read"
        }
        publishes = any("deploy-pages" in step.get("uses", "") for step in job["steps"])
        assert writes <= ({"pages", "id-token"} if publishes else set())
    for step in steps(workflow):
        # text of a stranger (a title, a branch) in a command would be run
        assert "${{" not in step.get("run", "")
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_actions_are_pinned_by_their_content(workflow):
    lines = re.findall(r"uses: (.+)", workflow.read_text(encoding="utf-8"))
    for line in lines:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)+", line), line


@pytest.mark.parametrize("workflow", [*WORKFLOWS, *SCRIPTS], ids=named)
def test_what_a_workflow_calls_exists(workflow, project):
    targets = re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE)
    lines = commands(workflow)
    assert lines
    for line in lines:
        words = line.split()
        if words[0] == "make":
            assert set(words[1:]) <= set(targets), line
        if words[0].startswith("."):
            local = ROOT / words[0]
            assert words[0].startswith(".venv/") or local.stat().st_mode & 0o100, line
        for module in re.findall(r"python -m ([\w.]+)", line):
            home = ROOT.joinpath(*module.split("."))
            known = home.is_dir() or home.with_suffix(".py").exists()
            assert known or module in ("pip", "pytest"), line
        for path in re.findall(r"(?:-[rc] )([\w.]+)|(tests/\w+)|(book/\w+\.py)", line):
            assert (ROOT / "".join(path)).exists(), line


@pytest.mark.parametrize("place", [*WORKFLOWS, *SCRIPTS], ids=named)
def test_torch_and_tinysoundfont_are_the_makefiles(place):
    for name in ("torch", "tinysoundfont"):
        (ours,) = set(re.findall(rf"\b{name}==([\w.]+)", text("Makefile")))
        there = re.findall(rf"\b{name}==([\w.]+)", place.read_text(encoding="utf-8"))
        assert set(there) <= {ours}


def test_each_promised_python_is_tested(project):
    (test,) = jobs(ROOT / ".github" / "workflows" / "test.yml")
    versions = test["strategy"]["matrix"]["python"]
    said = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if ":: Python :: 3." in c]
    assert versions == said
    assert all(v in SpecifierSet(project["requires-python"]) for v in versions)
    assert project["requires-python"] == f">={versions[0]}"
    assert f"Python {versions[0]} or newer" in text("README.md")
    conda = yaml.safe_load(text("environment.yml"))["dependencies"]
    assert f"python{project['requires-python']}" in conda
    assert text(".binder/runtime.txt").strip().removeprefix("python-") in versions


# --- the pages that readers see ---


def built(folder):
    """A folder with all that the table of contents names."""
    names = re.findall(r"(?:root|file): (\S+)", text("_toc.yml"))
    for name in names:
        page = folder / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<html></html>\n")
    (folder / "index.html").write_text("moved\n")
    return [f"{name}.html" for name in names]


def look(where):
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "pages", where], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_pages_are_looked_for(tmp_path):
    names = built(tmp_path)
    assert look(tmp_path) == (0, f"{len(names)} pages are at {tmp_path}\n")


@pytest.mark.parametrize("lost", ["index.html", "book/api/music.html", "book/welcome.html"])
@pytest.mark.parametrize("how", ["not there", "empty", "cut"])
def test_a_page_that_is_not_there_is_named(tmp_path, lost, how):
    built(tmp_path)
    if how == "not there":
        (tmp_path / lost).unlink()
    elif how == "empty" or lost == "index.html":
        (tmp_path / lost).write_text("")
    else:
        (tmp_path / lost).write_text("<html>")
    code, said = look(tmp_path)
    assert code == 1 and f"1 pages are not at {tmp_path}: {lost}" in said


# --- forms ---


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_forms_are_as_github_reads_them(form):
    whole = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert whole.keys() <= {"name", "description", "labels", "body"}
    assert whole["name"] and whole["description"] and whole["body"]
    ids = [part["id"] for part in whole["body"] if part["type"] != "markdown"]
    assert ids and len(set(ids)) == len(ids)
    for part in whole["body"]:
        assert part["type"] in ("markdown", "input", "textarea", "dropdown")
        needed = "value" if part["type"] == "markdown" else "label"
        assert part["attributes"][needed]
        if part["type"] == "dropdown":
            options = part["attributes"]["options"]
            assert len(set(options)) == len(options) > 1
        assert all(isinstance(v, str | list) for v in part["attributes"].values())
    assert any(part.get("validations", {}).get("required") for part in whole["body"])


def test_a_hole_is_told_in_private():
    config = yaml.safe_load(text(".github/ISSUE_TEMPLATE/config.yml"))
    (link,) = [link["url"] for link in config["contact_links"]]
    assert link.endswith("/security/advisories/new") and link in text("SECURITY.md")


# --- hooks, change log ---


def test_hooks_have_the_versions_of_the_tests(pins):
    repos = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    hooks = {repo["repo"].rsplit("/", 1)[1]: repo["rev"].lstrip("v") for repo in repos}
    assert hooks["ruff-pre-commit"] == pins["ruff"]
    assert hooks["nbstripout"] == pins["nbstripout"]


def test_the_change_log_knows_the_version():
    log = text("CHANGELOG.md")
    heads = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", log, re.MULTILINE)
    assert heads[0] == ("Unreleased", "") or heads[0][0] == fusiontools.__version__
    released = [head for head in heads if head[0] != "Unreleased"]
    assert released[0][0] == fusiontools.__version__ and all(date for _, date in released)
    assert [date for _, date in released] == sorted(
        (date for _, date in released), reverse=True
    )
    for version, _ in heads:
        assert f"\n[{version}]: https://" in log, f"no link for {version}"
    kinds = set(re.findall(r"^### (.+)$", log, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    citation = yaml.safe_load(text("CITATION.cff"))
    assert (citation["version"], str(citation["date-released"])) == released[0]


# --- metadata ---


def test_the_licence_names_the_weights_terms(project):
    expression = canonicalize_license_expression(project["license"])
    assert expression == project["license"] and "LicenseRef" in expression
    for name in project["license-files"]:
        assert (ROOT / name).is_file()
    assert "fusiontools/pretrained/NOTICE.md" in project["license-files"]
    assert not [c for c in project["classifiers"] if c.startswith("License ::")]


def test_the_readme_reads_well_elsewhere():
    """On the page of a package index nothing lies beside it."""
    for target in re.findall(
        r"\]\(([^)#]+)[^)]*\)|<img [^>]*src=\"([^\"]+)\"", text("README.md")
    ):
        assert "".join(target).startswith("https://"), "".join(target)


@pytest.fixture(scope="module")
def built_package(tmp_path_factory):
    backend = pytest.importorskip("setuptools")
    if int(backend.__version__.split(".")[0]) < 77:
        pytest.skip("needs setuptools 77 or newer, which a build fetches by itself")
    copy = copy_of_the_repository(tmp_path_factory.mktemp("package") / "copy")
    code = "import setuptools.build_meta as b; b.build_sdist('..'); b.build_wheel('..')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (source,), (wheel,) = copy.parent.glob("*.tar.gz"), copy.parent.glob("*.whl")
    with tarfile.open(source) as archive:
        files = [name.partition("/")[2] for name in archive.getnames()]
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [n for n in archive.namelist() if n.endswith("/METADATA")]
        return files, archive.namelist(), archive.read(metadata).decode()


def test_the_source_distribution_is_the_package_alone(built_package):
    files, wheel, _ = built_package
    tops = {name.split("/")[0] for name in files} - {""}
    assert not tops & {"tests", "book", "notebooks", "benchmarks"}
    assert {"fusiontools", "README.md", "LICENSE", "pyproject.toml"} <= tops
    inside = {name for name in wheel if name.startswith("fusiontools/")}
    assert inside <= set(files) and "fusiontools/py.typed" in inside


def test_the_wheel_says_what_it_is(built_package, project):
    _, names, metadata = built_package
    assert f"License-Expression: {project['license']}\n" in metadata
    assert any(name.endswith("licenses/fusiontools/pretrained/NOTICE.md") for name in names)
    for label, url in project["urls"].items():
        assert f"Project-URL: {label}, {url}\n" in metadata
    assert f"Version: {fusiontools.__version__}\n" in metadata


# --- every text file ---


def test_texts_end_with_one_line_end_and_have_no_blanks_at_line_ends():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs git, and the repository's history")
    wrong = []
    for name in listed.stdout.splitlines():
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" in data or not data or name.startswith("fusiontools/pretrained/"):
            continue
        lines = data.split(b"\n")
        if lines[-1] or not lines[-2] or any(line != line.rstrip() for line in lines):
            wrong.append(name)
    assert not wrong

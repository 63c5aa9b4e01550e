"""The house: who may import whom, what is public, what the documents must say."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("minion", "ingest", "analysis")
ALLOWED = {"minion": {"minion"}, "ingest": {"minion", "ingest"}, "analysis": {"minion", "analysis"}}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    """The packages of the house that a file imports, anywhere in it."""
    tree = ast.parse(path.read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    return {name.split(".")[0] for name in names} & set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_who_imports_whom(package):
    for path in modules(package):
        assert imported(path) <= ALLOWED[package], path


@pytest.mark.parametrize("package", PACKAGES)
def test_a_file_is_a_room_not_a_hall(package):
    for path in modules(package):
        assert len(path.read_text().splitlines()) <= 500, path


@pytest.mark.parametrize(
    ("package", "names"),
    [
        (
            "minion",
            "Event EventType Host MinionError Role Selection Series Simulation Store Verdict"
            " connect",
        ),
        (
            "analysis",
            "autocorrelation average bootstrap_mean charts check compare durations effective_size"
            " plan problems report simulation_events steadiness summary utilization variance"
            " within_between",
        ),
    ],
)
def test_public_names(package, names):
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(names.split())
    for name in module.__all__:
        assert getattr(module, name).__doc__, name


@pytest.mark.parametrize("package", PACKAGES)
def test_public_things_have_docstrings(package):
    for path in modules(package):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
            assert not public or ast.get_docstring(node), f"{path}: {node.name}"


def test_the_tree_of_errors_is_the_one_that_is_drawn():
    errors = importlib.import_module("minion.errors")
    drawn = [line.split("──")[1].split()[0] for line in errors.__doc__.splitlines() if "──" in line]
    classes = [n for n, c in vars(errors).items() if isinstance(c, type) and n != "MinionError"]
    assert drawn == classes


def test_the_mathematics_names_tests_that_exist():
    text = (ROOT / "docs" / "mathematics.md").read_text()
    named, file = [], ""
    for path, name in re.findall(r"`(tests/\w+\.py)?(?:::(\w+))?`", text):
        file = path or file
        named += [(file, name)] if file and name else []
    assert len(named) > 60
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


def test_the_reference_of_the_command_line_is_what_the_code_says():
    check = [sys.executable, ROOT / "docs" / "reference.py", "--check"]
    found = subprocess.run(check, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stderr


def test_the_architecture_names_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for package in PACKAGES:
        for path in modules(package):
            if not path.name.startswith("__"):
                assert f"`{path.relative_to(ROOT)}`" in text, path


def test_the_version_is_in_the_changelog():
    project = (ROOT / "pyproject.toml").read_text()
    version = project.split('version = "')[1].split('"')[0]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()

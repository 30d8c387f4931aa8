"""The README says what is there."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.reference import markdown

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        match[1].split("  #")[0].strip()
        for match in re.finditer(r"^(?:\$ )?lexmill ((?!run ends).+)$", README, re.MULTILINE)
        if not match[1].startswith("(")
    }
)


def test_the_configuration_reference_is_the_commands():
    """``lexmill config reference`` prints what belongs between the marks."""
    section = README.split("<!-- lexmill config reference -->")[1].split("<!-- end -->")[0]
    assert section.strip() == markdown()


def test_the_tree_names_every_module():
    there = {
        str(path.relative_to(ROOT))
        for name in ("pipeline", "components", "models", "serving")
        for path in (ROOT / name).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert _tree().keys() == there


def test_the_tree_says_of_a_module_what_its_docstring_begins_with():
    wrong = {}
    for module, line in _tree().items():
        docstring = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8"))) or ""
        words = " ".join(docstring.split()).replace("`", "")
        if not words.lower().startswith(line.replace("`", "").lower()):
            wrong[module] = line
    assert wrong == {}


def _tree():
    """Module -> what is said of it."""
    tree = README.split("## The tree")[1].split("## Configuration")[0]
    package, module_to_line = "", {}
    for line in tree.splitlines():
        if match := re.match(r"(\w+)/ ", line):
            package = match[1]
        elif match := re.match(r"  (\S+\.py) +(\S.*)", line):
            module_to_line[f"{package}/{match[1]}"] = match[2]
    return module_to_line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_it_exists_with_its_options(command):
    words = shlex.split(command)
    names = [
        word for word in words[:2] if word in ("show", "check", "peek", "report", "build") or word == words[0]
    ]
    result = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", result.output), f"{command}: {option}"


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 10


def test_the_named_sizes_are_the_tables():
    from models.networks.sizes import SHAPES

    for name, shape in SHAPES["transformer"].items():
        layers, width, heads = shape.values()
        lstm_layers, lstm_width = SHAPES["lstm"][name].values()
        shapes = rf"\| {layers} x {width}, {heads} \| {lstm_layers} x {lstm_width} \|"
        assert re.search(rf"^\| `{re.escape(name)}` [^|]*{shapes}$", README, re.MULTILINE), name

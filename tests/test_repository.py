"""What the repository promises: documented commands and paths, every text in use, nothing heavy on the way to an answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ntqa.cli import main
from ntqa.schema import MESSAGE_KEYS
from ntqa.shield import OPEN_PATHS

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = sorted((REPOSITORY / "src" / "ntqa").glob("*.py"))


@pytest.mark.parametrize("command", ["check", "build", "ask", "serve", "passwd", "mcp", "evaluate"])
def test_help_of_every_command_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  ntqa {command}" in capsys.readouterr().out


def test_readme_names_every_command_and_open_path() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 200
    for command in ("check", "build", "ask", "serve", "passwd", "mcp", "evaluate"):
        assert f"ntqa {command}" in readme
    for pattern, _ in OPEN_PATHS:
        start = re.split(r"[\\\[(]", pattern)[0]
        assert start in readme, f"{pattern} is reachable but README does not say so"


def test_readme_names_every_module() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for path in SOURCES:
        if path.stem not in ("__init__", "__main__", "errors", "schema", "config"):
            assert f"`{path.stem}`" in readme, f"{path.stem} is missing in the table of modules"


def test_every_text_of_the_assistant_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "schema.py")
    prefixes = ("evidence.", "heading.", "card.", "label.companion", "label.counterpoint", "kind.")  # looked up by kind, outcome or role
    unused = [key for key in MESSAGE_KEYS if key not in code and not key.startswith(prefixes)]
    assert not unused


def test_asking_and_checking_import_neither_torch_nor_gradio(real_index: Path) -> None:
    program = (
        "import sys; from ntqa.cli import main; code = main(['ask', 'what is gaba', '--json']); assert code == 0; main(['check']);"
        "print([name for name in ('torch', 'sentence_transformers', 'gradio', 'sklearn', 'scipy') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "[]", done.stderr


def test_nothing_of_the_workplace_is_in_the_tree() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True).stdout.splitlines()
    pattern = re.compile(r"(?:^|[^\w./-])/(?:work|farm|opt/wheels|root|home)/")
    found = [
        name
        for name in files
        if Path(name).suffix in (".py", ".md", ".yaml", ".toml", ".txt", "")
        and (REPOSITORY / name).is_file()
        and pattern.search((REPOSITORY / name).read_text(encoding="utf-8", errors="replace"))
        and name != "tests/test_repository.py"
    ]
    assert not found

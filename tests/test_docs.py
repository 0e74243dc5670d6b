"""The documentation is run: every Python block is executed, every command composed, so that no page names a setting that is gone."""

from __future__ import annotations

import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import bytetrack
from bytetrack import appearance, counting, executors, interfaces, training
from bytetrack.config import compose, home

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:python |torchrun [^`\n]*?)?tools/(\w+)\.py((?: [^`\n|]*)?)")
EXAMPLES = {"dataset": "motchallenge", "tracker": "byte", "experiment": "mot17_ablation"}  # what NAME may stand for
OPTIONS = ("--help", "--config-dir", "--multirun", "-m")


def python_blocks() -> list[tuple[str, str]]:
    return [(f"{page.relative_to(ROOT)}:{n}", code) for page in PAGES for n, code in enumerate(FENCE.findall(page.read_text()), 1)]


def commands() -> list[tuple[str, str, tuple[str, ...]]]:
    """Page, verb and settings of every command on the pages, in lines of code and between backticks; each once."""
    found = {}
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text())
        if page.stem == "migration":  # the first column is what others call it
            text = re.sub(r"^\|[^|\n]*\|", "|", text, flags=re.MULTILINE)
        lines = [line.strip() for line in text.splitlines() if line.startswith(("    ", "\t"))]
        for fenced in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines += fenced.splitlines()
        for place in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
            for verb, tail in COMMAND.findall(place):
                if not any(option in tail.split() or f"{option}=" in tail for option in OPTIONS):
                    found.setdefault((verb, settings(tail)), page.relative_to(ROOT))
    return [(str(page), *command) for command, page in found.items()]


def settings(tail: str) -> tuple[str, ...]:
    """The overrides of a command line, without comments, redirections, shell variables and placeholders."""
    try:
        words = shlex.split(re.split(r" && | > | 2>| ;", tail)[0], comments=True)
    except ValueError:  # a quotation cut by the end of a table's cell
        words = tail.split()
    words = [re.sub("=NAME$", f"={EXAMPLES.get(w.split('=')[0], 'NAME')}", w) for w in words]
    return tuple(w for w in words if re.match(r"[+~]?[\w.@/]+=", w) and not re.search(r"…|\.\.\.|\$", w))


@pytest.mark.parametrize(("place", "code"), python_blocks(), ids=lambda value: value if "\n" not in value else "")
def test_a_python_block_runs(place: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, place, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(("page", "verb", "words"), commands(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else value)
def test_a_command_names_a_verb_and_settings_that_there_are(page: str, verb: str, words: tuple[str, ...]) -> None:
    assert (home() / "tools" / f"{verb}.py").is_file(), f"{page}: no verb {verb}"
    compose(verb, words)


def test_pages_have_commands_and_code() -> None:
    assert len(commands()) > 60
    assert len(python_blocks()) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        if not target.startswith(("http", "mailto:")):
            assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    named = (ROOT / "mkdocs.yml").read_text()
    assert not [page for page in PAGES[1:] if str(page.relative_to(ROOT / "docs")) not in named]


def test_the_sites_code_is_wrapped_and_not_cut_off() -> None:
    (style,) = re.findall(r"^extra_css: \[(.*)\]$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert re.search(r"pre > code \{[^}]*white-space: pre-wrap", (ROOT / "docs" / style).read_text())
    assert "line_length:" in (ROOT / "mkdocs.yml").read_text()
    assert "\nruff" in (ROOT / "docs" / "requirements.txt").read_text()  # which breaks the lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_included_files_are_there(page: Path) -> None:
    text = page.read_text()
    assert "--8 <" not in text, "a formatter took an included file for code: write ``` { .python } above it"
    for name in re.findall(r'--8<-- "([^"]+)"', text):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_line_has_at_most_120_characters(page: Path) -> None:
    """Tables, pictures, indented code, addresses and the authors of the paper aside."""
    if page.stem == "study":
        pytest.skip("a record of trials")
    long = [f"{n}: {line}" for n, line in enumerate(page.read_text().splitlines(), 1) if len(line) > 120]
    assert not [line for line in long if not re.match(r"\d+: +(\||author |!\[|    |\S+ ?\S*https://\S+$)", line)]


def test_the_reference_names_what_can_be_found_without_running_the_package() -> None:
    """The site's builder reads source: names that `bytetrack` finds only when asked are named with their module."""
    imported = (ROOT / "bytetrack" / "__init__.py").read_text(encoding="utf-8")
    names = re.findall(r"^::: bytetrack\.(\w+)$", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    packages = {path.stem for path in (ROOT / "bytetrack").iterdir()}
    assert len(names) > 20
    assert [name for name in names if name not in packages and not re.search(rf"import .*\b{name}\b", imported)] == []


def test_the_reference_lists_the_public_names_and_all_that_configs_construct() -> None:
    listed = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    public = {f"bytetrack.{name}" for name in bytetrack.__all__ if name != "__version__"}
    for room in (appearance, counting, executors, interfaces, training):
        public |= {f"{room.__name__}.{name}" for name in room.__all__}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "configs").rglob("*.yaml")]
    public |= {target for text in texts for target in re.findall(r"_target_: *(bytetrack[\w.]+)", text)}
    rooms = {name for name in listed if name.rpartition(".")[2].islower() and not callable(pkgutil.resolve_name(name))}
    shown = [pkgutil.resolve_name(name) for name in listed]
    shown += [getattr(pkgutil.resolve_name(room), name) for room in rooms for name in pkgutil.resolve_name(room).__all__]
    assert len(public) > 60
    assert sorted(name for name in public if not any(pkgutil.resolve_name(name) is one for one in shown)) == []

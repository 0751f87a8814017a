"""YAML that people edit: safe, bounded, and with a line number for every value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

try:  # libyaml parses ten times faster; the wheel has it on every common system
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - depends on how PyYAML was built
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 2_000_000
MAX_DEPTH = 8

Path = tuple[str | int, ...]


class YamlError(Exception):
    """What is wrong with the YAML, and in which line (counted from 1)."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class Located:
    """Parsed data, and where its values stand."""

    data: Any
    text: str
    first_line: int

    def line(self, *path: str | int) -> int:
        """Line of the value at `path` (of keys and positions), or of the nearest value around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, self.first_line)

    @cached_property
    def _lines(self) -> Mapping[Path, int]:
        """Line of each value by its path. Read from the text once more, because nearly always nobody asks."""
        lines: dict[Path, int] = {}
        loader = _Loader(self.text)
        try:
            node = loader.get_single_node()
            if node is not None:
                _locate(node, (), self.first_line, lines)
        finally:
            loader.dispose()
        return lines


def parse(text: str, first_line: int = 1) -> Located:
    """Parse one document.

    Refuses (YamlError) what an editor never needs and an attacker might: anchors, aliases, merge keys, tags, more than
    `MAX_BYTES`, nesting deeper than `MAX_DEPTH`, keys that are no plain text, and keys given twice.
    """
    if len(text) > MAX_BYTES:
        raise YamlError(first_line, f"file is larger than {MAX_BYTES:,} characters; split it")
    try:
        if _SUSPECT.search(text) or text.count("[") + text.count("{") > PLAIN_OPENINGS:
            _refuse_tricks(text, first_line)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Located(None, text, first_line)
            _check(node, 1, first_line, loader)
            data = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise YamlError(line, f"not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = first_line + text.count("\n", 0, text.find(chr(error.character)))
        raise YamlError(line, f"not valid YAML: holds the character U+{error.character:04X}, which YAML does not allow") from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(first_line, f"not valid YAML: {' '.join(str(error).split())}") from None
    return Located(data, text, first_line)


# Anchors, aliases and tags begin a value; deep nesting needs many openings, many dashes in a line, or a deep indent. A text without any
# of these can be composed at once; every other is looked at event by event first, because composing recurses.
_SUSPECT = re.compile(r"(?:^|[\s\[{,:?-])[&*!]|(?:[-?:] +){6}|^ {40}", re.MULTILINE)
PLAIN_OPENINGS = 100


def _refuse_tricks(text: str, first_line: int) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = first_line + event.start_mark.line
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError(line, "anchors and aliases (&, *) are not allowed; write the value out, or quote it")
        if getattr(event, "tag", None):
            raise YamlError(line, f"tags such as {event.tag!r} are not allowed; quote the value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError(line, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check(node: yaml.Node, depth: int, first_line: int, loader: yaml.Loader) -> None:
    if isinstance(node, yaml.ScalarNode):
        if node.tag != _TEXT:
            try:
                loader.construct_object(node)  # here, because only here the line is known
            except ValueError:
                line = first_line + node.start_mark.line
                raise YamlError(line, f"{node.value!r} is no date or number that exists; correct it, or put it in quotes") from None
        return
    if depth > MAX_DEPTH:
        raise YamlError(first_line + node.start_mark.line, f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check(value, depth + 1, first_line, loader)
        return
    seen = set()
    for key, value in node.value:
        line = first_line + key.start_mark.line
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(line, "a key must be plain text")
        if key.tag == "tag:yaml.org,2002:merge":
            raise YamlError(line, "merge keys (<<) are not allowed; write the values out, or quote the key")
        if key.value in seen:
            raise YamlError(line, f"key {key.value!r} is given twice")
        seen.add(key.value)
        _check(key, depth + 1, first_line, loader)
        _check(value, depth + 1, first_line, loader)


_TEXT = "tag:yaml.org,2002:str"


def _locate(node: yaml.Node, path: Path, first_line: int, lines: dict[Path, int]) -> None:
    lines[path] = first_line + node.start_mark.line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _locate(value, (*path, key.value), first_line, lines)
            lines[(*path, key.value)] = first_line + key.start_mark.line
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _locate(value, (*path, position), first_line, lines)

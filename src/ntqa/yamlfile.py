"""YAML that people edit: safe, bounded, and with a line number for every value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Located:
    """Parsed data, and the line in which each value begins, by its path of keys and positions."""

    data: Any
    lines: Mapping[Path, int]

    def line(self, *path: str | int) -> int:
        """Line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, first_line: int = 1) -> Located:
    """Parse one document.

    Refuses (YamlError) what an editor never needs and an attacker might: anchors, aliases, merge keys, tags, more than
    `MAX_BYTES`, nesting deeper than `MAX_DEPTH`, keys that are no plain text, and keys given twice.
    """
    if len(text) > MAX_BYTES:
        raise YamlError(first_line, f"file is larger than {MAX_BYTES:,} characters; split it")
    try:
        _refuse_tricks(text, first_line)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[Path, int] = {}
            if node is None:
                return Located(None, {(): first_line})
            _walk(node, (), first_line, lines, loader)
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
    return Located(data, lines)


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


def _walk(node: yaml.Node, path: Path, first_line: int, lines: dict[Path, int], loader: yaml.Loader) -> None:
    lines[path] = first_line + node.start_mark.line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = first_line + key.start_mark.line
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(line, "a key must be plain text")
            if key.tag == "tag:yaml.org,2002:merge":
                raise YamlError(line, "merge keys (<<) are not allowed; write the values out, or quote the key")
            here = (*path, key.value)
            if here in lines:
                raise YamlError(line, f"key {key.value!r} is given twice")
            _walk(key, here, first_line, lines, loader)
            _walk(value, here, first_line, lines, loader)
            lines[here] = line
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _walk(value, (*path, position), first_line, lines, loader)
    else:
        try:
            loader.construct_object(node)  # here, because only here the line is known
        except ValueError:
            raise YamlError(lines[path], f"{node.value!r} is no date or number that exists; correct it, or put it in quotes") from None

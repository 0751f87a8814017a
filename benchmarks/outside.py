"""What the guard does with other people's messages: a folder with refusal.jsonl and out_of_scope.jsonl, lines {"text", "label", "source"}."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from ntqa.assistant import Assistant
from ntqa.config import Config


def main(folder: Path) -> None:
    assistant = Assistant.load(Config())
    for name in ("refusal.jsonl", "out_of_scope.jsonl"):
        kinds: dict[str, Counter[str]] = defaultdict(Counter)
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            reply = assistant.reply([item["text"]])
            group = f"{item.get('source', '')} {item.get('label', '')}".strip() or name
            kinds[group]["refused" if reply.kind.startswith("refusal") else reply.kind] += 1
            kinds[group]["with a line of support"] += reply.support and reply.kind not in ("crisis", "emergency")
        for group, counts in sorted(kinds.items()):
            total = sum(count for kind, count in counts.items() if kind != "with a line of support")
            print(f"{group} ({total}): " + ", ".join(f"{kind} {count}" for kind, count in counts.most_common() if count))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/outside.py FOLDER")
    main(Path(sys.argv[1]))

"""Fits the adapter: what readers ask of one passage is drawn together, of other passages apart; and so are messages that need one reply,
and questions that the corpus does not cover.

Imports torch; only `ntqa adapt` uses it.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.adapter import GUARD, SEEN, encoder_of, low_rank_parts, mean, seen_by_adapter, seen_texts, text_hash
from ntqa.embedding import load_reference
from ntqa.errors import ModelError
from ntqa.guard import split_message
from ntqa.samples import message_of, slip_words
from ntqa.schema import NO_WORDINGS, OUTCOMES, Corpus, Passage, Wordings

RANK = 32
SEED = 7
# AdamW; the rate rises for WARM_UP steps and falls with a cosine, CYCLES times. The adapter is the mean of what it began from and of the end
# of each cycle (stochastic weight averaging, Izmailov et al. 2018, arXiv:1803.05407): better on what was not looked at than each of them.
RATE, HEAD_RATE, WARM_UP, DECAY = 1.5e-3, 5e-3, 30, 0.01
CYCLES = 2
MISSPELT = 0.3  # share of the questions and messages with slips of the thumb
MASKED = 0.08  # share of the tokens that are hidden: nothing should hang on one word
CHUNK = 16  # texts of about one length that are embedded at once, so that little is padded

# Questions: multiple-negatives ranking loss.
PASSAGES = 64  # in a batch, each with two of its questions; every other passage's question is a wrong answer
NEIGHBOURS = 4  # passages of one topic that come together, in half of the batch: telling aspects apart is what is hard
SCALE = 20.0  # of the cosines in the softmax, as in sentence-transformers
TITLES = 0.2  # share of the questions that are paired with the passage's title
WORDINGS, FOLLOW_UPS = 0.45, 0.25  # share of the questions that are wordings, and follow-ups; the rest are curated
RAMBLING = 0.12  # share of the questions that stand among sentences about something else

# Messages: cross entropy of a linear layer over the embedding, which is thrown away afterwards. The guard fits its own.
MESSAGES = 44  # in a batch
WEIGHT = 0.3  # of this loss beside the other
HEAD_SCALE = 10.0
EVEN = 0.4  # share of the messages that are drawn evenly over the outcomes, the rest as they are in the guard's data
CURATED = 0.16  # share that are curated questions or wordings, all of which are general
NOT_COVERED = 0.12  # share that the corpus does not cover, a class of their own
MAX_TOKENS = 128


def fit_adapter(
    corpus: Corpus,
    model: str,
    target: Path,
    steps: int,
    progress: Callable[[str, int, int], None],
    start: Path | None = None,
) -> tuple[float, float]:
    """Write the adapter of `corpus` for `model` to `target`, going on from the one in `start` if given; returns the mean losses of the last
    tenth of the steps. Raises ModelError when the model or `start` cannot be used.

    The losses are the multiple-negatives ranking loss (Henderson et al. 2017, arXiv:1705.00652) in both directions, and the cross entropy
    of the outcomes of the guard's examples and of what is not covered. A quarter of all but the curated questions is never looked at: on
    it the guard's thresholds and the cut-off of retrieval are chosen, and what was learnt can be measured.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(SEED)
    order = random.Random(SEED)
    reference = load_reference(model)
    encoder = encoder_of(reference)
    encoder.set_attn_implementation("eager")  # for short texts faster than the fused kernel, whose backward pass is slow on a processor
    layers = add_low_rank(torch, encoder)
    if start:
        set_low_rank(torch, layers, low_rank_parts(start), start)
    head = torch.nn.Linear(reference.get_embedding_dimension(), len(OUTCOMES) + 1)
    parameters = [part for layer in layers.values() for part in (layer.a, layer.b)]
    rates = (RATE, HEAD_RATE)
    optimiser = torch.optim.AdamW([{"params": parameters}, {"params": head.parameters()}], weight_decay=DECAY)
    draw_questions, draw_messages = _questions(corpus, order), _messages(corpus, order)
    encoder.eval()  # its dropout took a fifth of the time; hidden tokens do the same for less
    losses = []
    cycle = math.ceil(steps / CYCLES)
    ends = [[part.detach().clone() for part in parameters]] if start else []
    for step in range(steps):
        place = step % cycle
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (place + 1) / WARM_UP) * max(0.02, (1 + math.cos(math.pi * place / cycle)) / 2)
        asked, same = draw_questions()
        texts, outcomes = draw_messages()
        vectors = torch.nn.functional.normalize(run(torch, reference.tokenizer, encoder, [*asked, *same, *texts], order, mean), dim=1)
        count = len(asked)
        cosines = vectors[:count] @ vectors[count : 2 * count].T * SCALE
        right = torch.arange(count)
        ranking = (cross_entropy(cosines, right) + cross_entropy(cosines.T, right)) / 2
        naming = cross_entropy(head(vectors[2 * count :] * HEAD_SCALE), torch.tensor(outcomes))
        optimiser.zero_grad()
        (ranking + WEIGHT * naming).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append((float(ranking.detach()), float(naming.detach())))
        if place == cycle - 1 or step == steps - 1:
            ends.append([part.detach().clone() for part in parameters])
        progress("fitting the adapter", step + 1, steps)
    for part, found in zip(parameters, zip(*ends, strict=True), strict=True):
        part.data = torch.stack(found).mean(0)
    seen = {text_hash(text) for text, _ in _labelled(corpus)}
    looked_at = np.array(sorted(seen | seen_texts(start)), dtype=np.uint64)
    write_arrays(target, {**low_rank_arrays(layers), **_guard_arrays(start), SEEN: looked_at})
    first, second = np.mean(losses[-max(1, steps // 10) :], axis=0)
    return float(first), float(second)


def _guard_arrays(path: Path | None) -> dict[str, NDArray[Any]]:
    """The guard's own layers in an adapter, which are fitted further upon the new one."""
    if not path:
        return {}
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name.startswith(GUARD)}


def run(torch: Any, tokenizer: Any, encoder: Any, texts: Sequence[str], order: random.Random, pool: Callable[[Any, Any], Any]) -> Any:
    """What `pool` makes of the last states and the mask, with some tokens hidden; one row for each text."""
    ids = tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]
    hidden = [
        [tokenizer.mask_token_id if 0 < place < len(row) - 1 and order.random() < MASKED else token for place, token in enumerate(row)]
        for row in ids
    ]
    by_length = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
    pooled = []
    half = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # more than twice as fast; emulated, fifty times slower
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        for first in range(0, len(ids), CHUNK):
            rows = [torch.tensor(hidden[index]) for index in by_length[first : first + CHUNK]]
            tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)
            mask = (tokens != tokenizer.pad_token_id).long()
            pooled.append(pool(encoder(input_ids=tokens, attention_mask=mask).last_hidden_state.float(), mask).float())
    return torch.cat(pooled)[torch.argsort(torch.tensor(by_length))]


def add_low_rank(torch: Any, module: Any, among: str = "encoder.") -> dict[str, Any]:
    """Put a low-rank part beside every linear layer whose name begins with `among`, and let nothing else of `module` be trained; returns
    these parts by name.
    """

    class LowRank(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, linear: Any) -> None:
            super().__init__()
            self.linear = linear
            self.a = torch.nn.Parameter(torch.randn(RANK, linear.in_features) / math.sqrt(linear.in_features))
            self.b = torch.nn.Parameter(torch.zeros(linear.out_features, RANK))

        def forward(self, values: Any) -> Any:
            return self.linear(values) + torch.nn.functional.linear(torch.nn.functional.linear(values, self.a), self.b)

    for parameter in module.parameters():
        parameter.requires_grad_(False)
    found = {name: layer for name, layer in module.named_modules() if isinstance(layer, torch.nn.Linear) and name.startswith(among)}
    added = {}
    for name, layer in found.items():
        parent, _, own = name.rpartition(".")
        added[name] = LowRank(layer)
        setattr(module.get_submodule(parent), own, added[name])
    return added


def set_low_rank(torch: Any, layers: Mapping[str, Any], stored: Mapping[str, tuple[Any, Any]], start: Path) -> None:
    """Begin with the parts `stored` in the file `start`; raises ModelError when they are of another form."""
    for name, layer in layers.items():
        if name not in stored or any(tuple(own.shape) != given.shape for own, given in zip((layer.a, layer.b), stored[name], strict=True)):
            raise ModelError(f"{start} is of another form than it would be now; make it anew: ntqa adapt --fresh")
        layer.a.data, layer.b.data = map(torch.from_numpy, stored[name])


def _questions(corpus: Corpus, order: random.Random) -> Callable[[], tuple[list[str], list[str]]]:
    """Draws what is asked of a passage, at times among other sentences, and for each a curated question of that passage or its title; no
    passage twice.
    """
    by_topic: dict[str, list[Passage]] = {}
    for passage in corpus.passages.values():
        if len(passage.questions) > 1:
            by_topic.setdefault(passage.topic_id, []).append(passage)
    topics = list(by_topic)
    everything = [passage for passages in by_topic.values() for passage in passages]
    looked_at = {
        name: Wordings(*(tuple(filter(seen_by_adapter, texts)) for texts in (item.asked, item.after))) for name, item in corpus.wordings.items()
    }
    told = [example.text for example in corpus.guard_examples if example.outcome == "general" and not example.history]
    beside = [part for text in told if seen_by_adapter(text) for part in split_message(text) if not part.endswith("?")]

    def asked_of(passage: Passage, curated: str) -> str:
        more, chance = looked_at.get(passage.id, NO_WORDINGS), order.random()
        if more.asked and chance < WORDINGS:
            return order.choice(more.asked)
        topic = corpus.topics.get(passage.topic_id)
        if more.after and topic and chance < WORDINGS + FOLLOW_UPS:  # as a follow-up is read: after the topic's name, or what was asked before
            before = order.choice(by_topic[topic.id])
            asked_before = order.choice(before.questions) if before is not passage and order.random() < 0.5 else f"{topic.name}:"
            return f"{asked_before} {order.choice(more.after)}"
        return curated

    def among_others(question: str) -> str:
        if not beside or order.random() >= RAMBLING:
            return question
        sentences = [*(order.choice(beside) for _ in range(order.randint(1, 4))), question]
        if order.random() < 0.3:
            order.shuffle(sentences)
        return " ".join(text if text[-1] in ".!?" else f"{text}." for text in sentences)

    def draw() -> tuple[list[str], list[str]]:
        chosen: dict[str, Passage] = {}
        while len(chosen) < min(PASSAGES // 2, len(everything)):
            passages = by_topic[order.choice(topics)]
            chosen.update((passage.id, passage) for passage in order.sample(passages, min(len(passages), NEIGHBOURS)))
        while len(chosen) < min(PASSAGES, len(everything)):
            passage = order.choice(everything)
            chosen[passage.id] = passage
        asked, same = [], []
        for passage in chosen.values():
            first, second = order.sample(passage.questions, 2)
            asked.append(maybe_misspelt(among_others(asked_of(passage, first)), order))
            same.append(passage.title if order.random() < TITLES else second)
        return asked, same

    return draw


def _labelled(corpus: Corpus) -> list[tuple[str, int]]:
    """The messages that are looked at, with the positions of their outcomes; what is not covered comes after the last outcome."""
    texts = [(message_of(example), OUTCOMES.index(example.outcome)) for example in corpus.guard_examples]
    texts += [(question.text, len(OUTCOMES)) for question in corpus.calibration if not question.passages]
    return [item for item in texts if seen_by_adapter(item[0])]


def _messages(corpus: Corpus, order: random.Random) -> Callable[[], tuple[list[str], list[int]]]:
    """Draws messages with the positions of their outcomes."""
    general = [text for passage in corpus.passages.values() for text in passage.questions]
    general += [text for item in corpus.wordings.values() for text in item.asked if seen_by_adapter(text)]
    by_outcome: dict[int, list[str]] = {}
    for text, outcome in _labelled(corpus):
        by_outcome.setdefault(outcome, []).append(text)
    not_covered = by_outcome.pop(len(OUTCOMES), [])
    outcomes = list(by_outcome)
    sizes = [len(by_outcome[outcome]) for outcome in outcomes]

    def one() -> tuple[str, int]:
        chance = order.random()
        if chance < CURATED:
            return order.choice(general), OUTCOMES.index("general")
        if not_covered and chance < CURATED + NOT_COVERED:
            return order.choice(not_covered), len(OUTCOMES)
        outcome = order.choice(outcomes) if chance < CURATED + NOT_COVERED + EVEN else order.choices(outcomes, sizes)[0]
        return order.choice(by_outcome[outcome]), outcome

    def draw() -> tuple[list[str], list[int]]:
        drawn = [one() for _ in range(MESSAGES)]
        return [maybe_misspelt(text, order) for text, _ in drawn], [outcome for _, outcome in drawn]

    return draw


def maybe_misspelt(text: str, order: random.Random) -> str:
    return slip_words(text, order) if order.random() < MISSPELT else text


def low_rank_arrays(layers: Mapping[str, Any], prefix: str = "") -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}{name}.{part}": getattr(layer, part).detach().numpy().astype(np.float16) for name, layer in layers.items() for part in "ab"
    }


def write_arrays(target: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write all of it to `target` at once, or leave what was there."""
    staging = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        with staging.open("wb") as file:
            np.savez(file, **arrays)
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)

"""Fits the guard's own layers: the upper half of the model once more, for nothing but naming the outcome of a message.

A linear classifier over an embedding that also has to tell passages apart misses what hangs on the order of words. These layers begin as
the adapted ones and are changed by LoRA, like them. Their opinion is one sign among those that the guard weighs; how much it counts is
fitted at build on examples they were not fitted on. Imports torch; only `ntqa adapt` uses it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ntqa.adapter import (
    GUARD,
    SEEN,
    SHARED_LAYERS,
    adapt,
    encoder_of,
    guard_head,
    low_rank_parts,
    new_guard_layers,
    seen_by_adapter,
    seen_texts,
    text_hash,
)
from ntqa.adapting import add_low_rank, low_rank_arrays, maybe_misspelt, run, set_low_rank, write_arrays
from ntqa.asked import examples_of
from ntqa.embedding import load_reference
from ntqa.samples import message_of, sample_of, variants
from ntqa.schema import OUTCOMES, Corpus

SEED = 7
PASSES, MORE_PASSES = 2.5, 1.5  # over the examples and their variants: from nothing, and going on
MESSAGES = 48  # in a batch
RATE, HEAD_RATE, WARM_UP, DECAY = 1.5e-3, 3e-3, 50, 0.01  # of AdamW; the rate rises for WARM_UP steps and falls to nothing
CLIP = 1.0
DROPOUT = 0.1  # of the pooled states
SMOOTHING = 0.05  # of the labels: some are debatable
CURATED = 0.25  # share of a batch that are curated questions or wordings, all of which are general
CURATED_WEIGHT = 0.5


def fit_guard_layers(
    corpus: Corpus,
    model: str,
    adapter: Path,
    progress: Callable[[str, int, int], None],
    passes: float | None = None,
) -> float:
    """Fit the guard's layers upon the adapted model, going on from those in the file `adapter` where it has some, and put them there; returns
    the mean loss of the last tenth of the steps. Raises ModelError when the model or the file cannot be used.

    The loss is the cross entropy of the outcomes; who goes on gets the mean of what there was and of the end. A quarter of the examples is
    never looked at, as with the adapter itself.
    """
    import torch

    torch.manual_seed(SEED)
    order = random.Random(SEED)
    reference = load_reference(model)
    adapt(reference, adapter)
    encoder = encoder_of(reference)
    encoder.set_attn_implementation("eager")
    layers = new_guard_layers(encoder, len(OUTCOMES))
    encoder.encoder.layer = encoder.encoder.layer[: SHARED_LAYERS + 1]  # the first that is not shared shows what the shared ones give
    encoder.requires_grad_(False)
    parts = add_low_rank(torch, layers, "layer.")
    layers.head.requires_grad_(True)
    torch.nn.init.normal_(layers.head.weight, std=0.02)
    torch.nn.init.zeros_(layers.head.bias)
    fitted = low_rank_parts(adapter, GUARD)
    if fitted:
        set_low_rank(torch, parts, fitted, adapter)
        layers.head.load_state_dict({name: torch.from_numpy(value) for name, value in guard_head(adapter).items()})
    passes = passes or (MORE_PASSES if fitted else PASSES)
    parameters = [part for layer in parts.values() for part in (layer.a, layer.b)]
    everything = [*parameters, *layers.head.parameters()]
    before = [part.detach().clone() for part in everything]
    rates = (RATE, HEAD_RATE)
    optimiser = torch.optim.AdamW([{"params": parameters}, {"params": layers.head.parameters()}], weight_decay=DECAY)
    encoder.eval()
    layers.eval()
    dropout = torch.nn.Dropout(DROPOUT)
    examples = _examples(corpus)
    batches = _batches(examples, _general(corpus), order)
    steps = max(1, round(passes * len(examples) / (MESSAGES * (1 - CURATED))))
    losses = []
    for step in range(steps):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * (1 - step / steps)
        texts, outcomes, weights = zip(*next(batches), strict=True)
        pooled = run(torch, reference.tokenizer, encoder, texts, order, lambda _, mask: layers.pooled(mask))
        scores = layers.head(dropout(pooled))
        each = torch.nn.functional.cross_entropy(scores, torch.tensor(outcomes), reduction="none", label_smoothing=SMOOTHING)
        loss = (each * torch.tensor(weights)).sum() / sum(weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        losses.append(float(loss.detach()))
        progress("fitting the guard's layers", step + 1, steps)
    if fitted:  # the mean of both, which is better on what was not looked at than either, as with the adapter
        for part, start in zip(everything, before, strict=True):
            part.data = (part.data + start) / 2
    with np.load(adapter) as stored:
        others = {name: stored[name] for name in stored.files if not name.startswith(GUARD)}
    seen = {text_hash(message_of(item)) for item in corpus.guard_examples if seen_by_adapter(message_of(item))}
    head = {f"{GUARD}{name}": value.detach().numpy().astype(np.float16) for name, value in layers.head.named_parameters()}
    others[SEEN] = np.array(sorted(seen | seen_texts(adapter)), dtype=np.uint64)
    write_arrays(adapter, {**others, **low_rank_arrays(parts, GUARD), **head})
    return float(np.mean(losses[-max(1, steps // 10) :]))


Labelled = tuple[str, int, float]  # text, position of the outcome, weight


def _examples(corpus: Corpus) -> list[Labelled]:
    """The examples that are looked at, and variants of them."""
    looked_at = [item for item in corpus.guard_examples if seen_by_adapter(message_of(item))]
    samples = [*map(sample_of, looked_at), *variants(looked_at)]
    return [(sample.texts[0], sample.outcome, sample.weight) for sample in samples]


def _general(corpus: Corpus) -> list[Labelled]:
    """Curated questions and wordings, the follow-ups among these after a question about their topic."""
    texts = [text for passage in corpus.passages.values() for text in passage.questions]
    texts += [message_of(item) for item in examples_of(corpus) if seen_by_adapter(item.text)]
    return [(text, OUTCOMES.index("general"), CURATED_WEIGHT) for text in texts]


def _batches(examples: Sequence[Labelled], general: Sequence[Labelled], order: random.Random) -> Iterator[list[Labelled]]:
    """Batches without end: every example once before any comes again, and general questions between them; some with slips of the thumb."""
    waiting: list[Labelled] = []
    while True:
        batch = []
        while len(batch) < MESSAGES:
            if general and order.random() < CURATED:
                drawn = order.choice(general)
            else:
                if not waiting:
                    waiting = order.sample(examples, len(examples))
                drawn = waiting.pop()
            batch.append((maybe_misspelt(drawn[0], order), *drawn[1:]))
        yield batch

"""The second lock: sentences that state an amount to take, a frequency, a taper step, a lethal amount or a method never enter the corpus."""

from __future__ import annotations

import re

_NUMBER = r"(?:\d+(?:[.,]\d+)?|half an?|one|two|three|four|five|six|eight|ten|twelve|twenty|a quarter of an?|a few|several)"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("an amount", r"\d[\d.,]*(?:\s?(?:-|–|to)\s?\d[\d.,]*)?\s?(?:mg|mcg|µg|μg|ug|milligrams?|micrograms?|grams?|g|ml|millilit(?:re|er)s?|iu|i\.u\.|international units?|cc)\b(?!/)"),
        ("an amount", r"\b(?:milligrams?|micrograms?|grams?) (?:a|per|each|every) (?:day|dose|night|kilo\w*)\b"),
        ("an amount", rf"\b{_NUMBER} (?:tablets?|capsules?|pills?|drops|teaspoons?|tablespoons?|puffs|sachets?|gummies|doses)\b(?! (?:are|is|were|was|that|which) (?:sold|made))"),
        ("a blood level", r"\d[\d.,]*\s?(?:ng|µg|μg|mcg|mg|mmol|nmol|pmol|pg|mEq)\s?/\s?(?:ml|l|dl|kg)\b"),
        ("a frequency", rf"\b(?:once|twice|{_NUMBER} times) (?:a|per|each|every) (?:day|night)\b|\b(?:once|twice) (?:daily|nightly)\b|\bevery {_NUMBER} hours\b|\b(?:every other|on alternate|alternate) (?:day|night)s?\b"),
        ("a taper step", r"\b(?:reduc\w+|lower\w*|cut\w*|decreas\w+|taper\w*|drop\w*|halv\w+)\b[^.]{0,40}\bby (?:about |around |roughly )?(?:\d[\d.,]*\s?(?:%|percent|per cent)|half|a (?:quarter|third|tenth|half)|one (?:quarter|third|tenth))"),
        ("a taper step", r"\bhalv(?:e|es|ed|ing) (?:the|your|a|their) (?:dose|tablet|amount)|\b\d[\d.,]*\s?(?:%|percent|per cent) (?:of the (?:dose|last dose|previous dose)|(?:dose )?reductions?|every (?:\w+ )?weeks?|(?:a|per|each) (?:week|month))"),
        ("a lethal amount", r"\b(?:lethal|fatal|deadly|toxic) (?:dose|amount|quantity|level) (?:is|of|for|starts|begins)\b|\bLD[- ]?50\b|\b(?:enough|amount|dose|quantity)\b[^.]{0,30}\bto (?:kill|be (?:fatal|lethal))\b"),
        ("a method", r"\b(?:crush(?:ed|ing)?|snort(?:ed|ing)?|inject(?:ed|ing)?|dissolv(?:e|ed|ing))\b[^.]{0,30}\b(?:tablets?|pills?|capsules?)\b[^.]{0,30}\bto (?:get|feel|speed|strengthen|increase)\b"),
        ("an instruction on amounts", r"\b(?:take|start (?:with|at|on)|begin with|increase to|raise (?:it|the dose) to|up to|maximum (?:dose )?(?:is|of)|usual dose is|typical dose is|recommended dose is)\b[^.]{0,25}\d[\d.,]*\s?(?:mg|mcg|g|iu|ml|tablets?|capsules?|pills?|drops)"),
    )
)  # fmt: skip


def dose_problem(text: str) -> tuple[str, str] | None:
    """(what it states, the words) for the first sentence part that may not be published; None when there is none."""
    flat = " ".join(text.split())
    for name, pattern in _RULES:
        match = pattern.search(flat)
        if match:
            return name, match.group()
    return None

"""The second lock: sentences that state an amount to take, a frequency, a taper step, a lethal amount or a method never enter the corpus.

In doubt a sentence is refused: an editor can reword it, a reader cannot unsee it. What must pass are figures about other things,
above all how much an outcome changed ("deaths fell by half").
"""

from __future__ import annotations

import re

# --- what the rules are made of ---

_HYPHEN = "[-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}]"
_DIGITS = r"(?:(?<!\w)\d[\d.,]*|[½¼¾⅓⅔⅛])"  # not those of a name: "D3 capsules"
_NUMBER = (
    rf"(?:{_DIGITS}|\b(?:half an?|a (?:quarter|third) of an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|(?:an? |one )?(?:hundred|thousand)|(?:an? |one )?dozen|a few|several|a couple of|a handful of)\b)"
)
# "2 to 3", "one (1)", "300 or more"
_SOME = rf"{_NUMBER}(?:\s?(?:{_HYPHEN}|to|or)\s?{_NUMBER})?(?: \({_DIGITS}\))?(?: or (?:more|less|so))?"
_WEIGHT = r"(?:mg|mcg|[µμu]g|g|gm|(?:micro|milli|nano)?gram(?:me)?)s?"
_VOLUME = r"(?:mls?|cc|cl|(?:milli|centi)?lit(?:re|er)s?)"
_UNITS = rf"(?:{_WEIGHT}|{_VOLUME}|iu|i\.u\.|international units?)"
_FORM = r"(?:tablets?|tabs?|capsules?|caps?|pills?|drops|(?:tea|table)spoon(?:ful)?s?|tbsps?|tsps?|puffs|sachets?|gummies|scoops?|doses)"
_SIZE = r"(?:(?:small|large|big|whole|half|extra|more|full|heaped|level|single|daily) )"
_FLUID = r"(?:(?:spinal|cerebrospinal|brain|body) )?(?:blood|plasma|serum|urine|saliva|fluid)"
_MEDICINE = r"(?:dos(?:e|age)s?|amounts?|tablets?|pills?|capsules?|medicines?|medications?|drugs?)"
_DAY = r"(?:day|night|morning|evening)"
_TIMES = rf"(?:once|twice|thrice|{_NUMBER} times|\d ?[x×])"
_TAKE = r"(?:take[ns]?|taking|took|use[sd]?|using|give[ns]?|gave|swallow\w*|dos(?:e[ds]?|ing))"
_SPAN = r"(?:days?|weeks?|fortnights?|months?)"
_PERCENT = rf"{_NUMBER}[\s-]?(?:%|percent|per cent)"
_PART = r"(?:half|(?:an?|one|two) (?:half|quarter|third|fifth|sixth|eighth|tenth)s?)"
_LESS = r"\b(?:reduc\w+|lower\w*|cut\w*|decreas\w+|taper\w*|drop(?!s\b(?! by))\w*|halv\w+)\b"
_BY = rf"by (?:(?:about|around|roughly|some|nearly|almost|at least|up to) )?(?:{_PERCENT}|{_PART})"
# What a study counts; "anxiety", "relapse", "bone density" ... A medicine is none of these.
_OUTCOME = (
    r"\b(?!medication|supervision|consultation)(?:\w+(?:tion|sion|ness|ity|ism|iety|emia|aemia|osis)s?|scores?|symptoms?|risks?|rates?|odds|chances?|numbers?|deaths?|cases?|relapses?|attacks?|"
    r"episodes?|seizures?|falls|attempts?|suicides?|thoughts|pain|stress|fear|sleep|weight|pressure|(?<!dose )levels?|sodium|calcium|potassium|ferritin|serotonin|dopamine|cortisol|"
    r"cholesterol|sugar|release|activity|uptake|intake|binding|loss|gain|bleeding|swelling|damage|effects?|mood|memory|function\w*|quality|time|insomnia|appetite|fatigue|nausea|flushe?s|headaches?|migraines?|worry|cravings?|drinking|smoking|use|costs?|sales|prescriptions|visits)\b"
)
_FILL = rf"(?: (?!{_MEDICINE}\b|it\b|them\b)[\w'-]+){{0,4}}"  # up to four words, none of them a medicine

# (what is stated, the words that state it, the same form where it states something else)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"(?:{harmless or '(?!)'})|({stated})", re.IGNORECASE))
    for name, stated, harmless in (
        ("a blood level",
            rf"{_DIGITS}\s?(?:[mnpfµμu]?(?:g|mol|iu|u)|mcg|mEq|units?|(?:micro|milli|nano|pico)(?:gram|mole?|unit)s?)\s?(?:/\s?|per )(?:ml|dl|l|kg|(?:milli|deci)?lit(?:re|er)|kilo\w*)\b",
            None),
        ("an amount",
            rf"{_SOME}(?:\s|{_HYPHEN})?{_UNITS}(?![\w-]*-(?:negative|positive))\b",
            rf"\b(?:mice|mouse|rats?|animals|pups) (?:of|weighing) (?:about )?{_SOME}\s?g\b"
            rf"|{_SOME}\s?(?-i:M?G) (?:networks?|patients|people|cases)\b"
            rf"|{_SOME}\s?{_VOLUME} of (?!fluids?\b){_FLUID}|{_SOME}\s?ml of fluid"),
        ("an amount",
            rf"{_SOME}\s?(?:kg|kilo(?:gram)?s?) of (?!(?:body|weight)\b)|{_DIGITS} units\b(?! of)|{_SOME} units? of (?!(?:the|blood|time|measure\w*)\b)"
            r"|\b(?:(?:milli|micro)?grams?) (?:a|per|each|every) (?:day|dose|night|kilo\w*)\b", None),
        ("an amount",
            rf"{_SOME} {_SIZE}{{0,2}}{_FORM}\b(?! (?:are|is|were|was|that|which) (?:sold|made))|\b(?:a|the) (?:heaped |level )?(?:tea|table)spoon(?:ful)?\b",
            rf"{_SOME} doses of (?:\w+ )?vaccines?\b|\b(?:no|does|did) one {_FORM}\b"),
        ("a frequency",
            rf"\b{_TIMES}[\s-](?:(?:a|per|each|every)[\s-]{_DAY}|daily|nightly)\b|\bevery {_NUMBER} hours\b|\bevery other (?:day|night)\b|\balternate days\b"
            rf"|\b{_TAKE}\b[^.]{{0,40}}\balternate nights\b|\b{_TAKE}(?: (?:it|them))? (?:daily|nightly)\b|\btaken (?:every|each) {_DAY}\b|{_NUMBER} (?:a|per) (?:day|night)\b"
            rf"|\b(?:an?|one) (?:\w+ )?(?:{_FORM}|dose) (?:a|per|each|every) {_DAY}\b",
            rf"\bneed\w* an? {_FORM} every day\b|\b(?:peak|ris|dip|call|feed|wak|woke|happen|occur|interview|visit|check|measur|test|sampl|scan|monitor|assess)\w*(?: up)? (?:{_TIMES} (?:a|per|each|every) {_DAY}|every {_NUMBER} hours)\b"),
        ("a taper step",
            rf"{_LESS}[^.]{{0,40}}\b{_BY}(?!\w)",
            rf"{_OUTCOME}{_FILL} {_LESS}{_FILL} {_BY}|{_LESS}{_FILL} {_OUTCOME}{_FILL} {_BY}"
            rf"|\b(?!(?:is|are|was|were|be|been|being|and|or|then|which|that|it|they|them|you|{_MEDICINE})\b)[\w-]+ (?:decreased|dropped) {_BY}"),
        ("a taper step",
            rf"\bhalv\w+ (?:\w+ ){{0,2}}{_MEDICINE}\b|\bdoubl\w+ (?:the|your|their|his|her) (?:\w+ )?dos(?:e|age)|\b{_PART} (?:of )?(?:the|your|their|his|her|an?) (?:\w+ )?dos(?:e|age)\b(?! group)"
            rf"|\b(?:cut|split|break|broke|divid|snap)\w* (?:\w+ ){{0,3}}(?:{_MEDICINE}|patch(?:es)?|it|them) (?:\w+ )?in (?:half|two)\b|\binto (?:halves|thirds|quarters)\b"
            rf"|\b{_MEDICINE} (?:(?:is|are|was|were|be|been|being|can|may|must|should|not|never|sometimes|often) )+(?:cut|split|broken|divided) in (?:half|two)\b", None),
        ("a taper step",
            rf"{_PERCENT} (?:of the (?:(?:last|previous|usual|current) )?dose\b(?! group)|(?:dose )?(?:reductions?|steps?|cuts?)\b(?! (?:in|of) (?!(?:the |a )?{_MEDICINE}))"
            rf"|every (?:\w+ )?{_SPAN}|(?:a|per|each) (?:week|month)\b(?! (?:left|dropped|stopped|relapsed|recovered|improved|died)))", None),
        ("a taper step",
            rf"{_LESS}[^.]{{0,20}}\b(?:{_MEDICINE}|it)\b[^.]{{0,30}}\b(?:every|each) (?:{_NUMBER} |other )?{_SPAN}\b"
            rf"|\b{_MEDICINE}\b[^.]{{0,20}}{_LESS}[^.]{{0,20}}\b(?:every|each) (?:{_NUMBER} |other )?{_SPAN}\b"
            rf"|\bfrom {_DIGITS} to {_DIGITS}[^.]{{0,10}} (?:over|in|within|across) (?:{_NUMBER}|an?|the|some) {_SPAN}\b",
            rf"(?:{_OUTCOME}|\b(?:fell|rose|dropped|improved|declined|grew))(?: [\w-]+){{0,5}} from {_DIGITS} to {_DIGITS}"),
        ("a dose",
            rf"\bdos(?:e|es|age)(?: (?:of|is|was|are|were|from|between|at)|:)(?: (?:about|around|up to))? \d+(?:[.,]\d+)*+\b(?!{_HYPHEN}[a-z]|\s?%| (?:percent|per cent|people|adults|patients|trials|studies|times|days|weeks|months|years)\b)",
            None),
        ("a lethal amount",
            r"\b(?:lethal|fatal|deadly|toxic) (?:dose|amount|quantity|level) (?:is|of|for|starts|begins)\b(?! (?:stress|noise))|\bLD[- ]?50\b"
            r"|\b(?:enough|amount|dose|quantity)\b[^.]{0,30}\bto (?:kill|be (?:fatal|lethal)|stop (?:\w+ )?(?:breath|heart))", None),
        ("a method",
            r"\b(?:crush|snort|inject|dissolv|smok)\w*\b[^.]{0,30}\b(?:tablets?|pills?|capsules?)\b[^.]{0,50}\b(?:to (?:get|feel|speed|strengthen|increase)|faster|quicker|stronger|rush|buzz|high(?! (?:risk|level|amount|blood)))\b",
            None),
    )
)  # fmt: skip


# No rule looks beyond a sentence, and nine sentences of ten hold none of the words that a rule needs.
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_HINT = re.compile(
    r"[\d½¼¾⅓⅔]|tabl|tab\b|pill|caps|drop|spoon|puff|patch|sachet|gumm|gram|kilo|unit|lit(?:er|re)|\bdos|daily|nightly|twice|once|times|every|each"
    r"|altern|hal[fv]|quarter|third|fifth|tenth|doubl|percent|per cent|lethal|fatal|deadly|toxic|kill|crush|snort|inject|dissolv|smok|mix|enough|\bt(?:ak|ook)",
    re.IGNORECASE,
)


def dose_problem(text: str) -> tuple[str, str] | None:
    """(what it states, the words) for the first sentence part that may not be published; None when there is none."""
    for sentence in _SENTENCE_END.split(" ".join(text.split())):
        if _HINT.search(sentence):
            for name, pattern in _RULES:
                for match in pattern.finditer(sentence):
                    if match.group(1):  # otherwise the harmless form was met
                        return name, match.group(1)
    return None

"""Words: how a text is cut into them, their stems, and those that say nothing about the subject."""

from __future__ import annotations

import re
import unicodedata

import Stemmer

_WORD = re.compile(r"[a-z0-9]+")
WORD = re.compile(r"[^\W_](?:[^\W_]|['’‘ʼ`´])*")  # a word in a text as it was typed, where `words` finds one
_APOSTROPHES = re.compile(r"['’‘ʼ`´]")
_STEMMER = Stemmer.Stemmer("english")

# Words that occur in questions about anything. Dropping them from the keyword query matters more than the choice of engine.
STOP_WORDS = frozenset(
    """a about actually after again all also always am an and any anybody anyone anything are arent as ask at be because been
    before being best between both but by came can cannot cant come could couldnt did didnt do does doesnt doing dont down
    during each either else even ever every everyone everything explain for from further get gets getting give go goes going
    gonna good got had hadnt has hasnt have havent having he help hello hey hi her here hers herself him himself his how however
    i id if ill im in into is isnt it its itself ive just kind know let like look lot made make makes many may maybe me mean
    means might mine more most much must my myself need no nor not now of off often oh ok okay on once one only or other our out
    over own people perhaps person please possible put quite rather really regarding right said same say says see seem seems
    seen shall she should shouldnt so some somebody someone something sometimes sort still such tell than thank thanks that
    thats the their them themselves then there theres these they theyre thing things think this those through to too try under
    until up upon us use used uses using very vs want was wasnt way we well went were werent what whats when where whether which
    while who whom whose why will wish with within without wont would wouldnt yes yet you your youre yours yourself""".split()
)


def fold(text: str) -> str:
    """Lower case, without accents and apostrophes: the form in which words are compared."""
    text = _APOSTROPHES.sub("", text.lower())
    if text.isascii():  # nearly always, and ten times as fast
        return text
    text = unicodedata.normalize("NFKD", text)
    return "".join(char for char in text if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")


def words(text: str) -> list[str]:
    """The words of `text` in order, folded; hyphens and other marks separate words."""
    return _WORD.findall(fold(text))


def stem(word: str) -> str:
    """Snowball stem of a folded word."""
    return _STEMMER.stemWord(word)


def singular(word: str) -> str:
    """A folded word without the ending of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "sis", "tis", "xis", "nnabis")):
        return word[:-1]
    return word


def name_key(name: str) -> tuple[str, ...]:
    """The form in which names are compared: folded words in the singular."""
    return tuple(singular(word) for word in words(name))


# Spellings of text messages, each with the one word it can stand for.
TEXTING = dict(
    pair.split("=")
    for pair in """wat=what wot=what wut=what wen=when wer=where wich=which wy=why hw=how yor=your ur=your ppl=people peeps=people plz=please pls=please
    cuz=because coz=because bcoz=because becos=because dos=does duz=does dus=does iz=is thru=through abt=about wiv=with wid=with bout=about werk=work
    evry=every evn=even lite=light nite=night tonite=tonight thier=their dnt=dont cnt=cant shud=should shld=should wud=would cud=could
    sumthing=something somethin=something sumone=someone nuthin=nothing nothin=nothing teh=the hte=the adn=and
    n=and nd=and r=are b4=before 2day=today 2nite=tonight gud=good bak=back alot=much tabs=tablets""".split()
)


def content_words(text: str) -> list[str]:
    """The words of `text` that say something about the subject."""
    return [word for word in words(text) if word not in STOP_WORDS]


def terms(text: str) -> list[str]:
    """Stems of the content words: what keyword search indexes and looks up."""
    return _STEMMER.stemWords(content_words(text))

from pathlib import Path

import pytest
import yaml

from ntqa.doses import dose_problem

SENTENCES = yaml.safe_load((Path(__file__).parent / "dose_sentences.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sentence", SENTENCES["must_be_refused"])
def test_refused(sentence):
    assert dose_problem(sentence) is not None


@pytest.mark.parametrize("sentence", SENTENCES["must_pass"])
def test_passes(sentence):
    assert dose_problem(sentence) is None


@pytest.mark.parametrize("sentence", SENTENCES["must_be_refused"])
def test_refused_in_the_middle_of_a_wrapped_passage(sentence):
    wrapped = sentence.replace(" ", "\n")
    assert dose_problem(f"Sleep is complex.\n\n{wrapped}\nA pharmacist can help.") is not None


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("It holds 20 mg of it.", "an amount", "20 mg"),
        ("It holds 300-600\nmg of it.", "an amount", "300-600 mg"),
        ("Two capsules were used.", "an amount", "Two capsules"),
        ("Lithium is kept near 1 mmol/l.", "a blood level", "1 mmol/l"),
        ("It is taken twice a day.", "a frequency", "twice a day"),
        ("It is given every four hours.", "a frequency", "every four hours"),
        ("They reduce the medicine by 10 percent.", "a taper step", "reduce the medicine by 10 percent"),
        ("Halving the dose comes first.", "a taper step", "Halving the dose"),
        ("The lethal dose is known.", "a lethal amount", "lethal dose is"),
        ("Crushing the pills to get more of it harms.", "a method", "Crushing the pills to get"),
        ("Never increase to more than 5 drops.", "an amount", "5 drops"),
    ],
)
def test_what_is_stated_is_named_with_its_words(text, name, words):
    assert dose_problem(text) == (name, words)


def test_nothing_states_nothing():
    assert dose_problem("") is None

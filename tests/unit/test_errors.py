import pytest

from ntqa.errors import CorpusError, IndexUnavailableError, InputError, ModelError, NtqaError, Problem, StaleIndexError


def test_problem_is_printed_as_file_line_message():
    assert str(Problem("topics/a/b.md", 7, "is empty")) == "topics/a/b.md:7: is empty"


def test_corpus_error_lists_all_problems_by_file_then_line_then_message():
    error = CorpusError(
        [Problem("b.yaml", 1, "x"), Problem("a.yaml", 10, "x"), Problem("a.yaml", 9, "z"), Problem("a.yaml", 9, "y")],
    )
    assert str(error) == "a.yaml:9: y\na.yaml:9: z\na.yaml:10: x\nb.yaml:1: x\n4 problems in the corpus"
    assert [problem.line for problem in error.problems] == [9, 9, 10, 1]


def test_a_single_problem_is_counted_in_the_singular():
    assert str(CorpusError([Problem("a.yaml", 1, "x")])) == "a.yaml:1: x\n1 problem in the corpus"


def test_stale_index_error_names_what_changed():
    error = StaleIndexError("rebuild it", ["ssri/evidence", "gaba/what-it-is"])
    assert str(error) == "rebuild it"
    assert error.changed == ("ssri/evidence", "gaba/what-it-is")
    assert StaleIndexError("rebuild it").changed == ()


@pytest.mark.parametrize(
    "error",
    [CorpusError([]), IndexUnavailableError("x"), StaleIndexError("x"), ModelError("x"), InputError("x")],
    ids=lambda e: type(e).__name__,
)
def test_every_error_is_caught_as_one_of_this_program(error):
    assert isinstance(error, NtqaError)

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from ntqa.config import MAX_MESSAGE, PACKAGED_MODEL, Config


def test_defaults_are_the_folders_of_the_repository_and_the_packaged_model():
    config = Config()
    assert (config.corpus, config.index, config.model) == (Path("corpus"), Path("index"), PACKAGED_MODEL)
    assert config.max_message == MAX_MESSAGE == 4_000


def test_a_config_cannot_be_changed_but_copied():
    config = Config()
    with pytest.raises(FrozenInstanceError):
        config.pool = 5
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        config.unknown = 1
    assert (replace(config, pool=5).pool, config.pool) == (5, Config().pool)


@pytest.mark.parametrize("name", [name for name in Config.__dataclass_fields__ if name.endswith("_weight")])
def test_weights_are_shares(name: str):
    assert 0 <= getattr(Config(), name) <= 1


@pytest.mark.parametrize("name", [name for name in Config.__dataclass_fields__ if name.endswith("_weights")])
def test_the_answer_before_counts_less_beside_a_name(name: str):
    follow_up, named = getattr(Config(), name)
    assert 0 <= named <= follow_up <= 1


def test_an_answer_is_short_and_editions_can_be_rolled_back():
    config = Config()
    assert 1 <= config.max_answers <= 3
    assert config.keep_editions >= 2
    assert config.third_tie <= config.near_tie <= config.second_part

import pytest
import typer

from bot.asking import speaking
from tests.bot.scratch import Scratch

TROUBLES = [
    (PermissionError(13, "Permission denied", "prices.csv"), 77, "prices.csv"),
    (OSError(28, "No space left on device", "out/trades.csv"), 1, "out/trades.csv can not be used"),
    (OSError(113, "No route to host"), 69, "No route to host"),
]


@pytest.fixture
def config(tmp_path):
    return Scratch(tmp_path).write().config


@pytest.mark.parametrize(("trouble", "code", "words"), TROUBLES, ids=lambda told: f"{told}")
def test_what_the_system_refuses_is_told_with_what_to_do(config, capsys, trouble, code, words):
    with pytest.raises(typer.Exit) as ended, speaking(config):
        raise trouble

    said, advice = capsys.readouterr().err.splitlines()
    assert ended.value.exit_code == code
    assert words in said
    assert advice.startswith("→ ")


def test_to_a_reader_that_has_gone_nothing_is_said(config, capsys):
    with pytest.raises(BrokenPipeError), speaking(config):
        raise BrokenPipeError

    assert capsys.readouterr().err == ""

"""What the runbook says of itself: who executed what, and that its commands are ones there are."""

import re

import pytest
from typer.main import get_command

from bot.__main__ import cli
from tests.deploy.machine import ROOT
from tests.deploy.runbook import PAGE, sections

A_TEST = re.compile(r"`(tests/[\w./*-]+)`")
A_COMMAND = re.compile(r"(?:`|sudo )bellwether (?:@\w+ )?([a-z]+)\b")


@pytest.mark.parametrize("file", sorted(set(A_TEST.findall(PAGE.read_text("utf-8")))))
def test_each_test_it_names_is_there(file):
    assert list(ROOT.glob(file))


def test_each_command_it_names_is_one():
    named = set(A_COMMAND.findall(PAGE.read_text("utf-8")))

    assert named - set(get_command(cli).list_commands(None)) == set()


def test_each_procedure_of_a_host_says_who_executed_it():
    headings = list(sections())
    ours = headings[headings.index("The service is not as it should be") :]

    untold = [name for name in ours if "*Executed:*" not in sections()[name]]

    assert (len(ours) > 7, untold) == (True, [])


def test_each_procedure_says_how_to_know_that_it_worked():
    silent = [name for name, text in sections().items() if "*It worked if*" not in text]

    assert silent == []

"""Simulated systems that listen while a test runs."""

import pytest

from adapters.sims.telegram import TelegramSim
from tests.adapters.sims.telegram_bots import a_bot


@pytest.fixture
async def sim():
    async with TelegramSim() as it:
        yield it


@pytest.fixture
async def bot(sim):
    async with a_bot(sim) as it:
        yield it

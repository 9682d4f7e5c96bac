"""The main job on real prices: a year of sessions through the real daemon, on paper."""

import json
from collections import Counter
from datetime import date

import pytest

from bot.app import House
from bot.demo import Show, play
from bot.domain.memory import Outcome
from bot.domain.model import RunKey
from bot.sessions import nyse
from tests.fakes import Phone
from tests.real import real_prices

LAST = date(2026, 7, 31)
CALENDAR = nyse(date(2024, 1, 1), date(2027, 12, 31))
YEAR = [session.date for session in CALENDAR.between(date(2025, 1, 1), LAST)][-260:]
QUARTER_ENDS = {date(2025, 9, 30), date(2025, 12, 31), date(2026, 3, 31), date(2026, 6, 30)}


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_year_of_real_prices_is_traded_without_a_question(tmp_path):
    prices = real_prices("etf_adjclose.csv.gz")
    phone, ends, held = Phone(), {}, {}

    def look(house: House) -> None:
        ledger = house.ledger
        ends.update({day: ledger.outcome(RunKey("demo", day)) for day in YEAR})
        held.update(ledger.bought("demo"))

    play(Show(prices, YEAR[0], LAST), tmp_path, phone, look)

    journal = (tmp_path / "paper/paper.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in journal]
    booked = {e["number"]: e for e in entries if e["kind"] == "booked"}
    filled = Counter()
    for fill in (e for e in entries if e["kind"] == "filled"):
        filled[fill["number"]] += fill["shares"]
    traded = {date.fromisoformat(order["session"]) for order in booked.values()}
    assert set(ends.values()) == {Outcome.COMPLETE, Outcome.HELD}
    assert len(phone.told) == len(YEAR)
    assert {number: order["shares"] for number, order in booked.items()} == filled
    assert {ends[day] for day in QUARTER_ENDS} == {Outcome.COMPLETE}
    assert traded <= {day for day, outcome in ends.items() if outcome is Outcome.COMPLETE}
    assert held

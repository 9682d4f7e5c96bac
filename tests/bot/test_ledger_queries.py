import re
from datetime import date

import pytest
from sqlalchemy import event

from bot import ledger_queries
from bot.ledger import SqlLedger

DAY = date(2026, 3, 31)
VALUES = {
    "book": "main",
    "session": DAY,
    "since": DAY,
    "side": "sell",
    "order": "id",
    "outcome": 1,
    "limit": 10,
}
ASKED = {name: query for name, query in vars(ledger_queries).items() if name.isupper()}
LAST = ASKED.pop("LAST")
ASKED |= {f"LAST {table.name}": query for table, query in LAST.items()}
LIMITED = [name for name, query in ASKED.items() if query._limit_clause is not None]


def steps(name: str) -> list[str]:
    """How SQLite answers: what it searches by an index, what it reads from end to end."""
    ledger, asked = SqlLedger.open(None), []
    event.listen(
        ledger._file.engine, "before_cursor_execute", lambda *told: asked.append(told[2:4])
    )
    with ledger._file.reading() as connection:
        connection.execute(ASKED[name], VALUES)
        statement, parameters = asked[-1]
        told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [step.detail for step in told]


@pytest.mark.parametrize("name", ASKED)
def test_no_question_reads_a_table_from_end_to_end(name):
    told = steps(name)

    assert any(step.startswith("SEARCH") for step in told)
    assert not [step for step in told if re.match(r"SCAN (?!CONSTANT)", step)]


@pytest.mark.parametrize("name", LIMITED)
def test_the_newest_is_found_without_sorting_the_rest(name):
    assert not [step for step in steps(name) if "TEMP B-TREE" in step]

import pytest

from bot.domain.errors import (
    BellwetherError,
    Blocked,
    BrokerUnavailable,
    DataError,
    Halted,
    LedgerError,
    OrderUnanswered,
    SettingsError,
)
from bot.domain.memory import Outcome
from bot.exits import exit_code, outcome_code

ERRORS = [
    (BellwetherError("unforeseen"), 1),
    (DataError("bad_price"), 1),
    (LedgerError("ledger_damaged"), 1),
    (LedgerError("ledger_full"), 1),
    (Halted("halt_switch"), 1),
    (OrderUnanswered("asked"), 1),
    (SettingsError("which_book"), 2),
    (BellwetherError("no_session"), 2),
    (BrokerUnavailable("broker_unavailable"), 69),
    (BellwetherError("no_daemon"), 69),
    (Blocked("window_ahead"), 75),
    (Blocked("vital_quote_stale"), 75),
    (LedgerError("ledger_locked"), 75),
    (DataError("store_locked"), 75),
    (BellwetherError("no_run_yet"), 75),
    (BrokerUnavailable("daemon_silent"), 75),
    (LedgerError("ledger_permission"), 77),
    (BellwetherError("no_permission"), 77),
    (SettingsError("unknown_profile"), 78),
    (SettingsError("setting_unknown"), 78),
    (Halted("account_identity"), 78),
    (Blocked("symbols_missing"), 78),
    (Blocked("adjustment_mismatch"), 78),
    (DataError("store_empty"), 78),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=str)
def test_an_error_ends_the_process_with_its_documented_code(error, code):
    assert exit_code(error) == code


OUTCOMES = [
    (Outcome.COMPLETE, 0),
    (Outcome.HELD, 0),
    (Outcome.OWED, 0),
    (Outcome.HALTED, 1),
    (Outcome.BLOCKED, 75),
    (Outcome.MISSED, 75),
    (None, 1),
]


@pytest.mark.parametrize(("outcome", "code"), OUTCOMES)
def test_a_run_ends_the_process_with_what_became_of_it(outcome, code):
    assert outcome_code(outcome) == code

"""What a process says of itself when it ends: one number for each kind of ending."""

from bot.domain.errors import (
    BellwetherError,
    Blocked,
    BrokerUnavailable,
    LedgerError,
    SettingsError,
)
from bot.domain.memory import Outcome

OK, FAULT, USAGE = 0, 1, 2
UNAVAILABLE, TEMPORARY, FORBIDDEN, CONFIGURATION = 69, 75, 77, 78
STOPPED = 130  # how a shell says that somebody pressed Ctrl-C

# Codes that say more than the type of their error.
_BY_CODE = {
    "account_identity": CONFIGURATION,
    "adjustment_mismatch": CONFIGURATION,
    "ledger_locked": TEMPORARY,
    "ledger_permission": FORBIDDEN,
    "no_daemon": UNAVAILABLE,
    "daemon_silent": TEMPORARY,
    "no_permission": FORBIDDEN,
    "no_run_on": USAGE,
    "no_run_yet": TEMPORARY,
    "no_session": USAGE,
    "store_empty": CONFIGURATION,
    "store_locked": TEMPORARY,
    "symbols_missing": CONFIGURATION,
    "which_book": USAGE,
}


def exit_code(error: BellwetherError) -> int:
    """The documented code of an error: whether to try again, to log in, or to edit a file."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    match error:
        case BrokerUnavailable():
            return UNAVAILABLE
        case Blocked():
            return TEMPORARY
        case SettingsError():
            return CONFIGURATION
        case LedgerError() | _:
            return FAULT


def outcome_code(outcome: Outcome | None) -> int:
    """The code of a run that was asked for: a blocked or missed one may be tried again.

    None is a run whose outcome could not be kept.
    """
    match outcome:
        case Outcome.BLOCKED | Outcome.MISSED:
            return TEMPORARY
        case Outcome.HALTED | None:
            return FAULT
        case _:
            return OK

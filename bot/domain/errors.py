"""What can go wrong, in types: a code and values, never a sentence."""

from collections.abc import Mapping


class BellwetherError(Exception):
    """An error with a code of the catalogue and the values its sentence needs."""

    def __init__(self, code: str, /, **values: object) -> None:
        super().__init__(code, values)
        self.code = code
        self.values: Mapping[str, object] = values

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.code} ({told})" if told else self.code


class Blocked(BellwetherError):  # noqa: N818 - the vocabulary of the design
    """Nothing was sent; the run may be tried again."""


class Halted(BellwetherError):  # noqa: N818 - the vocabulary of the design
    """The book can not go on without a person."""


class OrderRefused(BellwetherError):  # noqa: N818 - the vocabulary of the design
    """The broker certainly did not take the order."""


class OrderUnanswered(BellwetherError):  # noqa: N818 - the vocabulary of the design
    """The order was asked for and nobody knows what became of it."""


class BrokerUnavailable(Blocked):
    """The broker could not be reached; nothing was asked of it."""


class UnnamedHoldings(BellwetherError):  # noqa: N818 - the vocabulary of the design
    """A decision left out something the book holds."""


class SettingsError(BellwetherError):
    """A setting is missing, unknown or out of its bounds."""


class DataError(BellwetherError):
    """A file of prices can not be believed: it names the place and the remedy."""


class LedgerError(BellwetherError):
    """The ledger can not be read, written or locked."""

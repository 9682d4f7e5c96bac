"""The statements: accounts, positions and summaries, asked for once or subscribed to."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from adapters.sims import tws_messages as messages
from adapters.sims.tws_account import Account, Holding, Value
from adapters.sims.tws_codes import Answer, Code, Request
from adapters.sims.tws_session import Answering, Session
from adapters.sims.tws_wire import UNSET_NUMBER, Fields
from adapters.sims.tws_world import World

MOST_SUMMARIES = 2
EVERY_LEDGER = "$LEDGER:ALL"
ONE_LEDGER = "$LEDGER"
NOT_HELD = Holding(Decimal(0), Decimal(0))
SUMMARY_LEDGER_TAGS = frozenset(
    {"CashBalance", "TotalCashBalance", "StockMarketValue", "NetLiquidationByCurrency"}
    | {"RealizedPnL", "ExchangeRate", "RealCurrency", "Currency"}
)


class Statements:
    """Answers what is asked of accounts, and tells subscribers what changed."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def answers(self) -> Mapping[Request, Answering]:
        """What it can be asked."""
        return {
            Request.MANAGED_ACCOUNTS: self._managed,
            Request.POSITIONS: self._positions,
            Request.CANCEL_POSITIONS: self._end_positions,
            Request.POSITIONS_MULTI: self._positions_multi,
            Request.CANCEL_POSITIONS_MULTI: _nothing,
            Request.ACCOUNT_UPDATES: self._updates,
            Request.ACCOUNT_UPDATES_MULTI: self._updates_multi,
            Request.CANCEL_ACCOUNT_UPDATES_MULTI: self._end_updates_multi,
            Request.ACCOUNT_SUMMARY: self._summary,
            Request.CANCEL_ACCOUNT_SUMMARY: self._end_summary,
            Request.PNL: self._profit,
            Request.PNL_SINGLE: self._profit_single,
            Request.CANCEL_PNL: _nothing,
            Request.CANCEL_PNL_SINGLE: _nothing,
        }

    def push(self, session: Session, account: Account, con_ids: Iterable[int]) -> None:
        """Tell a subscriber of positions that changed, gone ones with 0 shares, and the money."""
        interests = session.interests
        for con_id in con_ids:
            instrument = self._world.directory.by_id[con_id]
            held = account.holdings.get(con_id, NOT_HELD)
            if interests.positions:
                session.tell(messages.position(account, instrument, held))
            if interests.updates == account.name:
                session.tell(messages.portfolio(account, instrument, held))
        if interests.updates == account.name:
            self._tell_values(session, account)
        for request_id, name in interests.updates_multi.items():
            if name == account.name:
                self._tell_values_multi(session, request_id, account)

    def _managed(self, session: Session, _fields: list[str]) -> None:
        session.tell((Answer.MANAGED_ACCOUNTS, 1, ",".join(self._world.accounts)))

    def _positions(self, session: Session, _fields: list[str]) -> None:
        session.interests.positions = True
        for account in self._world.accounts.values():
            for con_id, held in account.holdings.items():
                instrument = self._world.directory.by_id[con_id]
                session.tell(messages.position(account, instrument, held))
        session.tell((Answer.POSITION_END, 1))

    def _end_positions(self, session: Session, _fields: list[str]) -> None:
        session.interests.positions = False

    def _positions_multi(self, session: Session, fields: list[str]) -> None:
        _, request_id, name = _multi(fields)
        for account in self._named(name):
            for con_id, held in account.holdings.items():
                instrument = self._world.directory.by_id[con_id]
                session.tell(messages.position_multi(request_id, account, instrument, held))
        session.tell((Answer.POSITION_MULTI_END, 1, request_id))

    def _updates(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        read.skip(1)
        begins, name = read.flag(), read.text()
        if not begins:
            session.interests.updates = ""
            return
        account = next(iter(self._named(name)), None)
        if account is None:
            session.say(messages.NO_REQUEST, Code.VALIDATING, f"Invalid account code '{name}'.")
            return
        session.interests.updates = account.name
        self._tell_values(session, account)
        for con_id, held in account.holdings.items():
            instrument = self._world.directory.by_id[con_id]
            session.tell(messages.portfolio(account, instrument, held))
        session.tell((Answer.ACCOUNT_TIME, 1, f"{self._world.now():%H:%M}"))
        session.tell((Answer.ACCOUNT_DOWNLOAD_END, 1, account.name))

    def _updates_multi(self, session: Session, fields: list[str]) -> None:
        _, request_id, name = _multi(fields)
        for account in self._named(name):
            session.interests.updates_multi[request_id] = account.name
            self._tell_values_multi(session, request_id, account)
        session.tell((Answer.ACCOUNT_UPDATE_MULTI_END, 1, request_id))

    def _end_updates_multi(self, session: Session, fields: list[str]) -> None:
        session.interests.updates_multi.pop(int(fields[1]), None)

    def _summary(self, session: Session, fields: list[str]) -> None:
        request_id, tags = int(fields[1]), frozenset(fields[3].split(","))
        if len(session.interests.summaries) >= MOST_SUMMARIES:
            session.say(request_id, Code.SUMMARIES)
            return
        session.interests.summaries[request_id] = tags
        for account in self._world.accounts.values():
            for value in account.statement():
                if _summarized(value, tags, account):
                    session.tell(messages.account_summary(request_id, account.name, value))
        session.tell((Answer.ACCOUNT_SUMMARY_END, 1, request_id))

    def _end_summary(self, session: Session, fields: list[str]) -> None:
        session.interests.summaries.pop(int(fields[1]), None)

    def _profit(self, session: Session, fields: list[str]) -> None:
        for account in self._named(fields[1]):
            session.tell(messages.profit(Answer.PNL, int(fields[0]), account))

    def _profit_single(self, session: Session, fields: list[str]) -> None:
        for account in self._named(fields[1]):
            con_id = int(fields[3] or 0)
            held = account.holdings.get(con_id, NOT_HELD)
            worth = held.shares * account.price(con_id)
            gained = worth - held.shares * held.cost
            made = (UNSET_NUMBER, gained, Decimal(0), worth)
            session.tell((Answer.PNL_SINGLE, int(fields[0]), held.shares, *made))

    def _tell_values(self, session: Session, account: Account) -> None:
        session.tell(*(messages.account_value(account.name, v) for v in account.statement()))

    def _tell_values_multi(self, session: Session, request_id: int, account: Account) -> None:
        for value in account.statement():
            session.tell(messages.account_value_multi(request_id, account.name, value))

    def _named(self, name: str) -> tuple[Account, ...]:
        """The accounts a request names; without a name the only one, if there is only one."""
        accounts = tuple(self._world.accounts.values())
        if not name and len(accounts) == 1:
            return accounts
        return tuple(account for account in accounts if account.name == name)


def _multi(fields: list[str]) -> tuple[str, int, str]:
    read = Fields(fields)
    return read.text(), read.count(), read.text()


def _nothing(_session: Session, _fields: list[str]) -> None:
    """It is never told again anyway."""


def _summarized(value: Value, tags: frozenset[str], account: Account) -> bool:
    if value.tag in SUMMARY_LEDGER_TAGS:
        wanted = {ONE_LEDGER: {account.setup.base}, EVERY_LEDGER: {value.currency}}
        return any(value.currency in wanted.get(tag, {tag.partition(":")[2]}) for tag in tags)
    return value.tag in tags

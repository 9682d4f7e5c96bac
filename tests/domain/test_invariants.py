"""What holds for every book, account and market; and over ten sessions of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from math import floor

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.gates import Finding, Way
from bot.domain.model import Action, Plan, Portfolio, Proceeds, Quote, Role, Symbol, TradingRules
from bot.domain.money import TargetValues, spendable, to_tick
from bot.domain.planning import plan_buys, plan_sells, plan_shorts, residuals
from bot.domain.resting import at_rest
from bot.domain.shorting import carried, equity_lacking
from bot.domain.situation import Situation
from tests.builders import NOW, a_portfolio, a_quote, a_run, targets, traded, usd_targets

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")
HALF = Decimal("0.5")
TINY = Decimal("1e-6")

always = settings(derandomize=True, max_examples=120, deadline=None, database=None)


@dataclass(frozen=True)
class World:
    wanted: TargetValues
    at: Situation
    rules: TradingRules

    def sells(self) -> Plan:
        return plan_sells(a_run(), self.wanted, self.at, self.rules)

    def shorts(self) -> Plan:
        return plan_shorts(a_run(), self.wanted, self.at, self.rules)

    def buys(self) -> Plan:
        return plan_buys(a_run(), self.wanted, self.at, self.rules)

    def after(self, sells: Plan) -> "World":
        """The world once every order filled whole at its bid, or at its price without a quote."""
        fills = [(order, self.at_bid(order.symbol)) for order in sells.orders]
        money = sum((order.shares * price for order, price in fills), Decimal(0))
        later = replace(
            self.at,
            portfolio=traded(self.at.portfolio, *fills),
            proceeds=money,
            turnover=money,
            orders=len(sells.orders),
            sold={order.symbol for order in sells.orders if order.action is Action.SELL},
        )
        return replace(self, at=later)

    def at_bid(self, symbol: Symbol) -> Decimal:
        quote = self.at.quotes.get(symbol)
        return quote.bid if quote else self.at.prices[symbol]


def decimals(low: str, high: str, places: int = 2) -> st.SearchStrategy[Decimal]:
    unit = Decimal(1).scaleb(-places)
    bounds = int(Decimal(low) / unit), int(Decimal(high) / unit)
    return st.integers(*bounds).map(lambda count: count * unit)


def some_of(values: tuple[Symbol, ...]) -> st.SearchStrategy[set[Symbol]]:
    return st.sets(st.sampled_from(values)) if values else st.just(set())


@st.composite
def some_rules(draw, proceeds: tuple[Proceeds, ...] = tuple(Proceeds)) -> TradingRules:
    return TradingRules(
        band=draw(decimals("0", "0.05", 3)),
        reserve=draw(decimals("0", "0.2")),
        reserve_floor=draw(st.sampled_from([Decimal(0), Decimal(150), Decimal(1500)])),
        min_notional=draw(st.sampled_from([Decimal(0), Decimal(50), Decimal(500)])),
        buy_premium=draw(decimals("0", "0.02", 3)),
        sell_discount=draw(decimals("0", "0.02", 3)),
        retain=draw(decimals("0.5", "1")),
        bootstrap=draw(decimals("0.5", "1")),
        idle_cash=draw(decimals("0", "0.1")),
        fee_allowance=draw(st.sampled_from([Decimal(0), Decimal("1.5")])),
        proceeds=draw(st.sampled_from(proceeds)),
    )


@st.composite
def capped_rules(draw) -> TradingRules:
    return replace(
        draw(some_rules()),
        max_orders=draw(st.sampled_from([1, 3, 60])),
        max_turnover=draw(decimals("0.1", "2.5")),
        max_notional=draw(st.none() | decimals("100", "20000", 0)),
    )


@st.composite
def some_prices(draw) -> dict[Symbol, Decimal]:
    count = draw(st.integers(1, len(SYMBOLS)))
    return {symbol: draw(decimals("1", "2000")) for symbol in SYMBOLS[:count]}


@st.composite
def some_weights(draw, symbols: tuple[Symbol, ...]) -> dict[Symbol, float]:
    parts = {symbol: draw(st.integers(0, 6)) for symbol in symbols}
    whole = sum(parts.values()) + draw(st.integers(0, 3))
    return {symbol: part / max(whole, 1) for symbol, part in parts.items()}


@st.composite
def some_shares(draw, symbols: tuple[Symbol, ...]) -> dict[Symbol, Decimal]:
    held = {symbol: draw(st.just(Decimal(0)) | decimals("0", "60", 3)) for symbol in symbols}
    return {symbol: shares for symbol, shares in held.items() if shares}


def a_market(draw, prices: Mapping[Symbol, Decimal]) -> dict[Symbol, Quote]:
    """Quotes around a last price that may lie outside bid and ask."""
    market = {}
    for symbol, price in prices.items():
        low, high = sorted(to_tick(price * draw(decimals("0.98", "1.02", 3))) for _ in "ab")
        market[symbol] = Quote(symbol, bid=low, ask=high, last=price, at=NOW)
    return market


@st.composite
def worlds(draw) -> World:
    """Anything: findings, holes in the quotes, open sells, debts, unsettled money, caps."""
    prices = draw(some_prices())
    symbols = tuple(prices)
    held = draw(some_shares(symbols))
    cash = draw(decimals("-5000", "100000"))
    settled = min(cash, draw(decimals("0", "100000")))
    portfolio = replace(
        a_portfolio(cash, settled=settled, **held),
        spendable=draw(decimals("-5000", "150000")),
        sellable={
            s: shares * draw(st.sampled_from([0, HALF, 1, 1, 1])) for s, shares in held.items()
        },
    )
    unquoted = draw(some_of(symbols))
    market = a_market(draw, prices)
    kinds = st.sampled_from(list(Finding))
    at = Situation(
        portfolio,
        quotes={symbol: quote for symbol, quote in market.items() if symbol not in unquoted},
        prices=prices,
        findings={symbol: (draw(kinds),) for symbol in draw(some_of(symbols))},
        book_findings=draw(st.just(()) | st.tuples(kinds)),
        proceeds=draw(decimals("0", "5000")),
        pledged=draw(st.just(Decimal(0)) | decimals("0", "5000")),
        turnover=draw(decimals("0", "5000")),
        orders=draw(st.integers(0, 4)),
        recent=draw(some_of(symbols)),
    )
    return of(draw, at, draw(capped_rules()))


@st.composite
def perfect_worlds(draw) -> World:
    """Every symbol quoted, nothing found, all money settled and usable, no cap in the way."""
    prices = draw(some_prices())
    symbols = tuple(prices)
    account = a_portfolio(draw(decimals("0", "100000")), **draw(some_shares(symbols)))
    at = Situation(account, a_market(draw, prices), prices, recent=draw(some_of(symbols)))
    return of(draw, at, draw(some_rules((Proceeds.MARGIN, Proceeds.SAME_DAY))))


def of(draw, at: Situation, rules: TradingRules) -> World:
    symbols = tuple(at.prices)
    roles = {symbol: draw(st.sampled_from(list(Role))) for symbol in symbols}
    asked = draw(st.sampled_from([0.0, 0.02, 0.03]))
    wanted = targets(draw(some_weights(symbols)), at, rules, roles, asked)
    return World(wanted, at, rules)


@always
@given(worlds())
def test_buys_fit_the_money_that_may_be_spent(world: World):
    at, rules = world.at, world.rules
    money = spendable(at.portfolio, rules, world.wanted.reserve, at.proceeds) - at.pledged

    buys = world.buys()

    cost = sum(o.shares * o.limit + rules.fee_allowance for o in buys.orders)
    assert cost <= max(money, 0)


@always
@given(worlds())
def test_sells_fit_the_whole_shares_that_may_be_sold(world: World):
    sells = world.sells()

    for symbol in world.at.prices:
        sold = sum(o.shares for o in sells.orders if o.symbol == symbol)
        assert sold <= floor(world.at.portfolio.sellable.get(symbol, Decimal(0)))


@always
@given(worlds())
def test_only_an_exit_goes_without_a_quote_and_then_at_the_market(world: World):
    plans = (world.sells(), world.buys())

    for order in (order for plan in plans for order in plan.orders):
        if order.symbol not in world.at.quotes:
            assert order.limit is None
            assert order.action is Action.SELL
            assert world.wanted.values[order.symbol] == 0


@always
@given(worlds())
def test_nothing_is_sent_that_a_finding_forbids(world: World):
    sells, buys = world.sells(), world.buys()

    assert all(world.at.permit(order.symbol).buy for order in buys.orders)
    for order in sells.orders:
        allowed = world.at.permit(order.symbol)
        leaves = world.wanted.values[order.symbol] == 0
        assert (allowed.exit is not Way.NOT) if leaves else allowed.reduce


@always
@given(worlds())
def test_an_exit_sells_every_whole_share_unless_a_finding_forbids(world: World):
    portfolio = world.at.portfolio

    sells = world.sells()

    for symbol, value in world.wanted.values.items():
        if value == 0 and world.at.permit(symbol).exit is not Way.NOT:
            sold = sum(o.shares for o in sells.orders if o.symbol == symbol)
            assert sold == floor(portfolio.sellable.get(symbol, Decimal(0)))


@always
@given(worlds())
def test_no_symbol_is_sold_and_bought_in_one_run(world: World):
    sells = world.sells()

    buys = world.after(sells).buys()

    assert not {o.symbol for o in sells.orders} & {o.symbol for o in buys.orders}


@always
@given(worlds())
def test_a_buy_never_ends_a_share_above_its_target(world: World):
    prices = world.at.prices

    buys = world.buys()

    for order in buys.orders:
        held = world.at.portfolio.held(order.symbol) + order.shares
        over = held * prices[order.symbol] - world.wanted.values[order.symbol]
        assert over <= prices[order.symbol]


@always
@given(worlds())
def test_a_reduction_never_ends_a_share_below_its_target(world: World):
    havens = {s for s in world.at.prices if world.wanted.role(s) is Role.SAFE_HAVEN}
    solvent = world.at.portfolio.cash >= 0

    sells = world.sells()

    for order in sells.orders:
        price, value = world.at.prices[order.symbol], world.wanted.values[order.symbol]
        if solvent and value >= price and order.symbol not in havens:
            left = world.at.portfolio.held(order.symbol) - order.shares
            assert left * price > value - price


@always
@given(worlds())
def test_planning_twice_names_the_same_orders(world: World):
    first, second = (world.sells(), world.buys()), (world.sells(), world.buys())

    assert first == second
    assert [o.id for plan in first for o in plan.orders] == [
        o.id for plan in second for o in plan.orders
    ]


@always
@given(worlds())
def test_every_order_of_a_run_has_its_own_name_and_whole_shares(world: World):
    sells = world.sells()
    orders = (*sells.orders, *world.after(sells).buys().orders)

    assert len({order.id for order in orders}) == len(orders)
    assert all(type(order.shares) is int and order.shares > 0 for order in orders)
    assert all(order.limit is None or order.limit > 0 for order in orders)


@always
@given(worlds())
def test_what_is_not_traded_and_off_target_has_a_note(world: World):
    sells = world.sells()
    after = world.after(sells)
    buys = after.buys()

    moved = {order.symbol for plan in (sells, buys) for order in plan.orders}
    noted = {note.symbol for plan in (sells, buys) for note in plan.notes}
    for symbol, value in world.wanted.values.items():
        price = world.at.prices[symbol]
        off = abs(value - world.at.portfolio.held(symbol) * price)
        if off >= HALF * price and off > 0:
            assert symbol in moved | noted


@always
@given(worlds())
def test_caps_bound_buys_and_every_order(world: World):
    sells, buys, rules = world.sells(), world.buys(), world.rules
    bought = sum(o.shares * o.limit for o in buys.orders)

    if buys.orders:
        assert len(buys.orders) + world.at.orders <= rules.max_orders
        assert bought + world.at.turnover <= rules.max_turnover * world.wanted.equity
    if rules.max_notional is not None:
        assert all(o.shares * o.limit <= rules.max_notional for o in buys.orders)
        for order in sells.orders:
            value = order.shares * world.at.prices[order.symbol]
            assert value <= rules.max_notional or order.shares == 1


@always
@given(worlds())
def test_a_buy_is_worth_its_minimum(world: World):
    buys = world.buys()

    assert all(o.shares * o.limit >= world.rules.min_notional for o in buys.orders)


@always
@given(worlds())
def test_a_debt_buys_nothing(world: World):
    owing = replace(world.at.portfolio, cash=-abs(world.at.portfolio.cash) - 1)
    indebted = replace(world, at=replace(world.at, portfolio=owing))

    assert indebted.buys().orders == ()


@always
@given(worlds())
def test_targets_leave_the_reserve(world: World):
    wanted = world.wanted

    total = sum(wanted.values.values(), Decimal(0))

    assert total <= max(wanted.equity - wanted.reserve, 0) + TINY


@always
@given(perfect_worlds())
def test_a_run_whose_orders_all_fill_is_complete(world: World):
    sells = world.sells()
    later = world.after(sells)
    buys = later.buys()
    account = traded(later.at.portfolio, *((o, world.at.quotes[o.symbol].ask) for o in buys.orders))
    notes = (*sells.notes, *buys.notes)

    assert residuals(world.wanted, account, world.at.prices, notes, world.rules) == {}
    assert account.cash >= min(world.wanted.reserve, later.at.portfolio.cash)


@always
@given(
    price=st.integers(20, 900),
    held=st.integers(0, 1),
    pattern=st.lists(decimals("0.80", "1.10"), min_size=10, max_size=10),
)
def test_a_target_around_one_share_makes_at_most_one_round_trip_in_ten_sessions(
    price: int, held: int, pattern: list[Decimal]
):
    trades = ten_sessions(price, held, pattern)

    round_trips = [pair for pair in pairwise(trades) if pair == (Action.BUY, Action.SELL)]
    assert len(round_trips) <= 1


def ten_sessions(price: int, held: int, pattern: list[Decimal]) -> list[Action]:
    rules = TradingRules(proceeds=Proceeds.MARGIN)
    account = a_portfolio(10 * price, **({"SOXL": held} if held else {}))
    trades: list[Action] = []
    last = -rules.dwell - 1
    for session, share in enumerate(pattern):
        recent = {"SOXL"} if session - last <= rules.dwell else set()
        account, action = one_session(account, price, share, recent, rules)
        if action is not None:
            trades.append(action)
            last = session
    return trades


def one_session(
    account: Portfolio, price: int, share: Decimal, recent: set[Symbol], rules: TradingRules
) -> tuple[Portfolio, Action | None]:
    market = {"SOXL": a_quote("SOXL", price)}
    wanted = usd_targets(11 * price, SOXL=share * price)
    at = Situation(account, market, {"SOXL": Decimal(price)}, recent=recent)
    orders = plan_sells(a_run(), wanted, at, rules).orders
    orders = orders or plan_buys(a_run(), wanted, at, rules).orders
    after = traded(account, *((order, price) for order in orders))
    return after, orders[0].action if orders else None


@st.composite
def settled_worlds(draw) -> World:
    """What a run has left behind, a few sessions later: other prices, anything found."""
    before = draw(perfect_worlds())
    sold = before.after(before.sells())
    bought = [(o, before.at.quotes[o.symbol].ask) for o in sold.buys().orders]
    account = traded(sold.at.portfolio, *bought)
    moved = draw(decimals("0", "0.03", 3))
    prices = {
        symbol: to_tick(price * (1 + moved * draw(st.integers(-5, 5)) / 5))
        for symbol, price in before.at.prices.items()
    }
    findings = {s: (draw(st.sampled_from(list(Finding))),) for s in draw(some_of(tuple(prices)))}
    at = Situation(account, a_market(draw, prices), prices, findings)
    grown = account.equity(prices) / before.wanted.equity if before.wanted.equity > 0 else HALF
    wanted = replace(
        before.wanted,
        equity=before.wanted.equity * grown,
        reserve=before.wanted.reserve * grown,
        values={symbol: value * grown for symbol, value in before.wanted.values.items()},
    )
    return World(wanted, at, before.rules)


@settings(always, max_examples=150)
@given(settled_worlds())
def test_at_rest_nothing_would_be_ordered_and_nothing_is_owed(world: World):
    at, rules = world.at, world.rules
    assume(at_rest(world.wanted, at.portfolio, at.prices, rules))

    plans = world.sells(), world.shorts(), world.buys()

    assert not any(plan.orders for plan in plans)
    assert residuals(world.wanted, at.portfolio, at.prices, (), rules) == {}


@st.composite
def books_that_short(draw) -> World:
    """Targets and holdings of both signs, some quotes missing, some findings."""
    prices = draw(some_prices())
    symbols = tuple(prices)
    held = {symbol: draw(decimals("-60", "60", 1)) for symbol in symbols}
    account = a_portfolio(draw(decimals("-1000", "100000")), **held)
    market = a_market(draw, prices)
    unquoted = draw(some_of(symbols))
    at = Situation(
        account,
        {symbol: quote for symbol, quote in market.items() if symbol not in unquoted},
        prices,
        {symbol: (draw(st.sampled_from(list(Finding))),) for symbol in draw(some_of(symbols))},
    )
    weights = {symbol: draw(st.sampled_from([-0.5, -0.2, 0.0, 0.2, 0.5])) for symbol in symbols}
    rules = replace(draw(capped_rules()), proceeds=Proceeds.MARGIN, shorting=True)
    return World(targets(weights, at, rules), at, rules)


@always
@given(books_that_short())
def test_no_order_takes_a_holding_across_zero(world: World):
    at = world.at

    for plan in (world.sells(), world.shorts(), world.buys()):
        net = dict(at.portfolio.shares)
        for order in plan.orders:
            moved = order.shares if order.action.takes_shares else -order.shares
            net[order.symbol] = net.get(order.symbol, Decimal(0)) + moved
        assert all(at.portfolio.held(s) * left >= 0 for s, left in net.items())


@always
@given(books_that_short())
def test_only_what_is_short_is_covered_and_only_what_is_not_held_is_shorted(world: World):
    held = world.at.portfolio.held

    assert all(
        (order.action is Action.BUY_TO_COVER) is (held(order.symbol) < 0)
        for order in world.sells().orders
    )
    assert all(
        order.action is Action.SELL_SHORT and held(order.symbol) <= 0
        for order in world.shorts().orders
    )


@always
@given(books_that_short())
def test_a_short_never_ends_beyond_its_target_and_opens_only_where_it_may(world: World):
    shorts = world.shorts()

    for order in shorts.orders:
        symbol, price = order.symbol, world.at.prices[order.symbol]
        short = world.at.portfolio.held(symbol) - order.shares
        assert short * price >= world.wanted.values[symbol]
        assert world.at.permit(symbol).short
        assert order.limit is not None
    if equity_lacking(world.wanted, world.rules) is not None:
        assert shorts.orders == ()


@always
@given(books_that_short())
def test_the_longs_that_are_bought_are_no_larger_a_part_than_the_shorts(world: World):
    part = carried(world.wanted, world.at)

    for order in world.buys().orders:
        price = max(world.at.prices[order.symbol], world.at.quotes[order.symbol].ask)
        held = world.at.portfolio.held(order.symbol) + order.shares
        assert held * world.at.prices[order.symbol] <= (
            part * world.wanted.values[order.symbol] + price
        )


@always
@given(books_that_short())
def test_buys_leave_what_the_shorts_are_worth(world: World):
    at = world.at
    own = at.portfolio.cash - at.shorted - world.wanted.reserve

    cost = sum(o.shares * o.limit + world.rules.fee_allowance for o in world.buys().orders)

    assert cost <= max(own, 0)


@always
@given(books_that_short())
def test_what_of_a_book_that_shorts_is_not_traded_has_a_note(world: World):
    plans = (world.sells(), world.shorts(), world.buys())

    moved = {order.symbol for plan in plans for order in plan.orders}
    noted = {note.symbol for plan in plans for note in plan.notes}
    for symbol, value in world.wanted.values.items():
        price = world.at.prices[symbol]
        off = abs(value - world.at.portfolio.held(symbol) * price)
        if off >= price:
            assert symbol in moved | noted

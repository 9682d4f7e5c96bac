from collections import Counter
from datetime import date
from decimal import Decimal
from functools import partial

import pytest

from adapters.synthetic import BUNDLED
from bot import sources
from bot.backtest import FillAt
from bot.domain.errors import Blocked, DataError, SettingsError
from bot.domain.model import Action, Note
from bot.trial import NAMELESS, Trial, Wish, attempt, first_session, staged
from config.problems import SettingsProblem
from config.settings import Settings, checked
from strategies import PROFILES
from tests.bot.scratch import closes, written

CALENDAR = sources.exchange(Settings())
TQQQ, SOXL = "tqqq_growth_income", "soxl_soxx_trend_income"
FIRST, LAST = date(2026, 5, 1), date(2026, 9, 30)
FREE = {"cash": "50_000"}
ALL_OF_IT = Decimal(1)


def tried(wish: Wish, settings: Settings | None = None) -> Trial:
    return attempt(wish, settings or Settings(), lambda _done, _of: None)


def of_profile(name: str = TQQQ, **wished: object) -> Trial:
    return tried(
        Wish(**{"profile": name, "prices": BUNDLED, "first": FIRST, "last": LAST, **wished})
    )


def a_book(**book: object) -> Settings:
    """One book on the bundled prices; its account's broker has costs."""
    broker = {"kind": "paper", "market": "prices", "cash": 20_000}
    return checked(
        {
            "markets": {"prices": {"kind": "tables", "path": BUNDLED}},
            "brokers": {"practice": {**broker, "slippage": "0.001", "commission_per_order": "2"}},
            "books": {"main": {"profile": TQQQ, "broker": "practice", **book}},
        }
    )


of_book = partial(Wish, book="main", first=FIRST, last=LAST)


def codes(trial: Trial) -> set[tuple[str, str]]:
    return {(note.code, note.symbol) for note in trial.scorecard.notes}


# What reads a feed is tried where there is one.
WITHOUT_FEEDS = [name for name, told in PROFILES.items() if not told.strategy().needs.feeds]
WITH_SNAPSHOTS = [name for name, told in PROFILES.items() if told.strategy().needs.universe]


@pytest.mark.parametrize("name", WITHOUT_FEEDS)
def test_every_profile_is_tried_on_the_bundled_prices(name):
    trial = tried(Wish(profile=name, prices=BUNDLED))

    card = trial.scorecard
    assert (card.profile, card.benchmark) == (name, PROFILES[name].benchmark)
    assert (card.source, card.fill) == (BUNDLED, FillAt.CLOSE)
    assert card.performance.last == card.held.last == date(2026, 10, 15)
    assert card.held.start == pytest.approx(card.performance.start)
    assert 0 < card.orders == len(trial.record.trades)


@pytest.mark.parametrize("name", WITH_SNAPSHOTS)
def test_a_profile_whose_feed_is_not_there_is_refused(name):
    with pytest.raises(Blocked, match="feed_missing"):
        tried(Wish(profile=name, prices=BUNDLED))


def test_an_alias_is_tried_as_its_profile():
    trial = of_profile(" Global_Macro_ETF_Rotation ", first=date(2026, 6, 8))

    assert trial.scorecard.profile == "global_etf_rotation"


def test_a_profile_that_does_not_exist_is_an_error_that_names_it():
    with pytest.raises(SettingsError, match="unknown_profile"):
        of_profile("momentum")


def test_a_profile_needs_nothing_of_the_settings_but_the_store_and_the_calendar():
    settings = checked({"mode": "live", "books": {}})

    assert (
        of_profile().scorecard
        == tried(Wish(profile=TQQQ, prices=BUNDLED, first=FIRST, last=LAST), settings).scorecard
    )


def test_a_profile_without_a_file_is_tried_on_the_store(tmp_path):
    settings = Settings(state_dir=tmp_path)
    sources.update_prices(settings, BUNDLED)

    trial = tried(Wish(profile=TQQQ, first=FIRST, last=LAST), settings)

    assert trial.scorecard.performance == of_profile().scorecard.performance
    assert trial.scorecard.source.is_relative_to(tmp_path)


def test_the_span_asked_for_is_the_span_played():
    trial = of_profile()

    sessions = [session.date for session in CALENDAR.between(FIRST, LAST)]
    assert [day.date() for day in trial.record.equity.index] == sessions
    assert list(trial.held.index) == list(trial.record.equity.index)
    assert (trial.scorecard.first, trial.scorecard.performance.last) == (FIRST, LAST)
    assert trial.scorecard.sessions == len(sessions)


def test_what_comes_after_the_last_session_changes_nothing():
    told = {"last": date(2026, 8, 31)}

    early, late = of_profile(**told), of_profile()

    assert early.record.equity.tolist() == late.record.equity.loc[:"2026-08-31"].tolist()


def test_the_bar_hears_of_every_session():
    heard = []

    attempt(
        Wish(profile=TQQQ, prices=BUNDLED, first=FIRST, last=LAST),
        Settings(),
        lambda done, of: heard.append((done, of)),
    )

    count = len(CALENDAR.between(FIRST, LAST))
    assert heard == [(done, count) for done in range(1, count + 1)]


def test_the_benchmark_is_bought_with_the_equity_of_the_first_session_and_held():
    trial = of_profile(account=FREE)

    qqq = closes().set_index("date").loc[str(FIRST) : str(LAST), "QQQ"]
    shares, cash = divmod(50_000, qqq.iloc[0])
    assert trial.held.tolist() == pytest.approx((cash + shares * qqq).tolist())
    assert trial.scorecard.held.turnover_per_year is None


def test_turnover_is_told_for_a_year():
    trial = of_profile()

    years = (LAST - CALENDAR.before(FIRST).date).days / 365.25
    told = trial.scorecard.performance.turnover_per_year
    assert told == pytest.approx(trial.record.turnover.sum() / years)


def test_a_book_is_tried_with_its_account_and_its_costs():
    card = tried(of_book(), a_book()).scorecard

    assert card.profile == TQQQ
    assert card.commission == 2 * card.orders > 0
    assert card.slippage > 0
    assert card.performance.start == 20_000


def test_what_the_first_session_cost_is_in_the_figures():
    trial = tried(of_book(), a_book())

    fared = trial.scorecard.performance
    assert fared.first == CALENDAR.before(trial.scorecard.first).date
    assert trial.record.equity.iloc[0] < trial.record.opened == float(fared.start)


def test_a_book_is_tried_by_its_rules():
    half, whole = (
        tried(of_book(), a_book(rules={"reserve": reserve})).record.weights.sum(axis=1).max()
        for reserve in ("0.5", "0")
    )

    assert half < 0.55
    assert whole > 0.9


def test_a_book_is_tried_with_its_parameters():
    much, little = (
        tried(of_book(), a_book(params={"dual_drive_cash_reserve_ratio": ratio})).record.cash
        for ratio in (0.5, 0.02)
    )

    assert much.iloc[0] > 10 * little.iloc[0] > 0


def test_a_parameter_that_does_not_exist_is_an_error():
    with pytest.raises(SettingsError, match="unknown_parameter"):
        tried(of_book(), a_book(params={"leverage": 3}))


def test_a_book_that_does_not_exist_is_an_error_that_names_those_there_are():
    with pytest.raises(SettingsError, match=r"unknown_book \(name=other, known=main\)"):
        tried(Wish(book="other"), a_book())


def test_what_is_wished_comes_before_what_the_settings_say():
    account = {"cash": "50_000", "slippage": "0", "commission_per_order": "0.5"}

    card = tried(of_book(account=account), a_book()).scorecard

    assert card.commission == card.orders * Decimal("0.5")
    assert card.slippage == 0
    assert card.performance.start > 49_990


def test_another_file_may_be_wished_for_a_book(tmp_path):
    table = closes()
    path = written(table[table["date"] <= "2026-09-30"], tmp_path / "prices.csv")

    card = tried(of_book(prices=path), a_book()).scorecard

    assert card.source == path


def test_the_account_may_begin_with_shares():
    settings = a_book()
    plain = settings.model_dump()
    plain["brokers"]["practice"] |= {"shares": {"QQQ": 10}, "cash": 0}

    record = tried(of_book(), checked(plain)).record

    assert record.trades[0].action is Action.SELL
    assert record.equity.iloc[0] > 1000


WRONG_ACCOUNTS = [
    ({"cash": "lots"}, "cash"),
    ({"cash": "-1"}, "cash"),
    ({"slippage": "0.5"}, "slippage"),
    ({"commission_per_order": "nan"}, "commission_per_order"),
]


@pytest.mark.parametrize(("account", "key"), WRONG_ACCOUNTS)
def test_money_that_is_none_is_refused_by_its_name(account, key):
    with pytest.raises(SettingsProblem) as refused:
        of_profile(account=account)

    assert [problem.where for problem in refused.value.problems] == [f"brokers.{NAMELESS}.{key}"]


def young(tmp_path, symbol="BOXX", since="2026-06-01"):
    table = closes()
    table.loc[table["date"] < since, symbol] = None
    return written(table, tmp_path / "young.csv")


def test_a_trial_begins_when_everything_has_a_price(tmp_path):
    trial = of_profile(prices=young(tmp_path), first=None)

    assert trial.scorecard.performance.first == date(2026, 6, 1)
    assert ("begins_late", "BOXX") not in codes(trial)


def test_what_begins_later_is_told(tmp_path):
    trial = of_profile(prices=young(tmp_path))

    assert Note("begins_late", "BOXX", {"day": date(2026, 6, 1)}) in trial.scorecard.notes
    assert trial.record.weights["BOXX"].loc[:"2026-05-31"].eq(0).all()


def test_what_never_has_a_price_is_told(tmp_path):
    trial = of_profile(prices=young(tmp_path), last=date(2026, 5, 29))

    assert Note("begins_late", "BOXX", {"day": None}) in trial.scorecard.notes


def test_a_stand_in_lengthens_a_history_and_is_told(tmp_path):
    trial = of_profile(prices=young(tmp_path), first=None, splice={"BOXX": "BIL"})

    assert trial.scorecard.first == date(2025, 6, 5)
    spliced = Note("spliced", "BOXX", {"by": "BIL", "until": date(2026, 6, 1)})
    assert trial.scorecard.notes[0] == spliced


def test_wished_stand_ins_come_on_top_of_the_markets(tmp_path):
    plain = a_book().model_dump()
    plain["markets"]["prices"]["path"] = young(tmp_path)
    plain["markets"]["prices"]["splice"] = {"BOXX": "BIL"}
    settings = checked(plain)

    for wished in ({}, {"SPYI": "SPY"}):
        assert ("spliced", "BOXX") in codes(tried(of_book(splice=wished), settings))


REFUSED = [({"BOXX": "ZZZ"}, "splice_unknown"), ({"BOXX": "BOXX"}, "splice_itself")]


@pytest.mark.parametrize(("splice", "code"), REFUSED)
def test_a_stand_in_that_can_not_be_is_refused(splice, code):
    with pytest.raises(DataError, match=code):
        of_profile(splice=splice)


def opening_file(tmp_path, shift):
    """The bundled prices with openings: the closes of `shift` sessions before."""
    table = closes()
    shifted = table.set_index("date").shift(shift).reset_index()
    long, opened = (t.melt("date", var_name="symbol", value_name="close") for t in (table, shifted))
    return written(long.assign(open=opened["close"]), tmp_path / f"open{shift}.csv")


def essence(trial: Trial) -> list[tuple[object, ...]]:
    """The trades by the decision they are of."""
    return [(t.decided, t.symbol, t.action, t.shares, t.price) for t in trial.record.trades]


def test_an_opening_at_the_close_before_trades_as_that_close_does(tmp_path):
    prices = opening_file(tmp_path, 1)

    at_close = of_profile(SOXL, prices=prices)
    at_open = of_profile(SOXL, prices=prices, fill=FillAt.NEXT_OPEN)

    traded = [trade for trade in essence(at_close) if trade[0] < LAST]
    assert essence(at_open) == traded != []
    assert at_open.record.equity.tolist() == pytest.approx(at_close.record.equity.tolist())


def test_an_opening_at_the_close_of_its_day_trades_as_the_next_close_does(tmp_path):
    prices = opening_file(tmp_path, 0)

    at_open = of_profile(SOXL, prices=prices, fill=FillAt.NEXT_OPEN)
    at_close = of_profile(SOXL, prices=prices, fill=FillAt.NEXT_CLOSE)

    assert essence(at_open) == essence(at_close) != []


@pytest.mark.parametrize("fill", [FillAt.NEXT_OPEN, FillAt.NEXT_CLOSE])
def test_a_decision_is_traded_on_the_next_session_and_the_last_one_is_not(fill, tmp_path):
    trial = of_profile(SOXL, prices=opening_file(tmp_path, 1), fill=fill)

    waited = Counter(CALENDAR.distance(t.decided, t.session) for t in trial.record.trades)
    assert set(waited) == {1}
    assert Note("never_traded", "", {"day": LAST}) in trial.scorecard.notes
    assert trial.scorecard.fill is fill


def test_prices_without_openings_are_named_where_they_are_needed():
    with pytest.raises(DataError, match=r"missing_opens \(symbols=.*QQQ"):
        of_profile(fill=FillAt.NEXT_OPEN)


SPANS = {
    "before its history": ({"first": date(2025, 6, 4)}, "begins_too_early"),
    "before the prices": ({"first": None, "last": date(2020, 1, 2)}, "too_few_sessions"),
    "before any session of them": ({"last": date(2024, 6, 1)}, "too_few_sessions"),
    "before enough": ({"first": None, "last": date(2025, 1, 2)}, "too_few_sessions"),
    "after the prices": ({"last": date(2026, 10, 16)}, "ends_too_late"),
    "the wrong way round": ({"first": LAST, "last": FIRST}, "no_sessions_played"),
    "a weekend": ({"first": date(2026, 5, 2), "last": date(2026, 5, 3)}, "no_sessions_played"),
}


@pytest.mark.parametrize(("span", "code"), SPANS.values(), ids=SPANS)
def test_a_span_the_prices_do_not_have_is_refused(span, code):
    with pytest.raises(DataError, match=code):
        of_profile(**span)


def test_a_day_no_calendar_knows_is_refused():
    with pytest.raises(Blocked, match="calendar_unknown"):
        of_profile(last=date(2099, 1, 2))


def test_a_last_day_without_a_session_after_the_prices_is_the_last_session(tmp_path):
    table = closes()
    path = written(table[table["date"] <= "2026-10-09"], tmp_path / "prices.csv")

    trial = of_profile(prices=path, last=date(2026, 10, 11))

    assert trial.scorecard.performance.last == date(2026, 10, 9)


def test_a_benchmark_without_a_price_on_the_first_session_is_named(tmp_path):
    prices = young(tmp_path, "VOO", "2026-08-03")

    with pytest.raises(DataError, match=r"benchmark_unpriced \(symbol=VOO, day=2026-06-08\)"):
        of_profile("global_etf_rotation", prices=prices, first=date(2026, 6, 8))


def test_an_account_with_shares_of_what_has_no_price_yet_is_refused(tmp_path):
    plain = a_book().model_dump()
    plain["markets"]["prices"]["path"] = young(tmp_path)
    plain["brokers"]["practice"]["shares"] = {"BOXX": 10}

    with pytest.raises(DataError, match="never_priced"):
        tried(of_book(), checked(plain))


def test_a_session_without_prices_is_told_with_its_reason(tmp_path):
    table = closes()
    path = written(table[table["date"] != "2026-07-15"], tmp_path / "hole.csv")

    trial = of_profile(prices=path)

    days = {"vital_quote_stale": date(2026, 7, 15), "vital_history_stale": date(2026, 7, 16)}
    assert trial.scorecard.notes == tuple(
        Note("sessions_blocked", "QQQ", {"count": 1, "first": day, "last": day, "reason": code})
        for code, day in days.items()
    )
    assert len(trial.held) == len(trial.record.equity)


def test_a_small_account_is_told_once_with_its_span():
    trial = of_profile(account={"cash": "300"})

    span = {"count": len(trial.record.equity), "first": FIRST, "last": LAST}
    assert Note("sessions_small", "", span) in trial.scorecard.notes


def test_what_was_owed_is_told(tmp_path):
    trial = of_profile(prices=young(tmp_path))

    assert ("sessions_owed", "") in codes(trial)
    assert len(trial.record.owed) > 0


def test_parameters_of_a_wish_come_before_those_of_its_book():
    settings = a_book(params={"dual_drive_qqq_weight": 0.2, "dual_drive_tqqq_weight": 0.1})

    stage = staged(of_book(params={"dual_drive_qqq_weight": 0.3}), settings)

    strategy = stage.book.strategy
    assert (strategy.dual_drive_qqq_weight, strategy.dual_drive_tqqq_weight) == (0.3, 0.1)


def test_a_wish_begins_where_history_suffices_and_everything_has_a_price():
    wish = Wish(profile=TQQQ, prices=BUNDLED)

    first = first_session(wish, staged(wish, Settings()))

    assert first == tried(wish).scorecard.first


@pytest.mark.parametrize(("named", "begun"), [(date(2020, 1, 2), date(2025, 6, 5)), (FIRST, FIRST)])
def test_a_session_named_too_early_is_moved_to_where_history_suffices(named, begun):
    wish = Wish(profile=TQQQ, prices=BUNDLED, first=named)

    assert first_session(wish, staged(wish, Settings())) == begun


def test_too_short_a_history_has_no_first_session():
    wish = Wish(profile=TQQQ, prices=BUNDLED, last=date(2024, 12, 31))

    with pytest.raises(DataError, match="too_few_sessions"):
        first_session(wish, staged(wish, Settings()))


def test_a_trial_knows_its_equity_from_before_its_first_trade():
    trial = of_profile()

    assert trial.equity.iloc[0] == trial.benchmark.iloc[0] == trial.record.opened
    assert trial.equity.index[0].date() == trial.scorecard.performance.first
    assert trial.equity.iloc[1:].tolist() == trial.record.equity.tolist()

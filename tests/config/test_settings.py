import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import date, time
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from bot.domain.model import TradingRules
from config.messages import NotifySettings, TelegramSettings
from config.problems import Problem, SettingsProblem
from config.settings import (
    BookSettings,
    CalendarSettings,
    RulesSettings,
    Settings,
    load,
    show,
    tables,
)
from config.sources import (
    BuiltFeed,
    FileFeed,
    IbkrBroker,
    LongPortBroker,
    PaperBroker,
    SchwabBroker,
    SignalAddress,
    SignalFile,
    TableFeed,
    TablesMarket,
)
from config.watching import BackupSettings, HealthSettings, LogSettings

EXAMPLE = Path(__file__).parents[2] / "config" / "bot.example.toml"
SECRETS = EXAMPLE.with_name("secrets.example.env")
DISABLED = re.compile(r"^#(?=[a-z_]+ = |\[)", re.MULTILINE)

SMALL = """
[markets.store]
kind = "tables"
[brokers.practice]
kind = "paper"
market = "store"
[books.rotation]
profile = "global_etf_rotation"
broker = "practice"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "bot.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(SettingsProblem) as refused:
        load(written(folder, text))
    return refused.value.problems


def codes(folder: Path, text: str) -> set[tuple[str, str]]:
    return {(problem.code, problem.where) for problem in problems(folder, text)}


def test_the_example_loads_as_it_is_and_sends_nothing():
    settings = load(EXAMPLE)

    assert settings.mode == "dry"
    assert list(settings.enabled()) == ["rotation"]


def test_the_values_of_the_example_are_the_defaults():
    example = load(EXAMPLE)

    assert example.books["rotation"].rules == RulesSettings()
    assert example.calendar == CalendarSettings()
    assert example.brokers["practice"] == PaperBroker(kind="paper", market="store")
    assert example.markets["store"] == TablesMarket(kind="tables")


def test_every_disabled_line_of_the_example_loads_too(tmp_path):
    enabled = DISABLED.sub("", EXAMPLE.read_text(encoding="utf-8"))

    settings = load(written(tmp_path, enabled))

    assert settings.books["rotation"].confirm == "practice"
    assert settings.books["rotation"].rules.max_notional == 25_000
    assert settings.telegram == TelegramSettings(chat=123456789, users=(123456789,))


TABLE_OF = {
    "": Settings,
    "calendar": CalendarSettings,
    "log": LogSettings,
    "health": HealthSettings,
    "backup": BackupSettings,
    "telegram": TelegramSettings,
    "telegram.notify": NotifySettings,
    "markets.store": TablesMarket,
    "feeds.monthly": FileFeed,
    "feeds.made": BuiltFeed,
    "feeds.lists": TableFeed,
    "feeds.heard": SignalFile,
    "feeds.fetched": SignalAddress,
    "brokers.practice": PaperBroker,
    "brokers.ibkr": IbkrBroker,
    "brokers.schwab": SchwabBroker,
    "brokers.longport": LongPortBroker,
    "books.rotation": BookSettings,
    "books.rotation.rules": RulesSettings,
}
TABLES_OF_TABLES = {"calendar", "markets", "brokers", "books", "rules", "params"}
TABLES_OF_TABLES |= {"telegram", "notify", "feeds", "backup", "log", "health"}


def documented() -> Iterator[tuple[str, str, str]]:
    """Every key of the example, disabled ones included: table, key, the comment above it."""
    table, comment = "", ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"#?\[(.+)\]", line):
            table = header[1]
        elif key := re.match(r"#?([a-z_]+) = ", line):
            yield table, key[1], comment
        comment = line.removeprefix("# ")


def test_the_example_has_every_key_of_the_schema_and_no_other():
    shown = {(table, key) for table, key, _ in documented()}

    assert shown == {
        (table, key)
        for table, model in TABLE_OF.items()
        for key in model.model_fields
        if key not in TABLES_OF_TABLES
    }


def test_above_every_key_of_the_example_stands_its_sentence():
    for table, key, comment in documented():
        assert TABLE_OF[table].model_fields[key].description == comment


def test_every_table_of_the_schema_is_in_the_example():
    assert set(tables()) == set(TABLE_OF.values())


def every_field() -> Iterator[tuple[type[BaseModel], str]]:
    for model in tables():
        for key in model.model_fields:
            yield model, key


@pytest.mark.parametrize(("model", "key"), list(every_field()))
def test_every_field_has_one_sentence(model, key):
    sentence = model.model_fields[key].description

    assert sentence
    assert re.fullmatch(r"[A-Z][^.]*(\[markets\]|\[brokers\])?[^.]*\.", sentence)


@pytest.mark.parametrize("model", list(tables()))
def test_every_table_is_frozen_and_refuses_unknown_keys(model):
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["allow_inf_nan"] is False


def test_the_rules_are_those_of_the_domain_with_the_same_defaults():
    ours = {name: info.get_default() for name, info in RulesSettings.model_fields.items()}

    assert ours == {
        rule.name: rule.default if rule.default is not MISSING else {}
        for rule in fields(TradingRules)
        if rule.name != "proceeds"  # the broker's account decides it, not the book
    }


def test_rules_become_trading_rules_field_by_field():
    rules = TradingRules(**dict(RulesSettings()))

    assert rules == TradingRules()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-0.001", "0.51", "true", '"much"'])
def test_a_number_that_is_none_or_out_of_bounds_is_refused(tmp_path, number):
    text = f"{SMALL}[books.rotation.rules]\nband = {number}\n"

    assert codes(tmp_path, text) == {("setting_wrong", "books.rotation.rules.band")}


WRONG = {
    "a lead of nine minutes": ("lead_minutes = 9", "books.rotation.lead_minutes"),
    "a lead of 61 minutes": ("lead_minutes = 61", "books.rotation.lead_minutes"),
    "half a minute": ("lead_minutes = 15.5", "books.rotation.lead_minutes"),
    "a word for a flag": ('enabled = "yes"', "books.rotation.enabled"),
    "an empty account": ('account = ""', "books.rotation.account"),
    "a negative share": ("rules.keep = { QQQ = -1 }", "books.rotation.rules.keep.QQQ"),
    "a symbol in small letters": ("rules.keep = { qqq = 1 }", "books.rotation.rules.keep.qqq"),
    "too many orders": ("rules.max_orders = 501", "books.rotation.rules.max_orders"),
    "no turnover": ("rules.max_turnover = 0", "books.rotation.rules.max_turnover"),
    "no notional": ("rules.max_notional = 0", "books.rotation.rules.max_notional"),
    "a wide premium": ("rules.premiums = { VOO = 0.06 }", "books.rotation.rules.premiums.VOO"),
    "all in reserve": ("rules.reserve = 1", "books.rotation.rules.reserve"),
}


@pytest.mark.parametrize(("line", "where"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_named_with_its_place(tmp_path, line, where):
    assert codes(tmp_path, SMALL + line) == {("setting_wrong", where)}


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path):
    (problem,) = problems(tmp_path, f"{SMALL}lead_minuts = 20\n")

    assert problem == Problem(
        "setting_unknown", "books.rotation.lead_minuts", {"near": "lead_minutes"}
    )


def test_what_stands_under_an_unknown_key_is_not_repeated(tmp_path):
    with pytest.raises(SettingsProblem) as refused:
        load(written(tmp_path, 'chat_token = "secret-1234"\n'))

    assert "secret" not in f"{refused.value} {refused.value.problems}"


def test_all_problems_are_told_at_once(tmp_path):
    text = f'language = "fr"\n{SMALL}lead_minutes = 5\n'

    assert {where for _, where in codes(tmp_path, text)} == {
        "language",
        "books.rotation.lead_minutes",
    }


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('broker = "practice"', 'broker = "other"', ("unknown_broker", "books.rotation.broker")),
        ('market = "store"', 'market = "other"', ("unknown_market", "brokers.practice.market")),
        (
            'profile = "global_etf_rotation"',
            'profile = "global_etf_rotation"\nmarket = "other"',
            ("unknown_market", "books.rotation.market"),
        ),
        ('kind = "paper"', 'kind = "other"', ("setting_wrong", "brokers.practice.kind")),
        ('kind = "paper"', "", ("setting_missing", "brokers.practice.kind")),
        ("[books.rotation]", "[books.Rotation]", ("setting_wrong", "books.Rotation")),
        (
            "[books.rotation]",
            "[health]\nsignals = true\n[books.rotation]",
            ("signals_unserved", "health.signals"),
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(tmp_path, before, after, found):
    assert found in codes(tmp_path, SMALL.replace(before, after))


def test_wrong_toml_is_named_by_line_and_column(tmp_path):
    (problem,) = problems(tmp_path, 'mode = "dry"\nlanguage = en\n')

    assert problem.code == "settings_syntax"
    assert problem.where == str(tmp_path / "bot.toml")
    assert (problem.values["line"], problem.values["column"]) == ("2", "12")


def test_toml_that_ends_too_early_is_named_without_a_line(tmp_path):
    (problem,) = problems(tmp_path, "mode =")

    assert problem.code == "settings_syntax"
    assert set(problem.values) == {"what"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsProblem) as refused:
        load(tmp_path / "none.toml")

    assert refused.value.problems == (Problem("settings_missing", str(tmp_path / "none.toml")),)


def test_a_file_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "bot.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsProblem) as refused:
        load(file)

    assert refused.value.problems[0].code == "settings_unreadable"


def test_the_environment_says_which_file(tmp_path):
    file = written(tmp_path, f'language = "zh"\n{SMALL}')

    settings = load(environ={"BELLWETHER_CONFIG": str(file)})

    assert settings.language == "zh"


def test_the_environment_changes_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGUAGE", "zh")
    monkeypatch.setenv("MODE", "live")

    settings = load(written(tmp_path, SMALL))

    assert (settings.language, settings.mode) == ("en", "dry")


def test_paths_count_from_the_folder_of_the_file(tmp_path):
    text = SMALL.replace('kind = "tables"', 'kind = "tables"\npath = "prices.csv"')

    settings = load(written(tmp_path, f'state_dir = "memory"\n{text}'))

    assert settings.state_dir == tmp_path / "memory"
    assert settings.markets["store"].path == tmp_path / "prices.csv"


def test_splices_keep_the_order_they_are_given_in(tmp_path):
    splice = 'splice = { SPYI = "SPY", QQQI = "QQQ", BOXX = "BIL" }'

    market = load(written(tmp_path, SMALL.replace('"tables"', f'"tables"\n{splice}'))).markets

    assert list(market["store"].splice.items()) == [
        ("SPYI", "SPY"),
        ("QQQI", "QQQ"),
        ("BOXX", "BIL"),
    ]


@pytest.mark.parametrize("pair", ['boxx = "BIL"', 'BOXX = "bil"', "BOXX = 1"])
def test_a_splice_names_two_symbols(tmp_path, pair):
    text = SMALL.replace('"tables"', f'"tables"\nsplice = {{ {pair} }}')

    ((code, where),) = codes(tmp_path, text)

    assert code == "setting_wrong"
    assert where.lower() == "markets.store.splice.boxx"


def test_an_absolute_path_stays(tmp_path):
    settings = load(written(tmp_path, 'state_dir = "/var/lib/bellwether"\n'))

    assert settings.state_dir == Path("/var/lib/bellwether")


def test_a_book_takes_account_and_market_from_its_broker(tmp_path):
    settings = load(written(tmp_path, SMALL))

    assert settings.account_of("rotation") == "practice"
    assert settings.market_of("rotation") == "store"


def test_a_book_may_name_another_account_and_market(tmp_path):
    text = f'{SMALL}account = "P-17"\nmarket = "longer"\n[markets.longer]\nkind = "tables"\n'

    settings = load(written(tmp_path, text))

    assert settings.account_of("rotation") == "P-17"
    assert settings.market_of("rotation") == "longer"


def test_closures_and_early_closes_are_dates_and_times(tmp_path):
    text = "[calendar]\nextra_closures = [2030-01-09]\nearly_closes = { 2030-11-29 = '13:00' }\n"

    calendar = load(written(tmp_path, text)).calendar

    assert calendar.extra_closures == (date(2030, 1, 9),)
    assert calendar.early_closes == {date(2030, 11, 29): time(13)}


@pytest.mark.parametrize("close", ["'16:00'", "'09:30'", "'noon'", "'13:00Z'", "780"])
def test_an_early_close_that_is_none_is_refused(tmp_path, close):
    text = f"[calendar]\nearly_closes = {{ 2030-11-29 = {close} }}\n"

    (problem,) = problems(tmp_path, text)

    assert problem.where == "calendar.early_closes.2030-11-29"


def test_a_day_is_not_closed_and_early_at_once(tmp_path):
    text = "[calendar]\nextra_closures = [2030-11-29]\nearly_closes = { 2030-11-29 = '13:00' }\n"

    assert problems(tmp_path, text) == (
        Problem("closed_and_early", "calendar", {"day": "2030-11-29"}),
    )


LIVE = f'mode = "live"\n{SMALL}'


def test_live_without_the_written_confirmation_is_refused(tmp_path):
    assert ("live_unconfirmed", "books.rotation.confirm") in codes(tmp_path, LIVE)


def test_live_with_another_account_confirmed_is_refused(tmp_path):
    text = f'{LIVE}account = "U-1"\nconfirm = "U-2"\n'

    assert ("live_unconfirmed", "books.rotation.confirm") in codes(tmp_path, text)


def test_live_with_its_account_confirmed_wants_a_real_broker_only(tmp_path):
    text = f'{LIVE}account = "U-1"\nconfirm = "U-1"\n'

    assert codes(tmp_path, text) == {("live_on_paper", "books.rotation.broker")}


SECOND = '[books.second]\nprofile = "tqqq_growth_income"\nbroker = "practice"\n'


def test_two_live_books_on_one_account_are_refused(tmp_path):
    assert ("account_shared", "books.second.account") in codes(tmp_path, LIVE + SECOND)


def test_a_disabled_book_is_no_live_book(tmp_path):
    found = codes(tmp_path, f"{LIVE}{SECOND}enabled = false\n")

    assert {where.split(".")[1] for _, where in found} == {"rotation"}


def test_a_confirmation_alone_does_not_make_a_book_live(tmp_path):
    settings = load(written(tmp_path, f'{SMALL}confirm = "practice"\n'))

    assert settings.mode == "dry"


def test_settings_made_in_code_are_checked_alike():
    with pytest.raises(ValidationError, match="settings"):
        Settings(books={"rotation": BookSettings(profile="any", broker="none")})


def test_what_is_shown_keeps_the_account_ids_to_itself(tmp_path):
    text = f'{SMALL}account = "U7654321"\nconfirm = "U7654321"\n'

    shown = show(load(written(tmp_path, text)))

    assert "U7654321" not in str(shown)
    assert str(shown).count("…4321") == 2


def test_the_secrets_file_holds_no_value():
    lines = SECRETS.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_example_is_plain_toml():
    assert tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["mode"] == "dry"


@pytest.mark.parametrize("kind", ["blocked", "halted", "missed", "error"])
def test_a_trouble_may_be_silent_but_never_off(kind):
    assert NotifySettings.model_validate({kind: "silent"})
    with pytest.raises(ValidationError):
        NotifySettings.model_validate({kind: "off"})


def test_nobody_may_command_by_default():
    assert TelegramSettings(chat=-100).users == ()


def test_what_is_wrong_with_a_broker_is_named_by_its_keys(tmp_path):
    text = SMALL.replace('kind = "paper"\nmarket = "store"', 'kind = "ibkr"\nport = 70_000')

    assert codes(tmp_path, text) == {
        ("setting_missing", "brokers.practice.account"),
        ("setting_wrong", "brokers.practice.port"),
    }


@pytest.mark.parametrize("kind", ["ibkr", "schwab", "longport"])
def test_a_real_broker_previews_and_trades_live_and_plays_nothing(tmp_path, kind):
    real = SMALL.replace(
        'kind = "paper"\nmarket = "store"', f'kind = "{kind}"\naccount = "A1"\nmarket = "store"'
    )

    assert load(written(tmp_path, real)).account_of("rotation") == "A1"
    confirmed = f'mode = "live"\n{real}confirm = "A1"\n'
    assert load(written(tmp_path, confirmed)).mode == "live"
    assert codes(tmp_path, f'mode = "paper"\n{real}') == {
        ("paper_on_real", "books.rotation.broker")
    }
    assert codes(tmp_path, f'mode = "live"\n{real}') == {
        ("live_unconfirmed", "books.rotation.confirm")
    }


FEED = """
[feeds.monthly]
snapshot = "build"
profile = "russell_1000_multi_factor_defensive"
universe = "members.csv"
"""


def test_the_files_of_a_feed_count_from_the_settings_file(tmp_path):
    entry = load(written(tmp_path, SMALL + FEED)).feeds["monthly"]

    assert isinstance(entry, BuiltFeed)
    assert entry.universe == tmp_path / "members.csv"


@pytest.mark.parametrize(
    ("told", "instead", "found"),
    [
        ('"build"', '"other"', ("setting_wrong", "feeds.monthly.snapshot")),
        ('snapshot = "build"', "", ("setting_missing", "feeds.monthly.snapshot")),
        ('universe = "members.csv"', "", ("setting_missing", "feeds.monthly.universe")),
        ("universe", "path", ("setting_unknown", "feeds.monthly.path")),
    ],
)
def test_a_feed_says_who_makes_it(tmp_path, told, instead, found):
    assert found in codes(tmp_path, SMALL + FEED.replace(told, instead))


SHORTING = f"{SMALL}[books.rotation.rules]\nshorting = true\n"


def test_a_cash_account_may_not_short(tmp_path):
    assert codes(tmp_path, SHORTING) == {("short_needs_margin", "books.rotation.rules.shorting")}


def test_a_margin_account_may_short(tmp_path):
    margin = SHORTING.replace('kind = "paper"', 'kind = "paper"\naccount_kind = "margin"')

    rotation = load(written(tmp_path, margin)).books["rotation"]

    assert rotation.rules.shorting


LISTS = """
[feeds.lists]
kind = "table"
path = "lists.csv"
"""


def test_the_file_of_a_dated_table_counts_from_the_settings_file(tmp_path):
    settings = load(written(tmp_path, SMALL + 'tables = { constituents = "lists" }' + LISTS))

    assert settings.feeds["lists"] == TableFeed(kind="table", path=tmp_path / "lists.csv")
    assert settings.books["rotation"].tables == {"constituents": "lists"}


@pytest.mark.parametrize(
    ("told", "instead", "found"),
    [
        ('"table"', '"other"', ("setting_wrong", "feeds.lists.kind")),
        ("path", "config", ("setting_missing", "feeds.lists.path")),
        ('"lists.csv"', '"lists.csv"\nprofile = "x"', ("setting_unknown", "feeds.lists.profile")),
    ],
)
def test_a_dated_table_is_a_path_and_no_snapshot(tmp_path, told, instead, found):
    assert found in codes(tmp_path, SMALL + LISTS.replace(told, instead))


def test_a_table_of_a_book_must_be_configured(tmp_path):
    assert codes(tmp_path, SMALL + 'tables = { constituents = "lists" }\n') == {
        ("unknown_feed", "books.rotation.tables.constituents")
    }


def test_the_secrets_of_some_settings_are_those_somebody_enabled_needs(tmp_path):
    more = "[health]\ndeadman = true\nport = 9187\nsignals = true\n[telegram]\nchat = 1\n"
    idle = '[brokers.idle]\nkind = "longport"\naccount = "LB1"\n'
    settings = load(written(tmp_path, SMALL + more + idle))

    assert [*settings.secrets()] == ["telegram_token", "deadman_address", "signals_token"]


FETCHED = """
[feeds.fetched]
kind = "signal_address"
address = "https://signals.example/api"
"""


@pytest.mark.parametrize(
    ("told", "instead", "found"),
    [
        ("signal_address", "signal_pigeon", ("setting_wrong", "feeds.fetched.kind")),
        ("https:", "http:", ("address_in_the_open", "feeds.fetched.address")),
        ("https:", "wss:", ("address_in_the_open", "feeds.fetched.address")),
        ("signals.example", "", ("setting_wrong", "feeds.fetched.address")),
        ("address =", "path =", ("setting_missing", "feeds.fetched.address")),
        ("address =", 'token = "t0ken"\naddress =', ("setting_wrong", "feeds.fetched.token")),
        ("address =", "look_every = 1\naddress =", ("setting_wrong", "feeds.fetched.look_every")),
    ],
)
def test_a_signal_is_fetched_from_where_nobody_reads_along(tmp_path, told, instead, found):
    assert found in codes(tmp_path, SMALL + FETCHED.replace(told, instead))


def test_a_token_of_a_signal_that_a_book_reads_is_a_secret_it_needs(tmp_path):
    text = SMALL.rstrip() + '\nsignals = { rotation = "fetched" }\n' + FETCHED

    assert [*load(written(tmp_path, text)).secrets()] == ["signal_token_fetched"]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost/signals"])
def test_a_signal_of_this_host_needs_no_https(tmp_path, host):
    text = FETCHED.replace("https://signals.example/api", f"http://{host}")

    assert load(written(tmp_path, SMALL + text)).feeds["fetched"].token


def test_a_file_of_signals_counts_from_the_settings_file(tmp_path):
    text = '[feeds.heard]\nkind = "signal_file"\npath = "rotation.csv"\n'

    entry = load(written(tmp_path, SMALL + text)).feeds["heard"]

    assert entry.path == tmp_path / "rotation.csv"


def test_a_book_may_name_only_signals_there_are(tmp_path):
    text = SMALL.rstrip() + '\nsignals = { rotation = "none" }\n'

    assert ("unknown_feed", "books.rotation.signals.rotation") in codes(tmp_path, text)

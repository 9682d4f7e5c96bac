import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
import typer.main

from bot import __version__, demo
from bot.__main__ import cli
from bot.domain.memory import Switch
from bot.words import Language
from strategies import ALIASES, PROFILES
from tests.bot.scratch import BOOK, QUARTER_END, SUNDAY, Scratch, closes, written
from tests.fakes import Phone

VECTORS = Path(__file__).parents[1] / "data" / "global_etf_rotation.json.gz"
CHINESE = re.compile("[一-鿿]")
SHOW = demo.Show(demo.BUNDLED_PRICES, QUARTER_END, QUARTER_END, shares={"VOO": 10})

STATUS_KEYS = {
    *("title", "version", "switch", "next_wake", "last", "under_way"),
    *("questions", "portfolio", "prices", "line"),
}
RUN_KEYS = {
    *("run", "outcome", "at", "decided", "orders", "notes", "portfolio", "prices", "owed"),
}
SIGNAL_KEYS = {
    *("profile", "signal", "updated", "allocation", "since", "reason", "flags"),
    *("indicators", "next_rebalance", "statistics", "methodology", "disclaimer"),
}
STATISTICS_KEYS = {"period", "win_rate", "cagr", "max_drawdown", "trades"}
PROFILE_KEYS = {
    *("name", "aliases", "about", "cadence", "role", "benchmark", "minimum_equity"),
    *("needs", "parameters", "source", "measured"),
}
PARAMETER_KEYS = {"name", "kind", "default", "low", "high", "choices", "about"}
PAST_KEYS = {"run", "ended", "at", "reason", "orders", "unfinished"}
PART_KEYS = {"book", "part", "ok", "seen", "code", "error", "remedy"}

COMMANDS = {
    *("serve", "run", "decide", "profiles", "plan", "why", "status", "positions", "next", "check"),
    *("resolve", "pause", "resume", "halt", "demo", "data", "conform", "backtest", "sim"),
    *("runs", "orders", "snapshot", "auth", "evaluate", "patterns", "compare", "sweep"),
    *("backup", "restore", "health"),
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A folder in which a book has traded its first quarter end; only to be read."""
    here = Scratch(tmp_path_factory.mktemp("played"))
    demo.play(SHOW, here.folder / "state", Phone(), lambda _: None)
    return here.write(books={"demo": "paper"})


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


def json_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def all_commands():
    def walk(command, path):
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))

    whole = typer.main.get_command(cli)
    whole.list_commands(None)  # those no daemon needs are there when somebody asks
    return [found for found in walk(whole, ()) if found[0]]


def test_every_command_is_there():
    assert {path[0] for path, _ in all_commands()} == COMMANDS


@pytest.mark.parametrize("command", [command for _, command in all_commands()])
def test_every_command_and_every_option_says_what_it_is_for(command):
    assert command.help
    assert [option.name for option in command.params if not option.help] == []


def test_help_names_the_exit_codes(here):
    told = here.call("--help")

    assert told.exit_code == 0
    for code in ("0 ok", "1 fault", "2 usage", "69", "75", "77", "78", "130"):
        assert code in told.stdout


def test_without_a_command_the_help_is_shown(here):
    told = here.call()

    assert told.exit_code == 2
    assert "serve" in told.output


def test_the_version_is_told(here):
    assert here.call("--version").stdout == f"bellwether {__version__}\n"


@pytest.mark.parametrize("arguments", [("profiles",), ("profiles", "list")])
def test_profiles_are_listed(tmp_path, arguments):
    told = Scratch(tmp_path).call(*arguments)

    assert told.exit_code == 0
    for name, profile in PROFILES.items():
        assert re.search(rf"^{name} +{profile.benchmark} +\w", told.stdout, re.MULTILINE)


LISTS = [("profiles", "--json"), ("profiles", "--json", "list"), ("profiles", "list", "--json")]


@pytest.mark.parametrize("arguments", LISTS)
def test_profiles_are_values_for_programs(here, arguments):
    told = json_of(here.call(*arguments))

    assert [each["name"] for each in told] == list(PROFILES)
    assert all(each.keys() == PROFILE_KEYS for each in told)


@pytest.mark.parametrize("name", [*PROFILES, *ALIASES])
def test_a_profile_is_shown_with_everything_it_may_be_told(tmp_path, name):
    shown = Scratch(tmp_path).call("profiles", "show", name)
    told = json_of(Scratch(tmp_path).call("profiles", "show", name, "--json"))

    assert (shown.exit_code, told.keys()) == (0, PROFILE_KEYS)
    assert shown.stdout.startswith(f"{told['name']}\n{told['about'][:40]}")
    assert told["parameters"]
    for each in told["parameters"]:
        assert each.keys() == PARAMETER_KEYS
        assert f"\n{each['name']} = " in shown.stdout


def test_a_profile_is_a_value_in_the_language_of_the_settings(tmp_path):
    here = Scratch(tmp_path).write(language=Language.ZH)

    for asked in (("show", "global_etf_rotation", "--config", "bot.toml"), ("list",)):
        told = here.call("profiles", "--json", *asked)

        assert CHINESE.search(told.stdout)


NO_PROFILES = [
    ("momentum", "there is no profile called momentum; known: global_etf_rotation"),
    ("Hybrid_Growth_Income", "the profile hybrid_growth_income is retired"),
    (" ", "the name of the profile is blank"),
]


@pytest.mark.parametrize(("name", "words"), NO_PROFILES)
def test_a_name_without_a_profile_is_a_matter_of_configuration(here, name, words):
    told = here.call("profiles", "show", name)

    assert told.exit_code == 78
    assert words in told.stderr


def test_before_the_first_run_a_book_has_a_status(here):
    told = here.call("status")

    assert told.exit_code == 0
    assert "last run: none yet" in told.stdout
    assert not (here.folder / "state").exists()


def test_status_tells_the_last_run_and_the_account(played):
    told = played.call("status").stdout

    assert "[PAPER] demo paper · global_etf_rotation" in told
    assert "last run: Wed 2026-09-30: complete" in told
    assert "cash " in told


def test_positions_are_a_table(played):
    told = played.call("positions").stdout.splitlines()

    assert told[1].split() == ["symbol", "shares", "value", "weight"]
    assert {line.split()[0] for line in told[2:4]} == {"SMH", "INDA"}


@pytest.mark.parametrize("command", ["status", "positions"])
def test_what_a_book_holds_is_a_value_for_programs(played, command):
    told = json_of(played.call(command, "--json"))

    assert told.keys() == STATUS_KEYS
    assert told["last"].keys() == RUN_KEYS
    assert set(told["portfolio"]["shares"]) == {"SMH", "INDA"}


def test_why_explains_every_symbol_of_the_last_run(played):
    told = played.call("why").stdout

    assert "decision: rebalance – rotation into the strongest" in told
    assert {"SMH", "INDA", "VOO"} <= set(told.splitlines())


def test_why_of_one_symbol_leaves_the_others_out(played):
    told = played.call("why", "voo").stdout

    assert "VOO" in told.splitlines()
    assert "SMH" not in told.splitlines()


def test_why_is_a_value_for_programs(played):
    told = json_of(played.call("why", "--json"))

    assert told.keys() == RUN_KEYS
    assert told["outcome"] == "complete"
    assert {order["intent"]["symbol"] for order in told["orders"]} == {"SMH", "INDA", "VOO"}


def test_the_next_wakes_are_days_and_times(here):
    told = here.call("next", "3").stdout.splitlines()

    assert len(told) == 3
    assert all(re.fullmatch(r"\w{3} \d{4}-\d\d-\d\d, \d\d:\d\d New York", line) for line in told)


def test_the_next_wakes_are_moments_for_programs(here):
    told = json_of(here.call("next", "--json"))

    assert len(told) == 5
    assert told == sorted(told)
    assert all(moment.endswith("Z") for moment in told)


@pytest.mark.parametrize("count", ["0", "251", "x"])
@pytest.mark.parametrize("command", ["next", "runs"])
def test_how_many_are_told_is_a_matter_of_usage(here, command, count):
    assert here.call(command, count).exit_code == 2


def test_runs_are_a_table(played):
    told = played.call("runs", "5").stdout.splitlines()

    assert told[0] == "[PAPER] demo paper · global_etf_rotation"
    assert told[1].split() == ["session", "outcome", "orders", "owes"]
    assert told[2].split() == ["2026-09-30", "complete", "3", "–"]


def test_runs_are_values_for_programs(played):
    (told,) = json_of(played.call("runs", "--json"))

    assert told.keys() == PAST_KEYS
    assert (told["ended"], len(told["orders"])) == ("complete", 3)


@pytest.mark.parametrize("day", [(), (str(QUARTER_END),)])
def test_orders_tell_what_became_of_them(played, day):
    told = played.call("orders", *day).stdout

    assert re.search(r"sell 10 VOO at [\d.]+: filled 10 of 10 @ [\d.]+\n· sent 15:46", told)
    assert "At the broker: 3 sent, 3 with fills, 0 unconfirmed." in told


def test_orders_are_values_for_programs(played):
    told = json_of(played.call("orders", "--json"))

    assert told.keys() == PAST_KEYS
    assert {order["intent"]["symbol"] for order in told["orders"]} == {"SMH", "INDA", "VOO"}


def test_before_the_first_run_there_are_no_runs_and_no_orders(here):
    assert "no runs yet" in here.call("runs").stdout
    assert json_of(here.call("runs", "--json")) == []
    assert here.call("orders").exit_code == 75
    assert not (here.folder / "state").exists()


def test_a_plan_shows_orders_and_keeps_nothing(here):
    told = here.call("plan", "--as-of", str(QUARTER_END))

    assert told.exit_code == 0
    assert "Wed 2026-09-30: a preview, nothing is sent" in told.stdout
    assert re.search(r"buy \d+ SMH at [\d.]+: preview, not sent", told.stdout)
    assert not (here.folder / "state").exists()


def test_a_plan_is_a_value_for_programs(here):
    told = json_of(here.call("plan", "--as-of", str(QUARTER_END), "--json"))

    assert told.keys() == RUN_KEYS
    assert [order["sent_at"] for order in told["orders"]] == [None, None]


def test_a_plan_on_a_session_that_is_not_due_has_no_orders(here):
    told = here.call("plan", "--as-of", "2026-10-01").stdout

    assert "decision: hold – not a rebalance session of this profile" in told
    assert "no orders" in told


def test_a_paused_book_can_be_planned_and_the_plan_says_that_it_is_paused(here):
    here.call("pause", "--reason", "on holiday")

    told = here.call("plan", "--as-of", str(QUARTER_END)).stdout

    assert "the book is paused: on holiday" in told
    assert "preview, not sent" in told


def test_what_an_account_holds_already_is_planned_before_it_is_confirmed(tmp_path):
    here = Scratch(tmp_path).write(shares={"VOO": 10})

    told = here.call("plan", "--as-of", str(QUARTER_END)).stdout

    assert "the account already holds VOO, which this book would trade" in told
    assert "sell 10 VOO" in told


def test_a_profile_is_asked_without_settings(tmp_path):
    told = Scratch(tmp_path).call(
        *("decide", "global_etf_rotation", "--as-of", str(QUARTER_END)),
        *("--prices", str(demo.BUNDLED_PRICES)),
    )

    assert told.exit_code == 0
    assert told.stdout.startswith("global_etf_rotation, Wed 2026-09-30: rebalance – rotation")
    assert {"SMH 50.0 %", "INDA 50.0 %"} <= set(told.stdout.splitlines())
    assert "not advice" in told.stdout


def test_a_profiles_signal_is_a_value_for_programs(tmp_path):
    told = json_of(
        Scratch(tmp_path).call(
            *("decide", "global_etf_rotation", "--prices", str(demo.BUNDLED_PRICES), "--json")
        )
    )

    assert told.keys() == SIGNAL_KEYS
    assert (told["signal"], told["updated"]) == ("hold", "2026-10-15")
    assert (told["since"], told["next_rebalance"]) == ("2026-09-30", "2026-12-31")
    assert told["allocation"] == {"SMH": 0.5, "INDA": 0.5}
    assert told["statistics"].keys() == STATISTICS_KEYS
    assert "not advice" in told["disclaimer"]


def test_a_profile_without_a_past_is_asked_all_the_same(tmp_path):
    prices = tmp_path / "short.csv"
    closes().set_index("date").loc[: str(QUARTER_END)].tail(504).to_csv(prices)

    told = Scratch(tmp_path).call(
        "decide", "global_etf_rotation", "--prices", str(prices), "--json"
    )

    assert json_of(told)["statistics"] is None
    assert "no statistics" in told.stderr


def test_prices_of_the_store_are_decided_on(here):
    taken = here.call("data", "update", "--from", str(demo.BUNDLED_PRICES))

    told = here.call("decide", "global_etf_rotation", "--as-of", str(QUARTER_END))

    assert "37 symbols taken into the price store" in taken.stdout
    assert "SMH 50.0 %" in told.stdout


def test_an_update_says_what_is_worth_a_look(here):
    table = closes()
    table.loc[300:, "VOO"] *= 8
    table.loc[400, "GLD"] = -1.0

    told = here.call("data", "update", "--from", str(written(table, here.folder / "p.csv")))

    assert told.exit_code == 0
    assert "36 symbols taken into the price store" in told.stdout
    assert re.search(r"VOO: an impossible jump of the price on \w{3} [\d-]+: × [78]\.", told.stdout)
    assert re.search(r"GLD: \w{3} [\d-]+ has a price that is none: -1", told.stdout)


def test_check_asks_every_part(here):
    told = here.call("check", "--json")

    parts = json.loads(told.stdout)
    assert all(part.keys() == PART_KEYS for part in parts)
    assert [part["part"] for part in parts] == [
        *("calendar", "account", "abilities", "history", "quotes", "ledger"),
    ]


def test_check_says_what_to_do_about_a_part_and_ends_with_its_code(tmp_path):
    here = Scratch(tmp_path).write(prices=None)

    told = here.call("check")

    assert told.exit_code == 78
    assert "✗ history" in told.stdout
    assert "→ Fill it: bellwether data update --from FILE." in told.stdout
    assert "✓ ledger" in told.stdout


TURNS = [
    (("pause",), Switch.PAUSED, "switch: PAUSED, nothing trades"),
    (("pause", "--exits-allowed"), Switch.EXITS_ONLY, "switch: exits only"),
    (("halt",), Switch.HALTED, "switch: HALTED, nothing trades"),
    (("resume",), Switch.ACTIVE, "switch: active"),
]


@pytest.mark.parametrize(("arguments", "switch", "words"), TURNS)
def test_a_switch_is_set_and_shown(here, arguments, switch, words):
    turned = here.call(*arguments, "--reason", "why not")

    assert turned.exit_code == 0
    assert turned.stdout.startswith(f"{BOOK}: {words}")
    told = json_of(here.call("status", "--json"))["switch"]
    assert (told["switch"], told["reason"]) == (switch.value, "why not")


def test_a_stop_without_a_name_stops_every_book(tmp_path):
    here = Scratch(tmp_path).write(books={"one": "A", "two": "B"})

    told = here.call("halt").stdout

    assert told.splitlines() == [
        f"{book}: switch: HALTED, nothing trades" for book in ("one", "two")
    ]


def test_going_on_is_said_book_by_book(tmp_path):
    here = Scratch(tmp_path).write(books={"one": "A", "two": "B"})
    here.call("halt")

    unnamed, named = here.call("resume"), here.call("resume", "--book", "two")

    assert unnamed.exit_code == 2
    assert "one, two" in unnamed.stderr
    assert named.stdout == "two: switch: active\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("positions",),
        ("why",),
        ("next",),
        ("runs",),
        ("orders",),
        ("orders", "2026-09-29"),
        ("orders", "2026-10-04"),
        ("check",),
        ("profiles",),
        *(("profiles", "show", name) for name in PROFILES),
        ("profiles", "show", "hybrid_growth_income"),
        ("pause", "--exits-allowed"),
        ("plan", "--as-of", "2026-09-30"),
        ("decide", "global_etf_rotation", "--as-of", "2026-09-30", "--prices", "prices.csv"),
        ("plan", "--as-of", "2026-10-04"),
        ("resolve", "ABC", "--never-sent"),
        ("data", "update", "--from", "prices.csv"),
        ("data", "update", "--from", "absent.csv"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_everything_is_said_in_chinese_where_the_settings_say_so(played, tmp_path, arguments):
    shutil.copytree(played.folder, tmp_path, dirs_exist_ok=True)
    here = Scratch(tmp_path)
    text = here.config.read_text("utf-8").replace('language = "en"', 'language = "zh"')
    here.config.write_text(text, "utf-8")
    written(closes(), here.folder / "prices.csv")

    told = here.call(*arguments)

    assert CHINESE.search(told.output)
    assert not re.search(r"\b(the|is|not|cash|shares|symbol)\b", told.output.lower()), told.output


def test_conform_answers_each_case_once(tmp_path):
    told = Scratch(tmp_path).call("conform", str(VECTORS), "--out", "results.jsonl")

    lines = (tmp_path / "results.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    asked = json.loads(gzip.decompress(VECTORS.read_bytes()))["cases"]
    assert (told.exit_code, told.stdout) == (0, "69 cases\n")
    assert len({answer["id"] for answer in answers}) == len(asked) == 69


def test_a_day_that_is_no_day_is_a_matter_of_usage(here):
    told = here.call("plan", "--as-of", str(SUNDAY))

    assert told.exit_code == 2
    assert "2026-10-04 is no session of the exchange" in told.stderr


def test_the_settings_file_may_be_named(here, tmp_path_factory):
    elsewhere = Scratch(tmp_path_factory.mktemp("elsewhere"))

    assert elsewhere.call("status", "--config", str(here.config)).exit_code == 0
    assert elsewhere.call("status").exit_code == 78

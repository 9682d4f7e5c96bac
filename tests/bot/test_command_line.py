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
from tests.bot.scratch import BOOK, QUARTER_END, SUNDAY, Scratch, closes, written
from tests.fakes import Phone

VECTORS = Path(__file__).parents[1] / "data" / "global_etf_rotation.json.gz"
CHINESE = re.compile("[一-鿿]")
SHOW = demo.Show(demo.BUNDLED_PRICES, QUARTER_END, QUARTER_END, shares={"VOO": 10})

STATUS_KEYS = {
    *("title", "version", "switch", "next_wake", "last", "under_way"),
    *("questions", "portfolio", "prices"),
}
RUN_KEYS = {
    *("run", "outcome", "at", "decided", "orders", "notes", "portfolio", "prices", "owed"),
}
SIGNAL_KEYS = {
    *("profile", "signal", "updated", "reason", "allocation", "indicators", "methodology"),
}
PART_KEYS = {"book", "part", "ok", "seen", "code", "error"}

COMMANDS = {
    *("serve", "run", "decide", "profiles", "plan", "why", "status", "positions", "next", "check"),
    *("resolve", "pause", "resume", "halt", "demo", "data", "conform"),
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

    return [found for found in walk(typer.main.get_command(cli), ()) if found[0]]


def test_every_command_is_there():
    assert {path[0] for path, _ in all_commands()} == COMMANDS


@pytest.mark.parametrize("command", [command for _, command in all_commands()])
def test_every_command_and_every_option_says_what_it_is_for(command):
    assert command.help
    assert [option.name for option in command.params if not option.help] == []


def test_help_names_the_exit_codes(here):
    told = here.call("--help")

    assert told.exit_code == 0
    for code in ("0 ok", "1 fault", "2 usage", "69", "75", "77", "78"):
        assert code in told.stdout


def test_without_a_command_the_help_is_shown(here):
    told = here.call()

    assert told.exit_code == 2
    assert "serve" in told.output


def test_the_version_is_told(here):
    assert here.call("--version").stdout == f"bellwether {__version__}\n"


def test_profiles_are_listed(here):
    (only,) = json_of(here.call("profiles", "--json"))

    assert only["name"] == "global_etf_rotation"
    assert only["name"] in here.call("profiles").stdout


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


def test_prices_of_the_store_are_decided_on(here):
    taken = here.call("data", "update", "--from", str(demo.BUNDLED_PRICES))

    told = here.call("decide", "global_etf_rotation", "--as-of", str(QUARTER_END))

    assert "34 symbols taken into the price store" in taken.stdout
    assert "SMH 50.0 %" in told.stdout


def test_an_update_says_what_is_worth_a_look(here):
    table = closes()
    table.loc[300:, "VOO"] *= 8
    table.loc[400, "GLD"] = -1.0

    told = here.call("data", "update", "--from", str(written(table, here.folder / "p.csv")))

    assert told.exit_code == 0
    assert "33 symbols taken into the price store" in told.stdout
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
        ("check",),
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

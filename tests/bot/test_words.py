import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.backtest import FillAt
from bot.domain import errors
from bot.domain.gates import Finding
from bot.domain.memory import Outcome, Switch
from bot.domain.model import Action, Mode, OrderStatus
from bot.factor_sheets import CORRELATIONS, FOLLOWING
from bot.fits import FIT_HEADINGS
from bot.monthly_sheets import PRODUCTS, STOCKS
from bot.profiles import phrase_of
from bot.scores import SCORES
from bot.snapshots import Status
from bot.spoken import WORDS
from bot.tearsheet import SYMBOL_HEADINGS, TRADE_HEADINGS
from bot.words import Catalogue, Language, Sentence, Words, catalogue, places, spelled
from strategies import PROFILES
from strategies.parameters import parameters_of

TREE = Path(__file__).parents[2]
ROOMS = ("bot", "adapters", "strategies", "config")
CODE = re.compile(r"[a-z][a-z0-9_]*")
WAYS = {"", "money", "price", "percent", "points", "shares", "day", "clock", "account"}

# What takes a code as its first argument, besides the errors.
SPEAKERS = {"Note", "note", "Hold", "Problem", "PydanticCustomError"}
REFUSERS = {"refusal", "_refusal", "_blocked"}
SPOKEN_KEYWORDS = {"Rebalance": {"reason", "flags"}, "rotate": {"reason", "flags"}}
REASON_OF_REBALANCE = 1


def error_names() -> set[str]:
    """The errors whose first argument is a code."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.__name__ for kind in kinds if issubclass(kind, errors.BellwetherError)}


@dataclass(frozen=True)
class Spoken:
    code: str
    place: str


def literals(node: ast.AST) -> Iterator[str]:
    """The codes a node may be: itself, either side of a choice, the parts of a tuple."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from literals(one)
            yield from literals(other)
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from literals(part)


def codes_of(call: ast.Call, speakers: set[str]) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name in speakers and call.args:
        yield from literals(call.args[0])
    if name == "Rebalance":
        for argument in call.args[REASON_OF_REBALANCE : REASON_OF_REBALANCE + 2]:
            yield from literals(argument)
    for keyword in call.keywords:
        if keyword.arg in SPOKEN_KEYWORDS.get(name, ()):
            yield from literals(keyword.value)


def codes_kept(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """Codes that wait under a name: `code = …`, a table …CODES of them."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [getattr(target, "id", "") for target in targets]
    if "code" in names and node.value:
        yield from literals(node.value)
    if any(name.endswith("_CODES") for name in names) and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            yield from literals(value)


def spoken(source: str, place: str, speakers: set[str]) -> Iterator[Spoken]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            for code in codes_of(node, speakers):
                yield Spoken(code, f"{place}:{node.lineno}")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for code in codes_kept(node):
                yield Spoken(code, f"{place}:{node.lineno}")


def files() -> list[Path]:
    """Every module but the simulators, which speak other people's languages."""
    every = [file for room in ROOMS for file in sorted((TREE / room).rglob("*.py"))]
    return [file for file in every if "sims" not in file.parts]


def calls(source: str, speakers: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in speakers:
                yield node


def needed_by(template: str) -> set[str]:
    """The values a sentence can not leave out."""
    return {name for name, _ in places(re.sub(r"\[[^\[\]]*\]", "", template))}


def everything_spoken() -> list[Spoken]:
    speakers = SPEAKERS | REFUSERS | error_names()
    return [
        code
        for file in files()
        for code in spoken(file.read_text("utf-8"), str(file.relative_to(TREE)), speakers)
    ]


def without_words(found: list[Spoken]) -> list[str]:
    known = catalogue().codes
    return [f"{code.place} says {code.code}" for code in found if code.code not in known]


def test_every_code_the_tree_speaks_has_words():
    missing = without_words(everything_spoken())

    assert not missing, "no words in bot/words.toml:\n" + "\n".join(missing)


def test_every_error_of_the_tree_says_what_to_do():
    silent = [
        f"{file.name}:{call.lineno} says {code}"
        for file in files()
        for call in calls(file.read_text("utf-8"), REFUSERS | error_names())
        for code in literals(call.args[0])
        if code not in catalogue().remedies
    ]

    assert not silent, "no remedy in bot/words.toml:\n" + "\n".join(silent)


def values_of(call: ast.Call) -> set[str] | None:
    """The names of the values a call passes along, None where they are not written there."""
    names = {keyword.arg for keyword in call.keywords}
    tables = [argument for argument in call.args if isinstance(argument, ast.Dict)]
    keys = {getattr(key, "value", None) for table in tables for key in table.keys}
    unseen = None in names | keys or len(call.args) > 2 + len(tables)
    return None if unseen else {str(name) for name in names | keys}


def test_every_error_of_the_tree_gives_the_values_its_sentence_needs():
    lacking = []
    for file in files():
        for call in calls(file.read_text("utf-8"), error_names()):
            given = values_of(call)
            for code in literals(call.args[0]):
                needed = needed_by(catalogue().codes[code].en)
                if given is not None and not needed <= given:
                    lacking.append(f"{file.name}:{call.lineno} {code}: {needed - given}")

    assert not lacking, "\n".join(lacking)


def test_every_finding_has_words():
    assert [finding for finding in Finding if finding.value not in catalogue().codes] == []


SAMPLE = """
raise Blocked("never_a")
Note("never_b", symbol)
self.note("never_c" if wide else "never_d", symbol)
rotate(out_of=x, into=y, reason="never_e", flags=("never_f",))
Rebalance(targets, "never_g", ("never_h",))
code = "never_i" if wide else "never_j"
ODD_CODES = {Finding.ODD: "never_k"}
Other("never_l")
"""


def test_the_search_finds_codes_wherever_they_are_spoken():
    found = spoken(SAMPLE, "sample.py", SPEAKERS | error_names())

    assert {code.code for code in found} == {f"never_{letter}" for letter in "abcdefghijk"}


def test_a_code_without_words_is_listed_with_its_place():
    found = list(spoken(SAMPLE, "sample.py", SPEAKERS | error_names()))

    assert "sample.py:2 says never_a" in without_words(found)


def phrases_used() -> Iterator[Spoken]:
    for file in sorted((TREE / "bot").glob("*.py")):
        for call in calls(file.read_text("utf-8"), {"phrase"}):
            yield from (Spoken(name, file.name) for name in literals(call.args[0]))


def test_every_phrase_the_bot_uses_has_words():
    missing = {code for code in phrases_used() if code.code not in catalogue().phrases}

    assert not missing


COMPUTED = [
    *(outcome.value for outcome in Outcome),
    *(action.value for action in Action),
    *(status.value for status in OrderStatus),
    *(f"switch_{switch.value}" for switch in Switch),
    *(f"mode_{mode.value}" for mode in Mode),
    *(
        "sells",
        "shorts",
        "buys",
        "still_buy",
        "still_sell",
        "error_blocked",
        "error_halted",
        "error_other",
    ),
    *("symbol", "wanted", "held_weight", "off", "shares", "value", "weight"),
    *("hands_off", "others", "foreign_cash", "cancel_asked", "hold", "decision"),
    *(f"short_{how}" for how in [*(outcome.value for outcome in Outcome), "under_way"]),
    *("session", "outcome", "orders", "owes"),
    *(f"effect_{switch.value}" for switch in Switch),
    *sorted({phrase for word in WORDS for phrase in (word.group, word.about, word.takes)} - {""}),
]


PARAMETERS = {p for profile in PROFILES.values() for p in parameters_of(profile.strategy)}
KINDS = ("number", "integer", "switch", "symbol", "symbols", "texts", "integers", "choice")

OF_PROFILES = sorted(
    {
        *(phrase_of("profile", name) for name in PROFILES),
        *(phrase_of("cadence", profile.cadence) for profile in PROFILES.values()),
        *(phrase_of("role", profile.role) for profile in PROFILES.values()),
        *(phrase_of("measured", name) for name, told in PROFILES.items() if told.measured),
        *(phrase_of("parameter", parameter.name) for parameter in PARAMETERS),
        *(phrase_of("kind", kind) for kind in KINDS),
    }
)

OF_TRIALS = [
    *SCORES,
    *FIT_HEADINGS,
    *sorted({*SYMBOL_HEADINGS, *TRADE_HEADINGS} - {*FIT_HEADINGS}),
    *(phrase_of("fill", fill) for fill in FillAt),
]

OF_FACTORS = [
    *(phrase_of("figure", name) for name in (*CORRELATIONS, *FOLLOWING)),
    *("chart_strategy", "chart_pool"),
    *("factor_coefficient", "factor_followed"),
]

OF_SNAPSHOTS = [
    *(phrase_of("release", status) for status in Status),
    *sorted({phrase_of("ranked", column) for column in (*STOCKS, *PRODUCTS)}),
]


@pytest.mark.parametrize("name", [*COMPUTED, *OF_PROFILES, *OF_TRIALS, *OF_FACTORS, *OF_SNAPSHOTS])
def test_every_phrase_whose_name_is_computed_has_words(name):
    assert name in catalogue().phrases


def test_every_kind_of_parameter_is_known():
    assert {parameter.kind for parameter in PARAMETERS} <= set(KINDS)


def test_no_phrase_is_left_that_nothing_says():
    computed = {*COMPUTED, *OF_PROFILES, *OF_TRIALS, *OF_FACTORS, *OF_SNAPSHOTS}
    said = {code.code for code in phrases_used()} | computed

    assert set(catalogue().phrases) - said == set()


def every_sentence() -> list[tuple[str, Sentence]]:
    words = catalogue()
    return [
        *words.codes.items(),
        *((f"{code}.remedy", remedy) for code, remedy in words.remedies.items()),
        *words.phrases.items(),
    ]


@pytest.mark.parametrize(("name", "sentence"), every_sentence())
def test_both_languages_say_it_with_the_same_values(name, sentence):
    assert CODE.fullmatch(name.removesuffix(".remedy"))
    assert sentence.en.strip()
    assert sentence.zh.strip()
    assert places(sentence.en) == places(sentence.zh)


@pytest.mark.parametrize(("name", "sentence"), every_sentence())
def test_every_value_is_written_in_a_known_way(name, sentence):
    assert {way for _, way in places(sentence.en)} <= WAYS, name


@pytest.mark.parametrize("code", sorted(catalogue().codes))
@pytest.mark.parametrize("language", list(Language))
def test_a_code_without_its_values_still_has_a_sentence(code, language):
    words = Words(language)

    told = words.say(code) + words.remedy(code)

    assert "{" not in told
    assert "  " not in told.strip()


def test_a_missing_value_is_a_question_mark():
    assert Words(Language.EN).say("unknown_profile") == "there is no profile called ?"


def test_an_optional_part_goes_with_its_missing_value():
    assert Words(Language.EN).say("below_minimum") == "order would be below the minimum size"


def test_an_optional_part_stays_with_its_value():
    said = Words(Language.EN).say("below_minimum", {"gap": Decimal("-48.5")})

    assert said == "order would be below the minimum size (gap -48.50)"


def test_brackets_without_a_value_are_only_brackets():
    assert "[brokers]" in Words(Language.EN).remedy("unknown_broker")


def test_an_unknown_code_is_a_key_error_in_the_catalogue_and_spelled_out_in_words():
    with pytest.raises(KeyError):
        catalogue().codes["never_heard"]

    assert Words(Language.ZH).say("never_heard", {"depth": 3}) == "never_heard (depth=3)"


def test_an_unknown_phrase_is_spelled_out_too():
    assert Words(Language.EN).phrase("never_heard") == "never_heard"


def test_a_reason_that_is_a_kept_error_is_told_in_words():
    words = Words(Language.EN)

    assert words.phrase("refused", {"reason": "no_quote (symbol=VOO)"}) == (
        "REFUSED: no quote to fill at"
    )
    assert words.phrase("refused", {"reason": "rotation is off"}) == "REFUSED: rotation is off"


TOLD = "Order rejected - reason: too little, see (7), cause=x"
KEPT = f"ibkr_no_money (symbol=VOO, number=201, told={TOLD})"


def test_a_kept_error_is_told_with_its_values_and_those_it_has_no_place_for():
    said = Words(Language.EN).phrase("refused", {"reason": KEPT})

    assert said.startswith("REFUSED: Interactive Brokers sees too little money for it: Order")
    assert "reason: too little, see (7)" in said
    assert "number=201" in said


def test_a_symbol_a_sentence_can_not_do_without_is_named():
    said = Words(Language.EN).phrase("refused", {"reason": "ibkr_not_traded (symbol=VIX)"})

    assert said == "REFUSED: VIX is an index and can not be traded"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (KEPT, "Look for open orders"),
        ("ibkr_inactive", "A preset"),
        ("nonsense", ""),
        ("a broker's own words", ""),
        ("", ""),
    ],
)
def test_what_to_do_about_a_kept_error_is_the_catalogues_remedy(reason, advice):
    said = Words(Language.EN).advice(reason)

    assert said.startswith(advice)
    assert bool(said) is bool(advice)


def test_an_error_without_a_remedy_of_ours_gives_its_own():
    words = Words(Language.EN)

    assert words.remedy("never_heard", {"remedy": "turn it off"}) == "turn it off"
    assert words.remedy("never_heard") == words.phrase("remedy_fallback")


def test_what_a_sentence_leaves_out_is_untold():
    words = Words(Language.EN)

    assert words.untold("paused", {"reason": "x", "depth": 3}) == {"depth": 3}
    assert words.untold("never_heard", {"depth": 3}) == {}


WRITTEN = [
    (Decimal("4812.2"), "money", "4,812.20"),
    ("4812.2", "money", "4,812.20"),
    (-3, "money", "-3.00"),
    (Decimal("34.125"), "price", "34.125"),
    (Decimal(34), "price", "34.00"),
    (Decimal(1000), "price", "1,000.00"),
    (0.1534, "percent", "15.3 %"),
    (-0.0214, "points", "-2.1"),
    (Decimal(1200), "shares", "1,200"),
    (Decimal("10.50"), "shares", "10.5"),
    (date(2026, 10, 13), "day", "Tue 2026-10-13"),
    ("2026-10-13", "day", "Tue 2026-10-13"),
    (datetime.combine(date(2026, 10, 13), time()), "day", "Tue 2026-10-13"),
    (datetime.combine(date(2026, 10, 13), time()), "", "2026-10-13 00:00"),
    ("2026-10-13 00:00:00", "day", "Tue 2026-10-13"),
    (datetime(2026, 10, 14, 2, 0, tzinfo=UTC), "day", "Tue 2026-10-13"),
    (datetime(2026, 10, 13, 19, 45, tzinfo=UTC), "clock", "15:45 New York"),
    (datetime(2026, 12, 1, 20, 45, tzinfo=UTC), "clock", "15:45 New York"),
    ("U1234567", "account", "…4567"),
    ("1234567", "account", "…4567"),
    ("U12", "account", "U12"),
    ("practice", "account", "practice"),
    ("much", "money", "much"),
    ("soon", "day", "soon"),
    ("soon", "clock", "soon"),
    (7, "day", "7"),
    (None, "money", "None"),
    (Decimal("1.500"), "", "1.5"),
    (0.1234567891, "", "0.123457"),
    (timedelta(seconds=90), "", "90"),
    (datetime(2026, 10, 13, 19, 45, tzinfo=UTC), "", "2026-10-13 15:45"),
    (["EFA", "EEM"], "", "EFA, EEM"),
    ({"SGD": Decimal("350.50")}, "", "SGD 350.5"),
    ("one\n two", "", "one two"),
    (Language.ZH, "", "zh"),
]


@pytest.mark.parametrize(("value", "way", "text"), WRITTEN)
def test_a_value_is_written_as_people_read_it(value, way, text):
    assert Words(Language.EN).written(value, way) == text


def test_times_and_days_are_chinese_in_chinese():
    at = datetime(2026, 10, 13, 19, 45, tzinfo=UTC)
    words = Words(Language.ZH)

    assert words.written(at, "clock") == "纽约时间 15:45"
    assert words.written(at, "day") == "周二 2026-10-13"


def test_a_list_is_a_value_like_any_other():
    said = Words(Language.EN).say("symbols_missing", {"symbols": ["EFA", "EEM"], "path": "a.csv"})

    assert said == "prices of EFA, EEM are missing from a.csv"


def test_a_very_long_value_is_cut():
    assert len(Words(Language.EN).written("x" * 10_000)) == 200


def test_a_braces_text_in_a_value_stays_text():
    words = Words(Language.EN, Catalogue({"it": Sentence("[{a} ]{b}", "[{a} ]{b}")}, {}, {}))

    assert words.say("it", {"a": "{b}", "b": "[c]"}) == "{b} [c]"


def test_a_code_without_values_is_spelled_alone():
    assert spelled("code", {}) == "code"

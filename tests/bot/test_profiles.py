from dataclasses import fields

import pytest

from bot.domain.errors import SettingsError
from bot.profiles import phrase_of, prospectus, prospectuses
from bot.words import Language, Words, catalogue
from strategies import ALIASES, PROFILES, RETIRED

EN, ZH = Words(Language.EN), Words(Language.ZH)

every_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))


def test_every_profile_has_a_prospectus():
    assert [told.name for told in prospectuses(EN)] == list(PROFILES)


@every_profile
def test_a_prospectus_says_what_the_profile_says_of_itself(profile):
    told = prospectus(profile.name, EN)

    for name in ("cadence", "role", "benchmark", "minimum_equity", "source"):
        assert getattr(told, name) == getattr(profile, name)


@every_profile
def test_its_needs_and_parameters_are_those_of_the_strategy_as_it_is_by_default(profile):
    strategy = profile.strategy()

    told = prospectus(profile.name, EN)

    assert told.needs == strategy.needs
    assert {each.name: each.default for each in told.parameters} == {
        field.name: getattr(strategy, field.name) for field in fields(profile.strategy)
    }


@every_profile
@pytest.mark.parametrize("language", list(Language))
def test_every_sentence_is_of_the_catalogue_in_the_readers_language(profile, language):
    known = {sentence.text(language) for sentence in catalogue().phrases.values()}

    told = prospectus(profile.name, Words(language))

    assert {told.about, *(each.about for each in told.parameters)} <= known


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_leads_to_the_profile_that_tells_of_it(alias, name):
    told = prospectus(alias, EN)

    assert told == prospectus(name, EN)
    assert alias in told.aliases


@pytest.mark.parametrize(
    ("name", "code"), [("momentum", "unknown_profile"), (min(RETIRED), "retired_profile")]
)
def test_a_name_without_a_profile_is_refused(name, code):
    with pytest.raises(SettingsError, match=code):
        prospectus(name, ZH)


def test_a_phrase_is_named_by_the_letters_of_what_it_is_about():
    assert phrase_of("cadence", "quarterly + daily canary") == "cadence_quarterly_daily_canary"
    assert phrase_of("parameter", "top_n") == "parameter_top_n"

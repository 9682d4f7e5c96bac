from dataclasses import replace

import pytest

from bot.domain.errors import SettingsError
from bot.domain.features import Features
from strategies import PROFILES
from strategies.expectations import expected_of, layout_of
from tests.published import SIX
from tests.strategies.builders import SNAPSHOT_KNOWN, facts_for, random_closes


def test_every_profile_that_reads_snapshots_expects_something():
    reading = {name for name, about in PROFILES.items() if about.strategy().needs.universe}

    assert {expected_of(name).profile for name in reading} == set(SIX) == reading


@pytest.mark.parametrize("name", SIX)
def test_what_is_expected_is_all_a_profile_reads(name):
    expected, told = expected_of(name), PROFILES[name].strategy()
    facts = facts_for(told, random_closes, 30, seed=3)
    dated = [*expected.columns, "as_of", "known_on"]
    rows = facts.feeds[name].assign(product_leverage=2.0)[dated]

    features = Features(told, replace(facts, feeds={name: rows}))

    assert SNAPSHOT_KNOWN in features


@pytest.mark.parametrize("name", SIX)
def test_nothing_is_expected_that_a_profile_can_do_without(name):
    expected = expected_of(name)

    assert len(set(expected.columns)) == len(expected.columns)
    assert set(expected.numbers) < set(expected.columns)


@pytest.mark.parametrize("name", SIX)
def test_contract_and_configuration_go_by_the_profile(name):
    expected = expected_of(name)

    assert expected.contract == f"{name}.feature_snapshot.v1"
    assert expected.config_name == name
    assert expected.manifest


def test_an_alias_is_its_profile():
    assert expected_of("qqq_tech_enhancement") == expected_of(SIX[1])


def test_a_profile_of_prices_expects_no_snapshot():
    with pytest.raises(SettingsError) as refused:
        expected_of("global_etf_rotation")

    assert refused.value.code == "profile_without_snapshot"


TABLES = ("fuguo_etf_rotation", "pattern_etf_rotation")


@pytest.mark.parametrize("name", TABLES)
def test_the_layout_of_a_table_is_all_a_profile_reads_of_it(name):
    told = PROFILES[name].strategy()
    facts = facts_for(told, random_closes, 300, seed=3)
    feeds = {feed: rows[[*layout_of(feed).columns, "as_of"]] for feed, rows in facts.feeds.items()}

    rows = told.features(replace(facts, feeds=feeds))

    assert rows.equals(told.features(facts))


def test_a_feed_of_snapshots_is_no_table():
    with pytest.raises(SettingsError, match="feed_without_table"):
        layout_of("tech_communication_pullback_enhancement")

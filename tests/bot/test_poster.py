import struct
from dataclasses import replace

import numpy as np
import pytest

from bot.charts import speakable
from bot.poster import HEIGHT, WIDTH, poster
from bot.words import Language, Words
from tests.bot.trials import a_trial

EN, ZH = Words(Language.EN), Words(Language.ZH)


def size(png):
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_a_poster_is_as_tall_as_a_phone():
    assert size(poster(a_trial(), EN)) == (WIDTH, HEIGHT)


def test_the_same_trial_makes_the_same_poster():
    assert poster(a_trial(), EN) == poster(a_trial(), EN)


def test_where_there_are_no_letters_for_a_language_the_poster_is_english():
    same = poster(a_trial(), ZH) == poster(a_trial(), EN)

    assert same is not speakable("zh")


def ink_at_the_edges(png):
    """Whether anything is drawn into the outermost pixels: it would be cut."""
    from io import BytesIO

    from matplotlib.image import imread

    pixels = imread(BytesIO(png))[..., :3]
    edges = (pixels[:, :4], pixels[:, -4:], pixels[:4], pixels[-4:])
    return any(bool(np.any(edge < 0.99)) for edge in edges)


@pytest.mark.parametrize("name", ["a", "russell_1000_multi_factor_defensive_and_more"])
def test_nothing_is_cut_however_long_the_name(name):
    trial = a_trial()
    named = replace(trial, scorecard=replace(trial.scorecard, profile=name))

    assert not ink_at_the_edges(poster(named, EN))

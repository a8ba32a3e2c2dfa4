"""Quantities in prompts: value and unit, in figures and in words, and what they may ask of a move."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.motion import FOCAL, plan_channels
from dollygrip_backend.predictor.plan import FAMILIES, Amount, Move, Phase, Plan
from dollygrip_backend.predictor.quantities import UNITS, Quantity, read_quantities
from dollygrip_backend.predictor.settling import Context, settle


@pytest.mark.parametrize(
    ("prompt", "value", "unit"),
    [
        ("pan left 30 degrees", 30, "degrees"),
        ("pan 45° to the right", 45, "degrees"),
        ("a ninety-degree arc", 90, "degrees"),
        ("tilt up a hundred and twenty degrees", 120, "degrees"),
        ("orbit a quarter of the way around her", 90, "degrees"),
        ("go halfway round the tower", 180, "degrees"),
        ("three quarters of a circle", 270, "degrees"),
        ("a full 360 around him", 360, "degrees"),
        ("one complete slow lap of the square", 360, "degrees"),
        ("two full turns", 720, "degrees"),
        ("one complete ring round the campervan", 360, "degrees"),
        ("spin once all the way round to the right", 360, "degrees"),
        ("only a quarter of the way left at the end", 0.75, "share"),
        ("until a tenth of the gap is what remains", 0.9, "share"),
        ("cut the distance in two", 0.5, "share"),
        ("as much distance again between us", 1, "share"),
        ("add a third to our distance", 1 / 3, "share"),
        ("half again as large", 0.5, "share"),
        ("zoom out to half", 0.5, "ratio"),
        ("shrink the barn to a quarter of its height", 0.25, "ratio"),
        ("left by the gravestone eighty degrees", 80, "degrees"),
        ("sixty round the chess table", 60, "none"),
        ("a quarter more room for her", 0.25, "share"),
        ("half as much distance again", 0.5, "share"),
        ("three tenths of that", 0.3, "share"),
        ("three quarters of the emptiness between us", 0.75, "share"),
        ("as far to the right as the barn is away from us", 1, "share"),
        ("a third as far as the barn is from us", 1 / 3, "share"),
        ("a metre to the left", 1, "metres"),
        ("metre to the left", 1, "metres"),
        ("three quarters of a metre down", 0.75, "metres"),
        ("a half metre up", 0.5, "metres"),
        ("one and a half metres up", 1.5, "metres"),
        ("2 1/2 metres up", 2.5, "metres"),
        ("1-1/2 metres up", 1.5, "metres"),
        ("1½ m up", 1.5, "metres"),
        ("22 1/2 degrees", 22.5, "degrees"),
        ("1 1/2 turns", 540, "degrees"),
        ("two dozen degrees", 24, "degrees"),
        ("two point five metres", 2.5, "metres"),
        (f"1{'0' * 300} metres", 1e6, "metres"),
        ("1/4 turn", 90, "degrees"),
        ("zoom in 2x", 2, "ratio"),
        ("zoom by a factor of three", 3, "ratio"),
        ("zoom from 24mm to 48mm", 2, "ratio"),
        ("widen from 90mm to 30mm", 1 / 3, "ratio"),
        ("from 85 back to 17mm", 1 / 5, "ratio"),
        ("24mm at the start and 96mm at the end", 4, "ratio"),
        ("start on a lens of 50, go to 75mm", 1.5, "ratio"),
        ("roll the zoom from 150 to 50", 1 / 3, "ratio"),
        ("we are on a 24 and end on a 48, with the zoom alone", 2, "ratio"),
        ("the lens goes 40 → 80", 2, "ratio"),
        ("out to a quarter of the magnification", 1 / 4, "ratio"),
        ("half the present focal length", 2, "ratio"),
        ("until they are half as tall", 2, "ratio"),
        ("zoom from fifty to seventy-five mil", 1.5, "ratio"),
        ("start on the 80, end on the 40 (millimetres)", 1 / 2, "ratio"),
        ("20 mm at the head of the shot, 50 mm at the tail", 2.5, "ratio"),
        ("the 24 mm becomes a 72", 3, "ratio"),
        ("a hundred-millimetre lens opens up to a fifty mm", 1 / 2, "ratio"),
        ("a 40 that turns into an 80mm", 2, "ratio"),
        ("from 30mm until it is 90mm", 3, "ratio"),
        ("make the gap one and a quarter times what it was", 1.25, "ratio"),
        ("two and a third times as large", 7 / 3, "ratio"),
        ("2 and a half times as large", 2.5, "ratio"),
        ("two and half times more big", 2.5, "ratio"),
        ("zoom 1,8 times", 1.8, "ratio"),
        ("0,5 of the distance", 0.5, "share"),
        ("zoom to 1,200 percent of its size", 12, "ratio"),
        ("180% of its present size", 1.8, "ratio"),
        ("one and three quarters turns", 630, "degrees"),
        ("two and a half turns", 900, "degrees"),
        ("three and a quarter metres to the left", 3.25, "metres"),
        ("treble the focal length", 3, "ratio"),
        ("halve the angle of view", 2, "ratio"),
        ("half the field of view", 2, "ratio"),
        ("a sixteenth of a circle", 22.5, "degrees"),
        ("tighten from 70 mm to 105", 1.5, "ratio"),
        ("swap the 60 for a 20 mm", 1 / 3, "ratio"),
        ("half as tight again", 1 / 2, "share"),
        ("a fifth bigger", 1 / 5, "share"),
        ("a fifth smaller", 4 / 5, "ratio"),
        ("let it all shrink to a third", 1 / 3, "ratio"),
        ("narrow the lens to half the width", 1 / 2, "ratio"),
        ("until he is a quarter as far away", 3 / 4, "share"),
        ("as far again from the mill", 1, "share"),
        ("a metre forty to the right", 1.4, "metres"),
        ("add a quarter to the distance", 1 / 4, "share"),
        ("shrink the gap to a third", 2 / 3, "share"),
        ("cut our distance to a quarter", 3 / 4, "share"),
        ("a fifth of the way should remain", 4 / 5, "share"),
        ("thirty percent of the distance must be left", 0.7, "share"),
        ("two thirds of a right angle", 60, "degrees"),
        ("half a right angle", 45, "degrees"),
        ("through one right angle to the left", 90, "degrees"),
        ("two right angles", 180, "degrees"),
        ("a quater circle to the right", 90, "degrees"),
        ("pan left thrity degrees", 30, "degrees"),
        ("swing ninty degrees", 90, "degrees"),
        ("1/8 of an orbit", 45, "degrees"),
        ("double the focal length", 2, "ratio"),
        ("zoom in 50%", 50, "percent"),
        ("zoom to 250 %", 2.5, "ratio"),
        ("so that things are 80% of the size they have now", 0.8, "ratio"),
        ("till she is two thirds as big", 2 / 3, "ratio"),
        ("enlarge the house to 300 percent of its size", 3, "ratio"),
        ("shrink the gap to 30 %", 0.7, "share"),
        ("let the distance grow to 150 percent", 0.5, "share"),
        ("dolly in two meters", 2, "metres"),
        ("back up six feet", 6 * 0.3048, "metres"),
        ("truck half a metre left", 0.5, "metres"),
        ("go half the distance", 0.5, "share"),
        ("a third of the way to the tree", 1 / 3, "share"),
        ("shot on 35mm film", 1, "other"),
        ("hold for 5 seconds", 5, "other"),
        ("in 1920", 1920, "other"),
        ("pan right 20", 20, "none"),
        ("turn a right angle to the left", 90, "degrees"),
        ("an about-face to the left", 180, "degrees"),
        ("a quarter clockwise", 90, "degrees"),
        ("a twelfth of a circle", 30, "degrees"),
        ("¼ turn", 90, "degrees"),
        ("a full slow pan to the left", 360, "degrees"),
        ("circle it once completely", 360, "degrees"),
        ("up a metre and a half", 1.5, "metres"),
        ("a metre and a half nearer", 1.5, "metres"),
        ("two metres and a half up", 2.5, "metres"),
        ("rise another metre", 1, "metres"),
        ("a foot and a half back", 1.5 * 0.3048, "metres"),
        ("1500 mm to the left", 1.5, "metres"),
        ("truck left 500 millimetres", 0.5, "metres"),
        ("truck left by five hundred millimeters", 0.5, "metres"),
        ("rise 1,500 millimetres", 1.5, "metres"),
        ("slide 250 mm to the right", 0.25, "metres"),
        ("creep forward 50 millimetres", 0.05, "metres"),
        ("down 20 mm", 0.02, "metres"),
        ("2.5 millimetres closer", 0.0025, "metres"),
        ("shot on a fifty mil", 1, "other"),
        ("shot on a 50 mil", 1, "other"),
        ("shot on a 50mm", 1, "other"),
        ("with a thirty-five millimetre lens on", 1, "other"),
        ("push in with a fifty-millimetre prime", 1, "other"),
        ("a hundred millimetre macro", 1, "other"),
        ("pan left, 50 millimetres", 1, "other"),
        ("pan left with the 50 mm lens", 1, "other"),
        ("track back on a 200mm", 1, "other"),
        ("truck left with a 500 millimetre telephoto lens", 1, "other"),
        ("zoom in one point five times", 1.5, "ratio"),
        ("halve the magnification", 0.5, "ratio"),
        ("cut the distance to him in half", 0.5, "share"),
        ("shrink the tower to a third with the zoom", 1 / 3, "ratio"),
        ("bring the gap down to a third by walking", 2 / 3, "share"),
        ("stop at 40 percent of the present distance", 0.6, "share"),
        ("until the head is at 40% of the distance it's at now", 0.6, "share"),
        ("make all things half so big", 2, "ratio"),
        ("until we're at three fifths of today's distance", 0.4, "share"),
        ("back off by a third of the present distance", 1 / 3, "share"),
        ("from twelve o'clock round to three o'clock", 90, "degrees"),
        ("from twelve o'clock to eleven", 30, "degrees"),
        ("ahead for two metres fifty", 2.5, "metres"),
        ("rise a metre eighty-five", 1.85, "metres"),
        ("up 5 feet 6 inches", 1.6764, "metres"),
        ("six feet and two inches to the left", 1.8796, "metres"),
        ("down 3' 2\"", 0.9652, "metres"),
    ],
)
def test_one_quantity_is_read(prompt, value, unit):
    [found] = read_quantities(prompt)
    assert (found.value, found.unit) == (pytest.approx(value), unit)
    [shouted] = read_quantities(prompt.upper())
    assert (shouted.value, shouted.unit) == (pytest.approx(value), unit)


def test_the_same_amount_is_the_amount_before():
    there, back = read_quantities("lean 35 degrees clockwise, then the same amount back")
    assert back.amount("roll", "clockwise") == there.amount("roll", "clockwise") and back.start > there.end


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("cm", 0.01), ("centimetres", 0.01), ("feet", 0.3048), ("m", 1), ("mm", 0.001), ("millimetres", 0.001)],
)
def test_a_bare_length_is_in_the_unit_before(unit, metres):
    first, second = read_quantities(f"20 {unit} down, 40 to the right")
    assert second.amount("truck", "left").value == pytest.approx(40 * metres)
    assert second.amount("pan", "left").value == 40
    assert first.amount("pan", "left") is None


# fmt: off
NUMBER_WORDS = [
    "3", "12", "45", "0.5", "1,000", "1/2", "½", "2x", "a", "an", "one", "two", "three", "ten", "ninety-five",
    "hundred", "and", "point", "half", "quarter", "third", "thirds", "of the way", "full", "degrees", "°", "%",
    "percent", "metres", "feet", "cm", "mm", "35mm", "lens", "from", "to", "by", "times", "twice", "double", "as",
    "again", "the same amount", "turn", "turns", "around", "left", "up", ",", "-", "closer",
]
# fmt: on
number_texts = st.lists(st.sampled_from(NUMBER_WORDS), min_size=5, max_size=24).map(" ".join)


@given(st.text(max_size=80) | number_texts)
def test_any_text_is_read_without_overlaps(text):
    found = read_quantities(text)
    assert all(0 <= q.start < q.end <= len(text) and q.unit in UNITS for q in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.integers(1, 360), st.sampled_from(["°", " degrees", "-degree", " deg"]))
def test_every_angle_is_exact(degrees, unit):
    [found] = read_quantities(f"pan left {degrees}{unit}, two dogs")[:1]
    assert found.amount("pan", "left").value == degrees
    assert found.amount("zoom", "in") is None and found.amount("dolly", "in") is None


@given(
    st.integers(1, 1200),
    st.sampled_from(["mm", " mm", " mil", " millimetres", "-millimeter"]),
    st.sampled_from(["{} lens", "with a {} prime on", "shot through a {}"]),
)
def test_a_focal_length_asks_nothing_of_any_move(value, unit, words):
    [found] = read_quantities(f"truck left, {words.format(f'{value}{unit}')}")
    assert found.unit == "other"


@given(st.integers(1, 5000), st.sampled_from(["mm", " mm", " millimetres", " millimeters"]))
def test_every_millimetre_of_a_move_counts(value, unit):
    for words in (f"truck left {value}{unit}", f"truck {value}{unit} to the left"):
        [found] = read_quantities(words)
        assert found.amount("truck", "left").value == pytest.approx(value / 1000)


@pytest.mark.parametrize(
    ("prompt", "move", "value", "unit"),
    [
        ("2x", "zoom_in", 2, "ratio"),
        ("50%", "zoom_in", 1.5, "ratio"),
        ("50%", "dolly_in", 0.5, "share"),
        ("3", "truck_left", 3, "metres"),
        ("30", "tilt_up", 30, "degrees"),
        ("halve the focal length", "zoom_out", 2, "ratio"),
        ("twice as close", "zoom_in", 2, "ratio"),
        ("twice as close", "dolly_in", 0.5, "share"),
        ("three times nearer", "dolly_in", 2 / 3, "share"),
        ("twice as far away", "dolly_out", 1, "share"),
        ("one and a half times the distance", "dolly_out", 0.5, "share"),
        ("stop when a quarter of the distance to it is left", "dolly_in", 0.75, "share"),
        ("a third of the way remains", "dolly_in", 2 / 3, "share"),
        ("a third of the way, left hand first", "dolly_in", 1 / 3, "share"),
        ("halve it", "zoom_out", 2, "ratio"),
        ("halve it", "dolly_in", 0.5, "share"),
        ("half as far as the tree is away from us", "truck_right", 0.5, "share"),
        ("a third as far as the engine is from us", "truck_left", 1 / 3, "share"),
        ("half as far away as now", "dolly_in", 0.5, "share"),
        ("a quarter as far as we are now", "dolly_in", 0.75, "share"),
        ("half as much as we're away from the sofa", "pedestal_up", 0.5, "share"),
        ("just as far as we are from the door", "truck_right", 1, "share"),
        ("until we're only a third of the distance away", "dolly_in", 2 / 3, "share"),
        ("so the distance becomes one and a half of now", "dolly_out", 0.5, "share"),
        ("take a quarter more of distance", "dolly_out", 0.25, "share"),
        ("a fifth off the distance", "dolly_in", 0.2, "share"),
        ("by twice the distance to the gate", "truck_left", 2, "share"),
        ("one and a half times the distance to the gate", "truck_left", 1.5, "share"),
        ("by the whole distance to the gate", "truck_left", 1, "share"),
        ("the zoom halves the tent", "zoom_out", 2, "ratio"),
        ("up to 133 % with the zoom", "zoom_in", 1.33, "ratio"),
        ("zoom from 72 mm out to 24", "zoom_out", 3, "ratio"),
        ('18" closer', "dolly_in", 0.4572, "metres"),
        ("120 centimetros to the left", "truck_left", 1.2, "metres"),
        ("from our ten o'clock to our one o'clock", "orbit_right", 90, "degrees"),
        ("a demi-turn around it", "orbit_left", 180, "degrees"),
        ("5 degrees a frame for 18 frames", "pan_left", 90, "degrees"),
        ("35 grades to the left", "pan_left", 35, "degrees"),
        ("duplicate its size", "zoom_in", 2, "ratio"),
        ("three times smaller", "zoom_out", 3, "ratio"),
        ("three times smaller", "dolly_out", 2, "share"),
    ],
)
def test_what_a_quantity_asks_depends_on_the_move(prompt, move, value, unit):
    amount = read_quantities(prompt)[0].amount(*move.split("_"))
    assert (amount.value, amount.unit) == (pytest.approx(value), unit)


def test_the_lens_of_a_shot_is_no_end_of_a_zoom():
    angle, lens = read_quantities("start at 30 degrees left, shot on 50mm")
    assert (angle.value, angle.unit, lens.unit) == (30, "degrees", "other")


def test_a_long_lens_gives_no_unit_to_what_follows():
    assert read_quantities("400mm, truck left 2")[1].amount("truck", "left").value == 2


def test_a_count_of_things_is_no_angle():
    [count] = read_quantities("orbit the three of them")
    assert count.amount("orbit", "left") is None


def test_times_and_years_ask_nothing_of_any_move():
    for prompt in ("5 seconds", "in 1987", "4k", "35mm"):
        assert all(
            q.amount(family, way) is None
            for q in read_quantities(prompt)
            for family in FAMILIES
            for way in ("in", "out")
        )


@pytest.mark.parametrize(
    ("prompt", "family", "way"),
    [("pan left two times", "pan", "left"), ("push in 3 times", "dolly", "in"), ("three quick zooms", "zoom", "in"),
     ("double push", "dolly", "in"), ("two slow pushes", "dolly", "in")],
)  # fmt: skip
def test_how_often_a_move_is_made_is_no_amount_of_it(prompt, family, way):
    assert not any(quantity.amount(family, way) for quantity in read_quantities(prompt))


def test_how_many_times_closer_or_around_is_one():
    [closer] = read_quantities("push in three times closer")
    [around] = read_quantities("circle him 3 times")
    assert closer.amount("dolly", "in").value == pytest.approx(2 / 3)
    assert around.amount("orbit", "left").value == 1080


@pytest.mark.parametrize(
    ("prompt", "focal"),
    [
        ("zoom to 85mm", 85),
        ("zoom out to 24 mm", 24),
        ("widen the lens to an 18mm", 18),
        ("zoom from 24 to 70 mm", None),
        ("lens fixed at 35 mm, push in", None),
        ("truck left 300 mm", None),
        ("on a zoom set to 18mm", None),
    ],
)
def test_a_lens_may_go_to_a_focal_length(prompt, focal):
    assert [quantity.focal for quantity in read_quantities(prompt) if quantity.focal] == ([focal] if focal else [])


@pytest.mark.parametrize(
    ("view", "aspect", "cropped", "start"), [(50, 1.5, 1.0, 38.6), (50, 0.5, 1.0, 19.3), (50, 1.5, 0.5, 57.9)]
)
def test_a_zoom_to_a_focal_length_ends_there_whatever_the_lens_was(view, aspect, cropped, start):
    context = Context(view_degrees=view, aspect=aspect, cropped=cropped)
    assert context.focal == pytest.approx(start, abs=0.1)
    amount = Quantity(0, 1, 2.0, "ratio", focal=24).amount("zoom", "in")
    plan = Plan((Phase((Move("zoom", "in", Amount(1.5, "ratio")),)), Phase((Move("zoom", "in", amount),))))
    end = plan_channels(settle(plan, context, None), context)[-1, FOCAL]
    assert start * np.exp(end) == pytest.approx(24, rel=0.01)

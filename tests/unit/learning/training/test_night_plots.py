"""A picture says what it shows, without script or style attribute."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from learning.training.night_plots import curve, svg

POINTS = [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75)]


def test_a_curve_is_drawn_between_its_least_and_its_greatest_value() -> None:
    one = curve("ppo-reward", "PPO: reward", POINTS)
    assert one is not None
    picture = ElementTree.fromstring(svg(one))
    assert picture.get("aria-label") == "PPO: reward: from 0.25 to 0.75 over 3 steps"
    line = next(each for each in picture if each.tag == "polyline")
    places = [tuple(map(float, each.split(","))) for each in str(line.get("points")).split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)
    assert [each.text for each in picture if each.tag == "text"] == ["0.75", "0.25", "1", "step 3"]
    assert "style" not in svg(one) and "script" not in svg(one)


def test_what_is_no_number_is_left_out_and_a_single_point_is_no_curve() -> None:
    assert curve("a", "A", [(1.0, math.nan), (2.0, 1.0)]) is None
    kept = curve("a", "A", [*POINTS, (4.0, math.inf)])
    assert kept is not None and len(kept.points) == 3


def test_a_flat_line_has_a_picture_too() -> None:
    flat = curve("a", "A & B", [(1.0, 2.0), (2.0, 2.0)])
    assert flat is not None
    ElementTree.fromstring(svg(flat, alone=True))
    assert "A &amp; B" in svg(flat)

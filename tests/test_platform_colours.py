"""Every platform can be seen on both papers, and told from the others by all eyes."""

import itertools

import numpy as np
import pytest

from analysis.charting.theme import PLATFORM_COLOURS

# What other eyes make of linear red, green and blue: Machado, Oliveira and Fernandes (2009),
# A physiologically-based model for simulation of color vision deficiency, table 1, severity 1.
EYES = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def light(colour):
    """Linear red, green and blue of an sRGB colour (IEC 61966-2-1)."""
    coded = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio of the Web Content Accessibility Guidelines 2.2."""
    low, high = sorted(float(np.array(TO_XYZ)[1] @ light(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(linear):
    """CIE 1976 L*a*b* under D65."""
    f = np.cbrt(np.array(TO_XYZ) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, other):
    """The colour difference of CIE 142 (2001), after Sharma, Wu and Dalal (2005)."""
    lightness, a, b = np.array([one, other]).T
    seventh = np.hypot(a, b).mean() ** 7
    a = a * (1.5 - 0.5 * np.sqrt(seventh / (seventh + 25**7)))
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    turn = (hue[1] - hue[0] + 180) % 360 - 180
    along = 2 * np.sqrt(chroma.prod()) * np.sin(np.radians(turn / 2))
    middle = (hue[0] + turn / 2) % 360
    t = 1 + sum(
        share * np.cos(np.radians(times * middle + shift))
        for share, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))
    )
    light_off = (lightness.mean() - 50) ** 2
    parts = np.array(
        [
            np.diff(lightness)[0] / (1 + 0.015 * light_off / np.sqrt(20 + light_off)),
            np.diff(chroma)[0] / (1 + 0.045 * chroma.mean()),
            along / (1 + 0.015 * chroma.mean() * t),
        ]
    )
    seventh = chroma.mean() ** 7
    turned = np.sin(np.radians(60 * np.exp(-(((middle - 275) / 25) ** 2))))
    turned *= -2 * np.sqrt(seventh / (seventh + 25**7))
    return float(np.sqrt((parts**2).sum() + turned * parts[1] * parts[2]))


def apart(one, other):
    """How far two colours are from each other, for the eyes that tell them least apart."""
    return min(
        ciede2000(*(lab(np.array(eyes) @ light(colour)) for colour in (one, other)))
        for eyes in EYES.values()
    )


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [  # Sharma, Wu and Dalal (2005), table 1, pairs 1, 7, 17 and 25.
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_colour_difference_is_that_of_its_source(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=5e-5)


def test_every_platform_can_be_seen_on_both_papers():
    for paper in ("#FFFFFF", "#14181D"):
        assert min(contrast(colour, paper) for colour in PLATFORM_COLOURS) >= 3


def test_every_two_platforms_are_told_apart_by_all_eyes():
    # Okabe and Ito's own palette has 10.9 by this measure.
    pairs = itertools.combinations(PLATFORM_COLOURS, 2)
    assert min(apart(one, other) for one, other in pairs) >= 12

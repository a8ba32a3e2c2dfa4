"""Prompts with their plans: phrases of the lexicon put into sentences as crew, directors and laymen say them."""

import re

import attrs
import numpy as np

from dollygrip_backend.data.grammar import lexicon as L
from dollygrip_backend.data.grammar import world as W
from dollygrip_backend.data.grammar.motion import Move, Phase, Plan

FAMILIES = {
    "pan": ("left", "right"),
    "tilt": ("up", "down"),
    "roll": ("clockwise", "counterclockwise"),
    "dolly": ("in", "out"),
    "truck": ("left", "right"),
    "pedestal": ("up", "down"),
    "zoom": ("in", "out"),
    "orbit": ("left", "right"),
}
MOVES = [f"{family}_{way}" for family, ways in FAMILIES.items() for way in ways]
_TYPO_SHARE = 0.05
_NUMBER_WORDS = {5: "five", 10: "ten", 15: "fifteen", 20: "twenty", 25: "twenty-five", 30: "thirty", 40: "forty", 45: "forty-five", 50: "fifty",
                 60: "sixty", 75: "seventy-five", 80: "eighty", 90: "ninety", 120: "one hundred and twenty", 180: "one hundred eighty",
                 360: "three hundred sixty"}  # fmt: skip


@attrs.frozen
class Pair:
    """A prompt and what it asks for."""

    prompt: str
    plan: Plan


def _pick(rng: np.random.Generator, options):
    return options[int(rng.integers(len(options)))]


def third(verb: str) -> str:
    """ "pan" -> "pans", "go" -> "goes", "carry" -> "carries"."""
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


def gerund(verb: str) -> str:
    """ "pan" -> "panning", "move" -> "moving", "tilt" -> "tilting"."""
    doubled = {
        "pan",
        "swing" * 0,
        "tip",
        "drop",
        "step",
        "dip",
        "spin",
        "get",
        "slip",
        "jib",
        "sit",
        "cut",
        "put",
        "nod",
        "squat",
        "zip",
        "scan",
    }
    if verb in doubled:
        return verb + verb[-1] + "ing"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return verb + "ing"


def thing(rng) -> str:
    """A noun phrase for a subject: "the old lighthouse", "her", "a smiling violinist"."""
    if rng.random() < 0.12:
        return _pick(rng, W.PRONOUNS)
    article = _pick(rng, ["the", "the", "the", "the", "this", "our", "a"])
    adjective = _pick(rng, W.ADJECTIVES) + " " if rng.random() < 0.35 else ""
    words = f"{adjective}{_pick(rng, W.NOUNS)}"
    return f"an {words}" if article == "a" and words[0] in "aeiou" else f"{article} {words}"


def fill(template: str, way: str, rng) -> str:
    """Replace the lexicon's placeholders for a move towards `way`."""
    facing = {"up": (L.ABOVE, L.BELOW), "down": (L.BELOW, L.ABOVE)}.get(way)
    turning = {"left": "clockwise", "right": "counterclockwise"}.get(way, way)  # of an orbit, seen from above
    for key, options in (
        ("{d}", L.SIDES.get(way, [way])),
        ("{n}", [way]),
        ("{o}", [L.OPPOSITE.get(way, way)]),
        ("{c}", [c for c in L.SIDES.get(turning, [way]) if "to the" not in c]),
        ("{x}", facing and facing[0]),
        ("{y}", facing and facing[1]),
        ("{p}", W.PLACES),
    ):
        if key in template:
            template = template.replace(key, _pick(rng, options))
    return template.replace("{s}", thing(rng)) if "{s}" in template else template


def _entries(family: str, way: str) -> tuple[list[str], list[str]]:
    """(verbs, nouns) of a move."""
    if family == "dolly":
        return L.DOLLY_VERBS[way], L.DOLLY_NOUNS[way]
    if family == "zoom":
        return L.ZOOM_VERBS[way], L.ZOOM_NOUNS[way]
    verbs, nouns = getattr(L, f"{family.upper()}_VERBS"), getattr(L, f"{family.upper()}_NOUNS")
    if family == "tilt":
        verbs = verbs + L.TILT_EXTRA[way]
    if family == "pedestal":
        verbs, nouns = verbs + L.PEDESTAL_EXTRA[way], nouns + L.PEDESTAL_NOUNS_EXTRA[way]
    return verbs, nouns


@attrs.frozen
class Quantity:
    """How much, in words, and what that means: `after` a verb, `before` a noun."""

    after: str = ""
    before: str = ""
    amount: tuple[float, float] | None = None
    size: float = 1.0
    metres: bool = False


def _degrees(family: str, rng) -> Quantity:
    top = {"tilt": 80, "roll": 180, "pan": 200, "orbit": 360}[family]
    if family in ("orbit", "pan", "roll") and rng.random() < 0.2:
        words, value = _pick(rng, [("a full circle", 360), ("all the way around", 360), ("half a circle", 180), ("halfway around", 180),
                                   ("a quarter turn", 90), ("a quarter of the way around", 90), ("a full turn", 360), ("a half turn", 180),
                                   ("a full 360", 360), ("a full rotation", 360), ("a complete circle", 360), ("a quarter circle", 90)])  # fmt: skip
        return Quantity(
            after=words, before=words.split(" ", 1)[1] if words.startswith("a ") else "", amount=(value, value)
        )
    if rng.random() < 0.7:
        value = int(
            _pick(
                rng,
                [
                    v
                    for v in (
                        5,
                        10,
                        15,
                        20,
                        25,
                        30,
                        35,
                        40,
                        45,
                        50,
                        60,
                        70,
                        75,
                        80,
                        90,
                        100,
                        120,
                        135,
                        150,
                        180,
                        270,
                        360,
                    )
                    if v <= top
                ],
            )
        )
    else:
        value = int(rng.integers(4, top + 1))
    number = _NUMBER_WORDS[value] if value in _NUMBER_WORDS and rng.random() < 0.3 else str(value)
    unit = _pick(rng, ["degrees", "degrees", "degrees", "degree", "deg", "°"])
    text = f"{number}{unit}" if unit == "°" else f"{number} {unit}"
    text = text if number.isdigit() or unit != "°" else f"{number} degrees"
    before = _pick(
        rng, [f"{number}-degree", f"{number} degree", f"{number}°" if number.isdigit() else f"{number}-degree"]
    )
    return Quantity(_pick(rng, ["", "by ", "about ", "exactly ", "through "]) + text, before, (value, value))


def _zoom_amount(way: str, rng) -> Quantity:
    if rng.random() < 0.2:
        lens = [14, 18, 24, 28, 35, 50, 70, 85, 100, 135, 200]
        low = int(rng.integers(len(lens) - 1))
        high = int(rng.integers(low + 1, min(low + 5, len(lens))))
        a, b = (lens[low], lens[high]) if way == "in" else (lens[high], lens[low])
        return Quantity(
            _pick(rng, [f"from {a}mm to {b}mm", f"from {a} mm to {b} mm", f"from {a} to {b} mm"]),
            f"{a}mm to {b}mm",
            (lens[high] / lens[low],) * 2,
        )
    words, value = _pick(rng, [("2x", 2), ("2x", 2), ("to 2x", 2), ("1.5x", 1.5), ("3x", 3), ("4x", 4), ("two times", 2), ("by a factor of 2", 2),
                               ("by a factor of 1.5", 1.5), ("by a factor of three", 3), ("three times", 3), ("by half", 1.5), ("by 50%", 1.5),
                               ("1.2x", 1.2), ("1.8x", 1.8), ("2.5x", 2.5), ("by 20 percent", 1.2), ("by 30%", 1.3), ("twofold", 2)])  # fmt: skip
    return Quantity(words, words if words[0].isdigit() else "", (value, value))


def quantity(family: str, way: str, rng) -> Quantity:
    """Draw how the amount is said: mostly not at all, else in a word or in numbers."""
    kind = rng.random()
    if kind < 0.62:
        return Quantity()
    if kind < 0.78:
        after, size = _pick(rng, W.SIZES)
        before, factor = _pick(rng, W.SIZE_ADJECTIVES)
        return Quantity(after=after, size=size) if rng.random() < 0.6 else Quantity(before=before, size=factor)
    if family in ("pan", "tilt", "roll", "orbit"):
        return _degrees(family, rng)
    if family == "zoom":
        return _zoom_amount(way, rng)
    if family == "dolly" and way == "in" and rng.random() < 0.3:
        return Quantity(_pick(rng, ["halfway", "half the distance", "half way there"]), "", (0.5, 0.5))
    if rng.random() < 0.5:
        value = float(_pick(rng, [0.2, 0.3, 0.5, 0.5, 1, 1, 1, 1.5, 2, 2, 2, 3, 3, 4, 5, 10]))
        number = f"{value:g}"
        unit = _pick(rng, ["meters", "metres", "m", "meter", "metre"])
        text = f"{number}{unit}" if unit == "m" and rng.random() < 0.5 else f"{number} {unit}"
        return Quantity(_pick(rng, ["", "by ", "about "]) + text, f"{number}-meter", (value, value), metres=True)
    return Quantity()


@attrs.frozen
class Clause:
    """One move in words, in the forms that a sentence may need."""

    imperative: str
    gerund: str
    third: str
    noun: str
    move: Move
    tempo: str


def clause(family: str, way: str, rng, shared_tempo: str | None = None) -> Clause:
    """Draw words and amounts for the move `family`_`way`."""
    verbs, nouns = _entries(family, way)
    q = quantity(family, way, rng)
    tempo = shared_tempo or _pick(rng, ["slow", "slow", "fast", "plain", "constant", "", "", "", "", ""])
    entry = fill(_pick(rng, verbs), way, rng)
    if family == "orbit":
        entry = _orbit_direction(entry, way, rng)
    verb, rest = entry.split("|")
    transitive = verb.endswith("*")
    verb = verb.rstrip("*")
    adverb = _pick(rng, W.TEMPO[tempo]) if tempo and not shared_tempo else ""
    place = rng.integers(3)
    first = adverb.split() and adverb if place == 0 and " " not in adverb else ""
    amount_first = q.after and rng.random() < 0.35 and not q.after.startswith(("by", "about"))
    tail = [q.after, rest] if amount_first else [rest, q.after]
    if place == 1:
        tail.insert(0, adverb)
    elif not first:
        tail.append(adverb)
    what = (
        _pick(rng, ["the camera", "the camera", "the shot", "the view", "camera"])
        if transitive and rng.random() < 0.45
        else ""
    )
    join = lambda *parts: " ".join(p for p in parts if p)  # noqa: E731
    pace = _pick(rng, W.TEMPO_ADJECTIVES[tempo]) if tempo and not shared_tempo else ""
    noun = fill(_pick(rng, nouns), way, rng)
    if family == "orbit":
        noun = _orbit_direction(noun, way, rng)
    noun = join(pace, q.before, noun, "" if q.before else q.after)
    return Clause(
        imperative=join(first, verb, what, *tail),
        gerund=join(first, gerund(verb), what, *tail),
        third=join(first, third(verb), *tail),
        noun=noun,
        move=Move(f"{family}_{way}", q.amount, q.size, q.metres),
        tempo=tempo or "plain",
    )


def _orbit_direction(words: str, way: str, rng) -> str:
    """Half of the orbits are said by the clock, as seen from above: travelling left is clockwise."""
    if rng.random() < 0.45:
        turning = "clockwise" if way == "left" else "counterclockwise"
        clock = _pick(rng, [c for c in L.SIDES[turning] if "to the" not in c])
        for side in sorted(L.SIDES[way], key=len, reverse=True):
            pattern = rf"\b{re.escape(side)}\b"
            if re.search(pattern, words):
                return re.sub(pattern, clock, words, count=1)
    return words


def sentence(c: Clause, rng) -> str:
    """A whole request for one clause, in one of many voices."""
    form = rng.random()
    article = "an" if c.noun[0] in "aeiou" else "a"
    if form < 0.36:
        return c.imperative
    if form < 0.58:
        subject = _pick(
            rng, ["the camera", "the camera", "camera", "our camera", "the shot", "the view", "we", "we slowly"]
        )
        return f"{subject} {c.imperative if subject.startswith('we') else c.third}"
    if form < 0.76:
        frame = ["{n}", "{n}", "{a} {n}", "{a} {n}", "camera: {n}", "{a} {n}, please", "give me {a} {n}", "I'd like {a} {n}", "do {a} {n}", "{a} {n} here",
                 "let's do {a} {n}", "the shot is {a} {n}", "{n} shot", "camera movement: {n}", "we need {a} {n}", "perform {a} {n}", "start {a} {n}"]  # fmt: skip
        return _pick(rng, frame).format(n=c.noun, a=article)
    if form < 0.86:
        subject = _pick(
            rng, ["camera", "the camera is", "the camera starts", "we are", "the camera keeps", "shot", "", "POV"]
        )
        return f"{subject} {c.gerund}".strip()
    frame = ["make the camera {v}", "have the camera {v}", "let the camera {v}", "I want the camera to {v}", "can you {v}", "please {v}", "could the camera {v}?",
             "let's {v}", "I want you to {v}", "the camera should {v}", "now {v}", "please have the camera {v}", "get the camera to {v}", "I'd like to {v}",
             "the camera begins to {v}", "you should {v}", "the operator should {v}", "just {v}", "camera, {v}", "try to {v}", "simply {v}", "the drone should {v}"]  # fmt: skip
    return _pick(rng, frame).format(v=c.imperative)


def scenery(rng) -> str:
    """A description in which subjects may move in any direction, and the camera is not mentioned."""
    subject = thing(rng).replace("our ", "the ")
    parts = [
        f"{subject} {_pick(rng, W.ACTIONS)}",
        f"{subject} {_pick(rng, W.SETTINGS)}",
        _pick(rng, W.AMBIENT),
        f"{subject} in {_pick(rng, W.PLACES)}",
    ]
    count = _pick(rng, [1, 1, 1, 2, 2, 3])
    return _pick(rng, [", ", ". ", ", "]).join(parts[i] for i in rng.permutation(4)[:count])


def _around(request: str, rng) -> str:
    """Put scenery before or after the request, or leave it alone."""
    place = rng.random()
    if place < 0.55:
        return request
    scene = scenery(rng)
    if place < 0.75:
        return f"{scene}{_pick(rng, ['. ', ', ', '; ', ' - ', '. '])}{request}"
    if place < 0.88:
        return f"{request}{_pick(rng, ['. ', ', ', ' as ', ' while ', ': '])}{scene}"
    return (
        f"{request} {_pick(rng, ['of', 'on', 'in front of', 'with', 'showing'])} {thing(rng)} {_pick(rng, W.SETTINGS)}"
    )


_REFUSABLE = {
    "pan": "panning",
    "tilt": "tilting",
    "zoom": "zooming",
    "dolly": "moving forward or back",
    "roll": "rolling",
    "truck": "moving sideways",
}


def _negation(family: str, rng) -> str:
    """A suffix that excludes other moves: they stay out."""
    others = [
        word
        for key, word in _REFUSABLE.items()
        if key != family and not (family == "orbit" and key in ("pan", "truck"))
    ]
    form = _pick(
        rng, [", without {}", ", no {}", " and don't start {}", ", not {}", " instead of {}", " but without {}"]
    )
    return form.format(_pick(rng, others))


def single(rng, name: str | None = None) -> Pair:
    """One plain move."""
    family, way = (name or _pick(rng, MOVES)).rsplit("_", 1)
    if family in W.INTENT and rng.random() < 0.1 or f"{family}_{way}" in W.INTENT and rng.random() < 0.05:
        words = W.INTENT.get(f"{family}_{way}") or W.INTENT[family]
        return Pair(_around(fill(_pick(rng, words), way, rng), rng), Plan((Phase((Move(f"{family}_{way}"),)),)))
    if family == "orbit" and rng.random() < 0.12:  # no direction said: both are right
        stem = fill(_pick(rng, ["orbit around {s}", "circle {s}", "circle around {s}", "arc around {s}", "orbit {s}", "go around {s}", "an orbit shot of {s}",
                                "move around {s}", "revolve around {s}", "fly around {s}", "an arc shot around {s}", "rotate around {s}", "orbiting {s}"]), way, rng)  # fmt: skip
        return Pair(_around(stem, rng), Plan((Phase((Move(f"orbit_{way}"),)),)))
    c = clause(family, way, rng)
    request = sentence(c, rng)
    if rng.random() < 0.05:
        request += _negation(family, rng)
    return Pair(_around(request, rng), Plan((Phase((c.move,), tempo=c.tempo),)))


def static(rng) -> Pair:
    """Stillness said outright, meant, or implied by a scene without a camera."""
    kind = rng.random()
    if kind < 0.2:
        words = scenery(rng)
    elif kind < 0.25:
        words = _around(fill(_pick(rng, W.INTENT["static"]), "", rng), rng)
    else:
        words = _around(fill(_pick(rng, W.STATIC), "", rng), rng)
        if rng.random() < 0.2:
            words = _pick(rng, ["please ", "just ", "I want ", "shot: ", "camera: "]) + words
    return Pair(words, Plan((Phase(()),)))


def _two(rng, at_once: bool) -> tuple[Clause, Clause]:
    """Two clauses of different families; at once, only such as can be told apart and filmed together."""
    clash = [
        {"pan", "orbit"},
        {"truck", "orbit"},
        {"pan", "truck"},
        {"tilt", "pedestal"},
        {"tilt", "orbit"},
        {"dolly", "zoom"},
    ]
    while True:
        a, b = (_pick(rng, MOVES).rsplit("_", 1) for _ in range(2))
        same = a[0] == b[0] and (at_once or a[1] == b[1])
        if not same and not (at_once and {a[0], b[0]} in clash and rng.random() < 0.85):
            return clause(*a, rng), clause(*b, rng)


def at_once(rng) -> Pair:
    """Two moves together."""
    a, b = _two(rng, True)
    frame = _pick(rng, ["{ai} while {bg}", "{ai} and {bi} at the same time", "{at} while {bg}", "{ai} as you {bi}", "{ai} and {bi} simultaneously",
                        "{ag} and {bg} together", "{a} {an} with {b} {bn}", "{at} as it {bt}", "simultaneously {ai} and {bi}", "{ai} while also {bg}",
                        "combine {a} {an} with {b} {bn}", "{an} + {bn}", "{ai}, {bg} as you go", "while {ag}, {bi}", "at the same time {ai} and {bi}"])  # fmt: skip
    return Pair(_around(_join(frame, a, b, rng), rng), Plan((Phase((a.move, b.move), tempo=a.tempo),)))


def in_order(rng) -> Pair:
    """Two moves one after the other, sometimes with a pause between or a hold at an end."""
    a, b = _two(rng, False)
    if rng.random() < 0.25:
        frame = _pick(
            rng,
            [
                "{ai}, pause, then {bi}",
                "{ai}, hold for a moment, then {bi}",
                "{ai}, stop, and then {bi}",
                "{at}, pauses, then {bt}",
            ],
        )
        phases = (Phase((a.move,), tempo=a.tempo), Phase((), 0.4), Phase((b.move,), tempo=b.tempo))
    else:
        frame = _pick(rng, ["{ai}, then {bi}", "{ai} and then {bi}", "first {ai}, then {bi}", "{ai} before {bg}", "after {bg0}, {bi}", "{ai}, followed by {b} {bn}",
                            "{at}, then {bt}", "{at} before {bg}", "start by {ag}, then {bi}", "{a} {an} followed by {b} {bn}", "{ai} then {bi}",
                            "begin with {a} {an}, end with {b} {bn}", "first {a} {an}, finally {b} {bn}", "{ai}. Then {bi}", "{ai}, next {bi}", "{an}, then {bn}"])  # fmt: skip
        phases = (Phase((a.move,), tempo=a.tempo), Phase((b.move,), tempo=b.tempo))
    return Pair(_around(_join(frame, a, b, rng), rng), Plan(phases))


def _join(frame: str, a: Clause, b: Clause, rng) -> str:
    """Fill a two-clause frame: letters a and b, then i(mperative), g(erund), t(hird), n(oun), or the bare article."""
    camera = _pick(rng, ["the camera ", "camera ", "we see the camera as it "]) if frame.startswith("{at}") else ""
    article = {key: "an" if c.noun[0] in "aeiou" else "a" for key, c in (("a", a), ("b", b))}
    words = dict(
        ai=a.imperative,
        ag=a.gerund,
        at=a.third,
        an=a.noun,
        bi=b.imperative,
        bg=b.gerund,
        bt=b.third,
        bn=b.noun,
        bg0=a.gerund,
    )
    return camera + frame.format(**words, **article)


def special(rng) -> Pair:
    """Dolly zoom, whip pan, handheld, spiral."""
    kind = _pick(rng, ["vertigo", "whip", "handheld", "handheld", "spiral"])
    if kind == "vertigo":
        way = _pick(rng, ["in", "out"])
        other = {"in": "out", "out": "in"}[way]
        words = (
            _pick(
                rng,
                [
                    "dolly zoom",
                    "vertigo effect",
                    "a Hitchcock zoom",
                    "a vertigo shot on {s}",
                    "a dolly zoom on {s}",
                    "zolly",
                ],
            )
            if way == "in"
            else ""
        )
        words = words or f"dolly {way} while zooming {other}"
        return Pair(_around(fill(words, way, rng), rng), Plan((Phase((Move(f"dolly_zoom_{way}"),)),)))
    if kind == "whip":
        way = _pick(rng, ["left", "right"])
        words = fill(
            _pick(
                rng,
                [
                    "whip pan {d}",
                    "a whip pan {d}",
                    "swish pan {d}",
                    "snap pan {d}",
                    "the camera whips {d}",
                    "whip the camera {d}",
                ],
            ),
            way,
            rng,
        )
        return Pair(_around(words, rng), Plan((Phase((Move(f"pan_{way}", size=1.5),), tempo="whip"),)))
    if kind == "spiral":
        way, height = _pick(rng, ["left", "right"]), _pick(rng, ["up", "down"])
        words = _pick(
            rng,
            [
                "spiral {h} around {s} {d}",
                "a spiral {h} around {s} {d}",
                "corkscrew {h} around {s} {d}",
                "orbit {d} around {s} while rising",
            ],
        )
        words = (
            words.replace("{h}", height)
            if "rising" not in words or height == "up"
            else words.replace("rising", "descending")
        )
        return Pair(
            _around(fill(words, way, rng), rng), Plan((Phase((Move(f"orbit_{way}"), Move(f"pedestal_{height}"))),))
        )
    sway = _pick(
        rng, ["handheld", "handheld camera", "hand-held", "shaky handheld", "documentary style handheld", "shaky cam"]
    )
    degrees = 1.3 if "shaky" in sway else 0.7
    if rng.random() < 0.5:
        return Pair(
            _around(_pick(rng, ["{} shot", "{}", "{}, staying in place"]).format(sway), rng),
            Plan((Phase(()),), degrees),
        )
    pair = single(rng)
    return Pair(
        _pick(rng, [f"{sway}, {pair.prompt}", f"{pair.prompt}, {sway}"]), attrs.evolve(pair.plan, handheld=degrees)
    )


def typo(text: str, rng) -> str:
    """One slip of the fingers: a letter dropped, doubled or swapped with the next."""
    spots = [i for i in range(1, len(text) - 2) if text[i].isalpha() and text[i + 1].isalpha()]
    if not spots:
        return text
    i = _pick(rng, spots)
    return _pick(
        rng, [text[:i] + text[i + 1 :], text[:i] + text[i] + text[i:], text[:i] + text[i + 1] + text[i] + text[i + 2 :]]
    )


def sample_pair(rng: np.random.Generator) -> Pair:
    """Draw one prompt with its plan: about 60 % single moves, 12 % stillness, the rest combined, ordered, special."""
    kind = rng.random()
    pair = (
        single(rng)
        if kind < 0.62
        else static(rng)
        if kind < 0.75
        else at_once(rng)
        if kind < 0.85
        else in_order(rng)
        if kind < 0.95
        else special(rng)
    )
    text = re.sub(r"\s+([,.;:?])", r"\1", re.sub(r"\s+", " ", pair.prompt)).strip()
    if rng.random() < _TYPO_SHARE:
        text = typo(text, rng)
    style = rng.random()
    text = text[0].upper() + text[1:] if style < 0.6 else text.upper() if style < 0.61 else text
    return Pair(text + ("." if rng.random() < 0.35 else ""), pair.plan)

"""Shares of a distance and of a size in a prompt: "a third of the way", "as far again", "half its size"."""

import re

from dollygrip_backend.predictor.numbers import METRES, NUMBER, PERCENT, SHARE, Rule, always, number, share

_SIZE = r"(?:of )?(?:the|its|his|her|their) (?:[\w-]+ ){0,2}size"
_DISTANCE = r"(?:way|distance|gap|space|path|stretch|separation|ground|what (?:separates|lies between|is between))"
_OF_NOW = r"(?:present|current|today's)"
_NO_MORE = r"(?=[.,;]|$| (?:with|by|on|through|using|via)\b)"  # after a share that is not one of something named
_AS_FAR_AS_IT_IS = (  # now: where it shall be as far in the end, that says how much remains
    r"as (?:far|much)(?: to the)?(?: (?:left|right|up|down|back))? as (?:[^.,;]{1,40}?(?: is| are|'s) "
    r"(?:(?:away )?from (?:us|me|here|the camera|the lens)|away|off)\b"
    r"|(?:we|it|he|she|they)(?: are| is|'re|'s) (?:(?:away|far|distant) )?from\b)(?! now)"
)
_LEFT_OVER = (
    r"(?: (?:to|from|between) [^.,;]{1,30}?)?"
    r" (?:(?:is|are|be|still) (?:still )?(?:what remains|left|to go)|to go"
    r"|(?:(?:should|must|may|shall|will|to) )?(?:be left|remain\w*))\b"
)


def _share_as_ratio(m: re.Match) -> tuple[float, str]:
    return share(m["s"]), "ratio"


SHARES: list[Rule] = [
    (rf"(?:only|just) (?P<s>{SHARE})[ -]+{_DISTANCE} left\b(?! of)", lambda m: (1 - share(m["s"]), "share")),
    (rf"(?P<s>{SHARE})[ -]+{_DISTANCE}{_LEFT_OVER}", lambda m: (1 - share(m["s"]), "share")),
    (
        rf"(?:leav(?:e|ing)|all but) (?:only |just )?(?:the last )?(?P<s>{SHARE})[ -]+{_DISTANCE}\b",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?P<n>{NUMBER})\s*{PERCENT} of (?:the|our|its) {_DISTANCE}{_LEFT_OVER}",
        lambda m: (1 - number(m["n"]) / 100, "share"),
    ),
    (
        rf"at (?P<n>{NUMBER})\s*{PERCENT} of (?:the|our) (?:{_OF_NOW} {_DISTANCE}|{_DISTANCE} [^.,;]{{0,20}}\bnow)\b",
        lambda m: (abs(1 - number(m["n"]) / 100), "share"),
    ),
    (
        rf"at (?=[^.,;]{{0,30}}\b{_OF_NOW} )(?P<s>{SHARE})[ -]+(?:today's )?{_DISTANCE}\b",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?:distance|gap)\b[^.,;]{{0,40}}? (?:to|is|becomes?) (?P<s>{SHARE})(?:{_NO_MORE}| (?:what|now|today)\b)",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?:distance|gap)\b[^.,;\d]{{0,40}}? to (?P<n>{NUMBER})\s*{PERCENT}",
        lambda m: (abs(1 - number(m["n"]) / 100), "share"),
    ),
    (
        rf"\b(?:zoom|magnif|enlarg|blow|scal|grow)\w*[^.,;\d]{{0,25}}? to (?P<n>{NUMBER})\s*{PERCENT}",
        lambda m: (number(m["n"]) / 100, "ratio"),
    ),
    (rf"(?P<s>{SHARE}) (?:on)?to (?:the|our) (?:distance|gap)\b", lambda m: (share(m["s"]), "share")),
    (rf"(?:focal length|magnification)\b[^.,;]{{0,20}}? to (?P<s>{SHARE})\b", _share_as_ratio),
    (r"(?:focal length|magnification)\b[^.,;]{0,20}? (?:halved|in half)\b", always(0.5, "ratio")),
    (
        r"(?:fov|(?:field|angle) of view|view angle)\b[^.,;]{0,20}? halved\b"
        r"|hal(?:f|ve|ving) (?:the |its |our )?(?:fov|(?:field|angle) of view|view angle)\b",
        always(2.0, "ratio"),
    ),
    (rf"(?P<s>{SHARE})[ -]+{_DISTANCE} (?:away|off)\b", lambda m: (1 - share(m["s"]), "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:(?:more|off|extra) (?:of )?(?:the |our )?)?{_DISTANCE}\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (
        rf"by (?:(?P<n>{NUMBER}) times|twice) the {_DISTANCE}\b",
        lambda m: (number(m["n"]) if m["n"] else 2, "share"),
    ),
    (rf"by (?:the|all of the) (?:whole|full|entire) {_DISTANCE}\b", always(1.0, "share")),
    (rf"(?:(?P<s>{SHARE})[ -]+)?{_AS_FAR_AS_IT_IS}", lambda m: (share(m["s"]) if m["s"] else 1, "share")),
    (
        rf"(?:distance|gap)\b[^.,;\d]{{0,20}}? (?:becomes?|is|to|be) (?P<n>{NUMBER})(?: times)? (?:of|what|that) ",
        lambda m: (abs(1 - number(m["n"])), "share"),
    ),
    (rf"(?P<s>{SHARE})[ -]+as (?:far|distant)\b(?! again)", lambda m: (1 - share(m["s"]), "share")),
    (rf"(?P<s>{SHARE})[ -]+more (?:room|air)\b", lambda m: (share(m["s"]), "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:as \w+ (?:distance )?again|again as (?:far|big|large|tall|wide))\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (r"as (?:far|much distance) again\b", always(1.0, "share")),
    (
        r"(?:distance|gap|space|stretch|separation)\b[^.,;]{0,50}? in (?:half|two)\b|half of the ground\b|mid-?point\b",
        always(0.5, "share"),
    ),
    (r"halv(?:e|es|ing) (?:the |its )?(?:magnification|focal length|zoom)\b", always(0.5, "ratio")),
    (
        r"half (?:(?:as|so) (?:big|large|tall|wide|high)|size"
        r"|(?:its|the) (?:\w+ )?(?:size|magnification|focal length))\b",
        always(2.0, "ratio"),
    ),
    (
        rf"(?:half an?|(?<!and )(?<!and a )(?P<s>{SHARE}))[ -]+(?P<u>met(?:er|re)|foot|yard|inch)\b",
        lambda m: (share(m["s"] or "half") * METRES[m["u"][0].lower()], "metres"),
    ),
    (rf"(?P<n>{NUMBER})\s*{PERCENT} {_SIZE}", lambda m: (number(m["n"]) / 100, "ratio")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:as (?:big|large|tall|wide|high)|{_SIZE}|magnification|size|focal length)\b",
        _share_as_ratio,
    ),
    (r"half[ -]?ways?\b|half as close|mid[ -]?way\b", always(0.5, "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:closer|nearer|further|farther|larger|bigger|taller|wider)\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (rf"(?P<s>{SHARE})[ -]+smaller\b", lambda m: (1 - share(m["s"]), "ratio")),
    (
        rf"\b(?:shr[iau]nk\w*|reduc\w*|scal\w*|zoom\w* (?:out|back))[^.,;\d]{{0,25}}? to (?P<s>{SHARE})"
        rf"(?:{_NO_MORE}| (?:height|width)\b)",
        _share_as_ratio,
    ),
    (
        rf"\b(?:crop|narrow|tighten|zoom)\w*[^.,;\d]{{0,25}}? to (?P<s>{SHARE})[ -]+(?:frame|width|field|view)\b",
        _share_as_ratio,
    ),
    (r"(?:twice|two times) (?:as )?(?:close|near)\w*", always(2.0, "ratio")),
    (r"(?:twice|two times) (?:as )?(?:far|distant)\b", always(1.0, "share")),
    (r"halv(?:ed?|ing)\b|(?:zoom|lens|optics?|that|it) halves\b", always(2.0, "ratio")),
]

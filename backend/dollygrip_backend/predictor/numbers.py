"""Numbers, fractions and units of length as people write them, in figures or in words, with their slips of the pen."""

import re
from collections.abc import Callable

# A pattern, and what its match means: a value and its unit. Groups are the numbers in it.
Rule = tuple[str, Callable[[re.Match], tuple[float, str]]]


def _misspelt(word: str) -> set[str]:
    """The word with one letter left out or doubled, or two neighbours exchanged; the first letter is never wrong."""
    inner = range(1, len(word))
    left_out, doubled = ({word[:i] + word[i + 1 :] for i in inner}, {word[:i] + word[i - 1 :] for i in inner})
    exchanged = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in inner if i + 1 < len(word)}
    return left_out | doubled | exchanged


_ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_MANY = {"dozen": 12, "hundred": 100}
_MOST = 1e6  # of anything: no shot has more, and no arithmetic runs over
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_TENS |= {slip: value for word, value in _TENS.items() for slip in _misspelt(word) - {"fort", "eight"}}
_PARTS = {
    "half": 1 / 2, "quarter": 1 / 4, "fourth": 1 / 4, "third": 1 / 3, "eighth": 1 / 8, "sixth": 1 / 6, "fifth": 1 / 5,
    "tenth": 1 / 10, "twelfth": 1 / 12, "seventh": 1 / 7, "ninth": 1 / 9, "twentieth": 1 / 20, "sixteenth": 1 / 16,
    "½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3,
    "quarters": 1 / 4, "thirds": 1 / 3, "eighths": 1 / 8, "fifths": 1 / 5, "sixths": 1 / 6,
}  # fmt: skip
_PARTS |= dict.fromkeys(_misspelt("quarter"), 1 / 4)

TENS = "|".join(sorted(_TENS, key=len, reverse=True))
_WORD = "|".join([*sorted({**_TENS, **_ONES}, key=len, reverse=True), *_MANY])
_DIGIT = "|".join(word for word, value in _ONES.items() if value < 10)
_NO_PART = r"(?!t?hs?\b)"  # "nine tenths" has no ten
WORDS = rf"(?:(?:an?[ -])?(?:{_WORD}){_NO_PART}(?:(?:(?<=hundred)[ -]+and)?[ -]+(?:{_WORD}){_NO_PART})*)"
_THOUSANDS = r"[1-9]\d{0,2}(?:,\d{3})+(?![\d,])(?:\.\d+)?"
_FRACTION = r"\d{1,2}/\d{1,2}(?![/\d])"
MIXED = rf"\d{{1,3}}(?: and |[ -]){_FRACTION}|\d{{1,3}} ?[½¼¾⅓⅔]"
DIGITS = rf"{MIXED}|{_FRACTION}|{_THOUSANDS}|\d+(?:[.,]\d+)?|\.\d+"  # a comma is a point, too: "1,8 times"
AND_PARTS = {
    " and a half": 1 / 2,
    " and half": 1 / 2,
    " and a quarter": 1 / 4,
    " and a third": 1 / 3,
    " and three quarters": 3 / 4,
}
_COUNTED = r"(?= (?:times|turns?|circles?|rotations?|revolutions?|orbits?|loops?|laps?|met(?:er|re)s?|feet|yards)\b)"
_AND_PART = rf"(?: and a half|(?:{'|'.join(AND_PARTS)}){_COUNTED})"
NUMBER = rf"(?:{DIGITS}|{WORDS})(?: point (?:{_DIGIT}))?{_AND_PART}?"
PART = rf"(?:{'|'.join(_PARTS)})"
_WHOLE = (
    r"(?:[ -]+of)?(?:[ -]+(?:an?|the|its|one|his|her|our|their|that|my))?(?:[ -]+(?:remaining|present|current|whole))?"
)
SHARE = rf"(?:(?:(?:{NUMBER})[ -]+|an?[ -])?{PART}s?{_WHOLE}|\d{{1,2}}/\d{{1,2}}(?:ths|rds)?{_WHOLE}|0?[.,]\d+{_WHOLE})"

LENGTH = (
    r"met(?:er|re)s?|centimet(?:er|re|ro)s?|kilomet(?:er|re)s?|cms?|km|m|f(?:ee|oo)t|ft|'|′|inch(?:es)?|yards?|yds?"
)

METRES = {"c": 0.01, "k": 1000.0, "m": 1.0, "f": 0.3048, "'": 0.3048, "′": 0.3048, "i": 0.0254,
           "y": 0.9144, '"': 0.0254, "″": 0.0254}  # fmt: skip
PERCENT = r"(?:%|(?:percent|per cent|pct)\b)"


def always(value: float, unit: str) -> Callable[[re.Match], tuple[float, str]]:
    """The meaning of a pattern that holds no number."""
    return lambda m: (value, unit)


def number(text: str) -> float:
    """The value of digits ("1,200", "2.5", "2,5", "3/4", "1 1/2") or words ("a hundred and eighty", "one point two"),
    1e6 at most."""
    text, _, decimal = text.strip().lower().partition(" point ")
    if decimal:
        return number(text) + number(decimal) / 10
    if re.fullmatch(MIXED, text):
        whole, rest = re.fullmatch(r"(\d+)(?: and |[ -])?(.+)", text).groups()
        return float(whole) + (_PARTS[rest] if rest in _PARTS else number(rest))
    part = next((part for words, part in AND_PARTS.items() if text.endswith(words)), 0.0)
    text = text.partition(" and ")[0] if part else text
    if re.fullmatch(DIGITS, text):
        text = text.replace(",", "" if re.fullmatch(_THOUSANDS, text) else ".")
        top, _, bottom = text.partition("/")
        return min(float(top) / (float(bottom or 1) or 1) + part, _MOST)
    total = 0
    for word in re.findall(r"[a-z]+", text):
        if word in _MANY:
            total = max(1, total) * _MANY[word]
        else:
            total += _ONES.get(word, 0) + _TENS.get(word, 0)
    return min(total + part, _MOST)


def share(text: str) -> float:
    """ "three quarters of a" -> 0.75, "half" -> 0.5, "1/4 of an" -> 0.25."""
    text = text.lower()
    part = re.search(PART, text)
    if not part:
        return number(re.match(DIGITS, text.strip())[0])
    count = re.match(NUMBER, text.strip())
    count = count[0] if count and count.end() <= part.start() else ""
    return (number(count) if re.search(r"\d|[b-z]", count) else 1) * _PARTS[part[0]]

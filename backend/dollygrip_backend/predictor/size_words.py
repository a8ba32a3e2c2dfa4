"""Words for how far in a prompt that are no numbers: "slightly", "a touch", "a long way".

Their unit is "size": a factor on what is usual. Whether one speaks of a move at all ("a little girl") is for the
network to say.
"""

from dollygrip_backend.predictor.numbers import Rule, always

_VERY = r"(?:just |only |ever so |very |the |but )*"
_BITS = (
    r"(?:bit|touch|tad|trifle|fraction|shade|hint|pinch|nudge|notch|little|inch|smidg\w*|tick|trace|finger|suspicion"
    r"|scrap|whit|step|couple of degrees|few degrees)"
)
_HAIRS = r"(?:hair\b(?:'s breadth)?|whisker|sliver|breath)"
_SMALL = r"(?:little|small|slight|subtle|short|gentle)"
_TINY = r"(?:tiny|teeny|wee|weeny|minute|faint|minuscule|minimal|micro)"
_LARGE = r"(?:big|huge|great|enormous|massive|dramatic|giant|vast|heavy|strong|wide|extreme|mega|biggest|longest)"

SIZE_WORDS: list[Rule] = [
    (rf"{_VERY}an? {_TINY}(?:[ -]{_TINY})? ?{_BITS}\b|{_VERY}an? {_HAIRS}\b", always(0.3, "size")),
    (rf"(?:very|ever so|just) (?:slightly|subtly|a little|a bit|{_SMALL})\b", always(0.3, "size")),
    (r"(?:almost |nearly )?(?:imperceptibl[ey]|unnoticeabl[ey])|(?:barely|hardly|scarcely)\b", always(0.3, "size")),
    (rf"(?:the )?(?:tiniest|slightest|faintest|smallest)\b|{_TINY}\b", always(0.3, "size")),
    (r"(?:quite )?a (?:good|fair) (?:bit|amount|way|deal)\b", always(1.3, "size")),
    (rf"{_VERY}an? (?:{_SMALL} )?{_BITS}\b|{_VERY}(?:slightly|subtly)\b|{_SMALL}\b", always(0.4, "size")),
    (
        r"(?:lil|mild|mere|merest)\b|bit (?=(?:low|high|wid|clos|near|more)\w*)|inch (?=\w+(?:er|ward)\b)",
        always(0.4, "size"),
    ),
    (r"(?:somewhat|modest(?:ly)?|moderate(?:ly)?)\b", always(0.7, "size")),
    (r"an? (?:whole )?lot\b|a great (?:deal|distance)\b|lots\b", always(1.6, "size")),
    (
        r"an? (?:(?:very|really|good|long|great) )*long(?: long)? (?:way|distance)\b|(?:very )?far\b",
        always(1.6, "size"),
    ),
    (
        r"(?:dramatically|significantly|considerably|massively|hugely|enormously|generously|substantially)\b",
        always(1.6, "size"),
    ),
    (r"all the way\b|miles\b|like crazy\b|loo+ng\b|very high\b|high, high\b", always(1.6, "size")),
    (r"wa+y (?=wa+y|up|down|back|out|in|left|right|over|off|high|low|close)|long\b", always(1.6, "size")),
    (rf"(?<!as )(?<!more )(?<!times )(?<!how ){_LARGE}\b", always(1.6, "size")),
]

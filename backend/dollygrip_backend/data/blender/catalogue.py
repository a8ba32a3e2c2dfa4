"""The things that people name, of which scenes are full. Each is 1 high and stands on z = 0.

The first parts (parts.py) have the thing's own colour; between them stands the material of those that follow: None for
any plain one, or what `made_of` knows.
"""

from creatures import CREATURES
from furnishings import FURNISHINGS
from landmarks import LANDMARKS
from materials import Materials
from ordinary import ORDINARY
from vehicles import VEHICLES

COLOURS = {
    "dark": (0.02, 0.02, 0.02),
    "steel": (0.35, 0.35, 0.36),
    "pale": (0.8, 0.8, 0.76),
    "red": (0.6, 0.02, 0.02),
    "amber": (0.8, 0.35, 0.02),
    "green": (0.05, 0.4, 0.08),
    "straw": (0.6, 0.42, 0.12),
    "sky": (0.2, 0.4, 0.7),
}


def made_of(m: Materials, what: str | None):
    """The material of the parts after `what`."""
    if what in COLOURS:
        return m.named("plain", colour=(*COLOURS[what], 1.0))
    if what == "mirror":
        return m.named("plain", gloss=0.8)
    return m.named(what or "plain", hue=0.1 if what == "glow" else None, size=0.3)


CATALOGUE = ORDINARY | CREATURES | VEHICLES | FURNISHINGS | LANDMARKS
# Natural heights in metres of the ordinary ones.
HEIGHTS = {
    **dict.fromkeys(("cup", "ball", "box", "candle", "mushroom", "figurine"), (0.08, 0.3)),
    **dict.fromkeys(("bottle", "vase"), (0.18, 0.5)),
    **dict.fromkeys(("book", "ring"), (0.03, 0.06)),
    **dict.fromkeys(("bucket", "crate", "cone", "stool", "suitcase"), (0.35, 0.8)),
    **dict.fromkeys(("barrel", "armchair", "hydrant", "mailbox", "bench"), (0.8, 1.2)),
    **dict.fromkeys(("sign", "umbrella", "balloon", "door", "tent"), (1.6, 2.3)),
    **dict.fromkeys(("boat", "shed"), (2.2, 4.0)),
    "tower": (9.0, 25.0),
}
# Those of all others.
MORE_HEIGHTS = {
    **dict.fromkeys(("apple", "pear", "bowl", "bread", "teapot", "cake", "telephone"), (0.07, 0.25)),
    **dict.fromkeys(("goblet", "pot", "crown", "skull", "shoe", "hat", "laptop", "basket"), (0.1, 0.4)),
    **dict.fromkeys(("bird", "fish", "cat", "teddy", "pumpkin", "globe", "lantern", "clock"), (0.15, 0.6)),
    **dict.fromkeys(("flower", "cactus", "robot", "campfire", "log", "drum", "television"), (0.25, 1.0)),
    **dict.fromkeys(("sheep", "bin", "wheelbarrow", "wheel", "sword", "gravestone", "guitar"), (0.5, 1.1)),
    **dict.fromkeys(("bicycle", "motorcycle", "bed", "stove", "bathtub", "cabinet", "piano"), (0.8, 1.3)),
    **dict.fromkeys(("fireplace", "mirror", "fence", "cannon", "cart", "cow", "snowman"), (0.9, 1.8)),
    **dict.fromkeys(("horse", "fridge", "statue", "scarecrow", "gate", "well", "swing", "ladder"), (1.5, 2.6)),
    **dict.fromkeys(("elephant", "haystack", "fountain", "truck", "bus", "train", "stoplight"), (2.2, 4.0)),
    **dict.fromkeys(("plane", "bridge", "arch", "flag", "streetlight", "palm", "rocket"), (3.0, 8.0)),
    **dict.fromkeys(("windmill", "lighthouse", "church", "castle", "pyramid"), (8.0, 25.0)),
}
# What half of them look like by nature: kind of material, hue, saturation and value in sRGB.
NATURAL = {
    **dict.fromkeys(("pumpkin", "fish"), ("plain", 0.07, 0.85, 0.85)),
    **dict.fromkeys(("haystack", "crown", "basket", "scarecrow"), ("noise", 0.12, 0.65, 0.75)),
    **dict.fromkeys(("bread", "teddy", "horse", "guitar", "piano", "cart", "log"), ("noise", 0.07, 0.55, 0.5)),
    **dict.fromkeys(("bed", "ladder", "fence", "bridge", "swing", "wheel", "cabinet"), ("wood", 0.07, 0.5, 0.5)),
    **dict.fromkeys(("sheep", "snowman", "bathtub", "fridge", "skull", "bowl", "teapot"), ("plain", 0.1, 0.06, 0.88)),
    **dict.fromkeys(("elephant", "statue", "fountain", "gravestone", "arch"), ("noise", 0.1, 0.06, 0.55)),
    **dict.fromkeys(("castle", "church", "well", "pyramid", "fireplace"), ("brick", 0.09, 0.25, 0.6)),
    **dict.fromkeys(("cactus", "palm", "pear"), ("noise", 0.28, 0.6, 0.5)),
    **dict.fromkeys(("cannon", "television", "laptop", "stove", "telephone"), ("plain", 0.1, 0.05, 0.12)),
    **dict.fromkeys(("sword", "robot", "plane", "pot", "streetlight", "stoplight"), ("plain", 0.6, 0.08, 0.6)),
    **dict.fromkeys(("apple", "lighthouse", "rocket"), ("plain", 0.0, 0.85, 0.75)),
    **dict.fromkeys(("cat", "cow", "bird"), ("cells", 0.08, 0.3, 0.55)),
}
# What faces the camera where it is strewn.
FRONTED = (
    "door",
    "sign",
    "clock",
    "mirror",
    "television",
    "laptop",
    "stove",
    "fridge",
    "fireplace",
    "flower",
    "sword",
    "fence",
    "gate",
)

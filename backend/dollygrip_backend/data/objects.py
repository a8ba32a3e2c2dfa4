"""The named objects that a view shows: what a person would call them, and where they are."""

from collections import Counter

import attrs
import numpy as np

from dollygrip_backend.predictor.colours import lab

# Other words that people say for what the scenes name, or for what looks like it in a picture (a cat is no dog, but
# more like one than like anything else here). None of them is a name itself or stands for two.
OTHER_WORDS: dict[str, tuple[str, ...]] = {
    "apple": ("peach",),
    "arch": ("archway",),
    "armchair": ("easy chair", "recliner"),
    "ball": ("sphere",),
    "barrel": ("cask", "keg"),
    "basket": ("wicker basket",),
    "bathtub": ("tub", "bath"),
    "bed": ("bunk", "mattress"),
    "bicycle": ("bike",),
    "bin": ("trash can", "dustbin", "garbage can"),
    "bird": ("duck", "parrot", "pigeon", "crow", "hen", "chicken", "seagull", "penguin", "owl"),
    "boat": ("ship", "vessel", "rowboat", "sailboat", "canoe"),
    "book": ("novel", "notebook"),
    "bookshelf": ("bookcase", "shelves", "shelf"),
    "bottle": ("flask", "jar", "canister"),
    "bowl": ("dish",),
    "box": ("package", "parcel", "carton", "gift"),
    "bread": ("loaf",),
    "bridge": ("footbridge",),
    "bucket": ("pail",),
    "bus": ("coach",),
    "bush": ("shrub", "hedge"),
    "cabinet": ("cupboard", "dresser", "wardrobe", "chest of drawers", "sideboard"),
    "cactus": ("cacti",),
    "cake": ("birthday cake", "tart"),
    "campfire": ("fire", "bonfire", "flames"),
    "cannon": ("artillery gun",),
    "canopy": ("awning", "carport"),
    "car": ("automobile", "auto", "van", "taxi"),
    "cart": ("wagon", "carriage"),
    "castle": ("fortress", "palace"),
    "cat": ("kitten", "tomcat", "kitty"),
    "chair": ("seat",),
    "church": ("chapel", "temple"),
    "clock": ("wall clock", "watch"),
    "column": ("pillar", "post"),
    "cone": ("traffic cone",),
    "cow": ("bull", "ox", "calf"),
    "crate": ("chest", "trunk"),
    "crown": ("tiara",),
    "cup": ("mug", "teacup", "glass", "coffee"),
    "dog": (
        "puppy", "hound", "doggy", "pup", "fox", "wolf", "lion", "cheetah",
    ),
    "door": ("doorway", "entrance"),
    "drum": ("snare",),
    "elephant": ("mammoth",),
    "fence": ("picket fence", "railing"),
    "figurine": ("statuette", "bust", "doll", "toy"),
    "fireplace": ("hearth",),
    "fish": ("goldfish",),
    "flag": ("banner",),
    "flower": ("rose", "daisy", "sunflower", "blossom", "tulip", "flowers"),
    "fountain": ("water fountain",),
    "fridge": ("refrigerator",),
    "gate": ("iron gate",),
    "globe": ("world globe",),
    "goblet": ("wine glass", "chalice"),
    "gravestone": ("tombstone", "headstone"),
    "guitar": ("violin", "cello"),
    "hat": ("top hat", "cap"),
    "haystack": ("hay", "straw"),
    "horse": ("pony", "stallion", "donkey", "deer"),
    "house": ("cottage", "home", "hut", "cabin"),
    "hydrant": ("fire hydrant",),
    "island": ("headland",),
    "ladder": ("stepladder",),
    "lamp": ("floor lamp",),
    "lantern": ("oil lamp",),
    "laptop": ("computer",),
    "lighthouse": ("beacon",),
    "log": ("tree trunk", "timber"),
    "mailbox": ("letter box", "post box"),
    "mirror": ("looking glass",),
    "motorcycle": ("motorbike", "scooter", "moped"),
    "mushroom": ("toadstool",),
    "palm": ("palm tree",),
    "pear": ("quince",),
    "person": (
        "woman", "man", "girl", "boy", "lady", "guy", "kid", "child", "figure", "character", "human", "fellow",
        "stranger", "dancer", "actor", "hero", "heroine", "soldier", "singer", "player", "worker", "knight", "bride",
        "astronaut", "photographer", "model", "her", "him", "she", "he",
    ),
    "piano": ("upright piano",),
    "picture": ("painting", "artwork", "print", "poster", "portrait", "photo"),
    "plane": ("airplane", "aircraft", "jet"),
    "plant": ("fern", "potted plant"),
    "pot": ("saucepan", "cauldron"),
    "pumpkin": ("gourd",),
    "pyramid": ("ancient pyramid",),
    "ring": ("hoop",),
    "robot": ("droid", "android"),
    "rocket": ("spaceship", "missile"),
    "rug": ("carpet", "mat"),
    "scarecrow": ("straw man",),
    "shed": ("barn", "shack"),
    "sheep": ("lamb", "goat"),
    "shoe": ("boot", "sneaker"),
    "sign": ("signpost", "placard", "billboard"),
    "skull": ("cranium",),
    "snowman": ("snow figure",),
    "sofa": ("couch", "settee"),
    "staircase": ("stairs", "steps", "stairway"),
    "statue": ("sculpture", "monument"),
    "stone": ("rock", "boulder"),
    "stoplight": ("traffic light", "traffic lights"),
    "stove": ("oven", "cooker"),
    "streetlight": ("street lamp", "lamp post", "lamppost"),
    "suitcase": ("luggage", "bag", "backpack"),
    "swing": ("swing set",),
    "sword": ("blade", "dagger"),
    "table": ("desk", "counter"),
    "teapot": ("kettle",),
    "teddy": ("teddy bear", "bear", "stuffed animal"),
    "telephone": ("phone",),
    "television": ("tv", "screen", "monitor"),
    "tent": ("marquee",),
    "tower": ("skyscraper", "pagoda"),
    "train": ("locomotive", "steam engine"),
    "tree": ("fir", "pine", "fir tree", "oak"),
    "truck": ("lorry",),
    "umbrella": ("parasol",),
    "vase": ("urn", "jug"),
    "well": ("wishing well",),
    "wheel": ("wagon wheel",),
    "wheelbarrow": ("barrow",),
    "windmill": ("mill",),
    "window": ("window frame", "panes"),
}  # fmt: skip
# Words for things of several kinds.
_BEASTS = ("dog", "cat", "horse", "cow", "sheep", "elephant", "bird", "fish")
GENERAL_WORDS: dict[str, tuple[str, ...]] = {
    "animal": _BEASTS,
    "creature": _BEASTS,
    "building": ("house", "shed", "church", "castle", "tower", "lighthouse", "windmill"),
    "fruit": ("apple", "pear", "pumpkin"),
    "light": ("lamp", "streetlight", "lantern"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle", "boat", "plane", "cart"),
}
PRONOUNS = ("her", "him", "she", "he")
SMALLEST = 0.0015  # share of the picture below which nobody would name a thing
_UNIFORM = 0.65  # share of an object's pixels that must have its colour
_TINT = 12.0  # chroma in CIE Lab from which nobody calls a thing white, grey or black, whatever it is made of
# Hue in degrees, from and below, of the words that it decides; what lies between two words has none.
_HUES = {
    "red": (-14, 13),
    "orange": (19, 38),
    "yellow": (45, 66),
    "green": (85, 160),
    "blue": (192, 250),
    "purple": (258, 298),
    "pink": (312, 346),
}


@attrs.frozen
class SceneObject:
    """An object in one view.

    view: index of the view; name: such as "crate"; colour: a colour word, "" where it has no single one; x, y: a pixel
    in the middle of its visible part, 0..1 from the left and the top; depth: metres along +Z there; share: of the
    picture's pixels.
    """

    view: int
    name: str
    colour: str
    x: float
    y: float
    depth: float
    share: float

    @property
    def phrase(self) -> str:
        """ "red crate", or "crate" where it has no one colour."""
        return f"{self.colour} {self.name}".strip()


def other_words(phrase: str) -> tuple[str, ...]:
    """What else people call a thing: "red sofa" -> ("red couch", "red settee"). Pronouns have no colour."""
    colour, _, name = phrase.rpartition(" ")
    others = OTHER_WORDS.get(name, ())
    return tuple(f"{colour} {other}" for other in others if other not in PRONOUNS) if colour else others


def spoken(phrase: str) -> str:
    """The phrase as it stands in a sentence: "the red couch", "her", "his face"."""
    return phrase if phrase.split()[0] in (*PRONOUNS, "his") else f"the {phrase}"


def unambiguous(objects: list[SceneObject]) -> list[tuple[str, SceneObject]]:
    """(words, object): the phrases, and the names alone, that fit exactly one of the objects of a view."""
    return alone([(words, o) for o in objects for words in dict.fromkeys((o.phrase, o.name))])


def alone(said: list[tuple[str, SceneObject]]) -> list[tuple[str, SceneObject]]:
    """Those of (words, object) whose words are said once."""
    count = Counter(words for words, _ in said)
    return [(words, o) for words, o in said if count[words] == 1]


def general_words(objects: list[SceneObject]) -> list[tuple[str, SceneObject]]:
    """(words, object): the general words, with a colour or without, for each of the objects that they fit."""
    fitting = [(word, o) for word, names in GENERAL_WORDS.items() for o in objects if o.name in names]
    coloured = [(f"{o.colour} {word}", o) for word, o in fitting if o.colour]
    return fitting + coloured


def find_objects(
    view: int, index: np.ndarray, names: np.ndarray, albedo: np.ndarray, rgb: np.ndarray, depth: np.ndarray
) -> list[SceneObject]:
    """The objects of a view, largest first.

    index (H, W): names[index] is what each pixel shows, 0 for nothing named; albedo (H, W, 3) linear; rgb uint8
    (H, W, 3), the picture; depth (H, W). A colour counts where both the material and the picture of it show it.
    """
    found = []
    height, width = index.shape
    base = colour_words(_encoded(albedo))
    for i in np.unique(index[index > 0]):
        rows, columns = np.nonzero(index == i)
        if len(rows) < SMALLEST * index.size:
            continue
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        row, column = rows[middle], columns[middle]
        colour = _common(base[rows, columns])
        if not _looks(colour, rgb[rows, columns] / 255):
            colour = ""
        x, y = (column + 0.5) / width, (row + 0.5) / height
        share = len(rows) / index.size
        found.append(SceneObject(view, str(names[i]), colour, x, y, float(depth[row, column]), share))
    return sorted(found, key=lambda o: -o.share)


def colour_words(srgb: np.ndarray) -> np.ndarray:
    """(..., 3) in 0..1 -> the colour word of each pixel, "" where people would not agree on one."""
    high, low = srgb.max(-1), srgb.min(-1)
    chroma = high - low
    r, g, b = np.moveaxis(srgb, -1, 0)
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(high == r, (g - b) / safe % 6, np.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4)) * 60
    saturation = chroma / np.maximum(high, 1e-6)
    vivid = (saturation > 0.35) & (high > 0.25)
    words = np.full(high.shape, "", "<U6")
    for word, (start, end) in _HUES.items():
        words[vivid & ((hue - start) % 360 < end - start)] = word
    words[(words == "red") & (saturation < 0.5)] = "pink"
    warm = (hue > 14) & (hue < 45)
    words[warm & (high < 0.72) & (saturation > 0.3)] = ""
    words[warm & (high < 0.55) & (saturation > 0.35) & (high > 0.18)] = "brown"
    words[(saturation > 0.2) & (saturation < 0.6) & (hue > 300) & (high > 0.8)] = "pink"
    grey = saturation < 0.13
    words[grey & (high > 0.85)] = "white"
    words[grey & (high > 0.35) & (high < 0.75)] = "grey"
    words[(high < 0.18) & (chroma < 0.08)] = "black"
    return words


def _looks(colour: str, srgb: np.ndarray) -> bool:
    """Whether an object's pixels in the picture (N, 3), 0..1, allow the colour of its material, shaded as it may be."""
    seen = colour_words(srgb)
    shades = {"white": ("white", "grey", ""), "grey": ("white", "grey", "black", ""), "black": ("black", "grey", "")}
    if colour in shades:
        _, a, b = lab(srgb.mean(0, keepdims=True))[0]
        return np.isin(seen, shades[colour]).mean() > _UNIFORM and np.hypot(a, b) < _TINT
    return (seen == colour).mean() > _UNIFORM / 2


def _common(words: np.ndarray) -> str:
    """The word of most of the pixels, else ""."""
    word, count = Counter(words.tolist()).most_common(1)[0]
    return word if count >= _UNIFORM * len(words) else ""


def _encoded(linear: np.ndarray) -> np.ndarray:
    return np.clip(linear.astype(np.float32), 0, 1) ** (1 / 2.2)

"""The words of the grammar: how crew, directors and laymen name camera moves.

A verb entry is "verb|rest": the verb is inflected, a star after it means that it also takes "the camera" as its
object. Placeholders: {d} a direction as an adverbial ("to the left"), {n} the bare direction word, {o} the opposite
word, {s} a subject of the scene, {p} a place, {x} a part of the picture that lies in the direction of the move.
"""

SIDES = {
    "left": ["left", "left", "to the left", "to the left", "leftward", "leftwards", "toward the left", "to our left",
             "towards the left side", "to the left side", "over to the left", "off to the left", "left-ward"],
    "right": ["right", "right", "to the right", "to the right", "rightward", "rightwards", "toward the right",
              "to our right", "towards the right side", "to the right side", "over to the right", "off to the right",
              "right-ward"],
    "up": ["up", "up", "upward", "upwards", "up high"],
    "down": ["down", "down", "downward", "downwards", "down low"],
    "clockwise": ["clockwise", "clockwise", "in a clockwise direction", "to the right", "clock-wise", "CW"],
    "counterclockwise": ["counterclockwise", "counter-clockwise", "anticlockwise", "anti-clockwise", "to the left",
                         "counter clockwise", "in a counterclockwise direction", "CCW"],
}  # fmt: skip
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up", "clockwise": "counterclockwise",
            "counterclockwise": "clockwise"}  # fmt: skip
ABOVE = ["the sky", "the ceiling", "the treetops", "the clouds", "the top of {s}", "the stars", "the roof", "the moon",
         "the rafters", "the upper floors", "the peak", "the chandelier"]  # fmt: skip
BELOW = ["the ground", "the floor", "the feet of {s}", "the street below", "the pavement", "the base of {s}", "the water",
         "the grass", "the carpet", "the shoes", "the bottom of {s}"]  # fmt: skip

PAN_VERBS = ["pan*|{d}", "pan*|{d}", "pan*|{d}", "pan*|{d}", "turn*|{d}", "turn*|{d}", "swivel*|{d}", "rotate*|{d}",
    "look|{d}", "look|{d}", "look|over to the {n}", "swing*|{d}", "swing*|round to the {n}", "yaw*|{d}", "pivot*|{d}",
    "sweep|{d} across {p}", "sweep|across {p} from {o} to {n}", "scan|{p} from {o} to {n}", "pan*|from {o} to {n}",
    "pan*|across {p} to the {n}", "pan|across from {o} to {n}", "turn|its head {d}", "glance|{d}", "gaze|{d}",
    "aim*|further {n}", "point*|more to the {n}", "point*|{d}", "turn|to look {n}", "turn|to face {n}",
    "rotate*|horizontally {d}", "swivel|on the tripod {d}", "pan|{n} across {p}", "look|to see what is on the {n}",
    "turn|around to the {n}", "pan*|horizontally {d}", "rotate|in place {d}", "spin*|{d}", "direct*|{d}",
    "pan|over to {s} on the {n}", "swing|the lens {d}", "turn|the view {d}", "angle*|{d}", "rotate|the view {d}",
    "sweep*|{d}", "turn|the lens {d}", "twist*|{d}", "face|{d}", "look|around to the {n}", "rotate|on its axis {d}",
    "pan|{n} to reveal {s}", "reveal|what is to the {n} of frame by turning", "survey|{p} from {o} to {n}"]  # fmt: skip
PAN_NOUNS = ["pan {d}", "pan {d}", "{n} pan", "pan shot {d}", "panning shot {d}", "horizontal pan {d}", "{n}ward pan",
    "pan from {o} to {n}", "camera pan {d}", "panoramic sweep {d}", "turn {d}", "pan across {p} to the {n}", "yaw {d}",
    "sweep from {o} to {n}", "rotation {d}", "look {d}", "swivel {d}", "pan-{n}", "swish {d}"]  # fmt: skip

TRUCK_VERBS = ["truck*|{d}", "truck*|{d}", "truck*|{d}", "track*|{d}", "slide*|{d}", "slide*|{d}", "move*|{d}", "move*|{d}",
    "move*|{d}", "shift*|{d}", "glide|{d}", "travel|{d}", "drift|{d}", "crab*|{d}", "strafe|{d}", "step|{d}", "go|{d}",
    "sidestep|{d}", "scoot|{d}", "float|{d}", "dolly*|{d}", "move*|sideways {d}", "slide*|sideways {d}",
    "move*|laterally {d}", "track*|laterally {d}", "track|sideways {d}", "push*|{d}", "roll|{d} on the slider",
    "slide*|along the slider {d}", "glide|sideways {d}", "travel|sideways {d}", "go|sideways {d}", "dolly|sideways {d}",
    "walk|{d}", "walk|sideways {d}", "move|parallel to {s}, {d}", "slide|past {s} {d}", "track|past {s} {d}",
    "move|from {o} to {n}", "slide*|from {o} to {n}", "truck|from {o} to {n}", "track|along {p} {d}", "carry*|{d}",
    "travel|along {p} {d}", "glide|past {s} {d}", "shift|the camera position {d}", "take|a step {d}", "fly|{d}",
    "take|a few steps to the {n}", "ride|the rail {d}", "move|the whole camera {d}", "move|across {p} {d}",
    "drive|past {s} {d}", "shuffle|{d}", "ease|sideways {d}", "cruise|{d}", "slip|sideways {d}",
    "track*|{d} alongside {s}", "follow|{s} moving {d}", "keep|pace with {s} going {d}", "lateral|slide {d}"]  # fmt: skip
TRUCK_NOUNS = ["truck {d}", "{n} truck", "truck shot {d}", "trucking shot {d}", "tracking shot {d}", "lateral move {d}",
    "slide {d}", "slider shot {d}", "sideways move {d}", "lateral tracking shot {d}", "side dolly {d}", "crab {d}",
    "sideways dolly {d}", "lateral slide {d}", "glide {d}", "sideways tracking shot from {o} to {n}", "parallel move {d}",
    "tracking move {d}", "lateral dolly {d}", "slide from {o} to {n}", "move {d}", "strafe {d}"]  # fmt: skip

TILT_VERBS = ["tilt*|{d}", "tilt*|{d}", "tilt*|{d}", "tilt*|{d}", "look|{d}", "look|{d}", "angle*|{d}", "aim*|{d}",
    "point*|{d}", "pitch*|{d}", "tip*|{d}", "tilt*|{d} to {x}", "look|{d} at {x}", "look|{d} toward {x}",
    "tilt*|{d} toward {x}", "tilt*|{n} from {y} to {x}", "aim*|{d} at {x}", "point*|{d} at {x}", "turn*|{d} to {x}",
    "gaze|{d} at {x}", "tilt*|{d} along {s}", "turn|the lens {d}", "angle|the lens {d}", "rotate*|{d}", "glance|{d}",
    "tilt*|vertically {d}", "tilt|{d} to reveal {x}", "tilt|{d} until we see {x}", "nod|{d}", "look|{d} to see {x}",
    "direct|the camera {d} at {x}", "swing|the lens {d} to {x}", "turn*|{d}", "tilt|the lens {d}", "tilt|the view {d}",
    "point|the lens {d}", "peer|{d} at {x}", "tilt|{d} from {y}", "pivot*|{d}", "swivel|{d} to {x}"]  # fmt: skip
TILT_NOUNS = ["tilt {d}", "tilt {d}", "{n}ward tilt", "tilt-{n}", "tilt {d} to {x}", "tilting shot {d}", "vertical tilt {d}",
    "tilt shot {d}", "tilt from {y} to {x}", "camera tilt {d}", "look {d} at {x}", "pitch {d}", "glance {d} at {x}"]  # fmt: skip
TILT_EXTRA = {
    "up": ["raise|the lens toward {x}", "lift|its gaze to {x}", "raise|the view to {x}", "crane|its neck up at {x}",
           "lift|the lens up", "tip|back to look at {x}", "look|at {x} overhead", "raise|our eyes to {x}", "tilt|back"],
    "down": ["lower|the lens toward {x}", "drop|its gaze to {x}", "lower|the view to {x}", "bow|its head to {x}",
             "dip|the lens down", "lower|our eyes to {x}", "look|at {x} beneath us", "tip|forward to look at {x}"],
}  # fmt: skip

PEDESTAL_VERBS = ["pedestal*|{d}", "pedestal*|{d}", "pedestal*|{d}", "boom*|{d}", "boom*|{d}", "crane*|{d}", "crane*|{d}",
    "jib*|{d}", "move*|{d}", "move*|straight {d}", "go|{d}", "go|straight {d}", "travel|{d}", "float|{d}", "glide|{d}",
    "move*|vertically {d}", "slide*|{d}", "shift*|{d}", "drift|{d}", "ride|the crane {d}", "move*|{d} past {s}",
    "take|the elevator {d}", "move|{d} like an elevator", "go|{d} like a lift", "track*|vertically {d}", "fly|{d}",
    "fly|straight {d}", "slide|vertically {d}", "travel|vertically {d}", "bring*|{d}", "crane|{d} in front of {s}",
    "move|the whole camera {d}", "boom|{d} along {s}", "pedestal|{d} without tilting", "dolly*|{d}",
    "move|{d}, keeping the lens level", "truck*|{d}", "pull*|straight {d}", "jib|{d} over {s}",
    "track*|{d}", "crane|{d} while staying level", "pump|the pedestal {d}"]  # fmt: skip
PEDESTAL_EXTRA = {
    "up": ["rise|", "rise|", "rise|up", "rise|above {p}", "rise|over {s}", "raise*|", "raise*|", "raise*|up", "elevate*|",
           "lift*|", "lift*|up", "lift*|off the ground", "ascend|", "ascend|above {p}", "climb|", "climb|higher",
           "levitate|", "soar|up over {p}", "rise|straight up into the air", "go|higher", "move|higher", "get|higher",
           "float|up over {s}", "rise|vertically", "crane|up above {p}", "gain|height", "stand|up", "lift|away upward",
           "elevate*|above {s}", "hoist*|up", "raise|the camera height", "increase|the camera height", "grow|taller",
           "rise|up from the ground", "come|up", "take|off straight up", "levitate|over {s}", "climb|up above {p}"],
    "down": ["lower*|", "lower*|", "lower*|down", "lower*|to the ground", "descend|", "descend|", "descend|toward the ground",
             "sink|", "sink|down", "drop*|", "drop*|down", "drop|to ground level", "come|down", "settle|down to the floor",
             "lower*|to floor level", "go|lower", "move|lower", "get|lower", "float|down past {s}", "descend|vertically",
             "sink|to the floor", "lower|the camera height", "decrease|the camera height", "crouch|down", "squat|down",
             "drop|straight down", "come|straight down", "lose|height", "descend|from above {p}", "kneel|down",
             "dip|down toward the ground", "land|softly", "ease*|down to the ground", "fall|gently", "duck|down"],
}  # fmt: skip
PEDESTAL_NOUNS = ["pedestal {d}", "{n}ward pedestal", "boom {d}", "boom shot {d}", "crane {d}", "crane shot {d}",
    "crane move {d}", "jib {d}", "jib shot {d}", "elevator shot {d}", "vertical move {d}", "vertical tracking shot {d}",
    "pedestal move {d}", "{n}ward crane shot", "drone shot straight {n}", "vertical slide {d}", "lift {d}"]  # fmt: skip
PEDESTAL_NOUNS_EXTRA = {
    "up": ["rise", "ascent", "climb", "vertical rise over {p}", "rising shot", "ascending shot", "vertical lift", "ascent above {s}"],
    "down": ["descent", "drop", "vertical descent", "descending shot", "lowering shot", "drop to ground level", "sinking move"],
}  # fmt: skip

DOLLY_VERBS = {
    "in": ["dolly*|in", "dolly*|in", "dolly*|in", "dolly*|forward", "push*|in", "push*|in", "push*|in", "push|in on {s}",
           "push*|in to {s}", "push|toward {s}", "move*|in", "move*|in on {s}", "move*|forward", "move*|forward", "move*|closer",
           "move*|closer to {s}", "move*|toward {s}", "move*|in close", "track*|in", "track*|forward", "track|toward {s}",
           "go|forward", "go|closer", "go|toward {s}", "approach|{s}", "approach|{s}", "advance|", "advance|toward {s}",
           "creep|in", "creep|closer", "creep|toward {s}", "creep|forward", "walk|toward {s}", "walk|forward",
           "walk|up to {s}", "fly|toward {s}", "fly|forward", "travel|forward", "travel|toward {s}", "drive|forward",
           "get|closer", "get|closer to {s}", "come|closer", "come|closer to {s}", "close|in on {s}", "close|in", "float|forward",
           "glide|forward", "glide|toward {s}", "glide|in", "drift|forward", "drift|toward {s}", "drift|in", "step|forward",
           "step|closer", "step|in", "inch|forward", "inch|closer to {s}", "ease|in", "ease|toward {s}", "dolly*|in on {s}",
           "dolly*|toward {s}", "dolly|up to {s}", "bring*|closer to {s}", "bring*|nearer", "go|in", "go|deeper into {p}",
           "move|deeper into {p}", "enter|{p}", "travel|into {p}", "move|through {p}", "fly|through {p}", "head|toward {s}",
           "head|forward", "take|a step forward", "take|us closer to {s}", "shorten|the distance to {s}", "roll|forward",
           "slide*|forward", "slide*|in", "charge|toward {s}", "rush|toward {s}", "lunge|forward", "sneak|up on {s}",
           "slide*|in toward {s}", "truck*|in", "truck|forward", "push|forward", "push|physically closer", "zero|in by moving",
           "lean|in", "close|the distance to {s}", "proceed|forward", "cruise|forward", "bring|us nearer to {s}",
           "follow|behind {s} as we go forward", "move|straight ahead", "go|straight ahead", "move|up to {s}"],
    "out": ["dolly*|out", "dolly*|out", "dolly*|out", "dolly*|back", "dolly*|backward", "pull*|back", "pull*|back", "pull*|back",
            "pull*|out", "pull|back from {s}", "pull|away from {s}", "pull*|away", "move*|back", "move*|backward", "move*|away",
            "move*|away from {s}", "move*|out", "move*|backwards", "move*|farther away", "back|away", "back|away from {s}", "back|up",
            "back|off", "retreat|", "retreat|from {s}", "withdraw|", "withdraw|from {s}", "recede|", "recede|from {s}",
            "reverse|", "reverse|away from {s}", "step|back", "step|backward", "step|away", "take|a step back", "walk|backward",
            "walk|backwards", "walk|away from {s}", "fly|backward", "fly|back", "fly|away from {s}", "travel|backward",
            "track*|back", "track*|out", "track*|backward", "go|back", "go|backward", "go|away from {s}", "drift|back",
            "drift|backward", "drift|away from {s}", "float|backward", "float|back", "float|away", "glide|back",
            "glide|backward", "glide|away from {s}", "slide*|back", "slide|backward", "slide|away from {s}", "ease|back",
            "ease|away", "inch|back", "creep|back", "creep|away from {s}", "pull*|back to reveal {p}", "pull|out to reveal {p}",
            "leave|{s} behind", "get|farther from {s}", "get|further away", "put|distance between us and {s}", "roll|back",
            "roll|backward", "head|backward", "bring*|back from {s}", "bring*|farther away", "truck*|back", "truck|out",
            "back|out of {p}", "retreat|out of {p}", "exit|{p} backward", "move|back to reveal {p}", "push|back",
            "push|out", "drive|backward", "draw|back", "draw|away from {s}", "increase|the distance to {s}", "dolly*|away from {s}"],
}  # fmt: skip
DOLLY_NOUNS = {
    "in": ["dolly in", "dolly-in", "push-in", "push in", "push-in on {s}", "push in toward {s}", "dolly in on {s}", "forward dolly",
           "dolly forward", "dolly shot forward", "dolly shot toward {s}", "forward tracking shot", "tracking shot forward",
           "forward move", "approach to {s}", "approach", "move in", "creep in", "forward push", "dolly shot in", "track in",
           "push toward {s}", "move toward {s}", "advance on {s}", "push-in shot", "dolly-in shot", "drift forward",
           "fly-through of {p}", "forward drift", "forward glide", "forward movement", "creep toward {s}", "walk forward"],
    "out": ["dolly out", "dolly-out", "pull-back", "pull back", "pullback", "pull-out", "pull out from {s}", "pull back from {s}",
            "backward dolly", "dolly back", "dolly shot backward", "dolly shot out", "backward tracking shot", "track out",
            "tracking shot backward", "backward move", "retreat", "retreat from {s}", "move away from {s}", "pull-back reveal",
            "pull back to reveal {p}", "track back", "backward glide", "dolly-out shot", "pull-back shot", "backward drift",
            "drift back", "reverse dolly", "backward movement", "dolly out from {s}", "withdrawal from {s}"],
}  # fmt: skip
ZOOM_VERBS = {
    "in": ["zoom*|in", "zoom*|in", "zoom*|in", "zoom*|in", "zoom*|in on {s}", "zoom*|in on {s}", "zoom|into {s}", "zoom|toward {s}",
           "zoom|in to {s}", "zoom|the lens in", "zoom|in optically", "tighten|the lens", "tighten|the zoom", "punch|in with the lens",
           "narrow|the field of view", "lengthen|the focal length", "increase|the focal length", "raise|the focal length",
           "go|from wide to telephoto", "zoom|to a tighter shot", "magnify|{s}", "enlarge|{s} with the lens", "zoom|in without moving",
           "crash|zoom in", "use|the zoom to get closer", "zoom|closer", "zoom|in close", "rack|the zoom in", "go|to a longer lens",
           "zoom|in with the lens only", "change|from a wide to a long lens", "reduce|the field of view", "zoom|tighter on {s}",
           "zoom|from wide to tight", "zoom|to telephoto", "make|{s} bigger with the zoom", "push|the zoom in", "zoom|up on {s}"],
    "out": ["zoom*|out", "zoom*|out", "zoom*|out", "zoom*|out", "zoom*|out from {s}", "zoom|out of {s}", "zoom*|back", "zoom|away from {s}",
            "zoom|the lens out", "zoom|out optically", "widen|the lens", "widen|the zoom", "widen|the field of view", "widen|the shot with the zoom",
            "shorten|the focal length", "decrease|the focal length", "reduce|the focal length", "go|from telephoto to wide",
            "zoom|to a wider shot", "zoom|out without moving", "rack|the zoom out", "go|to a shorter lens", "zoom|out wide",
            "zoom|out with the lens only", "change|from a long to a wide lens", "increase|the field of view", "zoom|wider",
            "zoom|out to reveal {p}", "zoom|from tight to wide", "zoom|to wide angle", "open|the lens up to a wider view",
            "expand|the field of view", "broaden|the field of view", "make|{s} smaller with the zoom", "pull|the zoom out"],
}  # fmt: skip
ZOOM_NOUNS = {
    "in": ["zoom in", "zoom-in", "zoom", "zoom in on {s}", "zoom into {s}", "optical zoom in", "lens zoom in", "zoom-in shot", "inward zoom",
           "crash zoom in", "zoom to a close-up", "tightening zoom", "zoom toward {s}", "zoom from wide to tight"],
    "out": ["zoom out", "zoom-out", "zoom out from {s}", "optical zoom out", "lens zoom out", "zoom-out shot", "outward zoom", "zoom back",
            "widening zoom", "zoom out to a wide shot", "zoom out to reveal {p}", "reverse zoom", "zoom from tight to wide"],
}  # fmt: skip

ROLL_VERBS = ["roll*|{d}", "roll*|{d}", "roll*|{d}", "roll*|{d}", "rotate*|{c}", "rotate*|{c}", "rotate|the view {c}",
    "rotate|the frame {c}", "rotate|the image {c}", "spin*|{c}", "spin|around the lens axis {c}", "twist*|{c}", "turn*|{c}",
    "rotate*|{c} around the lens axis", "bank*|{d}", "bank|{d} like an airplane", "cant*|{d}", "lean*|{d}", "tilt*|sideways {d}", "dutch*|{d}",
    "dutch|tilt {d}", "rotate*|{c} about the viewing axis", "roll|the horizon over, {c}", "tip*|sideways {d}", "roll|on its axis {d}",
    "tilt*|into a dutch angle {d}", "turn|the frame {c}", "barrel|roll {d}", "roll*|{c} along the optical axis",
    "spin|the view {c}", "turn|the picture {c}", "roll|over {d}", "rotate|in plane {c}", "go|into a dutch angle {d}",
    "twist|the frame {c}", "swirl|{c}", "spin|{c} on the spot", "roll|like a plane {d}", "cock*|its head {d}", "tilt|its head sideways {d}",
    "tilt*|{c}", "rotate|about its own axis {c}"]  # fmt: skip
ROLL_NOUNS = ["roll {d}", "{c} roll", "camera roll {d}", "dutch roll {d}", "dutch tilt {d}", "dutch angle roll {d}", "barrel roll {d}",
    "{c} rotation", "{c} rotation of the frame", "{c} spin", "{c} twist", "bank {d}", "lens-axis roll {d}", "{c} camera rotation",
    "canting move {d}", "{c} camera roll"]  # fmt: skip

ORBIT_VERBS = ["orbit*|around {s} {d}", "orbit*|{d} around {s}", "orbit*|{d}", "orbit|{s} {d}", "circle|{s} {d}", "circle|around {s} {d}",
    "circle|{d} around {s}", "arc*|{d} around {s}", "arc*|around {s} {d}", "arc*|{d}", "revolve|around {s} {d}", "rotate*|around {s} {d}",
    "go|around {s} {d}", "move*|around {s} {d}", "travel|around {s} {d}", "walk|around {s} {d}", "swing*|around {s} {d}",
    "sweep|around {s} {d}", "curve|around {s} {d}", "fly|around {s} {d}", "circle|{d}", "orbit|about {s} {d}", "spin|around {s} {d}",
    "orbit|{s}, moving {d}", "circle|{s}, moving {d}", "arc|{s} {d}", "move|in an arc {d} around {s}", "move|in a circle {d} around {s}",
    "travel|in an arc {d}", "wheel|around {s} {d}", "move|{d} around {s}", "travel|{d} around {s}", "track|around {s} {d}",
    "swing|{d} around {s}", "rotate*|{d} around {s}", "dolly|around {s} {d}", "drift|around {s} {d}", "glide|around {s} {d}",
    "glide|{d} in an arc around {s}", "encircle|{s} {d}", "circle|{s} {d}, keeping it centred", "orbit|{d} with {s} kept in the center",
    "revolve|{d} about {s}", "loop|around {s} {d}", "turn|around {s} {d}", "walk|{d} around {s}", "swoop|around {s} {d}",
    "move|{d} in a circle, always facing {s}", "arc|{d} while keeping {s} centered"]  # fmt: skip
ORBIT_NOUNS = ["orbit around {s} {d}", "orbit {d} around {s}", "orbit {d}", "{n} orbit", "{n} orbit around {s}", "orbit shot {d}", "orbiting shot of {s} {d}",
    "arc shot {d}", "arc {d} around {s}", "arc around {s} {d}", "arc {d}", "circle around {s} {d}", "circling shot {d}", "{n} arc around {s}",
    "circular move around {s} {d}", "360 around {s} {d}", "half circle around {s} {d}", "rotation around {s} {d}", "revolution around {s} {d}",
    "turntable move around {s} {d}", "circular tracking shot {d} around {s}", "orbital move {d}", "curved dolly {d} around {s}"]  # fmt: skip

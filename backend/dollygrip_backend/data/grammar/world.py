"""Words around the move: subjects, places, what happens in the picture, stillness, tempo, intent."""

NOUNS = """man, woman, old man, young woman, boy, girl, child, couple, dancer, singer, violinist, chef, soldier, knight, king, queen,
wizard, robot, astronaut, detective, farmer, fisherman, bride, musician, actor, actress, hero, monk, nurse, sailor, cyclist, crowd, statue,
fountain, tower, castle, church, cathedral, temple, lighthouse, windmill, bridge, house, cabin, cottage, barn, skyscraper, monument, gate,
door, window, staircase, table, chair, piano, vase, bowl of fruit, cup of coffee, candle, book, lamp, clock, typewriter, guitar, car, truck,
motorcycle, bicycle, bus, train, boat, ship, airplane, spaceship, tractor, tree, oak, flower, rose, mountain, waterfall, rock, lake, island,
volcano, cliff, dog, cat, horse, fox, owl, bird, deer, lion, elephant, dragon, fish, face, hands, portrait, painting, sculpture, sign, letter,
throne, campfire, snowman, pumpkin, cake, bottle, teapot, watch, sneaker, perfume bottle, product, building, ruins, market stall, tent, mask,
subject, subject, subject, main character, figure, center of the scene, object, phone, desk, sofa, fireplace, machine, engine, sword, crown""".replace("\n", " ").split(", ")  # fmt: skip
ADJECTIVES = """red, blue, old, young, tall, small, golden, wooden, white, black, green, ancient, abandoned, lonely, smiling, sleeping, glowing,
rusty, snowy, broken, mysterious, colourful, huge, tiny, yellow, silver, stone, dark, bright, weathered, elegant""".replace("\n", " ").split(", ")  # fmt: skip
PRONOUNS = ["him", "her", "it", "them", "us", "his face", "her face", "her eyes", "their hands"]
PLACES = """the room, the street, the valley, the forest, the city, the skyline, the horizon, the beach, the kitchen, the market, the landscape, the
field, the desert, the rooftops, the crowd, the courtyard, the hall, the church, the library, the garden, the harbour, the mountains, the
village, the office, the alley, the corridor, the tunnel, the workshop, the bar, the cafe, the scene, the set, the bookshelves, the lake, the
canyon, the town, the stadium, the canopy, the stage, the trees, the buildings, the park, the square, the river, the sea, the ruins, the
temple, the hallway, the doorway, the wall, the table, the shop windows, the fence, the meadow, the train station""".replace("\n", " ").split(", ")  # fmt: skip

SETTINGS = """at dawn, at dusk, at night, at sunset, in the rain, in the fog, in heavy snow, under neon lights, by candlelight, in autumn, on a
stormy day, in golden light, under a full moon, in the early morning, in a medieval village, in an empty street, in a cozy kitchen, in a
ruined cathedral, on a mountain pass, by the sea, in a dense forest, in a busy market, in a desert, on a rooftop, in a futuristic city, in a
quiet library, in a sunlit meadow, in an abandoned factory, on a wooden table, in oil painting style, cinematic lighting, shot on 35mm film,
watercolour style, in slow motion, photorealistic, shallow depth of field, moody atmosphere, warm colours, 4k, film noir""".replace("\n", " ").split(", ")  # fmt: skip

# Subjects act with every word that a camera acts with: only whose action it is tells them apart.
ACTIONS = """walks to the left, walks to the right, walks toward us, walks away, runs left, runs right, turns around, turns left, turns right,
looks up, looks down, looks to the left, looks to the right, spins clockwise, spins in circles, rises slowly, stands up, sits down, climbs up,
falls to the ground, jumps up, drives to the right, drives past from left to right, drives away, comes closer, moves closer, moves forward,
backs away, steps forward, leans in, leans left, tilts her head, tilts his head up, raises a hand, lowers his hat, nods, smiles, laughs, dances,
plays the piano, drinks tea, opens the door, closes the book, reads a letter, waves goodbye, turns to the window, circles the room, rolls down
the hill, slides across the ice, flies away, flies overhead to the left, floats upward, drifts to the right, sinks into the water, sways in the
wind, glows, burns, flickers, spins counterclockwise, orbits the light, crosses the frame from right to left, approaches slowly, retreats, zooms
past, pushes a cart, pulls a rope, tracks its prey, sleeps, waits, breathes, stares at us, cries, sings, crosses the street, swings back and
forth, gets bigger, rushes in, disappears to the left, enters from the right, exits to the left, walks up the stairs, walks down the stairs""".replace("\n", " ").split(", ")  # fmt: skip
AMBIENT = """leaves fall to the ground, smoke rises, steam rises from the cup, snow drifts down, rain pours down, clouds roll by, clouds move to the
left, waves roll in, birds fly up, birds circle overhead, cars pass from right to left, the flag waves, the curtains sway, sparks fly upward,
dust floats in the light, the sun goes down, the sun rises, people walk by in both directions, the candle flickers, the water flows to the
right, grass sways, lights turn on, a train passes to the left, traffic moves forward, balloons float up, petals spin in the wind, fog drifts
in, the tide pulls back, lightning strikes, fireflies glow, the crowd moves closer, the windmill turns clockwise, the wheel rotates""".replace("\n", " ").split(", ")  # fmt: skip

STATIC = """static shot, static camera, static, locked-off shot, locked off, locked-off camera, fixed camera, fixed shot, still shot, still camera,
stationary camera, stationary shot, tripod shot, on a tripod, no camera movement, no camera motion, no movement, without any camera movement,
the camera does not move, the camera doesn't move, the camera stays still, the camera stays put, the camera remains still, the camera is
static, the camera is locked off, the camera holds still, the camera remains fixed, the camera is motionless, the camera is stationary, the
camera never moves, the camera stays where it is, the camera rests, the camera is fixed on a tripod, keep the camera still, keep the camera
static, keep the camera fixed, keep the camera where it is, hold the camera still, hold the shot, hold still, hold the frame, hold on {s},
hold steady on {s}, hold, stay still, stay put, stay on {s}, stay in place, don't move, don't move the camera, do not move the camera, do not
move at all, never move the camera, leave the camera alone, leave the camera where it is, lock the camera, lock it down, lock off the shot,
lock down the camera, freeze the camera, freeze the frame, remain still, remain fixed on {s}, remain stationary, rest on {s}, linger on {s},
a static shot of {s}, a still frame of {s}, a fixed frame on {s}, a locked-off view of {s}, an unmoving shot of {s}, motionless camera, unmoving
camera, immobile camera, steady shot with no movement, tripod-locked frame of {s}, a completely still camera, zero camera movement, nothing but
a still frame, same framing throughout, the framing does not change, the frame stays exactly the same, the view stays fixed, no pan no tilt no
zoom, no panning or zooming, camera locked, camera fixed, camera still, sticks, just hold here, just observe {s} without moving, sit still, keep
perfectly still, keep this exact framing, let the camera rest on {s}, the shot is held, the camera watches {s} without moving, stay right
there, stand still, keep it steady, a held shot of {s}, fixed viewpoint, the viewpoint doesn't change, no motion, don't touch the camera,
absolutely no camera motion, hold the composition, hold position, stay fixed, make it a still, park the camera, bolted to the floor, just
watch {s}, simply hold on {s}, keep the shot fixed on {s}, the camera stands still, the camera is at rest, let it sit, steady locked frame,
stay locked on {s}, camera stays locked, just a fixed shot, camera is parked in front of {s}, as still as a photograph""".replace("\n", " ").split(", ")  # fmt: skip

TEMPO = {
    "slow": ["slowly", "slowly", "gently", "softly", "gradually", "smoothly and slowly", "very slowly", "at a slow pace", "steadily", "calmly",
             "gracefully", "carefully", "leisurely", "unhurriedly", "ever so slowly", "patiently", "in a slow, dreamy way"],
    "fast": ["quickly", "fast", "rapidly", "swiftly", "at high speed", "briskly", "suddenly", "abruptly", "in a hurry", "urgently", "hastily"],
    "plain": ["smoothly", "evenly", "fluidly", "now", "naturally", "cinematically", "elegantly"],
    "constant": ["at a constant speed", "at a steady speed", "at an even pace", "uniformly", "linearly"],
}  # fmt: skip
TEMPO_ADJECTIVES = {
    "slow": ["slow", "gentle", "soft", "gradual", "very slow", "slow and steady", "subtle slow", "graceful", "calm", "leisurely"],
    "fast": ["fast", "quick", "rapid", "swift", "brisk", "sudden", "abrupt"],
    "plain": ["smooth", "fluid", "cinematic", "simple", "elegant", "clean", "nice"],
    "constant": ["constant-speed", "even", "uniform", "steady"],
}  # fmt: skip
# Word, factor on the default amount.
SIZES = [("slightly", 0.4), ("a little", 0.4), ("a bit", 0.45), ("a tiny bit", 0.3), ("just a touch", 0.35), ("subtly", 0.4), ("a little bit", 0.4),
         ("somewhat", 0.7), ("a lot", 1.6), ("far", 1.5), ("dramatically", 1.6), ("significantly", 1.4), ("considerably", 1.4), ("a good way", 1.3),
         ("just slightly", 0.35), ("a great deal", 1.6), ("a fair amount", 1.1), ("very slightly", 0.3)]  # fmt: skip
SIZE_ADJECTIVES = [("slight", 0.4), ("subtle", 0.45), ("small", 0.5), ("tiny", 0.3), ("big", 1.5), ("dramatic", 1.6), ("wide", 1.4), ("huge", 1.7),
                   ("modest", 0.7), ("short", 0.6), ("long", 1.4)]  # fmt: skip

INTENT = {
    "dolly_in": ["build tension on {s}", "make it more intimate", "draw us into {p}", "draw us in", "bring the audience closer to {s}", "make us notice {s}",
                 "let the tension grow", "take us into {p}", "intensify the moment", "get intimate with {s}", "immerse us in {p}", "discover {s} up close"],
    "dolly_out": ["reveal how alone {s} is", "show how small {s} is in {p}", "give {s} some space", "reveal the whole of {p}", "say goodbye to {s}",
                  "make {s} feel isolated", "show us the bigger picture", "leave {s} alone in {p}", "let us take in the whole scene"],
    "pedestal_up": ["show us {p} from higher up", "reveal what is behind the wall by going over it", "give us a bird's view of {p}", "see over {s}"],
    "orbit": ["show {s} from all sides", "let us see {s} from another side", "present {s} like a product on a turntable", "admire {s} from every angle"],
    "static": ["let the scene play out by itself", "let the actors do the work", "just let us watch {s}", "keep it observational", "as calm as a photograph"],
}  # fmt: skip

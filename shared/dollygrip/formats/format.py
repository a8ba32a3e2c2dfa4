"""What a camera format is."""

from collections.abc import Callable

import attrs

from dollygrip.trajectory import Trajectory


@attrs.frozen
class Format:
    """A text format for cameras.

    suffixes:   endings of file names, lower case, that ask for this format on writing.
    recognises: whether a text is meant to be of this format, judged by its beginning.
    parse:      text -> Trajectory; raises TrajectoryError with the line or frame that is wrong.
    print:      Trajectory -> text.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[str], bool]
    parse: Callable[[str], Trajectory]
    print: Callable[[Trajectory], str]

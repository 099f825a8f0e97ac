"""Files that others made: pictures and sounds, read in a process apart.

:mod:`pal.media.pictures` and :mod:`pal.media.sounds` decode; :mod:`pal.media.worker` runs them in a child process
under limits of memory, time and pixels, and :mod:`pal.media.readers` asks such children. What comes back is plain
numbers and pictures that were encoded anew, never an object to be unpickled.
"""

from pal.media.kinds import AUDIO, IMAGES, TEXTS, kind_of
from pal.media.readers import Looked, Pool, pool

__all__ = ["AUDIO", "IMAGES", "TEXTS", "Looked", "Pool", "kind_of", "pool"]

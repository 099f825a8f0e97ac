"""One annotation project: items, log and model together; what the command line and the web share.

:class:`Project` is thread-safe. Its parts, one a file: the running fold of the log (ledger), features that grow while
an encoder works, the thread that refits the model (trainer), leases on open pages, where every item stands (standing),
corrections as answers, thumbnails, and opening with its checks. Names are loaded when first used: the child process
that learns needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pal.project.core import Project
    from pal.project.infos import GroupInfo, MemberInfo, NoPage, Page, Progress, Recorded, TileInfo
    from pal.project.opening import default_directory

__all__ = [
    "GroupInfo",
    "MemberInfo",
    "NoPage",
    "Page",
    "Progress",
    "Project",
    "Recorded",
    "TileInfo",
    "default_directory",
]

_HOME = {"Project": "core", "default_directory": "opening"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pal.project' has no attribute {name!r}")
    value = getattr(import_module(f"pal.project.{_HOME.get(name, 'infos')}"), name)
    globals()[name] = value
    return value

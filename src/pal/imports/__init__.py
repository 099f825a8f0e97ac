"""Imports: labels from elsewhere, as told answers.

Definition. Of N labelled items in C classes, each class is a star: its first item is the template, and every other item
of the class is alike to it, N − C answers. Templates of different classes differ, C (C − 1) / 2 answers; where these
would be many more than the items, the largest classes are told apart first and the rest is left to questions. Classes
are named by their template. All of it is events in the log under a labeler of its own, so that an import can be taken
back.

The readers are one a file: tables, pictures in folders, Label Studio.
"""

from pal.imports.labels import Imported, import_labels, undo_import
from pal.imports.reading import read_labels
from pal.imports.said import Said

__all__ = ["Imported", "Said", "import_labels", "read_labels", "undo_import"]

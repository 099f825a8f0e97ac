"""One file a version of the tables, each with the step up from the one before."""

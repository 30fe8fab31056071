"""The page of runs that are kept: the list, one run up close, two side by side, the room they take."""

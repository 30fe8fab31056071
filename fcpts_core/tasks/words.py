"""Measures in words."""


def measure_words(measure: str) -> str:
    """A measure as a reader knows it: "accuracy" for the share of right classes, the others by their own names."""
    return "accuracy" if measure == "top-1" else measure


def as_heading(words: str) -> str:
    """The same where a line begins: a word gets a capital, a name such as "mIoU" stays what it is."""
    return words if any(letter.isupper() for letter in words.split()[0]) else words[:1].upper() + words[1:]

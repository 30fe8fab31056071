"""The two ways a run can go wrong, both carrying a sentence for the user."""


class InputError(ValueError):
    """Something that was given cannot be used: the message says what was wrong, what was expected and what to do."""


class RunError(RuntimeError):
    """A run that started well cannot go on (for example a loss that is no longer finite): the message says why."""

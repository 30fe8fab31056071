"""What networks are for: what of their output the losses compare, and how good it is, with labels and without.

`registry.TASKS` holds them by name; it is not imported here, so that words about tasks come without torch.
"""

"""Networks: the registry of models, their weights, and the layers that can be pruned."""

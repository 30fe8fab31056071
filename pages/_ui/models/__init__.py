"""The page Models: what there is, and what each is made of."""

"""Images that go into a network: a user's own, the bundled digits, and their augmentation."""

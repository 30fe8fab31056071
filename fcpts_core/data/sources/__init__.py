"""Sets of images by name: the bundled digits, and public sets that are fetched on request only."""

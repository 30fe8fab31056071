"""Where models come from: each source gives cards."""

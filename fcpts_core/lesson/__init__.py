"""The lesson: its text is data in `assets/lesson`, its numbers come from the recorded run."""

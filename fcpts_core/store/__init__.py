"""Runs that last: an index of all runs and a folder for each; SQLAlchemy is imported when a store is opened."""

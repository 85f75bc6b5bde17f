"""A small Portkey that forgets: the same endpoints, in memory or in a file."""

"""Timeline: everything that is known to have happened with one person, in one list."""

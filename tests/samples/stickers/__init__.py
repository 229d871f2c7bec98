"""Stickers: the smallest whole noun, with one table, one job, one kind of happening and one page."""

"""Filters of lists that are kept by a name.

A noun of its own just above access, because every list above may have them: it knows people and their rights and no list; the
nouns above declare their lists (core/nouns.py, `Filtered`).
"""

"""One person: what becomes of his data when nobody may have it any more."""

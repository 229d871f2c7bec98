"""Who uses what, written by the user of a thing, so that archiving can be refused while it is used."""

"""What runs Carillon: the launcher, the database roles, the vendored scripts and how they are renewed."""

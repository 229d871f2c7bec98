"""What runs Carillon: the launcher, the container, the units, the alerts."""

"""The ground: what every floor may use and what knows no table and no framework."""

"""The launcher behind manage.py: standard library only, because it makes the environment that everything else needs."""

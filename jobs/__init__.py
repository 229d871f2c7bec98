"""The doors of the workers: a few lines a job, each calling one domain function."""

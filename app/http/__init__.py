"""What the web and the API share: unit of work, actor, errors, limits and inputs."""

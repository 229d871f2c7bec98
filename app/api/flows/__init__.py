"""/flows: drafts and their edits, the verbs of their life, people in them, numbers; and the systems they tell."""

from app.api.flows import deciding, life, systems, walking
from app.api.flows.blueprint import bp

__all__ = ["bp", "deciding", "life", "systems", "walking"]

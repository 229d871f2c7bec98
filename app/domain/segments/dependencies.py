"""What a definition depends on: who has to be looked at again when something changes."""

from app.domain.segments.condition import ANY_EVENT, Dependencies
from app.domain.segments.definition import Definition, conditions

__all__ = ["ANY_EVENT", "Dependencies", "of"]


def of(definition: Definition) -> Dependencies:
    """Everything its conditions need. The segments it names are told, not followed."""
    found = Dependencies()
    for condition, _ in conditions(definition):
        found |= condition.needs
    if found.relative and definition.zone == "contact":
        found |= Dependencies(fields=frozenset({"timezone"}))  # whose today it is
    return found

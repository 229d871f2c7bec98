"""What can go wrong in the domain, said once; the doors turn it into a page, a toast or an API error."""

from dataclasses import dataclass


def mark(message: str) -> str:
    """Mark a message id for translation; the door translates it in the reader's language."""
    return message


@dataclass(frozen=True)
class Issue:
    """One thing wrong with one field: `field` is a dotted path, `message` a message id for people."""

    field: str
    message: str
    values: dict[str, object] | None = None


class DomainError(Exception):
    """Base of all errors that a person or a system can do something about.

    `code` is stable API. `message` is a message id with %(name)s places filled from `values`; it names the way out.
    """

    code = "ERROR"

    def __init__(self, message: str, *, details: tuple[Issue, ...] = (), **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.values = values
        self.details = details

    def __str__(self) -> str:
        return self.message % self.values if self.values else self.message


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else."""

    code = "NOT_FOUND"


class Invalid(DomainError):
    """The input cannot be accepted; `details` names the fields."""

    code = "VALIDATION_ERROR"

    @classmethod
    def field(cls, field: str, message: str, **values: object) -> "Invalid":
        """An error about one field only."""
        return cls(message, details=(Issue(field, message, values),), **values)


class Together:
    """Collects what is wrong with several things: a person reads all of it at once.

    `with found:` keeps an Invalid and goes on behind it; `found.stop()` raises one with all of them.
    """

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Invalid):
            self.issues += error.details or (Issue("", error.message, error.values),)
        return isinstance(error, Invalid)

    def stop(self) -> None:
        """Raise what was found, if anything."""
        if self.issues:
            raise Invalid(mark("Some fields are not right."), details=tuple(self.issues))


class Malformed(DomainError):
    """The request itself cannot be read, whatever it is about."""

    code = "BAD_REQUEST"


class Conflict(DomainError):
    """The thing is not in a state that allows this, or somebody else was faster."""

    code = "CONFLICT"


class Stale(Conflict):
    """An edit names an older version than the present one."""

    code = "PRECONDITION_FAILED"


class Forbidden(DomainError):
    """The actor may not do this."""

    code = "FORBIDDEN"


class FactorNeeded(Forbidden):
    """The actor may, but must first show a fresh second factor."""

    code = "FACTOR_NEEDED"


class Unavailable(DomainError):
    """Something outside does not answer; trying later is the way out."""

    code = "UNAVAILABLE"

"""A stable random share: contacts fall into 10,000 buckets by a keyed hash of `salt` and their id."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from sqlalchemy import BigInteger, LargeBinary, RowMapping, cast, func, literal

from app.core.errors import mark
from app.domain.segments.condition import Condition, Dependencies
from app.domain.segments.context import CompileContext, Predicate, contact
from app.domain.segments.saying import Names, Said

BUCKETS = 10_000


class InBucket(Condition):
    """In one of the buckets of a draw."""

    kind: Literal["bucket"] = "bucket"
    salt: str = Field(min_length=1, max_length=60)
    first: int = Field(alias="from", ge=0, lt=BUCKETS)
    last: int = Field(alias="to", ge=0, lt=BUCKETS)

    has_value: ClassVar[bool] = True

    @model_validator(mode="after")
    def _upward(self) -> "InBucket":
        if self.last < self.first:
            raise ValueError(mark("“from” must not be greater than “to”."))
        return self

    def compile(self, around: CompileContext) -> Predicate:
        """The first four bytes of SHA-256 over the salt's key and the contact's id: what `vault.bucket` gives for one.

        Shifted so that one comparison is enough: BETWEEN would hash every contact twice.
        """
        key = literal(around.vault.bucket_key(self.salt), LargeBinary)
        digest = func.sha256(key.op("||")(func.uuid_send(contact.c.id)))
        number = cast(func.substring(digest, 1, 4), BigInteger) % BUCKETS
        shifted = (number + (BUCKETS - self.first)) % BUCKETS if self.first else number
        return shifted <= self.last - self.first

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The contact's bucket."""
        return around.vault.bucket(self.salt, row["id"])

    def words(self, _names: Names) -> Said:
        """The share, the draw and the buckets."""
        share = (self.last - self.first + 1) / 100
        return Said(
            mark("the contact is in a fixed random %(share)s%% (draw “%(salt)s”, buckets %(first)s to %(last)s)"),
            {"share": f"{share:g}", "salt": self.salt, "first": self.first, "last": self.last},
        )

    @property
    def needs(self) -> Dependencies:
        """Nothing: a draw stays as it is."""
        return Dependencies()

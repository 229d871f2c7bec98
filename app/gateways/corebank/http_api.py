"""A core bank over HTTP: GET /bank/balances?date=&after=&limit= and /bank/restrictions?after=&limit=, with a bearer secret."""

import json
from types import TracebackType
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from app.gateways.corebank.base import Broken, Page, Record, RestrictionPage, RestrictionRecord, Unavailable
from app.gateways.http import READ_SECONDS, Answer, Http, HttpFailure

ANSWER_CAP = 16 * 1024 * 1024  # a page of 1,000 is 150 kB; a bank may tell more than is asked for
PERHAPS_LATER = frozenset({401, 402, 403, 404, 408, 425, 429})  # a key or an address that is being changed, too


def _as_said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# A number or null where text belongs is one customer's trouble, not the whole day's: the domain judges it.
Said = Annotated[str, BeforeValidator(_as_said)]
# What a row is found by: no control characters, which a database refuses.
Key = Annotated[Said, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Item(BaseModel):
    record: Key
    external_id: Key
    date: Said
    amount: Said
    currency: Said
    version: Annotated[int, Field(ge=1, lt=2**31)]
    opened_on: Said | None = None
    account: Said = ""
    account_type: Said = ""
    closed_on: Said | None = None


class _Answer(BaseModel):
    date: str
    items: list[_Item]
    next: Key | None


class _Flag(BaseModel):
    external_id: Key
    flag: Key
    since: Said | None = None


class _Flags(BaseModel):
    items: list[_Flag]
    next: Key | None


Told = TypeVar("Told", bound=BaseModel)


class HttpApi:
    """The core bank's API, opened for a run with `async with`."""

    def __init__(
        self, base_url: str, secret: str, *, allow_private: bool = False, read_seconds: float = READ_SECONDS
    ) -> None:
        self.http = Http(
            base_url,
            headers={"Authorization": f"Bearer {secret}"} if secret else None,
            allow_private=allow_private,
            read_seconds=read_seconds,
            answer_cap=ANSWER_CAP,
        )

    async def __aenter__(self) -> Self:
        await self.http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.__aexit__(kind, error, trace)

    async def day(self, date: str, after: str, limit: int) -> Page:
        """The records that come with a day after a customer; corrections of earlier days come with it.

        Raises:
            Unavailable: no answer, or one that says not now.
            Broken: an answer that does not read as one page of this day.
        """
        asked = {"date": date, "after": after, "limit": str(limit)}
        return _page(_read(await self._get("/bank/balances", asked), _Answer), date)

    async def restrictions(self, after: str, limit: int) -> RestrictionPage:
        """The flags that come after a customer, all of one customer together.

        Raises:
            Unavailable: no answer, or one that says not now.
            Broken: an answer that does not read as a page of flags.
        """
        found = _read(await self._get("/bank/restrictions", {"after": after, "limit": str(limit)}), _Flags)
        return RestrictionPage([RestrictionRecord(**dict(item)) for item in found.items], found.next)

    async def _get(self, path: str, params: dict[str, str]) -> Answer:
        if not self.http.base_url:
            raise Unavailable("no core bank is named")
        try:
            return await self.http.get(path, params=params)
        except HttpFailure as broke:
            raise Unavailable(str(broke)) from broke


def _read(answer: Answer, shape: type[Told]) -> Told:
    if answer.status >= 500 or answer.status in PERHAPS_LATER:
        raise Unavailable(f"HTTP {answer.status}")
    if answer.status != 200:
        raise Broken(f"HTTP {answer.status}")
    try:
        return shape.model_validate_json(answer.body)
    except ValidationError as bad:
        raise Broken(_where(bad)) from None  # without what was said: it holds customers' balances


def _page(found: _Answer, date: str) -> Page:
    if found.date != date:
        raise Broken("the balances of another day than the one asked for")
    return Page([Record(**vars(item)) for item in found.items], found.next)


def _where(bad: ValidationError) -> str:
    first = bad.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"not the page that was asked for: {'.'.join(map(str, first['loc'])) or 'the answer'}: {first['type']}"

"""The one shape of every answer: {"data", "meta", "links"}; bodies into commands; ETags; idempotency."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, current_app, g, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from app.core.db import db
from app.core.errors import Invalid, Issue, Malformed, mark
from app.core.page import Ask, Page
from app.domain.access import idempotency
from app.http import inputs
from app.http.auth import allow, is_api
from app.http.session import meta

Command = TypeVar("Command", bound=BaseModel)
Item = TypeVar("Item")
View = Callable[..., ResponseReturnValue]
_PAGES = frozenset({"cursor", "per_page"})


def plain(value: Any) -> Any:
    """A value as it goes into JSON: ids and money as text, moments in UTC with Z, days like 2026-10-09."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return value


def ok(
    data: Any,
    status: int = 200,
    *,
    location: str | None = None,
    version: int | None = None,
    more: dict[str, Any] | None = None,
) -> Response:
    """One thing. `version` becomes the ETag."""
    body = {
        "data": plain(data),
        "meta": {**meta(), **(more or {})},
        "links": {"self": request.path},
    }
    response = jsonify(body)
    response.status_code = status
    if location:
        response.headers["Location"] = location
    if version is not None:
        response.set_etag(str(version))
    return response


def listed(page: Page[Item], serialize: Callable[[Item], Any]) -> Response:
    """A keyset page of things."""
    links = {"self": request.full_path.rstrip("?")}
    for name, cursor in (("next", page.next), ("prev", page.prev)):
        if cursor:
            query = {**request.args.to_dict(), "cursor": cursor}
            links[name] = f"{request.path}?{urlencode(query)}"
    said: dict[str, Any] = {**meta(), "per_page": page.per_page}
    if page.total is not None:
        said["total"] = page.total
    return jsonify({"data": [plain(serialize(item)) for item in page.items], "meta": said, "links": links})


def all_of(items: Iterable[Item], serialize: Callable[[Item], Any]) -> Response:
    """A short list that is never paged."""
    rows = [plain(serialize(item)) for item in items]
    return jsonify(
        {
            "data": rows,
            "meta": {**meta(), "total": len(rows)},
            "links": {"self": request.path},
        }
    )


def nothing() -> ResponseReturnValue:
    """204 after a delete."""
    return make_response("", 204)


def asks(*names: str, paged: bool = False) -> Callable[[View], View]:
    """The names a route takes in its query; any other is refused, so that a mistyped filter does not list everything."""

    def named(view: View) -> View:
        view.asks = frozenset(names) | (_PAGES if paged else frozenset())  # type: ignore[attr-defined]
        return view

    return named


def refuse_unknown_names() -> None:
    """Before every call. Raises Malformed."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or not is_api():
        return
    unknown = sorted(set(request.args) - getattr(view, "asks", frozenset()))
    if unknown:
        details = tuple(Issue(name, mark("There is no such name in a query here.")) for name in unknown)
        raise Malformed(mark("The query holds a name that is not known here."), details=details)


def word(name: str) -> str:
    """A word in the query, or nothing."""
    return request.args.get(name, "")


def moment(name: str) -> datetime | None:
    """A moment in the query, or None. Raises Invalid."""
    value = request.args.get(name, "")
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid.field(name, mark("Give a date and time with its zone, such as 2026-03-31T08:00:00Z."))
    return found


def ask() -> Ask:
    """The page asked for."""
    return inputs.page_asked(request.args)


def raw_body() -> dict[str, Any]:
    """The body as an object. Raises Malformed."""
    raw = request.get_data()  # not by its announced length: a chunked body has none
    if not raw:
        return {}
    body = inputs.json_object(raw) if request.is_json else None
    if body is None:
        raise Malformed(mark("Send a JSON object with the header Content-Type: application/json."))
    return body


def body(kind: type[Command]) -> Command:
    """The body as a command. Raises Invalid; unknown fields are refused."""
    return inputs.read(kind, raw_body())


def patched(kind: type[Command], present: dict[str, Any]) -> Command:
    """A PATCH: what the body does not name stays as it is."""
    return inputs.read(kind, {**present, **raw_body()})


def query_uuid(name: str) -> UUID | None:
    """An id in the query, or None. Raises Invalid."""
    value = request.args.get(name)
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise Invalid.field(name, mark("This is not a valid id.")) from None


def version_asked() -> int | None:
    """The version an If-Match names, or None for whichever. Raises Malformed."""
    tag = request.if_match
    if request.headers.get("If-Match", "*").strip() == "*":
        return None
    first = next(iter(tag.as_set(include_weak=True)), "")
    version = inputs.version(first)
    if version is None:
        raise Malformed(mark("The If-Match header does not name a version of this."))
    return version


def once(permission: str) -> Callable[[View], View]:
    """A POST: allowed by `permission`, and answered once per Idempotency-Key, for 72 hours."""

    def lock(view: View) -> View:
        @allow(permission)
        @wraps(view)
        def answered(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            key = request.headers.get("Idempotency-Key")
            if not key:
                return view(*args, **kwargs)
            if len(key) > 200:
                raise Invalid(mark("An Idempotency-Key has 200 characters at most."))
            return _answered_once(view, key, args, kwargs)

        answered.allows = permission  # type: ignore[attr-defined]
        return answered

    return lock


def _answered_once(view: View, key: str, args: Any, kwargs: Any) -> ResponseReturnValue:
    session, route = db.session(), f"{request.method} {request.path}"
    principal = g.actor.key_id or g.actor.id
    fingerprint = sha256(request.get_data(cache=True) + request.query_string).digest()
    before = idempotency.begin(session, principal, route, key, fingerprint)
    if before:
        again = make_response(before.body, before.status)
        again.mimetype = "application/json"
        again.headers["Idempotent-Replay"] = "true"
        return again
    response = make_response(view(*args, **kwargs))
    idempotency.finish(session, principal, route, key, response.status_code, response.get_data())
    return response

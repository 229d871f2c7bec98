"""Changes of provider accounts take two people: they decide to whom customers' numbers are handed. Stopping takes one."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Conflict, mark
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.providers import accounts
from app.domain.providers.accounts import AccountInput
from app.domain.providers.models import ProviderAccount

SUBJECT = "provider"
WRITE = "providers:write"


def propose_new(session: Session, new: AccountInput, *, by: Actor) -> Approval:
    """Ask for an account. Raises as accounts.create."""
    require(by, WRITE)
    accounts.check(session, new)
    account_id: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
    shown = new.model_dump(mode="json", exclude={"secret"})
    change = Change((SUBJECT, account_id), new.name, "provider.create", WRITE, values=new.model_dump(), after=shown)
    return changes.propose(session, change, by=by)


def propose(session: Session, account_id: UUID, new: AccountInput, *, by: Actor) -> Approval | None:
    """Ask for a change of an account; None when it was carried out: nothing but its name is different, or nothing at all.

    Raises as accounts.update.
    """
    require(by, WRITE)
    account = accounts.get(session, account_id)
    accounts.check(session, new, account)
    changed = accounts.differences(session, account, new)
    if not new.secret and changed.keys() <= {"name"}:
        accounts.update(session, account_id, new, by=by)
        return None
    before = {name: getattr(account, name) for name in changed}
    after = {**changed, **({"secret": "replaced"} if new.secret else {})}
    change = Change(
        (SUBJECT, account.id), account.name, "provider.change", WRITE,
        values=new.model_dump(), before=_plain(before), after=_plain(after), state=_state(account),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def propose_use(session: Session, account_id: UUID, *, by: Actor) -> Approval:
    """Ask for an account to be used again. Raises NotFound, Conflict (it is used)."""
    require(by, WRITE)
    account = accounts.get(session, account_id)
    if account.is_enabled:
        raise Conflict(mark("The account is in use already."))
    change = Change(
        (SUBJECT, account.id), account.name, "provider.enable", WRITE,
        before={"state": "disabled"}, after={"state": "ready", "sender": account.sender}, state=_state(account),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> ProviderAccount:
    """Decide for a proposal about an account.

    Raises:
        NotFound, Conflict (decided, expired, or the account is another meanwhile), Invalid, Forbidden, FactorNeeded.
    """
    approval = decisions.get(session, approval_id)
    act = approval.summary["act"]
    if act == "provider.create":
        values = changes.approve(session, approval, state={}, note=note, by=by)
        return accounts.create(session, AccountInput(**values), account_id=approval.subject_id, by=by)
    account = accounts.get(session, approval.subject_id)
    values = changes.approve(session, approval, state=_state(account), note=note, by=by)
    if act == "provider.enable":
        return accounts.set_enabled(session, account.id, True, by=by)
    return accounts.update(session, account.id, AccountInput(**values), by=by)


def _state(account: ProviderAccount) -> dict[str, object]:
    return {"fingerprint": accounts.fingerprint(account), "is_enabled": account.is_enabled}


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Amounts as texts: what is shown is kept as JSON."""
    return {name: str(value) if hasattr(value, "quantize") else value for name, value in values.items()}

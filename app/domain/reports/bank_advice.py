"""What the figures of a month advise: each piece of advice is a rule with its limit, and says the number it rests on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt

from app.core import i18n
from app.core.errors import mark
from app.domain.reports.bank_facts import FEWEST, Facts, hidden
from app.domain.reports.words import Words

INVALID = ("invalid_number", "not_mobile", "no_address")
RUBBER_STAMP = timedelta(seconds=60)
SLOW = timedelta(minutes=30)
MANY = 100  # messages of an account, below which its rate says nothing
SURE = 2.58  # standard deviations: one chance in a hundred that two accounts are alike


@dataclass(frozen=True)
class Advice:
    """What to do, and the number that says so."""

    code: str
    words: str
    number: str


def advise(facts: Facts, say: Words) -> list[Advice]:
    """All that applies, in the order of the rules."""
    return [found for rule in RULES for found in rule(facts, say)]


def part(say: Words, number: int, whole: int) -> str:
    """So many of so many, and the share; of few people only that they are few."""
    values = {"number": say.number(number), "whole": say.number(whole)}
    if 0 < number < FEWEST:
        return say(mark("fewer than %(few)s of %(whole)s"), few=FEWEST, whole=values["whole"])
    share = i18n.percent(number / whole, say.locale, 2) if whole else "–"
    return say(mark("%(number)s of %(whole)s (%(share)s)"), **values, share=share)


def over(say: Words, limit: float, whole: int) -> str:
    """That it is more than the limit, where the number would tell what the tables do not."""
    share = i18n.percent(limit, say.locale, 0)
    return say(mark("more than %(share)s of %(whole)s"), share=share, whole=say.number(whole))


def _invalid(facts: Facts, say: Words) -> Iterator[Advice]:
    sent = facts.sent
    bad = sum(sent.failures.get(name, 0) + sent.skips.get(name, 0) for name in INVALID)
    untold = {*hidden(sent.failures), *hidden(facts.reasons_not_sent)}
    if bad > 0.02 * sent.audience:
        words = mark(
            "Have the numbers of customers who cannot be reached by SMS corrected, branch by branch (limit 2%)."
        )
        number = over(say, 0.02, sent.audience) if untold & {*INVALID} else part(say, bad, sent.audience)
        yield Advice("invalid_numbers", say(words), number)


def _unknown(facts: Facts, say: Words) -> Iterator[Advice]:
    number, whole = facts.totals["indeterminate"], facts.totals["customers"]
    if whole and number >= 0.005 * whole:
        days = ", ".join(i18n.day(day, say.locale) for day, _ in facts.missing[0][:5])
        words = mark("Ask the core bank for the values that are missing (limit 0.5%%), above all of: %(days)s.")
        yield Advice("indeterminate", say(words, days=days or "–"), part(say, number, whole))


def _same_day(facts: Facts, say: Words) -> Iterator[Advice]:
    months: dict[int, int] = {}
    for missing, customers in zip(facts.missing, facts.customers, strict=True):
        for day in {day.day for day, number in missing if number >= 0.005 * customers}:
            months[day] = months.get(day, 0) + 1
    if again := sorted(day for day, number in months.items() if number > 1):
        words = mark("Repair the feed: the same day of the month had no values again, day %(days)s.")
        number = say(mark("%(number)s of %(whole)s months"), number=max(months.values()), whole=len(facts.missing))
        yield Advice("same_day", say(words, days=", ".join(map(str, again))), number)


def _opted_out(facts: Facts, say: Words) -> Iterator[Advice]:
    refused = facts.stopped + facts.sent.unsubscribed
    if refused > 0.005 * facts.sent.delivered:
        words = mark("Look at the text and how often customers are written to: many refused after it (limit 0.5%).")
        yield Advice("opted_out", say(words), part(say, refused, facts.sent.delivered))


def _long(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.sent.handed_over and facts.sent.parts > 2 * facts.sent.handed_over:
        parts = i18n.number(round(facts.sent.parts / facts.sent.handed_over, 2), say.locale)
        words = mark("Shorten the text: a message takes more than two parts.")
        yield Advice("long_text", say(words), say(mark("%(parts)s parts a message"), parts=parts))


def _near(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.near > 0.1 * facts.totals["qualified"]:
        words = mark(
            "Write to those who missed by one day before the next month ends (limit 10% of those who qualified)."
        )
        whole, is_untold = facts.totals["qualified"], "below_1" in hidden(facts.reasons["not_qualified"])
        yield Advice("near", say(words), over(say, 0.1, whole) if is_untold else part(say, facts.near, whole))


def _overridden(facts: Facts, say: Words) -> Iterator[Advice]:
    number, whole = facts.totals["overridden"], facts.totals["customers"]
    if number > 0.002 * whole:
        words = mark("Find out why outcomes are overridden by hand (limit 0.2%).")
        yield Advice("overrides", say(words), part(say, number, whole))
    elif number >= FEWEST and facts.most_overrides > 0.8 * number:
        words = mark("Have a second officer look: most overrides are one person's (limit 80%).")
        yield Advice("one_hand", say(words), part(say, facts.most_overrides, number))


def _rubber_stamp(facts: Facts, say: Words) -> Iterator[Advice]:
    one = facts.approval
    if one and one.state == "approved" and one.decided_at and one.decided_at - one.made_at < RUBBER_STAMP:
        took = say(mark("%(number)s seconds"), number=int((one.decided_at - one.made_at).total_seconds()))
        words = mark("Take time over a decision: it was made less than a minute after it was asked for.")
        yield Advice("rubber_stamp", say(words), took)


def _corrected(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.corrected:
        words = mark("Calculate the month again: balances of customers were corrected after it was released.")
        yield Advice("corrected", say(words), part(say, facts.corrected, facts.totals["customers"]))


def _in_doubt(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.sent.in_doubt > 0.0005 * facts.sent.to_send:
        words = mark("Settle the messages in doubt with the provider (limit 0.05%).")
        yield Advice("in_doubt", say(words), part(say, facts.sent.in_doubt, facts.sent.to_send))


def _provider(facts: Facts, say: Words) -> Iterator[Advice]:
    rates = sorted(
        (one.delivered / one.handed_over, one.handed_over, one.account)
        for one in facts.carried
        if one.handed_over >= MANY
    )
    if len(rates) < 2:
        return
    (bad, few, worst), (good, many, best) = rates[0], rates[-1]
    both = (bad * few + good * many) / (few + many)
    spread = sqrt(both * (1 - both) * (1 / few + 1 / many))
    if bad < 0.95 and good - bad >= 0.03 and good - bad > SURE * spread:
        words = mark(
            "Give more to %(best)s and less to %(worst)s: the difference is no chance (limits 95%% and 3 points)."
        )
        shares = {name: i18n.percent(rate, say.locale, 0) for name, rate in (("bad", bad), ("good", good))}
        number = say(mark("%(bad)s delivered against %(good)s"), **shares)
        yield Advice("provider", say(words, best=best, worst=worst), number)


def _slow(facts: Facts, say: Words) -> Iterator[Advice]:
    slow = facts.timing.slow
    if slow and timedelta(seconds=slow) > SLOW:
        words = mark("Ask the provider why messages take so long to arrive (limit 30 minutes for nine of ten).")
        minutes = i18n.number(round(slow / 60), say.locale)
        yield Advice("slow", say(words), say(mark("nine of ten within %(minutes)s minutes"), minutes=minutes))


def _unconfirmed(facts: Facts, say: Words) -> Iterator[Advice]:
    number, whole = facts.sent.failures.get("no_confirmation", 0), facts.sent.handed_over
    if number > 0.03 * whole:
        words = mark("Ask the provider for receipts: too many messages were never confirmed (limit 3%).")
        is_untold = "no_confirmation" in hidden(facts.sent.failures)
        yield Advice("unconfirmed", say(words), over(say, 0.03, whole) if is_untold else part(say, number, whole))


def _dear(facts: Facts, say: Words) -> Iterator[Advice]:
    now, then = facts.sent, facts.sent_before
    if then is None or now.per_delivered is None or not then.per_delivered:
        return
    change = float(now.per_delivered / then.per_delivered) - 1
    if change > 0.15:
        words = mark("Find out why a delivered message costs more than the month before (limit 15%).")
        yield Advice("cost", say(words), say(mark("%(share)s more"), share=i18n.percent(change, say.locale, 0)))


def _put_off(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.put_off > 0.01 * facts.timing.attempts:
        words = mark(
            "Send more slowly, or ask the provider for more: it asked to slow down (limit 1% of the attempts)."
        )
        yield Advice("put_off", say(words), part(say, facts.put_off, facts.timing.attempts))


def _old_consent(facts: Facts, say: Words) -> Iterator[Advice]:
    if facts.old_consents:
        words = mark("Ask those again who agreed to marketing more than two years ago.")
        yield Advice("old_consent", say(words), part(say, facts.old_consents, facts.sent.handed_over))


def _one_phone(facts: Facts, say: Words) -> Iterator[Advice]:
    number, whole = facts.sent.skips.get("duplicate_address", 0), facts.sent.audience
    if number > 0.005 * whole:
        words = mark("Have numbers looked at that several customers share (limit 0.5%).")
        is_untold = "duplicate_address" in hidden(facts.reasons_not_sent)
        yield Advice("one_phone", say(words), over(say, 0.005, whole) if is_untold else part(say, number, whole))


def _budget(facts: Facts, say: Words) -> Iterator[Advice]:
    ahead, each = facts.ahead, facts.sent.per_delivered
    if ahead is None or each is None or ahead.expected * each <= ahead.budget:
        return
    words = mark("Raise the budget of the programme before %(month)s is told: its messages may cost more than that.")
    number = mark("about %(number)s will qualify, at %(each)s each: %(cost)s against %(budget)s")
    cost, budget = (i18n.money(one, ahead.currency, say.locale) for one in (ahead.expected * each, ahead.budget))
    price = f"{i18n.number(each, say.locale, 4)} {ahead.currency}"
    said = say(number, number=say.number(ahead.expected), each=price, cost=cost, budget=budget)
    yield Advice("budget", say(words, month=i18n.month(ahead.month, say.locale)), said)


RULES: tuple[Callable[[Facts, Words], Iterator[Advice]], ...] = (
    _invalid, _unknown, _same_day, _opted_out, _long, _near, _overridden, _rubber_stamp, _corrected, _in_doubt,
    _provider, _slow, _unconfirmed, _dear, _put_off, _old_consent, _one_phone, _budget,
)  # fmt: skip

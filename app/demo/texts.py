"""What the demonstration bank writes: marketing says so, names the bank and can be refused; service does neither."""

from functools import partial

from app.demo.bank import Bank, Step, When
from app.domain.content import gallery, library
from app.domain.content.library import Said, TemplateInput

WRITTEN = When(19, 10)

_EMAIL = gallery.STARTS["email-offer"]
_EN, _HE = (_EMAIL.texts[language].body for language in ("en", "he"))


def _sms(name: str, en: str, he: str) -> TemplateInput:
    return TemplateInput(name=name, channel="sms", texts={"en": Said(body=en), "he": Said(body=he)})


_END_EN = "Advertisement, {{ organisation.name }}. Stop: {{ unsubscribe_url }}"
_END_HE = "פרסומת, {{ organisation.name }}. להסרה: {{ unsubscribe_url }}"
_HELLO_EN = 'Hello {{ contact.first_name | default: "customer" }}, '
_HELLO_HE = 'שלום {{ contact.first_name | default: "לקוח יקר" }}, '


def _email(name: str, en: tuple[str, str, str, str], he: tuple[str, str, str, str]) -> TemplateInput:
    """The e-mail of the gallery with another subject, sentence, button and page."""
    said = {
        "en": (_EN, en, "Your savings can earn more. Until the end of the month our customers get 4.2% on a one-year deposit.",
            "See the offer"),
        "he": (_HE, he, "החיסכון שלכם יכול להרוויח יותר. עד סוף החודש לקוחותינו נהנים מריבית של 4.2% בפיקדון לשנה.", "להצעה"),
    }  # fmt: skip
    texts = {
        language: Said(
            subject=new[0], body=body.replace(old, new[1]).replace(button, new[2]).replace("/deposit", new[3])
        )
        for language, (body, new, old, button) in said.items()
    }
    return _EMAIL.model_copy(update={"name": name, "texts": texts})


TEXTS: dict[str, TemplateInput] = {
    "deposit-sms": gallery.STARTS["sms-offer"],
    "deposit-email": _EMAIL,
    "pension-sms": _sms(
        "Pension evening",
        f"{_HELLO_EN}an evening on pensions, at your branch: bank.example/p {_END_EN}",
        f"{_HELLO_HE}ערב בנושא פנסיה בסניף שלך: bank.example/p {_END_HE}",
    ),
    "pension-email": _email(
        "Pension evening by e-mail",
        ("An evening on pensions, at your branch",
            "What changes for you this year? Our advisers answer, at your branch, with coffee. No charge, no sale.",
            "Keep a seat for me", "/pension"),
        ("ערב בנושא פנסיה בסניף שלך", "מה משתנה השנה? היועצים שלנו עונים, בסניף שלכם, עם קפה. ללא תשלום וללא מכירה.",
            "שמרו לי מקום", "/pension"),
    ),
    "welcome-sms": _sms(
        "Welcome",
        f"{_HELLO_EN}welcome. The app is ready for you: bank.example/a {_END_EN}",
        f"{_HELLO_HE}ברוכים הבאים. האפליקציה מחכה לך: bank.example/a {_END_HE}",
    ),
    "welcome-email": _email(
        "Welcome by e-mail",
        ("Welcome to your new bank", "Welcome. Your account is open; the app shows it, and an adviser is there for your questions.",
            "Get the app", "/app"),
        ("ברוכים הבאים לבנק החדש שלך", "ברוכים הבאים. החשבון פתוח; רואים אותו באפליקציה, ויועץ עומד לרשותכם לכל שאלה.",
            "לאפליקציה", "/app"),
    ),
    "application-sms": _sms(
        "Application reminder",
        f"{_HELLO_EN}your home loan application is kept, go on here: bank.example/l {_END_EN}",
        f"{_HELLO_HE}הבקשה שלך למשכנתה נשמרה, להמשך: bank.example/l {_END_HE}",
    ),
    "application-email": _email(
        "Application reminder by e-mail",
        ("Your home loan application is kept", "You began an application for a home loan. What you wrote is kept; go on any time.",
            "Go on", "/site/application"),
        ("הבקשה שלך למשכנתה נשמרה", "התחלתם בקשה למשכנתה. מה שכתבתם נשמר, ואפשר להמשיך.", "להמשך", "/site/application"),
    ),
    "card-sms": gallery.STARTS["sms-notice"],
    "card-email": gallery.STARTS["email-notice"],
}  # fmt: skip

# What a customer is told whose month counted: a service message, since it is about the account she has.
MONTH = TemplateInput(
    name="A month that counts",
    channel="sms",
    message_class="service",
    texts={
        "en": Said(body=_HELLO_EN + "{{ values.month }} counts for {{ values.programme }}: your balance was there on every day. "
            "{{ organisation.name }}"),
        "he": Said(body=_HELLO_HE + "{{ values.month }} נספר בתוכנית {{ values.programme }}: היתרה שלך עמדה בתנאי בכל יום. "
            "{{ organisation.name }}"),
    },
)  # fmt: skip


def story(bank: Bank) -> list[Step]:
    """The texts are written."""
    return [(bank.moment(WRITTEN), partial(_write, bank))]


def _write(bank: Bank) -> None:
    with bank.by("marketer") as (session, by):
        bank.texts |= {key: library.create(session, text, by=by).id for key, text in TEXTS.items()}

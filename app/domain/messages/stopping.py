"""Whether somebody wants no more messages, said in his own words, in the languages people answer in."""

import re
import unicodedata
from itertools import pairwise

MOST_WORDS = 8  # a longer text says more than one thing: a person reads it
_ALSO = 2  # words that mean something and may follow such a word

# Words that say it wherever they come first in a short text.
_CLEAR = frozenset({
    "stop", "stopp", "stopall", "unsubscribe", "unsub", "unsubscribed", "remove", "revoke", "optout",
    "הסר", "הסרה", "הסירו", "הסירי", "להסיר", "להסרה", "תסיר", "תסירו", "תסירי", "עצור", "עצרו", "תפסיקו", "תפסיק", "הפסיקו",
    "стоп", "отписаться", "отпишите", "отписка", "отписать", "удалите", "удалить", "прекратите",
    "توقف", "توقفوا", "قف", "أوقف", "أوقفوا", "اوقف", "اوقفوا", "إيقاف", "ايقاف", "إزالة", "ازالة",
})  # fmt: skip
# Words that say it alone, or with politeness: "cancel my card" is another matter.
_ALONE = frozenset({
    "cancel", "end", "quit", "enough", "di", "די", "מספיק", "בטל", "בטלו", "לבטל", "ביטול",
    "отмена", "отменить", "хватит", "إلغاء", "الغاء", "كفى",
})  # fmt: skip
_PHRASES = (
    ("opt", "out"), ("stop", "all"), ("no", "more"), ("לא", "מעוניין"), ("לא", "מעוניינת"), ("לא", "לשלוח"), ("أزل", "اسمي"),
    ("не", "присылайте"), ("не", "пишите"),
)  # fmt: skip
_POLITE = frozenset({
    "please", "pls", "plz", "kindly", "hi", "hello", "hey", "thanks", "thank", "thx", "you", "me", "it", "this", "now", "ok",
    "the", "to", "from", "list", "messages", "texts", "sms", "sending", "all", "my", "number", "i", "want",
    "נא", "אנא", "בבקשה", "תודה", "שלום", "היי", "הי", "אותי", "את", "זה", "לי", "מהרשימה", "מרשימה", "מרשימת", "התפוצה", "רוצה",
    "מבקש", "מבקשת", "אני", "הודעות", "המספר", "שלי", "רבה", "עכשיו",
    "пожалуйста", "спасибо", "меня", "привет", "мне", "сообщения", "рассылку", "من", "فضلك", "رجاء", "رجاءً", "شكرا", "شكراً",
    "مرحبا", "لو", "سمحت",
})  # fmt: skip
_NOT = frozenset({"not", "don't", "dont", "never", "אל", "לא", "не", "لا"})
# niqqud, harakat
_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]")
_NOT_A_WORD = re.compile(r"[^\w' ]+|_")
_SIGNED = re.compile(r"^\s*(--|sent from|get outlook|נשלח מ|отправлено с|أرسلت من|أُرسلت من)", re.IGNORECASE)


def says_stop(text: str) -> bool:
    """True if a short text has a stop word as its first or only word that means something."""
    words = _words(text)
    if not words or len(words) > MOST_WORDS:
        return False
    pairs = set(pairwise(words))
    if pairs & set(_PHRASES) and len(words) <= 2 * _ALSO:
        return True
    meant = [word for word in words if word not in _POLITE]
    if not meant or _NOT & set(words):
        return False
    first, rest = meant[0], meant[1:]
    return (first in _CLEAR and len(rest) <= _ALSO) or (first in _ALONE and not rest)


def says_more(text: str) -> bool:
    """True if there is more in a text than one word that means something: a person should read it, stop word or not."""
    return len([word for word in _words(text) if word not in _POLITE]) > 1


def _words(text: str) -> list[str]:
    """The words of what the person himself wrote, without marks, points of vowels and the signature of his program."""
    lines: list[str] = []
    for line in unicodedata.normalize("NFKC", text).splitlines():
        if _SIGNED.match(line):
            break
        lines.append(line)
    shown = "".join(sign for sign in " ".join(lines) if unicodedata.category(sign) != "Cf")
    plain = _POINTS.sub("", unicodedata.normalize("NFKC", shown)).casefold().replace("’", "'")
    return [word.strip("'") for word in _NOT_A_WORD.sub(" ", plain).split() if word.strip("'")]

"""Texts to begin with, in both languages, so that nobody starts at an empty page."""

from app.core.errors import mark
from app.domain.content.library import Said, TemplateInput

_OFFER_EN = """<mjml>
  <mj-head><mj-attributes><mj-all font-family="Arial, sans-serif" /><mj-text font-size="16px" line-height="1.5" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f6f9">
    <mj-section background-color="#0b3b75" padding="20px"><mj-column><mj-text color="#ffffff" font-size="20px">{{ organisation.name }}</mj-text></mj-column></mj-section>
    <mj-section background-color="#ffffff"><mj-column>
      <mj-text>Dear {{ contact.first_name | default: "customer" }},</mj-text>
      <mj-text>Your savings can earn more. Until the end of the month our customers get 4.2% on a one-year deposit.</mj-text>
      <mj-button background-color="#0b4f9c" href="https://www.bank.example/deposit">See the offer</mj-button>
    </mj-column></mj-section>
    <mj-section><mj-column><mj-text font-size="12px" color="#56637a">Advertisement. {{ organisation.name }}, 1 Bank Street, Tel Aviv. <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text></mj-column></mj-section>
  </mj-body>
</mjml>"""

_OFFER_HE = """<mjml lang="he" dir="rtl">
  <mj-head><mj-attributes><mj-all font-family="Arial, sans-serif" /><mj-text font-size="16px" line-height="1.5" align="right" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f6f9">
    <mj-section background-color="#0b3b75" padding="20px"><mj-column><mj-text color="#ffffff" font-size="20px">{{ organisation.name }}</mj-text></mj-column></mj-section>
    <mj-section background-color="#ffffff" direction="rtl"><mj-column>
      <mj-text>{{ contact.first_name | default: "לקוחות יקרים" }}, שלום</mj-text>
      <mj-text>החיסכון שלכם יכול להרוויח יותר. עד סוף החודש לקוחותינו נהנים מריבית של 4.2% בפיקדון לשנה.</mj-text>
      <mj-button background-color="#0b4f9c" href="https://www.bank.example/deposit">להצעה</mj-button>
    </mj-column></mj-section>
    <mj-section direction="rtl"><mj-column><mj-text font-size="12px" color="#56637a">פרסומת. {{ organisation.name }}, רחוב הבנק 1, תל אביב. <a href="{{ unsubscribe_url }}">להסרה מרשימת התפוצה</a></mj-text></mj-column></mj-section>
  </mj-body>
</mjml>"""

_NOTICE_EN = """<mjml>
  <mj-head><mj-attributes><mj-all font-family="Arial, sans-serif" /><mj-text font-size="16px" line-height="1.5" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f6f9">
    <mj-section background-color="#0b3b75" padding="20px"><mj-column><mj-text color="#ffffff" font-size="20px">{{ organisation.name }}</mj-text></mj-column></mj-section>
    <mj-section background-color="#ffffff"><mj-column>
      <mj-text>Dear {{ contact.first_name | default: "customer" }},</mj-text>
      <mj-text>Your new card waits at your branch. Bring an identity card; the old card works until you collect the new one.</mj-text>
      <mj-button background-color="#0b4f9c" href="https://www.bank.example/branches">Opening hours</mj-button>
      <mj-text>We never ask for your password or your code by e-mail.</mj-text>
    </mj-column></mj-section>
    <mj-section><mj-column><mj-text font-size="12px" color="#56637a">{{ organisation.name }}, 1 Bank Street, Tel Aviv</mj-text></mj-column></mj-section>
  </mj-body>
</mjml>"""

_NOTICE_HE = """<mjml lang="he" dir="rtl">
  <mj-head><mj-attributes><mj-all font-family="Arial, sans-serif" /><mj-text font-size="16px" line-height="1.5" align="right" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f6f9">
    <mj-section background-color="#0b3b75" padding="20px"><mj-column><mj-text color="#ffffff" font-size="20px">{{ organisation.name }}</mj-text></mj-column></mj-section>
    <mj-section background-color="#ffffff" direction="rtl"><mj-column>
      <mj-text>{{ contact.first_name | default: "לקוחות יקרים" }}, שלום</mj-text>
      <mj-text>הכרטיס החדש שלכם מחכה בסניף. יש להביא תעודה מזהה; הכרטיס הישן פעיל עד לאיסוף החדש.</mj-text>
      <mj-button background-color="#0b4f9c" href="https://www.bank.example/branches">שעות פתיחה</mj-button>
      <mj-text>לעולם לא נבקש סיסמה או קוד בדואר אלקטרוני.</mj-text>
    </mj-column></mj-section>
    <mj-section direction="rtl"><mj-column><mj-text font-size="12px" color="#56637a">{{ organisation.name }}, רחוב הבנק 1, תל אביב</mj-text></mj-column></mj-section>
  </mj-body>
</mjml>"""

LABELS = {
    "sms-offer": mark("SMS: a savings offer"),
    "sms-notice": mark("SMS: a service notice"),
    "email-offer": mark("E-mail: a savings offer"),
    "email-notice": mark("E-mail: a service notice"),
}

STARTS: dict[str, TemplateInput] = {
    "sms-offer": TemplateInput(
        name="Savings offer",
        channel="sms",
        message_class="marketing",
        texts={
            "en": Said(
                body='Hello {{ contact.first_name | default: "customer" }}, 4.2% on a one-year deposit until the end of the '
                "month: bank.example/d Advertisement, {{ organisation.name }}. Stop: {{ unsubscribe_url }}"
            ),
            "he": Said(
                body='שלום {{ contact.first_name | default: "לקוח יקר" }}, 4.2% בפיקדון לשנה עד סוף החודש: bank.example/d '
                "פרסומת, {{ organisation.name }}. להסרה: {{ unsubscribe_url }}"
            ),
        },
    ),
    "sms-notice": TemplateInput(
        name="Service notice",
        channel="sms",
        message_class="service",
        texts={
            "en": Said(
                body='Hello {{ contact.first_name | default: "customer" }}, your new card waits at your branch.'
            ),
            "he": Said(body='שלום {{ contact.first_name | default: "לקוח יקר" }}, הכרטיס החדש שלך מחכה בסניף.'),
        },
    ),
    "email-offer": TemplateInput(
        name="Savings offer by e-mail",
        channel="email",
        message_class="marketing",
        texts={
            "en": Said(
                subject='{{ contact.first_name | default: "Dear customer" }}, 4.2% on your savings', body=_OFFER_EN
            ),
            "he": Said(subject='{{ contact.first_name | default: "לקוח יקר" }}, 4.2% על החיסכון שלך', body=_OFFER_HE),
        },
    ),
    "email-notice": TemplateInput(
        name="Service notice by e-mail",
        channel="email",
        message_class="service",
        texts={
            "en": Said(
                subject="Your new card waits at your branch", preheader="The old one works until then", body=_NOTICE_EN
            ),
            "he": Said(subject="הכרטיס החדש שלך מחכה בסניף", preheader="הכרטיס הישן פעיל עד אז", body=_NOTICE_HE),
        },
    ),
}

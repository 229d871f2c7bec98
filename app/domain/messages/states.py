"""The life of a message: states have ranks and only go up.

The few ways down (a lease that ended, a definite "not sent", a doubt resolved as absent) are compare-and-set statements in
dispatch and reconcile; everything else asks `rank < new rank`. A late "delivered" beats everything.
"""

RANKS = {
    "queued": 10,
    "sending": 30,
    "in_doubt": 40,
    "sent": 50,
    "undeliverable": 60,
    "failed": 65,
    "delivered": 70,
    # These end before sending; nothing follows them.
    "skipped": 90,
    "cancelled": 90,
    "expired": 90,
}

OPEN = ("queued", "sending")
HANDED_OVER = ("sent", "undeliverable", "failed", "delivered")
NOT_SENT = ("skipped", "cancelled", "expired")

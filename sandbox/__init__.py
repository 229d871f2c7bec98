"""Little local providers over real HTTP and SMTP: an SMS carrier, an SMTP sink with a mailbox page, and orders to fail.

It knows nothing of the product: it speaks only what a carrier and a relay would speak.
"""

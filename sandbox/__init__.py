"""Little local providers over real HTTP and SMTP: an SMS carrier, an SMTP sink with a mailbox page, a core bank, orders to fail.

It knows nothing of the product: it speaks only what a carrier, a relay and a core bank would speak.
"""

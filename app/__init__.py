"""Carillon: the map of the house.

Arrows only go down; import-linter (pyproject.toml) keeps it so.

    wsgi.py -> app/factory.py                 wiring only
    app/web  app/api  app/cli.py  jobs/       doors: turn a click, a call or a job into one domain call
    app/demo                                  the demonstration bank, made by the product's own verbs
    app/http                                  what web and api share: unit of work, actor, errors, limits
    app/domain/<noun>                         the product; knows no Flask, no RQ, no htmx; nouns stand on a ladder
    app/gateways  app/documents               the outside world behind Protocols | tables and HTML to xlsx, pdf, svg
    app/core                                  ground: settings, clock, db, unit, sql, queue, nouns, vault, errors, money, phone

The ladder of nouns, highest first; a noun uses only nouns below it, siblings are strangers:

    timeline | privacy        one person's whole history | what becomes of whoever is erased
    reports
    transfer
    campaigns | flows         what is sent once to many | journeys that people walk one by one
    segments
    bank                  balances of every day, programmes, who qualified in a month
    messages              one door: every message is made by messages.create_messages and ends in messages.receipts
    content | providers
    consent | events          who may be written to | what customers do
    contacts
    approvals             one four-eyes mechanism for everything
    notices | calendar | filters   mail to staff and managers | allowed hours, Shabbat, holidays | filters of lists by name
    access
    audit | outbox | links

A noun declares itself: app/domain/<noun>/declaration.py says what it brings to the rest of the house (jobs, happenings and
who hears of them, what waits, permissions, words of acts, menu, doors); app/domain/nouns.py gathers them from below, and
core/nouns.py is where the others read it.

One noun, one name, on every floor: app/domain/campaigns/, app/web/campaigns.py, app/api/campaigns.py,
jobs/campaigns.py, templates/campaigns/, tests/domain/campaigns/. A door that grows is a package of the same name. Doors stand above
the whole ladder: a noun's page may show what a noun above it answers.
"""

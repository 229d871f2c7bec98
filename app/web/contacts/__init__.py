"""Contacts in the browser: list, one contact with consents and history, the form, delete and restore."""

from app.web.contacts import consents, edit, lists, messages, replies, show, verbs
from app.web.contacts.blueprint import bp

__all__ = ["bp", "consents", "edit", "lists", "messages", "replies", "show", "verbs"]

"""What providers brings to the house: who carries messages."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject
from app.domain.providers import changes, models
from app.domain.providers.models import ProviderAccount

NOUN = Noun(
    name="providers",
    models=models,
    pages=("providers",),
    calls=("providers",),
    menu=(
        MenuEntry(mark("Administration"), 10, mark("Providers"), "plug-connected", "providers.index", "providers:read"),
    ),
    permissions={
        "providers:read": Permission(
            mark("See providers"), ("owner", "admin", "marketer", "bank_officer", "operator", "auditor")
        ),
        "providers:write": Permission(mark("Change providers"), ("owner", "operator")),
    },
    acts={
        "provider.changed": mark("Changed a provider"),
        "provider.created": mark("Created a provider"),
        "provider.disabled": mark("Disabled a provider"),
        "provider.enabled": mark("Enabled a provider"),
        "provider.tested": mark("Tested a provider"),
    },
    subjects={
        "provider": Subject(
            mark("Provider"), name=(ProviderAccount.id, ProviderAccount.name), permission="providers:read"
        ),
    },
    decides={
        "provider": changes.carry_out,
    },
)

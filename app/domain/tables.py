"""Every table of the product, for migrations and for the security that is made from them."""

from sqlalchemy import Table

from app.core.db import Base
from app.domain import nouns as _gathered  # noqa: F401 - their declarations bring the models

metadata = Base.metadata


def owned() -> list[Table]:
    """The tables that belong to organisations, parents first."""
    return [table for table in metadata.sorted_tables if "organisation_id" in table.c]


def partitioned() -> list[Table]:
    """The tables that are partitioned by month."""
    return [table for table in metadata.sorted_tables if table.dialect_options["postgresql"]["partition_by"]]

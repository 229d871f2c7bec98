"""What transfer brings to the house: files in and out."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.transfer import imports, models
from app.domain.transfer.models import Import

NOUN = Noun(
    name="transfer",
    models=models,
    pages=("imports",),
    calls=("imports", "jobs"),
    menu=(MenuEntry(mark("Audience"), 30, mark("Imports"), "upload", "imports.index", "imports:read"),),
    permissions={
        "imports:read": Permission(mark("See imports"), EVERYBODY),
        "imports:write": Permission(mark("Import contacts"), ("marketer",)),
    },
    acts={
        "import.cancelled": mark("The import ended early"),
        "import.completed": mark("The import was completed"),
        "import.errors_downloaded": mark("Downloaded the rows that an import left out"),
        "import.failed": mark("The import failed"),
        "import.started": mark("Started an import"),
        "import.stopped": mark("Stopped an import"),
        "import.uploaded": mark("Uploaded a file to import"),
    },
    subjects={
        "export": Subject(mark("Export")),
        "import": Subject(mark("Import"), name=(Import.id, Import.file_name), permission="imports:read"),
    },
    jobs=(imports.RUN_IMPORT,),
    waits=(Waiting(imports.RUN_IMPORT, imports.waiting),),
)

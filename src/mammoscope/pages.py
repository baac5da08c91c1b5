"""The rules of every page's templates: escaped, strict about what is not there."""

from __future__ import annotations

import jinja2


def templates(*folders: str) -> jinja2.Environment:
    """The templates in folders of this package, e.g. "outputs"; the first that has a name wins."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("mammoscope", folder) for folder in folders]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

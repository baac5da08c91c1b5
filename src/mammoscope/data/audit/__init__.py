"""The auditor: what would make results on a data set wrong, found before training.

`audit` reads every file once and asks the parts of this package what they find; `write_page` shows
it, `fixed` gives the manifest without it.
"""

from mammoscope.data.audit.issue import FIXES, Audit, Issue, Kind, ShortcutRow
from mammoscope.data.audit.kinds import KINDS
from mammoscope.data.audit.mend import fixed
from mammoscope.data.audit.page import write_page
from mammoscope.data.audit.run import audit

__all__ = [
    "FIXES",
    "KINDS",
    "Audit",
    "Issue",
    "Kind",
    "ShortcutRow",
    "audit",
    "fixed",
    "write_page",
]

"""Style of the try-it page, and what mends the names of Gradio's buttons."""

from __future__ import annotations

CSS = """
.verdict-words { border-left: 4px solid var(--color-accent); padding: 2px 12px; }
.verdict-words h2 { margin: 4px 0; font-size: 1.25rem; }
.verdict-words p, .notes p, .region p { margin: 4px 0; }
.notes table, .notes tr, .notes tbody, .notes thead { border: 0 !important; }
.notes table { width: 100%; border-collapse: collapse; }
.notes th, .notes td { text-align: left; padding: 4px 8px; vertical-align: top;
  border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.pictures .grid-wrap { padding-top: 32px; min-height: 0; }
.pictures .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important; }
.upload-container .or { color: inherit !important; }
.notes .refused { font-weight: 600; }
footer { display: none !important; }
"""

# Gradio names these buttons otherwise than what is read on them; what is read is the better name.
LABELS_JS = """() => {
  const mend = () => {
    const named = ".upload-container[aria-label], .thumbnail-item[aria-label]";
    document.querySelectorAll(named).forEach((one) => one.removeAttribute("aria-label"));
    document.querySelectorAll(".thumbnail-item img:not([alt=''])").forEach((one) => {
      if (one.parentElement.querySelector(".caption-label")) one.alt = "";
    });
  };
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
  mend();
}"""

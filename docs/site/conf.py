"""How Sphinx builds the documentation site; scripts/build_site.py calls it."""

from pathlib import Path
from typing import Any

from pygments.lexers.shell import BashLexer

SOURCE = Path(__file__).parents[2] / "build" / "site-source"

project = "portkey-admin-mcp"
author = "the contributors of portkey-admin-mcp"
copyright = author  # the name that Sphinx reads
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns: list[str] = []
# GitHub gives headings the same anchors.
myst_heading_anchors = 6
# A link to something that does not exist is a warning, and the build fails on warnings.
nitpicky = True

html_theme = "furo"
html_favicon = str(Path(__file__).with_name("icon.svg"))
html_title = "portkey-admin-mcp"
html_static_path = [str(SOURCE / "_static")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": False, "top_of_page_buttons": []}
pygments_style = "default"
pygments_dark_style = "monokai"


def setup(app: Any) -> None:
    """Colour files of settings as a shell would read them; Pygments has no lexer for them."""
    app.add_lexer("dotenv", BashLexer)

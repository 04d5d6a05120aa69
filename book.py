#!/usr/bin/env python3
"""Mends links that leave `docs`, which work on GitHub alone: a preprocessor of mdBook.

A page of the book may include a file from outside of `docs`. Links to that file then lead to this
page. A link to any other file becomes its text. Links of an included file begin at the folder of
that file.
"""

import json
import posixpath
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r"^\{\{#include \.\./(\S+)\}\}$", re.MULTILINE)
# A block or a span of code, which is left alone, or a link that is no image.
PART = re.compile(
    r"(?P<code>^ *```.*?^ *```|`[^`]*`)"
    r"|(?<!!)\[(?P<text>(?:[^\]`]|`[^`]*`)*)\]\((?P<to>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)


def mend(pages):
    """The texts of pages, by their names in `docs`: `pages` has each as mdBook found it, and with
    its includes expanded."""
    included = {name: INCLUDE.findall(source) for name, (source, _) in pages.items()}
    page_of = {file: name for name, files in included.items() for file in files}
    return {
        name: PART.sub(lambda part: link(part, included[name], page_of, pages), text)
        for name, (_, text) in pages.items()
    }


def link(part, included, page_of, pages):
    """A link as the book has it. Pages are in one folder."""
    if part["code"] or "://" in part["to"] or part["to"].startswith("#"):
        return part[0]
    path, _, anchor = part["to"].partition("#")
    for folder in ["docs", *map(posixpath.dirname, included)]:
        target = posixpath.normpath(posixpath.join(folder, path))
        page = page_of.get(target, target.removeprefix("docs/"))
        if page in pages:
            return f"[{part['text']}]({page}{'#' + anchor if anchor else ''})"
    return part["text"]


def chapters(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def main():
    # mdBook asks first whether a renderer is supported: all are.
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    folder = Path(context["root"], context["config"]["book"]["src"])
    found = list(chapters(book.get("items") or book["sections"]))
    pages = {c["path"]: ((folder / c["path"]).read_text(), c["content"]) for c in found}
    mended = mend(pages)
    for chapter in found:
        chapter["content"] = mended[chapter["path"]]
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()

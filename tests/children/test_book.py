"""The book: each of its links leads to a page or a picture of it. This also holds for links that
leave `docs`, and for links of files that a page includes. `book.py` is run as mdBook runs it."""

import json
import re
import subprocess
import sys
import unittest

from host import ROOT

DOCS = ROOT / "docs"
COMMAND = [sys.executable, ROOT / "book.py"]
CODE = re.compile(r"^ *```.*?^ *```|`[^`]*`", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r"^\{\{#include (\S+)\}\}$", re.MULTILINE)


class Book(unittest.TestCase):
    def test_each_link_leads_into_the_book(self):
        names = re.findall(r"\]\((\S+?)\)", (DOCS / "SUMMARY.md").read_text())
        pages = mended({name: expanded(name) for name in names})
        headings = {name: anchors(text) for name, text in pages.items()}
        links, left = 0, []
        for name, text in pages.items():
            for target in re.findall(r"\]\((\S+?)\)", CODE.sub("", text)):
                links += 1
                path, _, anchor = target.partition("#")
                page = path or name
                is_there = page in pages and (not anchor or anchor in headings[page])
                is_picture = path.endswith((".svg", ".png")) and (DOCS / path).exists()
                if not is_there and not is_picture and "://" not in target:
                    left.append(f"{name}: {target}")
        self.assertEqual(left, [])
        self.assertGreater(links, 100)

    def test_what_is_mended(self):
        pages = {
            "a.md": "[b](../B.md#x) [c](c.md) [`none`](../none.rs) `[b](../B.md)` [u](https://u/)",
            "b.md": "{{#include ../sub/B.md}}\n[y](c.md)",
            "c.md": "[1](b.md)\n```text\n[b](../sub/B.md)\n```\n[b](../sub/B.md)",
        }
        mend = self.module()
        texts = {name: (text, text) for name, text in pages.items()}
        texts["b.md"] = (pages["b.md"], "[c](../docs/c.md#y) [z](Z.md)\n[y](c.md)")
        self.assertEqual(
            mend(texts),
            {
                "a.md": "b [c](c.md) `none` `[b](../B.md)` [u](https://u/)",
                "b.md": "[c](c.md#y) z\n[y](c.md)",
                "c.md": "[1](b.md)\n```text\n[b](../sub/B.md)\n```\n[b](b.md)",
            },
        )

    def module(self):
        scope = {"__name__": "book"}
        exec(compile((ROOT / "book.py").read_text(), "book.py", "exec"), scope)
        return scope["mend"]


def expanded(name):
    """A page with the files that it includes."""
    return INCLUDE.sub(lambda found: (DOCS / found[1]).read_text(), (DOCS / name).read_text())


def mended(pages):
    """Runs the preprocessor over pages, each with its text."""
    assert subprocess.run([*COMMAND, "supports", "html"]).returncode == 0
    chapters = [
        {"Chapter": {"path": name, "content": text, "sub_items": []}}
        for name, text in pages.items()
    ]
    context = {"root": str(ROOT), "config": {"book": {"src": "docs"}}}
    given = json.dumps([context, {"items": [*chapters, "Separator"]}])
    done = subprocess.run(COMMAND, input=given, stdout=subprocess.PIPE, text=True, check=True)
    items = [item["Chapter"] for item in json.loads(done.stdout)["items"] if item != "Separator"]
    return {chapter["path"]: chapter["content"] for chapter in items}


def anchors(text):
    """Of the headings, as mdBook makes them."""
    found = {}
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        slug = re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")
        times = found[slug] = found.get(slug, -1) + 1
        found.setdefault(f"{slug}-{times}", 0)
    return found


if __name__ == "__main__":
    unittest.main()

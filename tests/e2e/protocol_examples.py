# SPDX-License-Identifier: Apache-2.0
"""The protocol's examples: tests/data/protocol/*.txt, which taskd-protocol(7) shows.

python3 protocol_examples.py writes them into the page after a change of the files."""

import json
import os
import re

SOURCE = os.environ.get(
    "TASKD_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FOLDER = os.path.join(SOURCE, "tests", "data", "protocol")
PAGE = os.path.join(SOURCE, "man", "taskd-protocol.7")


def names():
    return sorted(f[:-4] for f in os.listdir(FOLDER) if f.endswith(".txt"))


def exchanges(name):
    """Pairs of request text and expected reply."""
    with open(os.path.join(FOLDER, name + ".txt"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    for request, reply in zip(lines[0::2], lines[1::2]):
        assert request.startswith("--> ") and reply.startswith("<-- "), name
        yield request[4:], json.loads(reply[4:])


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def block(name):
    out = [".EX"]
    for request, reply in exchanges(name):
        try:
            shown = json.dumps(json.loads(request), indent=1)
        except ValueError:
            shown = request
        out.append(roff("--> " + shown))
        out.append(roff("<-- " + json.dumps(reply, indent=1)))
    return "\n".join(out + [".EE"]) + "\n"


def page_with_examples(page):
    def fill(match):
        return f'.\\" example: {match[1]}\n{block(match[1])}.\\" end\n'
    return re.sub(r'\.\\" example: (\S+)\n(?:.*?\n)??\.\\" end\n', fill, page, flags=re.S)


if __name__ == "__main__":
    with open(PAGE, encoding="utf-8") as page_file:
        new_page = page_with_examples(page_file.read())
    with open(PAGE, "w", encoding="utf-8") as page_file:
        page_file.write(new_page)

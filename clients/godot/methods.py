"""Makes addons/victoryvault/methods.gd from the server's OpenRPC document, which it reads."""

import json
import sys

HEAD = """\
# Whether a method writes. What only reads is repeated when its reply was lost; what writes gets a
# `retry_key` and is repeated too. Made by methods.py, not by hand.

const WRITES = {
"""


def table(document: dict[str, list[dict[str, object]]]) -> str:
    methods = (each for each in document["methods"] if "x-writes" in each)
    lines = (f'\t"{each["name"]}": {json.dumps(each["x-writes"])},\n' for each in methods)
    return f"{HEAD}{''.join(sorted(lines))}}}\n"


if __name__ == "__main__":
    sys.stdout.write(table(json.load(sys.stdin)))

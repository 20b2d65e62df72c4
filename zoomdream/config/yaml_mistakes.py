"""Why a text is no YAML, in words for people: the line in which the mistake is made, and that line as it should be.

PyYAML names the place where it could not go on, which for a missing colon or an open bracket is a line below, in the
words of its grammar.
"""

from __future__ import annotations

import re
from typing import Any

_LONGEST = 400  # characters of a line that are looked at
_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb"
_TYPOGRAPHIC = re.compile(f"[{_QUOTES}](.*)[{_QUOTES}]|[\u2018\u2019\u201a](.*)[\u2018\u2019]")


def explain(text: str, error: Any) -> tuple[int | None, str]:
    """The line (from 1) of the mistake that PyYAML found, and what it is, with an example."""
    lines = [line[:_LONGEST] for line in text.splitlines()] or [""]
    spot, context = error.problem_mark, error.context_mark
    if spot is None:
        return None, f"{error.problem}."
    number, problem = min(spot.line, len(lines) - 1), str(error.problem)
    line, around = lines[number], str(error.context or "")
    begun = number if context is None else min(context.line, len(lines) - 1)
    found = None
    if "cannot start any token" in problem:
        found = number, _bad_start(line, spot.column)
    elif "could not find expected ':'" in problem:
        found = begun, _without_colon(lines[begun])
    elif "mapping values are not allowed" in problem:
        found = _second_colon(lines, number, spot.column)
    elif "quoted scalar" in around:
        found = begun, _quoted(lines[begun], problem)
    elif "flow" in around:
        found = begun, _flow(lines[begun], number == begun)
    elif "block" in around or "document start" in problem:
        found = _misaligned(lines, number)
    elif "scanning an a" in around or "directive" in around:  # an anchor, an alias
        found = number, _in_quotes(line, "%" if "directive" in around else "*" if "alias" in around else "&")
    if found is None:
        return number + 1, f"{f'{around}, ' if around else ''}{problem}."
    return found[0] + 1, found[1]


def odd_quotes(text: str) -> str | None:
    """What to write for a value between typographic quotes, which are none to YAML; None for all others."""
    quoted = _TYPOGRAPHIC.fullmatch(text)
    inside = "" if quoted is None else quoted[1] or quoted[2] or ""
    return None if quoted is None else f"typographic quotes are no quotes in YAML. {_write(chr(34) + inside + chr(34))}"


def odd_key(key: str, value: Any) -> str | None:
    """What is wrong with a key that YAML takes and nobody means: a space that is missing, or is none."""
    if re.match(r"-[a-z]", key):
        return f"a dash needs a space behind it. {_write(f'- {key[1:]}: {value}')}"
    if value is None and (pair := re.fullmatch(r"(\w*[a-z_%]):(\S.*)", key)):
        return f"a colon needs a space behind it. {_write(f'{pair[1]}: {pair[2]}')}"
    if key[:1].isspace():
        return f"this line begins with signs that only look like spaces. {_write(f'  {key.strip()}: {value}')}"
    return None


def no_keys(value: Any) -> str:
    """What to write where all of a text is a line without keys, such as fps:30; "" for all else."""
    found = isinstance(value, str) and re.match(r"[a-z_.]+\s?[:=\s]\s?\S+$", value)
    return f" {_write(_with_colon(value))}." if found else ""


def _write(line: str) -> str:
    return f"Write `{line if len(line) <= 100 else line[:97] + '...'}`"


def _bad_start(line: str, column: int) -> str:
    sign = line[column : column + 1]
    if sign == "\t":
        fixed = re.sub(r"^[ \t]+", lambda indent: indent[0].replace("\t", "  "), line).replace("\t", " ")
        return f"a tab stands here, and YAML takes spaces only. {_write(fixed)}."
    if line.startswith("```"):
        return f"`{line[:20]}` belongs to the page that this was copied from, not to the YAML. Leave the line out."
    return _in_quotes(line, sign)


def _in_quotes(line: str, sign: str) -> str:
    """A value that begins with a sign of YAML's own, or holds one, belongs between quotes."""
    head, colon, value = line.partition(": ")
    value = value.strip().replace("'", "''")
    told = _write(f"{head}: '{value}'") if colon else f"Take out the {sign}"
    return f"a value with such a sign (here {sign}) stands between single quotes. {told}."


def _without_colon(line: str) -> str:
    return f"a colon and a space are missing behind a key. {_write(_with_colon(line))}."


def _with_colon(line: str) -> str:
    """`fps 30`, `fps:30`, `fps = 30` or `camera {` with what is missing."""
    match = re.fullmatch(r"(\s*(?:- )?)([\w.-]*\w)\s*[=:{]?\s*(.*?)\s*", line)
    if match is None:
        return f"{line.rstrip()}:"
    return f"{match[1]}{match[2]}: {match[3]}".rstrip()


def _second_colon(lines: list[str], number: int, column: int) -> tuple[int, str]:
    """A colon where there can be none: the second one of its line, or the first below a line that lacks its own, or
    that of a line that is indented too far.
    """
    line = lines[number]
    if re.search(r"\w:\s", line[:column]):
        again = re.search(r"\s(\w+)$", line[:column])
        if again and re.search(r":\s+\S+\s+\w+$", line[:column]) and not re.search(r"[./\\]", line):
            first, second = line[: again.start()].rstrip(), line[again.start() :].strip()
            told = f"Write `{first}`, and below it `{' ' * (len(line) - len(line.lstrip()))}{second}`"
            return number, f"a line holds one key, and this one has a second colon. {told}."
        return number, _in_quotes(line, ":")
    above = next((at for at in range(number - 1, -1, -1) if _content(lines[at])), None)
    if above is None:
        return number, f"a key cannot stand here. {_write(line.strip())}."
    if re.search(r":(\s|$)", _content(lines[above])) is None:
        return above, _without_colon(_content(lines[above]))
    width = len(lines[above]) - len(lines[above].lstrip())
    return number, (
        f"this line is indented further than the one above it, which has a value. {_write(' ' * width + line.strip())}."
    )


def _quoted(line: str, problem: str) -> str:
    if "escape" in problem:
        fixed = re.sub(r'"([^"]*)"', r"'\1'", line)
        return f"between double quotes a backslash changes what follows; single quotes leave it. {_write(fixed)}."
    sign = next((sign for sign in line if sign in "\"'"), '"')
    return f"the quote {sign} of this line is never closed. {_write(_content(line) + sign)}."


def _flow(line: str, same_line: bool) -> str:
    content = _content(line)
    for opening, closing in ("[]", "{}"):
        if content.count(opening) > content.count(closing):
            return f"the bracket {opening} of this line is never closed. {_write(content.rstrip(',') + closing)}."
    if same_line and re.search(r"[:@`|>*&!%#]", content):
        fixed = re.sub(r"(\w)\s+(\w+:\s)", r"\1, \2", content)
        if fixed != content:
            return f"a comma is missing between two keys. {_write(fixed)}."
        return _in_quotes(line, "[" if "[" in line else "{")
    return f"a comma is missing, or a bracket too many. {_write('size: [640, 360]')} in this manner."


def _misaligned(lines: list[str], number: int) -> tuple[int, str]:
    """A line that begins in a column in which none above it began, or is below one that lacks its colon."""
    line = lines[number]
    before = next((at for at in range(number - 1, -1, -1) if _content(lines[at])), None)
    above = "" if before is None else lines[before]
    if re.search(r": +(\[.*\]|\{.*\}|\".*\"|'.*') *[^\s#]", line):  # a name that goes on behind its brackets or quotes
        return number, _in_quotes(line, line.partition(": ")[2].lstrip()[0])
    if before is not None and re.search(r":(\s|$)|^\s*- ", _content(above)) is None:
        return before, _without_colon(_content(above))
    width = len(above) - len(above.lstrip())
    if above.lstrip().startswith("- ") and not line.lstrip().startswith("- "):
        width += 2
    told = _write(" " * width + line.strip())
    text = "this line begins neither in the column of the one above it, nor in that of a key further up"
    if not above:
        text, told = "the first key begins further right than those below it", _write(line.strip())
    return number, f"{text}. Keys that belong together begin in one column. {told}."


def _content(line: str) -> str:
    """The line without a comment and without spaces at its end."""
    return "" if line.lstrip().startswith("#") else re.sub(r"\s+#.*$", "", line).rstrip()

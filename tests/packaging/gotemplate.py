"""As much of Go's templates and of Helm's functions as the chart uses; anything else is an error.

Helm itself is not needed to know that the chart renders, and what it renders to.
"""

import json
import re



class TemplateError(Exception):
    """The template uses what is not known here, or names what is not there."""


def render(text, scope):
    """The text with its actions done."""
    tokens, at = [], 0
    for match in re.finditer(r"(\s*)\{\{-\s*(.*?)\s*\}\}|\{\{\s*(.*?)\s*\}\}", text, re.S):
        trimmed = match.group(2) is not None
        tokens.append(("text", text[at : match.start()]))
        tokens.append(("action", match.group(2) if trimmed else match.group(3)))
        at = match.end()
    tokens.append(("text", text[at:]))
    out, rest = _block(tokens, 0, {"$": scope, ".": scope})
    if rest != len(tokens):
        raise TemplateError("an end too many")
    return out


def _block(tokens, at, scope):
    out = []
    while at < len(tokens):
        kind, text = tokens[at]
        if kind == "text":
            out.append(text)
            at += 1
        elif text == "end":
            return "".join(out), at
        elif text.startswith("if "):
            inner, end = _block(tokens, at + 1, scope)
            out.append(inner if _value(text[3:], scope) else "")
            at = _after_end(tokens, end)
        elif text.startswith("range "):
            at = _range(tokens, at, scope, out)
        else:
            out.append(_text(_value(text, scope)))
            at += 1
    return "".join(out), at


def _range(tokens, at, scope, out):
    match = re.fullmatch(r"range (\$\w+), (\$\w+) := (.*)", tokens[at][1])
    if not match:
        raise TemplateError(f"not known: {tokens[at][1]}")
    key, value, source = match.groups()
    found = _value(source, scope)
    pairs = sorted(found.items()) if isinstance(found, dict) else list(enumerate(found))
    end = None
    for index, item in pairs:
        inner, end = _block(tokens, at + 1, {**scope, key: index, value: item})
        out.append(inner)
    if end is None:
        raise TemplateError(f"nothing to go through: {source}")
    return _after_end(tokens, end)


def _after_end(tokens, at):
    if at >= len(tokens):
        raise TemplateError("an end is missing")
    return at + 1


def _value(text, scope):
    value, *filters = [part.strip() for part in text.split("|")]
    found = _call(value, scope)
    for name in filters:
        if name != "quote":
            raise TemplateError(f"not known: {name}")
        found = json.dumps(_text(found))
    return found


def _call(text, scope):
    if text.startswith("(") and text.endswith(")"):
        return _call(text[1:-1], scope)
    name, _, rest = text.partition(" ")
    if name == "until":
        return range(_call(rest, scope))
    if name == "int":
        return int(_call(rest, scope))
    if name == "add":
        return sum(_call(part, scope) for part in rest.split())
    if re.fullmatch(r"\d+", text):
        return int(text)
    return _path(text, scope)


def _path(text, scope):
    match = re.fullmatch(r"(\$\w*)?((?:\.\w+)*)", text)
    if not match:
        raise TemplateError(f"not known: {text}")
    found = scope[match.group(1) or "."]
    for name in match.group(2).split(".")[1:]:
        if name not in found:
            raise TemplateError(f"no value: {text}")
        found = found[name]
    return found


def _text(value):
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)

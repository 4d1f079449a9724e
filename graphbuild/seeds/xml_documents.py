"""Parse XML documents of limited depth, element by element.

A document type declaration is refused, because entities that it declares can expand to gigabytes or
refer to a local file. The document is parsed in parts. Only open elements, and the children that
:meth:`Element.keep` adds to them, stay in memory.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DEPTH = 64  # nested elements
MAX_TOKEN = 2**20  # bytes of one tag, comment or processing instruction
MAX_TEXT = 65_536  # characters of the text of an element; longer text is truncated
MAX_CHILDREN = 10_000  # children that an element keeps
_ROOT_SIZE = 8_192  # number of first characters that are searched for the root element
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,99}:)?([A-Za-z_][\w.-]{0,99})")
_NOT_ELEMENTS = re.compile(r"<\?.*?\?>|<!--.*?-->", re.DOTALL)


@dataclass(slots=True)
class Element:
    """An XML element.

    Attributes:
        name: The name without namespace.
        namespace: The URI of the namespace; empty if there is none.
        line: The line number of its start.
        attributes: The attributes by name. The names have no namespace.
        text: The text directly in the element, without surrounding white space.
        parent: The element that contains it; None for the root.
        children: The child elements that were kept by :meth:`keep`.
    """

    name: str
    namespace: str
    line: int
    attributes: dict[str, str]
    parent: Element | None
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def keep(self) -> None:
        """Add the element to the children of its parent, which does not contain it by default.

        A parent keeps at most 10,000 children; others are ignored.
        """
        if self.parent is not None and len(self.parent.children) < MAX_CHILDREN:
            self.parent.children.append(self)

    def child(self, name: str) -> Element | None:
        """Return the first child in ``children`` whose name is ``name``, or None."""
        return next((each for each in self.children if each.name == name), None)


def is_xml(start: str) -> bool:
    """Return whether a text that begins with ``start`` has a declaration of XML or a DOCTYPE."""
    return start.lstrip().startswith(("<?xml", "<!DOCTYPE"))


def root_name(start: str) -> str:
    """Return the name of the root element of XML that begins with ``start``, or an empty string."""
    start = start[:_ROOT_SIZE].lstrip()
    found = _ROOT.match(_NOT_ELEMENTS.sub("", start).lstrip()) if start.startswith("<") else None
    return found[1] if found else ""


def iterate_elements(texts: Iterable[str], source: str) -> Iterator[Element]:
    """Yield each element when it ends, so that its children are yielded before it.

    Raises:
        SeedError: The document is not valid XML, declares a document type, is nested too deeply, or
            contains a very long tag or comment.
    """
    parser = _Parser(source)
    for text in texts:
        yield from parser.parse(text.encode("utf-8", "surrogatepass"))
    yield from parser.parse(b"", is_last=True)


@dataclass(slots=True)
class _Text:
    """The text directly in an element, in pieces; pieces after ``MAX_TEXT`` are dropped."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, piece: str) -> None:
        if self.length < MAX_TEXT:
            self.pieces.append(piece)
            self.length += len(piece)


class _Parser:
    """Collects the elements that end in a part of a document."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._ended: deque[Element] = deque()
        self._open: Element | None = None
        self._depth = 0
        self._texts: list[_Text] = []  # of the open elements
        self._fed = 0
        # The encoding that the document states is ignored, because the parts are passed in UTF-8.
        self._expat = expat.ParserCreate("utf-8", " ")
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._add_text

    def parse(self, part: bytes, *, is_last: bool = False) -> Iterator[Element]:
        try:
            self._expat.Parse(part, is_last)
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            raise SeedError(
                f"{self._source} is not valid XML: {reason} in line {error.lineno}"
            ) from None
        self._fed += len(part)
        # Expat keeps an unfinished token, and versions before 2.6 parse it again in each call.
        # Without a limit, the time for a token would grow with the square of its length.
        if self._fed - self._expat.CurrentByteIndex > MAX_TOKEN + len(part):
            self._refuse(f"a tag or comment is larger than {MAX_TOKEN} bytes")
        while self._ended:
            yield self._ended.popleft()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"elements are nested deeper than {MAX_DEPTH} levels")
        namespace, _, local_name = name.rpartition(" ")
        local = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        line = self._expat.CurrentLineNumber
        self._open = Element(local_name, namespace, line, local, self._open)
        self._texts.append(_Text())

    def _add_text(self, text: str) -> None:
        self._texts[-1].add(text)

    def _end(self, _: str) -> None:
        element = self._open
        if element is not None:  # expat reports no end without a start
            element.text = "".join(self._texts.pop().pieces)[:MAX_TEXT].strip()
            self._ended.append(element)
            self._open = element.parent
            self._depth -= 1

    def _refuse(self, problem: str) -> NoReturn:
        raise SeedError(f"{self._source}, line {self._expat.CurrentLineNumber}: {problem}")

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("document types (DOCTYPE) are not supported; remove the declaration")

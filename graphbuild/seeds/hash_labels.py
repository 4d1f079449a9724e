"""Find out whether a text calls a hash something else than the hash of a file.

Examples are an imphash, a JA3 fingerprint, the thumbprint of a certificate, and a commit.
"""

from __future__ import annotations

import re

# Names of hexadecimal text that is not the hash of a file.
_OTHER_HASH = (
    r"imp-?hash(?:es)?|authenti-?hash|ja3s?|ja4\w*|jarm|pe-?hash|vhash|ssdeep|tlsh|telfhash|cdhash"
    r"|rich[ _-]?(?:pe[ _-]?)?(?:header[ _-]?)?hash|(?:icon[ _-]?)?[dp]hash(?:[ _-]?icon)?"
    r"|icon[ _-]?(?:hash|fuzzy)|thumb-?print"
    r"|finger-?print|cert(?:ificate)?[ _-](?:sha-?1|sha-?256|md5|hash)"
    r"|serial(?:[ _-]?(?:number|no))?|commit|passw(?:or)?d|passphrase"
    r"|(?:api|aes|rc4|xor|private|public|session|license|encryption|decryption)[ _-]?key|guid|uuid"
    r"|(?:build|campaign|bot)[ _-]?id|mutex(?:es)?|wallet|ntlm(?:[ _-]?hash)?|etag|cookie"
    r"|zertifikats?|certyfikatu?|certificado|certificat"
)
# Those that nothing else is called, so that any words can be between the name and a colon.
_CLEAR_NAME = r"imp-?hash|authenti-?hash|ja3s?|jarm|vhash|thumb-?print|certyfikatu?|zertifikats?"
# Words between the name of a hash and the hash, such as in "thumbprint (SHA-1) of a.exe".
_CONNECTING_WORD = (
    r"(?:of|for|in|at|is|was|the|this|its|an?|md5|sha-?1|sha-?256|hash|value|number|id|hex|zip"
    r"|archive|file|sample|certificate|repository|[\w-]+\.[a-z0-9]{2,4})"
)
_LABEL_BEFORE = re.compile(
    rf"(?<![a-z0-9])({_OTHER_HASH})s?(?![a-z0-9]|[)\]]\s?[,;])"
    rf"(?:(?:[^\w\n,;|]+{_CONNECTING_WORD}(?!\w)){{0,5}}[^\w\n]*|[^\w\n]*(\n)\W*)$",
    re.IGNORECASE,
)
_LABEL_AFTER = re.compile(rf"[\"'`]?[ ]?[(\[]({_OTHER_HASH})[)\]]", re.IGNORECASE)
# A label that is alone in the next cell of a table. If the cell after it contains a hash, the label
# belongs to that hash instead.
_LABEL_IN_NEXT_CELL = re.compile(
    r"[\"'`]?[ ]{0,20}\|[ ]{0,20}"
    r"((?:(?:certificate|cert|signer|tls|ssl|sha-?1|sha-?256|md5)[ ]){0,3}"
    r"(?:imp-?hash|authenti-?hash|ja3s?|jarm|vhash|thumb-?print|finger-?print|serial number))"
    r"[ ]{0,20}\|(?![ \"'`]{0,20}[0-9a-f]{32})",
    re.IGNORECASE,
)
# In rules of Suricata, and in JSON, whose strings are on lines of their own.
_JA3_HASH = re.compile(
    r"\b(ja3s?)(?:[._]hash;\s{0,9}content:\s{0,9}\"|\W{1,9}hash\W{1,9})$", re.IGNORECASE
)
_NAME_AND_WORDS = re.compile(
    rf"(?<![a-z0-9])({_CLEAR_NAME})(?:[ ][\w()-]{{1,20}}){{1,4}}[ ]?:[\s\"'`*]*$", re.IGNORECASE
)
_MIME_BOUNDARY = re.compile(r"\b(boundary)=\"?[\w.=-]{0,40}$", re.IGNORECASE)
_COMMIT = re.compile(r"[\"'`)>]?[ ](?:at|@|revision)[ ]`?")  # between a repository and a hash
_TAG = re.compile(r"<[^<>\n]*>|\\[A-Za-z]{1,20}\{")  # of HTML, or the start of a LaTeX command
_SAME_LIST = re.compile(r"[\s,;*\u2022-]*")  # text between hashes of one list


class HashLabels:
    """Finds the labels of the hashes of a text, which must be passed in their order."""

    def __init__(self) -> None:
        self._label = ""  # of the previous hash
        self._labels_next_lines = False  # the label is on a line of its own, before a list

    def find(self, before: str, after: str, previous_url: str = "") -> str:
        """Return what the text calls a hash, in lower case, if it is not the hash of a file.

        Args:
            before: The text before the hash, since the previous hash or other indicator.
            after: The text after the hash.
            previous_url: The URL that precedes ``before``, or an empty string.
        """
        self._find_before(before)
        if previous_url.endswith(".git") and _COMMIT.fullmatch(before):
            return "commit"
        label_after = _LABEL_AFTER.match(after) or _LABEL_IN_NEXT_CELL.match(after)
        return label_after[1].lower() if label_after else self._label

    def _find_before(self, before: str) -> None:
        if _SAME_LIST.fullmatch(before):
            if "\n" in before and not self._labels_next_lines:
                self._label = ""
        else:
            text = _TAG.sub(" ", before)
            label = _LABEL_BEFORE.search(text)
            self._labels_next_lines = bool(label and label[2])
            label = (
                label
                or _JA3_HASH.search(text)
                or _NAME_AND_WORDS.search(text)
                or _MIME_BOUNDARY.search(text)
            )
            self._label = label[1].lower() if label else ""

"""Find labels in text that say that a hash is not the hash of a file.

Examples are labels of an imphash, a JA3 fingerprint, the thumbprint of a certificate, and a commit.
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
# The names that have no other meaning. Between such a name and a colon, there can be up to four
# words of any kind, as in "thumbprint of the signer: <hash>".
_CLEAR_NAME = r"imp-?hash|authenti-?hash|ja3s?|jarm|vhash|thumb-?print|certyfikatu?|zertifikats?"
# Words that can be between any name and the hash, as in "thumbprint (SHA-1) of a.exe: <hash>".
_CONNECTING_WORD = (
    r"(?:of|for|in|at|is|was|the|this|its|an?|md5|sha-?1|sha-?256|hash|value|number|id|hex|zip"
    r"|archive|file|sample|certificate|repository|[\w-]+\.[a-z0-9]{2,4})"
)
# A label before a hash. Group 2 matches only if the label ends a line and the hash is on the next.
_LABEL_BEFORE = re.compile(
    rf"(?<![a-z0-9])({_OTHER_HASH})s?(?![a-z0-9]|[)\]]\s?[,;])"
    rf"(?:(?:[^\w\n,;|]+{_CONNECTING_WORD}(?!\w)){{0,5}}[^\w\n]*|[^\w\n]*(\n)\W*)$",
    re.IGNORECASE,
)
_LABEL_AFTER = re.compile(rf"[\"'`]?[ ]?[(\[]({_OTHER_HASH})[)\]]", re.IGNORECASE)
# A label that is alone in the next cell of a table. If the cell after the label contains a hash,
# the pattern does not match, because the label belongs to that hash.
_LABEL_IN_NEXT_CELL = re.compile(
    r"[\"'`]?[ ]{0,20}\|[ ]{0,20}"
    r"((?:(?:certificate|cert|signer|tls|ssl|sha-?1|sha-?256|md5)[ ]){0,3}"
    r"(?:imp-?hash|authenti-?hash|ja3s?|jarm|vhash|thumb-?print|finger-?print|serial number))"
    r"[ ]{0,20}\|(?![ \"'`]{0,20}[0-9a-f]{32})",
    re.IGNORECASE,
)
# A label in a rule of Suricata, or the name of a field in JSON.
_JA3_HASH = re.compile(
    r"\b(ja3s?)(?:[._]hash;\s{0,9}content:\s{0,9}\"|\W{1,9}hash\W{1,9})$", re.IGNORECASE
)
_NAME_AND_WORDS = re.compile(
    rf"(?<![a-z0-9])({_CLEAR_NAME})(?:[ ][\w()-]{{1,20}}){{1,4}}[ ]?:[\s\"'`*]*$", re.IGNORECASE
)
_MIME_BOUNDARY = re.compile(r"\b(boundary)=\"?[\w.=-]{0,40}$", re.IGNORECASE)
_COMMIT = re.compile(r"[\"'`)>]?[ ](?:at|@|revision)[ ]`?")  # between a repository and its commit
_TAG = re.compile(r"<[^<>\n]*>|\\[A-Za-z]{1,20}\{")  # an HTML tag or the start of a LaTeX command
_SAME_LIST = re.compile(r"[\s,;*\u2022-]*")  # text between hashes of one list


class HashLabels:
    """Finds the labels of the hashes in a text.

    A label can apply to a list of hashes. Therefore, call ``find`` for each hash in their order.
    """

    def __init__(self) -> None:
        self._label = ""  # of the previous hash
        self._labels_next_lines = False  # whether the label ends a line before a list of hashes

    def find(self, before: str, after: str, previous_url: str = "") -> str:
        """Return the label that says that a hash is not the hash of a file, in lower case.

        Return an empty string if there is no such label.

        Args:
            before: The text between the previous hash or other indicator and the hash.
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

"""Find out whether a text calls a hash something else than the hash of a file.

Examples are an imphash, a JA3 fingerprint, the thumbprint of a certificate, and a commit.
"""

from __future__ import annotations

import re

# Names of hexadecimal text that is not the hash of a file.
_OTHER_HASH = (
    r"imp-?hash(?:es)?|authenti-?hash|ja3s?|ja4\w*|jarm|pe-?hash|vhash|ssdeep|tlsh|telfhash|cdhash"
    r"|rich[ _-]?(?:pe[ _-]?)?(?:header[ _-]?)?hash|(?:icon[ _-]?)?[dp]hash|thumb-?print"
    r"|finger-?print|cert(?:ificate)?[ _-](?:sha-?1|sha-?256|md5|hash)"
    r"|serial(?:[ _-]?(?:number|no))?|commit|passw(?:or)?d|passphrase"
    r"|(?:api|aes|rc4|xor|private|public|session|license|encryption|decryption)[ _-]?key|guid|uuid"
    r"|build[ _-]?id|mutex|campaign[ _-]?id|bot[ _-]?id|wallet|ntlm(?:[ _-]?hash)?|etag|cookie"
)
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
_TAG = re.compile(r"<[^<>\n]*>")
_SAME_LIST = re.compile(r"[\s,;*\u2022-]*")  # text between hashes of one list


class HashLabels:
    """Finds the labels of the hashes of a text, which must be passed in their order."""

    def __init__(self) -> None:
        self._label = ""  # of the previous hash
        self._labels_next_lines = False  # the label is on a line of its own, before a list

    def find(self, before: str, after: str) -> str:
        """Return what the text calls a hash, in lower case, if it is not the hash of a file.

        Args:
            before: The text before the hash, since the previous hash or other indicator.
            after: The text after the hash.
        """
        self._find_before(before)
        label_after = _LABEL_AFTER.match(after)
        return label_after[1].lower() if label_after else self._label

    def _find_before(self, before: str) -> None:
        if _SAME_LIST.fullmatch(before):
            if "\n" in before and not self._labels_next_lines:
                self._label = ""
        else:
            label = _LABEL_BEFORE.search(_TAG.sub(" ", before))
            self._label = label[1].lower() if label else ""
            self._labels_next_lines = bool(label and label[2])

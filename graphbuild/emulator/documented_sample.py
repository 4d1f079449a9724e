"""The sample of the API documentation: a file, a collection and two of the file's 241 references.

https://docs.virustotal.com/reference/files
"""

from __future__ import annotations

from graphbuild.emulator.models import Reference

FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"
COLLECTION = "malpedia_win_emotet"
NAME = "Emotet"
COUNT = 241  # number of references of the file, according to the documentation

REFERENCES = (
    Reference.from_url(
        "https://www.proofpoint.com/us/threat-insight/post/holiday-lull-not-so-much",
        creation_date=1515715200,
        author="Proofpoint Staff",
        title="Holiday lull? Not so much",
    ),
    Reference.from_url(
        "https://www.fortinet.com/blog/threat-research/"
        "ms-office-files-involved-again-in-recent-emotet-trojan-campaign-part-ii",
        creation_date=1647993600,
        author="Xiaopeng Zhang",
        title="MS Office Files Involved Again in Recent Emotet Trojan Campaign – Part II",  # noqa: RUF001 - the dash is part of the sample
    ),
)

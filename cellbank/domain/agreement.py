"""What everybody accepts before their first signature (21 CFR 11.10(j), 11.100(c); domain reference §2, R9).

Another text is another version: whoever accepted an older one is asked again before the next signature.
"""

import hashlib

TITLE = "Statement on electronic signatures"
PARAGRAPHS = (
    "My electronic signature in this system is the legally binding equivalent of my signature by hand.",
    "I am accountable for everything that is done and signed under my name.",
    "I keep my password, and my second factor if I have one, to myself. I never sign for anybody else, and nobody "
    "signs for me.",
    "I lock the screen or sign out whenever I leave a station.",
    "If somebody else may know my password or hold my second factor, I tell an administrator at once.",
)

VERSION = f"1 ({hashlib.sha256(chr(10).join(PARAGRAPHS).encode()).hexdigest()[:8]})"
"""What is kept with whoever accepted it. It carries the digest of the text, so that no change can be forgotten here."""

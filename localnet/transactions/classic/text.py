"""What names and domains in the ledger may be made of."""


def is_plain_text(text: bytes) -> bool:
    """Whether these are ASCII characters that can be printed, spaces among them."""
    return all(0x20 <= character < 0x7F for character in text)

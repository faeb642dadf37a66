"""The outbox: messages written by acts, sent by a sender of their own, and how it stands with them."""

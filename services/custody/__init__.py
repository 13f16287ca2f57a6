"""Keep who did what, provably: entries, their chains and commitments, and the transaction that writes them."""

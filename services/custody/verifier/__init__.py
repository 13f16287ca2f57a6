"""Two programs that check export packages, for strangers; they are shipped as they are. docs/formats/package.md."""

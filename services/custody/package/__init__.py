"""Make the export package that a stranger can check alone; every byte of it is in docs/formats/package.md."""

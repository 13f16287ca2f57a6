"""Keep whole objects under keys and never change one once kept: a folder, or an S3 server."""

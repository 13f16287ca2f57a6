"""
Keep the jobs: what is to be done, who does it until when, what became of it.

A job is one row, unique by (kind, key, recipe), so asking twice is asking once. A worker holds a
lease that it renews; a lease that ends without an answer is taken by the next. After three
failures a job is set aside with its reason, for a person to see.
"""

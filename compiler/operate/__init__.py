"""The life of an environment in a cluster: what its commands decide, and what they do, one module a command's work.

What is decided of objects that were read is pure. What acts does so through a `Cluster` that somebody named.
"""

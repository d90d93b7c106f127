"""Runs what `kubectl kustomize` prints for an overlay as processes on this machine, with the real programs."""

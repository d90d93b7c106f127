"""Applies overlays to a real etcd and kube-apiserver, as a person would, and plays the controllers that would follow."""

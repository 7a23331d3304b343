"""Manifests of sweeps on Kubernetes."""

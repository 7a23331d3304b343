"""Tests of cluster.scaffolds."""

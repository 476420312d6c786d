"""Results checked: files against digests, manifests against those they were made from, golden rows."""

//go:build conformance

// Package conformance holds upstream's end-to-end tests in go.mod, at the version that
// is linked in. Nothing builds it: cmd/demarc-conformance builds what it imports.
package conformance

import (
	_ "k8s.io/kubernetes/test/e2e"
)

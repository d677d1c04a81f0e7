package kubelet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// hexID is a repeatable identifier of 64 hex digits, as containers, images and
// sandboxes have them.
func hexID(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:])
}

// UUID is a repeatable identifier in the form that machines and boots have.
func UUID(parts ...any) string {
	h := hexID(parts...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ClusterFile is where the cluster in a data directory has its ID: NAME-xxxxxxxx, in
// the form of AKS's host names.
func ClusterFile(dataDir string) string { return filepath.Join(dataDir, "cluster.id") }

// StoreDir and KeyFile are where a cluster has its backups and their key.
func StoreDir(dataDir string) string { return filepath.Join(dataDir, "backups") }
func KeyFile(dataDir string) string  { return filepath.Join(dataDir, "provider", "backup.key") }

var idForm = regexp.MustCompile(`^-[0-9a-f]{8}$`)

// ClusterID is the ID of the cluster of a name in a data directory: the one in its
// file, else what its certificate authority's fingerprint makes it. Empty if both
// are lost, or it is a new cluster.
func ClusterID(dataDir, name string) string {
	b, _ := os.ReadFile(ClusterFile(dataDir)) // without it, there is another way
	id := strings.TrimSpace(string(b))
	if end, ok := strings.CutPrefix(id, name); ok && idForm.MatchString(end) {
		return id
	}
	b, _ = os.ReadFile(filepath.Join(dataDir, "pki", "ca.crt"))
	if block, _ := pem.Decode(b); block == nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return name + "-" + hex.EncodeToString(sum[:4])
}

package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"demarc/sim/api"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// DefaultRevisionBump is by how much a restore raises etcd's revision. A client
// may have seen revisions that the backup does not have; if they were given out
// a second time, its watches and caches would take new objects for ones that it
// knows, and never look again. So the revision goes to where nobody has been,
// and all before it is compacted: whoever asks from there is told to list anew.
// A thousand million is what etcd's own guide to disaster recovery takes: a week
// of 1,500 writes in each second.
const DefaultRevisionBump = 1_000_000_000

// Member is a member of the etcd cluster that a restore makes.
type Member struct {
	// Name is the member's.
	Name string
	// DataDir is the directory that is made. It must not exist.
	DataDir string
	// PeerURL is where the others reach it.
	PeerURL string
}

// RestoreOptions are how to restore.
type RestoreOptions struct {
	// ClusterToken must be another one for each restore: the new cluster's ID
	// is made from it, and a member that survived the old one is kept out.
	ClusterToken string
	// RevisionBump raises etcd's revision; [DefaultRevisionBump] if zero. After
	// an earlier restore it needs [RevisionBump].
	RevisionBump uint64
	// Log is where etcd's tools log; nil for nowhere.
	Log *zap.Logger
}

// RevisionBump is by how much a restore of a backup must raise the revision if
// the highest one that is known to have been in use is seen. An older backup,
// restored after a newer one, would otherwise come out below what clients have
// seen since.
func RevisionBump(b api.Backup, seen int64) uint64 {
	return DefaultRevisionBump + uint64(max(0, seen-b.Revision))
}

// Restore makes the data directories of a new etcd cluster of the members given
// from a backup. Either all of them are made, or none. A crash leaves nothing
// under the name of a data directory that is not whole. A backup that cannot be
// used is a [*BadError]. ctx is looked at between members.
//
// The plain snapshot is beside the first data directory meanwhile.
func (s *Store) Restore(ctx context.Context, want api.Backup, members []Member, o RestoreOptions) error {
	if err := checkMembers(members, o); err != nil {
		return fmt.Errorf("restore etcd: %w", err)
	}
	plain := filepath.Clean(members[0].DataDir) + ".snapshot"
	if err := os.MkdirAll(filepath.Dir(plain), 0o700); err != nil {
		return fmt.Errorf("restore etcd: %w", err)
	}
	defer os.Remove(plain)
	if err := s.Extract(ctx, want, plain); err != nil {
		return err
	}
	return restore(ctx, plain, members, o)
}

// restore does the same with a snapshot at a path.
func restore(ctx context.Context, snapshotPath string, members []Member, o RestoreOptions) (err error) {
	if err := checkMembers(members, o); err != nil {
		return fmt.Errorf("restore etcd: %w", err)
	}
	if err := checkPages(snapshotPath); err != nil {
		return fmt.Errorf("restore etcd: %w", err)
	}
	defer func() {
		if err != nil {
			for _, m := range members {
				os.RemoveAll(m.staging())
			}
		}
	}()
	for i, m := range members {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.RemoveAll(m.staging()); err != nil { // of a crash
			return fmt.Errorf("restore etcd: %w", err)
		}
		if err := restoreMember(snapshotPath, members, i, o); err != nil {
			return fmt.Errorf("restore etcd member %s: %w", m.Name, err)
		}
	}
	return publish(members)
}

func restoreMember(snapshotPath string, members []Member, i int, o RestoreOptions) error {
	m := members[i]
	var cluster []string
	for _, m := range members {
		cluster = append(cluster, m.Name+"="+m.PeerURL)
	}
	bump := o.RevisionBump
	if bump == 0 {
		bump = DefaultRevisionBump
	}
	return guarded(o.Log, func(log *zap.Logger) error {
		return snapshot.NewV3(log).Restore(snapshot.RestoreConfig{
			SnapshotPath:        snapshotPath,
			Name:                m.Name,
			OutputDataDir:       m.staging(),
			PeerURLs:            []string{m.PeerURL},
			InitialCluster:      strings.Join(cluster, ","),
			InitialClusterToken: o.ClusterToken,
			RevisionBump:        bump,
			MarkCompacted:       true,
			// The seal and the digest have just said that it is what etcd's SHA-256 was
			// right for when the backup was taken: it is not reckoned once more.
			SkipHashCheck: true,
		})
	})
}

// staging is where a member's data directory is made.
func (m Member) staging() string { return filepath.Clean(m.DataDir) + ".restoring" }

// publish gives the data directories their names, or takes them away again.
func publish(members []Member) error {
	for i, m := range members {
		if err := os.Rename(m.staging(), m.DataDir); err != nil {
			for _, done := range members[:i] {
				os.RemoveAll(done.DataDir)
			}
			return fmt.Errorf("restore etcd member %s: %w", m.Name, err)
		}
	}
	return nil
}

func checkMembers(members []Member, o RestoreOptions) error {
	if len(members) == 0 {
		return errors.New("the new cluster has no member")
	}
	if o.ClusterToken == "" {
		return errors.New("the new cluster has no token")
	}
	names := map[string]bool{}
	for _, m := range members {
		if m.Name == "" || names[m.Name] {
			return fmt.Errorf("the name %q is empty or another member's", m.Name)
		}
		names[m.Name] = true
		if _, err := os.Lstat(m.DataDir); err == nil {
			return fmt.Errorf("the data directory %s of member %s exists: move it away first", m.DataDir, m.Name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

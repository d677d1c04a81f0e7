package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"demarc/backup"
	"demarc/sim/disk"
)

// ID tells this cluster from every other, also from one of the same name: in the
// form of AKS's host names.
func (p *Plane) ID() string { return p.id }

// secure makes the cluster's certificates and keys, mends those that were damaged,
// and finds out the cluster's ID. It is made of the fingerprint of the first
// certificate authority and kept in a file of its own: backups carry it, and must
// be the cluster's also when the authority is lost.
func (p *Plane) secure() error {
	if err := p.pki.forgetEtcd(); err != nil {
		return err
	}
	m := pkiMender{pki: p.pki, kubeconfig: p.Kubeconfig(), mended: p.cfg.Mended}
	if p.settled() {
		p.id = backup.ClusterID(p.cfg.Dir, p.cfg.Name)
		if err := m.mend(); err != nil {
			return err
		}
	}
	if err := p.pki.ensure(); err != nil {
		return err
	}
	if p.id == "" {
		p.id = backup.ClusterID(p.cfg.Dir, p.cfg.Name)
	}
	return p.keepID()
}

// settled says whether the cluster was there before: a first start that ended
// early leaves neither of these.
func (p *Plane) settled() bool {
	for _, path := range []string{p.Kubeconfig(), filepath.Join(p.cfg.Dir, Etcd)} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// keepID writes the ID to its file, if it is not there.
func (p *Plane) keepID() error {
	path, want := backup.ClusterFile(p.cfg.Dir), p.id+"\n"
	if b, err := os.ReadFile(path); err == nil && string(b) == want {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the cluster's ID: %w", err)
	}
	return disk.Replace(path, []byte(want), !p.cfg.Ephemeral)
}

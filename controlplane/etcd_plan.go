package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"demarc/backup"
	"demarc/controlplane/etcdplan"
	"demarc/sim/api"
	"demarc/sim/disk"
)

// loadPlan reads the file of etcd's members. If it is lost, the members'
// data says what was in it; without any, it is a new cluster's.
func loadPlan(file, dir string, members int, mended func(api.Mended)) (etcdplan.Plan, error) {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return etcdplan.Plan{}, err
	}
	found := "it is missing"
	if err == nil {
		t, err := etcdplan.Decode(b)
		if err == nil && len(t.Formed) != members {
			return t, fmt.Errorf("%s has %d etcd members, and %d are wanted", file, len(t.Formed), members)
		}
		if err == nil {
			return t, nil
		}
		found = "it is damaged: " + err.Error()
		if err := disk.SetAside(file); err != nil {
			return t, err
		}
	}
	t := etcdplan.Plan{Token: newToken(), Formed: make([]bool, members)}
	if !hadData(dir) {
		return t, nil
	}
	for i := range members {
		t.Formed[i] = true
		if known := portsIn(memberDir(dir, i), members); known != nil {
			t.Ports = known
		}
	}
	mended(api.Mended{Subject: filepath.Base(file), Found: found, Remedy: "made anew from the members' data; nothing is lost"})
	return t, nil
}

func memberDir(dir string, i int) string { return filepath.Join(dir, Etcd, strconv.Itoa(i)) }

// hadData says whether a cluster's etcd has had data: it is there, or a backup of it.
func hadData(dir string) bool {
	members, _ := fs.Glob(os.DirFS(filepath.Join(dir, Etcd)), "*/member") // the patterns are good
	backups, _ := fs.Glob(os.DirFS(backup.StoreDir(dir)), "*.backup")
	return len(members)+len(backups) > 0
}

// portsIn is where the members of several find each other, as one of them
// remembers; nil if it does not.
func portsIn(memberDir string, members int) []int {
	known, err := backup.PeerURLs(memberDir)
	if err != nil || members == 1 || len(known) != members {
		return nil
	}
	ports := make([]int, members)
	for i := range ports {
		u, err := url.Parse(known[Etcd+"-"+strconv.Itoa(i)])
		if err != nil {
			return nil
		}
		if ports[i], err = strconv.Atoi(u.Port()); err != nil {
			return nil
		}
	}
	return ports
}

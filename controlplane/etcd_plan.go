package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"demarc/backup"
	"demarc/sim/api"
)

// topology is what must be known of the members beside their data: without it,
// a member whose data is gone would begin an empty cluster.
type topology struct {
	// Token is etcd's initial cluster token: a new one for each restore.
	Token string `json:"token"`
	// Ports are where the members find each other, if there are several.
	Ports []int `json:"ports,omitempty"`
	// Formed says of each member that it has had data.
	Formed []bool `json:"formed"`
	// Learning are the members that are being replaced: they have no vote yet.
	Learning []int `json:"learning,omitempty"`
	// Sum is the CRC-32 of the others; earlier versions wrote none.
	Sum uint32 `json:"sum,omitempty"`
}

func (t topology) encode() ([]byte, error) {
	t.Sum = t.sum()
	return json.MarshalIndent(t, "", "  ")
}

func (t topology) sum() uint32 {
	t.Sum = 0
	b, _ := json.Marshal(t) // cannot fail
	return crc32.ChecksumIEEE(b)
}

// decodeTopology reads what encode wrote.
func decodeTopology(b []byte) (t topology, err error) {
	if err := json.Unmarshal(b, &t); err != nil {
		return t, err
	}
	if t.Token == "" || len(t.Formed) == 0 || t.Sum != 0 && t.Sum != t.sum() {
		return t, errors.New("it is not what was written")
	}
	return t, nil
}

// loadTopology reads the file of a cluster's members. If it is lost, the members'
// data says what was in it; without any, it is a new cluster's.
func loadTopology(file, dir string, members int, mended func(api.Mended)) (topology, error) {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return topology{}, err
	}
	found := "it is missing"
	if err == nil {
		t, err := decodeTopology(b)
		if err == nil && len(t.Formed) != members {
			return t, fmt.Errorf("%s has %d etcd members, and %d are wanted", file, len(t.Formed), members)
		}
		if err == nil {
			return t, nil
		}
		found = "it is damaged: " + err.Error()
		if err := aside(file); err != nil {
			return t, err
		}
	}
	t := topology{Token: newToken(), Formed: make([]bool, members)}
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

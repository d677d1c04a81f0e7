package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/etcdplan"
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
		if _, err := disk.SetAside(file); err != nil {
			return t, err
		}
	}
	t := etcdplan.Plan{Token: newToken(), Formed: make([]bool, members)}
	if !hadData(dir) {
		return t, nil
	}
	recall(&t, dir)
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

// recall finds in the members' data what the file had: where they find each other, and
// who was a learner yet. One that a member has seen with a vote has it, whatever one that
// has not heard of it says.
func recall(t *etcdplan.Plan, dir string) {
	learners, voters := map[uint64]int{}, map[uint64]bool{}
	for i := range t.Formed {
		t.Formed[i] = true
		peers, err := backup.Peers(memberDir(dir, i))
		if err != nil || len(t.Formed) == 1 {
			continue
		}
		places := placesOf(peers, len(t.Formed))
		for j, p := range peers {
			if !p.Learner {
				voters[p.ID] = true
			} else if places[j] >= 0 {
				learners[p.ID] = places[j]
			}
		}
		if ports := portsOf(peers, places); len(ports) == len(t.Formed) {
			t.Ports = ports
		}
	}
	for id, place := range learners {
		if !voters[id] {
			t.Learning = append(t.Learning, place)
		}
	}
	slices.Sort(t.Learning)
}

// placesOf is the index of each of several members, by its name; a learner that has not
// told its name has the place that is left. It is -1 where that is not known.
func placesOf(peers []backup.Peer, members int) []int {
	left, places := make([]bool, members), make([]int, len(peers))
	for i := range left {
		left[i] = true
	}
	for j, p := range peers {
		places[j] = -1
		for i := range left {
			if p.Name == Etcd+"-"+strconv.Itoa(i) {
				places[j], left[i] = i, false
			}
		}
	}
	unnamed, place := slices.Index(places, -1), slices.Index(left, true)
	if len(peers) == members && unnamed >= 0 && !slices.Contains(places[unnamed+1:], -1) {
		places[unnamed] = place
	}
	return places
}

// portsOf are the ports of members in the order of their places; nil if one is not known.
func portsOf(peers []backup.Peer, places []int) []int {
	ports := make([]int, len(places))
	for j, p := range peers {
		u, err := url.Parse(p.URLs[0])
		if err != nil || places[j] < 0 || places[j] >= len(ports) {
			return nil
		}
		if ports[places[j]], err = strconv.Atoi(u.Port()); err != nil {
			return nil
		}
	}
	return ports
}

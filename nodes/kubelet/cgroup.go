package kubelet

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"syscall"
	"time"

	"demarc/nodes/program"
	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
)

// cgroupDir is a container's control group (version 2) as it sees it in /sys/fs/cgroup: its
// limits, by which runtimes choose how many threads and how much memory they take. Its
// methods are called by programs, which do not hold the lock.
type cgroupDir struct {
	unwritable
	c  *container
	id string // of the instance
}

// cgroupMount is where a container finds it.
func (c *container) cgroupMount() program.Mount {
	return program.Mount{Path: "/sys/fs/cgroup", Type: "cgroup2", Volume: cgroupDir{c: c, id: c.id}, ReadOnly: true}
}

// files are the control group's, by name. The lock is held.
func (d cgroupDir) files() map[string]string {
	var granted corev1.ResourceRequirements
	if d.c.id == d.id && d.c.granted != nil {
		granted = *d.c.granted
	}
	cpu, memory := "max", "max"
	if n := granted.Limits.Cpu().MilliValue(); n > 0 {
		cpu = fmt.Sprint(max(n*cgroupPeriod/1000, 1000))
	}
	if n := granted.Limits.Memory().Value(); n > 0 {
		memory = fmt.Sprint(n)
	}
	return map[string]string{
		"cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc", "cpu.max": fmt.Sprintf("%s %d", cpu, cgroupPeriod),
		"cpu.weight": fmt.Sprint(weight(granted.Requests.Cpu().MilliValue())), "memory.max": memory,
		"memory.current": fmt.Sprint(d.c.usage(time.Now()).memory), "pids.max": "max",
	}
}

// cgroupPeriod is the period of the CPU's quota, in microseconds (kubernetes 1.37,
// pkg/kubelet/cm: QuotaPeriod).
const cgroupPeriod = 100000

// weight is the CPU's share of a request in thousandths of a core, as runc makes it of
// cgroup v1's shares, of which 2 to 262144 become 1 to 10000 and 1024 become 100.
func weight(milli int64) int64 {
	shares := float64(min(max(milli*1024/1000, 2), 262144))
	l := math.Log2(shares)
	return int64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// find returns a file's content. The lock is held.
func (d cgroupDir) find(name string) (string, error) {
	if text, ok := d.files()[name]; ok {
		return text + "\n", nil
	}
	return "", syscall.ENOENT
}

// locked is find for who does not hold the lock.
func (d cgroupDir) locked(name string) (string, error) {
	d.c.p.k.ks.Lock.Lock()
	defer d.c.p.k.ks.Lock.Unlock()
	return d.find(name)
}

// Stat implements [program.Volume].
func (d cgroupDir) Stat(name string) (shell.File, error) {
	if name == "." {
		return shell.File{Mode: 0o555, Dir: true}, nil
	}
	text, err := d.locked(name)
	return shell.File{Size: int64(len(text)), Mode: 0o644}, err
}

// List implements [program.Volume].
func (d cgroupDir) List(name string) (files []shell.File, err error) {
	if name != "." {
		return nil, syscall.ENOTDIR
	}
	d.c.p.k.ks.Lock.Lock()
	defer d.c.p.k.ks.Lock.Unlock()
	all := d.files()
	for _, n := range slices.Sorted(maps.Keys(all)) {
		files = append(files, shell.File{Path: n, Size: int64(len(all[n]) + 1), Mode: 0o644})
	}
	return files, nil
}

// Read implements [program.Volume].
func (d cgroupDir) Read(name string) ([]byte, error) {
	if name == "." {
		return nil, syscall.EISDIR
	}
	text, err := d.locked(name)
	return []byte(text), err
}

// peek is Read for who holds the lock.
func (d cgroupDir) peek(name string) ([]byte, error) {
	text, err := d.find(name)
	return []byte(text), err
}

package kubelet

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
)

// oomTime is how long it takes a program to use more memory than it may.
const oomTime = time.Second

// tooLarge says whether the container's program uses more memory than its limit.
func (c *container) tooLarge() bool {
	s := c.spec()
	if s == nil {
		return false
	}
	limit, limited := s.Resources.Limits[corev1.ResourceMemory]
	return limited && stressed(slices.Concat(s.Command, s.Args)) > limit.Value()
}

// stressed is how much memory a command line has stress use; 0 if it is another.
func stressed(argv []string) (bytes int64) {
	if i := slices.IndexFunc(argv, func(a string) bool { return strings.HasPrefix(path.Base(a), "stress") || strings.HasPrefix(a, "--vm") }); i < 0 {
		return 0
	}
	workers, each := int64(0), int64(256<<20) // stress's own
	for i, a := range argv {
		name, value, joined := strings.Cut(a, "=")
		if !joined && i+1 < len(argv) {
			value = argv[i+1]
		}
		switch name {
		case "--vm", "-m":
			workers, _ = strconv.ParseInt(value, 10, 64) // none if it is no number
		case "--vm-bytes":
			each, _ = shell.ParseSize(value)
		}
	}
	return min(max(workers, 0), 1<<10) * each
}

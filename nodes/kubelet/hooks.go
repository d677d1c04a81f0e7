package kubelet

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// hooks are those of a container, which may be nil.
func hooks(c *corev1.Container) corev1.Lifecycle {
	if c == nil {
		return corev1.Lifecycle{}
	}
	return ptr.Deref(c.Lifecycle, corev1.Lifecycle{})
}

// hookTime is how long a hook takes. Hooks only take time here: what their
// `sleep` action or a `sleep` in their command says.
func hookTime(h *corev1.LifecycleHandler) time.Duration {
	switch {
	case h == nil:
		return 0
	case h.Sleep != nil:
		return time.Duration(max(h.Sleep.Seconds, 0)) * time.Second
	case h.Exec != nil:
		return sleepTime(strings.Join(h.Exec.Command, " "))
	}
	return 0
}

// maxHook bounds a hook: no grace period is longer in practice, and a sum of
// many must not overflow.
const maxHook = 24 * time.Hour

// sleepTime adds up the sleeps of a command line.
func sleepTime(command string) time.Duration {
	words := strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()", r) })
	var total time.Duration
	for i, w := range words {
		if !strings.HasSuffix(w, "sleep") || i+1 == len(words) {
			continue
		}
		arg := strings.Trim(words[i+1], `"'`)
		d, err := time.ParseDuration(arg)
		if err != nil {
			d, err = time.ParseDuration(arg + "s")
		}
		if err == nil && d > 0 {
			total = min(total+d, maxHook)
		}
	}
	return total
}

package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Memory is how many bytes of memory a process has, 0 if that cannot be found out.
func Memory(ctx context.Context, pid int) int64 {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		var total, resident int64
		_, _ = fmt.Sscan(string(b), &total, &resident) // 0 if it cannot be read
		return resident * int64(os.Getpagesize())
	}
	out, _ := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	kib, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10
}

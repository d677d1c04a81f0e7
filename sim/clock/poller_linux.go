//go:build faketime && linux

package clock

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits in real time until there is something from the network. The runtime of
// a faketime build never does: it only looks, whenever everything is idle. So the
// poller waits for the runtime's epoll instance, which itself can be polled.
//
// While it waits it keeps its processor, at which the runtime's monitor looks a hundred
// times a second. Without one the monitor would sleep until the next timer is due by a
// clock that stands still: if that is soon, it wakes up all the time.
type poller struct{ epoll int }

// findPoller returns nil where the runtime's epoll instance is not found. Clients
// outside are then looked for in every [fineRound].
func findPoller() *poller {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil
	}
	probe := os.NewFile(uintptr(fd), "eventfd")
	defer probe.Close()
	epoll, err := epollOf(fd)
	if err != nil {
		return nil
	}
	return &poller{epoll}
}

// epollOf finds the epoll instance that the runtime has put a descriptor into, and
// makes it ready only when it has something. The runtime keeps a descriptor of its
// own there, to end a wait of its own; once used it would stay ready, since the
// runtime never waits.
func epollOf(fd int) (int, error) {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		info, err := os.ReadFile("/proc/self/fdinfo/" + e.Name())
		if err != nil {
			continue // it was the folder's
		}
		members := epollMembers(string(info))
		if _, ok := members[fd]; !ok {
			continue
		}
		epoll, err := strconv.Atoi(e.Name())
		for member, events := range members {
			if events&unix.EPOLLET == 0 && err == nil {
				err = unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, member, nil)
			}
		}
		return epoll, err
	}
	return 0, errors.New("the runtime polls in an unknown way")
}

// epollMembers are the descriptors in an epoll instance and the events that it looks
// for, by what the kernel says of it.
func epollMembers(info string) map[int]uint32 {
	members := map[int]uint32{}
	for line := range strings.Lines(info) {
		f := strings.Fields(line) // tfd: 7 events: 8000201d …
		if len(f) < 4 || f[0] != "tfd:" {
			continue
		}
		fd, err := strconv.Atoi(f[1])
		events, err2 := strconv.ParseUint(f[3], 16, 32)
		if err == nil && err2 == nil {
			members[fd] = uint32(events)
		}
	}
	return members
}

// wait blocks in a system call, which keeps the virtual clock where it is, until the
// network has something or a span of real time is over; if that is negative, it has no
// end.
func (p *poller) wait(d time.Duration) {
	if p == nil {
		block(d)
		return
	}
	var timeout *unix.Timespec
	if d >= 0 {
		ts := unix.NsecToTimespec(int64(d))
		timeout = &ts
	}
	// One that a signal has interrupted is a shorter one.
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(p.epoll), Events: unix.POLLIN}}, timeout, nil)
}

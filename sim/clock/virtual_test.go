//go:build faketime && linux

package clock

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"demarc/sim/api"
)

// began is where the clock of these tests starts.
var began = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

var dial *Dial

func TestMain(m *testing.M) {
	// A faketime binary frames what it writes to the first two descriptors.
	if fd, err := syscall.Dup(1); err == nil {
		os.Stdout = os.NewFile(uintptr(fd), "stdout")
	}
	dial = Start(began)
	os.Exit(m.Run())
}

// set holds the clock to a rate until the end of a test.
func set(t *testing.T, rate api.Rate) {
	if err := dial.Set(rate, time.Time{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dial.Set(api.FreeRun, time.Time{}) })
}

// sleepReal waits in real time, as the network lets wait.
func sleepReal(d time.Duration) {
	over := make(chan struct{})
	var once atomic.Bool
	stop := EveryReal(d, func() {
		if once.CompareAndSwap(false, true) {
			close(over)
		}
	})
	<-over
	stop()
}

// What asks again without a pause stops a virtual clock that nobody nudges, and
// this test with it.
func TestClockMovesUnderABusyWait(t *testing.T) {
	done := dial.Fine() // no step of a second
	begin := time.Now()
	var asked [][]byte
	for time.Now().Equal(begin) {
		asked = append(asked[:len(asked)%100], make([]byte, 1024)) // as a client's request
		runtime.Gosched()
	}
	if moved := time.Since(begin); moved > nudge {
		t.Errorf("after a busy wait: the clock moved by %v, want %v", moved, nudge)
	}
	done()
	time.Sleep(time.Minute)
	if now := time.Now(); now.Sub(begin) < time.Minute || now.Sub(begin) > time.Minute+Step {
		t.Errorf("a minute later it is %v, want within a step of %v", now, begin.Add(time.Minute))
	}
}

// idleShare is more of a core than an idle clock takes on a busy machine, and much less
// than one that does not sleep.
const idleShare = 0.3

// busyMachine is for how long, in real time, a busy machine lets a program wait.
const busyMachine = 100 * time.Millisecond

// TestRates checks that the clock keeps to a rate, and that it costs next to nothing to
// hold an idle one: the pacer sleeps.
func TestRates(t *testing.T) {
	if dial.poller == nil {
		t.Fatal("the runtime's epoll instance was not found")
	}
	for _, rate := range []api.Rate{0, 0.5, 1, 60, 600} {
		set(t, rate)
		from, spent := read(), spentHere(t)
		sleepReal(2 * time.Second)
		now := read()
		share := float64(spentHere(t)-spent) / float64(now.real-from.real)
		p := pace{rate, from}
		passed, want := now.virtual.Sub(from.virtual), p.in(now.real-from.real)
		t.Logf("%v: %v of virtual time in %v, %.2f%% of a core", rate, passed, now.real-from.real, 100*share)
		if late := want - passed; late < -Step/100 || late > min(p.in(round), Step)+p.in(busyMachine) {
			t.Errorf("%v: %v of virtual time in %v, want %v", rate, passed, now.real-from.real, want)
		}
		if share > idleShare {
			t.Errorf("%v: takes %.2f%% of a core, want at most %.2f%%", rate, 100*share, 100*idleShare)
		}
		if c := dial.Clock(); c.Behind != 0 {
			t.Errorf("%v: is said to be behind: %s", rate, c.Lag())
		}
	}
}

// spentHere is the processor time of this process so far.
func spentHere(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestBehind checks that a clock that cannot go at its rate says what it reached.
func TestBehind(t *testing.T) {
	set(t, 60)
	stop := make(chan struct{})
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				for until := RealNow() + 25*time.Millisecond; RealNow() < until; {
				}
			case <-stop:
				return
			}
		}
	}()
	sleepReal(3 * time.Second)
	c := dial.Clock()
	close(stop)
	if c.Behind == 0 || c.Reached < 5 || c.Reached > 40 {
		t.Errorf("a second of work is 25 ms, and the rate is 60x: reached %v and behind is %v, want at most 40x and true", c.Reached, c.Behind != 0)
	}
}

// TestHoldSlowsFreeRun checks that a clock in free run goes no faster than real time
// while somebody waits, and that an answer that depends on timers comes.
func TestHoldSlowsFreeRun(t *testing.T) {
	for _, fine := range []bool{false, true} {
		if fine {
			defer dial.Fine()()
		}
		release := Hold()
		held := read()
		notAhead := func() {
			t.Helper()
			now := read()
			if passed, real := now.virtual.Sub(held.virtual), now.real-held.real; passed > real+fineRound {
				t.Errorf("fine %v: %v of virtual time passed in %v while somebody waited", fine, passed, real)
			}
		}
		sleepReal(200 * time.Millisecond)
		notAhead()
		from := read()
		time.Sleep(50 * time.Millisecond)
		if took := RealNow() - from.real; took > 90*time.Millisecond {
			t.Errorf("fine %v: a timer of 50 ms took %v while somebody waited", fine, took)
		}
		notAhead() // what the clock owes it may pay within the timer's time
		release()
		from = read()
		time.Sleep(time.Hour)
		if took := RealNow() - from.real; took > 5*time.Second {
			t.Errorf("fine %v: an hour took %v when nobody waited", fine, took)
		}
	}
}

// TestHungHold checks that one who waits too long no longer counts.
func TestHungHold(t *testing.T) {
	defer Hold()()
	from := read()
	time.Sleep(time.Hour)
	if took := RealNow() - from.real; took < holdLimit || took > holdLimit+5*time.Second {
		t.Errorf("an hour took %v while somebody hung, want %v and a little", took, holdLimit)
	}
}

// TestExchanges checks whose turn it is on connections with somebody outside.
func TestExchanges(t *testing.T) {
	waits := func(what string, want bool) {
		t.Helper()
		if got := outside.waits(RealNow()); got != want {
			t.Errorf("%s: the clock is held: %v, want %v", what, got, want)
		}
	}
	// talk has a word said on one end, and heard on the other.
	talk := func(from, to net.Conn) {
		t.Helper()
		heard := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(to, make([]byte, 4))
			heard <- err
		}()
		if _, err := io.WriteString(from, "word"); err != nil {
			t.Fatal(err)
		}
		if err := <-heard; err != nil {
			t.Fatal(err)
		}
	}
	far, near := net.Pipe()
	asked := Asked(near)
	waits("somebody comes to ask", true)
	talk(asked, far)
	waits("he has an answer", false)
	talk(far, asked)
	waits("he asks", true)
	talk(far, asked)
	talk(asked, far)
	waits("he has another answer", false)
	talk(far, asked)
	asked.Close()
	waits("he has gone", false)

	far, near = net.Pipe()
	asking := Asking(near)
	waits("nobody is asked", false)
	talk(asking, far)
	waits("he is asked", true)
	talk(far, asking)
	waits("he has answered", false)
	talk(asking, far)
	far.Close()
	_, _ = asking.Read(make([]byte, 1))
	waits("he has gone without an answer", false)
}

package cluster

import "sync"

// saves lets callers that come while a save runs share the one after it: each returns when
// a save is done that began after the call.
type saves struct {
	running sync.Mutex // held while one runs

	mu   sync.Mutex
	next *saving // the one that has not begun; nil if nobody waits for one
}

// saving is one save, for all that wait for it.
type saving struct {
	once sync.Once
	err  error
}

// do saves, or waits until another caller has.
func (s *saves) do(save func() error) error {
	s.mu.Lock()
	if s.next == nil {
		s.next = &saving{}
	}
	one := s.next
	s.mu.Unlock()
	one.once.Do(func() {
		s.running.Lock()
		defer s.running.Unlock()
		s.mu.Lock()
		s.next = nil
		s.mu.Unlock()
		one.err = save()
	})
	return one.err
}

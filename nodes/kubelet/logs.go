package kubelet

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// logOptions is what a request for a log asks for.
type logOptions struct {
	follow, previous, timestamps bool

	tail  int // lines from the end; -1 is all
	limit int // bytes; -1 is all
	since time.Time
}

// parseLogOptions reads the query of a request for a log.
func parseLogOptions(q url.Values, now time.Time) (logOptions, error) {
	o := logOptions{
		follow: q.Get("follow") == "true", previous: q.Get("previous") == "true", timestamps: q.Get("timestamps") == "true",
		tail: -1, limit: -1,
	}
	for name, to := range map[string]*int{"tailLines": &o.tail, "limitBytes": &o.limit} {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return o, fmt.Errorf("%s=%s: want a number that is not negative", name, v)
			}
			*to = n
		}
	}
	if v := q.Get("sinceSeconds"); v != "" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 1 {
			return o, fmt.Errorf("sinceSeconds=%s: want a number above 0", v)
		}
		o.since = now.Add(-time.Duration(n) * time.Second)
	}
	if v := q.Get("sinceTime"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return o, fmt.Errorf("sinceTime=%s: %w", v, err)
		}
		o.since = t
	}
	return o, nil
}

// logs answers with a container's log.
func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	o, err := parseLogOptions(r.URL.Query(), time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b, status, err := s.logOf(r, o.previous)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	copyLog(r.Context(), w, b, o)
}

// logOf finds the log that a request asks for.
func (s *server) logOf(r *http.Request, previous bool) (*logBuffer, int, error) {
	s.ks.Lock.Lock()
	defer s.ks.Lock.Unlock()
	c, err := s.containerOf(r)
	if err != nil {
		return nil, http.StatusNotFound, err
	}
	switch {
	case previous && c.previous != nil:
		return c.previous, 0, nil
	case previous:
		return nil, http.StatusBadRequest, fmt.Errorf("previous terminated container %q in pod %q not found", c.name, c.p.name)
	case c.log != nil:
		return c.log, 0, nil
	case c.state == absent:
		return nil, http.StatusBadRequest, fmt.Errorf("container %q in pod %q is waiting to start: %s", c.name, c.p.name, cmp.Or(c.waiting, "ContainerCreating"))
	}
	return newLogBuffer(nil, time.Time{}), 0, nil // its log went with the engine that ran it
}

// copyLog writes a log, and what is added to it if it is followed.
func copyLog(ctx context.Context, w http.ResponseWriter, b *logBuffer, o logOptions) {
	lines, next, more := b.read(0)
	for len(lines) > 0 && lines[0].at.Before(o.since) {
		lines = lines[1:]
	}
	if o.tail >= 0 && len(lines) > o.tail {
		lines = lines[len(lines)-o.tail:]
	}
	flusher, _ := w.(http.Flusher)
	for {
		for _, l := range lines {
			text := l.String()
			if o.timestamps {
				text = l.at.UTC().Format(time.RFC3339Nano) + " " + text
			}
			if o.limit >= 0 {
				text = text[:min(len(text), o.limit)]
				o.limit -= len(text)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				return // the client is gone
			}
			if o.limit == 0 {
				return
			}
		}
		if flusher != nil {
			flusher.Flush()
		}
		if !o.follow || more == nil {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
		lines, next, more = b.read(next)
	}
}

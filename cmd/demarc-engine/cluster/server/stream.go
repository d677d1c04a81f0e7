package server

import (
	"net/http"

	"demarc/sim/api"
)

// stream sends the timeline, and the steps of the drill, from the beginning or
// from where the client left off, until the drill ends or the client goes.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		fail(w, api.Errorf(http.StatusInternalServerError, "cannot stream"))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	seq, step := number(r, "from"), int(number(r, "drill"))
	for {
		events, moreEvents := s.Timeline.Kept(seq)
		steps, end, moreSteps := s.Drill.since(step)
		for _, e := range events {
			seq = e.Seq
			send(w, api.StreamTimeline, e)
		}
		for _, x := range steps {
			step = x.N
			send(w, api.StreamDrill, x)
		}
		if end != nil {
			send(w, api.StreamEnd, end)
		}
		flusher.Flush()
		if end != nil {
			return
		}
		select {
		case <-moreEvents:
		case <-moreSteps:
		case <-r.Context().Done():
			return
		case <-s.Context.Done():
			return
		}
	}
}

func send(w http.ResponseWriter, event string, data any) {
	b, err := api.Marshal(data, api.Unready)
	if err != nil {
		return // these types always marshal
	}
	// A client that has gone is noticed by its context.
	_, _ = w.Write([]byte("event: " + event + "\ndata: " + string(b) + "\n\n"))
}

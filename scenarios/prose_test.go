package scenarios_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/report"
	"demarc/sim/timeline"
)

// recording is the timeline of a scenario that was played, and what the engine had
// derived from it at the end.
type recording struct {
	events []timeline.Event
	*api.Report
}

// judged is all that the support contract says of a recording, by one edition.
type judged struct {
	Events    []api.Judgement
	Incidents []api.JudgedIncident
	Support   api.Supportability
	Report    report.Report
}

func (r recording) judge(e *policy.Edition) (all judged, err error) {
	w := policy.World{Events: r.events, Incidents: r.Incidents, Repairs: r.Repairs}
	if n := len(r.Support.History); n > 0 {
		w.Now = r.Support.History[n-1].To // when the engine judged
	}
	j := e.Judge(w)
	for _, x := range r.events {
		v, err := j.Event(x.Seq)
		if err != nil {
			return all, err
		}
		all.Events = append(all.Events, v)
	}
	for _, i := range r.Incidents {
		v, err := j.Incident(i.ID)
		if err != nil {
			return all, err
		}
		all.Incidents = append(all.Incidents, api.JudgedIncident{Incident: i, Judgement: v})
	}
	all.Support, err = j.Support()
	all.Report = report.Make(report.Input{
		Edition: e.ID, To: w.Now, Events: r.events, Incidents: all.Incidents, Repairs: r.Repairs, Restores: r.Restores, Backups: r.Backups,
		Traffic: r.Traffic, Availability: r.Availability, Support: all.Support,
	})
	return all, err
}

// reworded is the recording with other texts. text makes that of the n-th place.
func (r recording) reworded(text func(n int) string) recording {
	n := 0
	next := func() string { n++; return text(n - 1) }
	out := recording{events: slices.Clone(r.events), Report: &api.Report{}}
	*out.Report = *r.Report
	for i := range out.events {
		out.events[i].Message = next()
	}
	out.Incidents = slices.Clone(r.Incidents)
	for i := range out.Incidents {
		out.Incidents[i].Cause = next()
	}
	out.Repairs = slices.Clone(r.Repairs)
	for i := range out.Repairs {
		x := &out.Repairs[i]
		x.Cause, x.Reason = next(), next()
		x.Actions = slices.Clone(x.Actions)
		for k := range x.Actions {
			x.Actions[k].Detail, x.Actions[k].Error = next(), next()
		}
	}
	out.Restores = slices.Clone(r.Restores)
	for i := range out.Restores {
		out.Restores[i].Reason, out.Restores[i].Error = next(), next()
	}
	return out
}

// unsaid compares judgements and reports but for what they say in sentences.
var unsaid = []cmp.Option{
	cmpopts.IgnoreFields(api.Incident{}, "Cause"), cmpopts.IgnoreFields(api.Judgement{}, "Sentence"), cmpopts.IgnoreFields(api.Share{}, "Why"),
	cmpopts.IgnoreFields(api.Reason{}, "Sentence", "WayBack"), cmpopts.IgnoreUnexported(report.Report{}),
	cmpopts.IgnoreFields(report.Report{}, "Verdict"), cmpopts.IgnoreFields(report.Part{}, "Why"), cmpopts.IgnoreFields(report.Lapse{}, "Why"), cmpopts.IgnoreFields(report.Loss{}, "What"),
	cmpopts.IgnoreFields(report.Incident{}, "Cause", "Sentence"), cmpopts.IgnoreFields(report.Healer{}, "Actions"),
	cmpopts.IgnoreFields(report.Attempt{}, "Why"),
}

// checkWords judges a scenario's recording again in other words, by every edition: no
// judgement and no number of the report may change with the words of messages. The
// words are nonsense, and then those of other messages of the same recording.
func checkWords(t *testing.T, r recording) {
	t.Helper()
	if len(r.events) == 0 {
		t.Fatal("the stream had no events")
	}
	rewordings := map[string]recording{
		"in nonsense":           r.reworded(func(n int) string { return fmt.Sprint("colourless green ideas sleep furiously ", n) }),
		"in words of elsewhere": r.reworded(func(n int) string { return r.events[(n*7+len(r.events)/2)%len(r.events)].Message }),
	}
	for _, e := range policy.Editions() {
		want, err := r.judge(e)
		if err != nil {
			t.Fatal(err)
		}
		for how, other := range rewordings {
			got, err := other.judge(e)
			if err != nil {
				t.Errorf("%s by %s: %v", how, e.ID, err)
			} else if diff := cmp.Diff(want, got, unsaid...); diff != "" {
				t.Errorf("%s the timeline is judged otherwise by %s:\n%s", how, e.ID, diff)
			}
		}
	}
}

package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"demarc/sim/api"
)

// TestOwnersAddUp checks over random incidents that the owners' minutes of whatever was
// out add up to how long it was out, and that each moment of that is in one part.
func TestOwnersAddUp(t *testing.T) {
	const minutes = 60
	subjects := []string{"etcd", "kube-apiserver", "control-plane", "node/a", "kubelet/a", "containerd/a", "nodes", "addon/deployment/coredns", "backup/x"}
	owners := []string{"provider", "customer", "upstream", "shared"}
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		in := Input{From: eight, To: after(minutes)}
		out := map[string][]bool{} // by what was out, minute by minute
		for n := range 1 + rng.IntN(12) {
			from, to := rng.IntN(minutes+20)-10, 0
			to = max(1, from+1+rng.IntN(30)) // 0 is that it lasts
			shares := []api.Share{}
			for at := from; at < to; {
				end := min(to, at+1+rng.IntN(15))
				shares = append(shares, share(owners[rng.IntN(len(owners))], float64(at), float64(end)))
				at = end
			}
			subject := subjects[rng.IntN(len(subjects))]
			end := float64(to)
			if rng.IntN(5) == 0 {
				to, end = max(to, minutes), 0 // it lasts
			}
			in.Incidents = append(in.Incidents, judged(fmt.Sprint("i", n+1), subject, float64(from), end, shares...))
			name, _ := subjectOf(subject)
			if out[name] == nil {
				out[name] = make([]bool, minutes)
			}
			for m := max(0, from); m < min(minutes, to); m++ {
				out[name][m] = true
			}
		}
		r := Make(in)
		for _, o := range append(slices.Clone(r.Outages), r.APIServer) {
			want := 0
			for _, is := range out[o.Subject] {
				if is {
					want++
				}
			}
			m := o.Minutes
			if math.Abs(m.Total-float64(want)) > 1e-6 || math.Abs(m.Provider+m.Shared+m.Customer-m.Total) > 1e-6 {
				t.Fatalf("seed %d: %s was out for %d minutes: %+v", seed, o.Subject, want, m)
			}
			var last time.Time
			for _, p := range o.Parts {
				if p.From.Before(last) || !p.To.After(p.From) {
					t.Fatalf("seed %d: %s: parts overlap: %+v", seed, o.Subject, o.Parts)
				}
				last = p.To
			}
			delete(out, o.Subject)
		}
		for _, i := range r.Incidents {
			m := i.Minutes
			if !i.End.IsZero() && math.Abs(m.Total-i.LastedSeconds/60) > 1e-6 || math.Abs(m.Provider+m.Shared+m.Customer-m.Total) > 1e-6 {
				t.Fatalf("seed %d: %s lasted %g s: %+v", seed, i.ID, i.LastedSeconds, m)
			}
		}
		for name, is := range out {
			if slices.Contains(is, true) {
				t.Fatalf("seed %d: %s was out and is not in the report", seed, name)
			}
		}
	}
}

package report

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// workloads are the times in which workloads did not serve; the book of incidents
// has none of them. Where there is traffic, that is when no request succeeded,
// whichever container was down. A container whose pod answers no traffic was out
// from the event that ended it to the one that started it again. Failed are the requests
// of each traffic that failed, by owner.
func workloads(in Input, others map[string][]Part, now time.Time) (out map[string][]Part, failed []Requests) {
	out, failed = map[string][]Part{}, make([]Requests, len(in.Traffic))
	asked := map[string]bool{}
	down := containers(in, now)
	known := causesOf(others, down)
	for n, t := range in.Traffic {
		name := clean("traffic/" + t.Name)
		causes := known.and(acts(in, t))
		causes.plans = unspread(in, t)
		for _, o := range t.Outages {
			parts := trafficParts(o, t.Timeout, causes, now)
			out[name] = append(out[name], parts...)
			failed[n].share(parts, o.Failed)
		}
		for _, o := range t.Failures {
			failed[n].add(trafficPart(o, t.Timeout, causes, now).Owner, o.Failed)
		}
		for _, pod := range t.Backends {
			asked[clean("container/"+pod)] = true
		}
	}
	for name, list := range down {
		if pod, _ := path.Split(name); !asked[strings.TrimSuffix(pod, "/")] {
			out[name] = list
		}
	}
	return out, failed
}

// lookedAt is what was looked at for a cause where none was found.
const lookedAt = "nothing that happened to its Service, to its pods and what makes them, to their nodes, add-ons or load balancer explains it"

// trafficPart is an outage that clients saw. It is whose the latest of what had broken by
// then is, or else of what broke while the first of the requests was under way; and
// nobody's alone if nothing is known to be broken. An act that can show long after it was
// done gives way to what happened in that moment. What fails while things recover from a
// cause is the cause's, too. What nothing of that explains waits for the control plane, if
// that is out: the nodes do what they were last told.
func trafficPart(o traffic.Outage, timeout time.Duration, causes causes, now time.Time) Part {
	p := Part{Owner: OwnerShared, From: o.From, To: o.To, Open: o.To.IsZero(), Why: clean("requests failed: " + o.Reason + "; " + lookedAt)}
	if p.Open {
		p.To = now
	}
	for _, c := range causes.plans {
		if !c.From.After(o.From.Add(cmp.Or(timeout, traffic.DefaultTimeout))) && !c.To.Add(recovery).Before(o.From) {
			p.Owner, p.Why = c.Owner, clean("requests failed: "+o.Reason+"; "+c.Why)
			return p
		}
	}
	found := false
	for _, c := range causes.broke {
		if late := c.From.After(o.From); late && (found || c.From.After(o.From.Add(cmp.Or(timeout, traffic.DefaultTimeout)))) {
			break
		}
		if !c.To.Add(recovery).Before(o.From) {
			found = c.Incident != "" || !c.From.Before(o.From.Add(-serviceShows))
			p.Owner, p.Incident, p.Why = c.Owner, c.Incident, clean("requests failed: "+o.Reason+"; "+c.Why)
		}
	}
	if found {
		return p
	}
	for _, c := range causes.planes {
		if !c.From.After(o.From) && !c.To.Add(recovery).Before(o.From) {
			p.Owner, p.Incident, p.Why = c.Owner, c.Incident, clean("requests failed: "+o.Reason+"; what would mend it waited for the control plane: "+c.Why)
			break
		}
	}
	return p
}

// recovery is how long a workload may be out when what kept it from serving is mended:
// its containers start, its probes succeed, the load balancer sends to it again.
const recovery = time.Minute

// trafficParts is an outage that clients saw, split where its cause was mended and
// something that had broken meanwhile went on: what a later cause prolongs is the later
// one's. Only of an incident it is known when it was mended.
func trafficParts(o traffic.Outage, timeout time.Duration, causes causes, now time.Time) []Part {
	parts := []Part{trafficPart(o, timeout, causes, now)}
	for {
		last := &parts[len(parts)-1]
		i := slices.IndexFunc(causes.broke, func(c Part) bool { return c.Incident != "" && c.Incident == last.Incident })
		if i < 0 || causes.broke[i].Open {
			return parts
		}
		mended := causes.broke[i].To.Add(recovery)
		next := slices.IndexFunc(causes.broke, func(c Part) bool { return c.From.After(last.From) && !c.From.After(mended) && c.To.After(mended) })
		if next < 0 || !mended.After(last.From) || !mended.Before(last.To) {
			return parts
		}
		c, rest := causes.broke[next], *last
		rest.Owner, rest.Incident, rest.Why, rest.From = c.Owner, c.Incident, clean("requests failed: "+o.Reason+"; "+c.Why), mended
		last.To, last.Open = mended, false
		parts = append(parts, rest)
	}
}

// share counts requests that failed in an outage by the owners of its parts. In an outage
// all fail, and they come at a steady rate.
func (r *Requests) share(parts []Part, n int64) {
	whole := parts[len(parts)-1].To.Sub(parts[0].From)
	left := n
	for i, p := range parts {
		some := left
		if i < len(parts)-1 {
			some = min(left, int64(float64(n)*float64(p.To.Sub(p.From))/float64(whole)))
		}
		r.add(p.Owner, some)
		left -= some
	}
}

// carriers are the first words of what requests of workloads depend on. Without a
// control plane they go on.
var carriers = []string{"node", "nodes", "addon", "kube-proxy", "service", "loadbalancer"}

// planes are the first words of what tells the nodes where to send requests.
var planes = []string{APIServer, "kube-controller-manager", "etcd", "control-plane"}

// causes are what can have kept workloads from serving, in the order of its beginning:
// what broke, or was done; and the outages of the control plane, which keep the nodes from
// hearing what would mend it. Plans are what had all pods of a Service go at once: what
// else broke with them would not have been seen by its clients.
type causes struct{ broke, planes, plans []Part }

func causesOf(others, containers map[string][]Part) (c causes) {
	for name, parts := range others {
		word, _, _ := strings.Cut(name, "/")
		switch {
		case slices.Contains(carriers, word):
			c.broke = append(c.broke, parts...)
		case slices.Contains(planes, word):
			c.planes = append(c.planes, parts...)
		}
	}
	for _, parts := range containers {
		c.broke = append(c.broke, parts...)
	}
	return causes{broke: inOrder(c.broke), planes: inOrder(c.planes)}
}

// and are causes with more that was done.
func (c causes) and(acts []Part) causes {
	return causes{broke: inOrder(slices.Concat(c.broke, acts)), planes: c.planes}
}

// inOrder sorts causes by their beginning; of those that began together, what is an
// incident comes last.
func inOrder(list []Part) []Part {
	slices.SortFunc(list, func(a, b Part) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Incident, b.Incident), a.To.Compare(b.To), cmp.Compare(a.Why, b.Why))
	})
	return list
}

// maxBackOff is the longest that a kubelet waits before it restarts a container
// (Kubernetes, "Pod Lifecycle", container restarts). One that is not back by then
// is not wanted any more: its pod was deleted or replaced, or was to run once. Or
// its node is out, which is an outage of its own.
const maxBackOff = 5 * time.Minute

// containers are the times in which containers were down, by pod and container.
func containers(in Input, now time.Time) map[string][]Part {
	var (
		out   = map[string][]Part{}
		open  = map[string]Part{}
		roots = rootsOf(in)
	)
	end := func(name string, at time.Time) {
		p := open[name]
		if p.To = p.From.Add(maxBackOff); at.Before(p.To) {
			p.To = at
		}
		out[name] = append(out[name], p)
		delete(open, name)
	}
	for _, e := range in.Events {
		word, rest, _ := strings.Cut(e.Subject, "/")
		name := clean(e.Subject)
		_, down := open[name]
		switch {
		case word == "container" && e.Verb.Breaks() && !down:
			open[name] = Part{Owner: roots.owner(e), From: e.Time, Why: clean(e.String())}
		case word == "container" && e.Verb.Mends() && down:
			end(name, e.Time)
		case e.Verb.Means().Gone && slices.Contains(podOwners, word):
			for name := range open {
				if ofObject(name, clean(rest)) {
					end(name, e.Time)
				}
			}
		}
	}
	for name := range open {
		lasts := now.Before(open[name].From.Add(maxBackOff))
		end(name, now)
		list := out[name]
		list[len(list)-1].Open = lasts
	}
	return out
}

// ofObject says whether a container is of a pod, or of a pod of what makes pods:
// those are called NAME-SOMETHING.
func ofObject(container, object string) bool {
	pod, _ := path.Split(strings.TrimPrefix(container, "container/"))
	return podOf(strings.TrimSuffix(pod, "/"), object)
}

// podOf says whether a pod is an object, or one that it makes.
func podOf(pod, object string) bool { return pod == object || strings.HasPrefix(pod, object+"-") }

// podOwners are the first words of pods and of what makes them.
var podOwners = []string{"pod", "deployment", "replicaset", "statefulset", "daemonset", "job"}

// roots knows whose events are by what they come from: an incident's cause that was
// judged, or else the actor of the root. It has "" where that is on no side.
type roots map[int64]string

// rootsOf goes through the timeline once: causes are older than what they cause,
// and anything else is no chain.
func rootsOf(in Input) roots {
	judged := map[int64]string{} // by the events that caused incidents
	for _, x := range in.Incidents {
		if x.Incident.Event != 0 && x.Judgement.Owner != "" {
			judged[x.Incident.Event] = ownerOf(x.Judgement.Owner)
		}
	}
	r := make(roots, len(in.Events))
	for _, e := range in.Events {
		owner, ok := judged[e.Seq]
		if !ok && e.Cause > 0 && e.Cause < e.Seq {
			owner, ok = r[e.Cause]
		}
		if !ok {
			if owner = actorOwner(e.Actor); owner == OwnerShared {
				owner = ""
			}
		}
		r[e.Seq] = owner
	}
	return r
}

// owner is whose an event is. A container that fails by itself is of whoever runs
// it.
func (r roots) owner(e timeline.Event) string {
	switch {
	case r[e.Seq] != "":
		return r[e.Seq]
	case strings.HasPrefix(e.Subject, "container/kube-system/"), strings.HasPrefix(e.Subject, "container/"+api.AppRoutingNamespace+"/"):
		return OwnerProvider
	}
	return OwnerCustomer
}

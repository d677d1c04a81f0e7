package controlplane

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/util/flowcontrol"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing"
	fcrequest "k8s.io/apiserver/pkg/util/flowcontrol/request"
)

// fakeFlows lets in every request, or none.
type fakeFlows struct {
	flowcontrol.Interface
	full bool
}

func (f *fakeFlows) Handle(_ context.Context, _ flowcontrol.RequestDigest, note func(*flowcontrolv1.FlowSchema, *flowcontrolv1.PriorityLevelConfiguration, string),
	_ func() fcrequest.WorkEstimate, _ fairqueuing.QueueNoteFn, execute func(),
) {
	note(&flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: "service-accounts"}}, &flowcontrolv1.PriorityLevelConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "workload-low"}}, "")
	if !f.full {
		execute()
	}
}

func TestRejectedFlowsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Rejection
		fake := &fakeFlows{}
		x := watchedFlows{fake, newFlows(func(r Rejection) { told = append(told, r) })}
		ask := func(ctx context.Context) (served bool) {
			digest := flowcontrol.RequestDigest{User: &user.DefaultInfo{Name: "system:serviceaccount:load:crawler"}}
			x.Handle(ctx, digest, func(*flowcontrolv1.FlowSchema, *flowcontrolv1.PriorityLevelConfiguration, string) {}, nil, nil, func() { served = true })
			return served
		}
		if !ask(t.Context()) || len(told) != 0 || x.flows.crowded() {
			t.Errorf("a request that is let in: told %v, crowded %t", told, x.flows.crowded())
		}
		fake.full = true
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if ask(gone); len(told) != 0 {
			t.Errorf("a client that has gone: told %v", told)
		}
		if ask(t.Context()) || len(told) != 1 || told[0] != (Rejection{"system:serviceaccount:load:crawler", "service-accounts", "workload-low"}) || !x.flows.crowded() {
			t.Errorf("a request that is rejected: told %v, crowded %t", told, x.flows.crowded())
		}
		time.Sleep(time.Minute)
		if x.flows.crowded() {
			t.Error("crowded a minute after the last rejection")
		}
	})
}

package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNodeRequests checks what each method asks for.
func TestNodeRequests(t *testing.T) {
	var asked string
	c := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = strings.TrimSpace(r.Method + " " + r.URL.EscapedPath() + " " + string(body))
		if r.Method == http.MethodGet {
			fmt.Fprint(w, "[{}]")
			return
		}
		fmt.Fprint(w, "{}")
	})
	ctx := t.Context()
	one := func(n int, err error) error {
		if err == nil && n != 1 {
			return fmt.Errorf("%d in the list", n)
		}
		return err
	}
	for want, do := range map[string]func() error{
		"GET /v1/repairs":  func() error { l, err := c.Repairs(ctx); return one(len(l), err) },
		"GET /v1/consents": func() error { l, err := c.Consents(ctx); return one(len(l), err) },
		`POST /v1/consents {"node":"*","for":"1h0m0s","case":"42"}`: func() error {
			_, err := c.GrantConsent(ctx, ConsentRequest{Node: "*", For: Duration(time.Hour), Case: "42"})
			return err
		},
		"DELETE /v1/consents/a%2Fb":         func() error { return c.RevokeConsent(ctx, "a/b") },
		`POST /v1/escalations {"node":"0"}`: func() error { _, err := c.Escalate(ctx, EscalationRequest{Node: "0"}); return err },
		"GET /v1/iaas/vms":                  func() error { l, err := c.VMs(ctx); return one(len(l), err) },
		`POST /v1/iaas/vms {"action":"stop","vm":"0"}`: func() error {
			_, err := c.DoVM(ctx, VMRequest{Action: "stop", VM: "0"})
			return err
		},
		"GET /v1/iaas/disks": func() error { l, err := c.Disks(ctx); return one(len(l), err) },
		`POST /v1/iaas/disks {"action":"resize","disk":"claim:shop/data","sizeGiB":64}`: func() error {
			_, err := c.DoDisk(ctx, DiskRequest{Action: DiskResize, Disk: "claim:shop/data", SizeGiB: 64})
			return err
		},
		"GET /v1/iaas/loadbalancers": func() error { l, err := c.LoadBalancers(ctx); return one(len(l), err) },
		`POST /v1/iaas/loadbalancers {"action":"delete-rule","rule":"service:shop/web"}`: func() error {
			_, err := c.DoLoadBalancer(ctx, BalancerRequest{Action: BalancerDeleteRule, Rule: "service:shop/web"})
			return err
		},
		"GET /v1/iaas/routes": func() error { l, err := c.Routes(ctx); return one(len(l), err) },
		`POST /v1/iaas/routes {"action":"delete","route":"0"}`: func() error {
			_, err := c.DoRoute(ctx, RouteRequest{Action: RouteDelete, Route: "0"})
			return err
		},
		"GET /v1/iaas/shares": func() error { l, err := c.Shares(ctx); return one(len(l), err) },
		`POST /v1/iaas/shares {"action":"delete","share":"claim:shop/books"}`: func() error {
			_, err := c.DoShare(ctx, ShareRequest{Action: ShareDelete, Share: "claim:shop/books"})
			return err
		},
		"GET /v1/iaas/nsg": func() error { l, err := c.NSG(ctx); return one(len(l), err) },
		`POST /v1/iaas/nsg {"name":"x","priority":100,"direction":"Outbound","access":"Deny","protocol":"Tcp","ports":["443"],"destination":"Internet","source":"*"}`: func() error {
			_, err := c.SetNSGRule(ctx, NSGRule{Name: "x", Priority: 100, Direction: "Outbound", Access: "Deny", Protocol: "Tcp", Ports: []string{"443"}, Destination: "Internet", Source: "*"})
			return err
		},
		"DELETE /v1/iaas/nsg/x%2Fy":                   func() error { return c.DeleteNSGRule(ctx, "x/y") },
		`POST /v1/run {"node":"0","command":"uname"}`: func() error { _, err := c.Run(ctx, RunRequest{Node: "0", Command: "uname"}); return err },
	} {
		if err := do(); err != nil || asked != want {
			t.Errorf("asked for %q, %v; want %q", asked, err, want)
		}
	}
}

package cloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"demarc/sim/api"
)

// savedBalancers is the form in which load balancers are kept.
type savedBalancers struct {
	Balancers []*api.AzureLoadBalancer `json:"balancers"`
	IPs       []*api.PublicIP          `json:"ips"`
	Security  []api.NSGRule            `json:"security"`
	Next      int                      `json:"next"`
}

// Save returns the load balancers with all that is theirs, for [Balancers.Load]; nil if
// there are none. The lock is held.
func (b *Balancers) Save() (json.RawMessage, error) {
	if len(b.all) == 0 && len(b.ips) == 0 {
		return nil, nil
	}
	s := savedBalancers{Security: b.nsg.service, Next: b.next}
	for _, name := range slices.Sorted(maps.Keys(b.all)) {
		s.Balancers = append(s.Balancers, b.all[name])
	}
	for _, name := range slices.Sorted(maps.Keys(b.ips)) {
		s.IPs = append(s.IPs, b.ips[name])
	}
	return json.Marshal(s)
}

// Load puts back what Save returned. On an error there is what there was. The lock is held,
// or nobody else has the load balancers yet.
func (b *Balancers) Load(data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var s savedBalancers
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read the saved load balancers: %w", err)
	}
	all, ips := map[string]*api.AzureLoadBalancer{}, map[string]*api.PublicIP{}
	for _, l := range s.Balancers {
		if l == nil || l.Name != api.PublicBalancer && l.Name != api.InternalBalancer {
			return fmt.Errorf("read the saved load balancers: one is none of AKS's")
		}
		all[l.Name] = l
	}
	for _, ip := range s.IPs {
		if ip == nil {
			return fmt.Errorf("read the saved load balancers: a public IP address is nothing")
		}
		ips[ip.Name] = ip
	}
	if err := checkServiceRules(s.Security); err != nil {
		return fmt.Errorf("read the saved load balancers: %w", err)
	}
	b.all, b.ips, b.nsg.service = all, ips, s.Security
	b.next = max(0, min(s.Next, publicAddresses))
	b.nsg.merge()
	b.settle()
	return nil
}

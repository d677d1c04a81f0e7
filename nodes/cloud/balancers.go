package cloud

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// ErrBalancersThrottled is an error with which [Balancers.Break] has calls fail, in the words
// of Azure Resource Manager.
var ErrBalancersThrottled = api.Coded("TooManyRequests", "The request is being throttled as the limit has been reached for operation type - PutLoadBalancer. "+
	"For more information, see https://aka.ms/arm-throttling (HTTP status 429, Retry-After: 30)")

// Unavailable says whether an error is that the cloud does not do what it is asked, rightly
// or not.
func Unavailable(err error) bool {
	return errors.Is(err, ErrInternal) || errors.Is(err, ErrBalancersThrottled)
}

// maxBalancerRules is how many rules a Standard load balancer has at most (Microsoft, "Azure
// subscription and service limits").
const maxBalancerRules = 1500

// BalancerSpec is what AKS asks of load balancers for a Service.
type BalancerSpec struct {
	// Service is NAMESPACE/NAME, and Base what names of its resources begin with.
	Service, Base string
	Internal      bool
	// Address is the one that it must have; PublicIP the public IP address resource that it
	// must have, and Group the resource group of either. Empty ones leave it to AKS.
	Address, PublicIP, Group string
	// Kept is an address that it had, which it gets again if that is free. Reserved are those
	// that others had, which it does not get.
	Kept     string
	Reserved []string
	// Label is its name in Azure's DNS; empty for none.
	Label string
	// Rules are its ports; only the frontend is left to be filled in.
	Rules  []api.BalancerRule
	Probes []api.BalancerProbe
	Access Access
}

// Balancers are the load balancers of a node resource group, their public IP addresses, and
// the rules that open them in the security group of the nodes' subnet.
type Balancers struct {
	lock   *sync.Mutex
	log    *timeline.Log
	group  string // the resource ID of the resource group
	region string
	nsg    *NSG
	subnet netip.Prefix            // the nodes'
	owner  func(netip.Addr) string // the VM that has an address of the subnet; empty for none

	all    map[string]*api.AzureLoadBalancer // by name
	ips    map[string]*api.PublicIP          // by name
	index  map[socketKey]indexed
	next   int   // the public address to look at next
	broken error // why every call fails; nil if none does
	// Changed is called, without the lock, when there is another state to keep; nil for
	// nobody.
	Changed func()
}

type socketKey struct {
	at  netip.AddrPort
	udp bool
}

// indexed is a rule with what it means for a packet.
type indexed struct {
	rule     *api.BalancerRule
	probe    *api.BalancerProbe
	internal bool
}

// NewBalancers makes the load balancers of the resource group with that resource ID, in a
// region. owner is called with the lock held.
func NewBalancers(lock *sync.Mutex, log *timeline.Log, group, region string, nsg *NSG, owner func(netip.Addr) string) *Balancers {
	b := &Balancers{lock: lock, log: log, group: group, region: region, nsg: nsg, owner: owner, subnet: api.NodePrefix}
	b.all, b.ips = map[string]*api.AzureLoadBalancer{}, map[string]*api.PublicIP{}
	return b
}

// In says which prefix the nodes' subnet has, if it is not as AKS makes it.
func (b *Balancers) In(subnet netip.Prefix) { b.subnet = subnet }

// Private says whether a load balancer has an address of the subnet. The lock is held.
func (b *Balancers) Private(a netip.Addr) bool { return len(b.all) > 0 && b.used(a.String()) }

// Privates is how many addresses of the subnet load balancers have. The lock is held.
func (b *Balancers) Privates() (n int) {
	if l := b.all[api.InternalBalancer]; l != nil {
		n = len(l.Frontends)
	}
	return n
}

// Break has every call fail with an error, until it is called with nil.
func (b *Balancers) Break(err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.broken = err
}

// List is all load balancers, by name.
func (b *Balancers) List() []api.AzureLoadBalancer {
	b.lock.Lock()
	defer b.lock.Unlock()
	out := make([]api.AzureLoadBalancer, 0, len(b.all))
	for _, name := range slices.Sorted(maps.Keys(b.all)) {
		out = append(out, shown(b.all[name]))
	}
	return out
}

// shown is a load balancer as the API tells it: its lists are its own, and not nil.
func shown(l *api.AzureLoadBalancer) api.AzureLoadBalancer {
	out := *l
	out.Frontends, out.Rules, out.Probes = cloned(l.Frontends), cloned(l.Rules), cloned(l.Probes)
	out.Pool = []api.BalancerMember{}
	return out
}

func cloned[T any](list []T) []T { return append([]T{}, list...) }

// Address is a Service's address, and whether it is one of the subnet; empty if it has none.
func (b *Balancers) Address(service string) (address string, internal bool, err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.broken != nil {
		return "", false, b.broken
	}
	if l, f := b.frontend(service); f != nil {
		return f.Address, l.Name == api.InternalBalancer, nil
	}
	return "", false, nil
}

func (b *Balancers) frontend(service string) (*api.AzureLoadBalancer, *api.BalancerFrontend) {
	for _, l := range b.all {
		for i := range l.Frontends {
			if l.Frontends[i].Service == service {
				return l, &l.Frontends[i]
			}
		}
	}
	return nil, nil
}

// Ensure makes a Service's part of the load balancers what is asked for, and returns its
// address. On an error all is as it was.
func (b *Balancers) Ensure(spec BalancerSpec) (string, error) {
	b.lock.Lock()
	address, changed, err := b.ensure(spec)
	b.lock.Unlock()
	if changed && b.Changed != nil {
		b.Changed()
	}
	return address, err
}

func (b *Balancers) ensure(spec BalancerSpec) (_ string, changed bool, _ error) {
	if b.broken != nil {
		return "", false, b.broken
	}
	f, err := b.place(spec)
	if err != nil {
		return "", false, err
	}
	name := api.PublicBalancer
	if spec.Internal {
		name = api.InternalBalancer
	}
	if err := b.fits(name, f, spec); err != nil {
		return "", false, err
	}
	before := b.fingerprint()
	if _, was := b.frontend(spec.Service); was != nil && was.Edited {
		b.log.Append(timeline.Event{
			Time: time.Now(), Actor: timeline.Provider, Verb: "restored", Subject: "loadbalancer/" + spec.Service,
			Message: "the rules of the load balancer are as the Service has them again",
		})
	}
	old := b.leave(spec.Service)
	l := b.all[name]
	if l == nil {
		l = &api.AzureLoadBalancer{Name: name, ID: b.ID(name)}
		b.all[name] = l
	}
	if f.PublicIP != "" {
		ip := b.ips[f.PublicIP]
		if ip == nil {
			ip = &api.PublicIP{Name: f.PublicIP, Group: groupName(b.group), Address: f.Address, Managed: true}
			b.ips[f.PublicIP] = ip
		}
		if ip.Managed || spec.Label != "" {
			ip.Label = spec.Label
		}
	}
	f.Sources, f.Tags, f.DenyOthers = spec.Access.Sources, spec.Access.Tags, spec.Access.DenyOthers
	l.Frontends = append(l.Frontends, f)
	for _, r := range spec.Rules {
		r.Service, r.Frontend, r.Address = spec.Service, f.Name, f.Address
		l.Rules = append(l.Rules, r)
	}
	for _, p := range spec.Probes {
		p.Service = spec.Service
		l.Probes = append(l.Probes, p)
	}
	b.settle()
	for _, address := range []string{old, f.Address} {
		if err := b.open(address); err != nil {
			return "", true, err
		}
	}
	return f.Address, before != b.fingerprint(), nil
}

// fingerprint tells whether anything has changed.
func (b *Balancers) fingerprint() string {
	text, _ := json.Marshal([]any{b.all, b.ips, b.nsg.service})
	return string(text)
}

// fits says in AKS's words why a Service's rules cannot be added to a load balancer.
func (b *Balancers) fits(name string, f api.BalancerFrontend, spec BalancerSpec) error {
	l := b.all[name]
	if l == nil {
		l = &api.AzureLoadBalancer{Name: name}
	}
	rules := len(spec.Rules)
	for _, r := range l.Rules {
		if r.Service == spec.Service {
			continue
		}
		rules++
		for _, own := range spec.Rules {
			if r.Address == f.Address && r.Port == own.Port && r.Protocol == own.Protocol {
				return fmt.Errorf("checkLoadBalancerResourcesConflicts: service port %s is trying to consume the port %d which is being referenced by an existing "+
					"loadBalancing rule %s with the same protocol %s and frontend IP config with ID %s", own.Name, r.Port, r.Name, r.Protocol, b.ID(name)+"/frontendIPConfigurations/"+r.Frontend)
			}
		}
	}
	if rules > maxBalancerRules {
		return fmt.Errorf("a load balancer has at most %d rules, and with its %d ports there would be %d", maxBalancerRules, len(spec.Rules), rules)
	}
	return nil
}

// ID is the resource ID of a load balancer.
func (b *Balancers) ID(name string) string {
	return b.group + "/providers/Microsoft.Network/loadBalancers/" + name
}

// open writes the security rules for an address: for all Services that have it, and none if
// none has.
func (b *Balancers) open(address string) error {
	var grants []grant
	for _, l := range b.all {
		for _, f := range l.Frontends {
			if f.Address != address {
				continue
			}
			g := grant{access: Access{f.Sources, f.Tags, f.DenyOthers}, ports: map[string][]int32{}}
			for _, r := range l.Rules {
				if r.Service == f.Service {
					g.ports[r.Protocol] = append(g.ports[r.Protocol], r.Port)
				}
			}
			grants = append(grants, g)
		}
	}
	return b.nsg.admit(address, grants)
}

// Remove takes a Service's part of the load balancers away, with its security rules and the
// public IP address that was made for it.
func (b *Balancers) Remove(service string) (had bool, err error) {
	b.lock.Lock()
	if b.broken != nil {
		defer b.lock.Unlock()
		return false, b.broken
	}
	old := b.leave(service)
	had = old != ""
	b.settle()
	err = b.open(old)
	b.lock.Unlock()
	if had && b.Changed != nil {
		b.Changed()
	}
	return had, err
}

// leave takes all away that a Service has, and returns the address that it had; empty if it
// had none.
func (b *Balancers) leave(service string) (address string) {
	_, f := b.frontend(service)
	if f == nil {
		return ""
	}
	address = f.Address
	for _, l := range b.all {
		l.Frontends = slices.DeleteFunc(l.Frontends, func(f api.BalancerFrontend) bool { return f.Service == service })
		l.Rules = slices.DeleteFunc(l.Rules, func(r api.BalancerRule) bool { return r.Service == service })
		l.Probes = slices.DeleteFunc(l.Probes, func(p api.BalancerProbe) bool { return p.Service == service })
	}
	return address
}

func (b *Balancers) used(address string) bool {
	for _, l := range b.all {
		if slices.ContainsFunc(l.Frontends, func(f api.BalancerFrontend) bool { return f.Address == address }) {
			return true
		}
	}
	return false
}

// settle forgets load balancers and public IP addresses of AKS's that nothing uses any more,
// names the frontends, and makes the index anew.
func (b *Balancers) settle() {
	maps.DeleteFunc(b.all, func(_ string, l *api.AzureLoadBalancer) bool { return len(l.Frontends) == 0 })
	maps.DeleteFunc(b.ips, func(_ string, ip *api.PublicIP) bool { return ip.Managed && !b.used(ip.Address) })
	b.index = map[socketKey]indexed{}
	for _, l := range b.all {
		for i := range l.Frontends {
			f := &l.Frontends[i]
			f.FQDN = ""
			if ip := b.ips[f.PublicIP]; ip != nil && ip.Label != "" {
				f.FQDN = ip.Label + "." + b.region + ".cloudapp.azure.com"
			}
		}
		slices.SortFunc(l.Frontends, func(x, y api.BalancerFrontend) int { return strings.Compare(x.Service, y.Service) })
		slices.SortFunc(l.Rules, func(x, y api.BalancerRule) int {
			return cmp.Or(strings.Compare(x.Service, y.Service), cmp.Compare(x.Port, y.Port), strings.Compare(x.Protocol, y.Protocol))
		})
		slices.SortFunc(l.Probes, func(x, y api.BalancerProbe) int {
			return cmp.Or(strings.Compare(x.Service, y.Service), cmp.Compare(x.Port, y.Port), strings.Compare(x.Name, y.Name))
		})
		for i := range l.Rules {
			r := &l.Rules[i]
			x := indexed{rule: r, internal: l.Name == api.InternalBalancer}
			if p := slices.IndexFunc(l.Probes, func(p api.BalancerProbe) bool { return p.Name == r.Probe }); p >= 0 {
				x.probe = &l.Probes[p]
			}
			if address, err := netip.ParseAddr(r.Address); err == nil {
				b.index[socketKey{netip.AddrPortFrom(address, uint16(r.Port)), r.Protocol == UDP}] = x
			}
		}
	}
}

// Protocols of rules.
const (
	TCP = "Tcp"
	UDP = "Udp"
)

// Rule is the rule for what comes to a port of an address, with its probe, nil if it has
// none, and whether the address is one of the subnet. They must not be changed. The lock is
// held.
func (b *Balancers) Rule(to netip.AddrPort, udp bool) (rule *api.BalancerRule, probe *api.BalancerProbe, internal bool) {
	x := b.index[socketKey{to, udp}]
	return x.rule, x.probe, x.internal
}

// Do does something with a load balancer as a resource of the cloud, behind the back of the
// managed service.
func (b *Balancers) Do(req api.BalancerRequest, by timeline.Actor) (api.AzureLoadBalancer, error) {
	b.lock.Lock()
	l, err := b.do(req, by)
	b.lock.Unlock()
	if err == nil && b.Changed != nil {
		b.Changed()
	}
	return l, err
}

func (b *Balancers) do(req api.BalancerRequest, by timeline.Actor) (none api.AzureLoadBalancer, _ error) {
	if b.broken != nil {
		return none, b.broken
	}
	if req.Action != api.BalancerDeleteRule {
		return none, fmt.Errorf("a load balancer cannot be asked to %q: want %s", req.Action, strings.Join(api.BalancerActions, ", "))
	}
	service, of := strings.CutPrefix(req.Rule, "service:")
	var names []string
	for _, name := range slices.Sorted(maps.Keys(b.all)) {
		l := b.all[name]
		var gone []api.BalancerRule
		l.Rules = slices.DeleteFunc(l.Rules, func(r api.BalancerRule) bool {
			names = append(names, r.Name)
			if of && r.Service == service || !of && strings.EqualFold(r.Name, req.Rule) {
				gone = append(gone, r)
				return true
			}
			return false
		})
		if len(gone) == 0 {
			continue
		}
		b.settle()
		for i := range l.Frontends {
			f := &l.Frontends[i]
			f.Edited = f.Edited || slices.ContainsFunc(gone, func(r api.BalancerRule) bool { return r.Service == f.Service })
		}
		for _, r := range gone {
			e := timeline.Event{
				Time: time.Now(), Actor: by, Verb: "deleted", Subject: "loadbalancer/" + r.Service,
				Message: fmt.Sprintf("rule %s of load balancer %s is gone: %s:%d leads nowhere", r.Name, name, r.Address, r.Port),
			}
			if by == timeline.Customer {
				e.Detail = &timeline.Detail{Resource: true}
			}
			b.log.Append(e)
		}
		return shown(l), nil
	}
	if of {
		return none, api.Coded("NotFound", "No load balancer has a rule for the Service %q; want service:NAMESPACE/NAME.", service)
	}
	return none, api.Coded("NotFound", "The load balancing rule %s was not found.%s", req.Rule, didYouMean(req.Rule, names))
}

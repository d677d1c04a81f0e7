package api

import (
	"context"
	"net/http"
	"net/url"
)

// Repairs lists the repairs of nodes, of what runs on them and of add-ons, the
// oldest first.
func (c *Client) Repairs(ctx context.Context) (list []Repair, err error) {
	return list, c.call(ctx, http.MethodGet, PathRepairs, nil, &list)
}

// Consents lists the consents to support's access, the oldest first, with those that
// are over.
func (c *Client) Consents(ctx context.Context) (list []Consent, err error) {
	return list, c.call(ctx, http.MethodGet, PathConsents, nil, &list)
}

// GrantConsent lets the provider's support log in to a node for a time.
func (c *Client) GrantConsent(ctx context.Context, r ConsentRequest) (x Consent, err error) {
	return x, c.call(ctx, http.MethodPost, PathConsents, r, &x)
}

// RevokeConsent ends a consent before its time.
func (c *Client) RevokeConsent(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, PathConsents+"/"+url.PathEscape(id), nil, nil)
}

// Escalate asks the provider to restart a node and returns the repair as it was
// begun; [Client.Repairs] tells how it goes on.
func (c *Client) Escalate(ctx context.Context, r EscalationRequest) (x Repair, err error) {
	return x, c.call(ctx, http.MethodPost, PathEscalations, r, &x)
}

// VMs lists the virtual machines of the pool's scale set as the cloud has them.
func (c *Client) VMs(ctx context.Context) (list []VM, err error) {
	return list, c.call(ctx, http.MethodGet, PathVMs, nil, &list)
}

// DoVM does something with a virtual machine outside of AKS, and returns it as it is
// then.
func (c *Client) DoVM(ctx context.Context, r VMRequest) (x VM, err error) {
	return x, c.call(ctx, http.MethodPost, PathVMs, r, &x)
}

// NSG lists the rules of the network security group of the nodes' subnet.
func (c *Client) NSG(ctx context.Context) (list []NSGRule, err error) {
	return list, c.call(ctx, http.MethodGet, PathNSG, nil, &list)
}

// SetNSGRule adds a rule, or replaces the one of that name.
func (c *Client) SetNSGRule(ctx context.Context, r NSGRule) (x NSGRule, err error) {
	return x, c.call(ctx, http.MethodPost, PathNSG, r, &x)
}

// DeleteNSGRule deletes the rule of that name.
func (c *Client) DeleteNSGRule(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, PathNSG+"/"+url.PathEscape(name), nil, nil)
}

// Run runs a command in the shell of a node. That it fails on the node is no error:
// see [RunResult.Exit].
func (c *Client) Run(ctx context.Context, r RunRequest) (x RunResult, err error) {
	return x, c.call(ctx, http.MethodPost, PathRun, r, &x)
}

package api

import (
	"context"
	"net/http"
)

// Operations lists what the customer has asked of the cluster and its pools, the
// oldest first.
func (c *Client) Operations(ctx context.Context) (list []Operation, err error) {
	return list, c.call(ctx, http.MethodGet, PathOperations, nil, &list)
}

// Upgrades says what the cluster and its pools can be upgraded to.
func (c *Client) Upgrades(ctx context.Context) (p UpgradeProfile, err error) {
	return p, c.call(ctx, http.MethodGet, PathUpgrades, nil, &p)
}

// Upgrade asks for an upgrade and returns the operation as it was begun;
// [Client.Operations] tells how it goes on.
func (c *Client) Upgrade(ctx context.Context, r UpgradeRequest) (op Operation, err error) {
	return op, c.call(ctx, http.MethodPost, PathUpgrades, r, &op)
}

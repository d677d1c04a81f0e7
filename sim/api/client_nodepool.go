package api

import (
	"context"
	"net/http"
	"net/url"
)

// NodePools lists the cluster's node pools.
func (c *Client) NodePools(ctx context.Context) (list []NodePool, err error) {
	return list, c.call(ctx, http.MethodGet, PathNodePools, nil, &list)
}

// NodePool returns one node pool.
func (c *Client) NodePool(ctx context.Context, name string) (p NodePool, err error) {
	return p, c.call(ctx, http.MethodGet, PathNodePools+"/"+url.PathEscape(name), nil, &p)
}

// ScaleNodePool asks for another number of nodes and returns the operation as it
// was begun; [Client.Operations] tells how it goes on.
func (c *Client) ScaleNodePool(ctx context.Context, name string, r ScaleRequest) (op Operation, err error) {
	return op, c.call(ctx, http.MethodPost, PathNodePools+"/"+url.PathEscape(name)+"/scale", r, &op)
}

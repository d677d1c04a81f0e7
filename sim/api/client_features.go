package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// updateTimeout is for how long an update is waited for: it restarts the control
// plane. It is real time.
const updateTimeout = 5 * time.Minute

// Features lists the preview features of the cluster's edition, by name.
func (c *Client) Features(ctx context.Context) (list []Feature, err error) {
	return list, c.call(ctx, http.MethodGet, PathFeatures, nil, &list)
}

// RegisterFeature registers a preview feature in the subscription. It returns with
// the feature Registering; that takes up to 15 minutes of virtual time.
func (c *Client) RegisterFeature(ctx context.Context, name string) (f Feature, err error) {
	return f, c.call(ctx, http.MethodPost, PathFeatures+"/"+url.PathEscape(name)+"/register", nil, &f)
}

// UnregisterFeature ends the registration of a preview feature, likewise.
func (c *Client) UnregisterFeature(ctx context.Context, name string) (f Feature, err error) {
	return f, c.call(ctx, http.MethodPost, PathFeatures+"/"+url.PathEscape(name)+"/unregister", nil, &f)
}

// FeatureGates lists Kubernetes' feature gates, by name. The API server must
// answer: it is asked which are enabled.
func (c *Client) FeatureGates(ctx context.Context) (list []FeatureGate, err error) {
	return list, c.call(ctx, http.MethodGet, PathFeatureGates, nil, &list)
}

// Update changes settings of the cluster and returns them all, when they are in
// force.
func (c *Client) Update(ctx context.Context, r UpdateRequest) (s ClusterSettings, err error) {
	return s, c.callWithin(ctx, updateTimeout, http.MethodPost, PathUpdate, r, &s)
}

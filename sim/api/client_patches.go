package api

import (
	"context"
	"net/http"
	"net/url"
)

// Patches lists the patches of the nodes' operating system, the oldest first, with
// those that were withdrawn.
func (c *Client) Patches(ctx context.Context) (list []Patch, err error) {
	return list, c.call(ctx, http.MethodGet, PathPatches, nil, &list)
}

// PublishPatch publishes a patch. It is refused without the provider's token.
func (c *Client) PublishPatch(ctx context.Context, r PatchRequest) (x Patch, err error) {
	return x, c.call(ctx, http.MethodPost, PathPatches, r, &x)
}

// WithdrawPatch keeps a patch from nodes that do not have it yet. It is refused
// without the provider's token.
func (c *Client) WithdrawPatch(ctx context.Context, pkg, version string) error {
	return c.call(ctx, http.MethodDelete, PathPatches+"/"+url.PathEscape(pkg)+"/"+url.PathEscape(version), nil, nil)
}

// CVEs lists the vulnerabilities that the provider has published, the oldest first.
func (c *Client) CVEs(ctx context.Context) (list []CVE, err error) {
	return list, c.call(ctx, http.MethodGet, PathCVEs, nil, &list)
}

// CVE returns one vulnerability.
func (c *Client) CVE(ctx context.Context, id string) (x CVE, err error) {
	return x, c.call(ctx, http.MethodGet, PathCVEs+"/"+url.PathEscape(id), nil, &x)
}

// PublishCVE publishes a vulnerability. It is refused without the provider's token.
func (c *Client) PublishCVE(ctx context.Context, r CVERequest) (x CVE, err error) {
	return x, c.call(ctx, http.MethodPost, PathCVEs, r, &x)
}

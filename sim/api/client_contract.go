package api

import (
	"context"
	"net/http"
	"net/url"
)

// Explain says why an event, an incident, a clause or a component is as it is. The
// edition is the cluster's if it is empty. The error says what there is instead.
func (c *Client) Explain(ctx context.Context, what, edition string) (x Explanation, err error) {
	q := url.Values{"what": {what}, "edition": {edition}}
	return x, c.call(ctx, http.MethodGet, PathExplain+"?"+q.Encode(), nil, &x)
}

// Contract is the cluster as an edition of the support policy sees it; the
// cluster's own edition if it is empty.
func (c *Client) Contract(ctx context.Context, edition string) (x Contract, err error) {
	q := url.Values{"edition": {edition}}
	return x, c.call(ctx, http.MethodGet, PathJudgements+"?"+q.Encode(), nil, &x)
}

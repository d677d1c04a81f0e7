package api

import (
	"context"
	"net/http"
	"net/url"
)

// Cases are all support cases, the oldest first.
func (c *Client) Cases(ctx context.Context) (list []Case, err error) {
	return list, c.call(ctx, http.MethodGet, PathCases, nil, &list)
}

// Case is the support case of that ID.
func (c *Client) Case(ctx context.Context, id string) (x Case, err error) {
	return x, c.call(ctx, http.MethodGet, PathCase+url.PathEscape(id), nil, &x)
}

// OpenCase asks the support desk something. The case says by when there is an answer.
func (c *Client) OpenCase(ctx context.Context, r CaseRequest) (x Case, err error) {
	return x, c.call(ctx, http.MethodPost, PathCases, r, &x)
}

// EscalateCase raises the severity of a case that has no answer yet, or else has the
// provider restart its node.
func (c *Client) EscalateCase(ctx context.Context, id string, n CaseNote) (x Case, err error) {
	return x, c.call(ctx, http.MethodPost, PathCase+url.PathEscape(id)+"/escalate", n, &x)
}

// CloseCase ends a case.
func (c *Client) CloseCase(ctx context.Context, id string, n CaseNote) (x Case, err error) {
	return x, c.call(ctx, http.MethodPost, PathCase+url.PathEscape(id)+"/close", n, &x)
}

package kubelet

import "context"

type identityKey struct{}

// WithIdentity marks requests made with the returned context as made by a
// node's kubelet. The client's transport reads it with [Identity] and says so
// to the API server.
func WithIdentity(ctx context.Context, node string) context.Context {
	return context.WithValue(ctx, identityKey{}, node)
}

// Identity returns the node that a request is made for; ok is false for the
// fleet's own requests, such as its informers'.
func Identity(ctx context.Context) (node string, ok bool) {
	node, ok = ctx.Value(identityKey{}).(string)
	return node, ok
}

type accountKey struct{}

type account struct{ namespace, name string }

// WithServiceAccount marks requests made with the returned context as made by a
// pod's program, with the pod's service account.
func WithServiceAccount(ctx context.Context, namespace, name string) context.Context {
	return context.WithValue(ctx, accountKey{}, account{namespace, name})
}

// ServiceAccount returns the service account that a request is made with; ok is
// false for requests of nodes and of the fleet.
func ServiceAccount(ctx context.Context) (namespace, name string, ok bool) {
	a, ok := ctx.Value(accountKey{}).(account)
	return a.namespace, a.name, ok
}

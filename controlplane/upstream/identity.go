package upstream

import (
	"time"

	"k8s.io/kubernetes/pkg/controlplane/apiserver"
)

// An API server tells by a lease of an hour that it lives, and renews it every ten
// seconds: more often than all else that an idle control plane writes.
func init() { apiserver.IdentityLeaseRenewIntervalPeriod = 10 * time.Minute }

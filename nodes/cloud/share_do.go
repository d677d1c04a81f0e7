package cloud

import (
	"context"
	"fmt"
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Key is the key of the share that a resource group, an account and a name stand for. It is
// empty if that is another resource group.
func (s *Shares) Key(group, account, name string) string {
	if group != "" && !strings.EqualFold(group, s.Group()) {
		return ""
	}
	return account + "/" + name
}

// KeyOf is the key of the share that the handle of a volume names; empty if it is no share
// of the group's.
func (s *Shares) KeyOf(handle string) string {
	group, account, name, err := SplitShareHandle(handle)
	if err != nil {
		return ""
	}
	return s.Key(group, account, name)
}

// SplitShareHandle is what the handle of a volume says: the resource group, the account and
// the name of its share (kubernetes-sigs/azurefile-csi-driver, pkg/azurefile:
// GetFileShareInfo).
func SplitShareHandle(handle string) (group, account, name string, err error) {
	parts := strings.Split(handle, "#")
	if len(parts) < 3 {
		return "", "", "", fmt.Errorf("error parsing volume id: %q, should at least contain two #", handle)
	}
	return parts[0], parts[1], parts[2], nil
}

// Do does something with a share as a resource of the cloud, behind the back of the managed
// service.
func (s *Shares) Do(ctx context.Context, req api.ShareRequest, by timeline.Actor) (api.FileShare, error) {
	key, err := s.Resolve(req.Share)
	if err != nil {
		return api.FileShare{}, err
	}
	x, err := s.Get(ctx, key)
	if err != nil {
		return x, err
	}
	switch req.Action {
	case api.ShareDelete:
		return x, s.Delete(ctx, key, by)
	case api.ShareResize:
		return s.Resize(ctx, key, req.QuotaGiB, by)
	}
	return x, fmt.Errorf("a file share cannot be asked to %q: want %s", req.Action, strings.Join(api.ShareActions, ", "))
}

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"demarc/sim/api"
)

// tokenFile is the file in a data directory that holds a role's token. The engine
// writes it; nobody else has a part in what it opens.
func tokenFile(dir string, role api.Role) string { return filepath.Join(dir, string(role)+".token") }

// AttachAs is [Attach] with a client that speaks in a role: the customer's token is in
// the engine's handle, and each other role's in a file. It is an [InputError] if that
// cannot be read.
func AttachAs(dir string, role api.Role) (*api.Client, error) {
	c, err := Attach(dir)
	if err != nil || role == api.RoleCustomer {
		return c, err
	}
	path, remedy := tokenFile(dir, role), "stop the cluster with demarc down, and start it again with demarc up: it makes a new one"
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &InputError{Message: fmt.Sprintf("only the %s may read %s", role, path)}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &InputError{Message: fmt.Sprintf("the cluster has no token of the %s", role), Hint: remedy}
	case err != nil:
		return nil, fmt.Errorf("read the token of the %s: %w", role, err)
	}
	token, err := api.ReadToken(b)
	if err != nil {
		return nil, &InputError{Message: fmt.Sprintf("the token of the %s in %s is damaged: %v", role, path, err), Hint: remedy}
	}
	return c.WithToken(token), nil
}

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"demarc/sim/api"
)

// providerToken is the file in a data directory that holds the provider's token.
// The engine writes it; customers have no part in what it opens.
func providerToken(dir string) string { return filepath.Join(dir, "provider.token") }

// AttachAs is [Attach] with a client that speaks in a role: the provider's has
// the provider's token. It is an [InputError] if that cannot be read.
func AttachAs(dir string, role api.Role) (*api.Client, error) {
	c, err := Attach(dir)
	if err != nil || role != api.RoleProvider {
		return c, err
	}
	b, err := os.ReadFile(providerToken(dir))
	token := strings.TrimSpace(string(b))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &InputError{Message: fmt.Sprintf("only the provider may read %s", providerToken(dir))}
	case err == nil && token == "", errors.Is(err, fs.ErrNotExist):
		return nil, &InputError{Message: "the cluster has no token of the provider", Hint: "stop it with demarc down, and start it again with demarc up"}
	case err != nil:
		return nil, fmt.Errorf("read the provider's token: %w", err)
	}
	return c.WithToken(token), nil
}

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"demarc/sim/api"
	"demarc/sim/disk"
)

// token reads the token of a role, or makes one. One that is damaged is set aside. That
// a cluster of before has another token now is said.
func (c *Cluster) token(role api.Role) (string, error) {
	name := string(role) + ".token"
	path := filepath.Join(c.dir, name)
	text, err := os.ReadFile(path)
	found := "it is missing"
	switch {
	case err == nil:
		token, damage := api.ReadToken(text)
		if damage == nil {
			return token, nil
		}
		found = "it is damaged: " + damage.Error()
		if _, err := disk.SetAside(path); err != nil {
			return "", err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read the token of the %s: %w", role, err)
	}
	token := api.NewToken()
	if err := disk.Replace(path, []byte(token+"\n"), !c.cfg.Ephemeral); err != nil {
		return "", fmt.Errorf("make the token of the %s: %w", role, err)
	}
	if !c.loaded.Starting {
		c.mend(api.Mended{Subject: name, Found: found, Remedy: "there is a new one: copies of the old one are void"})
	}
	return token, nil
}

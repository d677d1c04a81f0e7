package sshd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"demarc/sim/disk"

	"golang.org/x/crypto/ssh"
)

// Address is where a server is: server.json in its directory, which stays when it
// ends.
type Address struct {
	Port int `json:"port"`
	// Config is the path of the configuration for ssh -F.
	Config string `json:"config"`
}

// ReadAddress finds the server of a directory. The error is [fs.ErrNotExist] if there
// never was one.
func ReadAddress(dir string) (a Address, err error) {
	text, err := os.ReadFile(addressFile(dir))
	if err == nil {
		a, err = parseAddress(text)
	}
	if err != nil {
		return Address{}, fmt.Errorf("read the SSH server's address: %w", err)
	}
	return a, nil
}

func parseAddress(text []byte) (a Address, err error) {
	err = json.Unmarshal(text, &a)
	if err == nil && (a.Port < 1 || a.Port > 65535) {
		err = fmt.Errorf("there is no port %d", a.Port)
	}
	if err != nil {
		return Address{}, err
	}
	return a, nil
}

// CustomerKey is the file with the customer's private key.
func CustomerKey(dir string) string { return filepath.Join(dir, "id_ed25519") }

// ProviderKey is the file with the private key of the provider's support.
func ProviderKey(providerDir string) string { return filepath.Join(providerDir, "ssh_id_ed25519") }

// KnownHosts is the file with the server's public key.
func KnownHosts(dir string) string { return filepath.Join(dir, "known_hosts") }

func configFile(dir string) string  { return filepath.Join(dir, "config") }
func addressFile(dir string) string { return filepath.Join(dir, "server.json") }

// Refresh writes known_hosts, the configuration and server.json anew. It is to be
// called when nodes have come or gone.
func (s *Server) Refresh() error {
	known := fmt.Sprintf("[127.0.0.1]:%d %s", s.Port(), ssh.MarshalAuthorizedKey(s.host))
	address, err := json.Marshal(Address{Port: s.Port(), Config: s.ConfigFile()})
	if err != nil {
		return fmt.Errorf("SSH server's address: %w", err)
	}
	for _, f := range []struct{ path, text string }{
		{KnownHosts(s.cfg.Dir), known},
		{s.ConfigFile(), sshConfig(s.cfg.Dir, s.Port(), s.cfg.Nodes())},
		{addressFile(s.cfg.Dir), string(address)},
	} {
		if err := disk.Replace(f.path, []byte(f.text), false); err != nil {
			return fmt.Errorf("files for SSH clients: %w", err)
		}
	}
	return nil
}

// sshConfig is a configuration for OpenSSH with an entry for each node.
func sshConfig(dir string, port int, nodes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Log in to a node with: ssh -F %s NODE\n", quote(configFile(dir)))
	for _, n := range nodes {
		fmt.Fprintf(&b, "\nHost %s %s\n  User %s\n", n, suffix(n), n)
	}
	fmt.Fprintf(&b, "\nHost *\n  HostName 127.0.0.1\n  Port %d\n  IdentityFile %s\n  IdentitiesOnly yes\n"+
		"  IdentityAgent none\n  PreferredAuthentications publickey\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
		port, quote(CustomerKey(dir)), quote(KnownHosts(dir)))
	return b.String()
}

// quote writes a path so that OpenSSH takes it as one, with nothing to expand.
func quote(path string) string {
	return `"` + strings.NewReplacer("%", "%%", `"`, `\"`, `\`, `\\`).Replace(path) + `"`
}

// suffix is the short name of a node, such as vmss000000.
func suffix(node string) string { return node[strings.LastIndexByte(node, '-')+1:] }

// instance is the number of a node's machine, which its suffix has in base 36; ""
// if that is none.
func instance(node string) string {
	n, err := strconv.ParseUint(strings.TrimPrefix(suffix(node), "vmss"), 36, 32)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

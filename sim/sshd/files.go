package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
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
	b, err := os.ReadFile(addressFile(dir))
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	if err == nil && (a.Port < 1 || a.Port > 65535) {
		err = fmt.Errorf("port %d", a.Port)
	}
	if err != nil {
		return Address{}, fmt.Errorf("read the SSH server's address: %w", err)
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

// keys are the server's own key and the two that open it.
type keys struct {
	host               ssh.Signer
	customer, provider ssh.PublicKey
}

// makeKeys reads the keys, and makes those that are missing.
func makeKeys(dir, providerDir string, sync bool) (k keys, err error) {
	for _, d := range []string{dir, providerDir} {
		if err := disk.MakeDir(d); err != nil {
			return k, fmt.Errorf("make the directory of the SSH keys: %w", err)
		}
	}
	if k.host, err = makeKey(filepath.Join(dir, "host_ed25519"), "demarc nodes", sync); err != nil {
		return k, err
	}
	customer, err := makeKey(CustomerKey(dir), "demarc customer", sync)
	if err != nil {
		return k, err
	}
	provider, err := makeKey(ProviderKey(providerDir), "demarc provider", sync)
	if err != nil {
		return k, err
	}
	k.customer, k.provider = customer.PublicKey(), provider.PublicKey()
	return k, nil
}

// makeKey reads a private key, or makes one and writes the public one beside it.
func makeKey(path, comment string, sync bool) (ssh.Signer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = newKey(path, comment, sync)
	}
	if err != nil {
		return nil, fmt.Errorf("SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("SSH key %s: %w (delete it, and a new one is made)", path, err)
	}
	return signer, nil
}

func newKey(path, comment string, sync bool) ([]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment + "\n"
	if err := disk.Replace(path+".pub", []byte(line), sync); err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	return text, disk.Replace(path, text, sync)
}

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

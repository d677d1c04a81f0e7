package sshd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"demarc/sim/api"
	"demarc/sim/disk"

	"golang.org/x/crypto/ssh"
)

// keys are the server's own key and the two that open it.
type keys struct {
	host               ssh.Signer
	customer, provider ssh.PublicKey
}

// makeKeys reads the keys, and makes those that are missing or damaged.
func makeKeys(cfg Config) (k keys, err error) {
	for _, d := range []string{cfg.Dir, cfg.ProviderDir} {
		if err := disk.MakeDir(d); err != nil {
			return k, fmt.Errorf("make the directory of the SSH keys: %w", err)
		}
	}
	if k.host, err = makeKey(cfg, filepath.Join(cfg.Dir, "host_ed25519"), "demarc nodes"); err != nil {
		return k, err
	}
	customer, err := makeKey(cfg, CustomerKey(cfg.Dir), "demarc customer")
	if err != nil {
		return k, err
	}
	provider, err := makeKey(cfg, ProviderKey(cfg.ProviderDir), "demarc provider")
	if err != nil {
		return k, err
	}
	k.customer, k.provider = customer.PublicKey(), provider.PublicKey()
	return k, nil
}

// makeKey reads a private key, or makes one, and sees to it that the public one is beside
// it.
func makeKey(cfg Config, path, comment string) (ssh.Signer, error) {
	signer, err := ReadKey(path)
	if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		signer, err = renewKey(cfg, path, comment, err)
	}
	if err == nil {
		err = publish(path+".pub", signer.PublicKey(), comment, cfg.Sync)
	}
	if err != nil {
		return nil, fmt.Errorf("SSH key: %w", err)
	}
	return signer, nil
}

// renewKey makes a key. What was there before is set aside, and was lost, which is said.
func renewKey(cfg Config, path, comment string, found error) (ssh.Signer, error) {
	if _, err := disk.SetAside(path); err != nil {
		return nil, err
	}
	signer, err := newKey(path, comment, cfg.Sync)
	if err != nil {
		return nil, err
	}
	if errors.Is(found, fs.ErrNotExist) {
		if _, err := os.Stat(path + ".pub"); err != nil {
			return signer, nil // it is the first
		}
		found = errors.New("it is missing")
	}
	cfg.Mended(api.Mended{Subject: "ssh/" + filepath.Base(path), Found: found.Error(), Remedy: "there is a new one: copies of the old one are void"})
	return signer, nil
}

// ErrDamaged says that a key is not one that was written.
var ErrDamaged = errors.New("it is damaged")

// ReadKey reads a private key. That it is damaged is an [ErrDamaged].
func ReadKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseKey(text)
}

func parseKey(text []byte) (ssh.Signer, error) {
	parsed, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	key, ok := parsed.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: it is a %T", ErrDamaged, parsed)
	}
	// The public key stands there too, and nobody has compared them.
	if !bytes.Equal(*key, ed25519.NewKeyFromSeed(key.Seed())) {
		return nil, fmt.Errorf("%w: it does not belong to its public key", ErrDamaged)
	}
	return ssh.NewSignerFromKey(*key)
}

func newKey(path, comment string, sync bool) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, err
	}
	if err := disk.Replace(path, pem.EncodeToMemory(block), sync); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// publish writes a public key, if it is not there.
func publish(path string, key ssh.PublicKey, comment string, sync bool) error {
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment + "\n"
	if was, err := os.ReadFile(path); err == nil && string(was) == line {
		return nil
	}
	return disk.Replace(path, []byte(line), sync)
}

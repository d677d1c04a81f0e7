package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// tokenSize is the length of a token's file, without the line's end.
const tokenSize = 32

// NewToken is a role's token, which cannot be guessed: 16 bytes in hexadecimal.
func NewToken() string {
	b := make([]byte, tokenSize/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// ReadToken reads the file of a token. A text of another form is an error, as the end
// of a sentence: a part of a token would be easier to guess.
func ReadToken(text []byte) (string, error) {
	token := strings.TrimSuffix(string(text), "\n")
	if len(token) != tokenSize {
		return "", fmt.Errorf("it has %d characters of %d", len(token), tokenSize)
	}
	if strings.Trim(token, "0123456789abcdef") != "" {
		return "", errors.New("it has other characters than a token")
	}
	return token, nil
}

// ReadHandle reads a handle that an engine has written.
func ReadHandle(text []byte) (h Handle, err error) {
	if err := json.Unmarshal(text, &h); err != nil {
		return Handle{}, err
	}
	if h.PID <= 0 {
		return Handle{}, fmt.Errorf("there is no process %d", h.PID)
	}
	address, err := netip.ParseAddrPort(h.Address)
	if err != nil || !address.Addr().IsLoopback() || address.Port() == 0 {
		return Handle{}, fmt.Errorf("%q is no address of an engine", h.Address)
	}
	if h.Token, err = ReadToken([]byte(h.Token)); err != nil {
		return Handle{}, fmt.Errorf("the token is damaged: %w", err)
	}
	return h, nil
}

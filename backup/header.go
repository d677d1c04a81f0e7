package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"demarc/sim/strictjson"
)

// FormatVersion is the version of the sealed file that this program writes, and
// the newest that it reads.
const FormatVersion = 1

const (
	magic     = "demarcbk"
	preamble  = len(magic) + 4 + 4 // magic, format version, length of the header
	maxHeader = 64 << 10           // a real one has some 400 bytes
)

// Header is what a sealed file says about itself in clear. It is authenticated
// with every chunk, so it can be believed once the file has been read whole.
type Header struct {
	// Format is the version of the file's format.
	Format uint32 `json:"format"`
	// ID is the backup's, ClusterID the managed cluster that it belongs to.
	ID        string `json:"id"`
	ClusterID string `json:"clusterID"`
	// KeyID is a fingerprint of the key that it was sealed with.
	KeyID string `json:"keyID"`
	// Slot is the moment of the schedule, At the virtual time of the snapshot.
	Slot time.Time `json:"slot"`
	At   time.Time `json:"at"`
	// Member is the etcd member that gave the snapshot.
	Member            string `json:"member"`
	EtcdVersion       string `json:"etcdVersion"`
	KubernetesVersion string `json:"kubernetesVersion"`
	// Nonce is the random part of every chunk's nonce.
	Nonce []byte `json:"nonce"`
}

// keyID is a fingerprint of a key that says nothing about the key.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("demarc backup key\x00"), key...))
	return hex.EncodeToString(sum[:8])
}

// encode is the beginning of a sealed file: all that comes before its chunks.
func (h *Header) encode() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than %d", len(text), maxHeader)
	}
	b := append(make([]byte, 0, preamble+len(text)), magic...)
	b = binary.BigEndian.AppendUint32(b, h.Format)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...), nil
}

// headerOf is the header of the file at a path.
func headerOf(path string) (Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	h, _, err := readHeader(f)
	return h, err
}

// readHeader reads the beginning of a sealed file, and returns it decoded and
// as it is in the file. What is wrong with it is a [*BadError] without ID.
func readHeader(r io.Reader) (Header, []byte, error) {
	var h Header
	raw := make([]byte, preamble)
	n, err := io.ReadFull(r, raw)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, nil, err
	}
	if got := min(n, len(magic)); string(raw[:got]) != magic[:got] {
		return h, nil, bad(NotABackup, "it does not begin as demarc's backups do")
	}
	if n < preamble {
		return h, nil, bad(Truncated, "it ends after %d bytes, in the middle of its header", n)
	}
	format := binary.BigEndian.Uint32(raw[len(magic):])
	length := binary.BigEndian.Uint32(raw[len(magic)+4:])
	if format > FormatVersion {
		return h, nil, bad(NewerFormat, "it was written by a newer version of demarc (format %d; this one reads %d)", format, FormatVersion)
	}
	if format == 0 || length == 0 || length > maxHeader {
		return h, nil, bad(Corrupt, "its header of format %d is said to have %d bytes", format, length)
	}
	raw = append(raw, make([]byte, length)...)
	n, err = io.ReadFull(r, raw[preamble:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return h, nil, bad(Truncated, "it ends after %d bytes, in the middle of its header", preamble+n)
	}
	if err != nil {
		return h, nil, err
	}
	if err := strictjson.Decode(raw[preamble:], &h); err != nil {
		return h, nil, bad(Corrupt, "its header cannot be read: %v", err)
	}
	if h.Format != format || len(h.Nonce) != noncePrefix {
		return h, nil, bad(Corrupt, "its header contradicts itself")
	}
	return h, raw, nil
}

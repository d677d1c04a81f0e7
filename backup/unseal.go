package backup

import (
	"bufio"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// maxSnapshot is the largest snapshot that is taken or read back, in bytes:
	// twice the largest database that etcd recommends.
	maxSnapshot = 16 << 30
	// maxWindow bounds the memory that a compressed stream can ask for. The
	// fastest level, which is the one that is written, uses half of it.
	maxWindow = 8 << 20
)

// unsealer decrypts the chunks of a sealed file. It gives out nothing that has
// not been authenticated, and ends only where the file does.
type unsealer struct {
	r      *bufio.Reader
	aead   cipher.AEAD
	header []byte
	seq    *sequence
	chunk  []byte
	plain  []byte // what is left of the chunk
	last   bool
	err    error
}

func newUnsealer(r *bufio.Reader, h Header, header, key []byte) (*unsealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	return &unsealer{r: r, aead: aead, header: header, seq: newSequence(h.Nonce)}, nil
}

func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.plain) == 0 && u.err == nil {
		u.err = u.next()
	}
	if len(u.plain) == 0 {
		return 0, u.err
	}
	n := copy(p, u.plain)
	u.plain = u.plain[n:]
	return n, nil
}

// next reads and authenticates one chunk. It returns io.EOF at the file's
// proper end.
func (u *unsealer) next() error {
	if u.last {
		if _, err := u.r.ReadByte(); err == nil {
			return bad(Corrupt, "there is something behind its end")
		} else if !errors.Is(err, io.EOF) {
			return err
		}
		return io.EOF
	}
	var word [wordSize]byte
	if _, err := io.ReadFull(u.r, word[:]); err != nil {
		return u.cut(err)
	}
	w := binary.BigEndian.Uint32(word[:])
	last, length := w&lastBit != 0, int(w&^lastBit)
	if length > chunkMax || length < chacha20poly1305.Overhead || (!last && length != chunkMax) {
		return bad(Corrupt, "its chunk %d is said to have %d bytes", u.seq.n, length)
	}
	if cap(u.chunk) < length {
		u.chunk = make([]byte, length)
	}
	if _, err := io.ReadFull(u.r, u.chunk[:length]); err != nil {
		return u.cut(err)
	}
	number := u.seq.n
	nonce, err := u.seq.next(last)
	if err != nil {
		return bad(Corrupt, "it has %v", err)
	}
	plain, err := u.aead.Open(u.chunk[:0], nonce, u.chunk[:length], u.header)
	if err != nil {
		return bad(Corrupt, "its chunk %d is not what was written: it or the header was changed or moved", number)
	}
	u.plain, u.last = plain, last
	return nil
}

// cut is the error for a file that ends inside a frame or before the last.
func (u *unsealer) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad(Truncated, "it ends in its chunk %d, which is not the last", u.seq.n)
	}
	return err
}

// unseal reads a sealed file from r and writes the snapshot in it to w, limit
// bytes at most, if accept has nothing against its header. A file that may not
// be used is a [*BadError] without ID; then w has only bytes that are in the
// snapshot, but not all of them.
func unseal(r io.Reader, accept func(Header) error, key []byte, limit int64, w io.Writer) (Header, int64, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	h, raw, err := readHeader(buffered)
	if err != nil {
		return h, 0, err
	}
	if err := accept(h); err != nil {
		return h, 0, err
	}
	u, err := newUnsealer(buffered, h, raw, key)
	if err != nil {
		return h, 0, err
	}
	n, err := decompress(u, limit, w)
	return h, n, err
}

// decompress writes what u holds to w, and says which of the two failed.
func decompress(u *unsealer, limit int64, w io.Writer) (int64, error) {
	d, err := zstd.NewReader(u, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSnapshot),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.IgnoreChecksum(true))
	if err == nil {
		defer d.Close()
		out := &bounded{w: w, left: limit}
		if _, err = d.WriteTo(out); out.err != nil {
			return 0, out.err
		}
		if err == nil && u.err == nil {
			_, err = u.Read(make([]byte, 1)) // all of it must have been wanted
		}
		if (err == nil || errors.Is(err, io.EOF)) && errors.Is(u.err, io.EOF) {
			return limit - out.left, nil
		}
	}
	if u.err != nil && !errors.Is(u.err, io.EOF) {
		return 0, u.err
	}
	return 0, bad(Corrupt, "it cannot be decompressed: %v", err)
}

// bounded is a writer that takes a number of bytes and no more, and remembers
// why it failed.
type bounded struct {
	w    io.Writer
	left int64
	err  error
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		b.err = bad(Corrupt, "the snapshot in it is larger than it may be")
		return 0, b.err
	}
	var n int
	n, b.err = b.w.Write(p)
	b.left -= int64(n)
	return n, b.err
}

package backup

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

// The body of a sealed file is frames: a word, then a chunk. The word's top bit
// says that the chunk is the last, the rest is its length. The words are not
// secret and need no protection of their own: a changed one makes the chunk
// fail. They are there so that a file that was cut off can be told from one
// that was changed.
const (
	chunkSize   = 256 << 10 // of compressed data in a chunk; all but the last are full
	chunkMax    = chunkSize + chacha20poly1305.Overhead
	wordSize    = 4
	lastBit     = 1 << 31
	noncePrefix = chacha20poly1305.NonceSizeX - 5
)

// sequence makes the nonces of the chunks of one file: the file's random
// prefix, the chunk's number, and 1 for the last.
type sequence struct {
	nonce [chacha20poly1305.NonceSizeX]byte
	n     uint64
}

func newSequence(prefix []byte) *sequence {
	var s sequence
	copy(s.nonce[:noncePrefix], prefix)
	return &s
}

func (s *sequence) next(last bool) ([]byte, error) {
	if s.n > math.MaxUint32 {
		return nil, errors.New("more chunks than one file can have")
	}
	binary.BigEndian.PutUint32(s.nonce[noncePrefix:], uint32(s.n))
	s.n++
	s.nonce[len(s.nonce)-1] = 0
	if last {
		s.nonce[len(s.nonce)-1] = 1
	}
	return s.nonce[:], nil
}

// sealer encrypts what is written to it. Close writes the last chunk; without
// it the file is a truncated one.
type sealer struct {
	w      io.Writer
	aead   cipher.AEAD
	header []byte
	seq    *sequence
	frame  []byte // the word, then the chunk so far
}

// newSealer writes the header to w and returns a sealer for what follows.
func newSealer(w io.Writer, h Header, key []byte) (*sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	header, err := h.encode()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(header); err != nil {
		return nil, err
	}
	frame := make([]byte, wordSize, wordSize+chunkMax)
	return &sealer{w: w, aead: aead, header: header, seq: newSequence(h.Nonce), frame: frame}, nil
}

func (s *sealer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(s.frame) == wordSize+chunkSize { // there is more, so it is not the last
			if err := s.flush(false); err != nil {
				return n - len(p), err
			}
		}
		room := min(wordSize+chunkSize-len(s.frame), len(p))
		s.frame = append(s.frame, p[:room]...)
		p = p[room:]
	}
	return n, nil
}

func (s *sealer) Close() error { return s.flush(true) }

func (s *sealer) flush(last bool) error {
	nonce, err := s.seq.next(last)
	if err != nil {
		return err
	}
	plain := s.frame[wordSize:]
	chunk := s.aead.Seal(plain[:0], nonce, plain, s.header)
	word := uint32(len(chunk))
	if last {
		word |= lastBit
	}
	binary.BigEndian.PutUint32(s.frame, word)
	_, err = s.w.Write(s.frame[:wordSize+len(chunk)])
	s.frame = s.frame[:wordSize]
	return err
}

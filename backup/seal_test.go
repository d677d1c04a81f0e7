package backup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// sealed is a sealed file of the payload, which need not be a snapshot.
func sealed(tb testing.TB, payload []byte, change func(*Header)) []byte {
	tb.Helper()
	h := Header{
		Format: FormatVersion, ID: ID(testSlot), ClusterID: testCluster, KeyID: keyID(testKey), Slot: testSlot,
		Nonce: bytes.Repeat([]byte{3}, noncePrefix),
	}
	if change != nil {
		change(&h)
	}
	var file bytes.Buffer
	s, err := newSealer(&file, h, testKey)
	if err != nil {
		tb.Fatal(err)
	}
	z, err := zstd.NewWriter(s, zstd.WithEncoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.Write(payload); err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(z.Close(), s.Close()); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func open(file []byte) ([]byte, error) {
	var plain bytes.Buffer
	_, n, err := unseal(bytes.NewReader(file), acceptTest, testKey, maxSnapshot, &plain)
	if err == nil && n != int64(plain.Len()) {
		err = errors.New("the number of bytes is another")
	}
	return plain.Bytes(), err
}

func acceptTest(h Header) error {
	return (&Store{cluster: testCluster, keyID: keyID(testKey)}).accept(h)
}

// incompressible is n bytes that fill chunks as they are.
func incompressible(n int) []byte {
	rng := rand.New(rand.NewPCG(5, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestSealedRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 100, chunkSize - 20, chunkSize, 2 * chunkSize, 3*chunkSize + 77} {
		payload := incompressible(n)
		got, err := open(sealed(t, payload, nil))
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %v, %d bytes", n, err, len(got))
		}
	}
}

// kind is the kind of a bad file, before it has an ID.
func kind(err error) Kind {
	if b, ok := errors.AsType[*BadError](err); ok {
		return b.Kind
	}
	return ""
}

// A file that ends too early is told as such, wherever it ends.
func TestTruncatedAnywhere(t *testing.T) {
	small := sealed(t, incompressible(500), nil)
	for n := range small {
		if _, err := open(small[:n]); kind(err) != Truncated {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	large := sealed(t, incompressible(3*chunkSize), nil)
	for _, f := range frames(t, large) {
		for _, n := range []int{f.at, f.at + 1, f.at + wordSize, f.at + wordSize + 1, f.end - 1} {
			if _, err := open(large[:n]); kind(err) != Truncated {
				t.Fatalf("after %d bytes: %v", n, err)
			}
		}
	}
}

// Any bit that is another is found.
func TestFlippedAnywhere(t *testing.T) {
	file := sealed(t, incompressible(100), nil)
	for i := range file {
		for bit := range 8 {
			changed := slices.Clone(file)
			changed[i] ^= 1 << bit
			if got, err := open(changed); kind(err) == "" {
				t.Fatalf("bit %d of byte %d: %v, %d bytes", bit, i, err, len(got))
			}
		}
	}
}

// frame is where a frame is in a file.
type frame struct{ at, end int }

func frames(tb testing.TB, file []byte) []frame {
	tb.Helper()
	var all []frame
	for at := preamble + int(binary.BigEndian.Uint32(file[len(magic)+4:])); at < len(file); {
		end := at + wordSize + int(binary.BigEndian.Uint32(file[at:])&^lastBit)
		all = append(all, frame{at, end})
		at = end
	}
	if len(all) == 0 {
		tb.Fatal("no frames")
	}
	return all
}

func TestChunksCannotBeMoved(t *testing.T) {
	file := sealed(t, incompressible(3*chunkSize), nil)
	f := frames(t, file)
	if len(f) < 4 {
		t.Fatalf("%d frames", len(f))
	}
	head, part := file[:f[0].at], func(i int) []byte { return file[f[i].at:f[i].end] }
	markLast := func(b []byte) []byte {
		b = slices.Clone(b)
		b[0] |= 0x80
		return b
	}
	otherNonce := sealed(t, incompressible(3*chunkSize), func(h *Header) { h.Nonce[0]++ })
	otherHeader := sealed(t, incompressible(3*chunkSize), func(h *Header) { h.Member = "x" })
	of := frames(t, otherNonce)
	oh := frames(t, otherHeader)
	tests := map[string][]byte{
		"two exchanged":         slices.Concat(head, part(1), part(0), part(2), part(3)),
		"one left out":          slices.Concat(head, part(0), part(2), part(3)),
		"one twice":             slices.Concat(head, part(0), part(0), part(1), part(2), part(3)),
		"an early one the last": slices.Concat(head, part(0), markLast(part(1))),
		"another file's":        slices.Concat(head, part(0), otherNonce[of[1].at:of[1].end], part(2), part(3)),
		"another header's":      slices.Concat(head, part(0), otherHeader[oh[1].at:oh[1].end], part(2), part(3)),
		"garbage behind":        append(slices.Clone(file), 0),
		"itself behind":         append(slices.Clone(file), file...),
		"a long frame":          slices.Concat(head, binary.BigEndian.AppendUint32(nil, lastBit|math.MaxInt32), part(0)),
		"a short frame":         slices.Concat(head, binary.BigEndian.AppendUint32(nil, 15), part(0)),
	}
	for name, changed := range tests {
		if _, err := open(changed); kind(err) != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What has the right key but is not what this program writes.
func TestStrangeFiles(t *testing.T) {
	preambled := func(length uint32, rest string) []byte {
		b := binary.BigEndian.AppendUint32([]byte(magic), FormatVersion)
		return append(binary.BigEndian.AppendUint32(b, length), rest...)
	}
	var notCompressed bytes.Buffer
	s, err := newSealer(&notCompressed, Header{Format: 1, ClusterID: testCluster, KeyID: keyID(testKey), Nonce: make([]byte, noncePrefix)}, testKey)
	if err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("hello"))
	s.Close()
	tests := map[string]struct {
		file []byte
		want Kind
	}{
		"another magic":         {[]byte("demarcbX00000000000000"), NotABackup},
		"format 0":              {append([]byte(magic), make([]byte, 8)...), Corrupt},
		"no header":             {preambled(0, ""), Corrupt},
		"a header of 4 GiB":     {preambled(math.MaxUint32, "{}"), Corrupt},
		"a header of 64 KiB":    {preambled(maxHeader, "{}"), Truncated},
		"no JSON":               {preambled(5, "hello"), Corrupt},
		"an unknown field":      {preambled(7, `{"x":1}`), Corrupt},
		"no nonce":              {preambled(12, `{"format":1}`), Corrupt},
		"another format inside": {sealedAs(t, 7), Corrupt},
		"not compressed":        {notCompressed.Bytes(), Corrupt},
		"another cluster's":     {sealed(t, nil, func(h *Header) { h.ClusterID = "x" }), WrongCluster},
		"another key's":         {sealed(t, nil, func(h *Header) { h.KeyID = "x" }), WrongKey},
		"a lie about the key":   {lieAboutKey(t), Corrupt},
	}
	for name, tt := range tests {
		if _, err := open(tt.file); kind(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// sealedAs is a file whose two format versions differ.
func sealedAs(t *testing.T, format uint32) []byte {
	file := sealed(t, nil, func(h *Header) { h.Format = format })
	binary.BigEndian.PutUint32(file[len(magic):], FormatVersion)
	return file
}

// lieAboutKey is a file of another key that says it is of this one.
func lieAboutKey(t *testing.T) []byte {
	var file bytes.Buffer
	s, err := newSealer(&file, Header{Format: 1, ClusterID: testCluster, KeyID: keyID(testKey), Nonce: make([]byte, noncePrefix)}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A small file that would unpack to a large one ends at the limit.
func TestBomb(t *testing.T) {
	file := sealed(t, make([]byte, 64<<20), nil)
	if len(file) > 1<<20 {
		t.Fatalf("%d bytes", len(file))
	}
	var n counter
	_, _, err := unseal(bytes.NewReader(file), acceptTest, testKey, 1<<20, &n)
	if kind(err) != Corrupt || n > 1<<20 {
		t.Errorf("%v after %d bytes", err, n)
	}
	if _, _, err := unseal(bytes.NewReader(file), acceptTest, testKey, 64<<20, io.Discard); err != nil {
		t.Error(err)
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// What fails beside the file is not the file's fault.
func TestOtherErrors(t *testing.T) {
	file := sealed(t, incompressible(3*chunkSize), nil)
	broken := errors.New("the disk broke")
	for _, n := range []int{0, 5, 100, 1000, chunkSize, 2 * chunkSize} {
		r := io.MultiReader(bytes.NewReader(file[:n]), failing{broken})
		if _, _, err := unseal(r, acceptTest, testKey, maxSnapshot, io.Discard); !errors.Is(err, broken) || kind(err) != "" {
			t.Errorf("reading after %d bytes: %v", n, err)
		}
	}
	if _, _, err := unseal(bytes.NewReader(file), acceptTest, testKey, maxSnapshot, failing{broken}); !errors.Is(err, broken) || kind(err) != "" {
		t.Errorf("writing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestTooManyChunks(t *testing.T) {
	s := newSequence(make([]byte, noncePrefix))
	s.n = math.MaxUint32
	first, err := s.next(false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(first, []byte{0xff, 0xff, 0xff, 0xff, 0}) {
		t.Errorf("nonce = %x", first)
	}
	if _, err := s.next(false); err == nil {
		t.Error("a nonce was used twice")
	}
}

// FuzzSealedReader feeds the reader files of any kind. Only the seed files, as
// they are, may come out.
func FuzzSealedReader(f *testing.F) {
	payload := append(incompressible(600), make([]byte, 5000)...)
	valid := sealed(f, payload, nil)
	f.Add(valid)
	f.Add(valid[:len(valid)-1])
	f.Add(append(slices.Clone(valid), "garbage"...))
	f.Add(sealed(f, nil, nil))
	f.Add(sealed(f, payload, func(h *Header) { h.ClusterID = "x" }))
	f.Add(sealedSeed(FormatVersion+1, "{}"))
	f.Add(sealedSeed(FormatVersion, `{"format":1,"clusterID":"0a1b2c"}`))
	f.Add([]byte(magic))
	f.Add([]byte{})
	empty := sealed(f, nil, nil)
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := open(file)
		switch {
		case err != nil:
			if kind(err) == "" {
				t.Errorf("%v is not a BadError", err)
			}
			if !bytes.HasPrefix(payload, got) {
				t.Error("something that nobody sealed came out")
			}
		case bytes.Equal(file, valid) && bytes.Equal(got, payload):
		case bytes.Equal(file, empty) && len(got) == 0:
		default:
			t.Errorf("a file that nobody sealed was read: %d bytes", len(got))
		}
	})
}

func sealedSeed(format uint32, header string) []byte {
	b := binary.BigEndian.AppendUint32([]byte(magic), format)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(header))), header...)
}

// FuzzSealedChange changes bytes of a valid file, cuts it and adds to it.
func FuzzSealedChange(f *testing.F) {
	payload := append(incompressible(600), make([]byte, 5000)...)
	valid := sealed(f, payload, nil)
	f.Add(uint(0), byte(1), uint(len(valid)), []byte{})
	f.Add(uint(len(magic)+3), byte(3), uint(len(valid)), []byte{})
	f.Add(uint(len(magic)+7), byte(0x80), uint(100), []byte("x"))
	f.Add(uint(len(valid)-1), byte(0xff), uint(len(valid)), []byte{})
	f.Add(uint(5), byte(0), uint(len(valid)), []byte(magic))
	f.Fuzz(func(t *testing.T, at uint, flip byte, length uint, more []byte) {
		file := append(slices.Clone(valid[:length%uint(len(valid)+1)]), more...)
		if len(file) > 0 {
			file[at%uint(len(file))] ^= flip
		}
		got, err := open(file)
		if err == nil && !(bytes.Equal(file, valid) && bytes.Equal(got, payload)) {
			t.Errorf("a changed file was read: %d bytes", len(got))
		}
		if err != nil && (kind(err) == "" || !bytes.HasPrefix(payload, got)) {
			t.Errorf("%v, %d bytes", err, len(got))
		}
	})
}

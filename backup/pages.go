package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// The file format of bbolt, which is etcd's database: pages of one size, of
// which 0 and 1 hold the meta data, twice; numbers are the machine's.
const (
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64 // behind a page's header
	metaSummed  = 56 // of it is checked by the sum behind it

	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // of a branch: pos 4, ksize 4, page 8; of a leaf: flags 4, pos 4, ksize 4, vsize 4

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketEntry  = 0x01

	bucketHeader = 16         // root page 8, sequence 8
	noFreelist   = ^uint64(0) // it is rebuilt when the database is opened
	manyFree     = 0xFFFF     // the list's length is its first number
	maxDepth     = 64         // of a tree; real ones have 5
)

// checkPages looks whether the pages of the database in the snapshot at a path
// can be followed: all are there, are what they are taken for, hold what they
// are said to hold in order, and none has two uses. bbolt takes this for
// granted: it reads a file as memory, in goroutines of its own, where a wrong
// length or a page below itself ends the process and no error can be caught. A
// key out of order does so too, since one goroutine then closes what another
// still reads.
func checkPages(path string) error { return walk(path, sha256.Size, &pages{}) }

// CheckDatabase does the same with a database that has nothing behind it.
func CheckDatabase(path string) error { return walk(path, 0, &pages{}) }

// walk follows the pages of the database at a path, which has so many bytes of
// something else at its end.
func walk(path string, behind int64, p *pages) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.f = f
	if err := p.readMeta(info.Size() - behind); err != nil {
		return err
	}
	p.buf = make([]byte, p.size)
	if err := p.tree(below{page: p.root}, 0); err != nil {
		return err
	}
	return p.freelist()
}

type pages struct {
	live bool        // one meta page is enough: bbolt then takes the other
	sum  hash.Hash32 // of the pages of its trees, if not nil

	f        io.ReaderAt
	size     int64  // of a page
	count    uint64 // pages that are or were in use
	root     uint64
	free     uint64
	txid     uint64
	used     []uint64 // a bit for each page that has been seen
	buf      []byte
	children [][]below // by depth
}

// readMeta reads both meta pages, and takes the newer one. A snapshot has two
// that are whole.
func (p *pages) readMeta(bytes int64) error {
	b := make([]byte, pageHeader+metaSize)
	first := p.meta(b, 0)
	if first != nil && !p.live {
		return first
	}
	size := int64(os.Getpagesize()) // bbolt's choice
	if first == nil {
		size = int64(binary.NativeEndian.Uint32(b[pageHeader+8:]))
	}
	if size < 512 || size > 1<<24 || size&(size-1) != 0 {
		return fmt.Errorf("its pages are said to have %d bytes", size)
	}
	if err := p.meta(b, size); err != nil && (first != nil || !p.live) {
		return err
	}
	p.size = size
	if p.count > uint64(bytes/size) || bytes <= 0 {
		return fmt.Errorf("it is cut short: it has %d bytes, and should have %d pages of %d", bytes, p.count, size)
	}
	p.used = make([]uint64, p.count/64+1)
	return nil
}

func (p *pages) meta(b []byte, at int64) error {
	if _, err := p.f.ReadAt(b, at); err != nil {
		return fmt.Errorf("its meta page cannot be read: %w", err)
	}
	m := b[pageHeader:]
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(m[at:]) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(m[at:]) }
	sum := fnv.New64a()
	sum.Write(m[:metaSummed])
	if u32(0) != metaMagic || u32(4) != metaVersion || u64(metaSummed) != sum.Sum64() {
		return fmt.Errorf("the meta page at byte %d is not whole", at)
	}
	if at > 0 && int64(u32(8)) != at {
		return errors.New("its meta pages contradict each other")
	}
	if txid := u64(48); txid >= p.txid {
		p.root, p.free, p.count, p.txid = u64(16), u64(32), u64(40), txid
	}
	return nil
}

// claim marks n pages as used.
func (p *pages) claim(id, n uint64) error {
	if id < 2 || id >= p.count || n > p.count-id {
		return fmt.Errorf("page %d is outside of it", id)
	}
	for i := id; i < id+n; i++ {
		if p.used[i/64]&(1<<(i%64)) != 0 {
			return fmt.Errorf("page %d is used twice", i)
		}
		p.used[i/64] |= 1 << (i % 64)
	}
	return nil
}

// read reads a page's header and elements, and claims it. It returns what it
// read, and how many bytes the page has in all.
func (p *pages) read(id uint64) ([]byte, int64, error) {
	if id < 2 || id >= p.count {
		return nil, 0, fmt.Errorf("page %d is outside of it", id)
	}
	at := int64(id) * p.size
	b := p.buf
	if _, err := p.f.ReadAt(b, at); err != nil {
		return nil, 0, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	if got := binary.NativeEndian.Uint64(b); got != id {
		return nil, 0, fmt.Errorf("page %d says that it is page %d", id, got)
	}
	n := uint64(binary.NativeEndian.Uint32(b[12:])) + 1
	if err := p.claim(id, n); err != nil {
		return nil, 0, err
	}
	span := int64(n) * p.size
	if err := p.add(b, at, span); err != nil {
		return nil, 0, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	need := pageHeader + elementSize*int64(binary.NativeEndian.Uint16(b[10:]))
	if need > span {
		return nil, 0, fmt.Errorf("page %d is said to hold more than fits", id)
	}
	if need <= p.size {
		return b, span, nil
	}
	b = make([]byte, need)
	if _, err := p.f.ReadAt(b, at); err != nil {
		return nil, 0, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	return b, span, nil
}

// add adds a page and those that belong to it to the sum.
func (p *pages) add(first []byte, at, span int64) error {
	if p.sum == nil {
		return nil
	}
	p.sum.Write(first)
	_, err := io.Copy(p.sum, io.NewSectionReader(p.f, at+p.size, span-p.size))
	return err
}

// below is a page that another points to, and where its keys must be: at min or
// after it, and before max; nil is no bound.
type below struct {
	page     uint64
	min, max []byte
}

// tree checks a page and all below it.
func (p *pages) tree(b below, depth int) error {
	if depth > maxDepth {
		return errors.New("its pages are nested too deeply")
	}
	data, span, err := p.read(b.page)
	if err != nil {
		return err
	}
	for len(p.children) <= depth {
		p.children = append(p.children, nil)
	}
	n := node{pages: p, below: b, at: int64(b.page) * p.size, data: data, span: span, children: p.children[depth][:0]}
	if err := n.check(); err != nil {
		return err
	}
	p.children[depth] = n.children
	for _, child := range n.children {
		if err := p.tree(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// node is a page of a tree, or the part of a value that is used like one.
type node struct {
	*pages
	below
	at       int64  // in the file
	data     []byte // its beginning: header and elements at least
	span     int64  // bytes in all
	children []below
}

// check checks the node's elements, and gathers the pages that they point to.
func (n *node) check() error {
	flags, count := binary.NativeEndian.Uint16(n.data[8:]), int64(binary.NativeEndian.Uint16(n.data[10:]))
	if flags != branchPage && flags != leafPage || flags == branchPage && count == 0 {
		return fmt.Errorf("page %d is of the type %#x, with %d elements", n.page, flags, count)
	}
	previous := n.min
	for i := range count {
		start := pageHeader + elementSize*i
		e := n.data[start:]
		u32 := func(at int) int64 { return int64(binary.NativeEndian.Uint32(e[at:])) }
		keyAt, keySize, value := start+u32(0), u32(4), int64(0)
		if flags == leafPage {
			keyAt, keySize, value = start+u32(4), u32(8), u32(12)
		}
		if keySize == 0 || keySize > bolt.MaxKeySize || keyAt+keySize+value > n.span {
			return fmt.Errorf("key %d of page %d is not in the page", i, n.page)
		}
		key, err := n.bytes(keyAt, keySize)
		if err != nil {
			return err
		}
		if order := bytes.Compare(previous, key); order > 0 || order == 0 && i > 0 || n.max != nil && bytes.Compare(key, n.max) >= 0 {
			return fmt.Errorf("key %d of page %d is out of order", i, n.page)
		}
		previous = key
		switch {
		case flags == branchPage:
			n.children = append(n.children, below{page: binary.NativeEndian.Uint64(e[8:]), min: bytes.Clone(key)})
		case u32(0)&bucketEntry != 0:
			if err := n.bucket(keyAt+keySize, value); err != nil {
				return err
			}
		}
	}
	if flags == branchPage { // each child ends where the next begins
		for i := range n.children[1:] {
			n.children[i].max = n.children[i+1].min
		}
		n.children[count-1].max = n.max
	}
	return nil
}

// bytes are some of the node's bytes.
func (n *node) bytes(at, size int64) ([]byte, error) {
	if at+size <= int64(len(n.data)) {
		return n.data[at:][:size], nil
	}
	b := make([]byte, size)
	if _, err := n.f.ReadAt(b, n.at+at); err != nil {
		return nil, fmt.Errorf("page %d cannot be read: %w", n.page, err)
	}
	return b, nil
}

// bucket checks the entry of a bucket, which is a value in the node: it has a
// page of its own, or one that is a part of the value.
func (n *node) bucket(at, size int64) error {
	if size < bucketHeader || size > n.size {
		return fmt.Errorf("a bucket in page %d has %d bytes", n.page, size)
	}
	b, err := n.bytes(at, size)
	if err != nil {
		return err
	}
	if root := binary.NativeEndian.Uint64(b); root != 0 {
		n.children = append(n.children, below{page: root})
		return nil
	}
	b = b[bucketHeader:]
	if len(b) < pageHeader || pageHeader+elementSize*int(binary.NativeEndian.Uint16(b[10:])) > len(b) ||
		binary.NativeEndian.Uint16(b[8:]) != leafPage {
		return fmt.Errorf("a bucket in page %d is not whole", n.page)
	}
	in := node{pages: n.pages, below: below{page: n.page}, at: n.at + at + bucketHeader, data: b, span: int64(len(b))}
	if err := in.check(); err != nil {
		return err
	}
	n.children = append(n.children, in.children...)
	return nil
}

// freelist checks the list of free pages, if there is one.
func (p *pages) freelist() error {
	if p.free == noFreelist {
		return nil
	}
	at := int64(p.free) * p.size
	b, span, err := p.readFreelist(at)
	if err != nil {
		return err
	}
	n := uint64(binary.NativeEndian.Uint16(b[10:]))
	at += pageHeader
	if n == manyFree {
		n = binary.NativeEndian.Uint64(b[pageHeader:])
		at, span = at+8, span-8
	}
	if n > uint64(span-pageHeader)/8 {
		return fmt.Errorf("its list of free pages in page %d is not whole", p.free)
	}
	ids := make([]byte, 8*n)
	if _, err := p.f.ReadAt(ids, at); err != nil {
		return fmt.Errorf("page %d cannot be read: %w", p.free, err)
	}
	for ; len(ids) > 0; ids = ids[8:] {
		if err := p.claim(binary.NativeEndian.Uint64(ids), 1); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) readFreelist(at int64) ([]byte, int64, error) {
	if p.free < 2 || p.free >= p.count {
		return nil, 0, fmt.Errorf("page %d is outside of it", p.free)
	}
	b := make([]byte, pageHeader+8)
	if _, err := p.f.ReadAt(b, at); err != nil {
		return nil, 0, fmt.Errorf("page %d cannot be read: %w", p.free, err)
	}
	if binary.NativeEndian.Uint64(b) != p.free || binary.NativeEndian.Uint16(b[8:]) != freelistPage {
		return nil, 0, fmt.Errorf("page %d is not a list of free pages", p.free)
	}
	n := uint64(binary.NativeEndian.Uint32(b[12:])) + 1
	return b, int64(n) * p.size, p.claim(p.free, n)
}

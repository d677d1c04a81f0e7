package etcdplan

import (
	"bytes"
	"reflect"
	"testing"
)

var plans = []Plan{
	{Token: "demarc-0123456789abcdef", Formed: []bool{false}},
	{Token: "demarc-0123456789abcdef", Formed: []bool{true}},
	{Token: "demarc-0123456789abcdef", Ports: []int{4001, 4002, 4003}, Formed: []bool{true, true, false}, Learning: []int{2}},
}

// FuzzDecode reads plans: what is read is written as it was, and can be used.
func FuzzDecode(f *testing.F) {
	for _, p := range plans {
		b, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			return
		}
		written, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if p.Sum != 0 && !bytes.Equal(written, b) {
			t.Errorf("it was believed, and written is\n%s", written)
		}
		again, err := Decode(written)
		if p.Sum = again.Sum; err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("got %+v, %v, want %+v", again, err, p)
		}
	})
}

// FuzzDamage changes bytes of a plan, cuts it and adds to it: none of what comes of it
// is believed.
func FuzzDamage(f *testing.F) {
	whole := make([][]byte, len(plans))
	for i, p := range plans {
		var err error
		if whole[i], err = p.Encode(); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), uint(len(whole[i])/2), []byte{1}, uint(0), []byte{})
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint, change []byte, cut uint, more []byte) {
		want := whole[int(which)%len(whole)]
		got := bytes.Clone(want)
		for i, x := range change[:min(len(change), 4)] {
			got[(int(at%uint(len(got)))+i)%len(got)] ^= x
		}
		got = append(got[:len(got)-int(cut%uint(len(got)))], more...)
		if p, err := Decode(got); err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q was believed: %+v", got, p)
		}
	})
}

package traffic

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Spec)
		want   string // part of the error; empty if the spec is good
	}{
		"good":              {func(*Spec) {}, ""},
		"port":              {func(s *Spec) { s.To = "service/prod/shop:8080" }, ""},
		"url from inside":   {func(s *Spec) { s.From, s.To = "inside", "http://shop.prod/x" }, ""},
		"one node":          {func(s *Spec) { s.From = "node/aks-nodepool1-1-vmss000000" }, ""},
		"query":             {func(s *Spec) { s.Path = "/find?q=1" }, ""},
		"no name":           {func(s *Spec) { s.Name = "" }, `name ""`},
		"capital name":      {func(s *Spec) { s.Name = "Shop" }, "DNS label"},
		"no rate":           {func(s *Spec) { s.Rate = 0 }, "more than 0"},
		"rate not a number": {func(s *Spec) { s.Rate = math.NaN() }, "more than 0"},
		"huge rate":         {func(s *Spec) { s.Rate = 1001 }, "at most 1000"},
		"tiny rate":         {func(s *Spec) { s.Rate = 1e-12 }, "one request a day"},
		"negative timeout":  {func(s *Spec) { s.Timeout = -time.Second }, "negative"},
		"relative path":     {func(s *Spec) { s.Path = "x" }, "begin with /"},
		"path with control": {func(s *Spec) { s.Path = "/\x01" }, "not part of a URL"},
		"host":              {func(s *Spec) { s.Host = "shop.example.com" }, ""},
		"no host":           {func(s *Spec) { s.Host = "shop/x" }, "name of a host"},
		"fragment":          {func(s *Spec) { s.Path = "/a#b" }, "not part of a URL"},
		"no from":           {func(s *Spec) { s.From = "" }, "want outside, inside or node/NAME"},
		"no node":           {func(s *Spec) { s.From = "node/" }, "node/NAME"},
		"no target":         {func(s *Spec) { s.To = "shop" }, "service/NAME"},
		"port zero":         {func(s *Spec) { s.To = "service/shop:0" }, "not a port"},
		"port too large":    {func(s *Spec) { s.To = "service/shop:65536" }, "not a port"},
		"three parts":       {func(s *Spec) { s.To = "service/a/b/c" }, "service/NAMESPACE/NAME"},
		"https":             {func(s *Spec) { s.From, s.To = "inside", "https://shop" }, "http only"},
		"url without host":  {func(s *Spec) { s.From, s.To = "inside", "http://:80" }, "not a URL"},
		"url from outside":  {func(s *Spec) { s.To = "http://shop" }, "LoadBalancer"},
	}
	for name, tt := range tests {
		s := Spec{Name: "shop", From: "outside", To: "service/shop", Rate: 5}
		tt.change(&s)
		err := s.Validate()
		if tt.want == "" && err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tt.want)
		}
	}
}

func TestFollowing(t *testing.T) {
	tests := []struct {
		name            string
		last, rate, now float64
		want            float64
	}{
		{"five a second", 10.4, 5, 10.4, 10.6},
		{"over the second", 10.8, 5, 10.8, 11},
		{"thirds do not drift", 10 + 2.0/3, 3, 10.7, 11},
		{"slow", 10, 0.5, 10, 12},
		{"fraction", 10, 2.5, 10, 10.4},
		{"late: the grid stays, nothing is made up for", 10, 5, 10.7, 10.8},
		{"late by a day", 10, 1, 86_410.5, 86_411},
	}
	for _, tt := range tests {
		period := time.Duration(float64(time.Second) / tt.rate)
		got := following(at(tt.last), tt.rate, period, at(tt.now))
		if d := got.Sub(at(tt.want)); d.Abs() > time.Microsecond {
			t.Errorf("%s: got %v, want %v", tt.name, got.Sub(epoch), at(tt.want).Sub(epoch))
		}
	}
}

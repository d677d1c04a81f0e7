package celtype

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"

	"github.com/google/cel-go/cel"
)

type inner struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
}

type thing struct {
	inner
	Owner     actor          `json:"owner"` // hides the inner one
	At        time.Time      `json:"at,omitzero"`
	Took      api.Duration   `json:"took"`
	Latency   time.Duration  `json:"latency"`
	RPO       float64        `json:"rpoSeconds"`
	Term      uint64         `json:"term"`
	Parts     []part         `json:"parts"`
	Next      *part          `json:"next"`
	Counts    map[string]int `json:"counts"`
	Any       any            `json:"any"`
	NotInJSON string         `json:"-"`
	hidden    string
}

type part struct {
	ID    string   `json:"id"`
	Parts []string `json:"parts"`
}

type actor string

func TestCheckedAndSeen(t *testing.T) {
	ts, err := Collect(reflect.TypeFor[[]thing]())
	if err != nil {
		t.Fatal(err)
	}
	env, err := cel.NewEnv(cel.Variable("x", Of(reflect.TypeFor[thing]())), ts.Option())
	if err != nil {
		t.Fatal(err)
	}
	ready := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	x := thing{
		inner: inner{Name: "n", Owner: "inner"}, Owner: "outer", At: ready.Add(90 * time.Second), Took: api.Duration(time.Minute), Latency: time.Second,
		RPO: 1.5, Term: 7, Parts: []part{{ID: "a", Parts: []string{"b"}}}, Counts: map[string]int{"k": 2}, Any: map[string]any{"deep": []any{int64(1)}}, hidden: "h",
	}
	for expr, want := range map[string]string{
		`x.name == "n" && x.owner == "outer"`:                                       "",
		`x.at == 90.0 && x.took == 60.0 && x.latency == 1.0 && x.rpo == 1.5`:        "",
		`x.term - 6 == 1 && x.counts["k"] == 2 && x.counts.all(k, x.counts[k] > 1)`: "",
		`x.parts[0].id == "a" && x.parts.exists(p, p.parts == ["b"])`:               "",
		`x.next == null || x.parts[0] == x.parts[0]`:                                "",
		`has(x.at) && !has(x.next) && x.any.deep[0] == 1`:                           "",
		`x.parts[0] != x.parts[0]`:                                                  "false",
		`x.rpoSeconds == 1.5`:                                                       "undefined field 'rpoSeconds'",
		`x.parts[0].name == "n"`:                                                    "undefined field 'name'",
		`x.hidden == "h"`:                                                           "undefined field 'hidden'",
		`x.at == "soon"`:                                                            "no matching overload",
		`x.parts == "a"`:                                                            "list(Part), string",
	} {
		compiled, issues := env.Compile(expr)
		got := ""
		if issues.Err() != nil {
			got = issues.Err().Error()
		} else if program, err := env.Program(compiled); err != nil {
			got = err.Error()
		} else if v, _, err := program.Eval(map[string]any{"x": Since(ready).NativeToValue(&x)}); err != nil {
			got = err.Error()
		} else if v.Value() != true {
			got = "false"
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
	j, err := Since(ready).NativeToValue(x).ConvertToNative(jsonType)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(j.(interface{ String() string }).String(), " ", ""); !strings.Contains(got, `key:"rpo"`) || strings.Contains(got, "next") {
		t.Errorf("as JSON: got %s", got)
	}
}

func TestNamesAreDistinct(t *testing.T) {
	type Part struct{ X string }
	if _, err := Collect(reflect.TypeFor[part](), reflect.TypeFor[map[string]*Part]()); err == nil || !strings.Contains(err.Error(), "same name") {
		t.Errorf("got %v", err)
	}
}

package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"demarc/sim/timeline"
)

// TestMarshalIsJSON checks that, but for lists and seconds, values are what encoding/json
// makes of them: for every answer of the management API, and with something in it.
func TestMarshalIsJSON(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	values := []any{
		JudgedIncident{Incident: Incident{ID: "i1", Start: at}, Judgement: Judgement{Clauses: []string{"a<b"}, Chain: []int64{1}}},
		Link{Event: timeline.Event{Seq: 1, Time: at, Detail: &timeline.Detail{Tags: map[string]string{"b": "1", "a": "2"}}}, Depth: 2},
		Traffic{Reasons: map[string]int64{"x": 1}}, Clock{Now: at, Rate: 60}, Step{At: Duration(time.Minute)}, map[string]any{"a": nil, "b": []byte("x")},
	}
	for _, r := range Routes() {
		if r.Answer != nil && !r.Streams() {
			values = append(values, reflect.New(r.Answer).Elem().Interface())
		}
	}
	for _, v := range values {
		got, err := Marshal(v, Unready)
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err != nil || json.Unmarshal(got, &a) != nil || json.Unmarshal(want.Bytes(), &b) != nil || !reflect.DeepEqual(withoutNothing(a), withoutNothing(b)) {
			t.Errorf("%T: got %s, %v\nwant %s", v, got, err, want.String())
		}
	}
}

// withoutNothing is a value without what is empty in it.
func withoutNothing(v any) any {
	switch x := v.(type) {
	case []any:
		if len(x) == 0 {
			return nil
		}
		for i := range x {
			x[i] = withoutNothing(x[i])
		}
	case map[string]any:
		for k, y := range x {
			if x[k] = withoutNothing(y); x[k] == nil {
				delete(x, k)
			}
		}
		if len(x) == 0 {
			return nil
		}
	}
	return v
}

// TestAnswersHaveNoNull checks that no answer of the management API has a null in it, however
// little a cluster has.
func TestAnswersHaveNoNull(t *testing.T) {
	for _, r := range Routes() {
		if r.Answer == nil || r.Streams() || r.Answer == reflect.TypeFor[json.RawMessage]() || r.Answer == reflect.TypeFor[[]byte]() {
			continue
		}
		answer := reflect.New(r.Answer).Elem()
		if answer.Kind() == reflect.Pointer {
			answer.Set(reflect.New(r.Answer.Elem()))
		}
		got, err := Marshal(answer.Interface(), Unready)
		if err != nil || bytes.Contains(got, []byte("null")) {
			t.Errorf("%s: got %s, %v", r.Name, got, err)
		}
	}
}

// TestMarshalTimes checks which times have seconds beside them, and since when.
func TestMarshalTimes(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	ready := func() time.Time { return at.Add(-time.Minute) }
	for _, c := range []struct {
		v     any
		ready func() time.Time
		want  string
	}{
		{Clock{Now: at}, ready, `"now":"2026-01-05T08:00:00Z","nowSeconds":60,`},
		{Clock{Now: at.Add(-61500 * time.Millisecond)}, ready, `"nowSeconds":-1.5,`},
		{Clock{Now: at}, Unready, `{"now":"2026-01-05T08:00:00Z","rate"`},
		{Clock{}, ready, `{"now":"0001-01-01T00:00:00Z","rate"`},
		{[]Report{{ReadyAt: at, Incidents: []Incident{{Start: at.Add(time.Hour)}}}}, Unready, `"start":"2026-01-05T09:00:00Z","startSeconds":3600}`},
		{Expectation{At: at, AtSeconds: 7}, ready, `"atSeconds":7`},
	} {
		got, err := Marshal(c.v, c.ready)
		if err != nil || !strings.Contains(string(got), c.want) || strings.Count(string(got), `"atSeconds"`) > 1 {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}
